package upstream

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// court is a Balancer with an outlier rule, and what it told.
type court struct {
	*Balancer
	t    *testing.T
	mu   sync.Mutex
	told []string
}

func judge(t *testing.T, p *Pool, conf config.Outlier) *court {
	t.Helper()
	c := &court{t: t}
	c.Balancer = rule(t, p, BalanceOptions{Outlier: &conf, Ejected: func(e Ejection) {
		c.mu.Lock()
		defer c.mu.Unlock()
		what := "back"
		switch {
		case e.Out:
			what = fmt.Sprint("out for ", e.For, " after ", e.Failures)
		case e.Gone:
			what = "gone"
		}
		c.told = append(c.told, e.Instance+" "+what)
	}})
	return c
}

// heard is what was told since.
func (c *court) heard() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.told
	c.told = nil
	return out
}

// answer has a target, and no other, answer n requests.
func (c *court) answer(instance string, n, code int) {
	c.t.Helper()
	for range n {
		c.on(instance, func(l Lease) { l.Answered(code); l.Done(nil) })
	}
}

// on gets a lease of a target.
func (c *court) on(instance string, f func(Lease)) {
	c.t.Helper()
	for range 50 {
		l, err := c.Acquire(Choice{})
		if err != nil {
			c.t.Fatal(err)
		}
		if l.Target().Instance == instance {
			f(l)
			return
		}
		l.Done(nil)
	}
	c.t.Fatalf("%s gets no requests", instance)
}

func (c *court) want(what string, want ...string) {
	c.t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, c.heard()); diff != "" {
		c.t.Errorf("%s: told (-want +got):\n%s", what, diff)
	}
}

// in are the targets that get requests.
func (c *court) in() []string {
	c.t.Helper()
	var out []string
	for name := range tally(sequence(c.t, c.Balancer, 30, nil)) {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

var threeFailures = config.Outlier{ConsecutiveFailures: 3, EjectFor: config.Duration(10 * time.Second), MaxEjected: 0.5}

// TestOutlier ejects after failures in a row, for longer each time, and forgets after a good while.
func TestOutlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := judge(t, static(t, nil, hosts(4)...), threeFailures)
		c.answer("h1", 2, 500)
		c.answer("h1", 1, 404)
		c.answer("h1", 2, 503)
		c.want("never three in a row")
		c.on("h1", func(l Lease) { l.Done(errors.New("answer broken off")) })
		c.want("three in a row", "h1 out for 10s after 3")
		if diff := cmp.Diff([]string{"h0", "h2", "h3"}, c.in()); diff != "" {
			t.Errorf("in (-want +got):\n%s", diff)
		}
		if targets := c.Targets(); targets[1].State != status.TargetEjected || targets[0].State != status.TargetReady {
			t.Errorf("%+v", targets)
		}
		time.Sleep(10*time.Second - 1)
		c.want("before its time")
		time.Sleep(time.Nanosecond)
		c.want("its time is over", "h1 back")
		for k := 2; k <= 12; k++ {
			c.answer("h1", 2, 500)
			c.want("its count began anew")
			c.answer("h1", 1, 500)
			wait := min(time.Duration(k), mostEjections) * 10 * time.Second
			c.want("again", fmt.Sprint("h1 out for ", wait, " after 3"))
			time.Sleep(wait)
			c.want("back again", "h1 back")
		}
		time.Sleep(100 * time.Second)
		c.answer("h1", 3, 500)
		c.want("after a good while", "h1 out for 10s after 3")
	})
}

// TestOutlierSpares never takes out more than it may, nor the last one.
func TestOutlierSpares(t *testing.T) {
	for _, tc := range []struct {
		targets int
		share   config.Ratio
		want    int
	}{{1, 1, 0}, {2, 0.5, 1}, {2, 1, 1}, {3, 0.5, 1}, {4, 0.5, 2}, {5, 0.1, 1}, {5, 1, 4}, {5, 0, 0}} {
		t.Run(fmt.Sprint(tc.targets, " ", tc.share), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conf := threeFailures
				conf.MaxEjected = tc.share
				c := judge(t, static(t, nil, hosts(tc.targets)...), conf)
				for range 50 {
					l, err := c.Acquire(Choice{})
					if err != nil {
						t.Fatal(err)
					}
					l.Answered(500)
					l.Done(nil)
				}
				if got := len(c.heard()); got != tc.want {
					t.Errorf("%d are out, want %d", got, tc.want)
				}
			})
		})
	}
}

