package policy

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/config"
)

const (
	second = int64(time.Second)
	// maxWaiting bounds the requests of one rule that wait at once, whatever its rate and longest wait.
	maxWaiting = 10_000
	// longAgo is a time before all others from which something can still be subtracted.
	longAgo = math.MinInt64 / 2
)

// Limiter decides by one flow rule which requests come through.
//
//   - reject: at most QPS requests within any second, the whole number of them at once if they come so. Of a
//     rate with a fraction the window is longer instead: 2.5 is 3 within 1.2 s. With Burst so many more may
//     come at once; they come back as fast as QPS is left unused.
//   - throttle: requests are 1/QPS apart; one that comes early waits for its turn, for at most MaxWait.
//   - warm_up: reject, with a rate that begins at a third of QPS and rises to it within WarmUp while it is
//     used to its limit, and falls again while it is not.
//   - warm_up_throttle: throttle, with that rate.
//   - Concurrency: requests in flight, those that wait for their turn included.
type Limiter struct {
	epoch       time.Time
	control     config.FlowControl
	qps         float64 // 0 = no bound
	limit       int64   // of a window of span
	span        int64
	burst       float64
	cost        int64 // between two requests
	maxWait     int64
	warm        curve
	concurrency int64 // 0 = no bound

	waiting atomic.Int64
	keys    *table // nil: all requests together
	all     shard  // with all.one, unless there are keys
}

// Why says what a request was refused for.
type Why int

// The reasons of a refusal.
const (
	// Rate is QPS.
	Rate Why = iota
	// Concurrency is the number of requests in flight.
	Concurrency
	// Queue is a throttle whose line is too long.
	Queue
)

// Verdict is what becomes of a request.
type Verdict struct {
	OK bool
	// Wait is how long a request that is let through has to wait before it goes on; the caller tells the
	// end of it by Pass.Waited.
	Wait time.Duration
	// RetryAfter is when one that is refused would be let through, if no other one came.
	RetryAfter time.Duration
	Why        Why
}

// Pass is a request that was let through. The zero Pass can be left and undone.
type Pass struct {
	limiter *Limiter
	shard   *shard
	state   *state
	hash    uint64
}

// state is what is known of one key; the mutex of its shard guards it.
type state struct {
	window
	warmth
	tokens   float64 // of the burst
	latest   int64   // when the last throttled request goes on
	inFlight int64

	hash uint64
	uses uint8 // looked at by the clock of the table
}

// NewLimiter makes the limiter of a rule. Now is the beginning of its time.
func NewLimiter(rule config.Flow, now time.Time) *Limiter {
	l := &Limiter{
		epoch: now, control: rule.Control, qps: float64(rule.QPS), concurrency: int64(rule.Concurrency),
		maxWait: int64(rule.MaxWait),
	}
	if l.control == "" {
		l.control = config.FlowReject
	}
	if l.control == config.FlowReject {
		l.burst = float64(rule.Burst)
	}
	if l.qps > 0 {
		whole := math.Ceil(l.qps)
		l.limit, l.span = int64(whole), int64(math.Round(whole/l.qps*float64(second)))
		l.cost = int64(math.Round(float64(second) / l.qps))
	}
	if l.warms() {
		l.warm = newCurve(l.qps, rule.WarmUp.D().Seconds())
	}
	if rule.Key != "" {
		l.keys = newTable(rule.MaxKeys)
	} else {
		l.all.one = &state{}
		l.begin(l.all.one, 0)
	}
	return l
}

func (l *Limiter) warms() bool {
	return l.control == config.FlowWarmUp || l.control == config.FlowWarmUpThrottle
}

// throttles reports whether requests wait.
func (l *Limiter) throttles() bool {
	return l.control == config.FlowThrottle || l.control == config.FlowWarmUpThrottle
}

// begin makes s the state of a key that nothing is known of, reusing its memory.
func (l *Limiter) begin(s *state, now int64) {
	s.tokens, s.latest, s.inFlight = l.burst, longAgo, 0
	if l.qps > 0 && !l.throttles() {
		s.window.begin(l.limit, l.span, now)
	}
	if l.warms() {
		s.warmth.begin(&l.warm, now)
	}
}

