package gateway

import (
	"io"
	"sync"
)

// sessions are what has no end of its own: connections that left HTTP for WebSocket, and streams of
// events. Nobody can wait for them; the gateway closes them at its end.
type sessions struct {
	mu     sync.Mutex
	closed bool
	open   map[io.Closer]struct{}
}

// add registers a session; false means that the gateway is at its end.
func (s *sessions) add(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.open == nil {
		s.open = map[io.Closer]struct{}{}
	}
	s.open[c] = struct{}{}
	return true
}

func (s *sessions) remove(c io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// close closes them all; their handlers return.
func (s *sessions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.open {
		_ = c.Close() // both ends are going away
	}
}

// over reports whether close was called.
func (s *sessions) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
