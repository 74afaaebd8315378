package supervise

import (
	"context"
	"fmt"
	"slices"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// roll is the restart of some of an app's instances, one after the other. It stops at the first one
// that does not become ready. When it overlaps, an additional instance has become ready before, so
// that the app never has fewer ready instances than it had.
type roll struct {
	reason  status.Reason
	targets []*instance
	// surge is the additional instance, nil without one.
	surge *extra
	began time.Time
	end   context.CancelFunc
	// done is how many targets were restarted.
	done int
}

// startRoll restarts targets, which are some of a's instances. An earlier restart that is under way
// ends where it is.
func (s *Supervisor) startRoll(o *owner, a *app, reason status.Reason, targets []*instance) {
	s.endRoll(o, a)
	s.mu.Lock()
	a.outdated = ""
	s.mu.Unlock()
	targets = s.worthRestarting(a, reason, targets)
	if len(targets) == 0 {
		return
	}
	if reason != status.ReasonRecycle {
		clear(a.failures) // what fails now is another episode
	}
	ctx, cancel := context.WithCancel(o.ctx)
	r := &roll{reason: reason, targets: targets, began: time.Now(), end: cancel}
	serving := slices.ContainsFunc(targets, func(i *instance) bool { return i.view().Ready })
	if serving && mayOverlap(a) {
		r.surge = s.addExtra(o, a, status.Surge, nil)
		// It must come up at its first try.
		c := a.config
		c.Restart.Policy = config.RestartNever
		r.surge.configure(c)
	}
	s.mu.Lock()
	a.roll = r
	s.mu.Unlock()
	if reason != status.ReasonRecycle {
		s.options.Bus.Publish(event.AppRestarting{About: event.About{App: a.name}, Reason: reason, Instances: len(targets), Overlap: r.surge != nil})
	}
	o.wg.Go(func() {
		defer cancel()
		failed, why := s.carry(ctx, a, r, serving)
		// When ctx ended, whoever ended it has cleared up.
		_ = s.ask(ctx, func(o *owner) error {
			s.concludeRoll(o, a, r, failed, why)
			return nil
		})
	})
}

// worthRestarting are the targets in the order of their restart: those that are not ready first, for
// nothing is lost if they do not come back. What somebody stopped takes a changed configuration over
// without being started.
func (s *Supervisor) worthRestarting(a *app, reason status.Reason, targets []*instance) []*instance {
	var ready, others []*instance
	for _, i := range targets {
		switch v := i.view(); {
		case reason == status.ReasonConfig && v.State == status.Stopped:
			i.configure(a.config)
		case v.Ready:
			ready = append(ready, i)
		default:
			others = append(others, i)
		}
	}
	return append(others, ready...)
}

// mayOverlap reports whether an additional instance may run now.
func mayOverlap(a *app) bool {
	return a.config.Restart.Overlap && a.config.Port == config.PortAuto && a.maintenance == nil && a.hasRoom()
}

// carry restarts the targets. It returns the instance that did not become ready and why, nil when all
// went well.
func (s *Supervisor) carry(ctx context.Context, a *app, r *roll, serving bool) (*instance, string) {
	if r.surge != nil {
		// For a surge instance, a restart is its start.
		if why := s.bringUp(ctx, r.surge.instance, status.ReasonRequested); why != "" {
			return r.surge.instance, why
		}
		r.surge.configure(r.surge.ownConfig)
	}
	if !serving {
		return s.carryAtOnce(ctx, a, r)
	}
	for _, i := range r.targets {
		if ctx.Err() != nil {
			return nil, ""
		}
		if r.surge != nil && !r.surge.view().Ready {
			// The new configuration does not last: nothing more must be lost to it.
			return r.surge.instance, notReady(r.surge.view())
		}
		if !s.has(a, i) {
			continue
		}
		s.handNewest(a, i)
		if why := s.bringUp(ctx, i, r.reason); why != "" && s.has(a, i) {
			return i, why
		}
		s.mu.Lock()
		r.done++
		s.mu.Unlock()
	}
	return nil, ""
}

// carryAtOnce restarts all targets together: nothing is lost, because none is ready.
func (s *Supervisor) carryAtOnce(ctx context.Context, a *app, r *roll) (*instance, string) {
	whys := make([]string, len(r.targets))
	done := make(chan struct{})
	for n, i := range r.targets {
		s.handNewest(a, i)
		go func() {
			whys[n] = s.bringUp(ctx, i, r.reason)
			s.mu.Lock()
			r.done++
			s.mu.Unlock()
			done <- struct{}{}
		}()
	}
	for range r.targets {
		<-done
	}
	for n, i := range r.targets {
		if whys[n] != "" && s.has(a, i) {
			return i, whys[n]
		}
	}
	return nil, ""
}

// bringUp restarts an instance and waits until that has led somewhere. It returns why the instance is
// not ready, empty when it is.
func (s *Supervisor) bringUp(ctx context.Context, i *instance, reason status.Reason) string {
	patience := rollPatience(i.config())
	wait, done := context.WithTimeout(ctx, patience)
	defer done()
	i.restart(wait, reason)
	v := i.view()
	if v.Ready || endedWell(&v) || ctx.Err() != nil || isClosed(i.gone) {
		return ""
	}
	// Stopped by somebody meanwhile, or on purpose before.
	if v.State == status.Stopped && reason != status.ReasonRequested {
		return ""
	}
	why := notReady(v)
	if wait.Err() != nil {
		why = fmt.Sprintf("it was not ready within %v: %s", patience, why)
	}
	return why
}

// notReady says why an instance is not.
func notReady(v status.Instance) string {
	if v.Why == "" {
		return "it is " + string(v.State)
	}
	return v.Why
}

// rollPatience is how long a restarted instance may take before the restart counts as failed.
func rollPatience(c config.App) time.Duration {
	patience := c.Stop.Drain.D() + c.Stop.Grace.D() + 10*time.Second
	if p := c.StartupProbe; p != nil {
		patience += p.InitialDelay.D() + time.Duration(p.FailureThreshold)*(p.Period.D()+p.Timeout.D())
	}
	if p := c.ReadinessProbe; p != nil {
		patience += p.InitialDelay.D() + p.Period.D() + p.Timeout.D()
	}
	return patience
}

// concludeRoll tells how a restart ended, and clears up after it.
func (s *Supervisor) concludeRoll(o *owner, a *app, r *roll, failed *instance, why string) {
	if a.roll != r {
		return
	}
	surge, told := r.surge, false
	if failed != nil && (surge == nil || failed != surge.instance) {
		f := a.failures[failed]
		if told = f != nil && f.recovered.IsZero(); !told {
			f = &failure{}
			a.failures[failed] = f
		}
		if surge != nil {
			// It stands in for the one that did not come back.
			s.mu.Lock()
			surge.role, surge.of = status.Replacement, failed
			s.mu.Unlock()
			r.surge, f.replaced = nil, true
		}
		s.board.watch(a.name, true)
	}
	s.endRoll(o, a)
	about := event.About{App: a.name}
	if failed == nil {
		if r.reason != status.ReasonRecycle {
			s.options.Bus.Publish(event.AppRestarted{About: about, After: event.Seconds(time.Since(r.began))})
		}
		return
	}
	id := failed.view().ID
	if r.reason == status.ReasonRecycle {
		a.noRecycle = time.Now().Add(a.config.Restart.Window.D())
	}
	untouched := len(a.instances) - r.done
	if surge == nil || failed != surge.instance {
		untouched--
	}
	if r.reason == status.ReasonConfig {
		s.mu.Lock()
		a.outdated = fmt.Sprintf("the newest configuration was given up because %s did not become ready with it: %s", id, why)
		s.mu.Unlock()
	}
	body := event.AppRestartFailed{About: about, Reason: r.reason, Failed: id, Why: why, Untouched: max(untouched, 0)}
	s.options.Bus.Publish(body)
	if !told {
		s.help(o, a, failed, body)
	}
}

// endRoll ends a restart that is under way, and its surge instance.
func (s *Supervisor) endRoll(o *owner, a *app) {
	r := a.roll
	if r == nil {
		return
	}
	r.end()
	s.mu.Lock()
	a.roll = nil
	s.mu.Unlock()
	if r.surge != nil {
		s.retireExtras(o, a, func(x *extra) bool { return x == r.surge })
	}
}

// progress says how far the restart is: "1 of 3". The caller holds the lock.
func (r *roll) progress() string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%d of %d", r.done, len(r.targets))
}

// has reports whether the instance is still one of the wanted ones.
func (s *Supervisor) has(a *app, i *instance) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Contains(a.instances, i)
}

// handNewest hands an instance the app's newest configuration. The lock is held until it has it: a newer
// one comes after this one, never before.
func (s *Supervisor) handNewest(a *app, i *instance) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	i.configure(a.config)
}

func (s *Supervisor) configOf(a *app) config.App {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return a.config
}

// recycle restarts an instance gracefully because of the memory it uses, unless the app is busy with a
// restart, or the last recycling failed.
func (s *Supervisor) recycle(o *owner, id string, i *instance) {
	a := s.apps[id]
	if a == nil || a.roll != nil || a.maintenance != nil || !s.has(a, i) || time.Now().Before(a.noRecycle) || time.Now().Before(i.noRecycle) {
		return
	}
	i.noRecycle = time.Now().Add(recycleAgain)
	s.startRoll(o, a, status.ReasonRecycle, []*instance{i})
}
