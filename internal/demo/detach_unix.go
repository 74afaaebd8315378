//go:build unix

package demo

import (
	"os/exec"
	"syscall"
)

// detach puts a child into a session of its own: no signal to the parent's group reaches it.
func detach(child *exec.Cmd) {
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
}
