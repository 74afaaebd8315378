package supervise

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// reconcile turns the running apps into the wanted ones.
func (s *Supervisor) reconcile(o *owner, wanted map[string]config.App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, a := range s.apps {
		if _, ok := wanted[name]; !ok {
			a.endRoll()
			s.retire(o, a.instances)
			delete(s.apps, name)
			s.metrics.forget(name)
		}
	}
	s.ports.reserve(wanted)
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		next := wanted[name]
		a, ok := s.apps[name]
		if !ok {
			a = &app{name: name, config: next, endRoll: func() {}}
			s.apps[name] = a
		}
		restart := ok && mustRestart(a.config, next)
		a.config = next
		for _, i := range a.instances {
			i.configure(next)
		}
		s.scale(o, a)
		if restart {
			roll(o, a, status.ReasonConfig)
		}
	}
}

// mustRestart reports whether a running instance cannot take over the change. Restart policy, stop
// method, output limits and the number of instances can be changed while it runs.
func mustRestart(old, next config.App) bool {
	for _, c := range []*config.App{&old, &next} {
		c.Restart, c.Stop, c.Output = config.Restart{}, config.Stop{}, config.Output{}
		c.Instances, c.DependsOn, c.Autostart = 0, nil, false
	}
	return !reflect.DeepEqual(old, next)
}

// scale starts missing instances and retires surplus ones.
func (s *Supervisor) scale(o *owner, a *app) {
	for n := len(a.instances) + 1; n <= a.config.Instances; n++ {
		i := newInstance(s, a.name, n, a.config)
		a.instances = append(a.instances, i)
		former := s.leaving[i.view().ID]
		o.wg.Go(func() { i.run(o.ctx, former) })
		if a.config.Autostart {
			i.send(startInput{})
		}
	}
	if len(a.instances) > a.config.Instances {
		s.retire(o, a.instances[a.config.Instances:])
		a.instances = slices.Clone(a.instances[:a.config.Instances])
	}
}

// retire stops instances for good, without waiting.
func (s *Supervisor) retire(o *owner, instances []*instance) {
	maps.DeleteFunc(s.leaving, func(_ string, i *instance) bool { return isClosed(i.gone) })
	for _, i := range instances {
		s.leaving[i.view().ID] = i
		o.wg.Go(func() { i.leave(status.ReasonConfig) })
	}
}

// roll restarts a's running instances one after the other: the next one only once the former is
// ready, has failed, or has used up its startup time.
func roll(o *owner, a *app, reason status.Reason) {
	a.endRoll()
	var ctx context.Context
	ctx, a.endRoll = context.WithCancel(o.ctx)
	instances := slices.Clone(a.instances)
	patience := rollPatience(a.config)
	o.wg.Go(func() {
		for _, i := range instances {
			wait, done := context.WithTimeout(ctx, patience)
			i.restart(wait, reason)
			done()
			if ctx.Err() != nil {
				return
			}
		}
	})
}

// rollPatience is how long a restarted instance may take before the next one is restarted anyway.
func rollPatience(c config.App) time.Duration {
	patience := c.Stop.Grace.D() + 10*time.Second
	if p := c.StartupProbe; p != nil {
		patience += p.InitialDelay.D() + time.Duration(p.FailureThreshold)*p.Period.D()
	}
	return patience
}

// stopAll stops every instance: apps that depend on others first, then those.
func (s *Supervisor) stopAll() {
	s.mu.RLock()
	left := maps.Clone(s.apps)
	s.mu.RUnlock()
	for len(left) > 0 {
		var wg sync.WaitGroup
		for _, name := range notNeeded(left) {
			a := left[name]
			delete(left, name)
			a.endRoll()
			for _, i := range a.instances {
				wg.Go(func() { i.leave(status.ReasonShutdown) })
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
