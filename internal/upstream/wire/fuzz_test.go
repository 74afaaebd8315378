package wire

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// canned is a connection from which an answer comes in pieces of some size, and then the end.
type canned struct {
	answer string
	piece  int
	closed bool
	bounds int // how often reading was bounded
	last   func()
}

func (c *canned) Read(p []byte) (int, error) {
	if c.closed {
		return 0, net.ErrClosed
	}
	if c.answer == "" {
		return 0, io.EOF
	}
	n := copy(p, c.answer[:min(c.piece, len(c.answer))])
	if c.answer = c.answer[n:]; c.answer == "" && c.last != nil {
		c.last()
	}
	return n, nil
}
func (c *canned) Write(p []byte) (int, error)     { return len(p), nil }
func (c *canned) Close() error                    { c.closed = true; return nil }
func (*canned) LocalAddr() net.Addr               { return nil }
func (*canned) RemoteAddr() net.Addr              { return nil }
func (*canned) SetDeadline(time.Time) error       { return nil }
func (c *canned) SetReadDeadline(time.Time) error { c.bounds++; return nil }
func (*canned) SetWriteDeadline(time.Time) error  { return nil }

// FuzzAnswer reads answers that come in pieces of any size. Whatever it takes, net/http takes and reads
// in the same way; how it came does not matter; and a connection is kept only if nothing is left on it.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		okAnswer,
		"HTTP/1.1 200 OK\r\n\r\nuntil the end",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2;a=b\r\nok\r\n0a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n",
		"HTTP/1.1 204 x\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 304 x\r\nETag: \"a\"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		f.Add(seed, uint16(4096), false)
		f.Add(seed, uint16(1), true)
	}
	f.Fuzz(func(t *testing.T, answer string, piece uint16, isHead bool) {
		method := "GET"
		if isHead {
			method = "HEAD"
		}
		read := func(piece int) (verdict, *Transport, *canned) {
			tr := New("", Options{})
			wire := &canned{answer: answer, piece: piece}
			c := newConn(wire, tr)
			r := &Request{Method: method, Target: "/", Host: "h", Upgrade: ""}
			v := verdictOf(c.exchange(context.Background(), r))
			if r.detach(); len(tr.idle.conns) == 0 && !wire.closed {
				t.Error("the connection is neither kept nor closed")
			}
			return v, tr, wire
		}
		ours, tr, wire := read(int(piece) + 1)
		if len(tr.idle.conns) > 0 && (ours.refused || ours.cut || tr.idle.conns[0].start != tr.idle.conns[0].end) {
			t.Errorf("kept after %+v", ours)
		}
		rest := wire.answer
		tr.CloseIdle()
		again, tr2, _ := read(1 << 20)
		tr2.CloseIdle()
		if ours.refused != again.refused || ours.cut != again.cut || ours.body != again.body && !ours.cut || ours.status != again.status || !sameHeader(ours.header, again.header) {
			t.Errorf("in pieces %+v, at once %+v", ours, again)
		}
		if ours.refused {
			return
		}
		theirs := standard(t, method, answer)
		if diff := compare(ours, theirs); diff != "" {
			t.Errorf("%s; %q was not read", diff, rest)
		}
	})
}

// standard is what net/http makes of an answer.
func standard(t *testing.T, method, answer string) verdict {
	t.Helper()
	br := bufio.NewReader(strings.NewReader(answer))
	for {
		req := &http.Request{Method: method}
		res, err := http.ReadResponse(br, req)
		if err != nil {
			return verdict{refused: true, err: err}
		}
		if res.StatusCode >= 200 {
			v := verdictOf(res, nil)
			if errors.Is(v.err, io.ErrUnexpectedEOF) {
				v.cut = true
			}
			return v
		}
		_ = res.Body.Close()
	}
}
