package config

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// fingerprints tell whether the content of files has changed.
type fingerprints map[string][sha256.Size]byte

// fingerprintsOf reads all files; folders stand for the *.yaml files in them. What cannot be read
// has none.
func fingerprintsOf(files []string) fingerprints {
	prints := fingerprints{}
	for _, name := range files {
		names := []string{name}
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			names, _ = yamlFiles(name)
		}
		for _, name := range names {
			if data, err := ReadBounded(name, maxFile); err == nil {
				prints[name] = sha256.Sum256(data)
			}
		}
	}
	return prints
}

// Change says what may have changed.
type Change string

// The changes that Watch tells.
const (
	FilesChanged  Change = "file"
	PolicyChanged Change = "policy" // Group Policy, or what setup keeps in the registry
)

// policySettle is how long the registry must be quiet before a change counts: a refresh of Group
// Policy removes values and writes them again.
const policySettle = 2 * time.Second

// Watch calls changed after the content of what the snapshot was loaded from has changed, and then
// no event has come for debounce; for the registry it is 2 s. A change between Load and Watch is
// told, too. Folders stand for the *.yaml files in them. Files and folders may appear, disappear, be
// renamed over and be symbolic links that are switched, and so may keys. It calls changed from its
// own goroutine, one call at a time, and returns nil when ctx ends; an error means that the
// operating system does not let it watch.
func (s *Snapshot) Watch(ctx context.Context, debounce time.Duration, changed func(Change)) error {
	w := watcher{files: s.Files, prints: s.prints, debounce: debounce, keys: s.keys, content: s.content, settle: policySettle}
	return w.run(ctx, changed)
}

// watcher compares files and registry keys with what they were.
type watcher struct {
	files    []string
	prints   fingerprints
	debounce time.Duration

	keys    registryKeys
	content [sha256.Size]byte
	settle  time.Duration
}

func (w *watcher) run(ctx context.Context, changed func(Change)) error {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the configuration: %w", err)
	}
	defer notify.Close() //nolint:errcheck // nothing depends on the end of watching
	if err := follow(notify, w.files); err != nil {
		return err
	}
	policy, stop := w.watchKeys(ctx)
	defer stop()
	// The first look is for what changed before the folders were watched.
	timer, settled := time.NewTimer(w.debounce), time.NewTimer(w.settle)
	defer timer.Stop()
	settled.Stop() // it begins with the first word from watchKeys, which comes when all is watched
	defer settled.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-notify.Events:
			if !ok {
				return nil
			}
			timer.Reset(w.debounce)
		case _, ok := <-notify.Errors:
			if !ok {
				return nil
			}
			// Events were lost, or a folder went away: look at the content, and follow again.
			timer.Reset(w.debounce)
		case <-timer.C:
			// Folders may have come or gone, and a lost watch is found by nothing else.
			if err := follow(notify, w.files); err != nil {
				return err
			}
			if now := fingerprintsOf(w.files); !maps.Equal(now, w.prints) {
				w.prints = now
				changed(FilesChanged)
			}
		case err := <-policy:
			if err != nil {
				return err
			}
			settled.Reset(w.settle)
		case <-settled.C:
			if now := w.keys.read().fingerprint(); now != w.content {
				w.content = now
				changed(PolicyChanged)
			}
		}
	}
}

// watchKeys sends nil when the keys may have changed, and an error when they cannot be watched any
// more. stop ends it and waits for that.
func (w *watcher) watchKeys(ctx context.Context) (told <-chan error, stop func()) {
	if w.keys.registry == nil {
		return nil, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	events, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		err := w.keys.registry.Watch(ctx, w.keys.names(), func() {
			select {
			case events <- nil:
			default: // one is waiting, and whoever takes it reads after this
			}
		})
		if err == nil {
			return
		}
		select {
		case events <- fmt.Errorf("watch Group Policy: %w", err):
		case <-ctx.Done():
		}
	}()
	return events, func() {
		cancel()
		<-done
	}
}

// follow watches the folders that the files are in, those that symbolic links lead to, and the
// folders among the files. For a folder that is not there it watches the nearest one above.
func follow(w *fsnotify.Watcher, files []string) error {
	want := map[string]bool{}
	for _, name := range files {
		want[existing(filepath.Dir(name))] = true
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			want[name] = true
		}
		if real, err := filepath.EvalSymlinks(name); err == nil {
			want[filepath.Dir(real)] = true
		}
	}
	// A folder that was deleted and made again has lost its watch without a word, so each is added
	// again; the watcher knows the ones it has.
	for dir := range want {
		if err := w.Add(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("watch the configuration: folder %s: %w", dir, err)
		}
	}
	for _, dir := range w.WatchList() {
		if !want[dir] {
			_ = w.Remove(dir) // a folder that is gone is not watched any more
		}
	}
	return nil
}

// existing is dir or the nearest folder above it that is there.
func existing(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return dir
		}
		dir = parent
	}
}
