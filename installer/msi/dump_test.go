package msi_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi"
)

func TestDump(t *testing.T) {
	db := sample(t, t.TempDir())
	add(db, "Property", msi.Row{"Zh", "服务"})
	add(db, "Property", msi.Row{"Path", `C:\new\table`})
	tests := map[string]struct {
		tables []string
		want   string
	}{
		"one": {[]string{"Upgrade"}, `
Upgrade (1 row)
  UpgradeCode*                            VersionMin*  VersionMax*  Language*  Attributes*  Remove  ActionProperty
  {5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E60}               1.0.0                   1                    OLDER
`},
		"two, in the order asked for": {[]string{"Property", "CreateFolder"}, `
Property (5 rows)
  Property*    Value
  ProductCode  {5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}
  Text         first\r\nsecond\nthird 'quoted' \n
  Umlaut       Größe €
  Zh           服务
  Path         C:\new\table

CreateFolder (0 rows)
  Directory_*  Component_*
`},
		"the summary": {[]string{"_SummaryInformation"}, `
_SummaryInformation (12 rows)
  PropertyId*  Value
  1            1252
  2            Installation Database
  3            Sample
  4            Müller & Co
  5            Installer
  7            x64;1033
  12           2026/03/04 05:06:07
  13           2026/03/04 05:06:07
  14           500
  15           2
  18           Holdfast
  19           2
`},
	}
	ensure(t, db, "CreateFolder")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := msi.Dump(&out, db, tt.tables...); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want[1:], out.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDumpAll(t *testing.T) {
	db := sample(t, t.TempDir())
	ensure(t, db, "_Validation")
	var out strings.Builder
	if err := msi.Dump(&out, db); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	if !strings.HasPrefix(got, "_SummaryInformation (12 rows)\n") || strings.Contains(got, "_Validation") {
		t.Errorf("the summary comes first and _Validation is left out:\n%s", got)
	}
	for _, table := range db.Tables {
		if table.Name != "_Validation" && !strings.Contains(got, "\n\n"+table.Name+" (") {
			t.Errorf("table %s is missing", table.Name)
		}
	}
}

func TestDumpRefuses(t *testing.T) {
	var out strings.Builder
	err := msi.Dump(&out, sample(t, t.TempDir()), "Property", "Propery")
	if err == nil || !strings.Contains(err.Error(), "table Propery: there is none; the package has ActionText, Binary,") || out.Len() > 0 {
		t.Errorf("error %v, wrote %q", err, out.String())
	}
}

// Columns line up where letters take two cells.
func TestDumpWideLetters(t *testing.T) {
	db := &msi.Database{Tables: []*msi.Table{{
		Name:    "T",
		Columns: []msi.Column{{Name: "A", Type: "s0", Key: true}, {Name: "B", Type: "s0"}},
		Rows:    []msi.Row{{"服务", "x"}, {"abcd", "y"}},
	}}}
	var out strings.Builder
	if err := msi.Dump(&out, db, "T"); err != nil {
		t.Fatal(err)
	}
	if want := "T (2 rows)\n  A*    B\n  服务  x\n  abcd  y\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
