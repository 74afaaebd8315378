package msi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"holdfast/installer/guid"
)

// Write makes the package file. It fills in what db lacks: the rows of _Validation, and the package
// code, which is derived from all that the package holds. The same db gives the same bytes, wherever and
// whenever it is written. An existing file is replaced once the new one is complete and was read back.
// It needs msibuild, msiinfo and gcab; progress (which may be nil) is told what happens.
func Write(ctx context.Context, db *Database, file string, progress func(string)) error {
	if progress == nil {
		progress = func(string) {}
	}
	if err := write(ctx, db, file, progress); err != nil {
		return fmt.Errorf("package %s: %w", file, err)
	}
	return nil
}

func write(ctx context.Context, db *Database, file string, progress func(string)) error {
	if err := db.addValidation(); err != nil {
		return err
	}
	db.sort()
	if err := db.check(); err != nil {
		return err
	}
	return inFolder(file, func(dir string) error {
		w := &writer{db: db, dir: dir, progress: progress, hashes: map[string]string{}}
		if err := w.build(ctx); err != nil {
			return err
		}
		return w.verify(ctx)
	})
}

// inFolder makes a file in a new folder beside where it will be, under the name packageName.
func inFolder(file string, make func(dir string) error) error {
	dir, err := os.MkdirTemp(filepath.Dir(file), ".package-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := make(dir); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, packageName), file)
}

// WriteTables makes a file of tables alone: no package, but what one of its relatives, a transform,
// begins as. summary is a table of PropertyId and Value; the code page is that of all texts. Rows are
// written as they are.
func WriteTables(ctx context.Context, file string, codepage int, summary *Table, tables ...*Table) error {
	return inFolder(file, func(dir string) error {
		w := &writer{dir: dir}
		if err := w.tables(codepage, summary, codepage, tables); err != nil {
			return err
		}
		return tool(ctx, dir, io.Discard, msibuild, w.args...)
	})
}

// packageName is the file while it is made.
const packageName = "package.msi"

// writer makes one package in a folder of its own.
type writer struct {
	db       *Database
	dir      string
	progress func(string)
	args     []string          // of msibuild
	hashes   map[string]string // of streams by name
}

func (w *writer) build(ctx context.Context) error {
	if err := w.streams(ctx); err != nil {
		return err
	}
	cabinets, err := w.cabinets(ctx)
	if err != nil {
		return err
	}
	if w.db.Summary.PackageCode == "" {
		w.db.Summary.PackageCode = string(guid.GUID(w.db.Property("ProductCode")).Derive(w.fingerprint()))
	}
	if err := w.tables(w.db.Codepage, w.db.Summary.table(), w.db.Summary.Codepage, w.db.Tables); err != nil {
		return err
	}
	for _, name := range cabinets {
		w.args = append(w.args, "-a", name, name+".cab")
	}
	w.progress(count(len(w.db.Tables), "table") + ", " + count(len(w.hashes), "stream"))
	return tool(ctx, w.dir, io.Discard, msibuild, w.args...)
}

// streams copies the content of all binary values to where msibuild looks for it: a folder named after
// the table, below the current one.
func (w *writer) streams(ctx context.Context) error {
	for _, t := range w.db.Tables {
		for _, r := range t.Rows {
			for _, v := range r {
				d, ok := v.(Data)
				if !ok {
					continue
				}
				dir := filepath.Join(w.dir, t.Name)
				if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
					return err
				}
				s, err := stage(ctx, d, filepath.Join(dir, t.stream(r)), w.db.Summary.Created)
				if err != nil {
					return fmt.Errorf("table %s, row %s: %w", t.Name, t.Key(r), err)
				}
				w.hashes[s.name] = s.hash
			}
		}
	}
	return nil
}

