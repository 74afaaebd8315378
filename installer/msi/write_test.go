package msi_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"holdfast/installer/msi"
)

// sample is a small database with everything that a package can have: streams, a cabinet, line ends,
// empty values, negative numbers, letters beyond ASCII.
func sample(t *testing.T, dir string) *msi.Database {
	t.Helper()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	db := &msi.Database{
		Codepage: 1252,
		Summary: msi.Summary{
			Codepage: 1252, Title: "Installation Database", Subject: "Sample", Author: "Müller & Co", Keywords: "Installer",
			Template: "x64;1033", Created: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Schema: 500, WordCount: 2,
			Application: "Holdfast", Security: 2,
		},
		Cabinets: map[string]msi.Cabinet{"main.cab": {Files: []msi.CabinetFile{
			{Key: "Second", Source: file("b.txt", "bbb")},
			{Key: "First", Source: file("a.txt", "")},
		}}},
	}
	rows := map[string][]msi.Row{
		"Property":    {{"ProductCode", "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}"}, {"Text", "first\r\nsecond\nthird 'quoted' \\n"}, {"Umlaut", "Größe €"}},
		"File":        {{"Second", "C", "B.TXT|b.txt", 3, nil, nil, 512, 1}, {"First", "C", "a.txt", 0, nil, nil, nil, 2}},
		"MsiFileHash": {{"First", 0, -1, 2147483647, -2147483647, 0}},
		"Media":       {{1, 2, nil, "#main.cab", nil, nil}},
		"Binary":      {{"Tool", msi.Data(file("tool.exe", "MZ\x00\r\n"))}},
		"Upgrade":     {{"{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E60}", nil, "1.0.0", nil, 1, nil, "OLDER"}},
		"Registry":    {{"R", 2, `SOFTWARE\Sample`, nil, "", "C"}},
		"Control":     {{"D", "C", "Text", 1, 2, 3, 4, 3, nil, "a\r\nb", nil, nil}},
		"ActionText":  {},
	}
	for name, r := range rows {
		table, err := db.Ensure(name)
		if err != nil {
			t.Fatal(err)
		}
		table.Rows = r
	}
	return db
}

func TestWriteAndRead(t *testing.T) {
	dir := t.TempDir()
	db := sample(t, dir)
	var said []string
	file := filepath.Join(dir, "sample.msi")
	if err := msi.Write(t.Context(), db, file, func(s string) { said = append(said, s) }); err != nil {
		t.Fatal(err)
	}
	t.Log(said)
	got, err := msi.Read(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range msi.Diff(db, got, msi.DiffOptions{}) {
		t.Error(d)
	}
	t.Logf("%+v", got.Summary)
}
