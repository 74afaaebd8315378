package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// readKept asks for a name as a request does, and returns what it would get and whether that was in memory.
func readKept(t *testing.T, f *files, name string) (text string, kept bool) {
	t.Helper()
	file, err := f.look(name)
	if err != nil {
		return "", false
	}
	defer file.close()
	data, ok := file.read(f.root, make([]byte, copySize))
	if !ok {
		t.Fatalf("%s could not be read", name)
	}
	return string(data), file.kept != nil
}

// What is kept is given out only while the file is the same, however it comes to be another one.
func TestKept(t *testing.T) {
	rename := func(root string) error {
		if err := os.WriteFile(filepath.Join(root, "new"), []byte("two"), 0o600); err != nil {
			return err
		}
		return os.Rename(filepath.Join(root, "new"), filepath.Join(root, "in/file"))
	}
	for _, test := range []struct {
		name   string
		change func(root string) error
		want   string
	}{
		{"written, of the same size and time", func(root string) error {
			path := filepath.Join(root, "in/file")
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte("two"), 0o600); err != nil {
				return err
			}
			return os.Chtimes(path, info.ModTime(), info.ModTime())
		}, "two"},
		{"another one in its place", rename, "two"},
		{"another one in its place, of the same time", func(root string) error {
			info, err := os.Stat(filepath.Join(root, "in/file"))
			if err != nil {
				return err
			}
			if err := rename(root); err != nil {
				return err
			}
			return os.Chtimes(filepath.Join(root, "in/file"), info.ModTime(), info.ModTime())
		}, "two"},
		{"shorter", func(root string) error { return os.Truncate(filepath.Join(root, "in/file"), 1) }, "o"},
		{"removed", func(root string) error { return os.Remove(filepath.Join(root, "in/file")) }, ""},
		{"its folder renamed", func(root string) error { return os.Rename(filepath.Join(root, "in"), filepath.Join(root, "out")) }, ""},
		{"a link out of the folder", func(root string) error {
			path := filepath.Join(root, "in/file")
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Symlink("/etc/hostname", path)
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := tree(t, map[string]string{"in/file": "one"})
			dir := newFolder(root, newKeeper(0))
			defer dir.close()
			f := &files{root: dir}
			for n, want := range []bool{false, false, true, true} {
				if text, kept := readKept(t, f, "in/file"); text != "one" || kept != want {
					t.Fatalf("time %d: %q, kept: %t; want one, %t", n+1, text, kept, want)
				}
			}
			if err := test.change(root); err != nil {
				t.Fatal(err)
			}
			if text, kept := readKept(t, f, "in/file"); text != test.want || kept {
				t.Errorf("after the change: %q, kept: %t; want %q, not kept", text, kept, test.want)
			}
		})
	}
}

// A file that has just been changed may change again without its times showing it.
func TestKeptSettled(t *testing.T) {
	dir := newFolder(tree(t, map[string]string{"file": "one"}), newKeeper(time.Hour))
	defer dir.close()
	f := &files{root: dir}
	for range 4 {
		if _, kept := readKept(t, f, "file"); kept {
			t.Fatal("kept although it is new")
		}
	}
}

func TestKeptBounded(t *testing.T) {
	content := map[string]string{}
	for n := range 700 {
		content[fmt.Sprint(n)] = strings.Repeat("x", copySize)
	}
	dir := newFolder(tree(t, content), newKeeper(0))
	f := &files{root: dir}
	for range 3 {
		for name := range content {
			readKept(t, f, name)
			sum := 0
			for _, file := range dir.keeper.files {
				sum += len(file.data)
			}
			if sum != dir.keeper.bytes || sum > maxKeptBytes || len(dir.keeper.files) > maxKept {
				t.Fatalf("%d bytes in %d files are kept, said to be %d", sum, len(dir.keeper.files), dir.keeper.bytes)
			}
		}
	}
	dir.close()
	if n := len(dir.keeper.files); n != 0 || dir.keeper.bytes != 0 {
		t.Errorf("of a folder that is closed %d files with %d bytes are kept", n, dir.keeper.bytes)
	}
}
