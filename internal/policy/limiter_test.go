package policy

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/internal/config"
)

// clock is a fake time that only goes forward.
type clock struct{ begin, now time.Time }

func newClock() *clock {
	t := time.Now()
	return &clock{t, t}
}

func (c *clock) at(d time.Duration) time.Time {
	c.now = c.begin.Add(d)
	return c.now
}

func flow(edit func(*config.Flow)) config.Flow {
	f := config.DefaultFlow()
	edit(&f)
	return f
}

func rule(qps float64) config.Flow {
	return flow(func(f *config.Flow) { f.QPS = config.Number(qps) })
}

// demands are ways in which far more comes than may: the times of requests over 10 s, from an odd moment on.
func demands(qps float64) map[string][]time.Duration {
	const total = 10 * time.Second
	out := map[string][]time.Duration{}
	every := func(name string, step time.Duration, each int) {
		var times []time.Duration
		for at := time.Duration(0); at < total; at += step {
			for range each {
				times = append(times, at+337*time.Millisecond)
			}
		}
		out[name] = times
	}
	many := max(2, int(math.Ceil(qps*3)))
	if qps == math.Trunc(qps) {
		every("all at once every second", time.Second, many)
		every("all at once every half second", time.Second/2, many)
	}
	every("thrice as many, evenly", min(time.Duration(float64(time.Second)/qps/3), time.Millisecond), 1)
	every("a crowd every 10 ms", 10*time.Millisecond, max(2, int(math.Ceil(qps/2))))
	return out
}

// Sentinel: with grade QPS and the default behavior, requests beyond count within a second are refused.
func TestRejectWithinTwoPercent(t *testing.T) {
	for _, qps := range []float64{0.5, 1, 2.5, 3, 10, 33.3, 100, 1000, 2000} {
		for name, times := range demands(qps) {
			t.Run(fmt.Sprintf("%v/%s", qps, name), func(t *testing.T) {
				c := newClock()
				l := NewLimiter(rule(qps), c.begin)
				passed := 0
				for _, at := range times {
					if _, v := l.Enter(c.at(at), 0); v.OK {
						passed++
					}
				}
				tolerance := qps * 10 * 0.02
				if qps != math.Trunc(qps) {
					tolerance = math.Ceil(qps) // the last of its longer windows is not over yet
				}
				if want := qps * 10; math.Abs(float64(passed)-want) > tolerance {
					t.Errorf("%d passed, want %v", passed, want)
				}
			})
		}
	}
}

func TestRejectAtTheEdges(t *testing.T) {
	for _, qps := range []int{1, 5, 32, 33, 100, 1001} {
		c := newClock()
		l := NewLimiter(rule(float64(qps)), c.begin)
		round := func(at time.Duration) (passed int) {
			for range 2 * qps {
				if _, v := l.Enter(c.at(at), 0); v.OK {
					passed++
				}
			}
			return passed
		}
		const begin = 123456789 * time.Nanosecond
		if n := round(begin); n != qps {
			t.Errorf("qps %d: %d passed at once", qps, n)
		}
		if n := round(begin + time.Second - 1); n != 0 {
			t.Errorf("qps %d: %d passed just before the second was over", qps, n)
		}
		_, v := l.Enter(c.at(begin+time.Second/4), 0)
		if v.OK || v.RetryAfter > time.Second*3/4 || v.Why != Rate {
			t.Errorf("qps %d: %+v a quarter of a second later", qps, v)
		}
		if n := round(begin + time.Second); n != qps {
			t.Errorf("qps %d: %d passed a second later", qps, n)
		}
	}
}

