package wire

import (
	"sync"
	"time"
)

// idle holds the connections that are not in use. The one used last is taken first, so that what a
// burst has left over grows old and is closed.
type idle struct {
	max     int
	timeout time.Duration

	mu    sync.Mutex
	conns []*conn // by the time they were put, oldest first
	// era counts the flushes: a connection of an older one is not put back.
	era   uint64
	timer *time.Timer // runs while there are any
}

// take returns nil when there is none.
func (i *idle) take() *conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := len(i.conns) - 1
	if n < 0 {
		return nil
	}
	c := i.conns[n]
	if time.Since(c.since) >= i.timeout { // then all are too old; the timer is about to say so
		return nil
	}
	i.conns[n] = nil
	i.conns = i.conns[:n]
	return c
}

// put closes c when there is no room for it.
func (i *idle) put(c *conn) {
	c.since = time.Now()
	if !i.push(c) {
		c.close()
	}
}

func (i *idle) push(c *conn) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if c.era != i.era || len(i.conns) >= i.max {
		return false
	}
	i.conns = append(i.conns, c)
	if len(i.conns) == 1 {
		i.arm(i.timeout)
	}
	return true
}

// arm sets the timer if it does not run. One that does comes early rather than late.
func (i *idle) arm(d time.Duration) {
	if i.timer == nil {
		i.timer = time.AfterFunc(d, i.expire)
	}
}

// expire closes what was not used for too long.
func (i *idle) expire() {
	i.mu.Lock()
	now := time.Now()
	n := 0
	for n < len(i.conns) && now.Sub(i.conns[n].since) >= i.timeout {
		n++
	}
	old := append([]*conn(nil), i.conns[:n]...)
	rest := copy(i.conns, i.conns[n:])
	clear(i.conns[rest:])
	i.conns = i.conns[:rest]
	i.timer = nil
	if rest > 0 {
		i.arm(i.timeout - now.Sub(i.conns[0].since))
	}
	i.mu.Unlock()
	for _, c := range old {
		c.close()
	}
}

// flush closes all of them, and those in use as they are put.
func (i *idle) flush() {
	i.mu.Lock()
	i.era++
	all := i.conns
	i.conns = nil
	if i.timer != nil {
		i.timer.Stop()
		i.timer = nil
	}
	i.mu.Unlock()
	for _, c := range all {
		c.close()
	}
}

func (i *idle) now() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.era
}
