// Package ice checks a package: a subset of Microsoft's internal consistency evaluators (ICE) that can
// be decided from the tables alone, and this project's own rules (HF).
//
// What a rule demands stands beside it, with its page at learn.microsoft.com/windows/win32/msi/. The
// ICE here are our own reading of those pages: a package that passes still has to pass the originals
// on Windows.
package ice

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"holdfast/installer/msi"
)

// Severity is how bad a finding is.
type Severity int

// The severities: an error breaks an installation or this project's promises; a warning is to be known.
const (
	Warning Severity = iota
	Error
)

func (s Severity) String() string { return [...]string{"warning", "error"}[s] }

// Finding is one thing that is wrong, where, and what to do.
type Finding struct {
	Rule     string // "ICE61", "HF03"
	Severity Severity
	// Table, Row (its primary key) and Column are the place; what does not apply is empty.
	Table, Row, Column string
	Text, Cure         string
}

// String is "ICE61 error, Upgrade {…}/1.2.3, ActionProperty: text; cure".
func (f Finding) String() string {
	place := strings.TrimSpace(f.Table + " " + f.Row)
	if f.Column != "" {
		place += ", " + f.Column
	}
	if place != "" {
		place = ", " + place
	}
	s := fmt.Sprintf("%s %s%s: %s", f.Rule, f.Severity, place, f.Text)
	if f.Cure != "" {
		s += "; " + f.Cure
	}
	return s
}

// Rule is a rule and what it demands in a line.
type Rule struct {
	Name, Demands string
	check         func(*checker)
}

// Rules are all rules in the order in which they are checked.
func Rules() []Rule {
	return slices.Concat(iceRules(), ownRules())
}

// Verify checks a package against all rules. Findings come in the order of the rules, and within a
// rule of the tables.
func Verify(db *msi.Database) []Finding {
	var all []Finding
	known := &index{rows: map[string]map[string]row{}, values: map[string]map[string]bool{}}
	for _, r := range Rules() {
		c := &checker{db: db, rule: r.Name, index: known}
		r.check(c)
		slices.SortStableFunc(c.findings, func(a, b Finding) int {
			return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Row, b.Row), cmp.Compare(a.Column, b.Column))
		})
		all = append(all, c.findings...)
	}
	return all
}

func iceRules() []Rule {
	return []Rule{
		{"ICE03", "values fit the types, ranges, categories and foreign keys of _Validation", (*checker).ice03},
		{"ICE06", "tables have the columns of _Validation and of their official schema", (*checker).ice06},
		{"ICE09", "components in the system folder are permanent", (*checker).ice09},
		{"ICE18", "a folder that is a key path is created", (*checker).ice18},
		{"ICE27", "actions exist and stand where they may", (*checker).ice27},
		{"ICE38", "components in a user's profile have a key path in HKCU", (*checker).ice38},
		{"ICE61", "the Upgrade table finds what it should and hands it on", (*checker).ice61},
		{"ICE63", "nothing waits in the script when RemoveExistingProducts runs", (*checker).ice63},
		{"ICE64", "folders in a user's profile are removed", (*checker).ice64},
		{"ICE68", "types of custom actions exist", (*checker).ice68},
		{"ICE77", "deferred actions stand between InstallInitialize and InstallFinalize", (*checker).ice77},
		{"ICE80", "64-bit components, folders and searches agree with the package's platform", (*checker).ice80},
	}
}

// checker collects the findings of one rule.
type checker struct {
	db       *msi.Database
	rule     string
	index    *index
	findings []Finding
}

// index finds rows by key and the values of key columns; it is filled as rules ask.
type index struct {
	rows   map[string]map[string]row
	values map[string]map[string]bool
}

// row is a row with its table.
type row struct {
	t *msi.Table
	r msi.Row
}

func (r row) text(column string) string { return r.t.Text(r.r, column) }
func (r row) key() string               { return r.t.Key(r.r) }

// number is a value as a number, 0 for none.
func (r row) number(column string) int {
	n, _ := r.t.Int(r.r, column)
	return n
}

// rows are those of a table; none for a table that is not there.
func (c *checker) rows(table string) []row {
	t := c.db.Table(table)
	if t == nil {
		return nil
	}
	rows := make([]row, len(t.Rows))
	for i, r := range t.Rows {
		rows[i] = row{t, r}
	}
	return rows
}

// find is a row by its key; false when there is none.
func (c *checker) find(table, key string) (row, bool) {
	rows, ok := c.index.rows[table]
	if !ok {
		rows = map[string]row{}
		for _, r := range c.rows(table) {
			rows[r.key()] = r
		}
		c.index.rows[table] = rows
	}
	r, ok := rows[key]
	return r, ok
}

// values are those in a column of a table, which counts from 1.
func (c *checker) values(table string, column int) map[string]bool {
	name := fmt.Sprint(table, ":", column)
	values, ok := c.index.values[name]
	if !ok {
		values = map[string]bool{}
		if t := c.db.Table(table); t != nil && column <= len(t.Columns) {
			for _, r := range c.rows(table) {
				values[r.text(t.Columns[column-1].Name)] = true
			}
		}
		c.index.values[name] = values
	}
	return values
}

// bad reports an error at a column of a row.
func (c *checker) bad(r row, column, cure, format string, args ...any) {
	c.report(Finding{Severity: Error, Table: r.t.Name, Row: r.key(), Column: column, Cure: cure, Text: fmt.Sprintf(format, args...)})
}

// warn reports a warning at a column of a row.
func (c *checker) warn(r row, column, cure, format string, args ...any) {
	c.report(Finding{Severity: Warning, Table: r.t.Name, Row: r.key(), Column: column, Cure: cure, Text: fmt.Sprintf(format, args...)})
}

// missing reports an error that has no row.
func (c *checker) missing(table, cure, format string, args ...any) {
	c.report(Finding{Severity: Error, Table: table, Cure: cure, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) report(f Finding) {
	f.Rule = c.rule
	c.findings = append(c.findings, f)
}

// list splits a list of names.
func list(s, separators string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(separators, r) || r == ' ' })
}
