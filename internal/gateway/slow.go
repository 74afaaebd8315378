package gateway

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	// beat is how often the sweeper looks at the connections. All of its times are counted in beats.
	beat = time.Second
	// grace is how many beats a client may be slower than min_data_rate, and what it regains while nobody
	// waits for it.
	grace = 5
	// looks at a slow answer that show nothing end it. The first one only has the kernel asked again.
	looks = 3
	// tellRefusedEvery is how many beats lie between two lines of the log about refused connections.
	tellRefusedEvery = 60
)

// pace tells whether a client is fast enough. Who exchanges bytes with it says that he waits, and what
// came of it; the sweeper takes samples of that. A fast client costs nothing but that.
type pace struct {
	waiting atomic.Bool
	bytes   atomic.Int64

	// Of the sweeper alone:
	seen  int64   // of bytes
	saved float64 // how many beats it may still be waited for
	known bool    // false: the rest is not set
	looks int
}

func (p *pace) reset() { p.known = false }

// sample is called once a beat. It reports whether the client has been too slow on average since the
// beginning, of which at most maxSaved beats count.
func (p *pace) sample(rate int64) (slow bool) {
	now := p.bytes.Load()
	if !p.known {
		p.seen, p.saved, p.known, p.looks = now, grace, true, 0
	}
	p.saved = min(maxSaved, p.saved+float64(now-p.seen)/float64(rate))
	p.seen = now
	if !p.waiting.Load() {
		p.saved = max(p.saved, min(grace, p.saved+1))
		p.looks = 0
		return false
	}
	p.saved--
	if p.saved >= 0 {
		p.looks = 0
	}
	return p.saved < 0
}

// sweep takes a sample of all connections with every beat, until quit is closed.
func (g *Gateway) sweep(quit <-chan struct{}) {
	beats, stop := g.beats()
	defer stop()
	var all []*conn
	for {
		select {
		case <-quit:
			return
		case <-beats:
		}
		g.connections.beats.Add(1)
		g.connections.mu.Lock()
		all = append(all[:0], g.connections.all...)
		g.connections.mu.Unlock()
		for _, c := range all {
			c.sweep()
		}
		clear(all) // nothing is kept for it
		g.tellRefused()
		g.showRenewed()
	}
}

// sweep ends what the client is too slow for.
func (c *conn) sweep() {
	if c.closed.Load() {
		return
	}
	if c.http2.Load() && c.flood.flooded(c.effort(), int64(c.gen.settings.maxHeader)) {
		c.end(endedFlood)
		return
	}
	if c.http2.Load() && c.secure.sweepIdle(c.table().beats.Load(), idleBeats(c.gen.settings.idle)) {
		return
	}
	rate := c.gen.socket.site.Load().limits.rate
	if rate <= 0 {
		return
	}
	if c.body.CompareAndSwap(bodyNew, bodyOpen) {
		c.in.reset()
	}
	if c.body.Load() != bodyNone && !c.late.Load() && c.in.sample(rate) {
		c.counted.ended(endedBody)
		c.late.Store(true)
		// The handler is told, and answers with a 408; net/http closes the connection after it.
		_ = c.SetReadDeadline(longAgo())
	}
	if c.resting() {
		c.out.reset()
		return
	}
	if c.out.sample(rate) && !c.looking.Load() {
		c.out.looks++
		if !resumable || c.out.looks > looks {
			c.end(endedAnswer)
			return
		}
		c.look()
	}
	c.streams.sweep(rate, c.counted)
}

// effort is what an HTTP/2 connection brought so far.
func (c *conn) effort() effort {
	e := effort{received: c.received.Load(), sent: c.out.bytes.Load(), taken: c.streams.taken.Load()}
	c.streams.mu.Lock()
	defer c.streams.mu.Unlock()
	e.begun = c.streams.begun
	return e
}

// tellRefused tells the log that connections were refused, and how many.
func (g *Gateway) tellRefused() {
	g.mu.Lock()
	sites := g.current.sites
	g.mu.Unlock()
	for _, s := range sites {
		l := s.counted
		if l.refusedIn.Add(1) < tellRefusedEvery {
			continue
		}
		if n := l.refusedSinceTold.Swap(0); n > 0 {
			l.refusedIn.Store(0)
			g.log.Warn("connections refused; the bounds are max_connections and max_connections_per_client",
				zap.String("listener", s.name), zap.Int64("connections", n))
		}
	}
}

// realBeats is the clock of a running gateway.
func realBeats() (<-chan time.Time, func()) {
	t := time.NewTicker(beat)
	return t.C, t.Stop
}
