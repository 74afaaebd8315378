// Package gateway is what clients talk to: it accepts connections, finds the route of each request
// and has it answered by an app's instance, another server, a folder of files, a redirect or a
// fixed response.
//
// A request sees one configuration from beginning to end. Apply swaps routes, certificates and
// listeners without losing a request or a connection: routes by an atomic pointer, a listener's
// own settings by handing its socket to a new server while the old one finishes.
//
// The steps of a request have a fixed order: client address and identifiers, access log and
// metrics, canonical host and path, pause, route, answer. Everybody after the canonical path sees
// that path and no other.
//
// New starts nothing. Run owns every goroutine of the package and returns when they have ended.
package gateway

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"holdfast/internal/certs"
	"holdfast/internal/config"
	"holdfast/internal/identity"
	"holdfast/internal/status"
	"holdfast/internal/upstream"
)

const (
	defaultDrain      = 15 * time.Second
	defaultRetryAfter = time.Second
)

// ErrStopped says that the gateway has ended and takes no configuration any more.
var ErrStopped = errors.New("the gateway has stopped")

// Options are what a Gateway needs of its surroundings.
type Options struct {
	// Log hears of what an administrator should know (default: nothing is logged).
	Log *zap.Logger
	// Access gets one entry per request, at info level, while logging.access.enabled (default:
	// none). It should be buffered.
	Access *zap.Logger
	// Metrics is where the gateway's metrics are registered (default: nowhere).
	Metrics prometheus.Registerer
	// Upstreams has the pools of the apps (required).
	Upstreams *upstream.Set
	// Certs has what TLS listeners present; the gateway applies config.Certificates to it
	// (required when a listener has a certificate).
	Certs *certs.Store
	// RetryAfter is the Retry-After of a 503 for an app without a ready instance, rounded up to
	// whole seconds (default and least: 1s).
	RetryAfter func(app string) time.Duration
	// Authorities are the roots that client certificates come from when a route names no file (default:
	// none).
	Authorities func() []*x509.Certificate
	// DrainTimeout bounds the wait for requests in flight at the end (default 15s).
	DrainTimeout time.Duration
	// Holder names the program that listens on a port, and Excluded says why the system keeps one from
	// everybody; empty when nobody does and it does not. The error of an address that cannot be bound
	// tells it (default: nothing is known).
	Holder   func(port int) string
	Excluded func(port int) string
	// OnBreaker is told of every new state of a circuit breaker, in the goroutine of a request: it must not
	// block (default: nobody is told).
	OnBreaker func(BreakerChange)
	// OnEjection is told of every target that an outlier rule takes out of balancing and back. It must neither
	// block nor call the gateway (default: nobody is told).
	OnEjection func(Ejection)
	// Check asks a server until ctx ends and reports every change: the error with which it failed, and nil
	// when it is well again (default: health_check of routes has no effect).
	Check func(ctx context.Context, c ServerCheck, report func(error))
	// SigningKey is the key that sticky cookies are signed with, StickyKeySize random bytes that are the same
	// after a restart (required when a route is sticky).
	SigningKey func() ([]byte, error)

	beats func() (<-chan time.Time, func())                         // for tests: the sweeper's clock
	bound func(remote, local netip.Addr, trust []netip.Prefix) bool // for tests: see boundClient
}

// Gateway accepts requests and has them answered.
type Gateway struct {
	log        *zap.Logger
	access     *zap.Logger
	metrics    *metrics
	counts     *connMetrics
	upstreams  *upstream.Set
	certs      *certs.Store
	retryAfter func(app string) time.Duration
	onBreaker  func(BreakerChange)
	onEjection func(Ejection)
	check      func(context.Context, ServerCheck, func(error))
	signing    func() ([]byte, error)
	drain      time.Duration

	authorities func() []*x509.Certificate
	ports       ports

	buffers  buffers
	keeper   *keeper
	encoders encoders
	turns    *identity.Turns
	active   activity
	beats    func() (<-chan time.Time, func()) // the sweeper's clock
	bound    func(remote, local netip.Addr, trust []netip.Prefix) bool
	parked   lot
	ending   chan struct{} // closed when what has no end of its own has to come to one
	paused   atomic.Bool

	connections connections
	serving     sync.WaitGroup // the goroutines of servers
	fatal       chan error     // the first error of a listener

	mu       sync.Mutex // guards the rest
	current  *setup
	checking checking
	running  bool
	stopped  bool
}

// New returns a Gateway that does nothing yet.
func New(o Options) *Gateway {
	g := &Gateway{
		log:        o.Log,
		access:     o.Access,
		metrics:    newMetrics(o.Metrics),
		counts:     newConnMetrics(o.Metrics),
		beats:      o.beats,
		bound:      o.bound,
		upstreams:  o.Upstreams,
		certs:      o.Certs,
		retryAfter: o.RetryAfter,
		onBreaker:  o.OnBreaker,
		onEjection: o.OnEjection,
		check:      o.Check,
		signing:    o.SigningKey,
		drain:      o.DrainTimeout,
		ports:      ports{o.Holder, o.Excluded},
		active:     newActivity(),
		keeper:     newKeeper(settled),
		turns:      identity.NewTurns(),
		fatal:      make(chan error, 1),
		ending:     make(chan struct{}),
		current:    &setup{},
	}
	if g.log == nil {
		g.log = zap.NewNop()
	}
	if g.access == nil {
		g.access = zap.NewNop()
	}
	if g.certs == nil {
		g.certs = certs.New(certs.Options{Log: g.log})
	}
	if g.upstreams == nil {
		g.upstreams = upstream.NewSet()
	}
	if g.retryAfter == nil {
		g.retryAfter = func(string) time.Duration { return defaultRetryAfter }
	}
	if g.beats == nil {
		g.beats = realBeats
	}
	if g.bound == nil {
		g.bound = boundClient
	}
	if g.authorities = o.Authorities; g.authorities == nil {
		g.authorities = func() []*x509.Certificate { return nil }
	}
	if g.drain <= 0 {
		g.drain = defaultDrain
	}
	return g
}

