package upstream

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
)

// sequence acquires n leases one after the other and gives each back at once.
func sequence(t *testing.T, b *Balancer, n int, c func(i int) Choice) []string {
	t.Helper()
	out := make([]string, n)
	for i := range n {
		choice := Choice{}
		if c != nil {
			choice = c(i)
		}
		l, err := b.Acquire(choice)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = l.Target().Instance
		l.Done(nil)
	}
	return out
}

func tally(names []string) map[string]int {
	out := map[string]int{}
	for _, name := range names {
		out[name]++
	}
	return out
}

// rule is a Balancer for the length of the test.
func rule(tb testing.TB, p *Pool, o BalanceOptions) *Balancer {
	tb.Helper()
	b := NewBalancer(p, o)
	tb.Cleanup(b.Close)
	return b
}

// seeded makes chance the same in every run.
func seeded() func() uint64 { return rand.New(rand.NewPCG(1, 2)).Uint64 }

func hosts(n int) []string {
	out := make([]string, n)
	for i := range n {
		out[i] = fmt.Sprint("http://h", i)
	}
	return out
}

// TestWeightedRoundRobin has each target get exactly its weight within as many turns as all weights
// together, and never far from its share in between: no window of turns gives a target two requests more, or
// fewer, than with the exact rule (nginx's smooth weighted round robin, which needs a lock).
func TestWeightedRoundRobin(t *testing.T) {
	for _, weights := range [][]int{{1, 1}, {5, 1, 1}, {3, 2}, {10, 10, 20}, {1, 2, 3, 4, 5}, {100, 1}, {7, 7, 7, 1}, {50, 30, 20}, {1000, 999}, {17, 3, 3, 1}} {
		t.Run(fmt.Sprint(weights), func(t *testing.T) {
			total, divisor := 0, uint64(0)
			for _, w := range weights {
				total += w
				divisor = gcd(divisor, uint64(w))
			}
			round := total / int(divisor)
			b := rule(t, static(t, weights, hosts(len(weights))...), BalanceOptions{})
			for turn := range 3 {
				got := tally(sequence(t, b, round, nil))
				for i, w := range weights {
					if name := fmt.Sprint("h", i); got[name] != w*round/total {
						t.Errorf("round %d: %s has %d of %d, want %d", turn, name, got[name], round, w*round/total)
					}
				}
			}
			ours, theirs := burst(sequence(t, b, 2*round, nil), weights), burst(nginx(weights, 2*round), weights)
			if ours > theirs+2 {
				t.Errorf("off by %.2f requests, nginx by %.2f", ours, theirs)
			}
		})
	}
}

// nginx is smooth weighted round robin: the target with the most credit is picked and pays for all.
func nginx(weights []int, n int) []string {
	credit := make([]int, len(weights))
	total := 0
	for _, w := range weights {
		total += w
	}
	out := make([]string, n)
	for i := range out {
		best := 0
		for k, w := range weights {
			if credit[k] += w; credit[k] > credit[best] {
				best = k
			}
		}
		credit[best] -= total
		out[i] = fmt.Sprint("h", best)
	}
	return out
}

// burst is by how many requests a window of the sequence gives a target more or less than its share.
func burst(names []string, weights []int) float64 {
	total := 0
	for _, w := range weights {
		total += w
	}
	worst := 0.0
	for i, w := range weights {
		name, off, high, low := fmt.Sprint("h", i), 0.0, 0.0, 0.0
		for _, got := range names { // the widest difference of the running sum is the worst window
			off -= float64(w) / float64(total)
			if got == name {
				off++
			}
			high, low = max(high, off), min(low, off)
		}
		worst = max(worst, high-low)
	}
	return worst
}

