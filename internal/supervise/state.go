package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"unicode/utf8"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// Bounds of what is kept.
const (
	maxState     = 1 << 20 // bytes of the file
	maxNote      = 500     // characters of a maintenance's note
	maxInstances = 1000    // as in the configuration
	stateVersion = 1
)

// kept is what persons asked for beyond the configuration. It is in a file, so that it outlives
// Holdfast:
//
//	{"version": 1, "apps": {"shop": {"scaled": {"instances": 5, "configured": 2}}}}
type kept struct {
	file string

	// writing is held from reading the present state until the changed one is on the disk.
	writing sync.Mutex
	mu      sync.Mutex
	apps    map[string]keptApp // never changed in place
}

type keptApp struct {
	Scaled      *keptScale          `json:"scaled,omitempty"`
	Maintenance *status.Maintenance `json:"maintenance,omitempty"`
}

// keptScale is a wanted number of instances and the configured one at that time: when the latter
// changes, the former no longer counts.
type keptScale struct {
	Instances  int `json:"instances"`
	Configured int `json:"configured"`
}

type keptFile struct {
	Version int                `json:"version"`
	Apps    map[string]keptApp `json:"apps"`
}

// load reads the file, which need not exist. After an error nothing is kept.
func (k *kept) load() error {
	if k.file == "" {
		return nil
	}
	data, err := config.ReadBounded(k.file, maxState) // never waits, whatever is in the file's place
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	apps, err := parseState(data)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.apps = apps
	return nil
}

// parseState reads the file's bytes.
func parseState(data []byte) (map[string]keptApp, error) {
	if len(data) > maxState {
		return nil, fmt.Errorf("it is larger than %d bytes", maxState)
	}
	var file keptFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	if file.Version != stateVersion {
		return nil, fmt.Errorf("its version is %d, and this Holdfast knows %d", file.Version, stateVersion)
	}
	for name, a := range file.Apps {
		if s := a.Scaled; s != nil && (s.Instances < 0 || s.Instances > maxInstances || s.Configured < 0 || s.Configured > maxInstances) {
			return nil, fmt.Errorf("app %q: scaled from %d to %d instances: there are 0 to %d", name, s.Configured, s.Instances, maxInstances)
		}
		if m := a.Maintenance; m != nil && utf8.RuneCountInString(m.Note) > maxNote {
			return nil, fmt.Errorf("app %q: the note has more than %d characters", name, maxNote)
		}
	}
	return file.Apps, nil
}

// setAside moves a file that cannot be used out of the way and returns its new name.
func (k *kept) setAside() (string, error) {
	aside := k.file + ".damaged"
	return aside, os.Rename(k.file, aside)
}

// app is what is kept of one.
func (k *kept) app(name string) keptApp {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.apps[name]
}

// all is what is kept; it must not be changed.
func (k *kept) all() map[string]keptApp {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.apps
}

// edit changes what is kept. It returns nil once that would survive a loss of power; after an error
// nothing has changed.
func (k *kept) edit(change func(map[string]keptApp)) error {
	k.writing.Lock()
	defer k.writing.Unlock()
	next := maps.Clone(k.all())
	if next == nil {
		next = make(map[string]keptApp)
	}
	change(next)
	maps.DeleteFunc(next, func(_ string, a keptApp) bool { return a == keptApp{} })
	if k.file != "" {
		if err := writeState(k.file, next); err != nil {
			return fmt.Errorf("%w: what is wanted of the apps: %w; make room on the disk, or give this account the right to write there", status.ErrNotSaved, err)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.apps = next
	return nil
}

// set changes what is kept of one app.
func (k *kept) set(name string, change func(*keptApp)) error {
	return k.edit(func(apps map[string]keptApp) {
		a := apps[name]
		change(&a)
		apps[name] = a
	})
}

// writeState replaces the file as a whole or not at all.
func writeState(file string, apps map[string]keptApp) error {
	data, err := json.MarshalIndent(keptFile{stateVersion, apps}, "", "  ")
	if err != nil {
		return err
	}
	if len(data) > maxState {
		return fmt.Errorf("%s would be larger than %d bytes", file, maxState)
	}
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	// What a write left behind that was killed, or what else is there: it is not followed, nor waited for.
	if err := os.Remove(file + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	temp, err := os.OpenFile(file+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // a file of ours
	if err != nil {
		return err
	}
	_, err = temp.Write(append(data, '\n'))
	if err == nil {
		err = temp.Sync()
	}
	err = errors.Join(err, temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return syncDir(dir)
}
