package msi_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi"
)

func TestSchema(t *testing.T) {
	got, ok := msi.Schema("CustomAction")
	want := []msi.Column{
		{Name: "Action", Type: "s72", Key: true},
		{Name: "Type", Type: "i2"},
		{Name: "Source", Type: "S72"},
		{Name: "Target", Type: "S255"},
		{Name: "ExtendedType", Type: "I4"},
	}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("CustomAction: ok %v (-want +got)\n%s", ok, diff)
	}
	for _, name := range []string{"", "Custom", "Action", "File\n\tFile"} {
		if columns, ok := msi.Schema(name); ok || columns != nil {
			t.Errorf("Schema(%q) = %v, %v", name, columns, ok)
		}
		if rows := msi.Validation(name); rows != nil {
			t.Errorf("Validation(%q) = %v", name, rows)
		}
	}
}

func TestValidation(t *testing.T) {
	tests := map[string]msi.Row{
		"File/Version":            {"File", "Version", "Y", nil, nil, "File", 1, "Version", nil, nil},
		"File/Sequence":           {"File", "Sequence", "N", 1, 2147483647, nil, nil, nil, nil, nil},
		"Registry/Root":           {"Registry", "Root", "N", -1, 3, nil, nil, nil, nil, nil},
		"Dialog/Control_First":    {"Dialog", "Control_First", "N", nil, nil, "Control", 2, "Identifier", nil, nil},
		"RemoveFile/InstallMode":  {"RemoveFile", "InstallMode", "N", nil, nil, nil, nil, nil, "1;2;3", nil},
		"Component/Attributes":    {"Component", "Attributes", "N", nil, nil, nil, nil, nil, nil, nil},
		"LockPermissions/Table":   {"LockPermissions", "Table", "N", nil, nil, nil, nil, "Identifier", "Directory;File;Registry", nil},
		"ControlEvent/Condition":  {"ControlEvent", "Condition", "Y", nil, nil, nil, nil, "Condition", nil, nil},
		"ServiceInstall/Password": {"ServiceInstall", "Password", "Y", nil, nil, nil, nil, "Formatted", nil, nil},
	}
	for name, want := range tests {
		table, column, _ := strings.Cut(name, "/")
		rows := msi.Validation(table)
		at := slices.IndexFunc(rows, func(r msi.Row) bool { return r[1] == column })
		if at < 0 {
			t.Errorf("%s: no row", name)
			continue
		}
		if diff := cmp.Diff(want, rows[at]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// Every definition obeys the rules that ICE03 and the database itself have for definitions.
func TestSchemasAreWellFormed(t *testing.T) {
	kind := regexp.MustCompile(`^([sSlL](0|[1-9][0-9]{0,2})|[iI][24]|[vV]0)$`)
	names := msi.StandardTables()
	if len(names) < 45 || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("%d tables, or one of them twice: %q", len(names), names)
	}
	categories := validationSet(t, "Category")
	for _, table := range names {
		columns, _ := msi.Schema(table)
		rows := msi.Validation(table)
		if len(columns) != len(rows) || len(columns) == 0 || !columns[0].Key {
			t.Errorf("%s: %d columns, %d rows of _Validation, first is key: %v", table, len(columns), len(rows), columns[0].Key)
		}
		for i, c := range columns {
			if !kind.MatchString(c.Type) {
				t.Errorf("%s.%s: type %q", table, c.Name, c.Type)
			}
			if i > 0 && c.Key && !columns[i-1].Key {
				t.Errorf("%s.%s: a key after a column that is none", table, c.Name)
			}
			checkRule(t, names, categories, c, rows[i])
		}
	}
}

func checkRule(t *testing.T, names, categories []string, c msi.Column, r msi.Row) {
	t.Helper()
	if r[7] != nil && !slices.Contains(categories, r[7].(string)) {
		t.Errorf("%s.%s: category %v", r[0], r[1], r[7])
	}
	if c.Integer() && r[7] != nil || !c.Integer() && r[7] == nil && r[8] == nil {
		t.Errorf("%s.%s: type %s with category %v", r[0], r[1], c.Type, r[7])
	}
	if (r[3] != nil) && (!c.Integer() || r[3].(int) >= r[4].(int)) {
		t.Errorf("%s.%s: type %s with limits %v..%v", r[0], r[1], c.Type, r[3], r[4])
	}
	if r[5] == nil {
		return
	}
	for to := range strings.SplitSeq(r[5].(string), ";") {
		columns, ok := msi.Schema(to)
		if to == "ODBCDataSource" { // Component.KeyPath may name one; no package of ours has the table
			continue
		}
		if !ok || len(columns) < r[6].(int) || !slices.Contains(names, to) {
			t.Errorf("%s.%s: refers to %s, column %v", r[0], r[1], to, r[6])
		}
	}
}

func validationSet(t *testing.T, column string) []string {
	t.Helper()
	for _, r := range msi.Validation("_Validation") {
		if r[1] == column {
			return strings.Split(r[8].(string), ";")
		}
	}
	t.Fatalf("_Validation.%s: no row", column)
	return nil
}
