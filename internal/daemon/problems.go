package daemon

import (
	"fmt"

	"holdfast/internal/config"
)

// A configuration without errors can still be refused by the machine, or be taken over in part only.
// That is told like any other problem.

// notApplied says why the running configuration stays.
func notApplied(err error) config.Problem {
	return config.Problem{
		Code: config.CodeNotApplied, Severity: config.Error,
		Message: err.Error(), Hint: "nothing was changed; mend the cause and reload again",
	}
}

// needsRestart says that a part of the new configuration waits for the next start.
func needsRestart(pointer, message string) config.Problem {
	return config.Problem{
		Code: config.CodeNextStart, Severity: config.Warning, Pointer: pointer,
		Message: message, Hint: "restart Holdfast for the change to count",
	}
}

// oneLine is a problem for an event or the log.
func oneLine(p config.Problem) string {
	text := fmt.Sprintf("[%s] %s", p.Code, p.Message)
	if place := p.Place(); place != "" {
		text = place + " " + text
	}
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return text
}

// errorLines are the errors among the problems.
func errorLines(problems config.Problems) []string {
	lines := make([]string, 0, len(problems))
	for _, p := range problems {
		if p.Severity == config.Error {
			lines = append(lines, oneLine(p))
		}
	}
	return lines
}

// changed names what differs, for an event.
func changed(c config.Changes) []string {
	var names []string
	for _, part := range []struct {
		verb string
		apps []string
	}{{"app added: ", c.AppsAdded}, {"app removed: ", c.AppsRemoved}, {"app changed: ", c.AppsChanged}} {
		for _, app := range part.apps {
			names = append(names, part.verb+app)
		}
	}
	for _, part := range []struct {
		name    string
		differs bool
	}{
		{"management", c.Management},
		{"listeners", c.Listeners},
		{"certificates", c.Certificates},
		{"routes", c.Routes},
		{"logging", c.Logging},
	} {
		if part.differs {
			names = append(names, part.name)
		}
	}
	return names
}
