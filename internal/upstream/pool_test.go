package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"holdfast/internal/config"
	"holdfast/internal/status"
	"holdfast/internal/upstream/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func target(n int) status.Target {
	return status.Target{App: "shop", Instance: fmt.Sprint("shop-", n), Address: fmt.Sprint("127.0.0.1:2000", n)}
}

// lease is one for t as it is now, without counting.
func (p *Pool) lease(t status.Target) Lease {
	m := p.find(t)
	return Lease{m: m, epoch: m.epoch.Load()}
}

// picks acquires and gives back n leases.
func picks(t *testing.T, p *Pool, b config.Balance, n int, not ...Lease) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		l, err := p.Acquire(b, not...)
		if err != nil {
			t.Fatal(err)
		}
		got[l.Target().Instance]++
		l.Done(nil)
	}
	return got
}

func TestRoundRobin(t *testing.T) {
	s := NewSet()
	p := s.Pool("shop")
	if _, err := p.Acquire(config.RoundRobin); !errors.Is(err, status.ErrNotReady) {
		t.Errorf("empty pool: %v", err)
	}
	for n := range 3 {
		s.SetReady(target(n+1), true)
	}
	if diff := cmp.Diff(map[string]int{"shop-1": 4, "shop-2": 4, "shop-3": 4}, picks(t, p, config.RoundRobin, 12)); diff != "" {
		t.Errorf("three ready (-want +got):\n%s", diff)
	}
	s.SetReady(target(2), false)
	if diff := cmp.Diff(map[string]int{"shop-1": 5, "shop-3": 5}, picks(t, p, config.RoundRobin, 10)); diff != "" {
		t.Errorf("two ready (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"shop-3": 4}, picks(t, p, config.RoundRobin, 4, p.lease(target(1)))); diff != "" {
		t.Errorf("one passed over (-want +got):\n%s", diff)
	}
	if _, err := p.Acquire(config.RoundRobin, p.lease(target(1)), p.lease(target(3))); !errors.Is(err, status.ErrNotReady) {
		t.Errorf("all passed over: %v", err)
	}
	s.Remove(target(1))
	s.Remove(target(3))
	if p.Ready() != 0 || s.Pool("shop") != p {
		t.Errorf("ready = %d; same pool %v", p.Ready(), s.Pool("shop") == p)
	}
}

func TestLeastConn(t *testing.T) {
	s := NewSet()
	p := s.Pool("shop")
	s.SetReady(target(1), true)
	s.SetReady(target(2), true)
	var held []Lease
	for range 3 {
		l, err := p.Acquire(config.RoundRobin, p.lease(target(2)))
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, l)
	}
	if diff := cmp.Diff(map[string]int{"shop-2": 10}, picks(t, p, config.LeastConn, 10)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := p.InFlight(target(1)); n != 3 {
		t.Errorf("in flight = %d, want 3", n)
	}
	for _, l := range held {
		l.Done(nil)
	}
	// With nothing in flight, ties go around.
	if diff := cmp.Diff(map[string]int{"shop-1": 5, "shop-2": 5}, picks(t, p, config.LeastConn, 10)); diff != "" {
		t.Errorf("ties (-want +got):\n%s", diff)
	}
	if n := p.InFlight(status.Target{}); n != 0 {
		t.Errorf("unknown target: %d in flight", n)
	}
}

func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := static(t, nil, "http://a:1", "http://b:2/")
		l, err := p.Acquire(config.RoundRobin)
		if err != nil {
			t.Fatal(err)
		}
		bad := l.Target()
		l.Done(fmt.Errorf("wrapped: %w", &ConnectError{Err: context.DeadlineExceeded}))
		for _, b := range []config.Balance{config.RoundRobin, config.LeastConn} {
			if got := picks(t, p, b, 4); got[bad.Instance] != 0 {
				t.Errorf("%s: a resting target is picked: %v", b, got)
			}
			// When nothing else can be had it is better than nothing.
			other := status.Target{Instance: "a:1", Address: "a:1"}
			if other == bad {
				other = status.Target{Instance: "b:2", Address: "b:2"}
			}
			if got := picks(t, p, b, 1, p.lease(other)); got[bad.Instance] != 1 {
				t.Errorf("%s: %v", b, got)
			}
		}
		time.Sleep(restAfterFailure) // synctest's clock
		if got := picks(t, p, config.RoundRobin, 4); got[bad.Instance] != 2 {
			t.Errorf("after the rest: %v", got)
		}
	})
}

// A restarted instance that is ready again does not rest.
func TestReadyEndsRest(t *testing.T) {
	s := NewSet()
	s.SetReady(target(1), true)
	s.SetReady(target(2), true)
	l, err := s.Pool("shop").Acquire(config.RoundRobin, s.Pool("shop").lease(target(2)))
	if err != nil {
		t.Fatal(err)
	}
	l.Done(&ConnectError{Err: errors.New("refused")})
	s.SetReady(target(1), false)
	s.SetReady(target(1), true)
	if got := picks(t, s.Pool("shop"), config.RoundRobin, 4); got["shop-1"] != 2 {
		t.Errorf("picks = %v", got)
	}
}

// An instance that comes back at another address replaces itself; what is late about the old one
// is ignored.
func TestAddressChange(t *testing.T) {
	s := NewSet()
	before, after := target(1), target(1)
	after.Address = "127.0.0.1:29999"
	s.SetReady(before, true)
	s.SetReady(after, true)
	s.SetReady(before, false)
	s.Remove(before)
	l, err := s.Pool("shop").Acquire(config.RoundRobin)
	if err != nil || l.Target() != after || s.Pool("shop").Ready() != 1 {
		t.Errorf("target = %v, %v", l, err)
	}
	l.Done(nil)
}

