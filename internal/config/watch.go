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

// Watch calls changed after the content of any of files has changed and then no event has come for
// debounce. Folders stand for the *.yaml files in them. Files and folders may appear, disappear, be
// renamed over and be symbolic links that are switched. What changed before Watch began is not
// told. It calls changed from its own goroutine, one call at a time, and returns nil when ctx ends;
// an error means that the operating system does not let it watch.
func Watch(ctx context.Context, files []string, debounce time.Duration, changed func()) error {
	return watch(ctx, files, fingerprintsOf(files), debounce, changed)
}

// Watch is the function Watch for the snapshot's files, compared with what was loaded: a change
// between Load and Watch is not lost.
func (s *Snapshot) Watch(ctx context.Context, debounce time.Duration, changed func()) error {
	return watch(ctx, s.Files, s.prints, debounce, changed)
}

func watch(ctx context.Context, files []string, last fingerprints, debounce time.Duration, changed func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the configuration: %w", err)
	}
	defer w.Close() //nolint:errcheck // nothing depends on the end of watching
	if err := follow(w, files); err != nil {
		return err
	}
	// The first look is for what changed before the folders were watched.
	timer := time.NewTimer(debounce)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-w.Events:
			if !ok {
				return nil
			}
			timer.Reset(debounce)
		case _, ok := <-w.Errors:
			if !ok {
				return nil
			}
			// Events were lost, or a folder went away: look at the content, and follow again.
			timer.Reset(debounce)
		case <-timer.C:
			// Folders may have come or gone, and a lost watch is found by nothing else.
			if err := follow(w, files); err != nil {
				return err
			}
			if now := fingerprintsOf(files); !maps.Equal(now, last) {
				last = now
				changed()
			}
		}
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
