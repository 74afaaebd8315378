package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Waits for the SCM. A pending state has this long between two checkpoints, whatever its own hint
// is; goneTimeout is for a service that somebody else holds open, such as the Services console.
const (
	pendingTimeout = 60 * time.Second
	goneTimeout    = 60 * time.Second
	exitTimeout    = 30 * time.Second
	// settleTimeout is how long a service may take to begin what it was asked for.
	settleTimeout = 15 * time.Second
	// lockTimeout is for the service manager itself (errLocked).
	lockTimeout = 60 * time.Second
)

// errLocked says that the service manager starts nothing because it is starting something: at the
// start of the machine for some time, and that is when Group Policy installs.
var errLocked = errors.New("the service manager is busy with other services; try again in a minute")

// act plans a for an installed service.
func (g scmRegistrar) act(_ context.Context, id Identity, a Action) (Plan, error) {
	name := id.ServiceName()
	st, err := g.machine.status(name)
	if errors.Is(err, ErrNotInstalled) {
		return Plan{}, fmt.Errorf("service %s: %w; install it first: holdfast service install", name, err)
	}
	if err != nil {
		return Plan{}, fmt.Errorf("service %s: %w", name, err)
	}
	var p Plan
	switch a {
	case Start:
		g.planStart(&p, id, st)
	case Stop:
		if st.State == "stopped" {
			p.same("service %s is stopped", name)
		} else {
			g.planStop(&p, id, st)
		}
	case Restart:
		if st.State != "stopped" {
			g.planStop(&p, id, st)
		}
		g.planStart(&p, id, Status{State: "stopped"})
	case Pause:
		err = g.planControl(&p, id, st, controlPause, "pause", "running", "paused", "pause_pending")
	case Continue:
		err = g.planControl(&p, id, st, controlContinue, "continue", "paused", "running", "continue_pending")
	case Reload:
		if st.State != "running" && st.State != "paused" {
			return Plan{}, notRunning(name, st.State)
		}
		p.add("ask service "+name+" to reload its configuration",
			func(context.Context) error { return g.machine.control(name, controlParamChange) })
		p.note("what came of it: holdfast events, or the Application log (200 reloaded, 210 refused)")
	default:
		err = fmt.Errorf("%w: %s", ErrUnsupported, a)
	}
	if err != nil {
		return Plan{}, err
	}
	return p, nil
}

func notRunning(name, state string) error {
	return fmt.Errorf("service %s is %s; start it first: holdfast service start", name, state)
}

func (g scmRegistrar) planStart(p *Plan, id Identity, st Status) {
	name := id.ServiceName()
	switch st.State {
	case "running":
		p.same("service %s is running", name)
	case "paused":
		p.same("service %s is paused; holdfast service continue lets it serve", name)
	default:
		p.addWait("start service "+name, func(ctx context.Context, say func(string)) error {
			if st.State != "start_pending" && st.State != "continue_pending" {
				if err := g.launch(ctx, name); err != nil {
					return err
				}
			}
			return g.wait(ctx, name, "running", say)
		})
	}
}

// launch starts the service as soon as the manager is free to.
func (g scmRegistrar) launch(ctx context.Context, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	for {
		err := g.machine.start(name, args...)
		if !errors.Is(err, errLocked) || g.rest(ctx) != nil {
			return err
		}
	}
}

// planStop waits for the process, too: until it has ended, its files cannot be replaced.
func (g scmRegistrar) planStop(p *Plan, id Identity, st Status) {
	name := id.ServiceName()
	p.addWait("stop service "+name, func(ctx context.Context, say func(string)) error {
		if st.State != "stop_pending" {
			if err := g.machine.control(name, controlStop); err != nil {
				return err
			}
		}
		if err := g.wait(ctx, name, "stopped", say); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, exitTimeout)
		defer cancel()
		return g.machine.exited(ctx, st.PID)
	})
}