// TestBackup has a server with weight 0 get requests only while all others are out.
func TestBackup(t *testing.T) {
	for _, balance := range []config.Balance{config.RoundRobin, config.LeastConn, config.RandomTwo, config.Hash} {
		t.Run(string(balance), func(t *testing.T) {
			p := static(t, []int{1, 2, 0, 0}, hosts(4)...)
			b := rule(t, p, BalanceOptions{Balance: balance})
			keyed := func(i int) Choice { return Choice{Key: HashText(fmt.Sprint(i)), Keyed: true} }
			if got := tally(sequence(t, b, 300, keyed)); got["h2"]+got["h3"] != 0 || got["h0"] == 0 || got["h1"] == 0 {
				t.Errorf("all are there: %v", got)
			}
			p.SetHealthy("h0", false)
			p.SetHealthy("h1", false)
			if got := tally(sequence(t, b, 300, keyed)); got["h2"]+got["h3"] != 300 || got["h2"] == 0 || got["h3"] == 0 {
				t.Errorf("the others are out: %v", got)
			}
			p.SetHealthy("h1", true)
			if got := tally(sequence(t, b, 30, keyed)); got["h1"] != 30 {
				t.Errorf("one is back: %v", got)
			}
		})
	}
}

// TestRandomTwo gives shares by chance: within four standard deviations of what they should be.
func TestRandomTwo(t *testing.T) {
	const n = 20000
	for name, weights := range map[string][]int{"equal": {1, 1, 1, 1, 1}, "weights": {4, 3, 2, 1}, "one": {1}} {
		t.Run(name, func(t *testing.T) {
			total := 0
			for _, w := range weights {
				total += w
			}
			got := tally(sequence(t, rule(t, static(t, weights, hosts(len(weights))...), BalanceOptions{Balance: config.RandomTwo, random: seeded()}), n, nil))
			for i, w := range weights {
				share := float64(w) / float64(total)
				if off := math.Abs(float64(got[fmt.Sprint("h", i)]) - share*n); off > 4*math.Sqrt(n*share*(1-share)) {
					t.Errorf("h%d has %d of %d, want about %.0f", i, got[fmt.Sprint("h", i)], n, share*n)
				}
			}
		})
	}
}

