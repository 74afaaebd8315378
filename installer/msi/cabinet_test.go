package msi_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/installer/msi"
)

// A cabinet whose files have paths instead of keys is not unpacked, whatever gcab would make of them.
func TestCabinetThatLeadsOutside(t *testing.T) {
	const key = "AAAAAAAAAAAAAAAA" // as long as the names that take its place
	for _, name := range []string{`..\..\..\..\evil`, "../../../../evil", `C:\folder\evil.x`, "C:evil.evil.evil", `a b\..\..\..\evi`} {
		dir := t.TempDir()
		file := filepath.Join(dir, "sample.msi")
		if err := msi.Write(t.Context(), sample(t, dir), file, nil); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, key), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		command := func(name string, args ...string) {
			cmd := exec.CommandContext(t.Context(), name, args...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v: %s", name, err, out)
			}
		}
		command("gcab", "-c", "-n", "evil.cab", key)
		cabinet, err := os.ReadFile(filepath.Join(dir, "evil.cab"))
		if err != nil || bytes.Count(cabinet, []byte(key)) != 1 || len(name) != len(key) {
			t.Fatalf("%q: %d characters, %v", name, len(name), err)
		}
		if err := os.WriteFile(filepath.Join(dir, "evil.cab"), bytes.Replace(cabinet, []byte(key), []byte(name), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		command("msibuild", file, "-a", "main.cab", "evil.cab")
		if _, err := msi.ExtractFiles(t.Context(), file, filepath.Join(dir, "files")); err == nil || !strings.Contains(err.Error(), "no key of a file") {
			t.Errorf("%q: got %v", name, err)
		}
		if made, err := os.ReadDir(filepath.Join(dir, "files")); err != nil || len(made) > 0 {
			t.Errorf("%q: %v, %v", name, made, err)
		}
	}
}
