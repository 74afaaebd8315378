package upstream

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// restAfterFailure is how long a target that refused a connection is passed over while another one
// can be had. A supervised instance that is reported ready again is taken back at once.
const restAfterFailure = time.Second

// Pool is the set of targets of one app, or of one route's urls.
type Pool struct {
	name string

	mu      sync.Mutex // guards members and the replacing of ready
	members []*member

	ready atomic.Pointer[[]*member] // never modified once stored
	turn  atomic.Uint64             // round robin's position

	coming      atomic.Bool
	maintenance atomic.Pointer[status.Maintenance]
}

// member is a target with its traffic and its connections.
type member struct {
	target   status.Target
	scheme   string
	ready    bool // guarded by Pool.mu
	inFlight atomic.Int64
	// closed is the opposite of ready for whoever has just picked the member from an older list;
	// idle gets a token when the last lease of a closed member comes back.
	closed    atomic.Bool
	idle      chan struct{}
	restUntil atomic.Int64 // Unix nanoseconds; 0 = not resting
	transport transport
}

func newPool(name string) *Pool {
	p := &Pool{name: name}
	p.ready.Store(&[]*member{})
	return p
}

// NewStatic returns a pool of servers that Holdfast does not run. They are always ready; one that
// cannot be connected to is passed over for a second while another one can be had. Each URL is
// http://host[:port] or https://host[:port], without path and query. Name is for error texts.
func NewStatic(name string, urls []string) (*Pool, error) {
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
		m := &member{
			target:    status.Target{Instance: u.Host, Address: u.Host},
			scheme:    u.Scheme,
			ready:     true,
			idle:      make(chan struct{}, 1),
			transport: newTransport(),
		}
		p.members = append(p.members, m)
	}
	p.publish()
	return p, nil
}

// Name is the app or the route that the pool belongs to.
func (p *Pool) Name() string { return p.name }

// Ready is how many targets requests may go to.
func (p *Pool) Ready() int { return len(*p.ready.Load()) }

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
	m := p.find(t)
	if m == nil {
		if !ready {
			return
		}
		m = &member{target: t, scheme: "http", idle: make(chan struct{}, 1), transport: newTransport()}
		p.drop(func(old *member) bool { return old.target.Instance == t.Instance })
		p.members = append(p.members, m)
	}
	m.restUntil.Store(0)
	m.closed.Store(!ready)
	if m.ready != ready {
		m.ready = ready
		p.publish()
	}
}

// Remove is Set.Remove for a target of this pool.
func (p *Pool) Remove(t status.Target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drop(func(m *member) bool { return m.target == t }) {
		p.publish()
	}
}

// Close closes the idle connections of the pool; it stays usable.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		m.transport.CloseIdleConnections()
	}
}

func (p *Pool) find(t status.Target) *member {
	for _, m := range p.members {
		if m.target == t {
			return m
		}
	}
	return nil
}

// drop removes the members that gone picks and flushes their connections. A connection still in
// use is closed as soon as it is idle.
func (p *Pool) drop(gone func(*member) bool) bool {
	n := len(p.members)
	p.members = slices.DeleteFunc(p.members, func(m *member) bool {
		if !gone(m) {
			return false
		}
		m.transport.CloseIdleConnections()
		return true
	})
	return len(p.members) != n
}

// publish makes the ready list anew, in the order of the targets' names so that it does not depend
// on which instance came up first.
func (p *Pool) publish() {
	ready := make([]*member, 0, len(p.members))
	for _, m := range p.members {
		if m.ready {
			ready = append(ready, m)
		}
	}
	slices.SortStableFunc(ready, func(a, b *member) int {
		return compareTargets(a.target, b.target)
	})
	p.ready.Store(&ready)
}

// A Lease is the right to send one request to a target; it counts as in flight until Done. The
// zero Lease must not be used.
type Lease struct{ m *member }

// Target is where the request goes.
func (l Lease) Target() status.Target { return l.m.target }

// Scheme is http or https.
func (l Lease) Scheme() string { return l.m.scheme }

// Transport sends requests over the target's own connections. The request's URL must name the
// lease's scheme and address.
func (l Lease) Transport() http.RoundTripper { return l.m.transport }

// Done gives the lease back; it is called exactly once. Err is nil unless the target is at fault:
// a client that went away is not the target's failure.
func (l Lease) Done(err error) {
	l.m.release()
	if IsConnectError(err) {
		l.m.restUntil.Store(time.Now().Add(restAfterFailure).UnixNano())
	}
}

// Acquire picks a ready target by the rule b, passing over those in not. It fails with
// status.ErrNotReady when there is none.
func (p *Pool) Acquire(b config.Balance, not ...status.Target) (Lease, error) {
	for {
		ready := *p.ready.Load()
		if len(ready) == 0 {
			return Lease{}, status.ErrNotReady
		}
		turn := p.turn.Load()
		if len(not) == 0 { // a second try takes no turn of its own, or it would shift everybody's
			turn = p.turn.Add(1)
		}
		start := int(turn % uint64(len(ready))) //nolint:gosec // smaller than len(ready)
		var m *member
		switch b {
		case config.LeastConn:
			m = leastConn(ready, start, not)
		case config.RoundRobin:
			m = roundRobin(ready, start, not)
		default:
			m = roundRobin(ready, start, not)
		}
		if m == nil {
			return Lease{}, status.ErrNotReady
		}
		m.inFlight.Add(1)
		if !m.closed.Load() {
			return Lease{m}, nil
		}
		// It was closed after the list was read, and a Drain may have counted already.
		m.release()
	}
}
