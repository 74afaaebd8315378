package msi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi"
)

func TestDiff(t *testing.T) {
	dir := t.TempDir()
	tests := map[string]struct {
		change  func(db *msi.Database)
		options msi.DiffOptions
		want    []string
	}{
		"nothing": {func(*msi.Database) {}, msi.DiffOptions{}, nil},
		"the order of rows and columns does not count": {func(db *msi.Database) {
			rows := db.Table("Property").Rows
			rows[0], rows[1] = rows[1], rows[0]
		}, msi.DiffOptions{}, nil},
		"a value": {
			func(db *msi.Database) { db.Table("Property").Rows[1][1] = "other" },
			msi.DiffOptions{},
			[]string{`Property, row Text, column Value: "first\r\nsecond\nthird 'quoted' \\n" and "other"`},
		},
		"a number":       {func(db *msi.Database) { db.Table("File").Rows[0][3] = 4 }, msi.DiffOptions{}, []string{`File, row Second, column FileSize: "3" and "4"`}},
		"a missing row":  {func(db *msi.Database) { db.Table("Media").Rows = nil }, msi.DiffOptions{}, []string{`Media, row 1: "present" and ""`}},
		"one row more":   {func(db *msi.Database) { add(db, "Property", msi.Row{"New", "x"}) }, msi.DiffOptions{}, []string{`Property, row New: "" and "present"`}},
		"a table gone":   {func(db *msi.Database) { db.Tables = db.Tables[1:] }, msi.DiffOptions{}, []string{`ActionText: "present" and ""`}},
		"one table more": {func(db *msi.Database) { ensure(t, db, "Icon") }, msi.DiffOptions{}, []string{`Icon: "" and "present"`}},
		"a type": {
			func(db *msi.Database) { db.Table("Property").Columns[1].Type = "l255" },
			msi.DiffOptions{},
			[]string{`Property: "Property:s72* Value:l0" and "Property:s72* Value:l255"`},
		},
		"a stream": {
			func(db *msi.Database) { db.Table("Binary").Rows[0][1] = data(t, dir, "other") },
			msi.DiffOptions{},
			[]string{`Binary, row Tool, column Data: "5 bytes, sha256 dceb06cddae41cd66fd6055731aa81de14495d3ce16bd1597a0c305c67d0b36e" and "5 bytes, sha256 d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"`},
		},
		"a stream elsewhere with the same bytes": {
			func(db *msi.Database) { db.Table("Binary").Rows[0][1] = data(t, dir, "MZ\x00\r\n") }, msi.DiffOptions{}, nil,
		},
		"an ignored stream": {
			func(db *msi.Database) { db.Table("Binary").Rows[0][1] = data(t, dir, "other") }, msi.DiffOptions{IgnoreStreams: true}, nil,
		},
		"the code page":          {func(db *msi.Database) { db.Codepage = 936 }, msi.DiffOptions{}, []string{`_ForceCodepage: "1252" and "936"`}},
		"the summary":            {func(db *msi.Database) { db.Summary.Author = "x" }, msi.DiffOptions{}, []string{`_SummaryInformation, row 4, column Value: "Müller & Co" and "x"`}},
		"no author any more":     {func(db *msi.Database) { db.Summary.Author = "" }, msi.DiffOptions{}, []string{`_SummaryInformation, row 4: "present" and ""`}},
		"another build of ours":  {rebuild, msi.DiffOptions{IgnoreCodes: true}, nil},
		"another build, counted": {rebuild, msi.DiffOptions{}, []string{`_SummaryInformation, row 12`, `_SummaryInformation, row 13`, `_SummaryInformation, row 18`, `_SummaryInformation, row 9`, `Property, row ProductCode`}},
		"other files":            {otherFiles, msi.DiffOptions{IgnoreFiles: true}, nil},
		"other files, counted": {
			otherFiles,
			msi.DiffOptions{},
			[]string{`File, row Second, column FileSize`, `File, row Second, column Version`, `MsiFileHash, row First, column HashPart1`},
		},
		"names of files count always": {
			func(db *msi.Database) { db.Table("File").Rows[0][2] = "c.txt" },
			msi.DiffOptions{IgnoreFiles: true},
			[]string{`File, row Second, column FileName: "B.TXT|b.txt" and "c.txt"`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, b := sample(t, t.TempDir()), sample(t, t.TempDir())
			tt.change(b)
			var got []string
			for i, d := range msi.Diff(a, b, tt.options) {
				s := d.String()
				if i < len(tt.want) && !strings.Contains(tt.want[i], ": ") {
					s, _, _ = strings.Cut(s, ", column Value")
					s, _, _ = strings.Cut(s, ": ")
				}
				got = append(got, s)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func rebuild(db *msi.Database) {
	db.Table("Property").Rows[0][1] = "{00000000-38E7-4D67-A6A3-2A2B3C4D5E6F}"
	db.Summary.PackageCode = "{00000000-38E7-4D67-A6A3-2A2B3C4D5E60}"
	db.Summary.Created = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	db.Summary.Application = "WiX"
}

func otherFiles(db *msi.Database) {
	r := db.Table("File").Rows[0]
	r[3], r[4] = 4, "1.2.3.4"
	db.Table("MsiFileHash").Rows[0][2] = 5
}

func add(db *msi.Database, table string, r msi.Row) {
	db.Table(table).Rows = append(db.Table(table).Rows, r)
}

func ensure(t *testing.T, db *msi.Database, table string) {
	t.Helper()
	if _, err := db.Ensure(table); err != nil {
		t.Fatal(err)
	}
}

func data(t *testing.T, dir, content string) msi.Data {
	t.Helper()
	path := filepath.Join(dir, "data")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return msi.Data(path)
}