// TestRandomTwoAreTwo has both draws fall on the same target.
func TestRandomTwoAreTwo(t *testing.T) {
	b := rule(t, static(t, nil, hosts(2)...), BalanceOptions{Balance: config.RandomTwo, random: func() uint64 { return 0 }})
	var got []string
	for range 2 {
		l, err := b.Acquire(Choice{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Done(nil)
		got = append(got, l.Target().Instance)
	}
	if diff := cmp.Diff([]string{"h0", "h1"}, got); diff != "" {
		t.Errorf("the busy one is drawn against itself (-want +got):\n%s", diff)
	}
}

// TestRandomTwoPrefersTheLessBusy keeps every lease: the most loaded target is far nearer to the average
// than one choice by chance would leave it.
func TestRandomTwoPrefersTheLessBusy(t *testing.T) {
	for name, weights := range map[string][]int{"equal": nil, "weights": {1, 1, 1, 1, 1, 2, 2, 2, 2, 2}} {
		t.Run(name, func(t *testing.T) {
			b := rule(t, static(t, weights, hosts(10)...), BalanceOptions{Balance: config.RandomTwo, random: seeded()})
			got := map[string]int{}
			for range 3000 {
				l, err := b.Acquire(Choice{})
				if err != nil {
					t.Fatal(err)
				}
				got[l.Target().Instance]++
			}
			for i := range 10 {
				want := 300
				if weights != nil {
					want = 200 * weights[i]
				}
				if n := got[fmt.Sprint("h", i)]; n < want-5 || n > want+5 {
					t.Errorf("h%d has %d in flight, want about %d", i, n, want)
				}
			}
		})
	}
}

// TestLeastConnWeights keeps every lease.
func TestLeastConnWeights(t *testing.T) {
	b := rule(t, static(t, []int{1, 2, 5}, hosts(3)...), BalanceOptions{Balance: config.LeastConn})
	got := map[string]int{}
	for range 80 {
		l, err := b.Acquire(Choice{})
		if err != nil {
			t.Fatal(err)
		}
		got[l.Target().Instance]++
	}
	if diff := cmp.Diff(map[string]int{"h0": 10, "h1": 20, "h2": 50}, got); diff != "" {
		t.Errorf("in flight (-want +got):\n%s", diff)
	}
}

// keys are who has which of n keys.
func keys(t *testing.T, b *Balancer, n int) []string {
	t.Helper()
	return sequence(t, b, n, func(i int) Choice { return Choice{Key: HashText(fmt.Sprint("key-", i)), Keyed: true} })
}

// TestHash has keys stay where they are when targets come and go, but for those of the target.
func TestHash(t *testing.T) {
	const n = 10000
	for name, weights := range map[string][]int{"equal": {1, 1, 1, 1, 1}, "weights": {5, 4, 3, 2, 1}} {
		t.Run(name, func(t *testing.T) {
			total := 0
			for _, w := range weights {
				total += w
			}
			p := static(t, weights, hosts(5)...)
			b := rule(t, p, BalanceOptions{Balance: config.Hash})
			before := keys(t, b, n)
			if diff := cmp.Diff(before, keys(t, b, n)); diff != "" {
				t.Fatal("the same key has two targets")
			}
			for i, w := range weights {
				share := float64(w) / float64(total)
				if got := tally(before)[fmt.Sprint("h", i)]; math.Abs(float64(got)-share*n) > 4*math.Sqrt(n*share*(1-share)) {
					t.Errorf("h%d has %d of %d keys, want about %.0f", i, got, n, share*n)
				}
			}
			p.SetHealthy("h2", false)
			heirs := map[string]int{}
			for i, name := range keys(t, b, n) {
				if before[i] != "h2" && name != before[i] {
					t.Fatalf("key %d moved from %s to %s, and h2 went", i, before[i], name)
				}
				if before[i] == "h2" {
					heirs[name]++
				}
			}
			if len(heirs) != 4 {
				t.Errorf("the keys of h2 went to %v", heirs)
			}
			p.SetHealthy("h2", true)
			if diff := cmp.Diff(before, keys(t, b, n)); diff != "" {
				t.Error("h2 has not got its keys back")
			}
			servers, err := Servers("r", hosts(6), append([]int{}, append(weights, 3)...))
			if err != nil {
				t.Fatal(err)
			}
			p.Serve(servers)
			for i, name := range keys(t, b, n) {
				if name != before[i] && name != "h5" {
					t.Fatalf("key %d moved from %s to %s, and h5 came", i, before[i], name)
				}
			}
		})
	}
}

// TestHashPassesOver has a key that cannot be served where it belongs go to the same other one every time.
func TestHashPassesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := rule(t, static(t, nil, hosts(4)...), BalanceOptions{Balance: config.Hash})
		key := Choice{Key: HashText("a"), Keyed: true}
		own, err := b.Acquire(key)
		if err != nil {
			t.Fatal(err)
		}
		other, err := b.Acquire(key, own)
		if err != nil || other.Target() == own.Target() {
			t.Fatalf("tried was %v, got %v, %v", own.Target(), other.Target(), err)
		}
		own.Done(&ConnectError{})
		for range 5 {
			l, err := b.Acquire(key)
			if err != nil || l.Target() != other.Target() {
				t.Errorf("while it rests: %v, %v; want %v", l.Target(), err, other.Target())
			}
			l.Done(nil)
		}
		time.Sleep(restAfterFailure)
		if l, err := b.Acquire(key); err != nil || l.Target() != own.Target() {
			t.Errorf("after its rest: %v, %v; want %v", l.Target(), err, own.Target())
		}
		if got := tally(sequence(t, b, 40, nil)); len(got) != 4 || got["h0"] != 10 {
			t.Errorf("requests without the key: %v", got)
		}
	})
}

// TestHashIsFixed pins what other Holdfasts, and this one before its restart, have to agree on.
func TestHashIsFixed(t *testing.T) {
	b := rule(t, static(t, nil, hosts(5)...), BalanceOptions{Balance: config.Hash})
	if diff := cmp.Diff([]string{"h2", "h0", "h0", "h1", "h0", "h1", "h1", "h1"}, keys(t, b, 8)); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// TestSlowStart has a new target's share grow from a tenth to the whole of it.
func TestSlowStart(t *testing.T) {
	for _, balance := range []config.Balance{config.RoundRobin, config.LeastConn, config.RandomTwo, config.Hash} {
		t.Run(string(balance), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 6000
				p := static(t, nil, hosts(4)...)
				b := rule(t, p, BalanceOptions{Balance: balance, SlowStart: 100 * time.Second, random: seeded()})
				counts := func() map[string]int {
					return tally(sequence(t, b, n, func(i int) Choice { return Choice{Key: HashText(fmt.Sprint(i)), Keyed: true} }))
				}
				about := func(when string, got int, factor float64) {
					t.Helper()
					want := n * factor / (3 + factor)
					if math.Abs(float64(got)-want) > 4*math.Sqrt(want)+n*0.012 {
						t.Errorf("%s: the new one has %d of %d, want about %.0f", when, got, n, want)
					}
				}
				about("at the beginning all are the same", counts()["h3"], 1)
				p.SetHealthy("h3", false)
				p.SetHealthy("h3", true)
				about("new", counts()["h3"], 0.1)
				time.Sleep(50 * time.Second)
				about("half way", counts()["h3"], 0.55)
				time.Sleep(40 * time.Second)
				about("nearly", counts()["h3"], 0.91)
				time.Sleep(10 * time.Second)
				about("done", counts()["h3"], 1)
				if b.warmed.Load() == 0 {
					t.Error("the clock is looked at for ever")
				}
			})
		})
	}
}