// The window beside a list of all that passed: nothing is refused below the limit, and at most a group more
// than the limit comes through.
func TestRejectBesideAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.OneOf(rapid.IntRange(1, 200), rapid.IntRange(200, 2000)).Draw(t, "limit")
		crowd := rapid.IntRange(1, max(1, limit/20)).Draw(t, "crowd")
		c := newClock()
		l := NewLimiter(rule(float64(limit)), c.begin)
		slack := max(1, (limit+slots-1)/slots) - 1
		var at time.Duration
		var passed []time.Duration
		for range rapid.IntRange(1, 600).Draw(t, "requests") {
			at += time.Duration(rapid.Int64Range(0, int64(3*time.Second)/int64(limit)*int64(crowd)).Draw(t, "after"))
			for len(passed) > 0 && passed[0]+time.Second <= at {
				passed = passed[1:]
			}
			undo := rapid.IntRange(0, 9).Draw(t, "undo") == 0
			for range crowd {
				pass, v := l.Enter(c.at(at), 0)
				switch {
				case !v.OK && len(passed) < limit:
					t.Fatalf("refused with %d of %d in the last second", len(passed), limit)
				case v.OK && len(passed) >= limit+slack:
					t.Fatalf("passed with %d of %d in the last second", len(passed), limit)
				case v.OK && undo:
					pass.Undo()
				case v.OK:
					passed = append(passed, at)
				}
			}
		}
	})
}

// The most groups that a window can have: each is followed by one that was closed by its age.
func TestRejectOfManyGroups(t *testing.T) {
	const qps, crowd = 1000, 33 // a group is of 32
	c := newClock()
	l := NewLimiter(rule(qps), c.begin)
	step := time.Second/slots + 1
	for i := range 10 * slots {
		if _, v := l.Enter(c.at(time.Duration(i/crowd)*step), 0); !v.OK {
			t.Fatal(i, v)
		}
	}
	for round := range 3 {
		passed := 0
		for i := range slots * crowd {
			at := time.Duration(round+1)*slots*step + time.Duration(i/crowd)*step
			if _, v := l.Enter(c.at(at), 0); v.OK {
				passed++
			}
		}
		if passed < qps || passed > qps+2*crowd {
			t.Errorf("round %d: %d passed", round, passed)
		}
	}
}

func TestBurst(t *testing.T) {
	c := newClock()
	l := NewLimiter(flow(func(f *config.Flow) { f.QPS, f.Burst = 10, 5 }), c.begin)
	all := func(at time.Duration, n int) (passed int) {
		for range n {
			if _, v := l.Enter(c.at(at), 0); v.OK {
				passed++
			}
		}
		return passed
	}
	for _, step := range []struct {
		at   time.Duration
		want int
		why  string
	}{
		{0, 15, "the burst is there at first"},
		{time.Second, 10, "nothing was left unused"},
		{2 * time.Second, 10, "nothing was left unused"},
		{3*time.Second + 300*time.Millisecond, 13, "0.3 s were left unused"},
		{9 * time.Second, 15, "all of it came back, and no more"},
	} {
		if n := all(step.at, 40); n != step.want {
			t.Errorf("after %v: %d passed, want %d: %s", step.at, n, step.want, step.why)
		}
	}
}

// Sentinel: the rate limiter spaces requests evenly; one that would wait longer than the maximum queueing
// time is refused.
func TestThrottle(t *testing.T) {
	c := newClock()
	l := NewLimiter(flow(func(f *config.Flow) {
		f.QPS, f.Control, f.MaxWait = 10, config.FlowThrottle, config.Duration(500*time.Millisecond)
	}), c.begin)
	c.at(time.Hour)
	for i := range 6 {
		pass, v := l.Enter(c.now, 0)
		if want := time.Duration(i) * 100 * time.Millisecond; !v.OK || v.Wait != want {
			t.Fatalf("request %d: %+v, want a wait of %v", i, v, want)
		}
		if v.Wait > 0 {
			pass.Waited()
		}
	}
	if _, v := l.Enter(c.now, 0); v.OK || v.Why != Queue || v.RetryAfter != 100*time.Millisecond {
		t.Errorf("the seventh: %+v", v)
	}
	if _, v := l.Enter(c.at(time.Hour+100*time.Millisecond), 0); !v.OK || v.Wait != 500*time.Millisecond {
		t.Errorf("100 ms later: %+v", v)
	}
	if n := l.waiting.Load(); n != 1 {
		t.Errorf("%d wait", n)
	}
}

