package upstream

import (
	"cmp"
	"slices"
	"time"

	"holdfast/internal/status"
)

// Pickers look at the ready members from index start on, wrapping around. A resting member is
// taken only when every other one is resting too: better a try than a certain failure.

func roundRobin(ready []*member, start int, not []status.Target) *member {
	var resting *member
	for i := range ready {
		m := ready[(start+i)%len(ready)]
		switch {
		case slices.Contains(not, m.target):
		case !m.resting():
			return m
		case resting == nil:
			resting = m
		}
	}
	return resting
}

func leastConn(ready []*member, start int, not []status.Target) *member {
	var best, resting *member
	var least int64
	for i := range ready {
		m := ready[(start+i)%len(ready)]
		if slices.Contains(not, m.target) {
			continue
		}
		if m.resting() {
			if resting == nil {
				resting = m
			}
			continue
		}
		if n := m.inFlight.Load(); best == nil || n < least {
			best, least = m, n
		}
	}
	if best == nil {
		return resting
	}
	return best
}

func (m *member) resting() bool {
	until := m.restUntil.Load()
	if until == 0 {
		return false
	}
	if time.Now().UnixNano() < until {
		return true
	}
	m.restUntil.CompareAndSwap(until, 0)
	return false
}

// compareTargets orders shop-2 before shop-10.
func compareTargets(a, b status.Target) int {
	return cmp.Or(
		cmp.Compare(len(a.Instance), len(b.Instance)),
		cmp.Compare(a.Instance, b.Instance),
		cmp.Compare(a.Address, b.Address),
	)
}
