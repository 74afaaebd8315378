//go:build unix

package msi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/installer/msi"
)

// msiinfo ends with 1 after a table without rows. Any other such end is a table of which rows may be
// missing.
func TestReadNoticesABrokenExport(t *testing.T) {
	const create = "CREATE TABLE \\`T\\` (\\`A\\` INT NOT NULL PRIMARY KEY \\`A\\`)"
	tests := map[string]string{
		"rows, then an error":  `echo "` + create + "\nINSERT INTO \\`T\\` (\\`A\\`) VALUES (1)" + `"; exit 1`,
		"no rows, and a crash": `echo "` + create + `"; kill -SEGV $$`,
		"nothing":              "exit 1",
	}
	real, err := exec.LookPath("msiinfo")
	if err != nil {
		t.Fatal(err)
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "sample.msi")
			if err := msi.Write(t.Context(), sample(t, dir), file, nil); err != nil {
				t.Fatal(err)
			}
			fake := "#!/bin/sh\ncase $1$2 in export-s) " + script + ";; *) exec " + real + " \"$@\";; esac\n"
			if err := os.WriteFile(filepath.Join(dir, "msiinfo"), []byte(fake), 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
			if db, err := msi.Read(t.Context(), file); err == nil || !strings.Contains(err.Error(), "msiinfo export -s") {
				t.Errorf("got %v, error %v", db, err)
			}
		})
	}
}
