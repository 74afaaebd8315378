package event

import (
	"fmt"
	"strings"

	"holdfast/internal/status"
)

// InstanceStarted means that a process runs; whether it serves is not known yet.
type InstanceStarted struct {
	About
	PID  int `json:"pid"`
	Port int `json:"port,omitempty"`
}

// Type implements Body.
func (InstanceStarted) Type() Type { return "instance.started" }

// Severity implements Body.
func (InstanceStarted) Severity() Severity { return Info }

// Message implements Body.
func (b InstanceStarted) Message() string {
	if b.Port == 0 {
		return fmt.Sprintf("started as process %d", b.PID)
	}
	return fmt.Sprintf("started as process %d on port %d", b.PID, b.Port)
}

// InstanceReady means that the gateway sends it requests from now on.
type InstanceReady struct {
	About
	// After is the time since its process was started or since it became unready.
	After Seconds `json:"after_seconds"`
}

// Type implements Body.
func (InstanceReady) Type() Type { return "instance.ready" }

// Severity implements Body.
func (InstanceReady) Severity() Severity { return Info }

// Message implements Body.
func (b InstanceReady) Message() string {
	return "ready after " + b.After.String()
}

// InstanceUnready means that a probe took it out of balancing.
type InstanceUnready struct {
	About
	Why string `json:"why"`
}

// Type implements Body.
func (InstanceUnready) Type() Type { return "instance.unready" }

// Severity implements Body.
func (InstanceUnready) Severity() Severity { return Warning }

// Message implements Body.
func (b InstanceUnready) Message() string { return "taken out of balancing: " + b.Why }

// InstanceStopped means that it ended because it was asked to.
type InstanceStopped struct {
	About
	Exit status.Exit `json:"exit"`
	// Killed is how many processes of its tree had to be killed.
	Killed int `json:"killed,omitempty"`
}

// Type implements Body.
func (InstanceStopped) Type() Type { return "instance.stopped" }

// Severity implements Body.
func (b InstanceStopped) Severity() Severity {
	if b.Exit.Graceful {
		return Info
	}
	return Warning
}

// Message implements Body.
func (b InstanceStopped) Message() string {
	if b.Exit.Graceful {
		return "stopped: " + b.Exit.Text
	}
	return "did not stop within its grace period and was killed"
}

// StaysDown is what InstanceExited.Next says when nothing follows.
const StaysDown = "it stays down"

// InstanceExited means that it ended unasked, or had to be ended because a probe gave it up.
type InstanceExited struct {
	About
	Exit status.Exit `json:"exit"`
	// Orphans is how many processes of its tree were still there and were killed.
	Orphans int `json:"orphans,omitempty"`
	// Next says what happens now: "restarted at once", "next try in 4s", StaysDown.
	Next string `json:"next"`
}

// Type implements Body.
func (InstanceExited) Type() Type { return "instance.exited" }

// Severity implements Body. An end that is good and final is what a job is for.
func (b InstanceExited) Severity() Severity {
	if b.Next == StaysDown && b.Exit.Reason == status.ReasonExit && b.Exit.Code == 0 {
		return Info
	}
	return Warning
}

// Message implements Body.
func (b InstanceExited) Message() string {
	if b.Exit.Cause != "" {
		return fmt.Sprintf("ended because %s; %s; %s", b.Exit.Why(), b.Exit.Text, b.Next) + advice(b.Exit)
	}
	why := "ended"
	switch b.Exit.Reason {
	case status.ReasonStartupProbe, status.ReasonLivenessProbe, status.ReasonMemoryLimit:
		why = "ended because of its " + strings.ReplaceAll(string(b.Exit.Reason), "_", " ")
	case status.ReasonExit, status.ReasonStartFailed, status.ReasonRequested, status.ReasonConfig, status.ReasonShutdown,
		status.ReasonRecycle, status.ReasonScale, status.ReasonDependency:
	}
	return fmt.Sprintf("%s: %s; %s", why, b.Exit.Text, b.Next) + advice(b.Exit)
}

// advice is the end of a sentence about an exit for which there is some.
func advice(e status.Exit) string {
	if e.Advice == "" {
		return ""
	}
	return "; " + e.Advice
}

// InstanceStartFailed means that no process could be started.
type InstanceStartFailed struct {
	About
	// Error says what is wrong and how to cure it.
	Error string      `json:"error"`
	Exit  status.Exit `json:"exit"`
	Next  string      `json:"next"`
}

// Type implements Body.
func (InstanceStartFailed) Type() Type { return "instance.start_failed" }

// Severity implements Body.
func (InstanceStartFailed) Severity() Severity { return Error }

