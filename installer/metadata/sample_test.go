package metadata

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"holdfast/installer/msi"
)

// sample is the tables of a small package; change may alter its properties.
func sample(t *testing.T, change map[string]string) *msi.Database {
	t.Helper()
	db := &msi.Database{
		Codepage: 65001,
		Summary: msi.Summary{
			Codepage: 1252, Title: "Installation Database", Subject: "Shop", Author: "Acme", Keywords: "Installer", Template: "x64;1033",
			Created: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Schema: 500, WordCount: 2, Application: "Holdfast", Security: 2,
		},
	}
	properties := map[string]string{
		"ProductName": "Acme Shop", "Manufacturer": "Acme", "ProductVersion": "2.1.0", "ProductLanguage": "1033", "ALLUSERS": "1",
		"ProductCode": "{393E6CAB-4AD6-5625-9F92-EA1A04D877B3}", "UpgradeCode": "{0E1B8C77-95A4-4C5C-8F53-6B0A3E7D9C11}",
		"HfVersion": "0.9.0", "ARPHELPLINK": "https://example.com/shop", "ARPCOMMENTS": "Hosts the shop behind a gateway.",
		"SecureCustomProperties": "HF_PORT;HF_PORT_OLD;HF_OLDER;HF_SAME;HF_NEWER;HF_WINDOWS10;INSTALLDIR;HF_ACCOUNT;DATADIR",
	}
	service := "Shop"
	for name, value := range change {
		switch name {
		case "Template":
			db.Summary.Template = value
		case "Service":
			service = value
		default:
			properties[name] = value
		}
	}
	rows := map[string][]msi.Row{
		"Directory": {
			{"TARGETDIR", nil, "SourceDir"},
			{"ProgramFiles64Folder", "TARGETDIR", "."},
			{"INSTALLDIR", "ProgramFiles64Folder", "Shop"},
			{"APPDIR", "INSTALLDIR", "app"},
			{"LIB", "APPDIR", "LIB~1|lib with spaces"},
			{"DATADIR", "TARGETDIR", "Data"},
		},
		"Component": {
			{"CExe", "{11111111-1111-5111-8111-111111111111}", "INSTALLDIR", 256, nil, "Exe"},
			{"CApp", "{21111111-1111-5111-8111-111111111111}", "APPDIR", 256, nil, "App"},
			{"CLib", "{31111111-1111-5111-8111-111111111111}", "LIB", 256, nil, "Lib"},
		},
	}
	for name, value := range properties {
		if value != "" {
			rows["Property"] = append(rows["Property"], msi.Row{name, value})
		}
	}
	if service != "" {
		rows["ServiceInstall"] = []msi.Row{{"Service", service, nil, 16, 3, 1, nil, nil, nil, nil, nil, "CExe", nil}}
	}
	for name, r := range rows {
		table, err := db.Ensure(name)
		if err != nil {
			t.Fatal(err)
		}
		table.Rows = r
		table.Sort()
	}
	return db
}

// program is a Windows executable of Go, built once.
var program = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "metadata")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for name, text := range map[string]string{"main.go": "package main\n\nfunc main() {}\n", "go.mod": "module example.com/shop\n\ngo 1.26\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command("go", "build", "-trimpath", "-o", "x.exe", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off")
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, &exec.ExitError{Stderr: said}
	}
	return os.ReadFile(filepath.Join(dir, "x.exe"))
})

// newPackage writes the sample with its files as a package.
func newPackage(t *testing.T, name string) string {
	t.Helper()
	exe, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	db := sample(t, nil)
	contents := []struct {
		key, component, name string
		data                 []byte
	}{
		{"Exe", "CExe", "holdfast.exe", exe},
		{"App", "CApp", "SERVER~1|server [1].js", []byte("console.log(1)\n")},
		{"Lib", "CLib", "商店.txt", []byte("x")},
	}
	files, err := db.Ensure("File")
	if err != nil {
		t.Fatal(err)
	}
	var cabinet msi.Cabinet
	for i, c := range contents {
		path := filepath.Join(dir, c.key)
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		files.Rows = append(files.Rows, msi.Row{c.key, c.component, c.name, len(c.data), nil, nil, 512, i + 1})
		cabinet.Files = append(cabinet.Files, msi.CabinetFile{Key: c.key, Source: path})
	}
	media, err := db.Ensure("Media")
	if err != nil {
		t.Fatal(err)
	}
	media.Rows = []msi.Row{{1, len(contents), nil, "#main.cab", nil, nil}}
	binary, err := db.Ensure("Binary")
	if err != nil {
		t.Fatal(err)
	}
	binary.Rows = []msi.Row{{"HfSetup", msi.Data(filepath.Join(dir, "Exe"))}}
	db.Cabinets = map[string]msi.Cabinet{"main.cab": cabinet}
	file := filepath.Join(dir, name)
	if err := msi.Write(t.Context(), db, file, func(string) {}); err != nil {
		t.Fatal(err)
	}
	return file
}
