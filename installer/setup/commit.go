package main

import (
	"context"
	"errors"
	"fmt"

	"holdfast/internal/service"
)

// commit forgets how to go back, and deletes what was only put aside.
func (s *setup) commit(ctx context.Context) error {
	t, h, err := s.load()
	if err != nil || t == nil {
		s.report(false)
		return err
	}
	var errs []error
	if s.kind == kindRemove && !s.replaced && !t.Removed {
		errs = append(errs, s.removeLate(ctx))
		if t, h, err = s.load(); err != nil || t == nil {
			return errors.Join(append(errs, err)...)
		}
	}
	purged := false
	for _, c := range t.Done {
		switch c.Kind {
		case disabledRule:
			if err := s.removeRule(ctx, c.Rule); err != nil && !errors.Is(err, service.ErrNoFirewall) {
				errs = append(errs, err)
			}
		case renamedToPurged:
			purged = h.data != s.data
		}
	}
	switch {
	case purged:
		s.log.in("")
		s.unpin()
		if err := s.disk.RemoveAll(h.data); err != nil {
			errs = append(errs, fmt.Errorf("HF_PURGE: %s could not be deleted: %w; delete it by hand", h.data, err))
		}
	case s.kind == kindRemove && s.replaced:
		s.log.info("left open until the version that takes this one's place is there")
		return errors.Join(errs...)
	case s.kind == kindRemove && t.madeData(s.data) && s.onlySetup():
		errs = append(errs, s.unmake(t, h)) // it was made for the transaction's file alone
	default:
		errs = append(errs, s.closeAll(h))
	}
	s.report(purged)
	return errors.Join(errs...)
}

// removeLate does what remove has left undone: somebody ended it, and Windows Installer took that for
// success. By now there is no way back: what cannot be done any more is only told.
func (s *setup) removeLate(ctx context.Context) error {
	s.warn("HfRemove did not come to its end; what it left is done now")
	if err := s.remove(ctx); err != nil {
		return fmt.Errorf("what HfRemove left cannot be done any more; delete it by hand: %w", err)
	}
	return nil
}

// closeAll deletes the transaction's file; an installation also deletes those of the versions whose
// place it has taken.
func (s *setup) closeAll(h home) error {
	if s.kind == kindRemove {
		return s.disk.Remove(h.file)
	}
	open, err := s.openTransactions()
	errs := []error{err}
	for file := range open {
		errs = append(errs, s.disk.Remove(file))
	}
	return errors.Join(append(errs, s.disk.Remove(h.file))...)
}

// report leaves the one Event Log entry that tells an administrator what has become of the machine.
func (s *setup) report(purged bool) {
	who := s.displayName() + " " + s.productVersion
	switch {
	case s.kind == kindRemove && s.replaced:
		return
	case purged:
		s.tell(service.LevelInfo, service.EventRemoved, who+" was removed, and its data in "+s.data+" with it.")
	case s.kind == kindRemove:
		s.tell(service.LevelInfo, service.EventRemoved, who+" was removed. Configuration, data and logs stay in "+s.data+".")
	case s.maintained:
		s.tell(service.LevelInfo, service.EventChanged, s.settled(who+" was repaired or changed."))
	case s.replaces:
		s.tell(service.LevelInfo, service.EventUpgraded, s.settled(who+" replaced another version."))
	default:
		s.tell(service.LevelInfo, service.EventInstalled, s.settled(who+" was installed."))
	}
}

func (s *setup) settled(what string) string {
	return fmt.Sprintf("%s\n\nService: %s, account %s, start %s.\nProgram: %s\nConfiguration: %s\nWhat setup did: %s",
		what, s.id.ServiceName(), s.account, s.startType, s.install, join(s.data, confName), join(s.data, setupName, logName))
}
