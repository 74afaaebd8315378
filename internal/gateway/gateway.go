package gateway

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"holdfast/internal/certs"
	"holdfast/internal/config"
	"holdfast/internal/upstream"
)

// Options are what a Gateway needs of its surroundings.
type Options struct {
	// Log hears of what an administrator should know (default: nothing is logged).
	Log *zap.Logger
	// Access gets one entry per request, at info level (default: none). It should be buffered.
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
	// DrainTimeout bounds the wait for requests in flight at the end (default 15s).
	DrainTimeout time.Duration
}

// Gateway accepts requests and has them answered.
type Gateway struct{ opts Options }

// New returns a Gateway that does nothing yet.
func New(o Options) *Gateway { return &Gateway{opts: o} }

// Listen binds every listener of c and makes its routes ready; requests wait until Run. On an
// error, which names the listener, the address, the cause and the cure, nothing stays bound.
func (g *Gateway) Listen(ctx context.Context, c *config.Config) error { return ctx.Err() }

// Run answers requests until ctx ends. Then it accepts no more, lets requests in flight finish
// for at most DrainTimeout, closes what is left, and returns nil. It is called once.
func (g *Gateway) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Apply replaces the configuration without losing a request or a connection. It is all or nothing:
// on an error everything runs on as before.
func (g *Gateway) Apply(ctx context.Context, c *config.Config) error { return nil }

// Pause makes the gateway answer every request with 503 until Resume.
func (g *Gateway) Pause() {}

// Resume ends Pause.
func (g *Gateway) Resume() {}

// Paused reports whether Pause was called.
func (g *Gateway) Paused() bool { return false }

// Addrs is the bound address of every listener by its name.
func (g *Gateway) Addrs() map[string]string { return nil }

// Routes lists the routes in the order in which specificity ranks them.
func (g *Gateway) Routes() []RouteInfo { return nil }
