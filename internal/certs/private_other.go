//go:build !windows

package certs

import (
	"errors"
	"os"
)

// createPrivate makes a new file that only this account may use.
func createPrivate(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // where our own files are
}

// syncFolder makes a renaming in it last.
func syncFolder(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // where we have just written
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