// TestSlowStartOfServers holds back a server that a reload added, and none that was there at the start.
func TestSlowStartOfServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := static(t, nil, hosts(2)...)
		b := rule(t, p, BalanceOptions{SlowStart: time.Minute})
		if got := tally(sequence(t, b, 100, nil)); got["h0"] != 50 {
			t.Errorf("at the start: %v", got)
		}
		servers, err := Servers("r", hosts(3), nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Serve(servers)
		if got := tally(sequence(t, b, 210, nil)); got["h2"] < 8 || got["h2"] > 12 {
			t.Errorf("the added one has %d of 210, want about 10", got["h2"])
		}
	})
}

// TestSlowStartUnderLoad holds a new target back although it has the least to do, with few requests in
// flight and with many.
func TestSlowStartUnderLoad(t *testing.T) {
	for _, balance := range []config.Balance{config.LeastConn, config.RandomTwo} {
		for _, load := range []int{2, 100} {
			synctest.Test(t, func(t *testing.T) {
				p := static(t, nil, hosts(3)...)
				b := rule(t, p, BalanceOptions{Balance: balance, SlowStart: time.Minute, random: seeded()})
				p.SetHealthy("h2", false)
				held := make([]Lease, load)
				acquire := func(i int) (instance string) {
					l, err := b.Acquire(Choice{})
					if err != nil {
						t.Fatal(err)
					}
					held[i%load] = l
					return l.Target().Instance
				}
				for i := range load {
					acquire(i)
				}
				p.SetHealthy("h2", true)
				got := 0
				for i := range 1000 {
					before := held[i%load]
					if acquire(i) == "h2" {
						got++
					}
					before.Done(nil)
				}
				if got == 0 || got > 1000/6 {
					t.Errorf("%s, %d in flight: the new one has %d of 1000, and its full share is 333", balance, load, got)
				}
			})
		}
	}
}

// TestSlowStartOfAll holds nobody back when all are about as new, as after Holdfast's own start.
func TestSlowStartOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet()
		for i := range 4 {
			s.SetReady(target(i+1), true)
			time.Sleep(50 * time.Millisecond)
		}
		got := tally(sequence(t, rule(t, s.Pool("shop"), BalanceOptions{SlowStart: time.Minute}), 400, nil))
		for i := range 4 {
			if n := got[target(i+1).Instance]; n < 98 || n > 102 {
				t.Errorf("%v", got)
			}
		}
		if got := tally(sequence(t, rule(t, s.Pool("shop"), BalanceOptions{SlowStart: time.Minute}), 1, nil)); len(got) != 1 {
			t.Error(got)
		}
	})
}

