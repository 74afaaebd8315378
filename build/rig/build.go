//go:build linux

package rig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Run builds the holdfast under test, has ready told where it is, and runs the tests. The package is two
// folders below the module's root. It returns the exit code for TestMain.
func Run(m *testing.M, ready func(binary string)) int {
	dir, err := os.MkdirTemp("", "holdfast-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, "holdfast")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/holdfast")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build holdfast: %v\n%s", err, out)
		return 1
	}
	ready(binary)
	return m.Run()
}
