package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"holdfast/internal/service"
)

const (
	setupName      = "setup"
	snapshotPrefix = "snapshot-"
	purgeMark      = ".purge-"

	// setupSDDL keeps the setup folder from everybody but SYSTEM and Administrators.
	setupSDDL = "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
	// stateMax bounds a file of ours: it may hold three configurations, in base64.
	stateMax = 6 * confMax
	// namesMax bounds how many names of one of our folders are looked at; besideMax of that around them.
	namesMax  = 10_000
	besideMax = 1_000_000
)

// transaction is what has to be known to undo what was done. Its file is there from snapshot to commit
// or to the end of the rollback.
type transaction struct {
	Begun time.Time `json:"begun"`
	// Made are folders of this transaction: the data folder, and before it those above it. MadeSetup
	// says that the setup folder is, too.
	Made      []string       `json:"made"`
	MadeSetup bool           `json:"made_setup"`
	Service   service.Record `json:"service"`
	// Done is what was changed, or was about to be, in this order.
	Done []change `json:"done"`
	// Removed says that remove came to its end.
	Removed bool `json:"removed,omitempty"`
}

// madeData tells whether the data folder is of this transaction.
func (t *transaction) madeData(data string) bool {
	return slices.ContainsFunc(t.Made, func(dir string) bool { return strings.EqualFold(dir, data) })
}

// The kinds of change.
const (
	changedFile     = "file"          // File was written
	changedAccess   = "access"        // the data folder had the access list Access
	addedRule       = "rule_added"    // Rule was added to the firewall
	enabledRule     = "rule_enabled"  // Rule was enabled
	disabledRule    = "rule_disabled" // Rule was disabled, if it was not, and is to be removed at commit
	renamedToPurged = "purge"         // the data folder was renamed to Purged
)

// change is one thing that was changed.
type change struct {
	Kind   string               `json:"kind"`
	File   *fileChange          `json:"file,omitempty"`
	Access string               `json:"access,omitempty"`
	Rule   service.FirewallRule `json:"rule,omitzero"`
	Purged string               `json:"purged,omitempty"`
}

// fileChange is a file that was written: what it was, and how to know that it is still what we made.
type fileChange struct {
	Name    string `json:"name"` // in the data folder, or setup\ and a name
	Existed bool   `json:"existed"`
	Before  []byte `json:"before,omitempty"`
	After   string `json:"after"` // its hash
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// home is the data folder of the open transaction, wherever it is now, with the file's path.
type home struct{ data, file string }

func (h home) setup() string { return parent(h.file) }

func (s *setup) homeIn(data string) home {
	return home{data, join(data, setupName, snapshotPrefix+s.key()+".json")}
}

// findHome looks where the transaction's file is: in the data folder, or in what was purged of it. Where
// others could have made the folder, nothing in it is looked at, and what is wrong with it is no error:
// anybody can make a folder with such a name.
func (s *setup) findHome() (home, bool, error) {
	if s.data == "" {
		return home{}, false, nil
	}
	places, err := s.purged()
	if err != nil {
		return home{}, false, err
	}
	for _, data := range append([]string{s.data}, places...) {
		e, err := s.disk.Look(data)
		if err != nil && data == s.data {
			return home{}, false, err
		}
		if err != nil || checkFolder(data, e) != nil {
			continue
		}
		h := s.homeIn(data)
		if e, err := s.disk.Look(h.file); err != nil {
			return home{}, false, err
		} else if !e.Exists {
			continue
		}
		if err := s.checkOwn(data); err != nil {
			return home{}, false, err
		}
		return h, true, nil
	}
	return home{}, false, nil
}

// purged are the folders beside the data folder that it may have been renamed to, if it was to be.
func (s *setup) purged() ([]string, error) {
	if s.kind != kindRemove || !s.purge {
		return nil, nil
	}
	names, err := s.disk.List(parent(s.data), besideMax)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var found []string
	for _, name := range names {
		if strings.HasPrefix(strings.ToLower(name), strings.ToLower(base(s.data)+purgeMark)) {
			found = append(found, join(parent(s.data), name))
		}
	}
	return found, nil
}

// checkOwn tells whether a data folder and the setup folder in it are such as only administrators can
// have made, and still only they can change what setup keeps there. From then on nobody can put others
// in their place, until unpin.
func (s *setup) checkOwn(data string) error {
	for _, dir := range []string{data, join(data, setupName)} {
		release, err := s.disk.Pin(dir)
		if err != nil {
			return err
		}
		s.pins = append(s.pins, release)
		e, err := s.disk.Look(dir)
		if err != nil {
			return err
		}
		if err := checkFolder(dir, e); err != nil {
			return err
		}
		if dir != data && len(e.Writers) > 0 {
			return fmt.Errorf("%s can be changed by %s; remove it", dir, strings.Join(e.Writers, ", "))
		}
	}
	return nil
}

// unpin lets go of the folders, which must come before they are renamed or removed.
func (s *setup) unpin() {
	for _, release := range s.pins {
		release()
	}
	s.pins = nil
}

// checkFolder refuses everything but a folder that an administrator owns.
func checkFolder(dir string, e service.Entry) error {
	switch {
	case !e.Exists:
		return fmt.Errorf("%s: %w", dir, fs.ErrNotExist)
	case e.Link:
		return fmt.Errorf("%s is a link to another place; put a folder in its place, or name that place itself", dir)
	case !e.Folder:
		return fmt.Errorf("%s is a file; remove it or name a folder", dir)
	case !e.Trusted:
		return fmt.Errorf(`%s belongs to %s, who could change what the service reads; look at what is in it, then remove it, or make it the administrators': takeown /a /f "%s"`, dir, e.Owner, dir)
	}
	return nil
}

// load reads the open transaction; nil says that there is none.
func (s *setup) load() (*transaction, home, error) {
	h, found, err := s.findHome()
	if err != nil || !found {
		return nil, h, err
	}
	t, err := s.read(h.file)
	return t, h, err
}

func (s *setup) read(file string) (*transaction, error) {
	data, err := s.disk.Read(file, stateMax)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var t transaction
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, fmt.Errorf("%s: %w; it is not as setup wrote it: remove it", file, err)
	}
	return &t, nil
}

