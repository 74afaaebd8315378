package msi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Read reads a package: its tables, its summary information, and the keys of the files in its embedded
// cabinets. The bytes of its streams stay where they are: see Data.Open and ExtractFiles. It needs
// msiinfo.
func Read(ctx context.Context, file string) (*Database, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("package %s: %w", file, err)
	}
	db, err := read(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("package %s: %w", file, err)
	}
	return db, nil
}

func read(ctx context.Context, file string) (*Database, error) {
	names, err := lines(ctx, "tables", file)
	if err != nil {
		return nil, err
	}
	db := &Database{Tables: make([]*Table, 0, len(names))}
	for _, name := range names {
		if name != summaryTable && name != codepageTable {
			db.Tables = append(db.Tables, &Table{Name: name})
		}
	}
	if len(db.Tables) == 0 {
		return nil, fmt.Errorf("no tables: it is not a Windows Installer package")
	}
	jobs, ctx := errgroup.WithContext(ctx)
	const atOnce = 4
	jobs.SetLimit(atOnce)
	for _, t := range db.Tables {
		jobs.Go(func() error { return export(ctx, file, t) })
	}
	jobs.Go(func() (err error) {
		db.Codepage, err = exportCodepage(ctx, file)
		return err
	})
	jobs.Go(func() (err error) {
		db.Summary, err = exportSummary(ctx, file)
		return err
	})
	if err := jobs.Wait(); err != nil {
		return nil, err
	}
	db.sort()
	db.Cabinets = db.cabinets()
	return db, nil
}

// export fills one table.
func export(ctx context.Context, file string, t *Table) error {
	var out bytes.Buffer
	failed := tool(ctx, "", &out, msiinfo, "export", "-s", file, t.Name)
	got, err := readSQL(out.String())
	if failed != nil && (err != nil || len(got.Rows) > 0 || exitCode(failed) != 1) { // 1 is also of a table without rows
		return fmt.Errorf("table %s: %w", t.Name, failed)
	}
	if err != nil {
		return fmt.Errorf("table %s: %w", t.Name, err)
	}
	for _, r := range got.Rows {
		for i, v := range r {
			if _, ok := v.(Data); ok {
				r[i] = Data(file + inside + got.stream(r))
			}
		}
	}
	*t = *got
	return nil
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// stream is the name of the stream that belongs to a row
// (learn.microsoft.com/windows/win32/msi/binary-table: the table's name and the keys, with periods).
func (t *Table) stream(r Row) string {
	name := t.Name
	for i, c := range t.Columns {
		if c.Key {
			name += "." + text(r[i])
		}
	}
	return name
}

func exportCodepage(ctx context.Context, file string) (int, error) {
	var out bytes.Buffer
	if err := tool(ctx, "", &out, msiinfo, "export", file, codepageTable); err != nil {
		return 0, err
	}
	n, _, _ := strings.Cut(strings.TrimSpace(out.String()), "\t")
	codepage, err := strconv.Atoi(n)
	if err != nil {
		return 0, fmt.Errorf("code page: %q is not a number", n)
	}
	return codepage, nil
}

func exportSummary(ctx context.Context, file string) (Summary, error) {
	var out bytes.Buffer
	if err := tool(ctx, "", &out, msiinfo, "extract", file, "\x05SummaryInformation"); err != nil {
		return Summary{}, err
	}
	return readSummary(out.Bytes())
}

// lines is what msiinfo lists, one name per line.
func lines(ctx context.Context, command, file string) ([]string, error) {
	var out bytes.Buffer
	if err := tool(ctx, "", &out, msiinfo, command, file); err != nil {
		return nil, err
	}
	return strings.Fields(out.String()), nil
}
