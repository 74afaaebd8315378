package upstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// line is a number of requests that wait, in the order of their numbers.
type line struct {
	t      *testing.T // the bubble's
	p      *Pool
	mu     sync.Mutex
	order  []int // those that were let go
	leases map[int]Lease
	errs   map[int]error
	all    sync.WaitGroup
}

// wait puts n more requests into the line; it is called within a synctest bubble.
func (l *line) wait(ctx context.Context, n int) {
	if l.leases == nil {
		l.leases, l.errs = map[int]Lease{}, map[int]error{}
	}
	synctest.Wait()
	l.mu.Lock()
	from := len(l.order) + len(l.errs) + l.waiting()
	l.mu.Unlock()
	for i := range n {
		l.all.Go(func() {
			lease, err := l.p.Await(ctx, new(Place), config.RoundRobin)
			l.mu.Lock()
			defer l.mu.Unlock()
			if err != nil {
				l.errs[from+i] = err
				return
			}
			l.order = append(l.order, from+i)
			l.leases[from+i] = lease
		})
		synctest.Wait() // so that they come one after the other
	}
}

func (l *line) waiting() int {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	n := 0
	for w := l.p.queue.first; w != nil; w = w.next {
		n++
	}
	return n
}

// gone is how many were let go by now.
func (l *line) gone() int {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.order)
}

// done gives all leases back.
func (l *line) done() {
	l.all.Wait()
	for _, lease := range l.leases {
		lease.Done(nil)
	}
}

func inLine(t *testing.T, f func(s *Set, l *line)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := NewSet()
		l := &line{t: t, p: s.Pool("shop")}
		f(s, l)
		l.done()
		l.p.mu.Lock()
		defer l.p.mu.Unlock()
		if l.p.queue.first != nil || l.p.queue.timer != nil {
			t.Error("the line is not at rest at the end")
		}
	})
}

// order are those that were let go, by their numbers: those of one step wake in any order.
func order(l *line) []int {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(slices.Values(l.order))
}

// An instance that has just started is not met by everybody at once, and a slow one holds up nobody
// for long.
func TestAwaitLetsGoBySteps(t *testing.T) {
	inLine(t, func(s *Set, l *line) {
		t := l.t
		s.Expect("shop", true)
		l.wait(t.Context(), 10*atOnce)
		s.SetReady(target(1), true)
		if diff := cmp.Diff(upTo(atOnce), order(l)); diff != "" {
			t.Errorf("the first step (-want +got):\n%s", diff)
		}
		l.p.Passed()
		if diff := cmp.Diff(upTo(atOnce+1), order(l)); diff != "" {
			t.Errorf("one has its answer (-want +got):\n%s", diff)
		}
		s.SetReady(target(2), true)
		if got := l.gone(); got != 2*atOnce+1 {
			t.Errorf("with a second target %d, want %d", got, 2*atOnce+1)
		}
		time.Sleep(pace) // synctest's clock
		if got := l.gone(); got != 4*atOnce+1 {
			t.Errorf("after %v %d, want %d", pace, got, 4*atOnce+1)
		}
		time.Sleep(pace)
		if got := l.gone(); got != 8*atOnce+1 {
			t.Errorf("after twice %v %d, want %d", pace, got, 8*atOnce+1)
		}
		time.Sleep(pace)
		if got := l.gone(); got != 10*atOnce {
			t.Errorf("at the end %d, want all", got)
		}
		spread := map[string]int{}
		for _, lease := range l.leases {
			spread[lease.Target().Instance]++
		}
		if spread["shop-2"] < 4*atOnce {
			t.Errorf("spread = %v", spread)
		}
	})
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// What ends the waiting of everybody at once.
func TestAwaitRefused(t *testing.T) {
	until := time.Now().Add(time.Hour)
	for _, tc := range []struct {
		name   string
		before func(*Set) // what makes them wait
		event  func(*Set)
		want   error
	}{
		{"not expected any more", func(s *Set) { s.Expect("shop", true) }, func(s *Set) { s.Expect("shop", false) }, status.ErrNotReady},
		{"maintenance", func(s *Set) { s.Expect("shop", true) }, func(s *Set) { s.Maintain("shop", &status.Maintenance{Until: until, Note: "x"}) }, &MaintenanceError{Until: until}},
		{"refusing target is gone for good", refusing, func(s *Set) { s.SetReady(target(1), false) }, status.ErrNotReady},
		{"refusing target is removed", refusing, func(s *Set) { s.Remove(target(1)) }, status.ErrNotReady},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inLine(t, func(s *Set, l *line) {
				t := l.t
				tc.before(s)
				l.wait(t.Context(), 3)
				if l.gone() != 0 || len(l.errs) != 0 {
					t.Fatal("they do not wait")
				}
				tc.event(s)
				synctest.Wait()
				for i := range 3 {
					if diff := cmp.Diff(tc.want.Error(), fmt.Sprint(l.errs[i])); diff != "" {
						t.Errorf("request %d (-want +got):\n%s", i, diff)
					}
				}
				// Nor does anybody wait who comes later.
				if _, err := l.p.Await(t.Context(), new(Place), config.RoundRobin); err == nil || l.p.Promising() {
					t.Errorf("later: %v", err)
				}
			})
		})
	}
}

// refusing makes a target that is ready and has just refused a connection.
func refusing(s *Set) {
	s.SetReady(target(1), true)
	l, err := s.Pool("shop").Acquire(config.RoundRobin)
	if err != nil {
		panic(err)
	}
	l.Done(&ConnectError{Err: errors.New("refused")})
}