func (s *setup) save(t *transaction, h home) error {
	data, err := json.MarshalIndent(t, "", "\t")
	if err != nil {
		return err
	}
	return s.disk.Write(h.file, data)
}

// will notes a change before it is made, so that it can be undone however far it got.
func (s *setup) will(t *transaction, h home, c change) error {
	if t == nil {
		return nil
	}
	t.Done = append(t.Done, c)
	return s.save(t, h)
}

// findLog sets the log's folder, where there is one that can be trusted.
func (s *setup) findLog() {
	h, found, err := s.findHome()
	if err == nil && !found && s.data != "" {
		h = s.homeIn(s.data)
		err = s.checkOwn(s.data)
	}
	if err != nil || s.data == "" {
		return
	}
	s.log.in(h.setup())
}

// undo takes back what the transaction has changed, the last first. What cannot be undone is told and
// does not keep the rest from being undone; what is undone already stays so.
func (s *setup) undo(ctx context.Context) error {
	t, h, err := s.load()
	if err != nil || t == nil {
		return err
	}
	var errs []error
	for _, c := range slices.Backward(t.Done) {
		s.log.info("undo", "what", c.Kind)
		if c.Kind == renamedToPurged {
			h, err = s.unpurge(h)
		} else {
			err = s.undoOne(ctx, h, c)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *setup) undoOne(ctx context.Context, h home, c change) error {
	switch c.Kind {
	case changedFile:
		return s.undoFile(h, c.File)
	case changedAccess:
		if e, err := s.disk.Look(h.data); err != nil || e.Access == c.Access { // below it everything may have a list of its own
			return err
		}
		return s.disk.Lock(h.data, c.Access)
	case addedRule, enabledRule, disabledRule:
		return s.undoRule(ctx, c)
	default:
		return fmt.Errorf("a change of kind %q is not known to this version", c.Kind)
	}
}

// undoFile leaves a file that somebody has changed since.
func (s *setup) undoFile(h home, f *fileChange) error {
	file := join(h.data, f.Name)
	now, err := s.disk.Read(file, stateMax)
	exists := !errors.Is(err, fs.ErrNotExist)
	switch {
	case exists && err != nil:
		return err
	case exists == f.Existed && slices.Equal(now, f.Before):
		return nil // it was about to be written, and was not
	case exists && hash(now) != f.After:
		s.log.warn("a file was changed meanwhile and stays", "file", file)
		return nil
	case f.Existed:
		return s.disk.Write(file, f.Before)
	default:
		return s.disk.Remove(file)
	}
}
