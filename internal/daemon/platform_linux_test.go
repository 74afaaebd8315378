package daemon

import (
	"path/filepath"
	"syscall"
)

// endpoint is a socket for the test in dir.
func endpoint(dir string) string { return filepath.Join(dir, "s", "h.sock") }

// alive reports whether a process is there.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }
