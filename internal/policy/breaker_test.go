package policy

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/internal/config"
)

func breaker(edit func(*config.CircuitBreaker)) config.CircuitBreaker {
	b := config.DefaultCircuitBreaker()
	edit(&b)
	return b
}

func good() Result  { return Result{Asked: true, Status: 200, Took: time.Millisecond} }
func bad() Result   { return Result{Asked: true, Status: 503, Took: time.Millisecond} }
func slow() Result  { return Result{Asked: true, Status: 200, Took: time.Second + 1} }
func dead() Result  { return Result{Asked: true} }
func quick() Result { return Result{Asked: true, Status: 503, Took: time.Second} }

// send sends one request; false: it was not let through.
func send(b *Breaker, now time.Time, r Result) (ok bool, changes []Change) {
	ticket, c, _, ok := b.Allow(now)
	if c.Happened {
		changes = append(changes, c)
	}
	if ok {
		if c := b.Done(now, ticket, r); c.Happened {
			changes = append(changes, c)
		}
	}
	return ok, changes
}

// Sentinel 1.8: a breaker opens when, within the statistic interval, there are at least minRequestAmount
// requests and the ratio (or number) of errors, or of slow ones, exceeds the threshold.
func TestBreakerOpens(t *testing.T) {
	times := func(n int, r Result) (out []Result) {
		for range n {
			out = append(out, r)
		}
		return out
	}
	both := func(a, b []Result) []Result { return append(a, b...) }
	for name, tt := range map[string]struct {
		rule config.CircuitBreaker
		come []Result
		want State
	}{
		"ratio: one less than min_requests": {breaker(func(*config.CircuitBreaker) {}), times(19, bad()), Closed},
		"ratio: min_requests":               {breaker(func(*config.CircuitBreaker) {}), times(20, bad()), Open},
		"ratio: the threshold itself":       {breaker(func(*config.CircuitBreaker) {}), both(times(10, bad()), times(10, good())), Closed},
		"ratio: above the threshold":        {breaker(func(*config.CircuitBreaker) {}), both(times(10, good()), times(11, bad())), Open},
		"ratio: no answer is an error":      {breaker(func(*config.CircuitBreaker) {}), times(20, dead()), Open},
		"ratio: clients that left":          {breaker(func(*config.CircuitBreaker) {}), times(100, Result{}), Closed},
		"ratio 1: all of them":              {breaker(func(c *config.CircuitBreaker) { c.Threshold = 1 }), times(20, bad()), Open},
		"ratio 1: but one":                  {breaker(func(c *config.CircuitBreaker) { c.Threshold = 1 }), both(times(1, good()), times(40, bad())), Closed},
		"ratio 0: one":                      {breaker(func(c *config.CircuitBreaker) { c.Threshold, c.MinRequests = 0, 0 }), times(1, bad()), Open},
		"ratio 0: none":                     {breaker(func(c *config.CircuitBreaker) { c.Threshold, c.MinRequests = 0, 0 }), times(9, good()), Closed},
		"ratio: other statuses":             {breaker(func(c *config.CircuitBreaker) { c.Statuses = []string{"500"} }), times(20, bad()), Closed},
		"ratio: this status":                {breaker(func(c *config.CircuitBreaker) { c.Statuses = []string{"503"} }), times(20, bad()), Open},
		"ratio: this class":                 {breaker(func(c *config.CircuitBreaker) { c.Statuses = []string{"429", "5XX"} }), times(20, bad()), Open},
		"count: the threshold itself": {
			breaker(func(c *config.CircuitBreaker) { c.Strategy, c.Threshold = config.ErrorCount, 30 }),
			both(times(100, good()), times(30, bad())), Closed,
		},
		"count: above the threshold": {
			breaker(func(c *config.CircuitBreaker) { c.Strategy, c.Threshold = config.ErrorCount, 30 }),
			both(times(100, good()), times(31, bad())), Open,
		},
		"count: too few requests": {
			breaker(func(c *config.CircuitBreaker) { c.Strategy, c.Threshold, c.MinRequests = config.ErrorCount, 3, 10 }),
			times(9, bad()), Closed,
		},
		"slow: as long as allowed": {
			breaker(func(c *config.CircuitBreaker) {
				c.Strategy, c.SlowAfter = config.SlowRatio, config.Duration(time.Second)
			}),
			times(100, quick()), Closed,
		},
		"slow: longer": {
			breaker(func(c *config.CircuitBreaker) {
				c.Strategy, c.SlowAfter = config.SlowRatio, config.Duration(time.Second)
			}),
			both(times(9, good()), times(11, slow())), Open,
		},
		"slow: no answer": {
			breaker(func(c *config.CircuitBreaker) {
				c.Strategy, c.SlowAfter = config.SlowRatio, config.Duration(time.Second)
			}),
			times(20, dead()), Open,
		},
		"slow: half": {
			breaker(func(c *config.CircuitBreaker) {
				c.Strategy, c.SlowAfter = config.SlowRatio, config.Duration(time.Second)
			}),
			both(times(10, slow()), times(10, good())), Closed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			b := NewBreaker(tt.rule, c.begin)
			for _, r := range tt.come {
				send(b, c.at(time.Second), r)
			}
			if b.State() != tt.want {
				t.Errorf("%s, want %s", b.State(), tt.want)
			}
		})
	}
}

