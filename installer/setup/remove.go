package main

import (
	"context"
	"errors"
	"fmt"
)

// remove takes away what Windows Installer knows nothing of. The removal inside an upgrade takes
// nothing: the new version needs it.
func (s *setup) remove(ctx context.Context) error {
	if s.kind != kindRemove || s.replaced {
		s.log.info("nothing is removed: another version takes this one's place")
		return nil
	}
	t, h, err := s.load()
	if err != nil {
		s.log.warn("removed without a way back", "error", err.Error())
		t = nil
	}
	if err := s.service.Forget(ctx, s.log.say); err != nil {
		return err
	}
	if err := s.closeFirewall(ctx, t, h); err != nil {
		s.warn(err.Error())
	}
	if s.purge {
		if h, err = s.purgeData(t, h); err != nil {
			return err
		}
	}
	if t == nil {
		return nil
	}
	t.Removed = true
	return s.save(t, h)
}

// purgeData renames the data folder; it is deleted when everything else has succeeded. The transaction's
// file goes with it.
func (s *setup) purgeData(t *transaction, h home) (home, error) {
	e, err := s.disk.Look(s.data)
	if err == nil && (s.data != "" && !e.Exists || t != nil && t.madeData(s.data)) {
		s.log.info("there is no data to purge")
		return h, nil
	}
	if t == nil {
		return h, errors.New("HF_PURGE: the data folder could not be made ready (the warning before this one says why) and is not deleted; run this without HF_PURGE and delete it by hand")
	}
	if err := errors.Join(joinedOrNil(s.checkApart()), s.checkPurge()); err != nil {
		return h, fmt.Errorf("HF_PURGE: %w", err)
	}
	purged := s.data + purgeMark + s.random(8)
	if err := s.will(t, h, change{Kind: renamedToPurged, Purged: base(purged)}); err != nil {
		return h, err
	}
	s.log.info("purge", "renamed_to", purged)
	s.log.in("")
	s.unpin()
	if err := s.disk.Move(s.data, purged); err != nil {
		s.log.in(h.setup())
		return h, fmt.Errorf("HF_PURGE: %s cannot be renamed: %w; close the programs that use files in it and run this again", s.data, err)
	}
	moved := s.homeIn(purged)
	s.log.in(moved.setup())
	return moved, nil
}

// checkPurge wants the file that apply leaves in every data folder that it makes use of: a folder that
// was only named on a command line is not deleted.
func (s *setup) checkPurge() error {
	state, err := s.remembered()
	if err == nil && state == nil {
		return fmt.Errorf("%s is not known as %s's data folder (there is no %s) and is not deleted; delete it by hand", s.data, s.id.Name, join(s.data, setupName, seedName))
	}
	return errors.Join(err, s.checkOthers())
}

// unpurge renames the data folder back, unless it never went.
func (s *setup) unpurge(h home) (home, error) {
	if h.data == s.data {
		return h, nil
	}
	if e, err := s.disk.Look(s.data); err != nil || e.Exists {
		return h, errors.Join(err, fmt.Errorf("the data cannot come back to %s, where something new is; it is in %s", s.data, h.data))
	}
	s.log.in("")
	s.unpin()
	if err := s.disk.Move(h.data, s.data); err != nil {
		return h, fmt.Errorf("the data cannot come back to %s: %w; it is in %s", s.data, err, h.data)
	}
	back := s.homeIn(s.data)
	s.log.in(back.setup())
	return back, nil
}

func joinedOrNil(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return joined(errs)
}
