package gateway

import (
	"context"
	"crypto/tls"
	"reflect"
	"slices"
	"sync"

	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/upstream"
)

// ServerCheck is what a server of a route's urls is asked regularly.
type ServerCheck struct {
	Probe *config.Probe
	// Host is the host of the URL, with its port if it has one; Address has a port.
	Host, Address string
	// TLS is how the server is spoken to; nil without TLS.
	TLS *tls.Config
	// Healthy is what is known of it at the beginning.
	Healthy bool
}

// servers are the urls of a route in a setup.
type servers struct {
	route string
	pool  *upstream.Pool
	list  []upstream.Server
	of    writtenServers
	probe *config.Probe // nil: none is asked
	tls   *tls.Config
	// certificate is the name of what is shown to them, and shown what that was at the last look.
	certificate string
	shown       []byte
}

// writtenServers is what a list of servers was read from.
type writtenServers struct {
	urls    []string
	weights []int
}

// list reads it, unless the present ones are from the same.
func (w writtenServers) list(route string, had *servers) ([]upstream.Server, error) {
	if had != nil && slices.Equal(had.of.urls, w.urls) && slices.Equal(had.of.weights, w.weights) {
		return had.list, nil
	}
	return upstream.Servers(route, w.urls, w.weights)
}

// checking are the checks that run. The mutex of the gateway guards it.
type checking struct {
	ctx    context.Context // of all of them; nil while the gateway does not run
	cancel context.CancelFunc
	now    map[checked]*watched
	all    sync.WaitGroup
}

// checked is a server of a pool.
type checked struct {
	pool *upstream.Pool
	name string
}

// watched is a server while it is checked.
type watched struct {
	server upstream.Server
	probe  *config.Probe
	cancel context.CancelFunc
	shown  *shown

	mu   sync.Mutex
	over bool // what is reported from now on does not count
}

// watch has the checks follow a setup: those that are the same go on. g.mu is held.
func (g *Gateway) watch(s *setup) {
	if g.checking.ctx == nil || g.check == nil {
		return
	}
	before := g.checking.now
	g.checking.now = map[checked]*watched{}
	for _, of := range s.pools {
		for _, server := range of.list {
			key := checked{of.pool, server.Name}
			had := before[key]
			if had != nil && of.probe != nil && had.server.Scheme == server.Scheme && had.server.Address == server.Address &&
				reflect.DeepEqual(had.probe, of.probe) {
				g.checking.now[key] = had
				delete(before, key)
				continue
			}
			if had != nil {
				had.end()
				delete(before, key)
			}
			switch {
			case of.probe != nil:
				g.checking.now[key] = g.begin(of, server)
			case had != nil:
				of.pool.SetHealthy(server.Name, true) // nobody knows better any more
			}
		}
	}
	for _, w := range before {
		w.end()
	}
}

// settle has pools, balancings and checks follow the setup that is served now. g.mu is held.
func (g *Gateway) settle(old, next *setup) {
	for key, of := range next.pools {
		if had := old.pools[key]; had != nil && !slices.Equal(had.list, of.list) {
			of.pool.Serve(of.list)
		}
	}
	g.watch(next)
	for key, of := range old.pools {
		if next.pools[key] == nil {
			of.pool.Close()
		}
	}
	for key, b := range old.balancers {
		if next.balancers[key] != b {
			b.close()
		}
	}
}

// discard gives up what was made for a setup that is not served: pools would keep it for ever. g.mu is held.
func (g *Gateway) discard(next *setup) {
	for key, b := range next.balancers {
		if g.current.balancers[key] != b {
			b.close()
		}
	}
}

// begin starts to check a server.
func (g *Gateway) begin(of *servers, server upstream.Server) *watched {
	ctx, cancel := context.WithCancel(g.checking.ctx)
	w := &watched{
		server: server, probe: of.probe, cancel: cancel,
		shown: &shown{of: g.metrics.upstreams.healthy, labels: []string{of.route}},
	}
	c := ServerCheck{Probe: of.probe, Host: server.Name, Address: server.Address, Healthy: of.pool.Healthy(server.Name)}
	if server.Scheme == "https" {
		if c.TLS = of.tls; c.TLS == nil {
			c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	}
	w.show(c.Healthy)
	g.checking.all.Go(func() {
		defer cancel()
		g.check(ctx, c, func(err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.over {
				return
			}
			of.pool.SetHealthy(server.Name, err == nil)
			w.show(err == nil)
			if err != nil {
				g.log.Warn("upstream fails its health check", zap.String("route", of.route), zap.String("instance", server.Name), zap.Error(err))
			} else {
				g.log.Info("upstream passes its health check again", zap.String("route", of.route), zap.String("instance", server.Name))
			}
		})
	})
	return w
}

func (w *watched) show(healthy bool) {
	value := 0.0
	if healthy {
		value = 1
	}
	w.shown.set(w.server.Name, value)
}

func (w *watched) end() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.cancel()
	w.shown.close()
}
