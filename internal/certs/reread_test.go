package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/config"
)

// flaky is what others write, which looks the same whether it can be read or not.
type flaky struct {
	pairs  []*pair
	denied atomic.Bool
	next   time.Duration
}

func (*flaky) look(time.Time) any { return nil }
func (*flaky) renew()             {}

func (f *flaky) load(now time.Time) ([]*pair, time.Time, error) {
	var next time.Time
	if f.next > 0 {
		next = now.Add(f.next)
	}
	if f.denied.Load() {
		return nil, next, errors.New("access is denied")
	}
	return f.pairs, next, nil
}

// TestReread: what cannot be used for a while is told of once, read again although it looks the same, and
// told to be well again; a source with a rhythm of its own keeps it.
func TestReread(t *testing.T) {
	for _, tt := range []struct {
		name  string
		every time.Duration // of the source itself
	}{
		{"files", 0},
		{"windows store", storeEvery},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, heard, _ := newStore(t)
				cert, key := makePair(t, 1)
				c, err := tls.X509KeyPair(cert, key)
				if err != nil {
					t.Fatal(err)
				}
				p, err := newPair(FromFiles, c)
				if err != nil {
					t.Fatal(err)
				}
				src := &flaky{pairs: []*pair{p}, next: tt.every}
				src.denied.Store(true)
				good := &entry{conf: config.Certificate{}, kind: FromFiles, source: src, pairs: []*pair{p}, index: newIndex([]*pair{p}), next: time.Now()}
				s.current.Store(&map[string]*entry{"shop": good})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- s.Run(ctx) }()
				time.Sleep(10*storeEvery + checkEvery)
				synctest.Wait()
				if heard.count(Rejected, "shop") != 1 || serial(t, s) != 1 {
					t.Errorf("in ten minutes it was told %d times", heard.count(Rejected, "shop"))
				}
				src.denied.Store(false)
				time.Sleep(max(rereadEvery, tt.every) + checkEvery)
				synctest.Wait()
				if i := s.List()[0]; i.Err != nil || heard.count(Reloaded, "shop") != 1 {
					t.Errorf("after the cure: %v, told %d times", i.Err, heard.count(Reloaded, "shop"))
				}
				src.denied.Store(true)
				s.mu.Lock()
				(*s.current.Load())["shop"].next = time.Now()
				s.mu.Unlock()
				time.Sleep(2 * checkEvery)
				synctest.Wait()
				if heard.count(Rejected, "shop") != 2 {
					t.Errorf("the same once more: told %d times", heard.count(Rejected, "shop"))
				}
				// A reload does not wait for the next look.
				src.denied.Store(false)
				if err := s.Apply(map[string]config.Certificate{"shop": {}}); err != nil || s.List()[0].Err != nil {
					t.Errorf("reload after the cure: %v, %v", err, s.List()[0].Err)
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