// cabinets packs all cabinets and gives their names in order.
func (w *writer) cabinets(ctx context.Context) ([]string, error) {
	names := slices.Sorted(maps.Keys(w.db.Cabinets))
	for _, name := range names {
		c := w.db.Cabinets[name]
		w.progress(fmt.Sprintf("cabinet %s: %s", name, count(len(c.Files), "file")))
		dir, cabinet := filepath.Join(w.dir, name), filepath.Join(w.dir, name+".cab")
		files, err := w.db.stageCabinet(ctx, c, dir)
		if err == nil {
			err = packCabinet(ctx, dir, cabinet, files)
		}
		if err == nil {
			err = os.RemoveAll(dir)
		}
		if err != nil {
			return nil, fmt.Errorf("cabinet %s: %w", name, err)
		}
		if w.hashes[name], err = hashFile(cabinet); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func hashFile(file string) (string, error) {
	f, err := os.Open(file) //nolint:gosec // in our own folder
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// tables has msibuild import tables. A fresh file says that it is of code page 0 and that its files are
// not compressed: what says otherwise goes first.
func (w *writer) tables(codepage int, summary *Table, summaryCodepage int, tables []*Table) error {
	w.args = append(w.args, packageName, "-i", codepageTable+".idt", summaryTable+".idt")
	force := fmt.Sprintf("\r\n\r\n%d\t%s\r\n", codepage, codepageTable)
	if err := os.WriteFile(filepath.Join(w.dir, codepageTable+".idt"), []byte(force), 0o600); err != nil {
		return err
	}
	if err := w.table(withoutPresets(summary), summaryCodepage); err != nil {
		return err
	}
	for _, t := range tables {
		w.args = append(w.args, t.Name+".idt")
		if err := w.table(t, UTF8); err != nil { // libmsi reads UTF-8 and turns it into the code page itself
			return err
		}
	}
	return nil
}

// withoutPresets empties what msibuild fills in by itself, where the summary says nothing of it.
func withoutPresets(summary *Table) *Table {
	t := *summary
	t.Rows = slices.Clone(t.Rows)
	for _, pid := range []int{pidTitle, pidKeywords, pidTemplate, pidApplication} {
		if t.Find(strconv.Itoa(pid)) == nil {
			t.Rows = append(t.Rows, Row{pid, ""})
		}
	}
	return &t
}

// table writes one table for msibuild. Unlike the Installer, libmsi knows only CR LF in escaped form,
// and takes a zero byte for LF.
func (w *writer) table(t *Table, codepage int) error {
	var out bytes.Buffer
	if err := writeHeader(&out, &Table{Name: t.Name, Columns: t.Columns}, 0); err != nil {
		return err
	}
	for _, r := range t.Rows {
		for i, v := range r {
			if i > 0 {
				out.WriteByte('\t')
			}
			value := text(v)
			if _, ok := v.(Data); ok {
				value = t.stream(r)
			}
			value = strings.ReplaceAll(strings.ReplaceAll(value, "\r\n", "\x11\x19"), "\n", "\x00")
			b, err := Encode(codepage, value)
			if err != nil {
				return err
			}
			out.Write(b)
		}
		out.WriteString("\r\n")
	}
	return os.WriteFile(filepath.Join(w.dir, t.Name+".idt"), out.Bytes(), 0o600)
}

// fingerprint stands for all that the package holds.
func (w *writer) fingerprint() string {
	var all bytes.Buffer
	for _, t := range append([]*Table{w.db.Summary.table()}, w.db.Tables...) {
		fmt.Fprintf(&all, "%q %q\n", t.Name, describe(t.Columns))
		for _, r := range t.Rows {
			for i, v := range r {
				if _, ok := v.(Data); ok {
					v = w.hashes[t.stream(r)]
				}
				fmt.Fprintf(&all, "%d %q\n", i, text(v))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.hashes)) {
		fmt.Fprintf(&all, "%q %q\n", name, w.hashes[name])
	}
	sum := sha256.Sum256(all.Bytes())
	return hex.EncodeToString(sum[:])
}

// verify reads the file back: every row and the bytes of every stream.
func (w *writer) verify(ctx context.Context) error {
	w.progress("reading it back")
	file := filepath.Join(w.dir, packageName)
	got, err := Read(ctx, file)
	if err != nil {
		return err
	}
	if differences := Diff(w.db, got, DiffOptions{IgnoreStreams: true}); len(differences) > 0 {
		return fmt.Errorf("msibuild did not write what it was given: %s", strings.Join(firstOf(differences), "; "))
	}
	for name, want := range w.hashes {
		h := sha256.New()
		if err := tool(ctx, "", h, msiinfo, "extract", file, name); err != nil {
			return err
		}
		if hex.EncodeToString(h.Sum(nil)) != want {
			return fmt.Errorf("msibuild did not write what it was given: stream %s has other bytes", name)
		}
	}
	return nil
}

func firstOf(differences []Difference) []string {
	const enough = 5
	var out []string
	for _, d := range differences[:min(enough, len(differences))] {
		out = append(out, d.String())
	}
	return out
}

// addValidation makes the _Validation table when there is none, with the rows of all tables.
func (d *Database) addValidation() error {
	const name = "_Validation"
	if d.Table(name) != nil {
		return nil
	}
	t, err := d.Ensure(name)
	if err != nil {
		return err
	}
	for _, of := range d.Tables {
		t.Rows = append(t.Rows, Validation(of.Name)...)
	}
	return nil
}
