package wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

const (
	maxChunkLine = 1 << 10
	// maxOverhead bounds what chunk sizes and extensions may cost beyond 16 bytes and as much as the data:
	// an answer of one byte each would keep both sides busy for nothing.
	maxOverhead = 16 << 10
)

// part is what comes next in a chunked body.
type part uint8

const (
	sizeLine part = iota
	chunkData
	chunkEnd
	trailer
)

type chunks struct {
	next     part
	overhead int64
}

// readChunks reads data of as many chunks as there are in the buffer, and waits only if p would stay
// empty.
func (a *answer) readChunks(p []byte) (n int, err error) {
	c := a.conn
	for {
		if a.chunks.next == chunkData {
			if n == len(p) || n > 0 && c.start == c.end {
				return n, nil
			}
			m, err := c.read(p[n:][:min(int64(len(p)-n), a.left)])
			n += m
			if a.left -= int64(m); a.left == 0 {
				a.chunks.next = chunkEnd
			}
			if err != nil {
				return n, cutOff(err)
			}
			continue
		}
		if n > 0 && !a.buffered() {
			return n, nil
		}
		done, err := a.step()
		if err != nil {
			return n, cutOff(err)
		}
		if done {
			return n, io.EOF
		}
	}
}

func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// buffered reports whether step would not wait.
func (a *answer) buffered() bool {
	have := a.conn.buf[a.conn.start:a.conn.end]
	if a.chunks.next == trailer {
		return bytes.HasPrefix(have, []byte("\r\n"))
	}
	return bytes.IndexByte(have, '\n') >= 0
}

// step reads what stands between data, and reports whether it was the end.
func (a *answer) step() (done bool, err error) {
	c := a.conn
	if a.chunks.next == trailer {
		return true, a.readTrailer()
	}
	line, err := c.line()
	if err != nil {
		return false, err
	}
	if a.chunks.next == chunkEnd {
		if len(line) != 0 {
			return false, malformed("a chunk is longer than its size")
		}
		a.chunks.next = sizeLine
		return false, nil
	}
	if a.left, err = chunkSize(line); err != nil {
		return false, err
	}
	a.chunks.overhead = max(0, a.chunks.overhead+int64(len(line))+2-16-min(a.left, maxOverhead)*2)
	if a.chunks.overhead > maxOverhead {
		return false, malformed("chunks with more around them than in them")
	}
	a.chunks.next = chunkData
	if a.left == 0 {
		a.chunks.next = trailer
	}
	return false, nil
}

// line reads a line and returns it without its CRLF; it is good until the next read.
func (c *conn) line() ([]byte, error) {
	seen := 0
	for {
		have := c.buf[c.start:c.end]
		if i := bytes.IndexByte(have[seen:], '\n'); i >= 0 {
			i += seen
			if i == 0 || have[i-1] != '\r' {
				return nil, malformed("a chunk's line does not end in CRLF")
			}
			c.start += i + 1
			return have[:i-1], nil
		}
		if seen = len(have); seen > maxChunkLine {
			return nil, malformed("a chunk's line is too long")
		}
		if err := c.fill(readSize); err != nil {
			return nil, err
		}
	}
}

// chunkSize reads 1*HEXDIG with an extension that is ignored (RFC 9112, 7.1). Spaces after the size are
// what some old servers write.
func chunkSize(line []byte) (n int64, err error) {
	i := 0
	for ; i < len(line); i++ {
		var d byte
		switch c := line[i]; {
		case isDigit(c):
			d = c - '0'
		case 'a' <= c && c <= 'f':
			d = c - 'a' + 10
		case 'A' <= c && c <= 'F':
			d = c - 'A' + 10
		default:
			d = 0xff
		}
		if d == 0xff {
			break
		}
		if i == 15 {
			return 0, malformed("chunk size %.32q", line)
		}
		n = n<<4 | int64(d)
	}
	rest := bytes.TrimLeft(line[i:], " \t")
	if i == 0 || len(rest) > 0 && rest[0] != ';' || !allIn(string(rest), inValue) {
		return 0, malformed("chunk size %.32q", line)
	}
	return n, nil
}

// readTrailer reads the fields after the last chunk. Those that may not stand there are dropped.
func (a *answer) readTrailer() error {
	c := a.conn
	n, err := c.block(maxTrailer, "", nil)
	if err != nil {
		return err
	}
	if n > 2 {
		fields, err := parseFields(string(c.buf[c.start:c.start+n]), nil)
		if err != nil {
			return err
		}
		for name, values := range fields {
			if !trailerField(name) {
				continue
			}
			if a.res.Trailer == nil {
				a.res.Trailer = http.Header{}
			}
			a.res.Trailer[name] = values
		}
	}
	c.start += n
	return nil
}
