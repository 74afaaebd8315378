package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
)

func keyed(qps float64, most int) config.Flow {
	return flow(func(f *config.Flow) { f.QPS, f.Key, f.MaxKeys = config.Number(qps), "header:X-Who", most })
}

func TestKeysAreApart(t *testing.T) {
	c := newClock()
	l := NewLimiter(keyed(2, 100), c.begin)
	for _, who := range []string{"ann", "bob", "", strings.Repeat("x", 1<<16)} {
		for i, want := range []bool{true, true, false} {
			if _, v := l.Enter(c.now, l.Text(who)); v.OK != want {
				t.Errorf("%.5q, request %d: %+v", who, i, v)
			}
		}
	}
}

func TestClientKeys(t *testing.T) {
	l := NewLimiter(flow(func(f *config.Flow) { f.QPS, f.Key = 1, config.KeyClientIP }), time.Now())
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true},
		{"2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"unknown", "unknown", true},
		{"unknown", "hidden", false},
	} {
		if same := l.Client(tt.a) == l.Client(tt.b); same != tt.same {
			t.Errorf("%s and %s: %v", tt.a, tt.b, same)
		}
	}
}

func (t *table) size() (n int) {
	for i := range t.shards {
		n += len(t.shards[i].ring)
	}
	return n
}

// A crowd of keys that come once does not push out those that come all the time.
func TestCrowdForgetsItself(t *testing.T) {
	c := newClock()
	const most = 1024
	l := NewLimiter(keyed(3, most), c.begin)
	hot := l.Text("hot")
	for range 3 {
		l.Enter(c.now, hot)
	}
	for i := range 100 * most {
		if i%(most/8) == 0 {
			if _, v := l.Enter(c.now, hot); v.OK {
				t.Fatalf("the hot key was forgotten after %d others", i)
			}
		}
		if _, v := l.Enter(c.now, l.Text(fmt.Sprint(i))); !v.OK {
			t.Fatalf("new key %d: %+v", i, v)
		}
	}
	if n := l.keys.size(); n != most {
		t.Errorf("%d keys are kept, want %d", n, most)
	}
}

// Who was quiet is forgotten, and begins anew.
func TestForgottenKeyBeginsAnew(t *testing.T) {
	c := newClock()
	l := NewLimiter(keyed(1, 2), c.begin)
	old, _ := l.Enter(c.now, l.Text("quiet"))
	for i := range 20 {
		l.Enter(c.now, l.Text(fmt.Sprint(i)))
	}
	if _, v := l.Enter(c.now, l.Text("quiet")); !v.OK {
		t.Error("it was not forgotten", v)
	}
	old.Undo() // of the forgotten one: whoever has its place now is none the better for it
	for _, s := range l.keys.shards[0].ring {
		if s.count != 1 {
			t.Errorf("a key counts %d", s.count)
		}
	}
}

// Who came often is forgotten, too, once he does not come any more.
func TestQuietKeyIsForgotten(t *testing.T) {
	c := newClock()
	l := NewLimiter(keyed(1, 4), c.begin)
	for range 10 {
		l.Enter(c.now, l.Text("often"))
	}
	for i := range 4 * (maxUses + 2) {
		// These come twice, and so each of them is worth more than one that comes once.
		for range 2 {
			l.Enter(c.now, l.Text(fmt.Sprint(i)))
		}
	}
	if _, v := l.Enter(c.now, l.Text("often")); !v.OK {
		t.Error("it was not forgotten", v)
	}
}

func TestKeysInFlightAreKept(t *testing.T) {
	c := newClock()
	l := NewLimiter(flow(func(f *config.Flow) { f.Concurrency, f.Key, f.MaxKeys = 1, "header:X-Who", 4 }), c.begin)
	var passes []Pass
	for i := range 500 {
		pass, v := l.Enter(c.now, l.Text(fmt.Sprint(i)))
		if !v.OK {
			t.Fatalf("key %d: %+v", i, v)
		}
		passes = append(passes, pass)
	}
	for i := range 500 {
		if _, v := l.Enter(c.now, l.Text(fmt.Sprint(i))); v.OK {
			t.Fatalf("key %d was forgotten although it is in flight", i)
		}
	}
	for _, p := range passes {
		p.Leave()
	}
	if _, v := l.Enter(c.now, l.Text("0")); !v.OK {
		t.Error(v)
	}
}

func TestKnownKeyNeedsNoMemory(t *testing.T) {
	l := NewLimiter(flow(func(f *config.Flow) { f.QPS, f.Concurrency, f.Key = 50, 5, config.KeyClientIP }), time.Now())
	for _, address := range []string{"192.0.2.1", "2001:db8::1"} {
		if n := testing.AllocsPerRun(1000, func() {
			pass, _ := l.Enter(time.Now(), l.Client(address))
			pass.Leave()
		}); n != 0 {
			t.Errorf("%s: %v allocations", address, n)
		}
	}
	i := 0
	full := NewLimiter(keyed(50, 8), time.Now())
	enter := func() {
		i++
		full.Enter(time.Now(), full.Text(string(rune(i))))
	}
	for range 100 {
		enter()
	}
	if n := testing.AllocsPerRun(1000, enter); n >= 2 {
		t.Errorf("a new key in a full table: %v allocations", n)
	}
}
