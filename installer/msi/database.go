package msi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Database is a package without the bytes of its files: tables, summary information and where the
// data of its streams is. Tables are kept in the order of their names, rows in the order of Sort.
type Database struct {
	// Codepage of all texts: 1252, or 65001 for texts outside of it.
	Codepage int
	Summary  Summary
	Tables   []*Table
	// Cabinets are the embedded cabinets by stream name (without the "#" of Media.Cabinet).
	Cabinets map[string]Cabinet
}

// Summary is the summary information stream
// (learn.microsoft.com/windows/win32/msi/summary-information-stream-property-set).
type Summary struct {
	Codepage    int    // of these texts: 1252
	Title       string // "Installation Database"
	Subject     string // the product's name
	Author      string // the manufacturer
	Keywords    string // "Installer"
	Comments    string
	Template    string    // "x64;1033", "Arm64;1033"
	PackageCode string    // {GUID}, upper case
	Created     time.Time // also the time of the last save; UTC, whole seconds
	Schema      int       // the lowest Windows Installer: 500
	WordCount   int       // 2: compressed, long names, elevation needed
	Application string    // what made it
	Security    int       // 2: read-only recommended
}

// Cabinet is the files of one cabinet in their order.
type Cabinet struct {
	Files []CabinetFile
}

// CabinetFile is one file: Key is its name in the cabinet (File.File), Source where its bytes are.
type CabinetFile struct {
	Key, Source string
}

// Table is one table: every row has one value per column.
type Table struct {
	Name    string
	Columns []Column
	Rows    []Row
}

// Column is a column as IDT files describe it.
type Column struct {
	Name string
	// Type is s72, S255, l0, L64, i2, I4, v0 or V0: a letter (capital: may be empty; l: may be
	// localised; v: a stream) and a width, 0 for no limit
	// (learn.microsoft.com/windows/win32/msi/column-definition-format).
	Type string
	Key  bool
}

// Nullable tells whether the column may be empty.
func (c Column) Nullable() bool { return c.Type != "" && c.Type[0] >= 'A' && c.Type[0] <= 'Z' }

// Integer and Binary tell what the column holds; any other holds a string.
func (c Column) Integer() bool { return strings.HasPrefix(strings.ToLower(c.Type), "i") }

// Binary tells whether the column holds a stream.
func (c Column) Binary() bool { return strings.HasPrefix(strings.ToLower(c.Type), "v") }

// Width is the number of characters or bytes, 0 for no limit.
func (c Column) Width() int {
	n, err := strconv.Atoi(strings.TrimLeft(c.Type, "silvgSILVG"))
	if err != nil {
		return 0
	}
	return n
}

// Row is the values of one row: nil (empty), string, int or Data.
type Row []any

// Data is the content of a stream: the path of the file that holds it.
type Data string

// Table is the table with this name, nil when there is none.
func (d *Database) Table(name string) *Table {
	for _, t := range d.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Ensure is the table with this name, made from its schema when it is not there yet. A name without
// a schema is a mistake of the caller.
func (d *Database) Ensure(name string) (*Table, error) {
	if t := d.Table(name); t != nil {
		return t, nil
	}
	columns, ok := Schema(name)
	if !ok {
		return nil, fmt.Errorf("table %s: no schema", name)
	}
	t := &Table{Name: name, Columns: columns}
	at, _ := slices.BinarySearchFunc(d.Tables, name, func(t *Table, name string) int { return strings.Compare(t.Name, name) })
	d.Tables = slices.Insert(d.Tables, at, t)
	return t, nil
}

// Index is the place of a column, -1 when there is none.
func (t *Table) Index(column string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == column })
}

// Text is a value as text: "" for an empty one or a column that is not there.
func (t *Table) Text(r Row, column string) string {
	i := t.Index(column)
	if i < 0 || i >= len(r) {
		return ""
	}
	return text(r[i])
}

// Int is a value as a number; false when it is empty or none.
func (t *Table) Int(r Row, column string) (int, bool) {
	i := t.Index(column)
	if i < 0 || i >= len(r) {
		return 0, false
	}
	n, ok := r[i].(int)
	return n, ok
}

// Key is the primary key of a row, its parts joined by "/".
func (t *Table) Key(r Row) string {
	var parts []string
	for i, c := range t.Columns {
		if c.Key && i < len(r) {
			parts = append(parts, text(r[i]))
		}
	}
	return strings.Join(parts, "/")
}

// Find is the row with this primary key, nil when there is none.
func (t *Table) Find(key string) Row {
	if t == nil {
		return nil
	}
	for _, r := range t.Rows {
		if t.Key(r) == key {
			return r
		}
	}
	return nil
}

// Sort puts the rows in the order of their primary keys; File and the sequences by number.
func (t *Table) Sort() {
	at := t.Index("Sequence")
	slices.SortFunc(t.Rows, func(a, b Row) int {
		if at >= 0 {
			x, _ := t.Int(a, "Sequence")
			y, _ := t.Int(b, "Sequence")
			if x != y {
				return x - y
			}
		}
		return strings.Compare(t.Key(a), t.Key(b))
	})
}

// Property is the value of a row of the Property table, "" when there is none.
func (d *Database) Property(name string) string {
	t := d.Table("Property")
	if r := t.Find(name); r != nil {
		return t.Text(r, "Value")
	}
	return ""
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case Data:
		return "[" + string(v) + "]"
	default:
		return fmt.Sprint(v)
	}
}
