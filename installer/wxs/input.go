package wxs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Bounds of what is read. A harvested program of twenty thousand files makes a source of 8 MB.
const (
	maxBytes      = 64 << 20 // of all files and all that replaces variables; an included file counts every time
	maxIncludes   = 16       // one in another
	maxDepth      = 64       // elements one in another
	maxAttributes = 100      // of one element
)

// input is where the files come from.
type input struct {
	fsys fs.FS
	left int64 // bytes that may still come
}

// read is the content of a file. Its errors are for the place that named the file.
func (in *input) read(name string) ([]byte, error) {
	f, err := in.fsys.Open(name)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	data, err := io.ReadAll(io.LimitReader(f, in.left+1))
	if err != nil {
		return nil, err
	}
	return data, in.take(len(data))
}

// take counts bytes. What variables become counts, too: each can hold the one before it twice.
func (in *input) take(length int) error {
	if in.left -= int64(length); in.left < 0 {
		in.left = 0
		return fmt.Errorf("the sources have more than %d MiB together", maxBytes>>20)
	}
	return nil
}
