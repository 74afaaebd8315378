package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"holdfast/internal/service"
)

// nameFile has, beside the executable, the name of the installation that the executable belongs to.
const nameFile = "holdfast.name"

// defaultName is the name of an installation whose name was not given as a flag: that of the
// environment, else of the file beside the executable, else Holdfast.
func defaultName(env func(string) string, folder string) (string, error) {
	if name := env("HOLDFAST_NAME"); name != "" {
		return name, nil
	}
	if folder == "" {
		return "Holdfast", nil
	}
	file := filepath.Join(folder, nameFile)
	name, err := readName(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "Holdfast", nil
	case err != nil:
		return "", fmt.Errorf("%s: %w; correct it, or give the name with --name", file, err)
	}
	return name, nil
}

// readName wants one line with a valid name, as whoever made the package wrote it.
func readName(file string) (string, error) {
	f, err := os.Open(file) //nolint:gosec // beside our own executable
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	const limit = 256
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", err
	}
	if len(data) > limit {
		return "", fmt.Errorf("want one line with the installation's name, got more than %d bytes", limit)
	}
	name := strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff"))
	if _, err := service.NewIdentity(name); err != nil {
		return "", err
	}
	return name, nil
}

// executableFolder is where this program's file is; empty when the system does not tell.
func executableFolder() string {
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Dir(exe)
}
