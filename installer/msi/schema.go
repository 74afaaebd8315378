package msi

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// The standard tables are written down as text, one block per table and one line per column:
//
//	Name Type[*] Category [Min..Max] [>Table[;Table][:column]] [=Value;Value]
//
// "*" marks the primary key, "-" a column without a category, ">" what the column refers to (the
// first column there unless ":n" names another), "=" the only values allowed.
//
// Sources: learn.microsoft.com/windows/win32/msi/database-tables and the pages of the single tables;
// learn.microsoft.com/windows/win32/msi/column-data-types for the categories. Where WiX 5 widens the
// schema of the Windows SDK (File.Version S72, Media.LastSequence i4, names of dialogs, styles and
// binaries s72), its width is taken, so that both builders give the same tables.

// Schema is the columns of a standard table, in their official order and with their official types;
// false for a table that is not standard.
func Schema(table string) ([]Column, bool) {
	var columns []Column
	for line := range definition(table) {
		columns = append(columns, column(line))
	}
	return columns, len(columns) > 0
}

// Validation is the rows of the _Validation table for a standard table: one per column, in the order
// of the columns (learn.microsoft.com/windows/win32/msi/-validation-table). Description stays empty:
// nothing reads it. A table that is not standard has no rows.
func Validation(table string) []Row {
	var rows []Row
	for line := range definition(table) {
		c := column(line)
		row := Row{table, c.Name, "N", nil, nil, nil, nil, nil, nil, nil}
		if c.Nullable() {
			row[2] = "Y"
		}
		for _, field := range strings.Fields(line)[2:] {
			rule(row, field)
		}
		rows = append(rows, row)
	}
	return rows
}

// StandardTables is the names of all tables with a schema, in order.
func StandardTables() []string {
	var names []string
	for line := range strings.SplitSeq(packageTables+dialogTables, "\n") {
		if line != "" && line[0] != '\t' {
			names = append(names, line)
		}
	}
	slices.Sort(names)
	return names
}

// definition is the lines of the columns of one table.
func definition(table string) iter.Seq[string] {
	return func(yield func(string) bool) {
		inside := false
		for line := range strings.SplitSeq(packageTables+dialogTables, "\n") {
			if !strings.HasPrefix(line, "\t") {
				inside = line == table && table != ""
			} else if inside && !yield(line) {
				return
			}
		}
	}
}

func column(line string) Column {
	fields := strings.Fields(line)
	kind, key := strings.CutSuffix(fields[1], "*")
	return Column{Name: fields[0], Type: kind, Key: key}
}

// rule puts one field of a column's line into its row of _Validation.
func rule(row Row, field string) {
	low, high, limits := strings.Cut(field, "..")
	switch {
	case field == "-":
	case field[0] == '>':
		table, at, named := strings.Cut(field[1:], ":")
		row[5], row[6] = table, 1
		if named {
			row[6] = number(at)
		}
	case field[0] == '=':
		row[8] = field[1:]
	case limits:
		row[3], row[4] = number(low), number(high)
	default:
		row[7] = field
	}
}

// number reads a number of the definitions above; a test reads them all.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(fmt.Sprintf("schema: %q is no number", s))
	}
	return n
}
