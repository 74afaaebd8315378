package supervise

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// Maintain begins or ends the maintenance of an app: its requests are answered 503, and nothing of it
// is restarted. It ends by itself after d, 0 being never; note says what it is for. It returns once
// that is kept for the next start and taken over. The error is status.ErrNotFound, or
// status.ErrConflict.
func (s *Supervisor) Maintain(ctx context.Context, id string, on bool, note string, d time.Duration) error {
	if _, err := s.app(id); err != nil {
		return err
	}
	if n := utf8.RuneCountInString(note); n > maxNote {
		return fmt.Errorf("app %q: maintenance: %w: the note has %d characters, and there is room for %d", id, status.ErrConflict, n, maxNote)
	}
	err := s.kept.set(id, func(k *keptApp) {
		if !on {
			k.Maintenance = nil
			return
		}
		now := time.Now()
		m := status.Maintenance{Since: now.UTC().Round(0), Note: note}
		if k.Maintenance != nil {
			m.Since = k.Maintenance.Since
		}
		if d > 0 {
			m.Until = now.Add(d).UTC().Round(0)
		}
		k.Maintenance = &m
	})
	if err != nil {
		return fmt.Errorf("app %q: maintenance: %w", id, err)
	}
	return s.askApp(ctx, id, func(_ *owner, a *app) {
		if m := s.kept.app(id).Maintenance; m != nil {
			s.beginMaintenance(a, *m, time.Now())
			s.options.Bus.Publish(event.AppMaintenanceOn{About: event.About{App: id}, Until: m.Until, Note: m.Note})
		} else {
			s.endMaintenance(a, false)
		}
	})
}

// beginMaintenance begins one or changes its end and note.
func (s *Supervisor) beginMaintenance(a *app, m status.Maintenance, now time.Time) {
	fresh := a.maintenance == nil
	s.mu.Lock()
	a.maintenance, a.maintenanceEnds = &m, time.Time{}
	if !m.Until.IsZero() {
		a.maintenanceEnds = now.Add(m.Until.Sub(now.Round(0)))
	}
	s.mu.Unlock()
	if fresh {
		s.board.maintain(a.name, true)
		for i := range a.all() {
			i.send(maintainInput{true})
		}
	}
	s.options.Balancer.Maintain(a.name, &m)
}

// endMaintenance starts what ended during the maintenance.
func (s *Supervisor) endMaintenance(a *app, expired bool) {
	m := a.maintenance
	if m == nil {
		return
	}
	s.mu.Lock()
	a.maintenance, a.maintenanceEnds = nil, time.Time{}
	s.mu.Unlock()
	s.board.maintain(a.name, false)
	for i := range a.all() {
		i.send(maintainInput{false})
	}
	s.options.Balancer.Maintain(a.name, nil)
	s.options.Bus.Publish(event.AppMaintenanceOff{
		About: event.About{App: a.name}, After: event.Seconds(time.Since(m.Since)), Expired: expired,
	})
}

// nextMaintenanceEnd is when the first maintenance ends by itself; zero when none does.
func (s *Supervisor) nextMaintenanceEnd() time.Time {
	var first time.Time
	for _, a := range s.apps {
		if ends := a.maintenanceEnds; !ends.IsZero() && (first.IsZero() || ends.Before(first)) {
			first = ends
		}
	}
	return first
}

// endMaintenances ends those whose time is over.
func (s *Supervisor) endMaintenances(o *owner) {
	now := time.Now()
	over := make(map[string]keptApp)
	for name, a := range s.apps {
		if !a.maintenanceEnds.IsZero() && !a.maintenanceEnds.After(now) {
			// What somebody asked for a moment ago is not over.
			if k := s.kept.app(name).Maintenance; k != nil && *k == *a.maintenance {
				over[name] = keptApp{Maintenance: k}
			}
			s.endMaintenance(a, true)
		}
	}
	s.forget(o, over)
}

// loadKept reads what persons asked for before this start.
func (s *Supervisor) loadKept() {
	err := s.kept.load()
	if err == nil {
		return
	}
	told := event.StateSetAside{File: s.kept.file, Why: err.Error()}
	aside, moveErr := s.kept.setAside()
	if moveErr == nil {
		told.Kept = aside
	}
	s.options.Log.Error("scaled numbers and maintenance are lost: their file cannot be used",
		zap.String("file", s.kept.file), zap.String("kept", told.Kept), zap.Error(err), zap.NamedError("move", moveErr))
	s.options.Bus.Publish(told)
}

// forget no longer keeps what is listed, unless it was changed meanwhile. It does not wait for the
// disk: what is forgotten does not count any more, and would not after the next start.
func (s *Supervisor) forget(o *owner, stale map[string]keptApp) {
	if len(stale) == 0 {
		return
	}
	o.wg.Go(func() {
		err := s.kept.edit(func(apps map[string]keptApp) {
			for name, old := range stale {
				k := apps[name]
				if k.Scaled == old.Scaled {
					k.Scaled = nil
				}
				if k.Maintenance == old.Maintenance {
					k.Maintenance = nil
				}
				apps[name] = k
			}
		})
		if err != nil {
			s.options.Log.Warn("what is no longer wanted of apps is still in its file",
				zap.Strings("apps", slices.Sorted(maps.Keys(stale))), zap.Error(err))
		}
	})
}

// tellLimits publishes once which limits of the configuration the system does not enforce.
func (s *Supervisor) tellLimits(apps map[string]config.App) {
	memory, cpu, why := s.options.Launcher.Enforces()
	told := event.LimitsNotEnforced{Why: why}
	for name := range apps {
		limits := apps[name].Limits
		watched, idle := limits.Memory != 0 && !memory, limits.CPU != 0 && !cpu
		told.Memory, told.CPU = told.Memory || watched, told.CPU || idle
		if watched || idle {
			told.Apps = append(told.Apps, name)
		}
	}
	if len(told.Apps) == 0 {
		return
	}
	slices.Sort(told.Apps)
	s.options.Bus.Publish(told)
}
