package msi

import (
	"fmt"
	"strconv"
	"strings"
)

// msiinfo exports tables in two forms. As IDT it writes line ends inside of values as they are, so that
// rows cannot be told apart; as SQL statements it escapes them. So tables are read from its SQL.

// readSQL reads what "msiinfo export -s" writes: one CREATE TABLE, then one INSERT per row. A value of a
// binary column becomes an empty Data.
func readSQL(text string) (*Table, error) {
	var t *Table
	for i, line := range strings.Split(text, "\n") {
		s := &scanner{rest: strings.TrimSuffix(line, "\r")}
		switch {
		case s.rest == "":
		case t == nil:
			t = s.create()
		default:
			t.Rows = append(t.Rows, s.insert(t))
		}
		if s.err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, s.err)
		}
	}
	if t == nil {
		return nil, fmt.Errorf("no table in %q", text)
	}
	return t, nil
}

// scanner reads one statement; after the first error it reads nothing.
type scanner struct {
	rest string
	err  error
}

// create reads CREATE TABLE `T` (`A` CHAR(72) NOT NULL, `B` CHAR(0) LOCALIZABLE, `C` LONG PRIMARY KEY `A`).
func (s *scanner) create() *Table {
	s.expect("CREATE TABLE ")
	t := &Table{Name: s.name()}
	s.expect(" (")
	for s.err == nil {
		t.Columns = append(t.Columns, Column{Name: s.name(), Type: s.kind()})
		if !s.skip(", ") {
			break
		}
	}
	s.expect(" PRIMARY KEY ")
	for s.err == nil {
		name := s.name()
		at := t.Index(name)
		if at < 0 {
			s.fail("key %q is no column", name)
			break
		}
		t.Columns[at].Key = true
		if !s.skip(", ") {
			break
		}
	}
	s.expect(")")
	return t
}

// kind reads the type of a column into the form of IDT files.
func (s *scanner) kind() string {
	var kind string
	switch {
	case s.skip(" CHAR("):
		width, rest, ok := strings.Cut(s.rest, ")")
		if n, err := strconv.Atoi(width); !ok || err != nil || n < 0 || n > 255 {
			s.fail("width %q", width)
		}
		kind, s.rest = "s"+width, rest
	case s.skip(" INT"):
		kind = "i2"
	case s.skip(" LONG"):
		kind = "i4"
	case s.skip(" OBJECT"):
		kind = "v0"
	default:
		s.fail("a type was expected")
		return ""
	}
	required := s.skip(" NOT NULL")
	if s.skip(" LOCALIZABLE") {
		kind = "l" + kind[1:]
	}
	if !required {
		kind = strings.ToUpper(kind[:1]) + kind[1:]
	}
	return kind
}

// insert reads INSERT INTO `T` (`A`, `C`) VALUES ('text', 5): empty values are left out.
func (s *scanner) insert(t *Table) Row {
	row := make(Row, len(t.Columns))
	s.expect("INSERT INTO ")
	if name := s.name(); name != t.Name {
		s.fail("table %q", name)
	}
	s.expect(" (")
	var columns []int
	for s.err == nil && !s.skip(")") {
		s.skip(", ") // also before the first name, when the first column is empty
		at := t.Index(s.name())
		if at < 0 {
			s.fail("a column of table %s was expected", t.Name)
		}
		columns = append(columns, at)
	}
	s.expect(" VALUES (")
	for _, at := range columns {
		s.skip(", ")
		if s.err == nil {
			row[at] = s.value(t.Columns[at])
		}
	}
	s.expect(")")
	return row
}

func (s *scanner) value(c Column) any {
	switch {
	case c.Binary():
		s.expect("''")
		return Data("")
	case c.Integer():
		end := strings.IndexAny(s.rest, ",)")
		n, err := strconv.ParseInt(s.rest[:max(end, 0)], 10, 32)
		if err != nil {
			s.fail("column %s: a number was expected", c.Name)
			return nil
		}
		s.rest = s.rest[end:]
		return int(n)
	default:
		if v := s.quoted(); v != "" {
			return v
		}
		return nil
	}
}

// name reads `Name`.
func (s *scanner) name() string {
	s.expect("`")
	name, rest, ok := strings.Cut(s.rest, "`")
	if !ok {
		s.fail("a name was expected")
	}
	s.rest = rest
	return name
}

// quoted reads 'text' with \n, \r, \\ and \' in it.
func (s *scanner) quoted() string {
	s.expect("'")
	var out strings.Builder
	for i := 0; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '\'':
			s.rest = s.rest[i+1:]
			return out.String()
		case c == '\\' && i+1 < len(s.rest):
			i++
			out.WriteByte(unquote(s.rest[i]))
		default:
			out.WriteByte(c)
		}
	}
	s.fail("a text does not end")
	return ""
}

func unquote(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	default:
		return c
	}
}

func (s *scanner) skip(word string) bool {
	rest, ok := strings.CutPrefix(s.rest, word)
	s.rest = rest
	return ok
}

func (s *scanner) expect(word string) {
	if s.err == nil && !s.skip(word) {
		s.fail("%q was expected", word)
	}
}

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		const enough = 40
		s.err = fmt.Errorf(format+" at %q", append(args, s.rest[:min(enough, len(s.rest))])...)
	}
	s.rest = ""
}
