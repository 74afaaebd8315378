//go:build wine

package scenarios

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A package can be checked by building it again: elsewhere, and with another name for the folder of
// temporary files.
func TestTwoBuildsAreTheSame(t *testing.T) {
	t.Parallel()
	installer, err := filepath.Abs(filepath.Join(packagesDir, "installer.exe"))
	if err != nil {
		t.Fatal(err)
	}
	build := func() []byte {
		t.Helper()
		out := t.TempDir()
		cmd := exec.CommandContext(t.Context(), installer, "build", "--arch", "amd64", "--version", "1.0.0", "--out", out)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "SOURCE_DATE_EPOCH=1767225600")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		files, err := filepath.Glob(filepath.Join(out, "*.msi"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%d packages were made, want one (%v)", len(files), err)
		}
		data, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if first, second := build(), build(); !bytes.Equal(first, second) {
		t.Errorf("two builds differ: %d and %d bytes", len(first), len(second))
	}
}
