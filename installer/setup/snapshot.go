package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"holdfast/internal/service"
)

// startDisabled is the start type of a service that nobody may start.
const startDisabled service.StartType = "disabled"

// parentSDDL is the access list of folders that have to be made above the data folder: what they
// would inherit might let everybody replace what is in them.
const parentSDDL = "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)"

// snapshot opens the transaction: it writes down how things are, and keeps everybody from starting the
// service meanwhile.
func (s *setup) snapshot(ctx context.Context) error {
	if err := s.checkRestricted(); err != nil { // there is no guard before a removal
		return err
	}
	record, err := s.service.Record(ctx)
	if errors.Is(err, service.ErrForeign) && s.kind == kindRemove {
		s.warn(textOf(err))
		return nil
	}
	if err != nil {
		return err
	}
	h, err := s.begin(record)
	if err != nil {
		if s.kind == kindRemove {
			s.warn(fmt.Sprintf("the data folder is left alone: %v", err))
			return nil
		}
		return err
	}
	s.log.in(h.setup())
	s.log.info("transaction", "kind", string(s.kind), "installed", s.given[argInstalled], "upgrading", s.given[argUpgrading], "older", s.given[argOlder],
		"service", record.State, "account", s.account, "start", string(s.startType), "data", s.data, "program", s.install)
	return s.service.Disarm(ctx, s.log.say)
}

// begin makes the folders that the transaction's file needs, and the file.
func (s *setup) begin(record service.Record) (home, error) {
	if s.data == "" {
		return home{}, fmt.Errorf("DATADIR %q is no folder", s.given[argData])
	}
	h := s.homeIn(s.data)
	before, err := s.openTransactions()
	if err != nil {
		return h, err
	}
	t := &transaction{Begun: s.now().UTC(), Service: earlier(record, before)}
	if mine := before[h.file]; mine != nil && s.unused() { // the same once more: what it made is its own
		t.MadeSetup = mine.MadeSetup
		if s.onlySetup() {
			t.Made = mine.Made
		}
	}
	err = s.makeFolders(t, h)
	if err == nil {
		err = s.checkOwn(s.data)
	}
	if err == nil {
		err = s.save(t, h)
	}
	if err != nil && before[h.file] == nil { // nobody would know what to roll back
		return h, errors.Join(err, s.unmake(t, h))
	}
	return h, err
}

// makeFolders makes the data folder, those above it, and the setup folder, where they are missing.
func (s *setup) makeFolders(t *transaction, h home) error {
	for i, r := range s.data {
		if r != '\\' || i <= len(`C:`) {
			continue
		}
		if made, err := s.makeFolder(s.data[:i], parentSDDL); err != nil {
			return err
		} else if made {
			t.Made = append(t.Made, s.data[:i])
		}
	}
	made, err := s.makeFolder(s.data, s.id.FolderSDDL())
	if made {
		t.Made = append(t.Made, s.data)
	}
	if err != nil {
		return err
	}
	made, err = s.makeFolder(h.setup(), setupSDDL)
	t.MadeSetup = t.MadeSetup || made
	return err
}

func (s *setup) makeFolder(dir, sddl string) (made bool, err error) {
	e, err := s.disk.Look(dir)
	if err != nil {
		return false, err
	}
	if e.Exists {
		return false, checkFolder(dir, e)
	}
	if err := s.disk.Make(dir, sddl); err != nil {
		return false, err
	}
	return true, nil
}

// unmake removes what a transaction has made: the data folder with all that came into it meanwhile,
// and those above it as long as nobody else uses them.
func (s *setup) unmake(t *transaction, h home) error {
	s.log.in("")
	s.unpin()
	var err error
	switch {
	case t.madeData(s.data):
		err = s.disk.RemoveAll(h.data)
	case t.MadeSetup:
		err = s.disk.RemoveAll(h.setup())
	default:
		err = s.disk.Remove(h.file)
	}
	for _, dir := range slices.Backward(t.Made) {
		if names, listed := s.disk.List(dir, namesMax); err == nil && listed == nil && len(names) == 0 {
			err = s.disk.RemoveAll(dir)
		}
	}
	return err
}

// unused tells whether no installation has ever come to its end here.
func (s *setup) unused() bool {
	e, err := s.disk.Look(join(s.data, setupName, seedName))
	return err == nil && !e.Exists
}

// onlySetup tells whether nobody has used the data folder yet.
func (s *setup) onlySetup() bool {
	names, err := s.disk.List(s.data, namesMax)
	return err == nil && len(names) == 1 && strings.EqualFold(names[0], setupName)
}

// openTransactions are those whose files are in the setup folder.
func (s *setup) openTransactions() (map[string]*transaction, error) {
	found := map[string]*transaction{}
	dir := join(s.data, setupName)
	if e, err := s.disk.Look(dir); err != nil || !e.Exists {
		return found, err
	}
	if err := s.checkOwn(s.data); err != nil {
		return nil, err
	}
	names, err := s.disk.List(dir, namesMax)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasPrefix(name, snapshotPrefix) && strings.HasSuffix(name, ".json") {
			t, err := s.read(join(dir, name))
			if err != nil {
				s.log.warn("a transaction that cannot be read is not heeded", "error", err.Error())
				continue
			}
			found[join(dir, name)] = t
		}
	}
	return found, nil
}

// earlier is how the service was before any open transaction: while it is disabled, as a transaction
// leaves it, the newest of them that saw it otherwise knows more than we can see.
func earlier(now service.Record, open map[string]*transaction) service.Record {
	if !now.Installed || now.Start != startDisabled {
		return now
	}
	var newest *transaction
	for _, t := range open {
		if t.Service.Installed && t.Service.Start != startDisabled && (newest == nil || t.Begun.After(newest.Begun)) {
			newest = t
		}
	}
	if newest == nil {
		return now
	}
	return newest.Service
}

// snapshotRollback closes the transaction: the service is what it was, and nothing of setup is left
// that was not there before.
func (s *setup) snapshotRollback(ctx context.Context) error {
	t, h, err := s.load()
	if err != nil || t == nil {
		return err
	}
	err = s.service.Restore(ctx, t.Service, s.log.say)
	s.log.info("rolled back", "error", textOf(err))
	return errors.Join(err, s.unmake(t, h))
}
