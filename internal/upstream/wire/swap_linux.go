package wire

import (
	"os"
	"syscall"
)

// swap writes a request in one piece and waits for the first bytes of its answer.
//
// Both happen under one wait for the connection to become readable. Before the request is written the
// connection is looked at: one that was closed, or spoken on without being asked, is not written to.
// The look costs nothing, because it takes the place of the read that would find no answer yet.
type swap struct {
	c        *conn
	out      []byte
	fresh    bool
	written  bool
	n        int // of out
	err      error
	callback func(fd uintptr) bool
	one      [1]byte
}

func (s *swap) init(c *conn) {
	s.c = c
	s.callback = s.step
}

func (s *swap) do(c *conn, r *Request, p []byte) error {
	if c.under != nil || c.raw == nil {
		if r.Reused && c.look() {
			return errGone
		}
		return c.write(r, p)
	}
	s.out, s.fresh, s.written, s.n, s.err = p, !r.Reused, false, 0, nil
	c.start, c.end = 0, 0
	c.bound()
	err := c.raw.Read(s.callback)
	s.out = nil
	r.Sent = s.n > 0
	r.Answered = c.end > 0
	switch {
	case err != nil:
		return err
	case s.err != nil:
		return s.err
	case s.n < len(p): // the connection takes no more at once
		return c.write(r, p[s.n:])
	default:
		return nil
	}
}

// step is called when there may be something to read; it returns false to wait for it. What was there
// before the wait began would not end it, so that it is looked for first.
func (s *swap) step(fd uintptr) (done bool) {
	if !s.written {
		silent, open := s.peek(int(fd))
		if !open || !silent && !s.fresh {
			s.err = errGone
			return true
		}
		if s.err = s.send(int(fd)); s.err != nil || s.n < len(s.out) {
			return true
		}
		if s.written = true; silent {
			return false
		}
	}
	for {
		n, err := syscall.Read(int(fd), s.c.buf)
		switch err {
		case nil:
			if s.c.end = n; n == 0 {
				s.err = errNoAnswer
			}
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return false
		default:
			s.err = os.NewSyscallError("read", err)
		}
		return true
	}
}

func (s *swap) send(fd int) error {
	for {
		n, err := syscall.Write(fd, s.out)
		switch err {
		case nil:
			s.n = n
			return nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return nil
		default:
			return os.NewSyscallError("write", err)
		}
	}
}

// peek reports whether there is nothing to read, and whether the other end has not closed. A process
// that is killed has its connections closed by its system at once, so that this is known before anybody
// has read it.
func (s *swap) peek(fd int) (silent, open bool) {
	for {
		n, _, err := syscall.Recvfrom(fd, s.one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch err {
		case nil:
			return false, n > 0
		case syscall.EAGAIN:
			return true, true
		case syscall.EINTR:
		default:
			return false, false
		}
	}
}

// look reports whether the connection is not silent.
func (c *conn) look() bool {
	if c.raw == nil {
		return false
	}
	silent := false
	err := c.raw.Control(func(fd uintptr) { silent, _ = c.swap.peek(int(fd)) })
	return err != nil || !silent
}
