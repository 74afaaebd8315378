package event

import (
	"fmt"
	"time"

	"holdfast/internal/status"
)

// AppRestarting means that the instances of an app are restarted, one after the other.
type AppRestarting struct {
	About
	// Reason is requested, config or recycle.
	Reason status.Reason `json:"reason"`
	// Instances is how many are to be restarted.
	Instances int `json:"instances"`
	// Overlap is true when an additional instance must be ready before the first of them is drained.
	Overlap bool `json:"overlap"`
}

// Type implements Body.
func (AppRestarting) Type() Type { return "app.restarting" }

// Severity implements Body.
func (AppRestarting) Severity() Severity { return Info }

// Message implements Body.
func (b AppRestarting) Message() string {
	how := ""
	if b.Overlap {
		how = ", once an additional one is ready"
	}
	return fmt.Sprintf("restarting %s%s: %s", count(b.Instances, "instance"), how, b.Reason)
}

// AppRestarted ends an AppRestarting well.
type AppRestarted struct {
	About
	// After is the time since AppRestarting.
	After Seconds `json:"after_seconds"`
}

// Type implements Body.
func (AppRestarted) Type() Type { return "app.restarted" }

// Severity implements Body.
func (AppRestarted) Severity() Severity { return Info }

// Message implements Body.
func (b AppRestarted) Message() string { return "restarted within " + b.After.String() }

// AppRestartFailed means that a restart led nowhere and was given up: what was not restarted yet runs
// on as it was.
type AppRestartFailed struct {
	About
	Reason status.Reason `json:"reason"`
	// Failed is the instance that did not become ready, and Why what is known of the cause.
	Failed string `json:"failed"`
	Why    string `json:"why"`
	// Untouched is how many instances run on as they were.
	Untouched int `json:"untouched"`
}

// Type implements Body.
func (AppRestartFailed) Type() Type { return "app.restart_failed" }

// Severity implements Body.
func (AppRestartFailed) Severity() Severity { return Error }

// Message implements Body.
func (b AppRestartFailed) Message() string {
	rest := "no other instance was touched"
	if b.Untouched > 0 {
		rest = count(b.Untouched, "instance") + " left as before"
	}
	return fmt.Sprintf("the restart was given up because %s did not become ready: %s; %s", b.Failed, b.Why, rest)
}

// AppScaled means that another number of instances is wanted than before.
type AppScaled struct {
	About
	From int `json:"from"`
	To   int `json:"to"`
	// Configured is the configuration's number.
	Configured int `json:"configured"`
	// Why is empty when a person asked for it.
	Why string `json:"why,omitempty"`
}

// Type implements Body.
func (AppScaled) Type() Type { return "app.scaled" }

// Severity implements Body.
func (AppScaled) Severity() Severity { return Info }

// Message implements Body.
func (b AppScaled) Message() string {
	text := fmt.Sprintf("scaled from %d to %s", b.From, count(b.To, "instance"))
	if b.To != b.Configured {
		text += fmt.Sprintf(" (configured: %d)", b.Configured)
	}
	if b.Why != "" {
		text += ": " + b.Why
	}
	return text
}

// AppMaintenanceOn means that requests are answered 503 and nothing is restarted until
// AppMaintenanceOff.
type AppMaintenanceOn struct {
	About
	// Until is when it ends by itself; zero: when somebody ends it.
	Until time.Time `json:"until,omitzero"`
	Note  string    `json:"note,omitempty"`
}

// Type implements Body.
func (AppMaintenanceOn) Type() Type { return "app.maintenance_on" }

// Severity implements Body.
func (AppMaintenanceOn) Severity() Severity { return Warning }

// Message implements Body.
func (b AppMaintenanceOn) Message() string {
	text := "in maintenance"
	if !b.Until.IsZero() {
		text += " until " + b.Until.Format(time.RFC3339)
	}
	if b.Note != "" {
		text += ": " + b.Note
	}
	return text + "; requests are answered 503, and nothing is restarted"
}

// AppMaintenanceOff ends AppMaintenanceOn.
type AppMaintenanceOff struct {
	About
	// After is how long it lasted.
	After Seconds `json:"after_seconds"`
	// Expired is true when it ended by itself.
	Expired bool `json:"expired,omitempty"`
}

// Type implements Body.
func (AppMaintenanceOff) Type() Type { return "app.maintenance_off" }

// Severity implements Body.
func (AppMaintenanceOff) Severity() Severity { return Info }

// Message implements Body.
func (b AppMaintenanceOff) Message() string {
	if b.Expired {
		return "the time of its maintenance is over, after " + b.After.String()
	}
	return "its maintenance ended after " + b.After.String()
}

// AppReplacementStarted means that an additional instance stands in for one that is in a crash loop.
type AppReplacementStarted struct {
	About
	// For is the instance in the crash loop.
	For string `json:"for"`
}

// Type implements Body.
func (AppReplacementStarted) Type() Type { return "app.replacement_started" }

// Severity implements Body.
func (AppReplacementStarted) Severity() Severity { return Warning }

// Message implements Body.
func (b AppReplacementStarted) Message() string {
	return fmt.Sprintf("an additional instance stands in for %s, which is in a crash loop", b.For)
}

// LimitsNotEnforced means that limits are configured which this system does not enforce.
type LimitsNotEnforced struct {
	itself
	// Memory is true when memory is only watched, CPU when limits.cpu has no effect.
	Memory bool `json:"memory"`
	CPU    bool `json:"cpu"`
	// Apps are the apps that have such limits.
	Apps []string `json:"apps"`
	// Why says why, and what to do.
	Why string `json:"why,omitempty"`
}

// Type implements Body.
func (LimitsNotEnforced) Type() Type { return "limits.not_enforced" }

// Severity implements Body.
func (LimitsNotEnforced) Severity() Severity { return Warning }

// Message implements Body.
func (b LimitsNotEnforced) Message() string {
	what := "limits.cpu has no effect here"
	switch {
	case b.Memory && b.CPU:
		what = "limits.memory is only watched every few seconds here, and limits.cpu has no effect"
	case b.Memory:
		what = "limits.memory is only watched every few seconds here"
	}
	if b.Why == "" {
		return what
	}
	return what + ": " + b.Why
}

// StateSetAside means that what was kept of scaled numbers and maintenance could not be read: it no
// longer counts.
type StateSetAside struct {
	itself
	File string `json:"file"`
	// Kept is where the unreadable file is now; empty when it could not be moved.
	Kept string `json:"kept,omitempty"`
	Why  string `json:"why"`
}

// Type implements Body.
func (StateSetAside) Type() Type { return "state.set_aside" }

// Severity implements Body.
func (StateSetAside) Severity() Severity { return Error }

// Message implements Body.
func (b StateSetAside) Message() string {
	text := fmt.Sprintf("%s cannot be used: %s; scaled numbers and maintenance in it are lost, and the configuration's numbers count", b.File, b.Why)
	if b.Kept != "" {
		text += "; it was kept as " + b.Kept
	}
	return text
}

// count is "1 instance", "2 instances".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