// TestSticky has a token lead to its target as long as that can be expected to answer.
func TestSticky(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := static(t, nil, hosts(3)...)
		token := func(name string) (t Token) {
			copy(t[:], name)
			copy(t[tokenFinds:], "proof of "+name)
			return t
		}
		b := rule(t, p, BalanceOptions{Token: token})
		wants := func(want Token) func(int) Choice { return func(int) Choice { return Choice{Want: want} } }
		if got := tally(sequence(t, b, 9, wants(token("h1")))); got["h1"] != 9 {
			t.Errorf("with a token: %v", got)
		}
		l, err := b.Acquire(Choice{Want: token("h2")})
		if err != nil || l.Token() != token("h2") {
			t.Errorf("token = %q, %v", l.Token(), err)
		}
		forged := token("h1")
		forged[len(forged)-1] ^= 1
		for name, want := range map[string]Token{"forged": forged, "unknown": token("h9"), "none": {}, "id only": {0: 'h', 1: '1'}} {
			if got := tally(sequence(t, b, 9, wants(want))); !maps.Equal(got, map[string]int{"h0": 3, "h1": 3, "h2": 3}) {
				t.Errorf("%s: %v", name, got)
			}
		}
		l.Done(&ConnectError{})
		if got := tally(sequence(t, b, 8, wants(token("h2")))); got["h2"] != 0 || len(got) != 2 {
			t.Errorf("its target rests: %v", got)
		}
		time.Sleep(restAfterFailure)
		p.SetHealthy("h2", false)
		if got := tally(sequence(t, b, 8, wants(token("h2")))); got["h2"] != 0 || len(got) != 2 {
			t.Errorf("its target is gone: %v", got)
		}
		p.SetHealthy("h2", true)
		if got := tally(sequence(t, b, 8, wants(token("h2")))); got["h2"] != 8 {
			t.Errorf("its target is back: %v", got)
		}
	})
}

// TestServe changes the servers of a pool: who stays keeps what is known of it.
func TestServe(t *testing.T) {
	p := static(t, []int{1, 1}, "http://a", "http://b")
	b := rule(t, p, BalanceOptions{})
	p.SetHealthy("a", false)
	l, err := b.Acquire(Choice{})
	if err != nil || l.Target().Instance != "b" {
		t.Fatal(l, err)
	}
	servers, err := Servers("r", []string{"http://a", "http://b", "http://c:81", "https://d"}, []int{1, 3, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	p.Serve(servers)
	if p.Healthy("a") || !p.Healthy("b") || !p.Healthy("c:81") {
		t.Error("the state of a server is lost")
	}
	if diff := cmp.Diff(map[string]int{"b": 6, "c:81": 2, "d": 2}, tally(sequence(t, b, 10, nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	targets := b.Targets()
	if len(targets) != 4 || targets[0].State != "failing" || targets[1].InFlight != 1 || targets[2].Instance != "d" || targets[2].Address != "d:443" {
		t.Errorf("%+v", targets)
	}
	p.Serve(servers[:1])
	p.SetHealthy("a", true)
	l.Done(nil)
	if got := tally(sequence(t, b, 3, nil)); got["a"] != 3 {
		t.Error(got)
	}
	for _, url := range []string{"http://a:8443", "https://a:8443"} {
		if servers, err = Servers("r", []string{url}, nil); err != nil {
			t.Fatal(err)
		}
		p.Serve(servers)
	}
	if l, err = b.Acquire(Choice{}); err != nil || l.Scheme() != "https" {
		t.Errorf("a server that is spoken to over TLS now is not: %v", err)
	}
	l.Done(nil)
	for _, tc := range []struct {
		urls    []string
		weights []int
	}{{[]string{"http://a", "http://a"}, nil}, {[]string{"http://a"}, []int{1, 2}}} {
		if _, err := Servers("r", tc.urls, tc.weights); err == nil {
			t.Errorf("Servers(%v, %v)", tc.urls, tc.weights)
		}
	}
}

// TestAcquireAllocates nothing, whatever the rule.
func TestAcquireAllocates(t *testing.T) {
	p := static(t, []int{1, 2, 3, 0}, hosts(4)...)
	for _, balance := range []config.Balance{config.RoundRobin, config.LeastConn, config.RandomTwo, config.Hash} {
		o := BalanceOptions{
			Balance: balance, SlowStart: time.Hour, Outlier: &config.Outlier{ConsecutiveFailures: 3, EjectFor: 1, MaxEjected: 0.5},
			Token: func(name string) (t Token) { copy(t[:], name); return t },
		}
		b := rule(t, p, o)
		var tried Lease
		if n := testing.AllocsPerRun(100, func() {
			l, err := b.Acquire(Choice{Key: 1, Keyed: true, Want: Token{1}})
			if err != nil {
				t.Fatal(err)
			}
			tried = l
			if l, err = b.Acquire(Choice{}, tried); err == nil {
				l.Answered(http.StatusOK)
				l.Done(nil)
			}
			tried.Done(nil)
		}); n != 0 {
			t.Errorf("%s: %v allocations", balance, n)
		}
	}
}
