package config

import (
	"context"
	"errors"
	"testing"
	"time"
)

// watchedPolicy watches the keys of a registry until the test ends, or stop is called; stop returns
// the error of the watch.
func watchedPolicy(t *testing.T, r Registry, content [32]byte) (calls <-chan Change, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	all, done := make(chan Change, 100), make(chan struct{})
	w := watcher{debounce: time.Millisecond, keys: registryKeys{r, testPolicyKey, testInstalledKey}, content: content, settle: 20 * time.Millisecond}
	var err error
	go func() {
		defer close(done)
		err = w.run(ctx, func(c Change) { all <- c })
	}()
	stop = func() error {
		cancel()
		<-done
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return all, stop
}

func TestPolicyWatch(t *testing.T) {
	r := policies(sz("LogLevel", "warn"))
	keys := registryKeys{r, testPolicyKey, testInstalledKey}
	before := keys.read().fingerprint()
	r.put(sz("LogLevel", "info")) // between Load and Watch
	calls, stop := watchedPolicy(t, r, before)
	next := func(what string) {
		t.Helper()
		select {
		case c := <-calls:
			if c != PolicyChanged {
				t.Errorf("%s is told as %q", what, c)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s is not told", what)
		}
	}
	next("a change before the watch")
	r.put(sz("LogLevel", "error"))
	next("a value")
	r.put(sz(`AppInstances\shop`, "3"))
	next("a list")
	r.change(func() { clear(r.keys) })
	next("the end of the keys")
	r.set(testInstalledKey, sz("Port", "81"))
	next("a port")

	// A refresh that writes the same again, and what is no configuration, are looked at and not told.
	look := func(change func()) {
		looked := r.looked()
		change()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for r.looked() == looked {
			<-tick.C
		}
	}
	look(func() {
		r.set(testInstalledKey, sz("Port", "81"))
		r.set(testInstalledKey, sz("Version", "2"))
	})
	look(func() { r.put(sz("LogLevel", "warn")) })
	if err := stop(); err != nil {
		t.Errorf("Watch: %v", err)
	}
	if len(calls) != 1 {
		t.Errorf("%d calls for the last change", len(calls))
	}
}

// looked is how often the keys were read.
func (r *fakeRegistry) looked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reads
}

// failing is a registry that cannot be watched.
type failing struct{ *fakeRegistry }

func (failing) Watch(context.Context, []string, func()) error { return errors.New("no more handles") }

func TestPolicyWatchFails(t *testing.T) {
	w := watcher{keys: registryKeys{failing{policies()}, testPolicyKey, ""}, settle: time.Hour, debounce: time.Hour}
	if err := w.run(t.Context(), func(Change) {}); err == nil || err.Error() != "watch Group Policy: no more handles" {
		t.Errorf("err = %v", err)
	}
}
