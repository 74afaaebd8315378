package gateway

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/upstream"
)

// Ejection is a target of a route that is taken out of balancing because it failed, or taken back.
type Ejection struct {
	// App is empty for a route to urls.
	App, Route, Instance string
	// Out says that it is out from now on, For a time, after so many Failures in a row.
	Out      bool
	For      time.Duration
	Failures int
}

// balancing is what picks the targets of a route. A reload that changes nothing about it takes it over,
// with its turns and its ejections.
type balancing struct {
	*upstream.Balancer
	conf  balanceConf
	shown *shown
}

// balanceConf is what a balancing is made of, beside its pool.
type balanceConf struct {
	app       string
	balance   config.Balance
	slowStart config.Duration
	outlier   *config.Outlier
	sticky    bool
}

// equal compares what the outlier sections say, too.
func (c balanceConf) equal(other balanceConf) bool {
	if c.outlier != nil && other.outlier != nil && *c.outlier == *other.outlier {
		c.outlier = other.outlier
	}
	return c == other
}

// balancerOf is the balancing of a route's own targets, or with another part of its fallback's.
func (g *Gateway) balancerOf(next *setup, name, part string, conf config.Route, pool *upstream.Pool) (*balancing, error) {
	want := balanceConf{conf.App, conf.Balance, conf.SlowStart, conf.Outlier, conf.Sticky != nil}
	key := name + " " + part
	if had := g.current.balancers[key]; had != nil && had.Pool() == pool && had.conf.equal(want) {
		next.balancers[key] = had
		return had, nil
	}
	b := &balancing{conf: want, shown: &shown{of: g.metrics.upstreams.ejected, labels: []string{want.app, name}}}
	o := upstream.BalanceOptions{
		Balance: want.balance, SlowStart: want.slowStart.D(), Outlier: want.outlier, Start: upstream.HashText(name),
	}
	if want.outlier != nil {
		o.Ejected = func(e upstream.Ejection) { g.ejected(b, name, e) }
	}
	if want.sticky {
		signing, err := g.stickyKey()
		if err != nil {
			return nil, fmt.Errorf("route %q: %w", name, err)
		}
		o.Token = signing.tokens(name)
	}
	b.Balancer = upstream.NewBalancer(pool, o)
	next.balancers[key] = b
	return b, nil
}

// ejected tells of a target that is out or back. It is called with locks held.
func (g *Gateway) ejected(b *balancing, route string, e upstream.Ejection) {
	switch {
	case e.Gone:
		b.shown.drop(e.Instance)
		return
	case e.Out:
		b.shown.set(e.Instance, 1)
	default:
		b.shown.set(e.Instance, 0)
	}
	if g.onEjection != nil {
		g.onEjection(Ejection{App: b.conf.app, Route: route, Instance: e.Instance, Out: e.Out, For: e.For, Failures: e.Failures})
	}
}

// close ends what a setup has and the next one has not.
func (b *balancing) close() {
	b.Close()
	b.shown.close()
}

// hashKey is where a route's hash comes from.
type hashKey struct{ source, name string }

func newHashKey(conf config.Route) hashKey {
	var k hashKey
	if conf.Balance == config.Hash {
		if k.source, k.name = conf.BalanceKey.Source(); k.source == config.KeyHeader {
			k.name = http.CanonicalHeaderKey(k.name)
		}
	}
	return k
}

// of sets the hash of a request. One without the key goes to whose turn it is.
func (k *hashKey) of(c *call, choice *upstream.Choice) {
	var text string
	switch k.source {
	case config.KeyClientIP:
		text = c.client.address
	case config.KeyHeader:
		if values := c.r.Header[k.name]; len(values) > 0 {
			text = values[0]
		}
		if k.name == "Host" { // net/http takes it out of the header
			text = c.host
		}
	case config.KeyCookie:
		text = cookieOf(c.r.Header["Cookie"], k.name)
	case config.KeyJWTSubject:
		text = c.subject
	}
	if text != "" {
		choice.Key, choice.Keyed = upstream.HashText(text), true
	}
}

// choose finds out what the request brings to the picking of its target.
func (x *exchange) choose() {
	p, c := x.proxy, x.call
	if p.hash.source != "" {
		p.hash.of(c, &x.choice)
	}
	if p.sticky != nil {
		x.choice.Want = p.sticky.take(c.r.Header)
	}
}

// shown are the series of a gauge about the targets of one route.
type shown struct {
	of     gauges
	labels []string // before the instance

	mu        sync.Mutex
	instances map[string]bool
	closed    bool
}

func (s *shown) set(instance string, value float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.instances == nil {
		s.instances = map[string]bool{}
	}
	s.instances[instance] = true
	s.of.WithLabelValues(append(s.labels[:len(s.labels):len(s.labels)], instance)...).Set(value)
}

func (s *shown) drop(instance string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(instance)
}

func (s *shown) remove(instance string) {
	if s.instances[instance] {
		delete(s.instances, instance)
		s.of.DeleteLabelValues(append(s.labels[:len(s.labels):len(s.labels)], instance)...)
	}
}

// close drops the series, each by its labels (metrics.drop).
func (s *shown) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for instance := range s.instances {
		s.remove(instance)
	}
}
