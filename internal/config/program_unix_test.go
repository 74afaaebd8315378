//go:build !windows

package config

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestProgramThatIsAPipe names a pipe that nobody writes to: reading the configuration must not wait for it.
func TestProgramThatIsAPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o700); err != nil {
		t.Fatal(err)
	}
	told := rendered(t, Check("x.yaml", []byte("version: 1\napps:\n  x: {command: [./pipe], port: none}\n"), Options{File: filepath.Join(dir, "x.yaml")}))
	if strings.Contains(told, "error[") {
		t.Errorf("told:\n%s", told)
	}
}