func (g scmRegistrar) planControl(p *Plan, id Identity, st Status, code uint32, verb, from, to, pending string) error {
	name := id.ServiceName()
	switch st.State {
	case to:
		p.same("service %s is %s", name, to)
	case from, pending:
		p.addWait(verb+" service "+name, func(ctx context.Context, say func(string)) error {
			if st.State == from {
				if err := g.machine.control(name, code); err != nil {
					return err
				}
			}
			return g.wait(ctx, name, to, say)
		})
	case "running", "paused":
		p.same("service %s is %s", name, st.State)
	default:
		return notRunning(name, st.State)
	}
	return nil
}

// wait looks until the service is in the wanted state. It gives up on a service that has settled in
// another one, and on a pending one whose checkpoint does not rise.
func (g scmRegistrar) wait(ctx context.Context, name, want string, say func(string)) error {
	var last Status
	var wasPending bool
	moved, said := time.Now(), time.Now()
	for {
		st, err := g.machine.status(name)
		if err != nil {
			return err
		}
		if st.State != last.State || st.checkpoint != last.checkpoint {
			moved, last = time.Now(), st
		}
		pending := strings.HasSuffix(st.State, "_pending")
		quiet := time.Since(moved)
		switch limit := max(pendingTimeout, 2*st.waitHint); {
		case st.State == want:
			return nil
		case st.State == "stopped":
			return stoppedInstead(st)
		case !pending && (wasPending || quiet > settleTimeout):
			return fmt.Errorf("it is %s; the service's log says why", st.State)
		case quiet > limit:
			return fmt.Errorf("%s for %v without progress; the service's log says more, and holdfast service status asks again", st.State, limit)
		}
		wasPending = wasPending || pending
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			say(fmt.Sprintf("service %s: %s", name, st.State))
		}
		if err := g.rest(ctx); err != nil {
			return err
		}
	}
}

// stoppedInstead explains a service that ended while something else was wanted.
func stoppedInstead(st Status) error {
	if st.ExitCode == ExitOK {
		return errors.New("it stopped; the Application log and the service's log say why")
	}
	return fmt.Errorf("it stopped with exit code %d (%s). %s", st.ExitCode, meaning(st.ExitCode), cure(st.ExitCode))
}

// gone waits until the SCM has forgotten the service: whoever holds it open delays that.
func (g scmRegistrar) gone(ctx context.Context, name string, say func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, goneTimeout)
	defer cancel()
	said := false
	for {
		_, err := g.machine.status(name)
		if errors.Is(err, ErrNotInstalled) {
			return nil
		}
		if err != nil {
			return err
		}
		if !said {
			said = true
			say("waiting until nobody holds the service open (close the Services console)")
		}
		if err := g.rest(ctx); err != nil {
			return fmt.Errorf("it is marked for removal, but somebody holds it open; close the Services console or restart the machine: %w", err)
		}
	}
}

// rest is the pause between two looks.
func (g scmRegistrar) rest(ctx context.Context) error {
	pace := time.NewTimer(cmp.Or(g.pace, 200*time.Millisecond))
	defer pace.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-pace.C:
		return nil
	}
}

// statusOf says the SCM's numbers in the words of Status.
func statusOf(current, win32, specific uint32) Status {
	const serviceSpecific = 1066 // ERROR_SERVICE_SPECIFIC_ERROR: the other number counts
	states := map[uint32]string{
		scmStopped: "stopped", scmStartPending: "start_pending", scmStopPending: "stop_pending", scmRunning: "running",
		scmContinuePending: "continue_pending", scmPausePending: "pause_pending", scmPaused: "paused",
	}
	st := Status{Installed: true, State: cmp.Or(states[current], fmt.Sprintf("state %d", current))}
	const neverStarted = 1077 // ERROR_SERVICE_NEVER_STARTED: since this boot
	switch win32 {
	case 0, neverStarted:
	case serviceSpecific:
		st.ExitCode = int(specific)
	default:
		st.ExitCode = int(win32)
	}
	if st.ExitCode != 0 {
		st.Detail = fmt.Sprintf("ended with exit code %d: %s", st.ExitCode, meaning(st.ExitCode))
	}
	return st
}
