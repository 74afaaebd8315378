package msi

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	summaryTable  = "_SummaryInformation"
	codepageTable = "_ForceCodepage"
)

// ReadFolder reads a folder of IDT files, as the Installer's own tools and WiX export a database: one
// file per table, _SummaryInformation.idt and _ForceCodepage.idt among them when there are any.
// Streams are files in folders named after their tables.
func ReadFolder(dir string) (*Database, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	db := &Database{Codepage: 1252}
	if err := db.readCodepage(filepath.Join(dir, codepageTable+".idt")); err != nil {
		return nil, err
	}
	for _, e := range entries {
		file := filepath.Join(dir, e.Name())
		if filepath.Ext(file) != ".idt" || e.Name() == codepageTable+".idt" {
			continue
		}
		if err := db.readTable(dir, file); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	if len(db.Tables) == 0 {
		return nil, fmt.Errorf("folder %s: no tables (*.idt)", dir)
	}
	db.sort()
	db.Cabinets = db.cabinets()
	return db, nil
}

// readCodepage reads a file of two empty lines and "1252<tab>_ForceCodepage".
func (d *Database) readCodepage(file string) error {
	b, err := os.ReadFile(file) //nolint:gosec // a file that the caller named
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	n, name, _ := strings.Cut(strings.Trim(string(b), "\r\n\x00"), "\t")
	d.Codepage, err = strconv.Atoi(n)
	if err != nil || name != codepageTable {
		return fmt.Errorf("%s: %q is not a code page and its name", file, b)
	}
	return nil
}

func (d *Database) readTable(dir, file string) error {
	b, err := os.ReadFile(file) //nolint:gosec // a file that the caller named
	if err != nil {
		return err
	}
	t, err := ReadIDT(b, d.Codepage)
	if err != nil {
		return err
	}
	if t.Name == summaryTable {
		d.Summary, err = summaryOf(t)
		return err
	}
	if d.Table(t.Name) != nil {
		return fmt.Errorf("table %s: read twice", t.Name)
	}
	for _, r := range t.Rows {
		for i, v := range r {
			name, ok := v.(Data)
			if !ok {
				continue
			}
			if !filepath.IsLocal(string(name)) {
				return fmt.Errorf("table %s, row %s: %q leads out of the folder", t.Name, t.Key(r), name)
			}
			r[i] = Data(filepath.Join(dir, t.Name, string(name)))
		}
	}
	d.Tables = append(d.Tables, t)
	return nil
}

// sort puts tables and rows in their fixed order.
func (d *Database) sort() {
	slices.SortFunc(d.Tables, func(a, b *Table) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range d.Tables {
		t.Sort()
	}
}

// cabinets lists the embedded cabinets of Media ("#name") and the keys of their files, which are those
// up to LastSequence (learn.microsoft.com/windows/win32/msi/media-table). Where the files are is not
// known.
func (d *Database) cabinets() map[string]Cabinet {
	media, files := d.Table("Media"), d.Table("File")
	if media == nil || files == nil {
		return nil
	}
	rows := slices.Clone(media.Rows)
	slices.SortFunc(rows, func(a, b Row) int { return last(media, a) - last(media, b) })
	found, from := map[string]Cabinet{}, 0
	for _, m := range rows {
		name, embedded := strings.CutPrefix(media.Text(m, "Cabinet"), "#")
		to := last(media, m)
		if embedded {
			found[name] = Cabinet{Files: filesBetween(files, from, to)}
		}
		from = to
	}
	return found
}

func last(media *Table, r Row) int {
	n, _ := media.Int(r, "LastSequence")
	return n
}

// filesBetween is the files after one number up to another, in order.
func filesBetween(files *Table, from, to int) []CabinetFile {
	var between []CabinetFile
	for _, r := range files.Rows {
		if n, _ := files.Int(r, "Sequence"); n > from && n <= to {
			between = append(between, CabinetFile{Key: files.Text(r, "File")})
		}
	}
	return between
}
