package upstream

import (
	"sync"
	"time"

	"holdfast/internal/status"
)

// lastWords is how long a connection to an instance that has ended may be silent. What a process sent
// before its end has arrived, however long a slow client takes to have it; more never comes.
const lastWords = time.Second

// Ended says that the process behind t is gone, with all that it had started. Usually its system closes
// its connections; one that stays open, because somebody else holds it, would keep its request waiting
// for the route's whole timeout. Such a connection fails once it has been silent for a second. The target
// may be made ready again at the same address: later connections are not concerned.
func (s *Set) Ended(t status.Target) {
	p := s.Pool(t.App)
	p.mu.Lock()
	m := p.find(t)
	p.mu.Unlock()
	if m == nil {
		return
	}
	if h := m.transport.Load(); h != nil {
		h.CloseIdleConnections()
		h.conns.bury()
	}
}

// connSet are the open connections to a target.
type connSet struct {
	mu  sync.Mutex
	all map[*Conn]struct{}
}

func (s *connSet) add(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*Conn]struct{}{}
	}
	s.all[c] = struct{}{}
}

func (s *connSet) remove(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, c)
}

// bury bounds the silence of every connection that there is.
func (s *connSet) bury() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.all {
		// In this order: a read that has missed the first is bound by the second.
		c.buried.Store(true)
		_ = c.SetDeadline(time.Now().Add(lastWords)) // fails on one that is closed
	}
}