// TestOutlierWhenOthersGo takes the last ejected one back when all others stop being ready.
func TestOutlierWhenOthersGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := static(t, nil, hosts(4)...)
		c := judge(t, p, threeFailures)
		c.answer("h0", 3, 500)
		time.Sleep(time.Second)
		c.answer("h1", 3, 500)
		c.want("two are out", "h0 out for 10s after 3", "h1 out for 10s after 3")
		p.SetHealthy("h2", false)
		p.SetHealthy("h3", false)
		c.want("the others went", "h0 back")
		if got := c.in(); len(got) != 1 || got[0] != "h0" {
			t.Error(got)
		}
		p.SetHealthy("h1", false)
		c.want("an ejected one went", "h1 gone")
	})
}

// TestOutlierOfRestarted takes an instance back at once that supervision reports ready anew, and holds
// nothing against it that was asked before.
func TestOutlierOfRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet()
		for n := range 3 {
			s.SetReady(target(n+1), true)
		}
		c := judge(t, s.Pool("shop"), threeFailures)
		var old Lease
		c.on("shop-2", func(l Lease) { old = l })
		c.answer("shop-2", 3, 500)
		c.want("it fails", "shop-2 out for 10s after 3")
		s.SetReady(target(2), true)
		c.want("reported again", "shop-2 back")
		c.answer("shop-2", 3, 500)
		c.want("it fails again, as a new one", "shop-2 out for 10s after 3")
		s.SetReady(target(2), false)
		c.want("stopped", "shop-2 gone")
		s.SetReady(target(2), true)
		c.want("started: it is not out")
		c.answer("shop-2", 2, 500)
		old.Done(errors.New("broken"))
		c.want("what was asked before does not count")
		if got := c.in(); len(got) != 3 {
			t.Error(got)
		}
		c.answer("shop-2", 1, 500)
		c.want("a third time", "shop-2 out for 10s after 3")
		s.Remove(target(2))
		c.want("removed", "shop-2 gone")
		time.Sleep(time.Minute)
		c.want("its timer finds nobody")
	})
}

// TestOutlierIsTheRoutes has each route judge for itself.
func TestOutlierIsTheRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := static(t, nil, hosts(2)...)
		strict, other := judge(t, p, threeFailures), judge(t, p, threeFailures)
		strict.answer("h0", 3, 500)
		strict.want("strict", "h0 out for 10s after 3")
		other.want("other")
		if got := other.in(); len(got) != 2 {
			t.Error(got)
		}
		strict.Close()
		time.Sleep(time.Minute)
		strict.want("closed")
		p.SetHealthy("h0", false)
		strict.want("closed for good")
		if len(p.judges) != 1 {
			t.Errorf("%d judges", len(p.judges))
		}
	})
}

// TestOutlierAtOnce judges and picks from many goroutines; -race is the judge.
func TestOutlierAtOnce(t *testing.T) {
	p := static(t, nil, hosts(5)...)
	c := judge(t, p, config.Outlier{ConsecutiveFailures: 2, EjectFor: config.Duration(time.Microsecond), MaxEjected: 1})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 2000 {
				l, err := c.Acquire(Choice{})
				if err != nil {
					t.Error(err)
					return
				}
				l.Answered(200 + 300*((i+g)%2))
				l.Done(nil)
				if i%100 == 0 {
					p.SetHealthy(fmt.Sprint("h", g), i%200 == 0)
				}
			}
		})
	}
	all.Wait()
	for _, state := range c.Targets() {
		if state.InFlight != 0 {
			t.Errorf("%+v", state)
		}
	}
}
