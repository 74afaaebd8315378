package gateway

import "net"

// gatherFrom is how long a write must be for its header to be worth waiting for it. Less fits into the
// buffer of net/http with the header. No more than keepAtMost waits.
const (
	gatherFrom = 2 << 10
	keepAtMost = 4 << 10 // net/http's buffer
)

// gathered is what was written to a connection and is to go out with what follows. Net/http fills its
// buffer with the header and the beginning of a body, and writes the rest past it: two calls, and two
// packets, for what is one answer.
type gathered struct {
	on    bool
	kept  []byte
	room  *[]byte
	parts [2][]byte
}

// gather has the next write kept. It is for whoever is the only one to write, and who calls release after
// the write that it is to go out with.
func (c *conn) gather() { c.gathered.on = true }

// release writes what is still kept.
func (c *conn) release() error {
	c.gathered.on = false
	if len(c.gathered.kept) == 0 {
		return nil
	}
	_, err := c.Write(nil)
	return err
}

// keep reports whether p was kept.
func (c *conn) keep(p []byte) bool {
	g := &c.gathered
	if !g.on || len(g.kept) > 0 || len(p) > keepAtMost {
		return false
	}
	g.room = c.buffers().get()
	g.kept = append((*g.room)[:0], p...)
	return true
}

// flush writes what was kept, and p after it. It returns how much of p was written.
func (c *conn) flush(p []byte) (int, error) {
	g := &c.gathered
	before := len(g.kept)
	g.parts = [2][]byte{g.kept, p}
	defer func() {
		c.buffers().put(g.room)
		g.kept, g.room, g.parts = nil, nil, [2][]byte{}
	}()
	parts, done := net.Buffers(g.parts[:]), 0
	for {
		n, err := parts.WriteTo(c.TCPConn)
		done += int(n)
		if resumable {
			c.out.bytes.Add(n)
		}
		if err == nil || !c.resume(err) {
			return max(0, done-before), err
		}
	}
}

func (c *conn) buffers() *buffers { return &c.gen.socket.g.buffers }
