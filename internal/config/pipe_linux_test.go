package config

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNamedPipe puts a pipe that nobody writes to where a file is wanted: it is refused, and
// nobody waits for it.
func TestNamedPipe(t *testing.T) {
	for name, where := range map[string]string{"main file": "holdfast.yaml", "conf.d": "conf.d/a.yaml", "value": "password"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			pipe := filepath.Join(dir, where)
			main := filepath.Join(dir, "holdfast.yaml")
			if pipe != main {
				write(t, main, "version: 1\napps: {a: {command: [/bin/true, \"${env:NONE:-x}\"]}}\n")
			}
			if name == "value" {
				write(t, filepath.Join(dir, "conf.d", "b.yaml"), "apps: {a: {env: {P: \"${file:"+pipe+"}\"}}}\n")
			}
			write(t, filepath.Join(dir, "conf.d", "empty.yaml"), "")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			loaded := make(chan Problems, 1)
			go func() {
				_, problems := Load(Options{File: main})
				loaded <- problems
			}()
			select {
			case problems := <-loaded:
				if err := problems.Err(); err == nil || !strings.Contains(err.Error(), "not a regular file") {
					t.Errorf("problems: %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("Load waits for the pipe")
			}
		})
	}
}
