package upstream

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// Pool is the set of targets of one app, or of one route's urls.
type Pool struct {
	name string

	mu      sync.Mutex // guards everything but what is atomic
	members []*member  // in the order of their names; an instance has one at most
	queue   queue

	now  atomic.Pointer[standing]
	turn atomic.Uint64 // round robin's position
}

// standing is what requests find. It is replaced as a whole and never modified, so that looking at
// it takes one atomic load.
type standing struct {
	// ready is in the order of the targets' names, so that it does not depend on which came up first.
	ready []*member
	// coming says that there will be a ready target soon.
	coming      bool
	maintenance *status.Maintenance
}

func newPool(name string) *Pool {
	p := &Pool{name: name}
	p.now.Store(&standing{})
	return p
}

// NewStatic returns a pool of servers that Holdfast does not run. They are always ready; one that
// cannot be connected to is passed over for a second while another one can be had. Each URL is
// http://host[:port] or https://host[:port], without path and query. Name is for error texts.
func NewStatic(name string, urls []string, o TransportOptions) (*Pool, error) {
	p := newPool(name)
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("route %q: url %q: %w", name, raw, err)
		}
		if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil ||
			(u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("route %q: url %q: write http://host:port, without user, path and query", name, raw)
		}
		m := newMember(status.Target{Instance: u.Host, Address: u.Host}, u.Scheme)
		m.options = o
		if m.address, err = addressOf(u); err != nil {
			return nil, fmt.Errorf("route %q: url %q: %w", name, raw, err)
		}
		m.ready = true
		p.members = append(p.members, m)
	}
	slices.SortStableFunc(p.members, func(a, b *member) int { return compareInstances(a.target.Instance, b.target.Instance) })
	p.publish()
	return p, nil
}

// addressOf is the host and the port of u; the scheme's port if it has none.
func addressOf(u *url.URL) (string, error) {
	host, err := idna.Lookup.ToASCII(u.Hostname())
	if isASCII(u.Hostname()) {
		host, err = u.Hostname(), nil // names of machines break the rules of domains
	}
	if err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	port := u.Port()
	if port == "" {
		if port = "80"; u.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(host, port), nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// Name is the app or the route that the pool belongs to.
func (p *Pool) Name() string { return p.name }

// Ready is how many targets requests may go to.
func (p *Pool) Ready() int { return len(p.now.Load().ready) }

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
	if ready {
		m.renew()
	}
	m.closed.Store(!ready)
	if m.ready != ready {
		m.ready = ready
		p.publish()
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
	p.now.Store(&next)
}

// Acquire picks a ready target by the rule b, passing over those that tried have had. A target that
// refused a connection within the last second is picked only when there is no other one, and the
// lease says so. It fails with status.ErrNotReady when there is none, and with a *MaintenanceError.
func (p *Pool) Acquire(b config.Balance, tried ...Lease) (Lease, error) {
	for {
		now := p.now.Load()
		if now.maintenance != nil {
			return Lease{}, &MaintenanceError{Until: now.maintenance.Until}
		}
		if len(now.ready) == 0 {
			return Lease{}, status.ErrNotReady
		}
		turn := p.turn.Load()
		if len(tried) == 0 { // a second try takes no turn of its own, or it would shift everybody's
			turn = p.turn.Add(1)
		}
		start := int(turn % uint64(len(now.ready))) //nolint:gosec // smaller than its length
		m, resting := pick(b, now.ready, start, tried)
		if m == nil {
			return Lease{}, status.ErrNotReady
		}
		epoch := m.epoch.Load()
		m.inFlight.Add(1)
		if !m.closed.Load() {
			return Lease{m, epoch, resting}, nil
		}
		// It was closed after the list was read, and a Drain may have counted already.
		m.release()
	}
}

// MaintenanceError says that the app of a pool is in maintenance.
type MaintenanceError struct {
	// Until is when it ends by itself; zero: nobody knows.
	Until time.Time
}

func (e *MaintenanceError) Error() string { return "the app is in maintenance" }
