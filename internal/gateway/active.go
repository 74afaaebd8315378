package gateway

import (
	"context"
	"sync/atomic"
)

// activity counts requests in flight, so that the end can wait for their handlers.
type activity struct {
	n        atomic.Int64
	draining atomic.Bool
	zero     chan struct{} // holds one signal
}

func newActivity() activity { return activity{zero: make(chan struct{}, 1)} }

func (a *activity) begin() { a.n.Add(1) }

func (a *activity) end() {
	if a.n.Add(-1) == 0 && a.draining.Load() {
		select {
		case a.zero <- struct{}{}:
		default:
		}
	}
}

// wait returns when no request is in flight, or with the number of those that are when ctx ends.
func (a *activity) wait(ctx context.Context) int64 {
	a.draining.Store(true)
	for {
		n := a.n.Load()
		if n == 0 {
			return 0
		}
		select {
		case <-a.zero:
		case <-ctx.Done():
			return n
		}
	}
}
