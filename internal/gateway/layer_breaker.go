package gateway

import (
	"slices"
	"strconv"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/policy"
)

// BreakerChange is a new state of a route's circuit breaker.
type BreakerChange struct {
	Route string
	// App is empty for a route to urls.
	App      string
	From, To policy.State
	Strategy config.BreakerStrategy
	// OpenFor is how long it stays open.
	OpenFor time.Duration
	// Requests and Bad are how many ended within the window, and how many of them were errors or slow,
	// when it opened.
	Requests, Bad int64
}

// breakers keep requests from an upstream that fails.
//
// An answer is judged when its header is there, and what took how long is the time to it; only one that is
// broken off afterwards is an error all the same. Streams of events and WebSockets are judged by their
// header alone. Nothing is held against the upstream when it was not asked, because no instance was ready,
// or when the client left before the answer.
type breakers struct {
	route string
	app   string
	rules []breakerRule
	inner responder
}

type breakerRule struct {
	conf    config.CircuitBreaker
	breaker *policy.Breaker
}

// watch is a request that a breaker let through and has not heard of yet.
type watch struct {
	all    *breakers
	rule   int
	ticket policy.Ticket
}

func newBreakers(b *build, inner responder) (responder, error) {
	if len(b.conf.CircuitBreaker) == 0 {
		return inner, nil
	}
	l := &breakers{route: b.route.name, app: b.route.app, inner: inner}
	for i, rule := range b.conf.CircuitBreaker {
		// What failed was what was asked then.
		key := struct {
			rule config.CircuitBreaker
			app  string
			urls []string
		}{rule, b.conf.App, b.conf.URLs}
		breaker, err := keep(b, "circuit_breaker "+strconv.Itoa(i), key, func() (*policy.Breaker, error) {
			return policy.NewBreaker(rule, time.Now()), nil
		})
		if err != nil {
			return nil, err
		}
		l.rules = append(l.rules, breakerRule{rule, breaker})
	}
	b.route.breakers = l
	return l, nil
}

// respond implements responder.
func (l *breakers) respond(c *call) {
	c.watches = c.watch[:0]
	defer c.judge()
	for i := range l.rules {
		ticket, change, after, ok := l.rules[i].breaker.Allow(time.Now())
		l.changed(c, i, change)
		if !ok {
			c.series.broken()
			c.unavailable("breaker_open", "The server behind this address is failing and is given a pause.", after)
			return
		}
		c.watches = append(c.watches, watch{l, i, ticket})
	}
	l.inner.respond(c)
}

// came notes how the route's upstream did; status 0: it gave no answer. What a fallback does is nobody's
// fault but its own.
func (c *call) came(status int) {
	if c.fellBack == "" {
		c.result = policy.Result{Asked: true, Status: status, Took: c.upstream}
	}
}

// judge tells the breakers what came, once.
func (c *call) judge() {
	watches := c.watches
	c.watches = nil
	for _, w := range watches {
		w.all.changed(c, w.rule, w.all.rules[w.rule].breaker.Done(time.Now(), w.ticket, c.result))
	}
}

// changed tells of a new state. That of a breaker which a reload has replaced meanwhile matters to nobody.
func (l *breakers) changed(c *call, rule int, change policy.Change) {
	if !change.Happened || !c.series.breaker(l.rules[rule].breaker) {
		return
	}
	conf := l.rules[rule].conf
	if c.g.onBreaker != nil {
		c.g.onBreaker(BreakerChange{
			Route: l.route, App: l.app, From: change.From, To: change.To, Strategy: conf.Strategy,
			OpenFor: conf.OpenFor.D(), Requests: change.Total, Bad: change.Bad,
		})
	}
}

// has reports whether a breaker is one of the rules'.
func (l *breakers) has(breaker *policy.Breaker) bool {
	return slices.ContainsFunc(l.rules, func(r breakerRule) bool { return r.breaker == breaker })
}

// state is the worst of the rules' states.
func (l *breakers) state() policy.State {
	worst := policy.Closed
	for i := range l.rules {
		worst = max(worst, l.rules[i].breaker.State())
	}
	return worst
}