// Message implements Body.
func (b InstanceStartFailed) Message() string {
	return fmt.Sprintf("cannot be started: %s; %s", b.Error, b.Next) + advice(b.Exit)
}

// InstanceMemoryLimit means that it used more than limits.memory; it is ended and restarted as its
// policy says.
type InstanceMemoryLimit struct {
	About
	// Memory is the newest measurement, 0 when there is none; Limit is limits.memory. Both are bytes.
	Memory uint64 `json:"memory_bytes"`
	Limit  uint64 `json:"limit_bytes"`
}

// Type implements Body.
func (InstanceMemoryLimit) Type() Type { return "instance.memory_limit" }

// Severity implements Body.
func (InstanceMemoryLimit) Severity() Severity { return Warning }

// Message implements Body.
func (b InstanceMemoryLimit) Message() string {
	return fmt.Sprintf("used %s of memory, more than limits.memory (%s): find its leak or raise the limit", megabytes(b.Memory), megabytes(b.Limit))
}

// InstanceRecycled means that it is restarted gracefully because it used more than
// limits.memory_recycle.
type InstanceRecycled struct {
	About
	// Memory is the newest measurement; Limit is limits.memory_recycle. Both are bytes.
	Memory uint64 `json:"memory_bytes"`
	Limit  uint64 `json:"limit_bytes"`
}

// Type implements Body.
func (InstanceRecycled) Type() Type { return "instance.recycled" }

// Severity implements Body.
func (InstanceRecycled) Severity() Severity { return Info }

// Message implements Body.
func (b InstanceRecycled) Message() string {
	return fmt.Sprintf("restarted because it used %s of memory, more than limits.memory_recycle (%s)", megabytes(b.Memory), megabytes(b.Limit))
}

// megabytes is a size for a person; 0 is one that nobody measured.
func megabytes(n uint64) string {
	if n == 0 {
		return "an unknown amount"
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// InstanceCrashLoop means that it ended too often and is only tried now and then.
type InstanceCrashLoop struct {
	About
	Restarts int         `json:"restarts"`
	Window   Seconds     `json:"window_seconds"`
	Exit     status.Exit `json:"exit"`
}

// Type implements Body.
func (InstanceCrashLoop) Type() Type { return "instance.crash_loop" }

// Severity implements Body.
func (InstanceCrashLoop) Severity() Severity { return Error }

// Message implements Body.
func (b InstanceCrashLoop) Message() string {
	return fmt.Sprintf("restarted %d times within %v (last end: %s); it is tried once every %v until it runs stably: read its log and mend the cause, then restart it",
		b.Restarts, b.Window, b.Exit.Why(), b.Window)
}

// LeftoversKilled means that processes of an earlier, killed Holdfast were found and ended.
type LeftoversKilled struct {
	itself
	Count int `json:"count"`
}

// Type implements Body.
func (LeftoversKilled) Type() Type { return "service.leftovers_killed" }

// Severity implements Body.
func (LeftoversKilled) Severity() Severity { return Warning }

// Message implements Body.
func (b LeftoversKilled) Message() string {
	return fmt.Sprintf("%d process(es) of an earlier run that was killed were found and ended", b.Count)
}

// OutputDropped means that an app wrote faster than its log file could take.
type OutputDropped struct {
	About
	// Lines dropped since the last such event.
	Lines uint64 `json:"lines"`
}

// Type implements Body.
func (OutputDropped) Type() Type { return "instance.output_dropped" }

// Severity implements Body.
func (OutputDropped) Severity() Severity { return Warning }

// Message implements Body.
func (b OutputDropped) Message() string {
	return fmt.Sprintf("%d lines of its output were dropped because the log file could not keep up", b.Lines)
}

// AppDown means that no instance of an app that had one is ready any more.
type AppDown struct {
	About
	Why string `json:"why,omitempty"`
}

// Type implements Body.
func (AppDown) Type() Type { return "app.down" }

// Severity implements Body.
func (AppDown) Severity() Severity { return Error }

// Message implements Body.
func (b AppDown) Message() string {
	if b.Why == "" {
		return "no instance is ready"
	}
	return "no instance is ready: " + b.Why
}

// AppRecovered ends an AppDown.
type AppRecovered struct {
	About
	After Seconds `json:"after_seconds"`
}

// Type implements Body.
func (AppRecovered) Type() Type { return "app.recovered" }

// Severity implements Body.
func (AppRecovered) Severity() Severity { return Info }

// Message implements Body.
func (b AppRecovered) Message() string {
	return "serving again after " + b.After.String()
}
