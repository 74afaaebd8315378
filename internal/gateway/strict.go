package gateway

import (
	"bytes"
	"strings"
)

// strict reads along with what a client sends over HTTP/1 and finds what net/http's server lets pass,
// although two readers of it may disagree where a request ends (RFC 9112):
//
//   - Content-Length and Transfer-Encoding together, where the connection would go on (6.1);
//   - Transfer-Encoding in a request of HTTP/1.0 (6.1), which net/http does not look at;
//   - more than one Content-Length, even with the same value;
//   - lines that end without a carriage return, and folded ones (2.2, 5.2);
//   - control characters in the extension of a chunk, sizes beyond 2^62, lines of a trailer that are no
//     fields.
//
// It knows as much of framing as that takes. What it does not judge, net/http does, which reads the same
// bytes afterwards and is stricter in everything else: bytes that net/http refuses end the connection, so
// that it does not matter what is made of the rest.
type strict struct {
	at   strictAt
	left uint64 // of a body or a chunk
	line []byte // the beginning of a line that came in parts

	modern    bool // HTTP/1.1
	length    uint64
	hasLength bool
	chunked   bool
}

type strictAt int

const (
	atRequest strictAt = iota // before a request line or in it
	atField
	atBody
	atSize // of a chunk
	atChunk
	atTrailer
)

const (
	maxChunk = 1 << 62
	// longestLine bounds what is kept of a line that comes in parts; net/http bounds headers and the
	// lines of chunks long before.
	longestLine = 32 << 20
)

// scan looks at p, which comes after what it was given before. It returns how much of p is good, and
// whether that is all of it.
func (s *strict) scan(p []byte) (good int, ok bool) {
	for good < len(p) {
		rest := p[good:]
		switch s.at {
		case atBody, atChunk:
			n := min(uint64(len(rest)), s.left)
			good += int(n) //nolint:gosec // at most len(rest)
			if s.left -= n; s.left == 0 {
				s.endOfData()
			}
			continue
		case atRequest, atField, atSize, atTrailer:
		}
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			if len(s.line)+len(rest) > longestLine {
				return good, false
			}
			s.line = append(s.line, rest...)
			return len(p), true
		}
		line := rest[:end]
		if len(s.line) > 0 {
			s.line = append(s.line, line...)
			line = s.line
		}
		if !s.take(line) {
			return good + end, false
		}
		s.line = s.line[:0]
		good += end + 1
	}
	return good, true
}

// endOfData is called at the end of a body or of a chunk with its line end.
func (s *strict) endOfData() {
	if s.at == atChunk {
		s.at = atSize
		return
	}
	s.at = atRequest
}

// take takes a line without its line feed.
func (s *strict) take(line []byte) bool {
	if len(line) == 0 || line[len(line)-1] != '\r' {
		return false
	}
	line = line[:len(line)-1]
	switch s.at {
	case atRequest:
		if bytes.HasPrefix(line, []byte("PRI ")) {
			return false // HTTP/2, which was not agreed upon
		}
		if len(line) > 0 { // net/http skips empty lines, or does not
			*s = strict{line: s.line, at: atField, modern: bytes.HasSuffix(line, []byte(" HTTP/1.1"))}
		}
		return true
	case atField:
		return s.field(line)
	case atSize:
		return s.size(line)
	case atTrailer:
		if len(line) == 0 {
			s.at = atRequest
			return true
		}
		return trailerField(line)
	case atBody, atChunk: // have no lines
	}
	return false
}

// field takes a line of a header.
func (s *strict) field(line []byte) bool {
	if len(line) == 0 {
		s.endOfHeader()
		return true
	}
	if line[0] == ' ' || line[0] == '\t' {
		return false
	}
	switch line[0] | 0x20 {
	case 'c':
		value, ok := valueIf(line, "content-length")
		if !ok {
			return true
		}
		if s.hasLength || s.chunked {
			return false
		}
		s.hasLength = true
		s.length, ok = decimal(value)
		return ok
	case 't':
		if _, ok := valueIf(line, "transfer-encoding"); ok {
			// Any coding but one "chunked" net/http answers with a 501.
			if s.hasLength || !s.modern {
				return false
			}
			s.chunked = true
		}
	}
	return true
}

// trailerField reports whether a line of a trailer is a field. Net/http refuses what is none, too, but
// goes on with the next line as if the request had ended.
func trailerField(line []byte) bool {
	i := bytes.IndexByte(line, ':')
	if i <= 0 {
		return false
	}
	for _, c := range line[:i] {
		if !unreserved(c) && strings.IndexByte("!#$%&'*+^`|", c) < 0 {
			return false
		}
	}
	return clean(line[i:])
}

func (s *strict) endOfHeader() {
	switch {
	case s.chunked:
		s.at = atSize
	case s.length > 0:
		s.at, s.left = atBody, s.length
	default:
		s.at = atRequest
	}
}

// size takes the line before a chunk.
func (s *strict) size(line []byte) bool {
	size, digits := uint64(0), 0
	for digits < len(line) && isHex(line[digits]) {
		if size > maxChunk>>4 {
			return false
		}
		size = size<<4 | uint64(unhex(line[digits]))
		digits++
	}
	if digits == 0 || !clean(line[digits:]) {
		return false
	}
	if size == 0 {
		s.at = atTrailer
		return true
	}
	s.at, s.left = atChunk, size+2
	return true
}

// clean reports whether there is no control character but the tab.
func clean(p []byte) bool {
	for _, c := range p {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// valueIf is the value of a field if it has that name, which is given in lower case.
func valueIf(line []byte, name string) ([]byte, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || !strings.EqualFold(string(line[:len(name)]), name) {
		return nil, false
	}
	return bytes.Trim(line[len(name)+1:], " \t"), true
}

// decimal reads a Content-Length.
func decimal(digits []byte) (uint64, bool) {
	n := uint64(0)
	for _, c := range digits {
		if c < '0' || c > '9' || n > (1<<63-1-9)/10 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, len(digits) > 0
}

// spoiled is what net/http is given instead of what is bad and of all that follows: it cannot be taken
// for anything, so that the answer is a 400 and the connection ends.
func (s *strict) spoiled() string {
	if s.at == atSize {
		return "x\n" // a line of a chunk that ends so is an error to net/http, whatever was before
	}
	return "\x00\r\n:\r\n\r\n"
}
