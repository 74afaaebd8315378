// Package sample is a small good package for the tests of the rooms that look into packages. It has
// what Holdfast's own package has: remembered properties, checks, a service, deferred actions with
// their rollbacks, and an upgrade inside of the transaction.
package sample

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/installer/msi"
)

// New is the package. Every call makes a new one, which the caller may change.
func New(tb testing.TB) *msi.Database {
	tb.Helper()
	db := &msi.Database{
		Codepage: 1252,
		Summary: msi.Summary{
			Codepage: 1252, Title: "Installation Database", Subject: "Sample", Author: "Acme", Keywords: "Installer",
			Template: "x64;1033", PackageCode: "{0B0B4E0A-6A36-5C39-8D8F-6C2C3B1A9F10}", Created: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
			Schema: 500, WordCount: 2, Application: "holdfast", Security: 2,
		},
		Cabinets: map[string]msi.Cabinet{"sample.cab": {Files: []msi.CabinetFile{{Key: "Exe"}, {Key: "Licence"}}}},
	}
	var table *msi.Table
	for line := range strings.SplitSeq(tables, "\n") {
		switch {
		case strings.TrimSpace(line) == "":
		case !strings.HasPrefix(line, "\t"):
			t, err := db.Ensure(line)
			if err != nil {
				tb.Fatal(err)
			}
			table = t
		default:
			row, err := parse(table, line)
			if err != nil {
				tb.Fatal(err)
			}
			table.Rows = append(table.Rows, row)
		}
	}
	for name, n := range sequences() {
		Sequence(tb, db, name, n)
	}
	Describe(tb, db)
	for _, t := range db.Tables {
		t.Sort()
	}
	return db
}

// Describe fills _Validation for all tables that are there.
func Describe(tb testing.TB, db *msi.Database) {
	tb.Helper()
	v, err := db.Ensure("_Validation")
	if err != nil {
		tb.Fatal(err)
	}
	v.Rows = nil
	for _, t := range db.Tables {
		v.Rows = append(v.Rows, msi.Validation(t.Name)...)
	}
}

// Add puts rows into a table, one text each with "|" between the values; "" is an empty value.
func Add(tb testing.TB, db *msi.Database, table string, rows ...string) {
	tb.Helper()
	t, err := db.Ensure(table)
	if err != nil {
		tb.Fatal(err)
	}
	for _, text := range rows {
		row, err := parse(t, text)
		if err != nil {
			tb.Fatal(err)
		}
		t.Rows = append(t.Rows, row)
	}
	t.Sort()
	Describe(tb, db)
}

// Set changes one value of the row with this key.
func Set(tb testing.TB, db *msi.Database, table, key, column string, value any) {
	tb.Helper()
	t := db.Table(table)
	row := t.Find(key)
	if row == nil {
		tb.Fatalf("table %s has no row %s", table, key)
	}
	row[t.Index(column)] = value
	t.Sort()
}

// Remove deletes a row; an empty table goes with its last one.
func Remove(tb testing.TB, db *msi.Database, table, key string) {
	tb.Helper()
	t := db.Table(table)
	if t.Find(key) == nil {
		tb.Fatalf("table %s has no row %s", table, key)
	}
	t.Rows = slices.DeleteFunc(t.Rows, func(r msi.Row) bool { return t.Key(r) == key })
	if len(t.Rows) == 0 {
		db.Tables = slices.DeleteFunc(db.Tables, func(other *msi.Table) bool { return other == t })
		Describe(tb, db)
	}
}

// Sequence puts actions into a sequence: "Name number condition" a line.
func Sequence(tb testing.TB, db *msi.Database, table, lines string) {
	tb.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		if len(fields) < 3 {
			fields = append(fields, "")
		}
		Add(tb, db, table, fields[0]+"|"+fields[2]+"|"+fields[1])
	}
}

// parse reads the values of a row by the types of its table.
func parse(t *msi.Table, text string) (msi.Row, error) {
	fields := strings.Split(strings.TrimPrefix(text, "\t"), "|")
	if len(fields) > len(t.Columns) {
		return nil, fmt.Errorf("table %s: %d values in %q", t.Name, len(fields), text)
	}
	row := make(msi.Row, len(t.Columns))
	for i, field := range fields {
		c := t.Columns[i]
		switch {
		case field == "":
		case c.Integer():
			n, err := strconv.Atoi(field)
			if err != nil {
				return nil, fmt.Errorf("table %s, column %s: %w", t.Name, c.Name, err)
			}
			row[i] = n
		case c.Binary():
			row[i] = msi.Data(field)
		default:
			row[i] = strings.ReplaceAll(field, `\p`, "|")
		}
	}
	return row, nil
}
