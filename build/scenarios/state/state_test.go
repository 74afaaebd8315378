package state

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

func TestFilesAreToldByTheirContent(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	take := func() State {
		t.Helper()
		s := State{}
		if err := s.AddFiles(root, `C:\Data`, `C:\Data\Windows`); err != nil {
			t.Fatal(err)
		}
		return s
	}
	write("kept", "one")
	write("changed", "one")
	write("removed/file", "one")
	write("windows/dll", "one")
	before := take()
	write("changed", "two")
	write("added", "two")
	if err := os.RemoveAll(filepath.Join(root, "removed")); err != nil {
		t.Fatal(err)
	}
	changes := Diff(before, take())
	want := `+ file C:\Data\added: 3 bytes, 3fc4ccfe7458
~ file C:\Data\changed: 3 bytes, 7692c3ad3540 -> 3 bytes, 3fc4ccfe7458
- file C:\Data\removed\file: 3 bytes, 7692c3ad3540
- folder C:\Data\removed: there`
	if diff := cmp.Diff(want, changes.String()); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	left := changes.Except(`*c:\data\REMOVED*`, `file C:\*\ch*ed`, `file C:\Data`)
	want = `+ file C:\Data\added: 3 bytes, 3fc4ccfe7458`
	if diff := cmp.Diff(want, left.String()); diff != "" {
		t.Errorf("except (-want +got):\n%s", diff)
	}
}

func TestAFolderThatIsNotThere(t *testing.T) {
	s := State{}
	if err := s.AddFiles(filepath.Join(t.TempDir(), "none"), `C:\None`); err != nil || len(s) > 0 {
		t.Errorf("got %v, %v, want nothing", s, err)
	}
}

const export = "Windows Registry Editor Version 5.00\r\n" +
	"\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Holdfast]\r\n" +
	"\"Port\"=\"8080\"\r\n" +
	"\"Install Dir\"=\"C:\\\\Program Files\\\\Holdfast\\\\\"\r\n" +
	"\"Say \\\"hi\\\"\"=\"a\r\n[b]\r\nc\"\r\n" +
	"@=\"default\"\r\n" +
	"\"Type\"=dword:00000010\r\n" +
	"\"Image\"=hex(2):61,00,25,00,\\\r\n  62,00,00,00\r\n" +
	"\"Many\"=hex(7):61,00,00,00,62,00,00,00,00,00\r\n" +
	"\"Bytes\"=hex:01,02,\\\r\n  03\r\n" +
	"\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Holdfast\\Empty]\r\n\r\n"

func encode(text string) []byte {
	data := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		data = append(data, byte(unit), byte(unit>>8))
	}
	return data
}

func TestRegistryExport(t *testing.T) {
	got := State{}
	if err := got.AddRegistry(encode(export)); err != nil {
		t.Fatal(err)
	}
	want := State{
		`key HKEY_LOCAL_MACHINE\SOFTWARE\Holdfast`:                    "there",
		`key HKEY_LOCAL_MACHINE\SOFTWARE\Holdfast\Empty`:              "there",
		`registry HKEY_LOCAL_MACHINE\SOFTWARE\Holdfast "Port"`:        "8080",
		`registry HKEY_LOCAL_MACHINE\SOFTWARE\Holdfast "Install Dir"`: `C:\Program Files\Holdfast\`,
		`registry HKEY_LOCAL_MACHINE\SOFTWARE\Holdfast "Say \"hi\""`:  "a\n[b]\nc",
		`registry HKEY_LOCAL_MACHINE\SOFTWARE\Holdfast ""`:            "default",
		`registry HKEY_LOCAL_MACHINE\SOFTWARE\Holdfast "Type"`:        "dword:00000010",
		`registry HKEY_LOCAL_MACHINE\SOFTWARE\Holdfast "Image"`:       "a%b",
		`registry HKEY_LOCAL_MACHINE\SOFTWARE\Holdfast "Many"`:        "a; b",
		`registry HKEY_LOCAL_MACHINE\SOFTWARE\Holdfast "Bytes"`:       "hex:01,02,03",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := got.AddRegistry([]byte("reg: not found")); err == nil {
		t.Error("what is no export was taken")
	}
}

func TestValueIsFoundInAnyCase(t *testing.T) {
	s := State{}
	if err := s.AddRegistry(encode(export)); err != nil {
		t.Fatal(err)
	}
	if got, ok := s.Value(`HKEY_LOCAL_MACHINE\software\holdfast`, "PORT"); !ok || got != "8080" {
		t.Errorf("got %q, %v", got, ok)
	}
	if got, ok := s.Value(`HKEY_LOCAL_MACHINE\software\holdfast`, "Ports"); ok {
		t.Errorf("found %q where nothing is", got)
	}
}

func FuzzRegistryExport(f *testing.F) {
	f.Add(encode(export))
	f.Add([]byte("REGEDIT4\n\n[A]\n\"b\"=\"c\\"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := State{}
		if err := s.AddRegistry(data); err == nil && len(data) < 2 {
			t.Errorf("took %q for an export", data)
		}
	})
}
