package service

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"
)

func TestLookAt(t *testing.T) {
	dir := scratch(t)
	file, second := filepath.Join(dir, "file"), filepath.Join(dir, "second")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path string
		want Entry
	}{
		{filepath.Join(dir, "none"), Entry{}},
		{filepath.Join(dir, "none", "below"), Entry{}},
		{dir, Entry{Exists: true, Folder: true, Names: 1, Trusted: true}},
		{file, Entry{Exists: true, Names: 1, Trusted: true}},
	} {
		got, err := LookAt(tt.path)
		if err != nil || got.Exists != tt.want.Exists || got.Folder != tt.want.Folder || got.Link || got.Names != tt.want.Names || got.Trusted != tt.want.Trusted {
			t.Errorf("%s: got %+v, %v, want %+v", tt.path, got, err, tt.want)
		}
	}
	if err := os.Link(file, second); err != nil {
		t.Fatal(err)
	}
	if e, err := LookAt(file); err != nil || e.Names != 2 {
		t.Errorf("with a second name: %+v, %v", e, err)
	}
}

func TestLock(t *testing.T) {
	id, err := NewIdentity("HfTest-lock")
	if err != nil {
		t.Fatal(err)
	}
	dir := scratch(t)
	below := filepath.Join(dir, "conf.d")
	files := []string{filepath.Join(dir, "holdfast.yaml"), filepath.Join(below, "a.yaml")}
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Lock(dir, folderSDDL(id)); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(scratch(t), "victim")
	if err := os.WriteFile(outside, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	planted := filepath.Join(below, "planted")
	if err := os.Link(outside, planted); err != nil {
		t.Fatal(err)
	}
	before, err := LookAt(outside)
	if err != nil {
		t.Fatal(err)
	}
	if err := Lock(dir, "D:P(A;OICI;FA;;;WD)"); err != nil {
		t.Errorf("with a planted second name: %v", err)
	}
	if e, err := LookAt(files[1]); err != nil || len(e.Writers) == 0 {
		t.Errorf("%s was not given the list: %+v, %v", files[1], e, err)
	}
	if after, err := LookAt(outside); err != nil || after.Access != before.Access {
		t.Errorf("the file outside changed: %s, %v, want %s", after.Access, err, before.Access)
	}
	// The installer's own folder is left out, whatever is in it.
	if err := Lock(dir, folderSDDL(id), "CONF.D"); err != nil {
		t.Errorf("with a folder that is spared: %v", err)
	}
	if err := Lock(filepath.Join(dir, "none"), folderSDDL(id)); err == nil {
		t.Error("a folder that is not there was locked")
	}
}

// A folder that is held open cannot be replaced while it is looked through.
func TestPinned(t *testing.T) {
	dir := filepath.Join(scratch(t), "a")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	h, err := openEntry(dir, windows.READ_CONTROL|windows.FILE_LIST_DIRECTORY, sharePinned)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+"x"); err == nil {
		t.Error("renamed while pinned")
	}
	if err := windows.CloseHandle(h); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+"x"); err != nil {
		t.Errorf("not renamed when no longer pinned: %v", err)
	}
}