// The only instance was killed, which the gateway hears first: it refuses, and supervision says so
// later.
func TestAwaitTheKilledInstance(t *testing.T) {
	t.Run("restarted", func(t *testing.T) {
		inLine(t, func(s *Set, l *line) {
			t := l.t
			refusing(s)
			if lease, err := l.p.Acquire(config.RoundRobin); err != nil || !lease.Resting() {
				t.Errorf("lease = %v, %v; want a resting one", lease, err)
			} else {
				lease.Done(nil)
			}
			l.wait(t.Context(), 2)
			time.Sleep(3 * time.Millisecond)
			s.Expect("shop", true)
			s.SetReady(target(1), false)
			if l.gone() != 0 {
				t.Fatal("let go to the dead")
			}
			s.SetReady(target(1), true)
			s.Expect("shop", false)
			if l.gone() != 2 {
				t.Error("not let go when it is back")
			}
		})
	})
	t.Run("at another address", func(t *testing.T) {
		inLine(t, func(s *Set, l *line) {
			t := l.t
			refusing(s)
			l.wait(t.Context(), 2)
			moved := target(1)
			moved.Address = "127.0.0.1:29999"
			s.SetReady(moved, true)
			if l.gone() != 2 || l.leases[0].Target() != moved {
				t.Error("not let go to the new address")
			}
		})
	})
	t.Run("alive after all", func(t *testing.T) {
		inLine(t, func(s *Set, l *line) {
			t := l.t
			refusing(s)
			l.wait(t.Context(), 1)
			time.Sleep(restAfterFailure - time.Millisecond)
			if l.gone() != 0 {
				t.Error("let go before the rest is over")
			}
			time.Sleep(time.Millisecond)
			if l.gone() != 1 {
				t.Error("not let go after the rest")
			}
		})
	})
	t.Run("what failed before does not count after", func(t *testing.T) {
		inLine(t, func(s *Set, l *line) {
			t := l.t
			s.SetReady(target(1), true)
			old, err := l.p.Acquire(config.RoundRobin)
			if err != nil {
				t.Fatal(err)
			}
			s.SetReady(target(1), false)
			s.SetReady(target(1), true)
			old.Done(&ConnectError{Err: errors.New("refused")})
			l.wait(t.Context(), 1)
			if l.gone() != 1 {
				t.Error("the new process is blamed for the old one")
			}
			if lease, err := l.p.Acquire(config.RoundRobin, old); err != nil {
				t.Errorf("the new process is passed over for the old one: %v", err)
			} else {
				lease.Done(nil)
			}
		})
	})
}

// Who leaves gives up the place, and who waits again has the old one.
func TestAwaitPlaces(t *testing.T) {
	inLine(t, func(s *Set, l *line) {
		t := l.t
		s.Expect("shop", true)
		why := errors.New("the client left")
		leaving, leave := context.WithCancelCause(t.Context())
		l.wait(leaving, 2*atOnce)
		first := Place{n: 0}
		back, again := context.WithCancel(t.Context())
		again()
		if _, err := l.p.Await(back, &first, config.RoundRobin); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		l.wait(t.Context(), atOnce)
		leave(why)
		synctest.Wait()
		if l.waiting() != atOnce || !errors.Is(l.errs[0], why) {
			t.Errorf("%d wait, want %d; error %v", l.waiting(), atOnce, l.errs[0])
		}
		early := make(chan Lease, 1)
		go func() {
			lease, err := l.p.Await(t.Context(), &first, config.RoundRobin)
			if err != nil {
				t.Error(err)
			}
			early <- lease
		}()
		synctest.Wait()
		s.SetReady(target(1), true)
		synctest.Wait()
		select {
		case lease := <-early:
			lease.Done(nil)
		default:
			t.Error("the old place was lost")
		}
		l.p.Passed()
	})
}

// Targets come and go while requests wait and leave; -race is the judge. No lease is lost, and
// everybody gets an answer.
func TestAwaitConcurrently(t *testing.T) {
	s := NewSet()
	p := s.Pool("shop")
	s.Expect("shop", true)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), rand.N(2*time.Millisecond))
				var place Place
				lease, err := p.Await(ctx, &place, config.LeastConn)
				switch {
				case err == nil && rand.N(4) == 0:
					lease.Done(&ConnectError{Err: errors.New("refused")})
					p.Passed()
				case err == nil:
					lease.Done(nil)
					p.Passed()
				case !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, status.ErrNotReady):
					t.Error(err)
				}
				cancel()
			}
		})
	}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	for i := 0; ; i++ {
		select {
		case <-ended:
			for n := range 3 {
				if got := p.InFlight(target(n)); got != 0 {
					t.Errorf("target %d: %d in flight", n, got)
				}
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.queue.first != nil {
				t.Error("somebody waits still")
			}
			p.queue.rest()
			return
		default:
		}
		s.SetReady(target(i%3), i%2 == 0)
		s.Expect("shop", i%5 != 0)
		if i%7 == 0 {
			s.Remove(target(i % 3))
		}
	}
}

func TestDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet()
		s.SetReady(target(1), true)
		acquire := func() Lease {
			l, err := s.Pool("shop").Acquire(config.RoundRobin)
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		asked, late := acquire(), acquire()
		told := asked.Draining()
		s.SetReady(target(1), false)
		if closed(told) {
			t.Error("told by being not ready")
		}
		go s.Drain(t.Context(), target(1))
		synctest.Wait()
		if !closed(told) || !closed(late.Draining()) {
			t.Error("not told")
		}
		asked.Done(nil)
		late.Done(nil)
		synctest.Wait()
		s.SetReady(target(1), true)
		if l := acquire(); closed(l.Draining()) {
			t.Error("the next process is draining from its start")
		} else {
			l.Done(nil)
		}
	})
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
