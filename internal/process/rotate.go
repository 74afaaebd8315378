package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

const (
	defaultMaxSize = 50 << 20
	// rotateRetry is how much more may be written after a rotation failed before the next try.
	rotateRetry = 1 << 20
)

// rotated is a file that moves aside at a size: path stays the live one, path.1 is the newest of
// the old ones. A reader may hold any of them open, also on Windows; when one that shares less does
// and the move fails, writing goes on in the same file.
//
// It is not timberjack, which opens files without sharing their deletion on Windows, fails a write
// when the file cannot be moved, and keeps a goroutine per file. It is not safe for concurrent use.
type rotated struct {
	path   string
	limits limits

	file   *os.File
	size   int64
	limit  int64 // size at which rotation is tried
	torn   bool  // the last write ended within a line
	closed bool
}

func newRotated(path string, l limits) *rotated {
	r := &rotated{path: path}
	r.setLimits(l)
	return r
}

// limits bound a rotated file; see OutputOptions.
type limits struct {
	maxSize  int64
	maxFiles int
}

// setLimits changes the bounds from the next write on; without a change it does nothing.
func (r *rotated) setLimits(l limits) {
	if l.maxSize <= 0 {
		l.maxSize = defaultMaxSize
	}
	l.maxFiles = max(0, l.maxFiles)
	if l != r.limits {
		r.limits, r.limit = l, l.maxSize
	}
}

// write appends whole lines and says how many of them are in the file.
func (r *rotated) write(p []byte) (lines uint64, err error) {
	if r.closed {
		return 0, fs.ErrClosed
	}
	for len(p) > 0 {
		if err := r.open(); err != nil {
			return lines, err
		}
		chunk := r.fitting(p)
		if chunk == nil {
			if err := r.rotate(); err != nil {
				r.limit = r.size + rotateRetry
			}
			continue
		}
		if r.torn {
			n, err := r.file.Write([]byte{'\n'})
			r.size += int64(n)
			if err != nil {
				return lines, err
			}
			r.torn = false
		}
		n, err := r.file.Write(chunk)
		r.size += int64(n)
		lines += uint64(bytes.Count(chunk[:n], []byte{'\n'})) //nolint:gosec // a count
		if err != nil {
			r.torn = n > 0 && chunk[n-1] != '\n'
			r.forget()
			return lines, err
		}
		p = p[len(chunk):]
	}
	return lines, nil
}

// fitting is the longest run of whole lines that the file may still take, nil when it is full. A
// line longer than a whole file gets one of its own.
func (r *rotated) fitting(p []byte) []byte {
	room := r.limit - r.size
	if int64(len(p)) <= room {
		return p
	}
	if room > 0 {
		if i := bytes.LastIndexByte(p[:room], '\n'); i >= 0 {
			return p[:i+1]
		}
	}
	if r.size > 0 {
		return nil
	}
	return p[:bytes.IndexByte(p, '\n')+1]
}

func (r *rotated) open() error {
	if r.file != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(r.path), 0o750); err != nil {
		return err
	}
	f, err := openAppend(r.path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	r.file, r.size, r.limit = f, info.Size(), r.limits.maxSize
	return nil
}

// rotate moves the live file aside and leaves none open, or leaves all as it was.
func (r *rotated) rotate() error {
	for i := r.limits.maxFiles - 1; i >= 1; i-- {
		if err := os.Rename(r.name(i), r.name(i+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	var err error
	if r.limits.maxFiles > 0 {
		err = os.Rename(r.path, r.name(1))
	} else {
		err = os.Remove(r.path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rotate: %w", err)
	}
	r.forget()
	return nil
}

func (r *rotated) name(i int) string { return r.path + "." + strconv.Itoa(i) }

// forget closes the file so that the next write opens it anew.
func (r *rotated) forget() {
	if r.file != nil {
		_ = r.file.Close() // what was written is with the system already
		r.file = nil
	}
}

func (r *rotated) close() error {
	r.closed = true
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
