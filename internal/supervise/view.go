package supervise

import (
	"maps"
	"slices"

	"holdfast/internal/status"
)

// Apps tells about every app, sorted by name.
func (s *Supervisor) Apps() []status.App {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]status.App, 0, len(s.apps))
	for _, name := range slices.Sorted(maps.Keys(s.apps)) {
		out = append(out, s.apps[name].view())
	}
	return out
}

// App tells about one app. The error is status.ErrNotFound.
func (s *Supervisor) App(id string) (status.App, error) {
	a, err := s.app(id)
	if err != nil {
		return status.App{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return a.view(), nil
}

// view sums the app up. The caller holds the lock.
func (a *app) view() status.App {
	v := status.App{
		ID: a.name, Desired: a.desired, Configured: a.config.Instances, Restarting: a.roll.progress(), Maintenance: a.maintenance,
		Instances: make([]status.Instance, 0, len(a.instances)+len(a.extras)+1),
	}
	if len(a.instances) == 0 {
		v.Since = a.emptied
	}
	down, looping := 0, 0
	add := func(iv status.Instance, role status.Role) {
		iv.Role = role
		v.Instances = append(v.Instances, iv)
		if iv.Ready {
			v.Ready++
		}
		if iv.Since.After(v.Since) {
			v.Since = iv.Since
		}
		if v.Why == "" && !iv.Ready && iv.Why != "" {
			v.Why = iv.ID + ": " + iv.Why
		}
	}
	for _, i := range a.instances {
		iv := i.view()
		add(iv, status.Regular)
		if isDown(iv.State) {
			down++
		}
		if iv.State == status.CrashLoop {
			looping++
		}
	}
	for _, x := range a.extras {
		add(x.view(), x.role)
	}
	a.judge(&v, down, looping)
	if a.trial != nil {
		v.Instances = append(v.Instances, *a.trial)
	}
	return v
}

// judge gives v its condition. An app whose replacement serves in place of an instance in a crash loop
// is not healthy.
func (a *app) judge(v *status.App, down, looping int) {
	switch {
	case a.maintenance != nil:
		v.Condition = status.InMaintenance
		if a.maintenance.Note != "" {
			v.Why = a.maintenance.Note
		}
	case down == len(a.instances) && v.Ready == 0:
		v.Condition = status.Idle
	case v.Ready >= v.Desired && looping == 0:
		v.Condition, v.Why = status.Healthy, a.outdated
	case v.Ready > 0:
		v.Condition = status.Degraded
	default:
		v.Condition = status.Down
	}
}
