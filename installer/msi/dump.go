package msi

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Dump writes tables for people: every column as wide as its widest value, up to a limit; line ends are
// shown as \n. Without names it writes all tables but _Validation, and the summary information first.
// A name without a table is an error.
func Dump(w io.Writer, db *Database, tables ...string) error {
	show := make([]*Table, 0, len(tables))
	for _, name := range tables {
		t := db.Table(name)
		if name == summaryTable {
			t = db.Summary.table()
		}
		if t == nil {
			return fmt.Errorf("table %s: there is none; the package has %s", name, strings.Join(names(db, &Database{}), ", "))
		}
		show = append(show, t)
	}
	if len(tables) == 0 {
		show = append(show, db.Summary.table())
		show = append(show, slices.DeleteFunc(slices.Clone(db.Tables), func(t *Table) bool { return t.Name == "_Validation" })...)
	}
	var out strings.Builder
	for i, t := range show {
		if i > 0 {
			out.WriteByte('\n')
		}
		dump(&out, t)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// maxWidth is where a column stops growing; longer values push what follows to the right.
const maxWidth = 48

func dump(out *strings.Builder, t *Table) {
	lines := make([][]string, 1, len(t.Rows)+1)
	for _, c := range t.Columns {
		name := c.Name
		if c.Key {
			name += "*"
		}
		lines[0] = append(lines[0], name)
	}
	for _, r := range t.Rows {
		var line []string
		for _, v := range r {
			line = append(line, visible(text(v)))
		}
		lines = append(lines, line)
	}
	widths := make([]int, len(t.Columns))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], min(columns(cell), maxWidth))
		}
	}
	fmt.Fprintf(out, "%s (%s)\n", t.Name, count(len(t.Rows), "row"))
	for _, line := range lines {
		var s strings.Builder
		for i, cell := range line {
			s.WriteString("  " + cell + strings.Repeat(" ", max(0, widths[i]-columns(cell))))
		}
		out.WriteString(strings.TrimRight(s.String(), " ") + "\n")
	}
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

// visible shows line ends and other control characters as Go would write them.
func visible(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '\x7f' }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`), `\\`, `\`)
}

// columns is how many cells of a terminal a text takes: letters of Chinese, Japanese and Korean take two
// (unicode.org/reports/tr11).
func columns(s string) int {
	n := utf8.RuneCountInString(s)
	for _, r := range s {
		if r >= 0x1100 && r <= 0x115F || r >= 0x2E80 && r <= 0xA4CF || r >= 0xAC00 && r <= 0xD7A3 || r >= 0xF900 && r <= 0xFAFF ||
			r >= 0xFE30 && r <= 0xFE4F || r >= 0xFF00 && r <= 0xFF60 || r >= 0x20000 && r <= 0x3FFFD {
			n++
		}
	}
	return n
}
