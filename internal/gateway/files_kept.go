package gateway

import (
	"io"
	"os"
	"sync"
	"time"
)

const (
	// maxKeptBytes and maxKept bound what is kept of all folders; when it is more, all is forgotten.
	maxKeptBytes = 16 << 20
	maxKept      = 4096
	// settled is how long a file must have been as it is to be kept: a change within the resolution of its
	// times (2 s on FAT) would not be seen.
	settled = 3 * time.Second
)

// keeper keeps the bytes of small files that are asked for again. Each use has the file's version looked
// up, which costs one system call where opening, reading and closing are five.
type keeper struct {
	settled time.Duration

	mu    sync.RWMutex
	files map[keptName]keptFile
	bytes int
}

func newKeeper(settled time.Duration) *keeper { return &keeper{settled: settled} }

type keptName struct {
	in   *folder
	name string
}

type keptFile struct {
	version version
	data    []byte // nil: was asked for once
}

// find returns the bytes of a file that is still the same, and what the system says of it.
func (k *keeper) find(in *folder, name string) ([]byte, os.FileInfo) {
	k.mu.RLock()
	file := k.files[keptName{in, name}]
	k.mu.RUnlock()
	if file.data == nil {
		return nil, nil
	}
	info, err := in.stat(name)
	if err != nil {
		return nil, nil
	}
	if v, ok := versionOf(info); !ok || v != file.version {
		return nil, nil
	}
	return file.data, info
}

// note keeps a copy of data, which is all of a file that was like info before it was read, if it was asked
// for before.
func (k *keeper) note(in *folder, name string, info os.FileInfo, data []byte) {
	v, ok := versionOf(info)
	if !ok || time.Since(time.Unix(0, v.changed)) < k.settled {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	key := keptName{in, name}
	before, again := k.files[key]
	k.bytes -= len(before.data)
	if k.files == nil || len(k.files) >= maxKept || k.bytes+len(data) > maxKeptBytes {
		k.files, k.bytes = map[keptName]keptFile{}, 0
	}
	file := keptFile{version: v}
	if again && before.version == v {
		file.data = append(make([]byte, 0, len(data)), data...)
		k.bytes += len(data)
	}
	k.files[key] = file
}

// forget drops what is kept of a folder.
func (k *keeper) forget(in *folder) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for key, file := range k.files {
		if key.in == in {
			k.bytes -= len(file.data)
			delete(k.files, key)
		}
	}
}

// found is what a name led to.
type found struct {
	name string
	file *os.File // nil: a folder that nobody may list, or kept
	info os.FileInfo
	kept []byte // nil: not kept
}

func (f *found) close() {
	if f.file != nil {
		_ = f.file.Close() // it was only read
	}
}

// read reads all of a small file into p, unless it is kept, and has it kept. It reports whether the file
// is still as long as it was.
func (f *found) read(in *folder, p []byte) ([]byte, bool) {
	if f.kept != nil {
		return f.kept, true
	}
	p = p[:f.info.Size()]
	if _, err := io.ReadFull(f.file, p); err != nil {
		return nil, false
	}
	in.keeper.note(in, f.name, f.info, p)
	return p, true
}
