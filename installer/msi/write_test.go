package msi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	db, file := sample(t, dir), filepath.Join(dir, "sample.msi")
	var said []string
	if err := msi.Write(t.Context(), db, file, func(s string) { said = append(said, s) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"cabinet main.cab: 2 files", "10 tables, 2 streams", "reading it back"}, said); diff != "" {
		t.Errorf("progress (-want +got)\n%s", diff)
	}
	got, err := msi.ExtractFiles(t.Context(), file, filepath.Join(dir, "files"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range msi.Diff(db, got, msi.DiffOptions{}) {
		t.Error(d)
	}
	if got.Summary.PackageCode == "" || len(got.Table("_Validation").Rows) < 50 {
		t.Errorf("package code %q, %d rows of _Validation", got.Summary.PackageCode, len(got.Table("_Validation").Rows))
	}
	// The files come in the order of their numbers.
	want := msi.Cabinet{Files: []msi.CabinetFile{
		{Key: "Second", Source: filepath.Join(dir, "files", "Second")},
		{Key: "First", Source: filepath.Join(dir, "files", "First")},
	}}
	if diff := cmp.Diff(want, got.Cabinets["main.cab"]); diff != "" {
		t.Errorf("cabinet (-want +got)\n%s", diff)
	}
	for name, content := range map[string]string{"Second": "bbb", "First": ""} {
		if b, err := os.ReadFile(filepath.Join(dir, "files", name)); err != nil || string(b) != content {
			t.Errorf("%s: %q, error %v", name, b, err)
		}
	}
	leftovers(t, dir)
}

// Files in the cabinet are of the time that the package names, not of the day on which it was built.
func TestCabinetTimes(t *testing.T) {
	dir := t.TempDir()
	db, file, cabinet := sample(t, dir), filepath.Join(dir, "sample.msi"), filepath.Join(dir, "main.cab")
	if err := msi.Write(t.Context(), db, file, nil); err != nil {
		t.Fatal(err)
	}
	b, err := exec.CommandContext(t.Context(), "msiinfo", "extract", file, "main.cab").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cabinet, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "gcab", "-l", cabinet).Output()
	if want := "Second 3 2026-03-04 05:06:06 0x20\nFirst 0 2026-03-04 05:06:06 0x20\n"; err != nil || string(out) != want {
		t.Errorf("error %v, got\n%swant\n%s", err, out, want)
	}
}

// leftovers finds folders that a Write left behind.
func leftovers(t *testing.T, dir string) {
	t.Helper()
	if found, _ := filepath.Glob(filepath.Join(dir, ".package-*")); len(found) > 0 {
		t.Errorf("left behind: %q", found)
	}
}

// The same content gives the same bytes: from other folders, from files of other times, from rows in
// another order, in another time zone and language, with memory that holds something else.
func TestWriteIsReproducible(t *testing.T) {
	var first []byte
	for i, zone := range []string{"UTC", "Asia/Shanghai", "America/New_York"} {
		t.Setenv("TZ", zone)
		t.Setenv("LC_ALL", "de_DE.UTF-8")
		t.Setenv("MALLOC_PERTURB_", strconv.Itoa(37*i)) // glibc fills fresh memory with it: mallopt(3)
		dir := filepath.Join(t.TempDir(), strings.Repeat("x", i+1))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		db, file := sample(t, dir), filepath.Join(dir, "sample.msi")
		for _, name := range []string{"a.txt", "b.txt", "tool.exe"} {
			at := time.Date(2000+i, 1, 1, 0, 0, 0, 0, time.UTC)
			if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
				t.Fatal(err)
			}
		}
		slices.Reverse(db.Tables)
		for _, table := range db.Tables {
			slices.Reverse(table.Rows)
		}
		if err := msi.Write(t.Context(), db, file, nil); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if !bytes.Equal(first, got) {
			t.Errorf("build %d in %s differs from the first", i, zone)
		}
	}
}

