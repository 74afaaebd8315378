package upstream

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/status"
	"holdfast/internal/upstream/wire"
)

// restAfterFailure is how long a target that refused a connection is passed over while another one
// can be had. A supervised instance that is reported ready again is taken back at once.
const restAfterFailure = time.Second

// member is a target with its traffic and its connections.
type member struct {
	target   status.Target
	scheme   string
	address  string // with a port
	options  TransportOptions
	seed     uint64    // for config.Hash
	ready    bool      // guarded by Pool.mu, as are the next two
	since    time.Time // when it became ready; zero: it was from the beginning
	weight   uint64    // 0: only when all others are out
	inFlight atomic.Int64
	// epoch counts how often it was reported ready: what failed before does not count after.
	epoch atomic.Uint64
	// closed is the opposite of ready for whoever has just picked the member from an older list;
	// idle gets a token when the last lease of a closed member comes back.
	closed    atomic.Bool
	idle      chan struct{}
	restUntil atomic.Pointer[time.Time] // nil = not resting; with its monotonic part, for clocks that jump

	mu       sync.Mutex // guards the rest, and the making of transport
	draining bool
	told     chan struct{} // closed when draining begins; nil until somebody wants to know

	transport atomic.Pointer[held] // nil until the first request
}

// held is a transport behind a pointer.
type held struct{ wire.Sender }

func newMember(t status.Target, scheme string) *member {
	return &member{
		target: t, scheme: scheme, address: t.Address, seed: HashText(t.Instance), weight: 1,
		idle: make(chan struct{}, 1),
	}
}

// renew forgets what was held against the member before it was reported ready.
func (m *member) renew() {
	m.epoch.Add(1)
	m.restUntil.Store(nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.draining {
		m.draining, m.told = false, nil
	}
}

// drain tells whoever holds a lease that the target is about to end.
func (m *member) drain() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.draining && m.told != nil {
		close(m.told)
	}
	m.draining = true
}

func (m *member) drained() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.told == nil {
		m.told = make(chan struct{})
		if m.draining {
			close(m.told)
		}
	}
	return m.told
}

// wires are the member's connections, made with the first request: most members of a large
// installation have none most of the time.
func (m *member) wires() wire.Sender {
	if h := m.transport.Load(); h != nil {
		return h.Sender
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.transport.Load()
	if h == nil {
		h = &held{newTransport(m.address, m.scheme, m.options)}
		m.transport.Store(h)
	}
	return h.Sender
}

// flush closes the idle connections. One still in use is closed as soon as it is idle.
func (m *member) flush() {
	if h := m.transport.Load(); h != nil {
		h.CloseIdle()
	}
}

// reconnect makes connections anew from the next request on. Those in use are closed as soon as they are idle.
func (m *member) reconnect() {
	if h := m.transport.Swap(nil); h != nil {
		h.CloseIdle()
	}
}

func (m *member) resting() bool {
	until := m.restUntil.Load()
	if until == nil {
		return false
	}
	if time.Now().Before(*until) {
		return true
	}
	m.restUntil.CompareAndSwap(until, nil)
	return false
}

// A Lease is the right to send one request to a target; it counts as in flight until Done. The
// zero Lease must not be used.
type Lease struct {
	m       *member
	picked  *candidate
	epoch   uint64
	resting bool
}

// Target is where the request goes.
func (l Lease) Target() status.Target { return l.m.target }

// Scheme is http or https.
func (l Lease) Scheme() string { return l.m.scheme }

// Resting reports whether the target refused a connection a moment ago, and was picked only because
// there is no other one.
func (l Lease) Resting() bool { return l.resting }

// Send sends a request over the target's own connections; see wire.Sender.
func (l Lease) Send(ctx context.Context, r *Request) (*http.Response, error) {
	return l.m.wires().Send(ctx, r)
}

// Draining is closed when the target is about to end (Set.Drain): what has no end of its own should
// come to one.
func (l Lease) Draining() <-chan struct{} { return l.m.drained() }

// Flush closes the idle connections to the target, after one of them turned out to be dead.
func (l Lease) Flush() { l.m.flush() }

// Done gives the lease back; it is called exactly once. Err is nil unless the target is at fault:
// a client that went away is not the target's failure.
func (l Lease) Done(err error) {
	l.m.release()
	if err == nil || l.epoch != l.m.epoch.Load() {
		return
	}
	if IsConnectError(err) {
		until := time.Now().Add(restAfterFailure)
		l.m.restUntil.Store(&until)
	}
	if l.picked != nil && l.picked.record != nil {
		l.picked.record.answered(false)
	}
}
