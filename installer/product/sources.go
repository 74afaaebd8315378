package product

import (
	"bytes"
	"io/fs"
	"maps"
	"slices"
	"time"
)

// Sources are the sources of wix with the generated fragments beside them, and the names of these in
// order. A fragment wins over a file of the same name.
func (p Package) Sources(wix fs.FS) (all fs.FS, fragments []string) {
	return overlay{wix, p.Fragments}, slices.Sorted(maps.Keys(p.Fragments))
}

// overlay is a file system with some files of its own at its top.
type overlay struct {
	fs.FS
	own map[string][]byte
}

// Open opens a file of its own, else one below.
func (o overlay) Open(name string) (fs.File, error) {
	data, ok := o.own[name]
	if !ok {
		return o.FS.Open(name)
	}
	return &file{Reader: bytes.NewReader(data), name: name}, nil
}

// file is an open file in memory and its own description.
type file struct {
	*bytes.Reader
	name string
}

func (f *file) Stat() (fs.FileInfo, error) { return f, nil }
func (f *file) Close() error               { return nil }
func (f *file) Name() string               { return f.name }
func (f *file) Mode() fs.FileMode          { return 0o444 }
func (f *file) ModTime() time.Time         { return time.Time{} }
func (f *file) IsDir() bool                { return false }
func (f *file) Sys() any                   { return nil }