// The moments: open for open_for and not a nanosecond less, one probe, closed by a good one, opened again by
// a bad one for as long.
func TestBreakerMoments(t *testing.T) {
	c := newClock()
	b := NewBreaker(breaker(func(r *config.CircuitBreaker) { r.MinRequests = 1 }), c.begin)
	const opened = 5 * time.Second
	_, changes := send(b, c.at(opened), bad())
	if len(changes) != 1 || changes[0] != (Change{true, Closed, Open, 1, 1}) {
		t.Fatal(changes)
	}
	if _, _, after, ok := b.Allow(c.at(opened + 30*time.Second - 1)); ok || after != 1 {
		t.Fatal("before open_for was over:", ok, after)
	}
	probe, change, _, ok := b.Allow(c.at(opened + 30*time.Second))
	if !ok || change.From != Open || change.To != HalfOpen {
		t.Fatal("after open_for:", ok, change)
	}
	if _, _, after, ok := b.Allow(c.now); ok || after <= 0 {
		t.Fatal("a second one while half-open")
	}
	change = b.Done(c.at(opened+31*time.Second), probe, bad())
	if change.From != HalfOpen || change.To != Open {
		t.Fatal("after a bad probe:", change)
	}
	if _, _, _, ok := b.Allow(c.at(opened + 61*time.Second - 1)); ok {
		t.Fatal("it did not stay open for as long again")
	}
	_, changes = send(b, c.at(opened+61*time.Second), good())
	if len(changes) != 2 || changes[1].From != HalfOpen || changes[1].To != Closed {
		t.Fatal("after a good probe:", changes)
	}
	if b.State() != Closed {
		t.Fatal(b.State())
	}
}

func TestBreakerForgetsTheWindow(t *testing.T) {
	c := newClock()
	b := NewBreaker(breaker(func(r *config.CircuitBreaker) {
		r.Strategy, r.Threshold, r.MinRequests = config.ErrorCount, 10, 0
	}), c.begin)
	for i := range 100 {
		send(b, c.at(time.Duration(i)*time.Second), bad()) // ten in a window of 10 s
	}
	if b.State() != Closed {
		t.Fatal("errors older than the window counted")
	}
	send(b, c.now, bad())
	if b.State() != Open {
		t.Fatal("eleven within the window did not open it")
	}
	send(b, c.at(200*time.Second), good())
	for range 10 {
		send(b, c.now, bad())
	}
	if b.State() != Closed {
		t.Fatal("what opened it still counted after it closed")
	}
}

