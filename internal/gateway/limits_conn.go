package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// States of a connection.
const (
	connFresh   int32 = iota // no request so far
	connActive               // with a request, or given to a WebSocket
	connIdle                 // between two requests
	connRetired              // closed to make room
)

// States of the body of an HTTP/1 request.
const (
	bodyNone      int32 = iota // none, or read to its end
	bodyNew                    // begun since the last beat
	bodyOpen                   // more is to come
	bodyAnswering              // the answer has begun; net/http reads the rest before it sends that
)

// conn is a connection of a client. It is counted until it is closed, whoever has it by then, and tells
// the sweeper what it waits for.
type conn struct {
	*net.TCPConn
	gen     *generation
	client  netip.Addr // whom it is counted for; invalid: nobody
	counted *listenerMetrics
	index   int // in connections.all

	state  atomic.Int32
	since  atomic.Int64 // the beat at which it became idle
	closed atomic.Bool

	rests atomic.Bool  // the next deadline that is taken off begins an idle time over HTTP/1
	asked atomic.Bool  // something of a request came that no handler has seen
	body  atomic.Int32 // of the present request over HTTP/1
	late  atomic.Bool  // that body did not come in time
	in    pace         // of that body
	out   pace         // of everything

	looking atomic.Bool // a write is to come back, and has not yet

	secure   *secureConn // with TLS; the sweeper may look at it once http2 is set
	http2    atomic.Bool
	received atomic.Int64 // bytes, over HTTP/2
	flood    floodgate
	streams  streams
	tls      *tls.ConnectionState // since the handshake; nil without TLS

	gathered gathered // of whoever writes

	mu      sync.Mutex // guards what follows, with the deadlines of the socket
	writeBy time.Time  // the deadline that somebody else wants
	reading reading
}

type connKey struct{}

// connContext makes a connection known to its requests.
func connContext(ctx context.Context, c net.Conn) context.Context {
	own := ownConn(c)
	if own.gen.tls == nil { // over TLS net/http does not read one byte from us
		ctx = own.leavable(ctx)
	}
	return context.WithValue(ctx, connKey{}, own)
}

// connOf is the connection of a request; nil in tests without one.
func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// ownConn is the conn below what net/http has.
func ownConn(c net.Conn) *conn {
	for {
		if own, ok := c.(*conn); ok {
			return own
		}
		outer, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		c = outer.NetConn()
	}
}

// note follows the states that net/http tells.
func (c *conn) note(state http.ConnState) {
	switch state {
	case http.StateActive:
		c.asked.Store(true)
		c.state.CompareAndSwap(connFresh, connActive)
		c.state.CompareAndSwap(connIdle, connActive)
	case http.StateIdle:
		// Over HTTP/2 a connection is said to be active and then idle before its first request.
		if c.asked.Swap(false) {
			c.http2.Store(true)
		}
		c.body.Store(bodyNone)
		c.rests.Store(!c.http2.Load())
		c.since.Store(c.table().beats.Load())
		c.state.CompareAndSwap(connActive, connIdle)
	case http.StateHijacked:
		c.body.Store(bodyNone)
	case http.StateClosed:
		if c.asked.Load() {
			c.counted.bad.Inc()
		}
	case http.StateNew:
	}
}

func (c *conn) table() *connections { return &c.gen.socket.g.connections }

func (c *conn) resting() bool {
	s := c.state.Load()
	return s == connFresh || s == connIdle
}

// retire takes the connection out of use, unless a request has come.
func (c *conn) retire() bool {
	return c.state.CompareAndSwap(connIdle, connRetired) || c.state.CompareAndSwap(connFresh, connRetired)
}

// Close implements net.Conn.
func (c *conn) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.table().leave(c)
	}
	err := c.TCPConn.Close()
	c.endRequests()
	return err
}

// end closes the connection of a client that is to blame. What the kernel still has for it is dropped.
func (c *conn) end(why ending) {
	c.counted.ended(why)
	_ = c.SetLinger(0) // it may be closed already, and so may it below
	_ = c.Close()
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	if c.body.Load() == bodyNone {
		n, err := c.receive(p)
		if c.http2.Load() {
			c.received.Add(int64(n))
		}
		return n, err
	}
	c.in.waiting.Store(true)
	n, err := c.receive(p)
	c.in.waiting.Store(false)
	c.in.bytes.Add(int64(n))
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		c.late.Store(true) // before net/http ends the request's context for it
	}
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if c.body.Load() == bodyAnswering {
		c.body.Store(bodyNone) // its rest was read, or is given up
	}
	if c.keep(p) {
		return len(p), nil
	}
	if !resumable {
		c.out.bytes.Add(int64(len(c.gathered.kept) + len(p)))
	}
	c.out.waiting.Store(true)
	defer c.out.waiting.Store(false)
	if len(c.gathered.kept) > 0 {
		return c.flush(p)
	}
	done := 0
	for {
		n, err := c.TCPConn.Write(p[done:])
		done += n
		if resumable {
			c.out.bytes.Add(int64(n))
		}
		if err == nil || !c.resume(err) {
			return done, err
		}
	}
}

// ReadFrom implements io.ReaderFrom: a file goes out without a copy through us.
func (c *conn) ReadFrom(src io.Reader) (int64, error) {
	limit, left := src.(*io.LimitedReader)
	inner := src
	if left {
		inner = limit.R
	}
	file, ok := inner.(interface {
		io.ReadSeeker
		syscall.Conn
	})
	if !ok {
		return io.Copy(struct{ io.Writer }{c}, src)
	}
	if !left {
		limit = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	return c.sendFile(file, limit)
}

// sendFile sends in parts, so that its progress shows.
func (c *conn) sendFile(file io.ReadSeeker, limit *io.LimitedReader) (int64, error) {
	c.body.CompareAndSwap(bodyAnswering, bodyNone)
	c.out.waiting.Store(true)
	defer c.out.waiting.Store(false)
	var sent int64
	for limit.N > 0 {
		part := &io.LimitedReader{R: limit.R, N: min(limit.N, fileChunk)}
		size := part.N
		if !resumable {
			c.out.bytes.Add(size)
		}
		n, err := c.TCPConn.ReadFrom(part)
		sent += n
		limit.N -= n
		if resumable {
			c.out.bytes.Add(n)
		}
		if err != nil {
			if !c.resume(err) {
				return sent, err
			}
			// Where the system cannot send files, more may have been read than was written.
			if back := size - part.N - n; back > 0 {
				if _, err := file.Seek(-back, io.SeekCurrent); err != nil {
					return sent, err
				}
			}
			continue
		}
		if n < size {
			break // the file's end
		}
	}
	return sent, nil
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeBy = t
	c.reading.by, c.reading.set = t, t
	return c.TCPConn.SetDeadline(t)
}

// SetWriteDeadline implements net.Conn. Net/http takes the deadline off after each request, which costs
// nothing when there is none.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.IsZero() && c.writeBy.IsZero() {
		return nil
	}
	c.writeBy = t
	return c.TCPConn.SetWriteDeadline(t)
}

// look has a write that waits come back, so that it shows how much of it has been taken.
func (c *conn) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looking.Store(true)
	_ = c.TCPConn.SetWriteDeadline(longAgo()) // fails on a closed connection
}

// resume reports whether a write failed only because of look; it is to go on then.
func (c *conn) resume(err error) bool {
	if !resumable || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.writeBy.IsZero() && !time.Now().Before(c.writeBy) {
		return false
	}
	c.looking.Store(false)
	return c.TCPConn.SetWriteDeadline(c.writeBy) == nil
}

func longAgo() time.Time { return time.Unix(1, 0) }