// Enter decides about a request with the key (of Client or Text; 0 for a rule without one). One that is
// let through is left with Pass.Leave when it is over.
func (l *Limiter) Enter(now time.Time, key uint64) (Pass, Verdict) {
	t := since(l.epoch, now)
	sh := &l.all
	if l.keys != nil {
		sh = l.keys.shard(key)
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	s := sh.one
	if s == nil {
		var fresh bool
		if s, fresh = sh.find(key); fresh {
			l.begin(s, t)
		}
	}
	if l.concurrency > 0 && s.inFlight >= l.concurrency {
		return Pass{}, Verdict{RetryAfter: time.Second, Why: Concurrency}
	}
	v := Verdict{OK: true}
	if l.qps > 0 {
		if v = l.rate(s, t); !v.OK {
			return Pass{}, v
		}
	}
	if l.concurrency > 0 {
		s.inFlight++
	}
	return Pass{l, sh, s, s.hash}, v
}

// rate decides by QPS.
func (l *Limiter) rate(s *state, t int64) Verdict {
	rate := l.qps
	if l.warms() {
		s.sync(&l.warm, t)
		rate = l.warm.rate(s.stored)
	}
	var v Verdict
	if l.throttles() {
		v = l.queue(s, t, rate)
	} else {
		v = l.reject(s, t, rate)
	}
	if v.OK {
		s.passed++
	}
	s.full = s.full || !v.OK || v.Wait > 0
	return v
}

func (l *Limiter) reject(s *state, t int64, rate float64) Verdict {
	t = max(t, s.seen)
	unused := s.look(t, float64(l.limit))
	if l.burst > 0 {
		s.tokens = min(s.tokens+unused, l.burst)
	}
	limit := l.limit
	if rate < l.qps {
		limit = max(1, int64(rate*float64(l.span)/float64(second)))
	}
	switch {
	case s.count < limit:
		s.add(t)
	case s.tokens >= 1 && l.burst > 0:
		s.tokens--
	default:
		return Verdict{RetryAfter: time.Duration(s.room(t))}
	}
	return Verdict{OK: true}
}

func (l *Limiter) queue(s *state, t int64, rate float64) Verdict {
	cost := l.cost
	if rate < l.qps {
		cost = int64(math.Round(float64(second) / rate))
	}
	turn := s.latest + cost
	wait := turn - t
	switch {
	case wait <= 0:
		s.latest = t
		return Verdict{OK: true}
	case wait > l.maxWait:
		return Verdict{RetryAfter: time.Duration(wait - l.maxWait), Why: Queue}
	case l.waiting.Add(1) > maxWaiting:
		l.waiting.Add(-1)
		return Verdict{RetryAfter: time.Duration(wait), Why: Queue}
	}
	s.latest = turn
	return Verdict{OK: true, Wait: time.Duration(wait)}
}

// Waited ends the wait that the verdict asked for, however it went. A turn that was given up is lost.
func (p Pass) Waited() { p.limiter.waiting.Add(-1) }

// Leave ends the request.
func (p Pass) Leave() { p.leave(false) }

// Undo is Leave for a request that went no further because another rule refused it: it does not count.
func (p Pass) Undo() { p.leave(true) }

func (p Pass) leave(undo bool) {
	if p.state == nil || !undo && p.limiter.concurrency == 0 {
		return
	}
	p.shard.mu.Lock()
	defer p.shard.mu.Unlock()
	if p.state.hash != p.hash {
		return // the key was forgotten meanwhile
	}
	if p.limiter.concurrency > 0 {
		p.state.inFlight--
	}
	if undo && p.limiter.qps > 0 && !p.limiter.throttles() {
		p.state.undo()
		p.state.passed = max(0, p.state.passed-1)
	}
}

// shard is a part of the keys behind a mutex of its own, or the one state of a rule without keys.
type shard struct {
	mu   sync.Mutex
	one  *state
	most int
	keys map[uint64]*state
	ring []*state
	hand int
	_    [40]byte // keeps neighbours' mutexes apart
}

// since is the time from epoch to now; nothing happens before the epoch.
func since(epoch, now time.Time) int64 { return max(0, int64(now.Sub(epoch))) }
