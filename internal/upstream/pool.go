package upstream

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/status"
)

// Pool is the set of targets of one app, or of one route's urls.
type Pool struct {
	name    string
	options TransportOptions // of a static pool

	mu      sync.Mutex // guards everything but what is atomic
	members []*member  // in the order of their names; an instance has one at most
	queue   queue

	judges map[*Balancer]struct{} // those that hold something against targets

	now atomic.Pointer[standing]
}

// standing is what requests find. It is replaced as a whole and never modified, so that looking at
// it takes one atomic load.
type standing struct {
	// ready is in the order of the targets' names, so that it does not depend on which came up first.
	ready []*member
	// all are the same with their shares.
	all *lineup
	// coming says that there will be a ready target soon.
	coming      bool
	maintenance *status.Maintenance
}

func newPool(name string) *Pool {
	p := &Pool{name: name, judges: map[*Balancer]struct{}{}}
	p.now.Store(&standing{all: &lineup{}})
	return p
}

// Name is the app or the route that the pool belongs to.
func (p *Pool) Name() string { return p.name }

// Ready is how many targets requests may go to.
func (p *Pool) Ready() int { return len(p.now.Load().ready) }

// Judges is how many routes hold something against targets (BalanceOptions.Outlier).
func (p *Pool) Judges() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.judges)
}

// InFlight is how many leases of t are out; 0 for an unknown target.
func (p *Pool) InFlight(t status.Target) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m := p.find(t); m != nil {
		return m.inFlight.Load()
	}
	return 0
}

// SetReady is Set.SetReady for a target of this pool.
func (p *Pool) SetReady(t status.Target, ready bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, known := p.index(t.Instance)
	var m *member
	switch {
	case known && p.members[i].target == t:
		m = p.members[i]
	case !ready:
		return
	case known:
		p.members[i].flush()
		m = newMember(t, "http")
		p.members[i] = m
	default:
		m = newMember(t, "http")
		p.members = slices.Insert(p.members, i, m)
	}
	p.setReady(m, ready)
}

// setReady notes a target's state; p.mu is held.
func (p *Pool) setReady(m *member, ready bool) {
	if ready {
		m.renew()
	}
	m.closed.Store(!ready)
	switch {
	case m.ready != ready:
		if m.ready = ready; ready {
			m.since = time.Now()
		}
		p.publish()
	case ready:
		p.reconcile()
	}
	p.serveQueue()
}

// Expect is Set.Expect for this pool.
func (p *Pool) Expect(coming bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := *p.now.Load()
	if next.coming == coming {
		return
	}
	next.coming = coming
	p.now.Store(&next)
	p.serveQueue()
}

// Maintain is Set.Maintain for this pool.
func (p *Pool) Maintain(m *status.Maintenance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := *p.now.Load()
	if next.maintenance = nil; m != nil {
		own := *m
		next.maintenance = &own
	}
	p.now.Store(&next)
	p.serveQueue()
}

// Remove is Set.Remove for a target of this pool.
func (p *Pool) Remove(t status.Target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, known := p.index(t.Instance)
	if !known || p.members[i].target != t {
		return
	}
	p.members[i].flush()
	p.members = slices.Delete(p.members, i, i+1)
	p.publish()
	p.serveQueue()
}

// Close closes the idle connections of the pool; it stays usable.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		m.flush()
	}
}

// index is where the member of an instance is, or would have to be.
func (p *Pool) index(instance string) (int, bool) {
	return slices.BinarySearchFunc(p.members, instance, func(m *member, instance string) int {
		return compareInstances(m.target.Instance, instance)
	})
}

func (p *Pool) find(t status.Target) *member {
	if i, known := p.index(t.Instance); known && p.members[i].target == t {
		return p.members[i]
	}
	return nil
}

// publish makes the ready list anew.
func (p *Pool) publish() {
	next := *p.now.Load()
	next.ready = make([]*member, 0, len(p.members))
	for _, m := range p.members {
		if m.ready {
			next.ready = append(next.ready, m)
		}
	}
	next.all = newLineup(next.all.of+1, next.ready)
	p.now.Store(&next)
	p.reconcile()
}

// reconcile has the balancers follow that hold something against targets.
func (p *Pool) reconcile() {
	for b := range p.judges {
		b.reconcile(p.now.Load())
	}
}

// MaintenanceError says that the app of a pool is in maintenance.
type MaintenanceError struct {
	// Until is when it ends by itself; zero: nobody knows.
	Until time.Time
}

func (e *MaintenanceError) Error() string { return "the app is in maintenance" }
