package msi_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi"
)

var propertyColumns = []msi.Column{{Name: "Property", Type: "s72", Key: true}, {Name: "Value", Type: "l0"}}

func TestIDT(t *testing.T) {
	property := func(rows ...msi.Row) *msi.Table {
		return &msi.Table{Name: "Property", Columns: propertyColumns, Rows: rows}
	}
	const head = "Property\tValue\r\ns72\tl0\r\n"
	tests := map[string]struct {
		table    *msi.Table
		codepage int
		want     string
	}{
		"plain": {property(msi.Row{"A", "x"}), 1252, head + "Property\tProperty\r\nA\tx\r\n"},
		"controls are escaped": {
			property(msi.Row{"A", "tab\tcrlf\r\nlf\nend"}), 1252,
			head + "Property\tProperty\r\nA\ttab\x10crlf\x11\x19lf\x19end\r\n",
		},
		"1252 is named when it is needed":  {property(msi.Row{"A", "Größe €"}), 1252, head + "1252\tProperty\tProperty\r\nA\tGr\xf6\xdfe \x80\r\n"},
		"936":                              {property(msi.Row{"A", "服务"}), 936, head + "936\tProperty\tProperty\r\nA\t\xb7\xfe\xce\xf1\r\n"},
		"UTF-8":                            {property(msi.Row{"A", "服务 Größe"}), 65001, head + "65001\tProperty\tProperty\r\nA\t服务 Größe\r\n"},
		"a neutral one needs no code page": {property(msi.Row{"A", "x"}), 0, head + "Property\tProperty\r\nA\tx\r\n"},
		"numbers, empty values, streams": {
			&msi.Table{
				Name:    "T",
				Columns: []msi.Column{{Name: "A", Type: "i2", Key: true}, {Name: "B", Type: "s8", Key: true}, {Name: "C", Type: "I4"}, {Name: "D", Type: "V0"}},
				Rows:    []msi.Row{{-32767, "b", 2147483647, msi.Data("b.ibd")}, {1, "b", nil, nil}},
			},
			1252, "A\tB\tC\tD\r\ni2\ts8\tI4\tV0\r\nT\tA\tB\r\n-32767\tb\t2147483647\tb.ibd\r\n1\tb\t\t\r\n",
		},
		"no rows": {property(), 1252, head + "Property\tProperty\r\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := msi.WriteIDT(&out, tt.table, tt.codepage); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("written (-want +got)\n%s", diff)
			}
			got, err := msi.ReadIDT(out.Bytes(), 0)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.table, got); diff != "" {
				t.Errorf("read (-want +got)\n%s", diff)
			}
		})
	}
}

func TestReadIDTRefuses(t *testing.T) {
	const head = "Property\tValue\r\ns72\tl0\r\nProperty\tProperty\r\n"
	tests := map[string]struct{ data, want string }{
		"nothing":                     {"", "not an IDT file"},
		"too few values":              {head + "A\tx\r\nB\r\n", "line 5: 1 values for 2 columns"},
		"too many values":             {head + "A\tx\ty\r\n", "line 4: 3 values for 2 columns"},
		"no number":                   {"A\r\ni2\r\nT\tA\r\nx\r\n", `line 4, column A: "x" is not an integer`},
		"too big a number":            {"A\r\ni4\r\nT\tA\r\n99999999999\r\n", "is not an integer"},
		"a type that is none":         {"A\r\nx9\r\nT\tA\r\n", `column "A" of type "x9"`},
		"a column twice":              {"A\tA\r\ni2\ti2\r\nT\tA\r\n", `column "A"`},
		"more names than types":       {"A\tB\r\ni2\r\nT\tA\r\n", "2 column names, 1 types"},
		"no keys":                     {"A\r\ni2\r\nT\r\n", "0 keys"},
		"a key that is no column":     {"A\r\ni2\r\nT\tB\r\n", `key "B" is no column`},
		"a name with a path":          {"A\r\ni2\r\n../T\tA\r\n", `table "../T"`},
		"bytes of no code page":       {head + "A\t\xff\r\n", "code page 0"},
		"bytes that UTF-8 has not":    {strings.Replace(head, "Property\tProperty", "65001\tProperty\tProperty", 1) + "A\t\xff\r\n", "line 4, column Value"},
		"an unknown code page":        {strings.Replace(head, "Property\tProperty", "1253\tProperty\tProperty", 1) + "A\t\xe1\r\n", "code page 1253"},
		"a code page in front of all": {"1252\tA\r\ni2\r\nT\tA\r\n", `2 column names, 1 types`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := msi.ReadIDT([]byte(tt.data), 0)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, error %v, want one with %q", got, err, tt.want)
			}
		})
	}
}

func TestWriteIDTRefuses(t *testing.T) {
	table := &msi.Table{Name: "Property", Columns: propertyColumns, Rows: []msi.Row{{"A", "服务"}}}
	var out bytes.Buffer
	err := msi.WriteIDT(&out, table, 1252)
	if err == nil || !strings.Contains(err.Error(), `table Property, row A: "服务" has a character that code page 1252 has not`) || out.Len() > 0 {
		t.Errorf("letters that the code page has not: %v, wrote %q", err, out.String())
	}
	if err := msi.WriteIDT(&out, &msi.Table{Name: "T", Columns: propertyColumns[1:]}, 1252); err == nil {
		t.Error("a table without keys was written")
	}
}

