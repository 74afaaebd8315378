package certs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// WritePrivate replaces a file that only its owner may read, so that after a crash it is the former one
// or the new one as a whole. On Windows SYSTEM and Administrators may, too.
func WritePrivate(path string, data []byte) error { return replace(path, data, createPrivate) }

// writePublic is WritePrivate for what everybody may read who can enter the folder.
func writePublic(path string, data []byte) error {
	return replace(path, data, func(name string) (*os.File, error) {
		return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // it is for everybody, in our own folder
	})
}

func replace(path string, data []byte, create func(string) (*os.File, error)) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err // what an earlier crash left behind
	}
	f, err := create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp) // the error counts
		return fmt.Errorf("write %s: %w", path, err)
	}
	return syncFolder(dir)
}
