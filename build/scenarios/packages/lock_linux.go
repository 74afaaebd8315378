package main

import (
	"os"
	"syscall"
)

// lock waits until no other process makes packages in the same place.
func lock(file string) (free func(), err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a file of the build
	if err != nil {
		return nil, err
	}
	free = func() { _ = f.Close() }
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		free()
		return nil, err
	}
	return free, nil
}
