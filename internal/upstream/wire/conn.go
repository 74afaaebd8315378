package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// readSize and writeSize hold most headers, with a short body; longer bodies go past them. Every
	// kept-alive connection has both.
	readSize  = 4 << 10
	writeSize = 2 << 10
	// maxInterim bounds the 1xx answers to one request.
	maxInterim = 32
)

// conn is one connection. It belongs to one request at a time; only kill may be called by others.
type conn struct {
	t     *Transport
	tcp   net.Conn
	nc    net.Conn // tcp, or TLS over it
	under *counted // below TLS; nil without
	raw   syscall.RawConn
	kill  func() // closes it, from any goroutine
	era   uint64
	since time.Time // when it was put away

	buf        []byte // what came is buf[start:end]
	start, end int
	first      []byte // buf, unless a long header needed more
	out        []byte

	stop func() bool // ends the watch over the request's context; nil: there is none
	send *sending    // of a body that is not sent in one piece; nil: none
	owes bool        // such a body, which waits to be asked for
	swap swap
	rest rest

	silence atomic.Int64 // how long it may be silent, as a time.Duration; 0: as long as it likes
}

// counted counts what TLS writes.
type counted struct {
	net.Conn
	wrote atomic.Int64
}

// Write implements net.Conn.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.wrote.Add(int64(n))
	return n, err
}

func newConn(tcp net.Conn, t *Transport) *conn {
	c := &conn{t: t, tcp: tcp, nc: tcp, era: t.idle.now(), first: make([]byte, readSize), out: make([]byte, 0, writeSize)}
	c.buf = c.first
	c.kill = c.close
	if s, ok := tcp.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			c.raw = raw
		}
	}
	c.swap.init(c)
	c.rest.init()
	t.open.add(c)
	return c
}

// close ends the connection below TLS: there is nobody left who would want a farewell.
func (c *conn) close() {
	c.t.open.remove(c)
	_ = c.tcp.Close()
}

// unwatch ends the watch over the request, and reports whether nobody has broken it off.
func (c *conn) unwatch(r *Request) bool {
	whole := r.detach()
	if c.stop != nil {
		whole = c.stop() && whole
		c.stop = nil
	}
	return whole
}

// exchange sends r and reads the header of the answer.
func (c *conn) exchange(ctx context.Context, r *Request) (*http.Response, error) {
	if err := r.attachTo(ctx, c); err != nil {
		c.close()
		return nil, err
	}
	res, err := c.roundTrip(r)
	if err == nil {
		return res, nil
	}
	c.close()
	c.unwatch(r)
	if err == errGone { //nolint:errorlint // swap's own
		return nil, err
	}
	if s := c.send; s != nil {
		if fault := s.fault.Load(); fault != nil {
			err = fault // the connection was closed for it
		}
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, r.because(err)
}

func (c *conn) roundTrip(r *Request) (*http.Response, error) {
	head, err := r.appendHead(c.out[:0])
	if cap(head) <= 2*writeSize {
		c.out = head[:0]
	}
	if err != nil {
		return nil, err
	}
	r.Connected = true
	switch {
	case r.Body == nil || r.held != nil:
		if err := c.swap.do(c, r, r.join(head)); err != nil {
			return nil, err
		}
		r.release(&c.t.buffers)
	default:
		if err := c.begin(r, head); err != nil {
			return nil, err
		}
		if !r.expects() {
			c.startSending(r)
			break
		}
		c.owes = true
		if err := c.nc.SetReadDeadline(time.Now().Add(c.t.o.ContinueTimeout)); err != nil {
			return nil, err
		}
	}
	return c.answer(r)
}

// begin writes the header of a request whose body follows.
func (c *conn) begin(r *Request, head []byte) error {
	if r.Reused && c.look() {
		return errGone
	}
	return c.write(r, head)
}

func (c *conn) write(r *Request, p []byte) error {
	before := int64(0)
	if c.under != nil {
		before = c.under.wrote.Load()
	}
	n, err := c.nc.Write(p)
	if n > 0 || c.under != nil && c.under.wrote.Load() > before {
		r.Sent = true
	}
	return err
}

// answer reads what is answered, up to the header of the final answer.
func (c *conn) answer(r *Request) (*http.Response, error) {
	for range maxInterim {
		n, err := c.block(c.t.o.MaxHeader, "HTTP/1.", r)
		if err != nil && c.owes && errors.Is(err, os.ErrDeadlineExceeded) {
			if err = c.proceed(r); err == nil {
				n, err = c.block(c.t.o.MaxHeader, "HTTP/1.", r)
			}
		}
		if err != nil {
			return nil, err
		}
		a := &answer{conn: c, req: r}
		err = a.parse(string(c.buf[c.start : c.start+n]))
		c.start += n
		if err != nil {
			return nil, err
		}
		switch code := a.res.StatusCode; {
		case code == http.StatusSwitchingProtocols:
			return c.switched(a)
		case code >= 200:
			if c.owes { // and will not be asked for it
				if err := c.nc.SetReadDeadline(time.Time{}); err != nil {
					return nil, err
				}
			}
			return a.begin()
		}
		if r.Interim != nil {
			if err := r.Interim(a.res.StatusCode, a.res.Header); err != nil {
				return nil, err
			}
		}
		if a.res.StatusCode == http.StatusContinue && c.owes {
			if err := c.proceed(r); err != nil {
				return nil, err
			}
		}
	}
	return nil, malformed("too many interim answers")
}

// proceed sends the body of a request that has waited to be asked for it.
func (c *conn) proceed(r *Request) error {
	if err := c.nc.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	c.owes = false
	c.startSending(r)
	return nil
}

// fill reads more. What was read before is kept, up to limit bytes.
func (c *conn) fill(limit int) error {
	if c.start == c.end {
		c.start, c.end = 0, 0
	}
	if c.end == len(c.buf) {
		switch held := c.end - c.start; {
		case held >= limit:
			return malformed("a line or header is too long")
		case c.start > 0:
			copy(c.buf, c.buf[c.start:c.end])
		default:
			bigger := make([]byte, min(2*len(c.buf), max(limit, readSize)))
			copy(bigger, c.buf[c.start:c.end])
			c.buf = bigger
		}
		c.start, c.end = 0, c.end-c.start
	}
	c.bound()
	n, err := c.nc.Read(c.buf[c.end:])
	c.end += n
	if n > 0 {
		return nil // an error comes again
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// read reads at least a byte into p, past the buffer when that is empty and p is not small. Behind the last
// of the buffer it takes what has come by then, so that an answer goes on in few pieces.
func (c *conn) read(p []byte) (int, error) {
	if c.start == c.end {
		if len(p) >= len(c.buf) {
			c.bound()
			return c.nc.Read(p)
		}
		if err := c.fill(readSize); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.buf[c.start:c.end])
	c.start += n
	if len(p)-n >= len(c.buf) {
		n += c.rest.take(c, p[n:])
	}
	return n, nil
}

// giveBack puts the connection away for the next request, if it may be used again.
func (c *conn) giveBack(r *Request, reuse bool) {
	if s := c.send; s != nil {
		reuse = reuse && s.complete()
	}
	if !c.unwatch(r) || !reuse || c.owes || c.start != c.end {
		c.close()
		return
	}
	c.buf, c.start, c.end, c.send = c.first, 0, 0, nil
	c.t.idle.put(c)
}