// What is read can be written, and is then read the same.
func FuzzReadIDT(f *testing.F) {
	f.Add([]byte("Property\tValue\r\ns72\tl0\r\n1252\tProperty\tProperty\r\nA\tGr\xf6\xdfe\x11\x19\r\n"), 0)
	f.Add([]byte("A\tB\tC\r\ni2\tI4\tV0\r\nT\tA\tB\r\n1\t-5\tx.ibd\r\n2\t\t\r\n"), 936)
	f.Add([]byte("A\ns0\n65001\tT\tA\n服务\x10\n"), 65001)
	f.Fuzz(func(t *testing.T, data []byte, codepage int) {
		table, err := msi.ReadIDT(data, codepage)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := msi.WriteIDT(&out, table, 65001); err != nil {
			t.Fatalf("%q was read, but cannot be written: %v", data, err)
		}
		again, err := msi.ReadIDT(out.Bytes(), 0)
		if err != nil {
			t.Fatalf("%q was written, but cannot be read: %v", out.Bytes(), err)
		}
		if diff := cmp.Diff(table, again); diff != "" {
			t.Errorf("%q (-first +again)\n%s", data, diff)
		}
	})
}

func TestReadFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("_ForceCodepage.idt", "\r\n\r\n936\t_ForceCodepage\r\n")
	write("_SummaryInformation.idt", "PropertyId\tValue\r\ni2\tl255\r\n_SummaryInformation\tPropertyId\r\n"+
		"1\t1252\r\n2\tTitle\r\n7\tx64;2052\r\n12\t2026/01/02 03:04:05\r\n15\t2\r\n99\tunknown\r\n")
	write("Property.idt", "Property\tValue\r\ns72\tl0\r\nProperty\tProperty\r\nB\t\xb7\xfe\r\nA\t1\r\n")
	write("Binary.idt", "Name\tData\r\ns72\tv0\r\nBinary\tName\r\nTool\tTool.ibd\r\n")
	write("Binary/Tool.ibd", "MZ")
	write("Media.idt", "DiskId\tLastSequence\tDiskPrompt\tCabinet\tVolumeLabel\tSource\r\ni2\ti4\tL64\tS255\tS32\tS72\r\nMedia\tDiskId\r\n"+
		"2\t3\t\t#two.cab\t\t\r\n1\t1\t\t#one.cab\t\t\r\n3\t4\t\texternal.cab\t\t\r\n")
	write("File.idt", "File\tSequence\r\ns72\ti4\r\nFile\tFile\r\nd\t4\r\nc\t3\r\nb\t2\r\na\t1\r\n")
	write("notes.txt", "no table")

	db, err := msi.ReadFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := &msi.Database{
		Codepage: 936,
		Summary:  msi.Summary{Codepage: 1252, Title: "Title", Template: "x64;2052", Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), WordCount: 2},
		Cabinets: map[string]msi.Cabinet{
			"one.cab": {Files: []msi.CabinetFile{{Key: "a"}}},
			"two.cab": {Files: []msi.CabinetFile{{Key: "b"}, {Key: "c"}}},
		},
		Tables: []*msi.Table{db.Table("Binary"), db.Table("File"), db.Table("Media"), db.Table("Property")},
	}
	if diff := cmp.Diff(want, db); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]msi.Row{{"A", "1"}, {"B", "服"}}, db.Table("Property").Rows); diff != "" {
		t.Errorf("Property (-want +got)\n%s", diff)
	}
	if got, want := db.Table("Binary").Rows[0][1], msi.Data(filepath.Join(dir, "Binary", "Tool.ibd")); got != want {
		t.Errorf("Binary: %v, want %v", got, want)
	}
}

func TestReadFolderRefuses(t *testing.T) {
	tests := map[string]struct{ file, content, want string }{
		"no tables":             {"readme.txt", "x", "no tables"},
		"a bad table":           {"T.idt", "x", "T.idt: 1 lines"},
		"a bad code page":       {"_ForceCodepage.idt", "\r\n\r\nx\t_ForceCodepage\r\n", "is not a code page"},
		"a bad summary":         {"_SummaryInformation.idt", "PropertyId\tValue\r\ni2\tl255\r\n_SummaryInformation\tPropertyId\r\n14\tx\r\n", `property 14: "x" is not a number`},
		"a bad time":            {"_SummaryInformation.idt", "PropertyId\tValue\r\ni2\tl255\r\n_SummaryInformation\tPropertyId\r\n12\tnoon\r\n", "property 12"},
		"a stream from outside": {"Binary.idt", "Name\tData\r\ns72\tv0\r\nBinary\tName\r\nT\t../../etc/passwd\r\n", "leads out of the folder"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if db, err := msi.ReadFolder(dir); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, error %v, want one with %q", db, err, tt.want)
			}
		})
	}
	if _, err := msi.ReadFolder(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a missing folder was read")
	}
}
