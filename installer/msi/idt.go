package msi

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An IDT file is one table as text: a line of column names, a line of column types, a line with the
// code page (only when it is needed), the table's name and its keys, then one line per row; values are
// parted by tabs, lines end in CR LF
// (learn.microsoft.com/windows/win32/msi/text-archive-files).

// In values, control characters stand for those that would break a line
// (learn.microsoft.com/windows/win32/msi/ascii-data-in-text-archive-files).
const (
	plainControls = "\x00\x08\t\n\x0c\r"
	idtControls   = "\x15\x1b\x10\x19\x18\x11"
)

// WriteIDT writes a table as an IDT file in a code page.
func WriteIDT(w io.Writer, t *Table, codepage int) error {
	var out bytes.Buffer
	if err := writeHeader(&out, t, codepage); err != nil {
		return err
	}
	for _, r := range t.Rows {
		for i, v := range r {
			if i > 0 {
				out.WriteByte('\t')
			}
			value := text(v)
			if d, ok := v.(Data); ok {
				value = string(d)
			}
			b, err := Encode(codepage, escape(value))
			if err != nil {
				return fmt.Errorf("table %s, row %s: %w", t.Name, t.Key(r), err)
			}
			out.Write(b)
		}
		out.WriteString("\r\n")
	}
	_, err := out.WriteTo(w)
	return err
}

func writeHeader(out *bytes.Buffer, t *Table, codepage int) error {
	var names, types, keys []string
	for _, c := range t.Columns {
		names, types = append(names, c.Name), append(types, c.Type)
		if c.Key {
			keys = append(keys, c.Name)
		}
	}
	if len(keys) == 0 {
		return fmt.Errorf("table %s: no primary key", t.Name)
	}
	fmt.Fprintf(out, "%s\r\n%s\r\n", strings.Join(names, "\t"), strings.Join(types, "\t"))
	if codepage != 0 && slices.ContainsFunc(t.Rows, beyondASCII) {
		fmt.Fprintf(out, "%d\t", codepage)
	}
	fmt.Fprintf(out, "%s\t%s\r\n", t.Name, strings.Join(keys, "\t"))
	return nil
}

func beyondASCII(r Row) bool {
	return slices.ContainsFunc(r, func(v any) bool { return !neutral(text(v)) })
}

// ReadIDT reads an IDT file. The code page is of files that do not name one. Values of binary columns
// become Data as they are: the name of a file in the folder named after the table.
func ReadIDT(data []byte, codepage int) (*Table, error) {
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), "\n")
	if len(lines) < 3 {
		return nil, fmt.Errorf("%d lines: not an IDT file, which has three before its rows", len(lines))
	}
	t, codepage, err := readHeader(lines, codepage)
	if err != nil {
		return nil, err
	}
	for i, line := range lines[3:] {
		cells := strings.Split(line, "\t")
		if len(cells) != len(t.Columns) {
			return nil, fmt.Errorf("table %s, line %d: %d values for %d columns", t.Name, i+4, len(cells), len(t.Columns))
		}
		row := make(Row, len(cells))
		for at, cell := range cells {
			value, err := decode(codepage, []byte(cell))
			if err == nil {
				row[at], err = parse(t.Columns[at], unescape(value))
			}
			if err != nil {
				return nil, fmt.Errorf("table %s, line %d, column %s: %w", t.Name, i+4, t.Columns[at].Name, err)
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

// readHeader reads the first three lines.
func readHeader(lines []string, codepage int) (*Table, int, error) {
	names, types, keys := strings.Split(lines[0], "\t"), strings.Split(lines[1], "\t"), strings.Split(lines[2], "\t")
	if n, err := strconv.Atoi(keys[0]); err == nil && len(keys) > 1 {
		codepage, keys = n, keys[1:]
	}
	t := &Table{Name: keys[0]}
	if !nameForm().MatchString(t.Name) || len(names) != len(types) || len(keys) < 2 {
		return nil, 0, fmt.Errorf("table %q: %d column names, %d types, %d keys", t.Name, len(names), len(types), len(keys)-1)
	}
	for i, name := range names {
		if !nameForm().MatchString(name) || !typeForm().MatchString(types[i]) || t.Index(name) >= 0 {
			return nil, 0, fmt.Errorf("table %s: column %q of type %q", t.Name, name, types[i])
		}
		t.Columns = append(t.Columns, Column{Name: name, Type: types[i], Key: slices.Contains(keys[1:], name)})
	}
	for _, key := range keys[1:] {
		if t.Index(key) < 0 {
			return nil, 0, fmt.Errorf("table %s: key %q is no column", t.Name, key)
		}
	}
	return t, codepage, nil
}

// Column types: learn.microsoft.com/windows/win32/msi/column-definition-format.
func typeForm() *regexp.Regexp { return regexp.MustCompile(`^([sSlLgG][0-9]{1,3}|[iI][24]|[vV]0)$`) }

func nameForm() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`) }

// parse turns a value as text into what its column holds.
func parse(c Column, value string) (any, error) {
	switch {
	case value == "":
		return nil, nil
	case c.Binary():
		return Data(value), nil
	case c.Integer():
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not an integer", value)
		}
		return int(n), nil
	default:
		return value, nil
	}
}

func escape(s string) string { return translate(s, plainControls, idtControls) }

func unescape(s string) string { return translate(s, idtControls, plainControls) }

func translate(s, from, to string) string {
	if !strings.ContainsAny(s, from) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if i := strings.IndexRune(from, r); i >= 0 {
			return rune(to[i])
		}
		return r
	}, s)
}
