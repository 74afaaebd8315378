package wine

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// copyPrefix copies a prefix whose Windows does not run. The programs and libraries of Windows
// itself, 700 MB that nobody changes in place, are hard links where the file system allows it: a
// copy takes milliseconds.
func copyPrefix(from, to string) error {
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		return copyEntry(path, filepath.Join(to, rel), shared(rel), entry)
	})
	if err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return nil
}

func copyEntry(from, to string, shared bool, entry fs.DirEntry) error {
	switch kind := entry.Type(); {
	case kind.IsDir():
		return os.Mkdir(to, 0o755) //nolint:gosec // as Wine makes them
	case kind == fs.ModeSymlink:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case shared && os.Link(from, to) == nil: // not across file systems: then it is copied
		return nil
	default:
		return copyFile(from, to)
	}
}

// copyFile keeps the time: Windows asks for a file's age.
func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(from) //nolint:gosec // a file of a prefix of ours
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, data, info.Mode().Perm()); err != nil { //nolint:gosec // likewise
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

// shared tells files that all prefixes may have in common.
func shared(rel string) bool {
	dir, _, _ := strings.Cut(strings.TrimPrefix(filepath.ToSlash(rel), "drive_c/windows/"), "/")
	if !slices.Contains([]string{"system32", "syswow64", "winsxs"}, dir) {
		return false
	}
	return slices.Contains([]string{".dll", ".exe", ".drv", ".sys", ".nls", ".ocx", ".acm", ".cpl"}, filepath.Ext(rel))
}
