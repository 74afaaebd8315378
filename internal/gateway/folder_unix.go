//go:build unix

package gateway

import "syscall"

// readOnly opens without waiting: a named pipe has no end to wait for.
const readOnly = syscall.O_RDONLY | syscall.O_NONBLOCK
