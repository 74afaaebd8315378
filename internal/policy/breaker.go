package policy

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/config"
)

// State is what a Breaker does with requests. The numbers are those of the metric.
type State uint8

// The states of a Breaker.
const (
	Closed State = iota
	HalfOpen
	Open
)

// String is the state's name in events.
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case HalfOpen:
		return "half-open"
	case Open:
		return "open"
	default:
		return strconv.Itoa(int(s))
	}
}

// parts is into how many parts a breaker's window is cut: what happened leaves it a part at a time.
const parts = 10

// Result is how a request to an upstream went. The zero Result says nothing about the upstream: it was not
// asked, or the client went away.
type Result struct {
	// Asked is true when the upstream is to be judged.
	Asked bool
	// Status is that of the answer; 0: there was none.
	Status int
	// Took is the time until the answer's header, of the last try if there were several.
	Took time.Duration
}

// Breaker keeps requests from an upstream that fails.
//
// It opens when, of the requests that ended within Window and are at least MinRequests, the share of errors
// (error_ratio) or of slow ones (slow_ratio) is more than Threshold, or the number of errors (error_count)
// is; a Threshold of 1 also when all are. It stays open for OpenFor. The next request after that makes it
// half-open: HalfOpenRequests are let through, and no others; the first that is bad opens it again, and when
// all are good it closes and counts from nothing. A request that was let through before the state changed
// has no say in the new one.
//
// An error is no answer, or one of Statuses. Slow is an answer whose header took longer than SlowAfter, or
// none at all.
type Breaker struct {
	epoch    time.Time
	rule     config.CircuitBreaker
	statuses [6]bool // by class
	exact    map[int]bool
	part     int64 // nanoseconds

	// now is the state and, from its third bit on, how often it has changed.
	now atomic.Uint64

	mu     sync.Mutex // guards the rest
	counts [parts]tally
	until  int64 // of being open
	probes int   // let through while half-open
	good   int   // of them
	probed int64 // when the last one was let through
}

type tally struct {
	part       int64 // which one, from the beginning of time
	total, bad int64
}

// Ticket is a request that was let through.
type Ticket struct{ now uint64 }

// Change is a new state. The zero Change is none.
type Change struct {
	Happened bool
	From, To State
	// Total and Bad are what opened the breaker.
	Total, Bad int64
}

// NewBreaker makes the breaker of a rule. Now is the beginning of its time.
func NewBreaker(rule config.CircuitBreaker, now time.Time) *Breaker {
	b := &Breaker{epoch: now, rule: rule, exact: map[int]bool{}, part: max(1, int64(rule.Window)/parts)}
	for _, word := range rule.Statuses {
		if class, ok := config.StatusClass(word); ok {
			b.statuses[class] = true
		} else if status, err := strconv.Atoi(word); err == nil {
			b.exact[status] = true
		}
	}
	return b
}

// State is the present state.
func (b *Breaker) State() State { return State(b.now.Load() & 3) }

// Allow decides about a request. One that is let through is ended by Done, exactly once. One that is not
// may be sent again after the given time.
func (b *Breaker) Allow(now time.Time) (t Ticket, c Change, after time.Duration, ok bool) {
	seen := b.now.Load()
	if State(seen&3) == Closed {
		return Ticket{seen}, Change{}, 0, true
	}
	at := since(b.epoch, now)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.State() {
	case Closed:
	case Open:
		if at < b.until {
			return Ticket{}, Change{}, time.Duration(b.until - at), false
		}
		c = b.become(HalfOpen)
		b.probes, b.good = 1, 0
		b.probed = at
	case HalfOpen:
		// Who never comes back must not keep the others out for ever.
		if lost := at-b.probed >= max(int64(b.rule.OpenFor), second); lost {
			b.probes = b.good
		}
		if b.probes >= b.wanted() {
			return Ticket{}, Change{}, min(b.rule.OpenFor.D(), time.Second), false
		}
		b.probes++
		b.probed = at
	}
	return Ticket{b.now.Load()}, c, 0, true
}

func (b *Breaker) wanted() int { return max(1, b.rule.HalfOpenRequests) }

// Done tells how a request went that was let through.
func (b *Breaker) Done(now time.Time, t Ticket, r Result) Change {
	at := since(b.epoch, now)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now.Load() != t.now {
		return Change{}
	}
	bad := b.bad(r)
	switch b.State() {
	case Open:
	case HalfOpen:
		switch {
		case !r.Asked:
			b.probes = max(b.good, b.probes-1)
		case bad:
			c := b.become(Open)
			c.Total, c.Bad = int64(b.good)+1, 1
			b.until = at + int64(b.rule.OpenFor)
			return c
		default:
			if b.good++; b.good >= b.wanted() {
				b.counts = [parts]tally{}
				return b.become(Closed)
			}
		}
	case Closed:
		if !r.Asked {
			break
		}
		if total, failed := b.count(at, bad); b.exceeded(total, failed) {
			c := b.become(Open)
			c.Total, c.Bad = total, failed
			b.until = at + int64(b.rule.OpenFor)
			return c
		}
	}
	return Change{}
}

// become changes the state; the mutex is held.
func (b *Breaker) become(to State) Change {
	old := b.now.Load()
	b.now.Store(old&^3 + 4 + uint64(to))
	return Change{Happened: true, From: State(old & 3), To: to}
}

func (b *Breaker) bad(r Result) bool {
	switch {
	case !r.Asked:
		return false
	case r.Status == 0:
		return true
	case b.rule.Strategy == config.SlowRatio:
		return r.Took > b.rule.SlowAfter.D()
	default:
		class := r.Status / 100
		return class < len(b.statuses) && b.statuses[class] || b.exact[r.Status]
	}
}

// count counts one request, and returns the sums of the window.
func (b *Breaker) count(at int64, bad bool) (total, failed int64) {
	part := at / b.part
	own := &b.counts[part%parts]
	if own.part < part {
		*own = tally{part: part}
	}
	own.total++
	if bad {
		own.bad++
	}
	for i := range b.counts {
		if c := &b.counts[i]; c.part > part-parts {
			total += c.total
			failed += c.bad
		}
	}
	return total, failed
}

func (b *Breaker) exceeded(total, bad int64) bool {
	threshold := float64(b.rule.Threshold)
	switch {
	case total < int64(b.rule.MinRequests) || total == 0:
		return false
	case b.rule.Strategy == config.ErrorCount:
		return float64(bad) > threshold
	case threshold >= 1:
		return bad == total
	default:
		return float64(bad) > threshold*float64(total)
	}
}