// Whatever a package holds is in its code.
func TestPackageCode(t *testing.T) {
	codes := map[string]string{}
	for name, change := range map[string]func(t *testing.T, dir string, db *msi.Database){
		"nothing": func(*testing.T, string, *msi.Database) {},
		"a row":   func(_ *testing.T, _ string, db *msi.Database) { add(db, "Property", msi.Row{"X", "y"}) },
		"a time":  func(_ *testing.T, _ string, db *msi.Database) { db.Summary.Created = db.Summary.Created.Add(time.Hour) },
		"a stream": func(t *testing.T, dir string, db *msi.Database) {
			t.Helper()
			db.Table("Binary").Rows[0][1] = data(t, dir, "other")
		},
		"a file": func(t *testing.T, dir string, _ *msi.Database) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, "b.txt"), []byte("ccc"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		dir := t.TempDir()
		db := sample(t, dir)
		change(t, dir, db)
		if err := msi.Write(t.Context(), db, filepath.Join(dir, "sample.msi"), nil); err != nil {
			t.Fatal(err)
		}
		if other, ok := codes[db.Summary.PackageCode]; ok {
			t.Errorf("changing %s gives the code of changing %s: %s", name, other, db.Summary.PackageCode)
		}
		codes[db.Summary.PackageCode] = name
	}
	dir := t.TempDir()
	db := sample(t, dir)
	db.Summary.PackageCode = "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E61}"
	if err := msi.Write(t.Context(), db, filepath.Join(dir, "sample.msi"), nil); err != nil || db.Summary.PackageCode != "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E61}" {
		t.Errorf("a given code: %q, error %v", db.Summary.PackageCode, err)
	}
}

