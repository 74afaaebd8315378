package upstream

import (
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// errGone is what the first write of a request gets on a kept-alive connection that the target has
// closed.
var errGone = errors.New("the server closed the connection while it was idle")

// Conn is a connection to a target that knows how much went through it. It is what tells a request
// that was never sent from one that may have been executed: net/http does not say, and a write to a
// connection that the other end has closed is no error at first.
type Conn struct {
	net.Conn
	wrote, got atomic.Int64
	// look is set when the connection must be looked at before the next byte is written.
	look atomic.Bool
	tls  atomic.Bool
	raw  syscall.RawConn // nil when the system gives none
	set  *connSet        // that it is in until it is closed
	// buried is set when the process at the other end is gone.
	buried atomic.Bool
}

func newConn(c net.Conn, set *connSet) *Conn {
	own := &Conn{Conn: c, set: set}
	set.add(own)
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			own.raw = raw
		}
	}
	return own
}

// ConnOf is the connection below c, which is what an httptrace.GotConnInfo of a lease's transport
// has; nil when there is none.
func ConnOf(c net.Conn) *Conn {
	if t, ok := c.(*tls.Conn); ok {
		own, _ := t.NetConn().(*Conn)
		if own != nil {
			own.tls.Store(true)
		}
		return own
	}
	own, _ := c.(*Conn)
	return own
}

// Wrote is how many bytes were handed to the system so far.
func (c *Conn) Wrote() int64 { return c.wrote.Load() }

// Got is how many bytes came so far.
func (c *Conn) Got() int64 { return c.got.Load() }

// Look has the connection looked at before the next write: when the target has closed it meanwhile,
// nothing is written and the write fails. Where the system cannot tell (see ended), it does nothing.
func (c *Conn) Look() { c.look.Store(true) }

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	if c.buried.Load() {
		_ = c.SetReadDeadline(time.Now().Add(lastWords)) // fails on one that is closed, as the read will
	}
	n, err := c.Conn.Read(p)
	c.got.Add(int64(n))
	return n, err
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (int, error) {
	if c.look.Load() && c.look.Swap(false) && c.raw != nil && ended(c.raw, c.tls.Load()) {
		return 0, errGone
	}
	n, err := c.Conn.Write(p)
	c.wrote.Add(int64(n))
	return n, err
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.set.remove(c)
	return c.Conn.Close()
}

// CloseWrite ends one direction, as a session that left HTTP wants it.
func (c *Conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
