package supervise

import (
	"iter"
	"slices"
	"strconv"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// extra is an instance besides the wanted ones.
type extra struct {
	*instance
	number int
	role   status.Role
	// of is the instance that a replacement stands in for.
	of *instance
	// ownConfig is what it was made with.
	ownConfig config.App
}

// failure is what is remembered of an instance that Holdfast could not heal.
type failure struct {
	// replaced is set once a replacement was started for it: there is one at most in each episode.
	replaced bool
	// recovered is when the instance was ready again; zero before. The episode is over if that lasts.
	recovered time.Time
}

// begins reports whether a failure of an instance of this past begins another episode: there is no
// past, or a stable run since.
func (f *failure) begins(v *status.Instance, c config.App) bool {
	if f == nil {
		return true
	}
	return !f.recovered.IsZero() && slices.ContainsFunc(v.Exits, func(e status.Exit) bool {
		return e.EndedAt.After(f.recovered) && !e.StartedAt.IsZero() && e.EndedAt.Sub(e.StartedAt) >= c.Restart.ResetAfter.D()
	})
}

// all are the app's instances, the additional ones last.
func (a *app) all() iter.Seq[*instance] {
	return func(yield func(*instance) bool) {
		for _, i := range a.instances {
			if !yield(i) {
				return
			}
		}
		for _, x := range a.extras {
			if !yield(x.instance) {
				return
			}
		}
	}
}

// hasRoom reports whether one more instance may run.
func (a *app) hasRoom() bool {
	most := a.config.MaxInstances
	if most == 0 {
		most = a.desired + 1
	}
	return len(a.instances)+len(a.extras) < most
}

// addExtra makes an instance besides the wanted ones, which is not started yet. Its number is above all
// others.
func (s *Supervisor) addExtra(o *owner, a *app, role status.Role, of *instance) *extra {
	number := max(a.desired, len(a.instances))
	for _, x := range a.extras {
		number = max(number, x.number)
	}
	number++
	x := &extra{
		instance: newInstanceAs(s, a.name, strconv.Itoa(number), role, a.config),
		number:   number, role: role, of: of, ownConfig: a.config,
	}
	s.mu.Lock()
	a.extras = append(a.extras, x)
	s.mu.Unlock()
	s.launch(o, a, x.instance)
	return x
}

// adopt makes the additional instance of that number, if there is one, a wanted one. The caller holds
// the lock.
func (a *app) adopt(number int) *instance {
	var found *instance
	a.dropExtras(func(x *extra) bool { return x.number == number }, func(x *extra) { found = x.instance })
	return found
}

// dropExtras removes the additional instances that are meant, and calls each with them. The caller
// holds the lock.
func (a *app) dropExtras(meant func(*extra) bool, each func(*extra)) {
	a.extras = slices.DeleteFunc(slices.Clone(a.extras), func(x *extra) bool {
		if !meant(x) {
			return false
		}
		each(x)
		return true
	})
}

// retireExtras ends the additional instances that are meant.
func (s *Supervisor) retireExtras(o *owner, a *app, meant func(*extra) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.dropExtras(meant, func(x *extra) { s.retire(o, x.instance, status.ReasonScale) })
}

// mend looks after the apps that the board has news of: an instance in a crash loop gets a replacement,
// which ends when it is ready again, and on_failure is run once in an episode of failures.
func (s *Supervisor) mend(o *owner) {
	for name := range s.board.takeNews() {
		if a := s.apps[name]; a != nil {
			s.mendApp(o, a)
		}
	}
}

func (s *Supervisor) mendApp(o *owner, a *app) {
	for _, i := range a.instances {
		v, f := i.view(), a.failures[i]
		switch {
		case v.State == status.CrashLoop || failedForGood(&v):
			if f.begins(&v, a.config) {
				quiet := !a.failing()
				f = &failure{replaced: slices.ContainsFunc(a.extras, func(x *extra) bool { return x.of == i })}
				a.failures[i] = f
				if quiet {
					s.help(o, a, i, brokenDown(&v, a.config))
				}
			}
			f.recovered = time.Time{}
			if v.State == status.CrashLoop && !f.replaced && mayReplace(a) {
				f.replaced = true
				s.replace(o, a, i)
			}
		case v.Ready:
			if f != nil && f.recovered.IsZero() {
				f.recovered = time.Now()
			}
			s.retireReplacement(o, a, i)
		case v.State == status.Stopped || endedWell(&v):
			delete(a.failures, i)
			s.retireReplacement(o, a, i)
		}
	}
	s.board.watch(a.name, len(a.failures)+len(a.extras) > 0)
	// One that fails itself is of no use.
	s.retireExtras(o, a, func(x *extra) bool {
		v := x.view()
		return x.role == status.Replacement && (v.State == status.CrashLoop || v.State == status.Exited)
	})
}

// failing reports whether an instance of the app is in an episode of failures.
func (a *app) failing() bool {
	for _, f := range a.failures {
		if f.recovered.IsZero() {
			return true
		}
	}
	return false
}

// brokenDown is the event of an instance that Holdfast could not heal, as the instance published it.
func brokenDown(v *status.Instance, c config.App) event.Body {
	about := event.About{App: v.App, Instance: v.ID}
	if v.State == status.CrashLoop && v.LastExit != nil {
		return event.InstanceCrashLoop{About: about, Restarts: c.Restart.MaxRestarts, Window: event.Seconds(c.Restart.Window), Exit: *v.LastExit}
	}
	return event.InstanceStartFailed{About: about, Error: v.Why, Next: event.StaysDown}
}

// mayReplace reports whether a replacement may run: not a second job, not on a port of its own that
// the configuration does not name.
func mayReplace(a *app) bool {
	return (a.config.Port == config.PortAuto || a.config.Port == config.PortNone) &&
		!isJob(&a.config) && a.maintenance == nil && a.hasRoom()
}

// replace starts an instance that stands in for another.
func (s *Supervisor) replace(o *owner, a *app, i *instance) {
	x := s.addExtra(o, a, status.Replacement, i)
	s.options.Bus.Publish(event.AppReplacementStarted{About: event.About{App: a.name, Instance: x.view().ID}, For: i.view().ID})
	x.send(startInput{})
}

func (s *Supervisor) retireReplacement(o *owner, a *app, i *instance) {
	s.retireExtras(o, a, func(x *extra) bool { return x.role == status.Replacement && x.of == i })
}
