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

	// What the stream is encoded in is decided with its first bytes, which wait in head until then.
	decided bool
	head    []byte
	decoder *decoder // nil for UTF-8
}

// take is feed for bytes as the child wrote them, in the encoding c.
func (s *splitter) take(c charset, p []byte, emit func(line []byte)) {
	if !s.decided {
		if p = s.decide(c, p, false); p == nil {
			return
		}
	}
	if s.decoder == nil {
		s.feed(p, emit)
		return
	}
	s.decoder.feed(p, false, func(text []byte) { s.feed(text, emit) })
}

// end takes what has come of an unfinished character and line.
func (s *splitter) end(c charset, emit func(line []byte)) {
	if !s.decided && len(s.head) > 0 {
		s.take(c, s.decide(c, nil, true), emit)
	}
	if s.decoder != nil {
		s.decoder.feed(nil, true, func(text []byte) { s.feed(text, emit) })
	}
	s.flush(emit)
}

// decide settles the encoding and returns what to read; nil: not enough has come yet.
func (s *splitter) decide(c charset, p []byte, last bool) []byte {
	enc := c.whole
	if c.sniff {
		if len(s.head) > 0 {
			p = append(s.head, p...)
		}
		found, mark, enough := sniffStream(p)
		if !enough && !last {
			s.head = bytes.Clone(p)
			return nil
		}
		enc, p = found, p[mark:]
	}
	s.decided, s.head = true, nil
	if enc != nil {
		s.decoder = newDecoder(enc)
	}
	return p
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