// Listen binds every listener of c and makes its routes ready; requests wait until Run. On an
// error, which names the listener, the address, the cause and the cure, nothing stays bound.
func (g *Gateway) Listen(ctx context.Context, c *config.Config) error { return g.Apply(ctx, c) }

// Apply replaces the configuration without losing a request or a connection. It is all or nothing:
// on an error everything runs on as before.
//
// A listener that keeps its address keeps its socket. When a setting changes that a connection has
// for life (TLS, HTTP/2, timeouts, the limit of the header), new connections get the new one at
// once, and the others are asked to end with their next answer ("Connection: close", GOAWAY). A
// listener that is gone accepts no more and lets requests in flight finish.
func (g *Gateway) Apply(ctx context.Context, c *config.Config) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return ErrStopped
	}
	pairs, err := g.certs.Prepare(c.Certificates)
	if err != nil {
		return err
	}
	next, err := g.compile(c)
	if err != nil {
		return err
	}
	if err := g.bind(ctx, next); err != nil {
		g.discard(next)
		return err
	}
	pairs.Commit()
	g.swap(next)
	pairs.Forget()
	return nil
}

// swap makes next the setup that is served; g.mu is held and nothing can fail any more.
func (g *Gateway) swap(next *setup) {
	old := g.current
	g.current = next
	g.metrics.guarded(next.routes)
	for _, s := range next.sites {
		s.socket.site.Store(s)
		if g.running {
			g.serveSocket(s.socket, s.settings)
		}
	}
	for key, s := range old.sockets {
		if next.sockets[key] != s {
			g.closeSocket(s)
		}
	}
	g.metrics.keep(next.routes)
	g.counts.keep(next.sites)
	g.settle(old, next)
	for path, f := range old.folders {
		if next.folders[path] != f {
			f.close()
		}
	}
}

// Run answers requests until ctx ends. Then it accepts no more, answers what is parked with a 503,
// tells WebSockets and event streams that they have to end, lets requests in flight finish for at most
// DrainTimeout, closes what is left, and returns nil. It is called once. It returns
// early, with an error, when a listener fails for good.
func (g *Gateway) Run(ctx context.Context) error {
	g.mu.Lock()
	if g.running || g.stopped {
		g.mu.Unlock()
		return errors.New("gateway: Run was called before")
	}
	g.running = true
	g.checking.ctx, g.checking.cancel = context.WithCancel(context.WithoutCancel(ctx)) //nolint:fatcontext // once
	g.watch(g.current)
	for _, s := range g.current.sites {
		g.serveSocket(s.socket, s.settings)
	}
	g.mu.Unlock()
	quit := make(chan struct{})
	var sweeping sync.WaitGroup
	sweeping.Go(func() { g.sweep(quit) })

	var failed error
	select {
	case <-ctx.Done():
	case failed = <-g.fatal:
	}
	// The caller's context is over; what is left to do has its own bound.
	g.stop(context.WithoutCancel(ctx))
	close(quit)
	sweeping.Wait()
	return failed
}

// background runs f, which must come to an end soon by itself, beside the requests. A gateway that stops
// runs nothing any more.
func (g *Gateway) background(f func(context.Context)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running && !g.stopped {
		g.serving.Go(func() { f(context.Background()) })
	}
}

// Pause makes the gateway answer every request with 503 until Resume, those that are parked included.
func (g *Gateway) Pause() {
	g.paused.Store(true)
	g.parked.close(errPaused)
}

// Resume ends Pause.
func (g *Gateway) Resume() {
	g.paused.Store(false)
	g.parked.open()
}

// Paused reports whether Pause is in force.
func (g *Gateway) Paused() bool { return g.paused.Load() }

// Addrs is the bound address of every listener by its name.
func (g *Gateway) Addrs() map[string]string {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make(map[string]string, len(g.current.sites))
	for _, s := range g.current.sites {
		out[s.name] = s.socket.ln.Addr().String()
	}
	return out
}

// Routes lists the routes by name.
func (g *Gateway) Routes() []RouteInfo {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]RouteInfo, 0, len(g.current.routes))
	for _, r := range g.current.routes {
		info := r.info
		if r.balancer != nil {
			info.Targets = r.balancer.Targets()
		}
		out = append(out, info)
	}
	return out
}

// Targets are those of a route, as it sees them; nil when it has none, and when there is no such route.
func (g *Gateway) Targets(name string) []status.RouteTarget {
	g.mu.Lock()
	defer g.mu.Unlock()
	i, found := slices.BinarySearchFunc(g.current.routes, name, func(r *route, name string) int { return strings.Compare(r.name, name) })
	if !found || g.current.routes[i].balancer == nil {
		return nil
	}
	return g.current.routes[i].balancer.Targets()
}

// fail ends Run with the error of a listener.
func (g *Gateway) fail(s *socket, err error) {
	select {
	case g.fatal <- fmt.Errorf("listener on %s: %w", s.ln.Addr(), err):
	default: // one is enough
	}
}