func TestThrottleWithinTwoPercent(t *testing.T) {
	for _, qps := range []float64{0.5, 3, 100, 3000, 70_000} {
		c := newClock()
		l := NewLimiter(flow(func(f *config.Flow) { f.QPS, f.Control = config.Number(qps), config.FlowThrottle }), c.begin)
		done := 0
		for at := time.Duration(0); at < 10*time.Second; at += time.Duration(float64(time.Second) / qps / 2) {
			pass, v := l.Enter(c.at(at), 0)
			if v.Wait > 0 {
				pass.Waited()
			}
			if v.OK && at+v.Wait < 10*time.Second {
				done++
			}
		}
		if want := qps * 10; math.Abs(float64(done)-want) > max(1, want*0.02) {
			t.Errorf("qps %v: %d went on within 10 s", qps, done)
		}
	}
}

func TestThrottleLineIsBounded(t *testing.T) {
	c := newClock()
	l := NewLimiter(flow(func(f *config.Flow) {
		f.QPS, f.Control, f.MaxWait = 1000, config.FlowThrottle, config.Duration(time.Hour)
	}), c.begin)
	var last Pass
	for i := range maxWaiting + 1 {
		pass, v := l.Enter(c.now, 0)
		if !v.OK {
			t.Fatalf("request %d: %+v", i, v)
		}
		last = pass
	}
	if _, v := l.Enter(c.now, 0); v.OK || v.Why != Queue {
		t.Errorf("one more: %+v", v)
	}
	last.Waited()
	if _, v := l.Enter(c.now, 0); !v.OK {
		t.Errorf("after one had its turn: %+v", v)
	}
}

// saturate sends more than passes from one time to another and returns how many passed in each second.
func saturate(l *Limiter, c *clock, from, to int) []int {
	var seconds []int
	for s := from; s < to; s++ {
		n := 0
		for ms := range 1000 {
			pass, v := l.Enter(c.at(time.Duration(s)*time.Second+time.Duration(ms)*time.Millisecond), 0)
			if v.Wait > 0 {
				pass.Waited()
			}
			if v.OK {
				n++
			}
		}
		seconds = append(seconds, n)
	}
	return seconds
}

// documented is what a cold limiter lets through in each second when more comes, by the formulas of Sentinel's
// description: warningToken = period*count/(factor-1), maxToken = warningToken + 2*period*count/(1+factor),
// slope = (factor-1)/count/(maxToken-warningToken), and above warningToken a rate of 1/(above*slope + 1/count).
func documented(count, period float64, seconds int, whole bool) []float64 {
	warning := period * count / 2
	most := warning + 2*period*count/4
	slope := 2 / count / (most - warning)
	var out []float64
	stored := most
	for range seconds {
		rate := count
		if stored > warning {
			rate = 1 / ((stored-warning)*slope + 1/count)
		}
		if whole {
			rate = math.Floor(rate)
		}
		out = append(out, rate)
		if stored < warning {
			stored += count
		}
		stored -= rate
	}
	return out
}

