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
	v := status.App{ID: a.name, Desired: a.config.Instances, Instances: make([]status.Instance, 0, len(a.instances))}
	down := 0
	for _, i := range a.instances {
		iv := i.view()
		v.Instances = append(v.Instances, iv)
		if iv.Ready {
			v.Ready++
		}
		if iv.State == status.Stopped || iv.State == status.Exited {
			down++
		}
		if iv.Since.After(v.Since) {
			v.Since = iv.Since
		}
		if v.Why == "" && !iv.Ready && iv.Why != "" {
			v.Why = iv.ID + ": " + iv.Why
		}
	}
	switch {
	case down == len(a.instances):
		v.Condition = status.Idle
	case v.Ready == v.Desired:
		v.Condition, v.Why = status.Healthy, ""
	case v.Ready > 0:
		v.Condition = status.Degraded
	default:
		v.Condition = status.Down
	}
	return v
}
