package supervise

import (
	"context"
	"fmt"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// Scale makes n instances of an app the wanted number, a negative n the configured one. It returns
// once that is kept for the next start and taken over; it does not wait for instances. The error is
// status.ErrNotFound, or status.ErrConflict when the configuration leaves no room for n.
func (s *Supervisor) Scale(ctx context.Context, id string, n int) error {
	a, err := s.app(id)
	if err != nil {
		return err
	}
	c := s.configOf(a)
	if err := s.fits(id, c, n); err != nil {
		return err
	}
	err = s.kept.set(id, func(k *keptApp) {
		k.Scaled = nil
		if n >= 0 && n != c.Instances {
			k.Scaled = &keptScale{Instances: n, Configured: c.Instances}
		}
	})
	if err != nil {
		return fmt.Errorf("app %q: scale: %w", id, err)
	}
	return s.askApp(ctx, id, func(o *owner, a *app) {
		// What was kept last counts, whoever asks first.
		desired, _ := wantedNumber(a.config, s.kept.app(id))
		if desired == a.desired {
			return
		}
		s.options.Bus.Publish(event.AppScaled{About: event.About{App: id}, From: a.desired, To: desired, Configured: a.config.Instances})
		s.resize(o, a, desired)
	})
}

// fits checks that the configuration leaves room for n instances of an app.
func (s *Supervisor) fits(id string, c config.App, n int) error {
	most := maxInstances
	if c.MaxInstances != 0 {
		most = min(most, c.MaxInstances)
	}
	if n > most {
		cure := fmt.Sprintf("scale to %d at most", most)
		if most < maxInstances {
			cure += ", or raise max_instances"
		}
		return fmt.Errorf("app %q: %w: %d instances are more than the %d that there may be: %s", id, status.ErrConflict, n, most, cure)
	}
	if c.Port <= 0 {
		return nil
	}
	if last := int(c.Port) + n - 1; last > 65535 {
		return fmt.Errorf("app %q: %w: instance %d would need port %d, which does not exist: write port: auto", id, status.ErrConflict, n, last)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for name, other := range s.apps {
		if name == id || other.config.Port <= 0 {
			continue
		}
		first, last := int(other.config.Port), int(other.config.Port)+max(other.desired, other.config.Instances)-1
		if first < int(c.Port)+n && int(c.Port) <= last {
			return fmt.Errorf("app %q: %w: with %d instances it would need port %d, which is app %q's: write port: auto, or another port", id, status.ErrConflict, n, max(first, int(c.Port)), name)
		}
	}
	return nil
}
