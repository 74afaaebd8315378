package daemon

import (
	"os"
	"path/filepath"
)

// endpoint is a pipe for the test in dir.
func endpoint(dir string) string {
	return `\\.\pipe\` + filepath.Base(filepath.Dir(dir)) + filepath.Base(dir)
}

// alive reports whether a process is there: one that has ended cannot be opened.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	_ = p.Release()
	return true
}
