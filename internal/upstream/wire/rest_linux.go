package wire

import "syscall"

// rest reads what has come without waiting for more.
type rest struct {
	p        []byte
	n        int
	callback func(fd uintptr) bool
}

func (r *rest) init() { r.callback = r.step }

// take returns how much it read into p. An error, or the end, comes again with the next reading.
func (r *rest) take(c *conn, p []byte) int {
	if c.under != nil || c.raw == nil {
		return 0
	}
	r.p, r.n = p, 0
	_ = c.raw.Read(r.callback) // see above
	r.p = nil
	return r.n
}

func (r *rest) step(fd uintptr) (done bool) {
	for {
		n, err := syscall.Read(int(fd), r.p)
		if err == syscall.EINTR {
			continue
		}
		r.n = max(n, 0)
		return true
	}
}
