package upstream

import (
	"cmp"
	"math"
	"slices"

	"holdfast/internal/config"
)

// pick picks by the rules, from the first tier that has a target that can be expected to answer. A
// resting one is taken only when there is no other.
func (b *Balancer) pick(l *lineup, c *Choice, turn uint64, tried []Lease) (picked *candidate, resting bool) {
	s := b.scaleOf(l)
	for i := range l.tiers {
		t := &l.tiers[i]
		if len(t.list) == 0 {
			continue
		}
		if c.Want != (Token{}) {
			if picked = t.wanted(&c.Want); picked != nil && picked.free(tried) {
				return picked, false
			}
		}
		if picked = b.from(t, c, turn, s, tried); picked != nil {
			return picked, false
		}
	}
	for i := range l.tiers {
		t := &l.tiers[i]
		for k := range t.list {
			picked = &t.list[(turn+uint64(k))%uint64(len(t.list))]
			if !picked.m.among(tried) {
				return picked, true
			}
		}
	}
	return nil, false
}

// from picks from a tier that is not empty; nil: none of it is free.
func (b *Balancer) from(t *tier, c *Choice, turn uint64, s scale, tried []Lease) *candidate {
	switch b.o.Balance {
	case config.LeastConn:
		return b.leastConn(t, turn, s, tried)
	case config.RandomTwo:
		return b.randomTwo(t, s, tried)
	case config.Hash:
		if c.Keyed {
			return t.highest(c.Key, s, tried)
		}
		return t.roundRobin(turn, s, tried)
	case config.RoundRobin:
		return t.roundRobin(turn, s, tried)
	default:
		return t.roundRobin(turn, s, tried)
	}
}

func (t *tier) roundRobin(turn uint64, s scale, tried []Lease) *candidate {
	if s.on {
		return t.lottery(turn*golden, s, tried)
	}
	first := t.at(turn)
	if c := &t.list[first]; c.free(tried) {
		return c
	}
	if t.ends != nil {
		return t.lottery(turn*golden, s, tried)
	}
	for i := 1; i < len(t.list); i++ {
		if c := &t.list[(first+i)%len(t.list)]; c.free(tried) {
			return c
		}
	}
	return nil
}

// lottery picks one of the free targets, by their shares at this moment. Tickets that are spread evenly
// over 2^64 give shares that are met evenly; random ones give them by chance.
func (t *tier) lottery(ticket uint64, s scale, tried []Lease) *candidate {
	total := 0.0
	for i := range t.list {
		if c := &t.list[i]; c.free(tried) {
			total += s.of(c)
		}
	}
	left := unit(ticket) * total
	var last *candidate
	for i := range t.list {
		c := &t.list[i]
		if !c.free(tried) {
			continue
		}
		if left -= s.of(c); left < 0 {
			return c
		}
		last = c
	}
	return last
}

// leastConn picks the target with the fewest requests in flight for its share; of equal ones, the one
// whose turn it is.
func (b *Balancer) leastConn(t *tier, turn uint64, s scale, tried []Lease) *candidate {
	var first int
	var top float64
	if s.on {
		best := t.lottery(turn*golden, s, tried)
		if best == nil {
			return nil
		}
		first, top = t.index(best), s.top(t)
	} else {
		first = t.at(turn)
	}
	var best *candidate
	var least, share float64
	for i := range t.list {
		c := &t.list[(first+i)%len(t.list)]
		if !c.free(tried) {
			continue
		}
		n, w := float64(c.m.inFlight.Load()), s.of(c)
		if best != nil && n*share >= least*w {
			continue
		}
		// A new target has nothing in flight whenever it is looked at, and would get every request.
		if best != nil && s.on && unit(b.o.random())*top >= s.factor(c) {
			continue
		}
		best, least, share = c, n, w
	}
	return best
}

// randomTwo picks the one with fewer requests in flight for its share, of two that are drawn.
func (b *Balancer) randomTwo(t *tier, s scale, tried []Lease) *candidate {
	var one, two *candidate
	switch n := len(t.list); {
	case s.on:
	case n == 1:
		one = &t.list[0]
		two = one
	case t.ends == nil: // two different ones
		i, j := t.draw(b.o.random()), t.draw(b.o.random())
		if i == j {
			j = (i + 1 + int(b.o.random()%uint64(n-1))) % n //nolint:gosec // smaller than n
		}
		one, two = &t.list[i], &t.list[j]
	default:
		one, two = &t.list[t.draw(b.o.random())], &t.list[t.draw(b.o.random())]
	}
	if one == nil || !one.free(tried) || !two.free(tried) {
		one, two = t.lottery(b.o.random(), s, tried), t.lottery(b.o.random(), s, tried)
	}
	if one == nil || two == nil {
		return cmp.Or(one, two)
	}
	if float64(two.m.inFlight.Load())*s.of(one) < float64(one.m.inFlight.Load())*s.of(two) {
		return two
	}
	return one
}

// highest picks by highest random weight (Thaler and Ravishankar, 1998): every target has a number of its
// own for every key, and the highest of them wins. So a target that goes gives away its own keys and no
// others, and one that comes takes its share evenly from all. With weights the numbers are drawn such that
// the chance to win is the share (Schindelhauer and Schomaker, 2005).
func (t *tier) highest(key uint64, s scale, tried []Lease) *candidate {
	var best *candidate
	if t.ends == nil && !s.on {
		var most uint64
		for i := range t.list {
			c := &t.list[i]
			if n := mix(key ^ c.seed); (best == nil || n > most) && c.free(tried) {
				best, most = c, n
			}
		}
		return best
	}
	var most float64
	for i := range t.list {
		c := &t.list[i]
		if n := math.Log(unit(mix(key^c.seed))+1.0/(1<<54)) / s.of(c); (best == nil || n > most) && c.free(tried) {
			best, most = c, n
		}
	}
	return best
}

func (t *tier) index(c *candidate) int {
	for i := range t.list {
		if &t.list[i] == c {
			return i
		}
	}
	return 0
}

// free reports whether c can be expected to answer, and was not tried.
func (c *candidate) free(tried []Lease) bool { return !c.m.among(tried) && !c.m.resting() }

// among reports whether one of the leases was for m as it is now.
func (m *member) among(tried []Lease) bool {
	return len(tried) > 0 && slices.ContainsFunc(tried, func(l Lease) bool { return l.m == m && l.epoch == m.epoch.Load() })
}

// compareInstances orders shop-2 before shop-10.
func compareInstances(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
