package config

import "sync"

// layer is what one source says: the values as a tree and the spot of each.
type layer struct {
	src   *source
	tree  map[string]any
	spots *spots
	// written are the texts of values that ${env:} or ${file:} made: they are shown instead.
	written map[path]string
}

// entry is where a key and its value stand. An entry of a list has no key of its own.
type entry struct{ key, value spot }

// spots are the entries of a layer. Most configurations have no problem and nobody asks where anything
// stands, so that there is only a list until somebody does.
type spots struct {
	list []located

	mu    sync.Mutex // a snapshot is asked from everywhere
	index map[path]int
}

// located is an entry in little space.
type located struct {
	at         path
	src        *source
	key, value mark
	keyed      bool
}

// mark is a spot without its source.
type mark struct{ line, column, width int32 }

func (s *spots) put(at path, e entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index != nil {
		s.index[at] = len(s.list)
	}
	s.list = append(s.list, located{at: at, src: e.value.src, key: e.key.mark(), value: e.value.mark(), keyed: e.key.src != nil})
}

// of is where a key stands; the latest spot counts.
func (s *spots) of(at path) (entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil {
		s.index = make(map[path]int, len(s.list))
		for i := range s.list {
			s.index[s.list[i].at] = i
		}
	}
	i, ok := s.index[at]
	if !ok {
		return entry{}, false
	}
	l := &s.list[i]
	e := entry{value: l.value.in(l.src)}
	if l.keyed {
		e.key = l.key.in(l.src)
	}
	return e, true
}

// mark bounds what no file reaches.
func (p spot) mark() mark {
	const most = 1 << 30
	return mark{int32(min(p.line, most)), int32(min(p.column, most)), int32(min(p.width, most))} //nolint:gosec // bounded
}

func (m mark) in(src *source) spot { return spot{src, int(m.line), int(m.column), int(m.width)} }

func (s *spots) indexed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index != nil
}

// add puts the spots of others, which nobody uses any more, behind these; neither has an index yet.
func (s *spots) add(others *spots) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, others.list...)
}
