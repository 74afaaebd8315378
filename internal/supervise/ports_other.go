//go:build !windows

package supervise

import (
	"errors"
	"syscall"
)

func bindSocket(fd uintptr, _, address string) error {
	to, err := sockaddr(address)
	if err != nil {
		return err
	}
	return syscall.Bind(int(fd), to)
}

func noSuchAddress(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}
