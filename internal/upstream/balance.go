package upstream

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// BalanceOptions are by what rules targets are picked. The zero value is round robin.
type BalanceOptions struct {
	Balance config.Balance
	// SlowStart is how long a target takes, from being ready, to get its full share.
	SlowStart time.Duration
	// Outlier ejects targets that fail (nil: none).
	Outlier *config.Outlier
	// Ejected is told of every target that is ejected and taken back, in the goroutine of a request or
	// of a timer and with locks held: it must neither block nor call the pool (default: nobody is told).
	Ejected func(Ejection)
	// Token is the sticky token of an instance (nil: none has one).
	Token func(instance string) Token
	// Start is where the turns begin, so that those of many routes to the same app do not all begin
	// with its first instance.
	Start uint64

	random func() uint64 // for tests
}

// Token stands for one target of a route in the hands of a client. The first eight bytes find the
// target, the rest proves that the client was given it. The zero Token stands for none.
type Token [tokenFinds + 16]byte

// tokenFinds is how many bytes of a Token tell targets apart.
const tokenFinds = 8

// Choice is what a request brings to the picking of its target. The zero Choice is nothing.
type Choice struct {
	// Key is what config.Hash goes by (HashText); it counts if Keyed.
	Key   uint64
	Keyed bool
	// Want is where the client was before.
	Want Token
}

// Balancer picks targets of a pool by the rules of one route: routes to the same app share its pool,
// and the counts of what is in flight, but not their turns and what they hold against a target.
type Balancer struct {
	pool *Pool
	o    BalanceOptions
	own  bool // needs a lineup of its own

	turn   atomic.Uint64
	lineup atomic.Pointer[lineup] // nil when it has to be made anew
	warmed atomic.Uint64          // the generation whose targets have all got their full share

	mu        sync.Mutex // guards the rest, and the making of lineup; after Pool.mu
	records   map[*member]*record
	returning *time.Timer
	closed    bool
}

// NewBalancer returns a Balancer for the targets of p; the caller calls Close.
func NewBalancer(p *Pool, o BalanceOptions) *Balancer {
	b := &Balancer{pool: p, o: o, own: o.Outlier != nil || o.Token != nil}
	if b.o.random == nil {
		b.o.random = rand.Uint64
	}
	b.turn.Store(o.Start)
	if o.Outlier != nil {
		b.records = map[*member]*record{}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.judges[b] = struct{}{}
	}
	return b
}

// Pool is where the targets come from.
func (b *Balancer) Pool() *Pool { return b.pool }

// Close forgets what is held against targets, without a word to Ejected. What is in flight may go on.
func (b *Balancer) Close() {
	b.pool.mu.Lock()
	delete(b.pool.judges, b)
	b.pool.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	if b.returning != nil {
		b.returning.Stop()
	}
}

// Acquire picks a ready target, passing over those that tried have had. A target that refused a
// connection within the last second is picked only when there is no other one, and the lease says so.
// It fails with status.ErrNotReady when there is none, and with a *MaintenanceError.
func (b *Balancer) Acquire(c Choice, tried ...Lease) (Lease, error) {
	for {
		now := b.pool.now.Load()
		if now.maintenance != nil {
			return Lease{}, &MaintenanceError{Until: now.maintenance.Until}
		}
		if len(now.ready) == 0 {
			return Lease{}, status.ErrNotReady
		}
		all := now.all
		if b.own {
			all = b.lineupOf(now)
		}
		turn := b.turn.Load()
		if len(tried) == 0 { // a second try takes no turn of its own, or it would shift everybody's
			turn = b.turn.Add(1)
		}
		picked, resting := b.pick(all, &c, turn, tried)
		if picked == nil {
			return Lease{}, status.ErrNotReady
		}
		m := picked.m
		epoch := m.epoch.Load()
		m.inFlight.Add(1)
		if !m.closed.Load() {
			return Lease{m, picked, epoch, resting}, nil
		}
		// It was closed after the list was read, and a Drain may have counted already.
		m.release()
	}
}

// Await waits for a target that can be expected to answer: one that is ready and did not refuse a
// connection a moment ago. It is worth waiting while there is a ready target, if only one that
// refused, or while one is coming (Set.Expect); otherwise Await fails at once, with
// status.ErrNotReady or a *MaintenanceError. When ctx ends it fails with its cause.
//
// Requests are let go in the order of their places and spread over the ready targets, some at a time
// (Pool.Passed).
func (b *Balancer) Await(ctx context.Context, place *Place, c Choice) (Lease, error) {
	return b.pool.await(ctx, place, &waiter{balancer: b, choice: c, granted: make(chan grant, 1)})
}

// lineupOf is the lineup for the targets of now, or of a later standing.
func (b *Balancer) lineupOf(now *standing) *lineup {
	if l := b.lineup.Load(); l != nil && l.of == now.all.of {
		return l
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now = b.pool.now.Load()
	if l := b.lineup.Load(); l != nil && l.of == now.all.of {
		return l
	}
	return b.arrange(now)
}

// arrange makes the lineup anew; b.mu is held.
func (b *Balancer) arrange(now *standing) *lineup {
	l := now.all.clone()
	if b.records != nil {
		b.recall(l)
	}
	if b.o.Token != nil {
		for t := range l.tiers {
			for i := range l.tiers[t].list {
				c := &l.tiers[t].list[i]
				c.token = b.o.Token(c.m.target.Instance)
			}
		}
	}
	l.weigh()
	b.lineup.Store(l)
	return l
}
