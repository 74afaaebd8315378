package upstream

import (
	"net/http"
	"sync/atomic"
	"time"
)

// mostEjections is how many ejections in a row make the next one longer.
const mostEjections = 10

// Ejection is a target that is out of balancing because it failed, or back.
type Ejection struct {
	Instance string
	// Out says that it is out from now on, For a time, after so many Failures in a row.
	Out      bool
	For      time.Duration
	Failures int
	// Gone says that it is not out any more because it is not ready any more.
	Gone bool
}

// record is what a route holds against a target. Only failures is touched by every request.
type record struct {
	of       *Balancer
	member   *member
	epoch    uint64
	failures atomic.Int64 // in a row

	// Balancer.mu guards the rest.
	out   bool
	times int       // ejections in a row
	until time.Time // when it comes back
	back  time.Time // when it did
}

// answered tells what a request came to.
func (r *record) answered(good bool) {
	if good {
		if r.failures.Load() != 0 { // a write would be everybody's
			r.failures.Store(0)
		}
		return
	}
	if r.failures.Add(1) >= int64(r.of.o.Outlier.ConsecutiveFailures) {
		r.of.eject(r)
	}
}

// eject takes a target out if that may be.
func (b *Balancer) eject(r *record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || r.out || b.records[r.member] != r || r.epoch != r.member.epoch.Load() || !b.spare() {
		return
	}
	conf, now := b.o.Outlier, time.Now()
	if r.times > 0 && now.Sub(r.back) >= mostEjections*conf.EjectFor.D() {
		r.times = 0 // it was well for long enough
	}
	r.times = min(r.times+1, mostEjections)
	wait := time.Duration(r.times) * conf.EjectFor.D()
	r.out, r.until = true, now.Add(wait)
	b.lineup.Store(nil)
	b.tell(Ejection{Instance: r.member.target.Instance, Out: true, For: wait, Failures: int(r.failures.Load())})
	b.wake()
}

// spare reports whether one more target may be out.
func (b *Balancer) spare() bool {
	out := 0
	for _, r := range b.records {
		if r.out {
			out++
		}
	}
	share := float64(b.o.Outlier.MaxEjected)
	if share == 0 {
		return false
	}
	all := len(b.records)
	return out < min(max(1, int(share*float64(all))), all-1)
}

// comeBack takes back whose time is over.
func (b *Balancer) comeBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.returning = nil
	if b.closed {
		return
	}
	now := time.Now()
	for _, r := range b.records {
		if r.out && !now.Before(r.until) {
			r.out, r.back = false, now
			r.failures.Store(0)
			b.lineup.Store(nil)
			b.tell(Ejection{Instance: r.member.target.Instance})
		}
	}
	b.wake()
}

// wake sets the timer for the next one to come back.
func (b *Balancer) wake() {
	var next time.Time
	for _, r := range b.records {
		if r.out && (next.IsZero() || r.until.Before(next)) {
			next = r.until
		}
	}
	if b.returning != nil {
		b.returning.Stop() // one that fires all the same finds nobody
		b.returning = nil
	}
	if !next.IsZero() {
		b.returning = time.AfterFunc(max(0, time.Until(next)), b.comeBack)
	}
}

func (b *Balancer) tell(e Ejection) {
	if b.o.Ejected != nil {
		b.o.Ejected(e)
	}
}

// recall gives every target of l its record, and takes out those that are ejected. A target that was
// reported ready anew begins anew.
func (b *Balancer) recall(l *lineup) {
	before, wake := b.records, false
	b.records = make(map[*member]*record, l.size())
	for t := range l.tiers {
		for i := range l.tiers[t].list {
			c := &l.tiers[t].list[i]
			epoch := c.m.epoch.Load()
			r := before[c.m]
			if r == nil || r.epoch != epoch {
				if r != nil && r.out {
					b.tell(Ejection{Instance: c.m.target.Instance})
					wake = true
				}
				r = &record{of: b, member: c.m, epoch: epoch}
			}
			delete(before, c.m)
			b.records[c.m], c.record = r, r
		}
	}
	for m, r := range before {
		if r.out {
			b.tell(Ejection{Instance: m.target.Instance, Gone: true})
			wake = true
		}
	}
	if r := b.only(); r != nil {
		r.out, r.back = false, time.Now()
		r.failures.Store(0)
		b.tell(Ejection{Instance: r.member.target.Instance})
		wake = true
	}
	l.without(func(c *candidate) bool { return c.record.out })
	if wake {
		b.wake()
	}
}

// only is who has to come back because all others are gone: the first of those that are out.
func (b *Balancer) only() *record {
	var first *record
	for _, r := range b.records {
		if !r.out {
			return nil
		}
		if first == nil || r.until.Before(first.until) {
			first = r
		}
	}
	return first
}

// reconcile follows a change of the pool's ready targets.
func (b *Balancer) reconcile(now *standing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.arrange(now)
	}
}

// Answered says with which status the target answered; it is called before Done, once the answer is over,
// and not at all for one that never was or was broken off.
func (l Lease) Answered(status int) {
	if l.picked != nil && l.picked.record != nil && l.epoch == l.m.epoch.Load() {
		l.picked.record.answered(status < http.StatusInternalServerError)
	}
}
