package upstream

import (
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
		h.Bury(lastWords)
	}
}
