package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	// freshGrace is how long a connection without a request may still bring one at the end.
	// Browsers open connections in advance; net/http alone would wait 5 s for each.
	freshGrace = 500 * time.Millisecond
	// handlerGrace is how long handlers may take to return after their connections were closed.
	handlerGrace = 2 * time.Second
)

// closeSocket ends a listener: it accepts no more, and its requests in flight finish. g.mu is held.
func (g *Gateway) closeSocket(s *socket) {
	generations := s.close()
	g.serving.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), g.drain)
		defer cancel()
		shutdown(ctx, generations)
	})
}

// close closes the socket and returns the generations that still have connections.
func (s *socket) close() []*generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, gen := range s.generations {
		gen.retired.Store(true)
		gen.server.SetKeepAlivesEnabled(false) // answers in flight say that their connection ends
	}
	_ = s.ln.Close() // nothing can be done about a failure
	return slices.Clone(s.generations)
}

// stop ends everything within the time to drain and a little more.
func (g *Gateway) stop(ctx context.Context) {
	g.mu.Lock()
	g.stopped = true
	current := g.current
	g.mu.Unlock()

	var generations []*generation
	for _, s := range current.sockets {
		generations = append(generations, s.close()...)
	}
	g.parked.close(errStopping)
	close(g.ending) // WebSockets and streams of events end by themselves
	drain, cancel := context.WithTimeout(ctx, g.drain)
	defer cancel()
	shutdown(drain, generations)

	last, cancelLast := context.WithTimeout(ctx, closingGrace+handlerGrace)
	defer cancelLast()
	if n := g.active.wait(last); n > 0 {
		g.log.Warn("requests did not end", zap.Int64("requests", n))
	}
	g.serving.Wait()
	g.checking.cancel()
	g.checking.all.Wait()
	for _, of := range current.pools {
		of.pool.Close()
	}
	for _, b := range current.balancers {
		b.close()
	}
	for _, f := range current.folders {
		f.close()
	}
}

// shutdown lets the requests of all generations finish, and closes what is left when ctx ends.
func shutdown(ctx context.Context, generations []*generation) {
	var all sync.WaitGroup
	for _, gen := range generations {
		all.Go(func() {
			done := make(chan struct{})
			all.Go(func() {
				select {
				case <-done:
				case <-time.After(freshGrace):
					gen.closeFresh()
				}
			})
			defer close(done)
			if err := gen.server.Shutdown(ctx); err != nil {
				_ = gen.server.Close() // the connections' errors are of no use
			}
		})
	}
	all.Wait()
}

// closeFresh closes the connections that have brought no request.
func (gen *generation) closeFresh() {
	for _, c := range gen.socket.g.connections.fresh(gen) {
		_ = c.Close() // it is the client's loss
	}
}
