package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// fingerprint is the same as long as the files of these places and the compiler are.
func fingerprint(places ...string) (string, error) {
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, runtime.Version())
	for _, place := range places {
		err := filepath.WalkDir(place, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := os.Open(path) //nolint:gosec // one of our sources
			if err != nil {
				return err
			}
			defer f.Close() //nolint:errcheck // only read
			content := sha256.New()
			if _, err := io.Copy(content, f); err != nil {
				return err
			}
			_, _ = fmt.Fprintf(sum, "%s %x\n", filepath.ToSlash(path), content.Sum(nil))
			return nil
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// copyFile replaces a file by a copy of another.
func copyFile(from, to string) error {
	in, err := os.Open(from) //nolint:gosec // a file of the build
	if err != nil {
		return err
	}
	defer in.Close()          //nolint:errcheck // only read
	out, err := os.Create(to) //nolint:gosec // likewise
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// onlyPackage is the package of a folder.
func onlyPackage(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.msi"))
	if err != nil {
		return "", err
	}
	if len(files) != 1 {
		return "", fmt.Errorf("%s has %d packages, want one", dir, len(files))
	}
	return files[0], nil
}

// takeAlong gives the packages, the program and the tool second names in a folder of their own; across
// file systems they are copied.
func takeAlong(out, take string) error {
	for _, pattern := range []string{"*.exe", filepath.Join("*", "*.msi"), filepath.Join("*", "*.mst"), filepath.Join("*", "*.pem")} {
		files, err := filepath.Glob(filepath.Join(out, pattern))
		if err != nil {
			return err
		}
		for _, from := range files {
			rel, err := filepath.Rel(out, from)
			if err != nil {
				return err
			}
			to := filepath.Join(take, rel)
			if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
				return err
			}
			if os.Link(from, to) == nil {
				continue
			}
			if err := copyFile(from, to); err != nil {
				return err
			}
		}
	}
	return nil
}
