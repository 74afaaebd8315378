package config

import (
	"context"
	"errors"
	"testing"
	"time"
)

// watchedPolicy watches the keys of a registry until the test ends.
func watchedPolicy(t *testing.T, r Registry, content [32]byte) (<-chan Change, <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	calls, done := make(chan Change, 100), make(chan error, 1)
	w := watcher{debounce: time.Millisecond, keys: registryKeys{r, testPolicyKey, testInstalledKey}, content: content, settle: 20 * time.Millisecond}
	go func() {
		done <- w.run(ctx, func(c Change) { calls <- c })
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch: %v", err)
		}
	})
	return calls, done
}

func TestPolicyWatch(t *testing.T) {
	r := policies(sz("LogLevel", "warn"))
	keys := registryKeys{r, testPolicyKey, testInstalledKey}
	before := keys.read().fingerprint()
	r.put(sz("LogLevel", "info")) // between Load and Watch
	calls, _ := watchedPolicy(t, r, before)
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

	// A refresh that writes the same again, and what is no configuration, are not told: the next call
	// is that of the last change.
	r.set(testInstalledKey, sz("Port", "81"))
	r.set(testInstalledKey, sz("Version", "2"))
	r.put(sz("LogLevel", "warn"))
	next("the last change")
	select {
	case <-calls:
		t.Error("something else was told, too")
	default:
	}
}

// failing is a registry that cannot be watched.
type failing struct{ *fakeRegistry }

func (failing) Watch(context.Context, []string, func()) error { return errors.New("no more handles") }

func TestPolicyWatchFails(t *testing.T) {
	_, done := watchedPolicy(t, failing{policies()}, [32]byte{})
	if err := <-done; err == nil || err.Error() != "watch Group Policy: no more handles" {
		t.Errorf("err = %v", err)
	}
}
