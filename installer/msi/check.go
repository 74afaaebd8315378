package msi

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// maxErrors is how many problems one error names: enough to see what is wrong.
const maxErrors = 20

// check tells what a database cannot be written with. libmsi itself drops or garbles such values
// without a word: a character that the code page has not, a number that does not fit, a second row with
// the same key.
func (d *Database) check() error {
	var found problems
	for _, t := range d.Tables {
		found.table(t, d.Codepage)
	}
	for _, v := range d.Summary.texts() {
		if _, err := Encode(d.Summary.Codepage, *v); err != nil {
			found.add("summary information: %w", err)
		}
		if strings.ContainsAny(*v, plainControls+idtControls) {
			found.add("summary information: %q has a control character", *v)
		}
	}
	if d.Summary.Created.IsZero() {
		found.add("summary information: no time of creation")
	}
	found.cabinets(d)
	if len(found.errs) > maxErrors {
		found.errs = append(found.errs[:maxErrors], fmt.Errorf("and %d more problems", len(found.errs)-maxErrors))
	}
	return errors.Join(found.errs...)
}

type problems struct{ errs []error }

func (p *problems) add(format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf(format, args...))
}

func (p *problems) table(t *Table, codepage int) {
	if !nameForm().MatchString(t.Name) || len(t.Name) > 31 {
		p.add("table %q: not a name of at most 31 letters, digits and underscores", t.Name)
	}
	for _, c := range t.Columns {
		if !typeForm().MatchString(c.Type) {
			p.add("table %s, column %s: type %q", t.Name, c.Name, c.Type)
		}
	}
	keys := make(map[string]bool, len(t.Rows))
	for _, r := range t.Rows {
		key := t.Key(r)
		if keys[key] {
			p.add("table %s, row %s: a second row with this key", t.Name, key)
		}
		keys[key] = true
		if len(r) != len(t.Columns) {
			p.add("table %s, row %s: %d values for %d columns", t.Name, key, len(r), len(t.Columns))
			continue
		}
		for i, c := range t.Columns {
			if err := checkValue(c, r[i], codepage); err != nil {
				p.add("table %s, row %s, column %s: %w", t.Name, key, c.Name, err)
			}
		}
		if name := t.stream(r); hasStream(r) && !streamForm().MatchString(name) {
			p.add("table %s, row %s: %q is no name of a stream: at most 62 letters, digits, periods and underscores", t.Name, key, name)
		}
	}
}

// streamForm is the names that fit into a compound file's 31 characters, two letters in each
// (learn.microsoft.com/windows/win32/msi/-streams-table: 62 characters).
func streamForm() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9._]{1,62}$`) }

func hasStream(r Row) bool {
	for _, v := range r {
		if _, ok := v.(Data); ok {
			return true
		}
	}
	return false
}

// Limits of numbers: learn.microsoft.com/windows/win32/msi/integer (the lowest value is empty).
const (
	maxInt2 = 1<<15 - 1
	maxInt4 = 1<<31 - 1
)

func checkValue(c Column, v any, codepage int) error {
	switch v := v.(type) {
	case nil:
		if !c.Nullable() {
			return errors.New("it must not be empty")
		}
		return nil
	case string:
		return checkText(c, v, codepage)
	case int:
		limit := maxInt2
		if c.Width() == 4 {
			limit = maxInt4
		}
		if !c.Integer() || v > limit || v < -limit {
			return fmt.Errorf("%d does not fit into type %s", v, c.Type)
		}
		return nil
	case Data:
		if !c.Binary() {
			return fmt.Errorf("a stream does not fit into type %s", c.Type)
		}
		return nil
	default:
		return fmt.Errorf("%T is no value of a table", v)
	}
}

func checkText(c Column, v string, codepage int) error {
	if c.Integer() || c.Binary() {
		return fmt.Errorf("%q does not fit into type %s", v, c.Type)
	}
	if v == "" && !c.Nullable() {
		return errors.New("it must not be empty")
	}
	if strings.ContainsAny(strings.ReplaceAll(v, "\r\n", ""), "\x00\t\r"+idtControls) {
		return fmt.Errorf("%q has a control character other than a line end, which libmsi cannot store", v)
	}
	b, err := Encode(codepage, v)
	if len(b) > longestText {
		return fmt.Errorf("a text of %d bytes, of which libmsi can store at most %d", len(b), longestText)
	}
	return err
}

// longestText is the longest string of libmsi: what it writes of a longer one, it cannot read (msitools 0.101).
const longestText = 1<<16 - 1

// A cabinet's numbers have 16 bits, its data comes in blocks of 32 KiB
// (learn.microsoft.com/previous-versions/bb417343(v=msdn.10), Microsoft Cabinet Format).
const (
	maxCabinetFiles = 65535
	maxCabinetBytes = 65535 * 32768
)

// cabinets checks that every file of the File table is in the cabinet that Media says, in order.
func (p *problems) cabinets(d *Database) {
	want := d.cabinets()
	for name, c := range d.Cabinets {
		if !streamForm().MatchString(name) {
			p.add("cabinet %q: at most 62 letters, digits, periods and underscores", name)
		}
		if _, ok := want[name]; !ok {
			p.add("cabinet %s: no row of Media names #%s", name, name)
		}
		if len(c.Files) > maxCabinetFiles {
			p.add("cabinet %s: %d files; a cabinet holds at most %d", name, len(c.Files), maxCabinetFiles)
		}
		seen := map[string]bool{}
		for _, f := range c.Files {
			if folded := strings.ToLower(f.Key); seen[folded] {
				p.add("cabinet %s, file %s: a second file with this key (capitals do not count)", name, f.Key)
			} else {
				seen[folded] = true
			}
		}
	}
	for name, c := range want {
		if diff := keysDiffer(c.Files, d.Cabinets[name].Files); diff != "" {
			p.add("cabinet %s: %s", name, diff)
		}
	}
}

func keysDiffer(want, got []CabinetFile) string {
	for i := range min(len(want), len(got)) {
		if want[i].Key != got[i].Key {
			return fmt.Sprintf("file %d is %s, but %s by the numbers of the File table", i+1, got[i].Key, want[i].Key)
		}
	}
	if len(want) != len(got) {
		return fmt.Sprintf("%d files, but %d by the numbers of the File table", len(got), len(want))
	}
	return ""
}
