package process

import (
	"bytes"
	"unicode/utf8"
)

// maxLine is the longest line in bytes; a longer one is told as several.
const maxLine = 16 << 10

// splitter cuts a stream of bytes into lines, whatever the pieces in which it arrives.
type splitter struct {
	part []byte // the beginning of a line whose end has not come yet
}

// feed calls emit for every line that p completes. The line is valid during the call only.
func (s *splitter) feed(p []byte, emit func(line []byte)) {
	for len(p) > 0 {
		seg, rest, ended := bytes.Cut(p, []byte{'\n'})
		for len(s.part)+len(seg) > maxLine {
			seg = s.long(seg, emit)
		}
		switch {
		case !ended:
			s.part = append(s.part, seg...)
			return
		case len(s.part) == 0:
			emit(bytes.TrimSuffix(seg, []byte{'\r'}))
		default:
			s.part = append(s.part, seg...)
			emit(bytes.TrimSuffix(s.part, []byte{'\r'}))
			s.reset()
		}
		p = rest
	}
}

// long emits the first piece of a line that is too long and returns what of seg is left.
func (s *splitter) long(seg []byte, emit func(line []byte)) []byte {
	if len(s.part) == 0 {
		piece := cut(seg, maxLine)
		emit(piece)
		return seg[len(piece):]
	}
	// One byte beyond the bound tells whether a character straddles it.
	take := maxLine - len(s.part) + 1
	s.part = append(s.part, seg[:take]...)
	piece := cut(s.part, maxLine)
	emit(piece)
	s.part = s.part[:copy(s.part, s.part[len(piece):])]
	return seg[take:]
}

// flush emits what has come of an unfinished line.
func (s *splitter) flush(emit func(line []byte)) {
	if len(s.part) > 0 {
		emit(bytes.TrimSuffix(s.part, []byte{'\r'}))
		s.reset()
	}
}

// reset keeps a small buffer for the next line and gives a large one back.
func (s *splitter) reset() {
	if cap(s.part) > 1<<10 {
		s.part = nil
		return
	}
	s.part = s.part[:0]
}

// cut shortens b to at most n bytes without dividing a UTF-8 character.
func cut(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(b[i]) {
			return b[:i]
		}
	}
	return b[:n]
}