func TestBreakerProbes(t *testing.T) {
	c := newClock()
	b := NewBreaker(breaker(func(r *config.CircuitBreaker) { r.MinRequests, r.HalfOpenRequests = 1, 3 }), c.begin)
	before, _, _, _ := b.Allow(c.now)
	send(b, c.now, bad())
	c.at(30 * time.Second)
	var probes []Ticket
	for i := range 4 {
		probe, _, _, ok := b.Allow(c.now)
		if ok != (i < 3) {
			t.Fatalf("probe %d: %v", i, ok)
		}
		probes = append(probes, probe)
	}
	if change := b.Done(c.now, before, bad()); change.Happened {
		t.Fatal("a request from before it opened opened it again")
	}
	b.Done(c.now, probes[0], Result{}) // its client left
	fourth, _, _, ok := b.Allow(c.now)
	if !ok {
		t.Fatal("no probe in the place of one that says nothing")
	}
	for _, p := range []Ticket{probes[1], probes[2]} {
		if change := b.Done(c.now, p, good()); change.Happened {
			t.Fatal("closed too early")
		}
	}
	if change := b.Done(c.now, fourth, good()); change.To != Closed || !change.Happened {
		t.Fatal(change)
	}
}

func TestBreakerWithLostProbe(t *testing.T) {
	c := newClock()
	b := NewBreaker(breaker(func(r *config.CircuitBreaker) { r.MinRequests = 1 }), c.begin)
	send(b, c.now, bad())
	lost, _, _, _ := b.Allow(c.at(30 * time.Second))
	if _, _, _, ok := b.Allow(c.at(59 * time.Second)); ok {
		t.Fatal("a second probe")
	}
	if ok, changes := send(b, c.at(60*time.Second), good()); !ok || len(changes) != 1 || changes[0].To != Closed {
		t.Fatal("a probe that does not end keeps the others out:", ok, changes)
	}
	if change := b.Done(c.now, lost, bad()); change.Happened {
		t.Fatal(change)
	}
}

// It counts from nothing whenever it changes: what happened before is of no account, however short ago.
func TestBreakerCountsFromNothing(t *testing.T) {
	c := newClock()
	b := NewBreaker(breaker(func(r *config.CircuitBreaker) {
		r.MinRequests, r.OpenFor, r.HalfOpenRequests = 2, config.Duration(time.Second), 2
	}), c.begin)
	send(b, c.now, bad())
	send(b, c.now, bad())
	send(b, c.at(time.Second), good())
	if _, changes := send(b, c.now, bad()); len(changes) != 1 || changes[0].To != Open {
		t.Fatal("a bad probe after a good one:", changes)
	}
	for i := range 2 {
		_, changes := send(b, c.at(2*time.Second), good())
		if closed := len(changes) > 0 && changes[len(changes)-1].To == Closed; closed != (i == 1) {
			t.Fatalf("probe %d: %v", i, changes)
		}
	}
	// Both errors are still within the window of 10 s.
	if _, changes := send(b, c.now, bad()); len(changes) != 0 {
		t.Fatal("what opened it counted after it closed:", changes)
	}
}

// The time after which a probe counts as lost begins with the last of several.
func TestBreakerWithLostProbes(t *testing.T) {
	c := newClock()
	b := NewBreaker(breaker(func(r *config.CircuitBreaker) { r.MinRequests, r.HalfOpenRequests = 1, 2 }), c.begin)
	send(b, c.now, bad())
	for _, at := range []time.Duration{30, 45} {
		if _, _, _, ok := b.Allow(c.at(at * time.Second)); !ok {
			t.Fatalf("no probe after %d s", at)
		}
	}
	if _, _, _, ok := b.Allow(c.at(74 * time.Second)); ok {
		t.Error("a third probe while the second one may still end")
	}
	if _, _, _, ok := b.Allow(c.at(75 * time.Second)); !ok {
		t.Error("no probe although both are lost")
	}
}

