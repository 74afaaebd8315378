package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"
)

const (
	// maxFields bounds the fields of a header, maxTrailer the bytes of a trailer.
	maxFields  = 512
	maxTrailer = 16 << 10
)

// MalformedError says that an answer is not HTTP/1.1, or that it could be read in two ways.
type MalformedError struct{ Reason string }

func (e *MalformedError) Error() string { return "malformed answer: " + e.Reason }

func malformed(format string, args ...any) error {
	return &MalformedError{fmt.Sprintf(format, args...)}
}

// block reads as much as it takes for the buffer to begin with a whole header or trailer, up to and with
// its empty line, and returns its length. Lines end in CRLF, and in nothing else. Prefix is what it must
// begin with; r, if not nil, learns of the first byte.
func (c *conn) block(limit int, prefix string, r *Request) (int, error) {
	line, seen := 0, 0 // relative to start: the line begins there; searched up to there
	for {
		have := c.buf[c.start:c.end]
		if r != nil && len(have) > 0 {
			r.Answered = true
		}
		if n := min(len(have), len(prefix)); string(have[:n]) != prefix[:n] {
			return 0, malformed("it begins with %q", have[:min(len(have), 16)])
		}
		for {
			i := bytes.IndexByte(have[seen:], '\n')
			if i < 0 {
				seen = len(have)
				break
			}
			i += seen
			if i == 0 || have[i-1] != '\r' || i-1 < line {
				return 0, malformed("a line does not end in CRLF")
			}
			if i-1 == line {
				return i + 1, nil
			}
			line, seen = i+1, i+1
		}
		if len(have) >= limit {
			return 0, malformed("more than %d bytes of header", limit)
		}
		if err := c.fill(limit); err != nil {
			if errors.Is(err, io.EOF) {
				if err = io.ErrUnexpectedEOF; len(have) == 0 && r != nil {
					err = errNoAnswer
				}
			}
			return 0, err
		}
	}
}

// parse takes a block that is an answer's status line and header apart. Strings are parts of block.
func (a *answer) parse(block string) error {
	line, rest, _ := strings.Cut(block, "\r\n")
	// HTTP/1.1 200 OK; without a reason, and the space before it, by some (RFC 9112, 4).
	if len(line) < len("HTTP/1.1 200") || !strings.HasPrefix(line, "HTTP/1.") || !isDigit(line[7]) || line[8] != ' ' ||
		!isDigit(line[9]) || !isDigit(line[10]) || !isDigit(line[11]) || len(line) > 12 && line[12] != ' ' || !allIn(line, inValue) {
		return malformed("status line %.64q", line)
	}
	res := &a.res
	res.StatusCode = int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0')
	if res.StatusCode < 100 {
		return malformed("status %03d is none", res.StatusCode)
	}
	res.Status, res.Proto, res.ProtoMajor = line[9:], "HTTP/1.1", 1
	if line[7] != '0' {
		res.ProtoMinor = 1
	} else {
		res.Proto = "HTTP/1.0"
	}
	var err error
	res.Header, err = parseFields(rest, a.values[:])
	return err
}

// parseFields takes the lines of a header apart, which end in an empty one. Room is used for the values.
func parseFields(lines string, room []string) (http.Header, error) {
	n := strings.Count(lines, "\n") - 1
	if n > maxFields {
		return nil, malformed("%d header fields", n)
	}
	if n > len(room) {
		room = make([]string, n)
	}
	h := make(http.Header, n)
	for len(lines) > 2 {
		end := strings.IndexByte(lines, '\n') - 1
		line := lines[:end]
		lines = lines[end+2:]
		colon := strings.IndexByte(line, ':')
		if colon <= 0 {
			return nil, malformed("header line %.64q", line)
		}
		name, ok := canonical(line[:colon])
		if !ok { // a space before the colon, and the continuation of a line before, too
			return nil, malformed("header field %.64q", line[:colon])
		}
		value := strings.Trim(line[colon+1:], " \t")
		if !allIn(value, inValue) {
			return nil, malformed("value of header field %q", name)
		}
		if before, twice := h[name]; twice {
			h[name] = append(before, value)
			continue
		}
		room[0] = value
		h[name], room = room[:1:1], room[1:]
	}
	return h, nil
}

// canonical is name as an http.Header has it, which is how most names come.
func canonical(name string) (_ string, ok bool) {
	upper, is := true, true
	for i := range len(name) {
		c := name[i]
		if classes[c]&inToken == 0 {
			return "", false
		}
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			is = false
		}
		upper = c == '-'
	}
	if is {
		return name, true
	}
	return textproto.CanonicalMIMEHeaderKey(name), true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
