package gateway

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"
)

// leaveAfter is how long a request lasts before anybody looks whether its client leaves; it may be twice
// as long.
const leaveAfter = 100 * time.Millisecond

// reading is how a connection is read from; conn.mu guards it.
//
// Net/http moves the deadline five times for each request. It also has another goroutine read one byte
// while a handler is at work, so that the handler learns when the client leaves, and breaks that off when
// the handler is done. With the socket each of these is a call and a timer, the goroutine is a processor
// woken up, and few requests need any of them. So the socket's own deadline may be too early: a reader
// that it wakes looks at the real one. And the reading of one byte is over at once, with nothing; whether
// the client of a request that lasts leaves is found out by our own watch.
type reading struct {
	by     time.Time // the deadline; zero: none
	set    time.Time // the socket's: while somebody reads, it is not later than the real one
	inside bool      // somebody reads

	asked   bool // net/http was told nothing, and has not read since
	turn    int  // counts how often it was
	seen    int  // the turn at which the timer was set
	running bool // of the timer
	timer   *time.Timer

	watched bool // the watch reads
	off     bool // and is to stop
	over    sync.Cond
	ahead   [1]byte // what the watch read
	kept    bool    // that it did

	left context.CancelFunc // ends the contexts of the requests; nil: nobody watches
}

// leavable has the requests that come with ctx end when the client leaves, or the connection is closed.
func (c *conn) leavable(ctx context.Context) context.Context {
	ctx, left := context.WithCancel(ctx)
	c.mu.Lock()
	c.reading.left = left
	c.mu.Unlock()
	if c.closed.Load() {
		left()
	}
	return ctx
}

// endRequests ends the contexts of the requests.
func (c *conn) endRequests() {
	c.mu.Lock()
	left := c.reading.left
	c.mu.Unlock()
	if left != nil {
		left()
	}
}

// receive reads from the socket. No more than one goroutine does that at a time.
func (c *conn) receive(p []byte) (int, error) {
	for {
		if n, done := c.beginReading(p); done {
			return n, nil
		}
		n, err := c.TCPConn.Read(p)
		if !c.endReading(err) {
			return n, err
		}
	}
}

// beginReading reports whether there is nothing to read from the socket.
func (c *conn) beginReading(p []byte) (n int, done bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.reading
	// Others than net/http's goroutine ask for one byte, too, where a buffer ends. They ask again.
	if len(p) == 1 && !r.asked && r.left != nil {
		c.watchLater()
		return 0, true
	}
	r.asked = false
	for r.watched {
		if !r.off {
			r.off, r.set = true, longAgo()
			_ = c.TCPConn.SetReadDeadline(r.set) // fails on a closed connection, which ends the watch, too
		}
		r.over.Wait()
	}
	if r.kept && len(p) > 0 {
		r.kept = false
		return copy(p, r.ahead[:]), true
	}
	r.inside = true
	c.hurry()
	return 0, false
}

// endReading reports whether nothing but the socket's deadline was over, which is set anew then.
func (c *conn) endReading(err error) (early bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.reading
	r.inside = false
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !r.by.IsZero() && !time.Now().Before(r.by) {
		return false
	}
	r.set = r.by
	return c.TCPConn.SetReadDeadline(r.by) == nil
}

// hurry has the socket's deadline not be later than the real one.
func (c *conn) hurry() {
	r := &c.reading
	if r.by.IsZero() || !r.set.IsZero() && !r.by.Before(r.set) {
		return
	}
	r.set = r.by
	_ = c.TCPConn.SetReadDeadline(r.by) // fails on a closed connection, where no reading waits
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	if t.IsZero() && c.rests.CompareAndSwap(true, false) {
		t = time.Now().Add(c.gen.settings.idle)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading.by = t
	if c.reading.inside {
		c.hurry()
	}
	return nil
}

// watchLater has the watch begin unless somebody reads before. One timer serves many requests, so that a
// busy connection seldom sets it.
func (c *conn) watchLater() {
	r := &c.reading
	r.asked = true
	r.turn++
	if r.running {
		return
	}
	r.running, r.seen = true, r.turn
	if r.timer == nil {
		r.over.L = &c.mu
		r.timer = time.AfterFunc(leaveAfter, c.lasts)
	} else {
		r.timer.Reset(leaveAfter)
	}
}

// lasts is called by the timer.
func (c *conn) lasts() {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.reading
	switch {
	case !r.asked:
		r.running = false
	case r.seen != r.turn:
		r.seen = r.turn
		r.timer.Reset(leaveAfter)
	default:
		r.running = false
		r.set = time.Time{}
		if c.TCPConn.SetReadDeadline(r.set) != nil {
			return // it is closed, which ends the requests, too
		}
		r.watched = true
		go c.watch()
	}
}

// watch reads one byte. A client that sends its next request stays, for all that can be known then.
func (c *conn) watch() {
	n, err := c.TCPConn.Read(c.reading.ahead[:])
	c.mu.Lock()
	r := &c.reading
	stopped := r.off && errors.Is(err, os.ErrDeadlineExceeded)
	r.watched, r.off, r.kept = false, false, n == 1
	r.over.Broadcast()
	c.mu.Unlock()
	if n == 0 && !stopped {
		c.endRequests()
	}
}
