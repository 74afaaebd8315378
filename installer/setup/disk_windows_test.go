package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/windows"
)

// scratch is a temporary folder. t.TempDir would fail under Wine 8, which does not know how
// os.RemoveAll removes; the disk under test removes it instead.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "holdfast-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = (ntfs{}).Full(dir); err != nil { // the environment may name it by a short name
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := (ntfs{}).RemoveAll(dir); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", dir, err)
		}
	})
	return dir
}

func put(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func content(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWriteReplacesAsAWhole(t *testing.T) {
	d, dir := ntfs{}, scratch(t)
	file := join(dir, "数据.yaml")
	for _, text := range []string{"one", "two, longer", ""} {
		if err := d.Write(file, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Read(file, 100); err != nil || string(got) != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	}
	// A second name of the file keeps what it was: only the name is replaced.
	outside := join(dir, "outside")
	put(t, outside, "precious")
	linked := join(dir, "linked")
	if err := os.Link(outside, linked); err != nil {
		t.Fatal(err)
	}
	if err := d.Write(linked, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got := content(t, outside); got != "precious" {
		t.Errorf("written through a second name: %q", got)
	}
	// So does one that waits where the new file is made.
	if err := os.Link(outside, join(dir, "c.tmp")); err != nil {
		t.Fatal(err)
	}
	if err := d.Write(join(dir, "c"), []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got := content(t, outside); got != "precious" {
		t.Errorf("written through a planted temporary file: %q", got)
	}
	names, err := d.List(dir, 10)
	if d := cmp.Diff(4, len(names)); d != "" || err != nil {
		t.Errorf("%q, %v", names, err)
	}
}

func TestReadingRefuses(t *testing.T) {
	d, dir := ntfs{}, scratch(t)
	file := put(t, join(dir, "file"), "0123456789")
	if err := os.Link(file, join(dir, "second")); err != nil {
		t.Fatal(err)
	}
	single := put(t, join(dir, "single"), "0123456789")
	for name, tt := range map[string]struct {
		do   func() error
		want string
	}{
		"a second name":        {func() error { _, err := d.Read(file, 100); return err }, "hard link"},
		"a second name's tail": {func() error { _, err := d.Tail(file, 100); return err }, "hard link"},
		"to append to one":     {func() error { return d.Append(file, []byte("x"), 100) }, "hard link"},
		"a folder":             {func() error { _, err := d.Read(dir, 100); return err }, "it is a folder"},
		"what is too large":    {func() error { _, err := d.Read(single, 9); return err }, "larger than 9 bytes"},
		"to remove a folder":   {func() error { return d.Remove(dir) }, "it is a folder"},
		"to list too much":     {func() error { _, err := d.List(dir, 2); return err }, "more than 2 entries"},
	} {
		if err := tt.do(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
	if _, err := d.Read(join(dir, "none"), 100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: got %v", err)
	}
	if got, err := d.Tail(single, 4); err != nil || string(got) != "6789" {
		t.Errorf("tail: got %q, %v", got, err)
	}
	if err := d.Remove(join(dir, "none")); err != nil {
		t.Errorf("remove what is gone: %v", err)
	}
}

func TestAppendIsBounded(t *testing.T) {
	d, dir := ntfs{}, scratch(t)
	file := join(dir, "log")
	for range 25 {
		if err := d.Append(file, []byte("0123456789"), 100); err != nil {
			t.Fatal(err)
		}
	}
	if now, before := len(content(t, file)), len(content(t, file+".1")); now != 50 || before != 100 {
		t.Errorf("%d and %d bytes, want 50 and 100", now, before)
	}
}

func TestMoveAndRemoveAll(t *testing.T) {
	d, dir := ntfs{}, scratch(t)
	from, to := join(dir, "Shop"), join(dir, "Shop.purge-1")
	outside := put(t, join(dir, "outside", "file"), "precious")
	put(t, join(from, "conf.d", "a.yaml"), "a")
	readOnly := put(t, join(from, "logs", "old.log"), "b")
	if err := os.Chmod(readOnly, 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(outside, join(from, "linked")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Move(from, to); err == nil {
		t.Error("moved over a folder that was there")
	}
	if err := d.Remove(to); err == nil {
		t.Error("a folder was removed as a file")
	}
	if err := d.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	release, err := d.Pin(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Move(from, to); err == nil {
		t.Error("moved while it was pinned")
	}
	release()
	if err := d.Move(from, to); err != nil {
		t.Fatal(err)
	}
	if got := content(t, join(to, "conf.d", "a.yaml")); got != "a" {
		t.Errorf("moved: %q", got)
	}
	if err := d.Move(from, to+"x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("moved what is gone: %v", err)
	}
	if err := d.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is left: %v", err)
	}
	if got := content(t, outside); got != "precious" {
		t.Errorf("removed with a second name of it: %q", got)
	}
	if err := d.RemoveAll(to); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

// What somebody holds open stays, is named, and goes once it is let go.
func TestRemoveAllWhileAFileIsHeld(t *testing.T) {
	d, dir := ntfs{}, join(scratch(t), "Shop")
	held := put(t, join(dir, "logs", "held.log"), "a line")
	others := []string{put(t, join(dir, "a.yaml"), "a"), put(t, join(dir, "logs", "z.log"), "a line"), put(t, join(dir, "z.yaml"), "z")}
	h, err := open(held, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, windows.OPEN_EXISTING)
	if err != nil {
		t.Fatal(err)
	}
	err = d.RemoveAll(dir)
	if err == nil || !strings.Contains(err.Error(), held) {
		t.Errorf("error %v, want one that names %s", err, held)
	}
	for _, file := range others {
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", file, err)
		}
	}
	letGo := time.AfterFunc(100*time.Millisecond, func() { closeHandle(h) })
	defer letGo.Stop()
	d.patience = time.Minute
	if err := d.RemoveAll(dir); err != nil {
		t.Errorf("let go: %v", err)
	}
}

func TestMakeAndLock(t *testing.T) {
	d, dir := ntfs{}, scratch(t)
	made := join(dir, "Shop")
	if err := d.Make(made, setupSDDL); err != nil {
		t.Fatal(err)
	}
	if err := d.Make(made, setupSDDL); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made twice: %v", err)
	}
	if err := d.Make(join(dir, "none", "x"), setupSDDL); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("made in a folder that is not there: %v", err)
	}
	if e, err := d.Look(made); err != nil || !e.Folder || !e.Trusted || len(e.Writers) > 0 {
		t.Errorf("%+v, %v", e, err)
	}
	put(t, join(made, "file"), "")
	if err := d.Lock(made, parentSDDL); err != nil {
		t.Error(err)
	}
}

func TestFull(t *testing.T) {
	dir := filepath.Join(scratch(t), "a folder with a long name")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]uint16, windows.MAX_PATH)
	if n, err := windows.GetShortPathName(name, &b[0], uint32(len(b))); err != nil || int(n) > len(b) {
		t.Fatal(n, err)
	}
	for _, path := range []string{dir, windows.UTF16ToString(b)} {
		if got, err := (ntfs{}).Full(path); err != nil || got != dir {
			t.Errorf("%s: got %q, %v", path, got, err)
		}
	}
	if got, err := (ntfs{}).Full(filepath.Join(dir, "none")); err == nil {
		t.Errorf("nothing there: got %q", got)
	}
}

func TestVolume(t *testing.T) {
	if v, err := (ntfs{}).Volume(`C:\`); err != nil || !v.Fixed || !v.AccessLists {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := (ntfs{}).Volume(`Q:\`); err == nil && v.Fixed {
		t.Errorf("a drive that is not there: %+v", v)
	}
}

func TestSystemFolders(t *testing.T) {
	f, err := systemFolders()
	if err != nil || !strings.HasPrefix(f.windows, `C:\`) || len(f.others) < 3 {
		t.Errorf("%+v, %v", f, err)
	}
}
