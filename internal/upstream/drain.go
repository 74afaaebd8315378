package upstream

import (
	"context"

	"holdfast/internal/status"
)

// Drain tells the holders of leases of t that it is about to end (Lease.Draining), and returns when
// no lease is out any more, or when ctx ends. The target should not be ready: new leases would keep
// it waiting.
func (s *Set) Drain(ctx context.Context, t status.Target) {
	p := s.Pool(t.App)
	p.mu.Lock()
	m := p.find(t)
	p.mu.Unlock()
	if m == nil {
		return
	}
	m.drain()
	for m.inFlight.Load() > 0 {
		select {
		case <-m.idle:
		case <-ctx.Done():
			return
		}
	}
}

// release gives one lease back.
func (m *member) release() {
	if m.inFlight.Add(-1) == 0 && m.closed.Load() {
		select {
		case m.idle <- struct{}{}:
		default:
		}
	}
}
