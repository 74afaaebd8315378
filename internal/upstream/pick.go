package upstream

import (
	"cmp"
	"slices"

	"holdfast/internal/config"
)

// pick looks at the ready members from index start on, wrapping around. A resting member is taken
// only when every other one is resting too.
func pick(b config.Balance, ready []*member, start int, tried []Lease) (m *member, resting bool) {
	switch b {
	case config.LeastConn:
		return leastConn(ready, start, tried)
	case config.RoundRobin:
		return roundRobin(ready, start, tried)
	default:
		return roundRobin(ready, start, tried)
	}
}

func roundRobin(ready []*member, start int, tried []Lease) (m *member, resting bool) {
	var last *member
	for i := range ready {
		m := ready[(start+i)%len(ready)]
		switch {
		case m.among(tried):
		case !m.resting():
			return m, false
		case last == nil:
			last = m
		}
	}
	return last, last != nil
}

func leastConn(ready []*member, start int, tried []Lease) (m *member, resting bool) {
	var best, last *member
	var least int64
	for i := range ready {
		m := ready[(start+i)%len(ready)]
		if m.among(tried) {
			continue
		}
		if m.resting() {
			if last == nil {
				last = m
			}
			continue
		}
		if n := m.inFlight.Load(); best == nil || n < least {
			best, least = m, n
		}
	}
	if best == nil {
		return last, last != nil
	}
	return best, false
}

// among reports whether one of the leases was for m as it is now.
func (m *member) among(tried []Lease) bool {
	return slices.ContainsFunc(tried, func(l Lease) bool { return l.m == m && l.epoch == m.epoch.Load() })
}

// compareInstances orders shop-2 before shop-10.
func compareInstances(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
