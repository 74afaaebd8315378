package supervise

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// reconcile turns the running apps into the wanted ones.
func (s *Supervisor) reconcile(o *owner, wanted map[string]config.App) {
	needs := make(map[string][]string, len(wanted))
	for name := range wanted {
		needs[name] = wanted[name].DependsOn
	}
	s.board.depend(needs)
	s.removeApps(o, wanted)
	s.ports.reserve(wanted, s.kept.all())
	stale := make(map[string]keptApp)
	for name, k := range s.kept.all() {
		if _, ok := wanted[name]; !ok {
			stale[name] = k
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		next, k := wanted[name], s.kept.app(name)
		a, known := s.apps[name]
		if !known {
			a = s.addApp(name, next, k)
		}
		desired, why := wantedNumber(next, k)
		if why != "" {
			stale[name] = k
			if !known || a.desired != desired {
				s.options.Bus.Publish(event.AppScaled{About: event.About{App: name}, From: k.Scaled.Instances, To: desired, Configured: desired, Why: why})
			}
		}
		if known && a.desired == desired && reflect.DeepEqual(a.config, next) {
			continue
		}
		changed := known && mustRestart(a.config, next)
		s.mu.Lock()
		a.config = next
		s.mu.Unlock()
		for _, i := range a.instances {
			i.configure(adapt(i.config(), next))
		}
		for _, x := range a.extras {
			if x.role != status.Surge {
				x.configure(adapt(x.config(), next))
			}
		}
		s.resize(o, a, desired)
		if changed {
			s.startRoll(o, a, status.ReasonConfig, slices.DeleteFunc(slices.Clone(a.instances), func(i *instance) bool {
				return !mustRestart(i.config(), next)
			}))
		}
	}
	s.forget(o, stale)
}

// addApp makes an app that has no instances yet.
func (s *Supervisor) addApp(name string, c config.App, k keptApp) *app {
	a := &app{name: name, config: c, stopped: !c.Autostart, failures: make(map[*instance]*failure)}
	s.mu.Lock()
	s.apps[name] = a
	s.mu.Unlock()
	if k.Maintenance != nil {
		s.beginMaintenance(a, *k.Maintenance, time.Now())
	}
	return a
}

// wantedNumber is how many instances are wanted; why says why a number that was scaled to no longer
// counts.
func wantedNumber(c config.App, k keptApp) (n int, why string) {
	if k.Scaled == nil {
		return c.Instances, ""
	}
	switch {
	case k.Scaled.Configured != c.Instances:
		return c.Instances, fmt.Sprintf("the configured number changed from %d to %d", k.Scaled.Configured, c.Instances)
	case c.MaxInstances != 0 && k.Scaled.Instances > c.MaxInstances:
		return c.Instances, fmt.Sprintf("max_instances is %d now", c.MaxInstances)
	}
	return k.Scaled.Instances, ""
}

// adapt is the configuration of an instance that runs with old when next is wanted: what can be taken
// over without a restart is next's.
func adapt(old, next config.App) config.App {
	old.Restart, old.Output, old.OnFailure = next.Restart, next.Output, next.OnFailure
	old.Instances, old.MaxInstances, old.DependsOn, old.Autostart = next.Instances, next.MaxInstances, next.DependsOn, next.Autostart
	old.Limits.MemoryRecycle = next.Limits.MemoryRecycle
	// To close its standard input later, a process must be started with one that is held open.
	if method := old.Stop.Method; method != config.StopStdinClose && next.Stop.Method == config.StopStdinClose {
		old.Stop = next.Stop
		old.Stop.Method = method
	} else {
		old.Stop = next.Stop
	}
	return old
}

// mustRestart reports whether a running instance cannot take over the change.
func mustRestart(old, next config.App) bool {
	return !reflect.DeepEqual(adapt(old, next), next)
}

// resize makes n the number of wanted instances: it starts missing and retires surplus ones.
func (s *Supervisor) resize(o *owner, a *app, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n == 0 && (a.desired != 0 || a.emptied.IsZero()) {
		a.emptied = time.Now()
	}
	a.desired = n
	for number := len(a.instances) + 1; number <= n; number++ {
		if i := a.adopt(number); i != nil {
			i.configure(adapt(i.config(), a.config))
			i.send(startInput{}) // it may have failed just now
			a.instances = append(a.instances, i)
			continue
		}
		i := newInstance(s, a.name, number, a.config)
		a.instances = append(a.instances, i)
		s.launch(o, a, i)
		if !a.stopped {
			i.send(startInput{})
		}
	}
	if len(a.instances) > n {
		reason := status.ReasonScale
		if a.config.Instances == n {
			reason = status.ReasonConfig
		}
		surplus := a.instances[n:]
		a.instances = slices.Clone(a.instances[:n])
		for _, i := range slices.Backward(surplus) {
			delete(a.failures, i)
			a.dropExtras(func(x *extra) bool { return x.of == i }, func(x *extra) { s.retire(o, x.instance, reason) })
			s.retire(o, i, reason)
		}
	}
}

// config is the configuration that the instance has.
func (i *instance) config() config.App {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return *i.wanted
}

// launch runs a new instance.
func (s *Supervisor) launch(o *owner, a *app, i *instance) {
	former := s.leaving.get(i.view().ID)
	o.wg.Go(func() { i.run(o.ctx, former) })
	if a.maintenance != nil {
		i.send(maintainInput{true})
	}
}

// retire stops an instance for good, without waiting.
func (s *Supervisor) retire(o *owner, i *instance, reason status.Reason) {
	s.leaving.add(i)
	o.wg.Go(func() {
		i.leave(reason)
		s.leaving.drop(i)
	})
}

// removeApps retires the apps that are not wanted: those that depend on others first, then those.
func (s *Supervisor) removeApps(o *owner, wanted map[string]config.App) {
	removed := make(map[string]*app)
	s.mu.Lock()
	for name, a := range s.apps {
		if _, ok := wanted[name]; !ok {
			removed[name] = a
			if a.endCalibration != nil {
				a.endCalibration(fmt.Errorf("%w: the app was removed", status.ErrConflict))
			}
			delete(s.apps, name)
		}
	}
	s.mu.Unlock()
	if len(removed) == 0 {
		return
	}
	for name, a := range removed {
		s.endRoll(o, a)
		for i := range a.all() {
			s.leaving.add(i)
		}
		if a.maintenance != nil {
			s.board.maintain(name, false)
			s.options.Balancer.Maintain(name, nil)
		}
		s.metrics.forget(name)
	}
	o.wg.Go(func() { s.leaveInOrder(removed, status.ReasonConfig) })
}

// stopAll stops every instance, those of apps that depend on others first.
func (s *Supervisor) stopAll(o *owner) {
	s.mu.RLock()
	left := maps.Clone(s.apps)
	s.mu.RUnlock()
	for _, a := range left {
		s.endRoll(o, a)
	}
	s.leaveInOrder(left, status.ReasonShutdown)
}

// leaveInOrder stops the instances of apps for good and returns when they are gone.
func (s *Supervisor) leaveInOrder(apps map[string]*app, reason status.Reason) {
	for len(apps) > 0 {
		var wg sync.WaitGroup
		for _, name := range notNeeded(apps) {
			a := apps[name]
			delete(apps, name)
			for i := range a.all() {
				wg.Go(func() {
					i.leave(reason)
					s.leaving.drop(i)
				})
			}
		}
		wg.Wait()
	}
}

// notNeeded lists the apps on which no other of them depends. A cycle cannot pass validation; all
// of them are listed then, so that a stop never hangs.
func notNeeded(apps map[string]*app) []string {
	needed := make(map[string]bool)
	for _, a := range apps {
		for _, dependency := range a.config.DependsOn {
			needed[dependency] = true
		}
	}
	free := slices.DeleteFunc(slices.Collect(maps.Keys(apps)), func(name string) bool { return needed[name] })
	if len(free) == 0 {
		return slices.Collect(maps.Keys(apps))
	}
	return free
}

// leavers are the retired instances that are not gone yet, the newest of each id.
type leavers struct {
	mu        sync.Mutex
	instances map[string]*instance
}

func (l *leavers) add(i *instance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.instances[i.view().ID] = i
}

// get is nil when none of this id is left.
func (l *leavers) get(id string) *instance {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.instances[id]
}

func (l *leavers) drop(i *instance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id := i.view().ID; l.instances[id] == i {
		delete(l.instances, id)
	}
}
