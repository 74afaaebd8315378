package main

import (
	"context"
	"errors"
)

// apply makes the service that Windows Installer has registered what it is to be, as `holdfast service
// install` would, then opens the firewall and writes the configuration to begin with.
func (s *setup) apply(ctx context.Context) error {
	t, h, err := s.load()
	if err != nil {
		return err
	}
	if t == nil {
		return errors.New("HfSnapshot has left nothing to roll back to; run the package, not this action alone")
	}
	if err := s.applyService(ctx, t, h); err != nil {
		return err
	}
	// From here on only administrators and the service can put anything into the data folder. What
	// somebody else has put there since HfGuard looked is found now, before the service reads it.
	if errs := s.checkData(); len(errs) > 0 {
		return joined(errs)
	}
	if err := s.applyFirewall(ctx, t, h); err != nil {
		return err
	}
	return s.seed(t, h)
}

func (s *setup) applyService(ctx context.Context, t *transaction, h home) error {
	record, err := s.service.Record(ctx)
	if err != nil {
		return err
	}
	folder, err := s.disk.Look(s.data)
	if err != nil {
		return err
	}
	if !t.madeData(s.data) {
		if err := s.will(t, h, change{Kind: changedAccess, Access: folder.Access}); err != nil {
			return err
		}
	}
	r := s.registration()
	r.Description = record.Description // Windows Installer's, in the package's language
	return s.service.Install(ctx, r, s.log.say)
}
