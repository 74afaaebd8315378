package demo

import (
	"os/exec"
	"syscall"
)

// detachedProcess gives a child no console (DETACHED_PROCESS, learn.microsoft.com
// "Process Creation Flags"); package syscall does not name it.
const detachedProcess = 0x00000008

// detach puts a child out of reach of the parent's console events.
func detach(child *exec.Cmd) {
	child.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP | detachedProcess}
}
