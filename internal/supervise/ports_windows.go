package supervise

import (
	"errors"
	"syscall"
)

// Winsock's own numbers: package syscall's EADDRNOTAVAIL and EAFNOSUPPORT are inventions of Go's.
// learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2
const (
	errNoFamily  = syscall.Errno(10047)
	errNoAddress = syscall.Errno(10049)
)

func bindSocket(fd uintptr, _, address string) error {
	to, err := sockaddr(address)
	if err != nil {
		return err
	}
	return syscall.Bind(syscall.Handle(fd), to)
}

func noSuchAddress(err error) bool {
	return errors.Is(err, errNoAddress) || errors.Is(err, errNoFamily)
}
