package config

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watched watches the files from now on until the test ends; each receive is one call.
func watched(t *testing.T, files ...string) <-chan struct{} {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	calls, done := make(chan struct{}, 100), make(chan error, 1)
	w := watcher{files: files, prints: fingerprintsOf(files), debounce: 20 * time.Millisecond}
	go func() { done <- w.run(ctx, func(Change) { calls <- struct{}{} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch: %v", err)
		}
	})
	return calls
}

// changes makes one change and waits for it to be told.
func changes(t *testing.T, calls <-chan struct{}, what string, change func() error) {
	t.Helper()
	if err := change(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	select {
	case <-calls:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s is not told", what)
	}
}

func put(name, text string) func() error {
	return func() error { return os.WriteFile(name, []byte(text), 0o600) }
}

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	main := write(t, filepath.Join(dir, "holdfast.yaml"), "1")
	confd := filepath.Join(dir, "conf.d")
	part := filepath.Join(confd, "a.yaml")
	calls := watched(t, main, confd)

	// The first change may come before the folders are watched: Watch looks once on its own.
	changes(t, calls, "a write", put(main, "2"))
	changes(t, calls, "a delete", func() error { return os.Remove(main) })
	changes(t, calls, "a create", put(main, "3"))
	changes(t, calls, "a rename over", func() error {
		if err := put(main+".tmp", "4")(); err != nil {
			return err
		}
		return os.Rename(main+".tmp", main)
	})
	changes(t, calls, "a folder that appears with a file", func() error {
		if err := os.Mkdir(confd, 0o750); err != nil {
			return err
		}
		return put(part, "1")()
	})
	changes(t, calls, "a write in the folder", put(part, "2"))
	changes(t, calls, "a folder that goes", func() error { return os.RemoveAll(confd) })
	changes(t, calls, "a folder that comes again", func() error {
		if err := os.Mkdir(confd, 0o750); err != nil {
			return err
		}
		return put(part, "3")()
	})
	changes(t, calls, "a write in the new folder", put(part, "4"))

	// What is not content is not told: the next call is that of the last change.
	if err := os.Chtimes(main, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := put(main, "4")(); err != nil {
		t.Fatal(err)
	}
	if err := put(filepath.Join(confd, "readme.txt"), "x")(); err != nil {
		t.Fatal(err)
	}
	changes(t, calls, "the last write", put(main, "5"))
	select {
	case <-calls:
		t.Error("something else was told, too")
	default:
	}
}

// TestWatchSymlinks switches links as Kubernetes does for a ConfigMap, and edits a link's target.
func TestWatchSymlinks(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"one", "two"} {
		write(t, filepath.Join(dir, ".."+version, "holdfast.yaml"), version)
	}
	target := write(t, filepath.Join(t.TempDir(), "elsewhere.yaml"), "1")
	link := func(to, name string) error { return os.Symlink(to, filepath.Join(dir, name)) }
	for _, l := range [][2]string{{"..one", "..data"}, {"..data/holdfast.yaml", "holdfast.yaml"}, {target, "link.yaml"}} {
		if err := link(l[0], l[1]); err != nil {
			t.Fatal(err)
		}
	}
	calls := watched(t, filepath.Join(dir, "holdfast.yaml"), filepath.Join(dir, "link.yaml"))
	changes(t, calls, "a switched folder", func() error {
		if err := link("..two", "..new"); err != nil {
			return err
		}
		return os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data"))
	})
	changes(t, calls, "an edited target", put(target, "2"))
}

// TestWatchMissingFolder waits for a configuration whose folder is not there yet.
func TestWatchMissingFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a", "b", "holdfast.yaml")
	calls := watched(t, file)
	changes(t, calls, "a file in new folders", func() error {
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			return err
		}
		return put(file, "1")()
	})
	changes(t, calls, "a write there", put(file, "2"))
}

// TestSnapshotWatch tells a change that came between Load and Watch.
func TestSnapshotWatch(t *testing.T) {
	main := write(t, filepath.Join(t.TempDir(), "holdfast.yaml"), "version: 1\n")
	s, problems := Load(Options{File: main})
	if s == nil {
		t.Fatal(rendered(t, problems))
	}
	write(t, main, "version: 1\nlogging: {level: warn}\n")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	told := Change("")
	if err := s.Watch(ctx, time.Millisecond, func(c Change) { told = c; cancel() }); err != nil || told != FilesChanged {
		t.Errorf("told %q, %v", told, err)
	}
}
