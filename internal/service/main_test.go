package service

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is also the service that tests start.
func TestMain(m *testing.M) {
	if code, ok := asService(); ok {
		os.Exit(code) //nolint:forbidigo // this is the main of a program
	}
	goleak.VerifyTestMain(m)
}

// scratch is a temporary folder. t.TempDir would fail under Wine 8, which does not know how
// os.RemoveAll removes.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "holdfast-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var found []string
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			found = append(found, path)
			return err
		})
		for _, path := range slices.Backward(found) {
			if err == nil {
				err = os.Remove(path)
			}
		}
		if err != nil {
			t.Errorf("remove %s: %v", dir, err)
		}
	})
	return dir
}
