package upstream

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

func TestDrainWaitsForTheLastLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSet()
		target := status.Target{App: "shop", Instance: "shop-1", Address: "127.0.0.1:20001"}
		s.SetReady(target, true)
		var leases []Lease
		for range 3 {
			l, err := s.Pool("shop").Acquire(config.RoundRobin)
			if err != nil {
				t.Fatal(err)
			}
			leases = append(leases, l)
		}
		s.SetReady(target, false)
		drained := false
		go func() {
			s.Drain(t.Context(), target)
			drained = true
		}()
		for _, l := range leases {
			synctest.Wait()
			if drained {
				t.Fatal("drained with a lease out")
			}
			l.Done(nil)
		}
		synctest.Wait()
		if !drained {
			t.Fatal("not drained after the last lease")
		}
	})
}

func TestDrainEndsWithItsContext(t *testing.T) {
	s := NewSet()
	target := status.Target{App: "shop", Instance: "shop-1", Address: "127.0.0.1:20001"}
	s.Drain(t.Context(), target) // nothing is known of it: nothing to wait for
	s.SetReady(target, true)
	if _, err := s.Pool("shop").Acquire(config.RoundRobin); err != nil {
		t.Fatal(err)
	}
	s.SetReady(target, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Drain(ctx, target)
}

// TestNoLeaseAfterDrain races pickers against the closing of a target: once Drain has returned, no
// lease may be out.
func TestNoLeaseAfterDrain(t *testing.T) {
	for range 200 {
		s := NewSet()
		p := s.Pool("shop")
		target := status.Target{App: "shop", Instance: "shop-1", Address: "127.0.0.1:20001"}
		s.SetReady(target, true)
		var wg sync.WaitGroup
		var drained atomic.Bool
		for range 4 {
			wg.Go(func() {
				for {
					l, err := p.Acquire(config.RoundRobin)
					if errors.Is(err, status.ErrNotReady) {
						return
					}
					if drained.Load() {
						t.Error("a lease was out after the drain")
					}
					l.Done(nil)
				}
			})
		}
		s.SetReady(target, false)
		s.Drain(t.Context(), target)
		drained.Store(true)
		wg.Wait()
	}
}
