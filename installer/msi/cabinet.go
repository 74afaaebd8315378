package msi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// staged is a file that was copied to where a tool will read it.
type staged struct {
	name string
	size int64
	hash string
}

// stage copies content to a file and gives it a fixed time, the only thing beside its bytes that gcab
// takes over into a cabinet.
func stage(ctx context.Context, from Data, to string, at time.Time) (staged, error) {
	s := staged{name: filepath.Base(to)}
	in, err := from.Open(ctx)
	if err != nil {
		return s, err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // in our own new folder
	if err != nil {
		return s, err
	}
	h := sha256.New()
	s.size, err = io.Copy(io.MultiWriter(out, h), in)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Chtimes(to, at, at)
	}
	s.hash = hex.EncodeToString(h.Sum(nil))
	return s, err
}

// stageCabinet copies the files of a cabinet into a new folder, under their keys.
func (d *Database) stageCabinet(ctx context.Context, c Cabinet, dir string) ([]staged, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	files := d.Table("File")
	rows := files.byKey()
	all, total := make([]staged, 0, len(c.Files)), int64(0)
	for _, f := range c.Files {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		s, err := stage(ctx, Data(f.Source), filepath.Join(dir, f.Key), cabinetTime(d.Summary.Created))
		if err != nil {
			return nil, fmt.Errorf("file %s: %w", f.Key, err)
		}
		if size, _ := files.Int(rows[f.Key], "FileSize"); int64(size) != s.size {
			return nil, fmt.Errorf("file %s: %s has %d bytes, but its row says %d; it was changed meanwhile: build again", f.Key, f.Source, s.size, size)
		}
		all, total = append(all, s), total+s.size
	}
	if total > maxCabinetBytes {
		return nil, fmt.Errorf("%d MiB of files; one cabinet holds at most %d MiB", total>>20, maxCabinetBytes>>20)
	}
	return all, nil
}

// cabinetTime is the earliest time that a cabinet can hold, or a later one, in its steps of 2 s.
func cabinetTime(t time.Time) time.Time {
	earliest := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	if t.Before(earliest) {
		return earliest
	}
	return t.UTC().Truncate(2 * time.Second)
}

// gcab takes names of files from its command line only; CreateProcess takes 32767 characters
// (learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-createprocessw).
const maxWindowsNames = 32000

// packCabinet packs staged files by MSZIP, in their order. gcab leaves out what it cannot read, with a
// warning only, so its list is read back.
func packCabinet(ctx context.Context, dir, cabinet string, files []staged) error {
	args := make([]string, 0, len(files)+4)
	args = append(args, "-c", "-z", "-n", cabinet)
	length := 0
	for _, f := range files {
		args = append(args, f.name)
		length += len(f.name) + 1
	}
	if runtime.GOOS == "windows" && length > maxWindowsNames {
		return fmt.Errorf("the names of %d files are too long for one command line of Windows; build under WSL or on Linux", len(files))
	}
	if err := tool(ctx, dir, io.Discard, gcab, args...); errors.Is(err, syscall.E2BIG) {
		return fmt.Errorf("the names of %d files are too long for one command line; leave some out: %w", len(files), err)
	} else if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := tool(ctx, dir, &out, gcab, "-l", cabinet); err != nil {
		return err
	}
	listed := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(listed) != len(files) {
		return fmt.Errorf("gcab packed %d of %d files", len(listed), len(files))
	}
	for i, f := range files { // name, size, date, attributes
		if words := strings.Fields(listed[i]); len(words) < 2 || words[0] != f.name || words[1] != strconv.FormatInt(f.size, 10) {
			return fmt.Errorf("gcab packed %q for file %s of %d bytes", listed[i], f.name, f.size)
		}
	}
	return nil
}

// ExtractFiles reads a package and unpacks the files of its embedded cabinets into a folder, under their
// keys; Source of its cabinets' files says where each is. It needs msiinfo and gcab.
func ExtractFiles(ctx context.Context, file, dir string) (*Database, error) {
	db, err := Read(ctx, file)
	if err != nil {
		return nil, err
	}
	if file, err = filepath.Abs(file); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for name, c := range db.Cabinets {
		if err := extractCabinet(ctx, file, name, dir); err != nil {
			return nil, fmt.Errorf("package %s, cabinet %s: %w", file, name, err)
		}
		for i, f := range c.Files {
			if !filepath.IsLocal(f.Key) {
				return nil, fmt.Errorf("package %s, cabinet %s: file %q leads out of the folder", file, name, f.Key)
			}
			c.Files[i].Source = filepath.Join(dir, f.Key)
			if _, err := os.Lstat(c.Files[i].Source); err != nil {
				return nil, fmt.Errorf("package %s, cabinet %s: %w", file, name, err)
			}
		}
	}
	return db, nil
}

// extractCabinet unpacks one cabinet, whose files have the names of keys: one that has the path of a
// file is somebody's try to write outside of the folder.
func extractCabinet(ctx context.Context, file, name, dir string) error {
	cabinet, err := os.CreateTemp("", "*.cab")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(cabinet.Name()) }()
	err = tool(ctx, "", cabinet, msiinfo, "extract", file, name)
	if closeErr := cabinet.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	var listed bytes.Buffer
	if err := tool(ctx, "", &listed, gcab, "-l", cabinet.Name()); err != nil {
		return err
	}
	for line := range strings.Lines(listed.String()) {
		name, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if strings.ContainsAny(line, `/\`) || strings.Contains(name, ":") || !filepath.IsLocal(name) {
			return fmt.Errorf("it holds %q, which is no key of a file", strings.TrimSpace(line))
		}
	}
	return tool(ctx, "", io.Discard, gcab, "-x", "-C", dir, cabinet.Name())
}