func TestStaticURLs(t *testing.T) {
	for _, bad := range []string{"", "a:1", "ftp://a", "http://", "http://a/path", "http://a?x", "http://u@a", "http://a/#f", "http://a b", ":"} {
		if _, err := Servers("r", []string{bad}, nil); err == nil || !strings.Contains(err.Error(), `route "r"`) {
			t.Errorf("Servers(%q): %v", bad, err)
		}
	}
	p := static(t, nil, "https://a")
	l, err := p.Acquire(config.RoundRobin)
	if err != nil || l.Scheme() != "https" || l.Target().Address != "a" || p.Name() != "r" {
		t.Errorf("lease = %v, %v", l, err)
	}
	l.Done(nil)
}

// flushed counts the flushes of a transport.
type flushed struct {
	wire.Sender
	n int
}

func (f *flushed) CloseIdle() { f.n++ }

// Removing a target flushes its connections and nobody else's.
func TestRemoveFlushesConnections(t *testing.T) {
	s := NewSet()
	s.SetReady(target(1), true)
	s.SetReady(target(2), true)
	p := s.Pool("shop")
	gone, stays := &flushed{}, &flushed{}
	p.find(target(1)).transport.Store(&held{gone})
	p.find(target(2)).transport.Store(&held{stays})
	s.SetReady(target(1), false)
	if gone.n != 0 {
		t.Error("flushed while its requests may still be in flight")
	}
	s.Remove(target(1))
	if gone.n != 1 || stays.n != 0 {
		t.Errorf("flushes = %d and %d, want 1 and 0", gone.n, stays.n)
	}
	s.Close()
	if stays.n != 1 {
		t.Errorf("after Close: %d", stays.n)
	}
}

func TestConnectError(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	address := server.Listener.Addr().String()
	server.Close()
	res, err := newTransport(address, "http", TransportOptions{}).Send(t.Context(), &Request{Method: "GET", Target: "/"})
	if err == nil {
		_ = res.Body.Close()
	}
	if !IsConnectError(err) {
		t.Errorf("a closed port: %v", err)
	}
	if IsConnectError(errors.New("x")) || IsConnectError(nil) {
		t.Error("others are connect errors")
	}
}

// Targets come and go while requests are picked; -race is the judge, and no lease is lost.
func TestConcurrentUse(t *testing.T) {
	s := NewSet()
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				b := config.RoundRobin
				if i%2 == 0 {
					b = config.LeastConn
				}
				if l, err := s.Pool("shop").Acquire(b); err == nil {
					l.Done(nil)
				} else if !errors.Is(err, status.ErrNotReady) {
					t.Error(err)
				}
			}
		})
	}
	for i := range 2000 {
		t := target(i % 5)
		s.SetReady(t, i%3 != 0)
		if i%7 == 0 {
			s.Remove(t)
		}
	}
	close(stop)
	all.Wait()
	for n := range 5 {
		if got := s.Pool("shop").InFlight(target(n)); got != 0 {
			t.Errorf("target %d: %d in flight", n, got)
		}
	}
	s.Close()
}

// BenchmarkSetReady takes one instance out of the balancing and back in.
func BenchmarkSetReady(b *testing.B) {
	for _, shape := range []struct{ apps, each int }{{1, 5}, {200, 5}, {1000, 5}, {1, 1000}} {
		b.Run(fmt.Sprintf("apps=%d/members=%d", shape.apps, shape.apps*shape.each), func(b *testing.B) {
			s := NewSet()
			var one status.Target
			for a := range shape.apps {
				for i := range shape.each {
					one = status.Target{App: fmt.Sprint("app-", a), Instance: fmt.Sprintf("app-%d-%d", a, i+1), Address: fmt.Sprint("127.0.0.1:", 20000+i)}
					s.SetReady(one, true)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				s.SetReady(one, false)
				s.SetReady(one, true)
			}
		})
	}
}

// BenchmarkMember tells what a target costs that is known and idle, and one with a connection that is
// kept alive, the server's side of it included.
func BenchmarkMember(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }))
	defer server.Close()
	address := server.Listener.Addr().String()
	for _, connected := range []bool{false, true} {
		b.Run(fmt.Sprintf("connected=%v", connected), func(b *testing.B) {
			const members = 500
			var before, after runtime.MemStats
			for b.Loop() {
				s := NewSet()
				runtime.GC()
				runtime.ReadMemStats(&before)
				for i := range members {
					s.SetReady(status.Target{App: fmt.Sprint("app-", i/5), Instance: fmt.Sprintf("app-%d-%d", i/5, i%5+1), Address: address}, true)
				}
				for i := 0; connected && i < members; i++ {
					lease, err := s.Pool(fmt.Sprint("app-", i/5)).Acquire(config.RoundRobin)
					if err != nil {
						b.Fatal(err)
					}
					res, err := lease.Send(b.Context(), &Request{Method: http.MethodGet, Target: "/", Host: address})
					if err != nil {
						b.Fatal(err)
					}
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
					lease.Done(nil)
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				s.Close()
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/members, "heap-B/member")
			b.ReportMetric((float64(after.StackInuse)-float64(before.StackInuse))/members, "stack-B/member")
		})
	}
}
