package doctor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"holdfast/internal/service"
)

// TestLocal looks at the machine that the test runs on.
func TestLocal(t *testing.T) {
	id, err := service.NewIdentity("Doctor")
	if err != nil {
		t.Fatal(err)
	}
	dir := scratch(t)
	m := Local(id.WithDataDir(dir))
	if err := os.WriteFile(filepath.Join(dir, "a.log"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if file, err := m.File(dir); err != nil || !file.Folder || file.ModTime.IsZero() {
		t.Errorf("file: %+v, %v", file, err)
	}
	if _, err := m.File(filepath.Join(dir, "no")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if tree, err := m.Tree(dir); err != nil || tree.Bytes != 4 || tree.Newest != "a.log" || tree.Written.IsZero() {
		t.Errorf("tree: %+v, %v", tree, err)
	}
	if _, err := m.Tree(filepath.Join(dir, "no")); err == nil {
		t.Error("a missing tree is no error")
	}
	if data, err := m.Read(filepath.Join(dir, "a.log")); err != nil || string(data) != "text" {
		t.Errorf("read: %q, %v", data, err)
	}
	if err := m.Write(dir); err != nil {
		t.Errorf("write: %v", err)
	}
	if err := m.Write(filepath.Join(dir, "no")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("write into a missing folder: %v", err)
	}
	if d, err := m.Disk(dir); err != nil || d.Total == 0 || d.Free > d.Total {
		t.Errorf("disk: %+v, %v", d, err)
	}
	if n, err := m.OpenFiles(0); err != nil || n == 0 {
		t.Errorf("open files: %d, %v", n, err)
	}
	if _, err := m.LongPaths(); err != nil {
		t.Errorf("long paths: %v", err)
	}
	for host, want := range map[string]bool{"": true, "127.0.0.1": true, "0.0.0.0": true, "::": true, "localhost": true, "192.0.2.77": false} {
		if m.Has(host) != want {
			t.Errorf("%q is an address of this machine: %v", host, !want)
		}
	}
	if account, _ := Me(); account == "" {
		t.Error("nobody looks")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the look has left something: %v, %v", entries, err)
	}
}

func TestUnitDifference(t *testing.T) {
	const want = "# Written\n[Service]\nDescription=x\nDelegate=yes\nLimitNOFILE=65536\nUser=holdfast\n"
	for have, text := range map[string]string{
		want: "",
		"[Service]\nLimitNOFILE=1024\nUser=holdfast\n":                 "the unit lacks Delegate=yes, LimitNOFILE=65536 and has LimitNOFILE=1024",
		"Delegate=yes\nLimitNOFILE=65536\nUser=holdfast\nNice=5\n#x\n": "the unit has Nice=5",
		"Description=y\nLimitNOFILE=65536\nUser=holdfast\n":            "the unit lacks Delegate=yes",
	} {
		if got := unitDifference(have, want); got != text {
			t.Errorf("%q, want %q", got, text)
		}
	}
}

func TestServiceCommands(t *testing.T) {
	for command, want := range map[string]string{
		`"C:\Program Files\Holdfast\holdfast.exe" run --name Shop`: `C:\Program Files\Holdfast\holdfast.exe`,
		`C:\Program Files\Holdfast\holdfast.EXE run --name Shop`:   `C:\Program Files\Holdfast\holdfast.EXE`,
		`/usr/bin/holdfast run --name Shop`:                        `/usr/bin/holdfast`,
	} {
		if got := programOf(command); got != want {
			t.Errorf("%s: %s", command, got)
		}
	}
	for command, want := range map[string]bool{`"C:\a b\c.exe" run`: false, `C:\a b\c.exe run`: true, `C:\a\c.exe run --data "C:\x y"`: false, "": false} {
		if unquoted(command) != want {
			t.Errorf("%s: unquoted %v", command, !want)
		}
	}
}

// scratch is a folder for files without folders: under Wine os.RemoveAll fails.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "doctor-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
		if err := errors.Join(err, os.Remove(dir)); err != nil {
			t.Error(err)
		}
	})
	return dir
}
