package gateway

import (
	"sync"
	"time"
)

// maxBeside bounds the names of which a folder remembers what lies beside them.
const maxBeside = 4096

// besides remember which compressed files lie beside others, so that most requests need not look.
type besides struct {
	mu    sync.RWMutex
	names map[string]beside
}

type beside struct {
	there  codingSet
	looked int64 // nanoseconds since the folder began
}

// variants are the codings in which a file lies beside name. A look holds for folderCheck; what went
// away meanwhile is noticed when it is opened.
func (f *folder) variants(name string) codingSet {
	now := int64(time.Since(f.began))
	f.beside.mu.RLock()
	known, ok := f.beside.names[name]
	f.beside.mu.RUnlock()
	if ok && now-known.looked < int64(folderCheck) {
		return known.there
	}
	var there codingSet
	for _, kind := range precompressedCodings() {
		if info, err := f.stat(name + kind.suffix()); err == nil && info.Mode().IsRegular() {
			there |= 1 << kind
		}
	}
	f.beside.note(name, beside{there, now})
	return there
}

// note remembers a look. Only names of files are noted, so that there are few; when there are too many
// all are forgotten.
func (b *besides) note(name string, what beside) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.names == nil || len(b.names) >= maxBeside {
		b.names = map[string]beside{}
	}
	b.names[name] = what
}

func (b *besides) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names = nil
}
