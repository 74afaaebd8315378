package config

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strings"
)

// hashOf identifies a merged tree: equal trees have equal hashes.
func hashOf(tree map[string]any) string {
	w := hashWriter{hash: sha256.New(), buf: make([]byte, 0, 2*hashChunk)}
	w.value(tree)
	w.hash.Write(w.buf)
	return hex.EncodeToString(w.hash.Sum(nil))
}

// hash is hashOf the whole tree, without making it.
func (m *merged) hash() string {
	tree := maps.Clone(m.rest)
	tree["routes"] = m
	return hashOf(tree)
}

// hashChunk is how many bytes are hashed at once.
const hashChunk = 4 << 10

// hashWriter writes values so that no two different ones give the same bytes: each begins with its
// kind, and texts and sections with their length.
type hashWriter struct {
	hash hash.Hash
	buf  []byte
	// entries are those of the sections that are being written, one behind the other.
	entries []treeEntry
}

type treeEntry struct {
	key   string
	value any
}

func (w *hashWriter) value(v any) {
	if len(w.buf) >= hashChunk {
		w.hash.Write(w.buf)
		w.buf = w.buf[:0]
	}
	switch v := v.(type) {
	case map[string]any:
		w.number('{', len(v))
		from := len(w.entries)
		for key, value := range v {
			w.entries = append(w.entries, treeEntry{key, value})
		}
		to := len(w.entries)
		slices.SortFunc(w.entries[from:], func(a, b treeEntry) int { return strings.Compare(a.key, b.key) })
		for i := from; i < to; i++ {
			e := w.entries[i]
			w.text(e.key)
			w.value(e.value)
		}
		w.entries = w.entries[:from]
	case *merged:
		w.number('{', len(v.user))
		route := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(v.user)) {
			clear(route)
			v.route(name, route)
			w.text(name)
			w.value(route)
		}
	case []any:
		w.number('[', len(v))
		for _, entry := range v {
			w.value(entry)
		}
	case string:
		w.text(v)
	case int64:
		w.number('i', int(v))
	case bool:
		if v {
			w.buf = append(w.buf, 't')
		} else {
			w.buf = append(w.buf, 'f')
		}
	default:
		w.buf = append(w.buf, '0')
	}
}

func (w *hashWriter) text(s string) {
	w.number('s', len(s))
	w.buf = append(w.buf, s...)
}

func (w *hashWriter) number(kind byte, n int) {
	w.buf = binary.AppendVarint(append(w.buf, kind), int64(n))
}
