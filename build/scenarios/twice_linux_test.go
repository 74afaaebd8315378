//go:build wine

package scenarios

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A package can be checked by building it again.
func TestTwoBuildsAreTheSame(t *testing.T) {
	t.Parallel()
	installer, err := filepath.Abs(filepath.Join(packagesDir, "installer.exe"))
	if err != nil {
		t.Fatal(err)
	}
	again := t.TempDir()
	cmd := exec.CommandContext(t.Context(), installer, "build", "--arch", "amd64", "--version", "1.0.0", "--out", again)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1767225600") // as for the first
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	first, second := onlyPackage(t, filepath.Join(packagesDir, "1.0.0")), onlyPackage(t, again)
	if !bytes.Equal(first, second) {
		t.Errorf("two builds differ: %d and %d bytes", len(first), len(second))
	}
}

func onlyPackage(t *testing.T, dir string) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.msi"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s has %d packages, want one (%v)", dir, len(files), err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return data
}
