package policy

import (
	"sync"
	"time"

	"holdfast/internal/config"
)

const (
	// budgetSeconds is the time over which a budget is kept.
	budgetSeconds = 10
	// freeRepeats a second are outside of the budget: it is for crowds.
	freeRepeats = 3
)

// Budget bounds how many of a route's requests are repeated to a share of those of the last 10 s.
type Budget struct {
	epoch time.Time
	share float64

	mu      sync.Mutex
	seconds [budgetSeconds]spending
}

type spending struct {
	at                int64
	requests, repeats int64
}

// NewBudget makes the budget of a route. Now is the beginning of its time.
func NewBudget(share config.Ratio, now time.Time) *Budget {
	return &Budget{epoch: now, share: float64(share)}
}

// Request counts a request.
func (b *Budget) Request(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.second(now).requests++
}

// Repeat counts a repetition, unless there may be none now.
func (b *Budget) Repeat(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	own := b.second(now)
	if own.repeats >= freeRepeats {
		var requests, repeats int64
		for i := range b.seconds {
			if s := &b.seconds[i]; s.at > own.at-budgetSeconds {
				requests += s.requests
				repeats += s.repeats
			}
		}
		if float64(repeats+1) > b.share*float64(requests) {
			return false
		}
	}
	own.repeats++
	return true
}

func (b *Budget) second(now time.Time) *spending {
	at := since(b.epoch, now) / second
	own := &b.seconds[at%budgetSeconds]
	if own.at < at {
		*own = spending{at: at}
	}
	return own
}

// Backoff is the wait before the nth repetition, from 0: twice as long each time, and by chance (from 0 to 1)
// up to a half shorter, so that those who failed together do not come together again.
func Backoff(rule config.Retry, n int, chance float64) time.Duration {
	d := rule.Backoff.D()
	for range n {
		if d >= rule.MaxBackoff.D()/2 {
			d = rule.MaxBackoff.D()
			break
		}
		d *= 2
	}
	d = min(d, rule.MaxBackoff.D())
	return d - time.Duration(float64(d)*chance/2)
}