// Whatever comes: half-open never lets more through than it should, and open nothing at all.
func TestBreakerKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 4).Draw(t, "half_open_requests")
		c := newClock()
		b := NewBreaker(breaker(func(r *config.CircuitBreaker) { r.MinRequests, r.HalfOpenRequests = 4, most }), c.begin)
		var out []Ticket
		var at, opened time.Duration
		halfOpen := 0
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			at += time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "after"))
			if len(out) > 0 && rapid.Bool().Draw(t, "end") {
				i := rapid.IntRange(0, len(out)-1).Draw(t, "which")
				r := rapid.SampledFrom([]Result{good(), bad(), dead(), {}}).Draw(t, "result")
				current := b.State() == HalfOpen && out[i].now == b.now.Load()
				change := b.Done(c.at(at), out[i], r)
				out = append(out[:i], out[i+1:]...)
				if current {
					halfOpen--
				}
				if change.Happened && change.To == Open {
					opened = at
				}
				continue
			}
			was := b.State()
			ticket, change, _, ok := b.Allow(c.at(at))
			switch {
			case was == Closed && !ok:
				t.Fatal("refused while closed")
			case was == Open && ok != (at-opened >= 30*time.Second):
				t.Fatalf("let through: %v, %v after it opened", ok, at-opened)
			}
			if change.Happened {
				halfOpen = 0
			}
			if ok {
				out = append(out, ticket)
				if b.State() == HalfOpen {
					// Those that did not come back for open_for are given up.
					if halfOpen++; halfOpen > most {
						halfOpen = 1
					}
				}
			}
		}
	})
}

func TestBudget(t *testing.T) {
	c := newClock()
	b := NewBudget(0.2, c.begin)
	repeats := func(at time.Duration, n int) (ok int) {
		for range n {
			if b.Repeat(c.at(at)) {
				ok++
			}
		}
		return ok
	}
	if n := repeats(0, 10); n != freeRepeats {
		t.Errorf("%d without any request", n)
	}
	for range 100 {
		b.Request(c.at(time.Second))
	}
	if n := repeats(time.Second, 100); n != 17 {
		t.Errorf("%d of 100, want a fifth less those before", n)
	}
	if n := repeats(2*time.Second, 100); n != freeRepeats {
		t.Errorf("%d after it was spent", n)
	}
	if n := repeats(20*time.Second, 100); n != freeRepeats {
		t.Errorf("%d after the requests were forgotten", n)
	}
}

func TestBackoff(t *testing.T) {
	r := config.DefaultRetry()
	for n, want := range []time.Duration{25, 50, 100, 200, 400, 800, 1000, 1000, 1000} {
		want *= time.Millisecond
		if got := Backoff(r, n, 0); got != want {
			t.Errorf("repetition %d: %v, want %v", n, got, want)
		}
		if got := Backoff(r, n, 1); got != want/2 {
			t.Errorf("repetition %d: at least %v, want %v", n, got, want/2)
		}
	}
	r.Backoff = 0
	if got := Backoff(r, 3, 0.5); got != 0 {
		t.Error(got)
	}
}

func TestStateNames(t *testing.T) {
	if got := fmt.Sprint(Closed, HalfOpen, Open, State(7)); got != "closed half-open open 7" {
		t.Error(got)
	}
}

func BenchmarkBreaker(b *testing.B) {
	br := NewBreaker(breaker(func(*config.CircuitBreaker) {}), time.Now())
	b.ReportAllocs()
	for b.Loop() {
		ticket, _, _, _ := br.Allow(time.Now())
		br.Done(time.Now(), ticket, good())
	}
}

func BenchmarkBudget(b *testing.B) {
	budget := NewBudget(0.2, time.Now())
	b.ReportAllocs()
	for b.Loop() {
		budget.Request(time.Now())
	}
}
