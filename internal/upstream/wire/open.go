package wire

import (
	"sync"
	"time"
)

// open are the connections of a Transport that are not closed.
type open struct {
	mu    sync.Mutex
	conns map[*conn]struct{}
}

func (o *open) add(c *conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conns == nil {
		o.conns = map[*conn]struct{}{}
	}
	o.conns[c] = struct{}{}
}

func (o *open) remove(c *conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.conns, c)
}

// Bury says that the process at the other end of every connection there is now is gone. Usually its
// system closes them; one that stays open, because somebody else holds it, fails once it has been silent
// for as long as silence. Later connections are not concerned.
func (t *Transport) Bury(silence time.Duration) {
	t.CloseIdle()
	t.open.mu.Lock()
	defer t.open.mu.Unlock()
	for c := range t.open.conns {
		// In this order: a read that has missed the first is bound by the second.
		c.silence.Store(int64(silence))
		_ = c.tcp.SetDeadline(time.Now().Add(silence)) // fails on one that is closed
	}
}

// bound bounds the next read of a connection to nobody.
func (c *conn) bound() {
	if silence := c.silence.Load(); silence != 0 {
		_ = c.tcp.SetReadDeadline(time.Now().Add(time.Duration(silence))) // fails on one that is closed, as the read will
	}
}
