package supervise

import (
	"context"
	"slices"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// dossier completes how the present process ended with what can be found out only now. It is fast
// unless something is wrong with a port: a restart waits for it.
func (i *instance) dossier(ctx context.Context, exit status.Exit) (status.Exit, clues) {
	v := &i.machine.view
	i.mu.RLock()
	exit.Usage = merged(i.usage, exit.Usage)
	i.mu.RUnlock()
	exit.Port = v.Port
	exit.Probes = i.probes(exit.StartedAt)
	if v.State != status.Starting && v.State != status.Running && i.machine.after != consultPolicy {
		return exit, clues{} // somebody asked for it
	}
	var c clues
	if exit.Code != 0 && exit.Signal == "" {
		c.line = i.tellingLine()
	}
	taken := exit.Port != 0 && free(ctx, exit.Port) != nil
	if exit.Port != 0 {
		c.clash, c.clashed = clashPort(exit.LastLines)
		if c.clashed && c.clash == 0 && taken {
			c.clash = exit.Port
		}
	}
	ports := i.s.options.Ports
	if ports == nil {
		return exit, c
	}
	if taken {
		exit.PortHolder = ports.Holder(exit.Port)
		c.excluded = bounded(ports.Excluded(exit.Port), maxHolder)
	}
	if c.clash != 0 && c.clash != exit.Port {
		c.holder = bounded(ports.Holder(c.clash), maxHolder)
	}
	return exit, c
}

// refused is the dossier of a process that was not started because its port cannot be had. The error
// itself says what to do.
func (i *instance) refused(app config.App) status.Exit {
	if app.Port <= 0 {
		return status.Exit{}
	}
	exit := status.Exit{Port: int(app.Port) + i.number() - 1}
	if ports := i.s.options.Ports; ports != nil {
		exit.PortHolder = ports.Holder(exit.Port)
	}
	return exit
}

// probes are the checks of the process that started then.
func (i *instance) probes(started time.Time) []status.ProbeResult {
	results := i.s.options.Prober.Results(i.machine.view.App, i.machine.view.ID)
	return slices.DeleteFunc(slices.Clone(results), func(r status.ProbeResult) bool { return r.Time.Before(started) })
}

// tellingLine is what the present process wrote to its standard error, in one line.
func (i *instance) tellingLine() string {
	var lines []string
	for _, line := range i.output.Tail(maxLines) {
		if line.Seq > i.firstLine && line.Stream == "stderr" {
			lines = append(lines, line.Text)
		}
	}
	return tellingLine(lines)
}

// listening are the ports on which a process listens that should listen on port; nil when nobody
// knows.
func (i *instance) listening(pid, port int) []int {
	if port == 0 || i.s.options.Ports == nil {
		return nil
	}
	return i.s.options.Ports.Listening(pid)
}

// shownTimes are times of a view on the monotonic clock.
type shownTimes struct{ started, next time.Duration }

// clockJump is by how much the wall clock must have been set for times to be told anew.
const clockJump = time.Second

// onto corrects the times of a view that people reckon with, its process's start and its next try,
// when the wall clock was set since they were noted.
func (t shownTimes) onto(v *status.Instance, born, now time.Time) {
	v.StartedAt = present(v.StartedAt, t.started, now.Sub(born), now)
	v.NextTry = present(v.NextTry, t.next, now.Sub(born), now)
}

// present is noted, a time at the monotonic at, by a wall clock that shows wall at the monotonic now.
func present(noted time.Time, at, now time.Duration, wall time.Time) time.Time {
	if noted.IsZero() {
		return noted
	}
	// Round strips the monotonic reading: this is about the wall clock alone.
	due := wall.Round(0).Add(at - now)
	if due.Sub(noted.Round(0)).Abs() > clockJump {
		return due
	}
	return noted
}
