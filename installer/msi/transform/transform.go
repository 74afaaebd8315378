// Package transform makes Windows Installer transforms (.mst): files that give properties of a package
// other values at installation, without changing the package.
//
//	msiexec /i holdfast.msi TRANSFORMS=site.mst /qn
//
// A transform is a compound file: a summary information that says to which packages it applies, a pool of
// strings, and per table the rows to add, change or delete. Neither msibuild nor any other tool of libmsi
// writes one. Here msibuild makes a file with a Property table, and comdoc
// (github.com/sassoftware/relic) replaces that table's rows by their changes. Only properties can be
// changed: nothing else of a package is a fleet's to choose.
package transform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/sassoftware/relic/v8/lib/comdoc"

	"holdfast/installer/msi"
)

// Write makes the transform that gives properties values in a package and in its other versions: it
// applies to every package with the same UpgradeCode. The same input gives the same bytes. It needs msibuild; see Check for what is refused.
func Write(ctx context.Context, db *msi.Database, properties map[string]string, file string) error {
	if err := Check(db, properties); err != nil {
		return fmt.Errorf("transform %s: %w", file, err)
	}
	if err := write(ctx, db, properties, file); err != nil {
		return fmt.Errorf("transform %s: %w", file, err)
	}
	return nil
}

func write(ctx context.Context, db *msi.Database, properties map[string]string, file string) error {
	content, err := encode(db, properties)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(file), ".transform-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	unfinished := filepath.Join(dir, "transform.mst")
	// The row only keeps the tables from being empty: comdoc cannot replace an empty stream.
	columns, _ := msi.Schema("Property")
	rows := &msi.Table{Name: "Property", Columns: columns, Rows: []msi.Row{{"P", "V"}}}
	if err := msi.WriteTables(ctx, unfinished, db.Summary.Codepage, summary(db), rows); err != nil {
		return err
	}
	if err := replace(unfinished, content); err != nil {
		return err
	}
	if err := verify(unfinished, content); err != nil {
		return err
	}
	return os.Rename(unfinished, file)
}

// class is what a transform calls itself: {000C1082-0000-0000-C000-000000000046}. A package is
// {000C1084-...} (wine: dlls/msi/database.c, libmsi: libmsi/libmsi-database.c).
func class() [16]byte {
	return [16]byte{0x82, 0x10, 0x0C, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46}
}

// replace turns the file of msibuild into a transform.
func replace(file string, content streams) (err error) {
	doc, err := comdoc.WritePath(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, doc.Close()) }()
	for _, name := range []string{"_Tables", "_Columns"} { // the tables are those of the package
		if err := doc.DeleteFile(streamName(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, s := range content {
		if err := doc.AddFile(streamName(s.name), s.data); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	doc.RootStorage().UID = class()
	return nil
}

// verify reads the file back.
func verify(file string, content streams) (err error) {
	doc, err := comdoc.ReadPath(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, doc.Close()) }()
	entries, err := doc.ListDir(nil)
	if err != nil {
		return err
	}
	if len(entries) != len(content)+1 || doc.RootStorage().UID != class() { // and the summary
		return fmt.Errorf("%d streams were written, %d are there", len(content)+1, len(entries))
	}
	for _, s := range content {
		at := slices.IndexFunc(entries, func(e *comdoc.DirEnt) bool { return e.Name() == streamName(s.name) })
		if at < 0 {
			return fmt.Errorf("stream %s was written, but is not there", s.name)
		}
		r, err := doc.ReadStream(entries[at])
		if err != nil {
			return err
		}
		got, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if !bytes.Equal(got, s.data) {
			return fmt.Errorf("stream %s was written, but reads differently", s.name)
		}
	}
	return nil
}
