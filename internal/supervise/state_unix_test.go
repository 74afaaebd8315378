//go:build !windows

package supervise

import (
	"path/filepath"
	"syscall"
	"testing"
)

// TestStateWaitsForNobody has named pipes in the place of its files, which nobody reads or writes.
func TestStateWaitsForNobody(t *testing.T) {
	k := kept{file: filepath.Join(t.TempDir(), "apps.json")}
	for _, name := range []string{k.file, k.file + ".new"} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.load(); err == nil {
		t.Error("a pipe was read")
	}
	if err := k.set("shop", func(a *keptApp) { a.Scaled = &keptScale{Instances: 5} }); err != nil {
		t.Error(err)
	}
	again := kept{file: k.file}
	if err := again.load(); err != nil || again.app("shop").Scaled == nil {
		t.Errorf("kept %v, %v", again.all(), err)
	}
}