// Sentinel: warm up begins at count divided by the cold factor, which is 3, and reaches count after the
// warm-up period; while it is little used it gets cold again.
func TestWarmUp(t *testing.T) {
	for _, control := range []config.FlowControl{config.FlowWarmUp, config.FlowWarmUpThrottle} {
		for _, qps := range []int{30, 100, 600} {
			t.Run(fmt.Sprintf("%s/%d", control, qps), func(t *testing.T) {
				c := newClock()
				l := NewLimiter(flow(func(f *config.Flow) {
					f.QPS, f.Control, f.WarmUp, f.MaxWait = config.Number(qps), control, config.Duration(10*time.Second), config.Duration(5*time.Millisecond)
				}), c.begin)
				near := func(what string, got int, want float64) {
					t.Helper()
					if math.Abs(float64(got)-want) > max(2, want*0.02) {
						t.Errorf("%s: %d, want %.0f", what, got, want)
					}
				}
				all := saturate(l, c, 0, 24)
				for i, want := range documented(float64(qps), 10, 24, control == config.FlowWarmUp) {
					near(fmt.Sprintf("second %d", i), all[i], want)
				}
				near("the first second", all[0], float64(qps)/3)
				if all[8] >= qps*95/100 || all[12] < qps*95/100 {
					t.Errorf("warm too early or too late: %v", all)
				}
				sum := 0
				for _, n := range all[13:23] {
					sum += n
				}
				near("10 warm seconds", sum, float64(qps)*10)

				if warm := saturate(l, c, 25, 26); warm[0] < qps*6/10 {
					t.Errorf("cold after a second's pause: %v", warm)
				}
				if cold := saturate(l, c, 60, 61); cold[0] > qps/3+2 {
					t.Errorf("warm after a long pause: %v", cold)
				}
			})
		}
	}
}

func TestWarmUpOfASmallRate(t *testing.T) {
	for _, qps := range []float64{0.5, 1, 2, 4} {
		c := newClock()
		l := NewLimiter(flow(func(f *config.Flow) { f.QPS, f.Control = config.Number(qps), config.FlowWarmUp }), c.begin)
		all := saturate(l, c, 0, 60)
		sum := 0
		for _, n := range all[40:] {
			sum += n
		}
		if want := qps * 20; math.Abs(float64(sum)-want) > 2 {
			t.Errorf("qps %v: %d in 20 s, want %v; %v", qps, sum, want, all)
		}
	}
}

func TestConcurrency(t *testing.T) {
	c := newClock()
	l := NewLimiter(flow(func(f *config.Flow) { f.Concurrency, f.QPS = 2, 3 }), c.begin)
	a, va := l.Enter(c.now, 0)
	b, vb := l.Enter(c.now, 0)
	_, vc := l.Enter(c.now, 0)
	if !va.OK || !vb.OK || vc.OK || vc.Why != Concurrency || vc.RetryAfter <= 0 {
		t.Fatal(va, vb, vc)
	}
	a.Leave()
	d, vd := l.Enter(c.now, 0)
	if !vd.OK {
		t.Fatal(vd)
	}
	d.Undo()
	b.Leave()
	if _, v := l.Enter(c.now, 0); !v.OK {
		t.Error("what was refused or undone counted for the rate", v)
	}
	if _, v := l.Enter(c.now, 0); v.OK || v.Why != Rate {
		t.Error(v)
	}
	Pass{}.Leave()
	Pass{}.Undo()
}

func BenchmarkLimiter(b *testing.B) {
	for name, f := range map[string]config.Flow{
		"reject":           rule(1e6),
		"reject, full":     rule(1),
		"throttle":         flow(func(f *config.Flow) { f.QPS, f.Control = 1e8, config.FlowThrottle }),
		"warm_up":          flow(func(f *config.Flow) { f.QPS, f.Control = 1e6, config.FlowWarmUp }),
		"concurrency":      flow(func(f *config.Flow) { f.Concurrency = 10 }),
		"reject by client": flow(func(f *config.Flow) { f.QPS, f.Key = 1e6, config.KeyClientIP }),
	} {
		b.Run("rule="+name, func(b *testing.B) {
			l := NewLimiter(f, time.Now())
			b.ReportAllocs()
			for b.Loop() {
				pass, v := l.Enter(time.Now(), l.Client("192.0.2.17"))
				if v.Wait > 0 {
					pass.Waited()
				}
				pass.Leave()
			}
		})
	}
}
