package upstream

import "holdfast/internal/status"

// Targets tells of every target of the pool, in the order of their names.
func (b *Balancer) Targets() []status.RouteTarget {
	b.pool.mu.Lock()
	defer b.pool.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]status.RouteTarget, 0, len(b.pool.members))
	for _, m := range b.pool.members {
		t := status.RouteTarget{Instance: m.target.Instance, Address: m.address, State: status.TargetReady, InFlight: m.inFlight.Load()}
		r := b.records[m]
		switch {
		case !m.ready && m.target.App == "":
			t.State = status.TargetFailing
		case !m.ready:
			t.State = status.TargetNotReady
		case r != nil && r.out && r.epoch == m.epoch.Load():
			t.State = status.TargetEjected
		case m.resting():
			t.State = status.TargetResting
		}
		out = append(out, t)
	}
	return out
}