// What a summary does not say is not what msibuild says by itself.
func TestWriteEmptySummary(t *testing.T) {
	dir := t.TempDir()
	db, file := sample(t, dir), filepath.Join(dir, "sample.msi")
	db.Summary = msi.Summary{Codepage: 1252, PackageCode: "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E61}", Created: db.Summary.Created}
	if err := msi.Write(t.Context(), db, file, nil); err != nil {
		t.Fatal(err)
	}
	got, err := msi.Read(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(db.Summary, got.Summary); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Texts come back as they were: line ends at either end and twice, spaces, quotes, and the longest text.
func TestWriteTexts(t *testing.T) {
	dir := t.TempDir()
	db, file := sample(t, dir), filepath.Join(dir, "sample.msi")
	db.Table("Property").Rows = nil
	for i, text := range []string{
		"\nx", "x\n", "\r\nx", "x\r\n", "x\n\ny", "x\r\n\r\ny", "\n", "\r\n", " x ", "'x'", "`x`", `\n`, `"`, "\u00a0x",
		strings.Repeat("x", 65535),
	} {
		add(db, "Property", msi.Row{"P" + strconv.Itoa(i), text})
	}
	if err := msi.Write(t.Context(), db, file, nil); err != nil { // which compares
		t.Error(err)
	}
}

func TestWriteChinese(t *testing.T) {
	for _, codepage := range []int{936, 65001} {
		dir := t.TempDir()
		db, file := sample(t, dir), filepath.Join(dir, "sample.msi")
		db.Codepage, db.Summary.Codepage = codepage, codepage
		db.Summary.Subject, db.Summary.Author = "服务", "作者"
		db.Table("Property").Rows = []msi.Row{{"ProductName", "服务\n安装"}}
		if err := msi.Write(t.Context(), db, file, nil); err != nil {
			t.Errorf("code page %d: %v", codepage, err)
			continue
		}
		got, err := msi.Read(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		if got.Codepage != codepage || got.Summary.Author != "作者" || got.Property("ProductName") != "服务\n安装" {
			t.Errorf("code page %d: %d, %+v, %q", codepage, got.Codepage, got.Summary, got.Property("ProductName"))
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	tests := map[string]struct {
		change func(db *msi.Database)
		want   string
	}{
		"a letter that the code page has not": {func(db *msi.Database) { add(db, "Property", msi.Row{"A", "服务"}) }, `table Property, row A, column Value: "服务" has a character that code page 1252 has not`},
		"a tab":                               {func(db *msi.Database) { add(db, "Property", msi.Row{"A", "a\tb"}) }, "control character"},
		"a lone carriage return":              {func(db *msi.Database) { add(db, "Property", msi.Row{"A", "a\rb"}) }, "control character"},
		"a stand-in of IDT":                   {func(db *msi.Database) { add(db, "Property", msi.Row{"A", "a\x19b"}) }, "control character"},
		"a text too long":                     {func(db *msi.Database) { add(db, "Property", msi.Row{"A", strings.Repeat("x", 65536)}) }, "a text of 65536 bytes"},
		"a key twice":                         {func(db *msi.Database) { add(db, "Property", msi.Row{"Text", "x"}) }, "row Text: a second row with this key"},
		"an empty value":                      {func(db *msi.Database) { add(db, "Property", msi.Row{"A", ""}) }, "row A, column Value: it must not be empty"},
		"no value":                            {func(db *msi.Database) { add(db, "Property", msi.Row{"A", nil}) }, "row A, column Value: it must not be empty"},
		"too few values":                      {func(db *msi.Database) { add(db, "Property", msi.Row{"A"}) }, "1 values for 2 columns"},
		"a number in a text":                  {func(db *msi.Database) { add(db, "Property", msi.Row{"A", 1}) }, "1 does not fit into type l0"},
		"a text in a number":                  {func(db *msi.Database) { db.Table("Media").Rows[0][1] = "2" }, `"2" does not fit into type i4`},
		"a number too big for 16":             {func(db *msi.Database) { db.Table("Control").Rows[0][3] = 32768 }, "32768 does not fit into type i2"},
		"the number that is empty":            {func(db *msi.Database) { db.Table("MsiFileHash").Rows[0][2] = -1 << 31 }, "does not fit into type i4"},
		"a stream in a text":                  {func(db *msi.Database) { add(db, "Property", msi.Row{"A", msi.Data("x")}) }, "a stream does not fit"},
		"another kind of value":               {func(db *msi.Database) { add(db, "Property", msi.Row{"A", 1.5}) }, "float64 is no value"},
		"a missing stream":                    {func(db *msi.Database) { db.Table("Binary").Rows[0][1] = msi.Data("missing.exe") }, "table Binary, row Tool: open missing.exe"},
		"a long name of a stream":             {func(db *msi.Database) { db.Table("Binary").Rows[0][0] = strings.Repeat("x", 60) }, "no name of a stream"},
		"a missing file":                      {func(db *msi.Database) { db.Cabinets["main.cab"].Files[0].Source = "missing.txt" }, "cabinet main.cab: file Second: open missing.txt"},
		"a file of another size":              {func(db *msi.Database) { db.Table("File").Rows[0][3] = 99 }, "has 3 bytes, but its row says 99"},
		"files in another order":              {func(db *msi.Database) { slices.Reverse(db.Cabinets["main.cab"].Files) }, "file 1 is First, but Second by the numbers"},
		"a file outside of cabinets": {func(db *msi.Database) {
			add(db, "File", msi.Row{"Third", "C", "c", 0, nil, nil, nil, 3})
			db.Table("Media").Rows[0][1] = 3
		}, "2 files, but 3 by the numbers"},
		"a cabinet without Media":  {func(db *msi.Database) { db.Cabinets["x.cab"] = msi.Cabinet{} }, "cabinet x.cab: no row of Media names #x.cab"},
		"Media without a cabinet":  {func(db *msi.Database) { db.Cabinets = nil }, "cabinet main.cab: 0 files, but 2"},
		"no time":                  {func(db *msi.Database) { db.Summary.Created = time.Time{} }, "no time of creation"},
		"a control in the summary": {func(db *msi.Database) { db.Summary.Author = "a\tb" }, "summary information"},
		"a letter in the summary":  {func(db *msi.Database) { db.Summary.Author = "服务" }, "summary information"},
		"a bad name of a table":    {func(db *msi.Database) { db.Tables[0].Name = "../x" }, `table "../x"`},
		"a bad type":               {func(db *msi.Database) { db.Tables[0].Columns[1].Type = "x" }, `type "x"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			db, file := sample(t, dir), filepath.Join(dir, "sample.msi")
			if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			tt.change(db)
			if err := msi.Write(t.Context(), db, file, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
			if b, err := os.ReadFile(file); err != nil || string(b) != "old" {
				t.Errorf("the old file became %q, error %v", b, err)
			}
			leftovers(t, dir)
		})
	}
}

// All problems come at once, but not thousands of them.
func TestWriteTellsAllProblems(t *testing.T) {
	dir := t.TempDir()
	db := sample(t, dir)
	for i := range 30 {
		add(db, "Property", msi.Row{"P" + strconv.Itoa(i), ""})
	}
	err := msi.Write(t.Context(), db, filepath.Join(dir, "sample.msi"), nil)
	if err == nil || !strings.Contains(err.Error(), "row P0,") || !strings.HasSuffix(err.Error(), "and 10 more problems") {
		t.Errorf("got %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.msi")
	if err := os.WriteFile(text, []byte("no package"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{text: "text.msi", filepath.Join(dir, "missing.msi"): "missing.msi"} {
		if db, err := msi.Read(t.Context(), file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, error %v", file, db, err)
		}
	}
}

// What can be packed: five thousand files, as the folder of a Node program has.
func TestWriteManyFiles(t *testing.T) {
	const n = 5000
	dir := t.TempDir()
	db, file := sample(t, dir), filepath.Join(dir, "sample.msi")
	source := filepath.Join(dir, "b.txt")
	var files []msi.CabinetFile
	db.Table("File").Rows, db.Table("MsiFileHash").Rows = nil, nil
	for i := range n {
		key := fmt.Sprintf("fil%05d_a_name_as_long_as_those_that_come_from_paths", i)
		files = append(files, msi.CabinetFile{Key: key, Source: source})
		add(db, "File", msi.Row{key, "C", key, 3, nil, nil, nil, i + 1})
		add(db, "MsiFileHash", msi.Row{key, 0, i, -i, i, -i})
	}
	db.Table("Media").Rows[0][1] = n
	db.Cabinets["main.cab"] = msi.Cabinet{Files: files}
	if err := msi.Write(t.Context(), db, file, nil); err != nil {
		t.Fatal(err)
	}
	got, err := msi.Read(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if at := len(got.Cabinets["main.cab"].Files); at != n {
		t.Errorf("%d files of %d came back", at, n)
	}
}

func TestWriteStopsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	err := msi.Write(ctx, sample(t, dir), filepath.Join(dir, "sample.msi"), func(string) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	leftovers(t, dir)
}

func TestWithoutTools(t *testing.T) {
	dir := t.TempDir()
	db, file := sample(t, dir), filepath.Join(dir, "sample.msi")
	if err := msi.Write(t.Context(), db, file, nil); err != nil {
		t.Fatal(err)
	}
	if err := msi.CheckTools(); err != nil {
		t.Error(err)
	}
	t.Setenv("PATH", dir)
	if err := msi.CheckTools(); err == nil || !strings.Contains(err.Error(), "not installed: msibuild, msiinfo, gcab; ") {
		t.Errorf("CheckTools: %v", err)
	}
	if err := msi.Write(t.Context(), db, file, nil); err == nil || !strings.Contains(err.Error(), "not installed: gcab") || !strings.Contains(err.Error(), "install") {
		t.Errorf("Write: %v", err)
	}
	if _, err := msi.Read(t.Context(), file); err == nil || !strings.Contains(err.Error(), "not installed: msiinfo") {
		t.Errorf("Read: %v", err)
	}
}
