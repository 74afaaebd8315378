package upstream

import (
	"context"
	"time"

	"holdfast/internal/status"
)

const (
	// atOnce is how many waiting requests are let go for each ready target before one of them has its
	// answer: an instance that has just started should not be met by all of them at once.
	atOnce = 16
	// pace is how long the first of them may take for that; then twice as many are let go, so that a
	// slow one holds up nobody for long.
	pace = 50 * time.Millisecond
	// maxWindow keeps the doubling from going on for ever.
	maxWindow = 1 << 16
)

// queue is the line of requests that wait for a target; Pool.mu guards it.
type queue struct {
	first, last *waiter
	next        uint64 // the number of the next Place
	timer       *time.Timer
	hurries     bool // what timer is for: hurry or retry

	out    int // let go and not Passed yet
	window int // how many times atOnce may be out
}

// waiter is one waiting request. It is in the queue until it has its grant.
type waiter struct {
	place      uint64
	balancer   *Balancer
	choice     Choice
	granted    chan grant // takes one without blocking
	prev, next *waiter
	queued     bool
}

type grant struct {
	lease Lease
	err   error
}

// Place is where a request stands in a pool's line: a request that has to wait again does so in its
// old place. The zero Place is at the end.
type Place struct{ n uint64 }

// await is Balancer.Await for a request that is not in the line yet.
func (p *Pool) await(ctx context.Context, place *Place, w *waiter) (Lease, error) {
	p.mu.Lock()
	if place.n == 0 {
		p.queue.next++
		place.n = p.queue.next
	}
	w.place = place.n
	p.queue.insert(w)
	p.serveQueue()
	p.mu.Unlock()

	select {
	case g := <-w.granted:
		return g.lease, g.err
	case <-ctx.Done():
	}
	p.mu.Lock()
	left := w.queued
	if left {
		p.queue.remove(w)
		p.serveQueue()
	}
	p.mu.Unlock()
	if left {
		return Lease{}, context.Cause(ctx)
	}
	g := <-w.granted // it crossed with the end
	return g.lease, g.err
}

// Promising reports whether Await would wait at all.
func (p *Pool) Promising() bool {
	now := p.now.Load()
	return now.maintenance == nil && (now.coming || len(now.ready) > 0)
}

// Passed says that a request that Await let go has the header of its answer, or failed: another one
// may follow.
func (p *Pool) Passed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue.out = max(0, p.queue.out-1)
	p.serveQueue()
}

// serveQueue lets requests go, refuses them, or leaves them waiting, after anything that may have
// changed their lot; p.mu is held.
func (p *Pool) serveQueue() {
	q := &p.queue
	if q.first == nil {
		q.rest()
		return
	}
	now := p.now.Load()
	switch {
	case now.maintenance != nil:
		q.refuse(&MaintenanceError{Until: now.maintenance.Until})
		return
	case len(now.ready) == 0:
		q.rest()
		if !now.coming {
			q.refuse(status.ErrNotReady)
		}
		return
	}
	for q.first != nil && q.out < atOnce*len(now.ready)*max(1, q.window) {
		lease, err := q.first.balancer.Acquire(q.first.choice)
		if err != nil {
			return // cannot be: the list is the one looked at
		}
		if lease.resting {
			lease.m.release()
			p.arm(now.untilRested(), false)
			return
		}
		w := q.first
		q.remove(w)
		q.out++
		w.granted <- grant{lease: lease}
	}
	if q.first == nil {
		q.rest()
		return
	}
	p.arm(pace, true)
}

// arm has the queue looked at again later: because more requests may go although those before them
// take their time (hurry), or because a target that refused may be tried again.
func (p *Pool) arm(after time.Duration, hurry bool) {
	q := &p.queue
	if q.timer != nil {
		if q.hurries == hurry {
			return
		}
		q.timer.Stop() // one that fires all the same does no harm
	}
	q.hurries = hurry
	q.timer = time.AfterFunc(after, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		q.timer = nil
		if hurry {
			q.window = min(2*max(1, q.window), maxWindow)
		}
		p.serveQueue()
	})
}

// untilRested is the time until one of the ready targets may be tried again.
func (s *standing) untilRested() time.Duration {
	least := restAfterFailure
	for _, m := range s.ready {
		if until := m.restUntil.Load(); until != nil {
			least = min(least, time.Until(*until))
		}
	}
	return max(least, time.Millisecond)
}

// insert keeps the line in the order of the places; nearly always that is at its end.
func (q *queue) insert(w *waiter) {
	after := q.last
	for after != nil && after.place > w.place {
		after = after.prev
	}
	w.prev, w.queued = after, true
	if after == nil {
		w.next, q.first = q.first, w
	} else {
		w.next, after.next = after.next, w
	}
	if w.next == nil {
		q.last = w
	} else {
		w.next.prev = w
	}
}

func (q *queue) remove(w *waiter) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
}

func (q *queue) refuse(err error) {
	for q.first != nil {
		w := q.first
		q.remove(w)
		w.granted <- grant{err: err}
	}
	q.rest()
}

// rest takes back what was armed: nobody can be let go by the clock alone.
func (q *queue) rest() {
	q.window = 0
	if q.first == nil {
		q.out = 0
	}
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
}
