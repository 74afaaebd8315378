package supervise

import (
	"fmt"
	"slices"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// The state machine of one instance. It is pure: on takes an input and the time, finds the one row of
// the table (table.go) that decides, changes the state and returns the effects that the instance's
// goroutine carries out in order. It touches no clock, process, socket or goroutine, so a test can
// walk through years in a microsecond.

// sequel is what follows a stop.
type sequel int

const (
	// stayDown ends in Stopped.
	stayDown sequel = iota
	// runAgain starts anew at once.
	runAgain
	// consultPolicy asks the restart policy, because the process was given up.
	consultPolicy
)

// wait is what a Pending instance waits for.
type wait int

const (
	// noWait is left with the next spawned or spawnFailed.
	noWait wait = iota
	// forDependencies ends when the apps in depends_on are ready.
	forDependencies
	// forPausedDependencies is the same after an end that the policy did not count.
	forPausedDependencies
	// forMaintenance ends with the app's maintenance.
	forMaintenance
)

// keptExits is how many ended processes an instance remembers.
const keptExits = 10

// moment is a time by two clocks. Decisions are made by at alone, which nobody can set: a wall clock
// that jumps neither restarts nor delays anything.
type moment struct {
	// at is monotonic, from an origin that is the same for all of an instance's moments.
	at time.Duration
	// wall is for people.
	wall time.Time
}

// machine is the state of one instance.
type machine struct {
	table *table
	// view is what is told about the instance; State, Ready and the like live only here.
	view status.Instance
	// app is the part of the configuration that is in force for the next decision.
	app *config.App
	// random is in [0, 1), for jitter.
	random func() float64
	// missing lists the apps in depends_on that are not ready.
	missing func() []string
	// usage is the newest measurement of the present process, nil without one.
	usage *status.Usage

	history history
	// waits is what a Pending instance waits for.
	waits wait
	// after and reason say what follows Draining and Stopping, and why they were entered.
	after  sequel
	reason status.Reason
	// cause is what was found that gave the process up.
	cause string
	// killed is true once the grace period of the present stop has run out.
	killed bool
	// maintenance is true while the app is in maintenance, ignored once a probe gave up meanwhile.
	maintenance, ignored bool
	// served is true once the present process was in balancing.
	served bool
	// listening are the ports of a process that is not ready, once they were looked up; nextLook is the
	// time until they are looked up again.
	listening []int
	nextLook  time.Duration
	// spawnedAt is the start of the present process, downSince when the instance was last taken out of
	// balancing, nextAt when a Backoff or CrashLoop instance is started again.
	spawnedAt, downSince, nextAt time.Duration
}

// step is one input on its way through the machine.
type step struct {
	*machine
	in      input
	now     moment
	from    status.State // before the input
	effects []effect
	// judged is the policy's decision on an unasked end, charged what its history is then; both are
	// worked out when first asked for.
	judged  *decision
	charged history
	// absent are the missing dependencies, worked out when first asked for.
	absent *[]string
}

// on changes the state by in and returns what must be done.
func (m *machine) on(in input, now moment) []effect {
	s := &step{machine: m, in: in, now: now, from: m.view.State}
	r := m.table.decide(s)
	if r.to != "" && r.to != m.view.State {
		m.view.State, m.view.Why, m.view.Since = r.to, "", now.wall
		if r.to != status.Backoff && r.to != status.CrashLoop {
			m.view.NextTry, m.nextAt = time.Time{}, 0
		}
	}
	for _, a := range r.do {
		a.do(s)
	}
	return s.effects
}

func (s *step) add(effects ...effect) { s.effects = append(s.effects, effects...) }

// isGone reports whether in is about a process that is not the present one any more.
func (s *step) isGone() bool {
	in, ok := s.in.(gaveUp)
	return ok && in.pid != 0 && in.pid != s.view.PID
}

// exit is how the process ended, or that none could be started, as far as it is known without the
// decision that follows.
func (s *step) exit() status.Exit {
	switch in := s.in.(type) {
	case ended:
		exit := in.exit
		switch {
		case s.from == status.Draining || s.from == status.Stopping:
			exit.Reason, exit.Graceful = s.reason, !s.killed
			if s.after == consultPolicy {
				exit.Cause = s.cause
			}
		case exit.Reason != status.ReasonMemoryLimit: // the system itself may have ended it; it says so then
			exit.Reason = status.ReasonExit
		}
		return exit
	case spawnFailed:
		exit := in.exit
		exit.Code, exit.Reason, exit.EndedAt = -1, status.ReasonStartFailed, s.now.wall
		return exit
	}
	return status.Exit{}
}

// ran is how long the process that ended had run.
func (s *step) ran() time.Duration {
	if _, ok := s.in.(spawnFailed); ok {
		return 0
	}
	return s.now.at - s.spawnedAt
}

// verdict is what the policy says to an end that nobody asked for.
func (s *step) verdict() decision {
	if s.judged == nil {
		h := s.history
		h.restarts = slices.Clone(h.restarts)
		d := h.decide(s.app.Restart, s.exit(), s.ran(), s.now.at, s.random())
		s.judged, s.charged = &d, h
	}
	return *s.judged
}

// lacking are the apps in depends_on that are not ready.
func (s *step) lacking() []string {
	if s.absent == nil {
		var absent []string
		if len(s.app.DependsOn) > 0 {
			absent = s.missing()
		}
		s.absent = &absent
	}
	return *s.absent
}

func (m *machine) about() event.About {
	return event.About{App: m.view.App, Instance: m.view.ID}
}

// held reports whether the instance is down until its app's maintenance ends.
func (m *machine) held() bool {
	return m.view.State == status.Pending && m.waits == forMaintenance
}

// next says what a decision means.
func next(d decision) string {
	switch {
	case !d.restart:
		return event.StaysDown
	case d.delay == 0:
		return "restarted at once"
	default:
		return "next try in " + d.delay.Round(10*time.Millisecond).String()
	}
}

// nothingDecides is a defect of the table that its test finds before anybody else.
func nothingDecides(s status.State, k kind) string {
	return fmt.Sprintf("supervise: no transition decides on %q in state %q", k, s)
}
