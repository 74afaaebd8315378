package msi

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// DiffOptions say what does not count. The zero value compares all, the content of streams too; the
// files in cabinets are compared by their rows only.
type DiffOptions struct {
	// IgnoreCodes leaves out what differs between two builds of the same source: ProductCode, package
	// code, the summary's times and who made it.
	IgnoreCodes bool
	// IgnoreFiles leaves out what follows from the files' bytes: File.FileSize, Version and Language,
	// MsiFileHash.
	IgnoreFiles bool
	// IgnoreStreams leaves out the content of binary values: only whether there is any counts.
	IgnoreStreams bool
	// IgnoreDescriptions leaves out _Validation.Description, which nothing reads.
	IgnoreDescriptions bool
}

// Difference is one thing that two databases do not share. Key is "" for what belongs to a whole table,
// Column is "" for what belongs to a whole row. A and B are the values, "" for none.
type Difference struct {
	Table, Key, Column string
	A, B               string
}

func (d Difference) String() string {
	where := d.Table
	if d.Key != "" {
		where += ", row " + d.Key
	}
	if d.Column != "" {
		where += ", column " + d.Column
	}
	return fmt.Sprintf("%s: %q and %q", where, d.A, d.B)
}

// What stands for a whole table or row in a Difference.
const present = "present"

// Diff compares two databases row by row. The order of rows and of tables does not count.
func Diff(a, b *Database, o DiffOptions) []Difference {
	c := &comparison{DiffOptions: o}
	if a.Codepage != b.Codepage {
		c.add(codepageTable, "", "", a.Codepage, b.Codepage)
	}
	c.tables(a.Summary.table(), b.Summary.table())
	for _, name := range names(a, b) {
		c.tables(a.Table(name), b.Table(name))
	}
	return c.found
}

// names is the names of the tables of both, in order.
func names(a, b *Database) []string {
	var all []string
	for _, t := range slices.Concat(a.Tables, b.Tables) {
		all = append(all, t.Name)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

type comparison struct {
	DiffOptions
	found []Difference
}

func (c *comparison) add(table, key, column string, a, b any) {
	c.found = append(c.found, Difference{Table: table, Key: key, Column: column, A: text(a), B: text(b)})
}

func (c *comparison) tables(a, b *Table) {
	switch {
	case a == nil:
		c.add(b.Name, "", "", nil, present)
		return
	case b == nil:
		c.add(a.Name, "", "", present, nil)
		return
	case c.IgnoreFiles && a.Name == "MsiFileHash":
		return
	}
	if x, y := describe(a.Columns), describe(b.Columns); x != y {
		c.add(a.Name, "", "", x, y)
	}
	others := b.byKey()
	for _, r := range a.Rows {
		key := a.Key(r)
		other, ok := others[key]
		if !ok {
			if !c.ignored(a.Name, key, "") {
				c.add(a.Name, key, "", present, nil)
			}
			continue
		}
		delete(others, key)
		c.rows(a, b, r, other)
	}
	for _, r := range b.Rows {
		if key := b.Key(r); others[key] != nil && !c.ignored(b.Name, key, "") {
			c.add(b.Name, key, "", nil, present)
		}
	}
}

func (t *Table) byKey() map[string]Row {
	rows := make(map[string]Row, len(t.Rows))
	for _, r := range t.Rows {
		rows[t.Key(r)] = r
	}
	return rows
}

// describe is the columns of a table on one line: "Property:s72* Value:l0".
func describe(columns []Column) string {
	var out []string
	for _, c := range columns {
		s := c.Name + ":" + c.Type
		if c.Key {
			s += "*"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func (c *comparison) rows(a, b *Table, x, y Row) {
	key := a.Key(x)
	for i, column := range a.Columns {
		if column.Key || c.ignored(a.Name, key, column.Name) || b.Index(column.Name) < 0 {
			continue
		}
		p, q := x[i], y[b.Index(column.Name)]
		if column.Binary() {
			p, q = c.content(p), c.content(q)
		}
		if text(p) != text(q) {
			c.add(a.Name, key, column.Name, p, q)
		}
	}
}

// content stands for the bytes of a stream.
func (c *comparison) content(v any) any {
	d, ok := v.(Data)
	if !ok {
		return v
	}
	if c.IgnoreStreams {
		return present
	}
	hash, err := d.hash(context.Background())
	if err != nil {
		return err.Error()
	}
	return hash
}

func (c *comparison) ignored(table, key, column string) bool {
	switch table {
	case "Property":
		return c.IgnoreCodes && key == "ProductCode"
	case summaryTable:
		codes := []int{pidPackageCode, pidCreated, pidSaved, pidApplication}
		return c.IgnoreCodes && slices.ContainsFunc(codes, func(pid int) bool { return text(pid) == key })
	case "File":
		return c.IgnoreFiles && slices.Contains([]string{"FileSize", "Version", "Language"}, column)
	case "_Validation":
		return c.IgnoreDescriptions && column == "Description"
	default:
		return false
	}
}
