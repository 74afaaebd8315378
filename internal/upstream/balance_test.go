package upstream

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"holdfast/internal/config"
)

// static is a pool of servers.
func static(tb testing.TB, weights []int, urls ...string) *Pool {
	tb.Helper()
	servers, err := Servers("r", urls, weights)
	if err != nil {
		tb.Fatal(err)
	}
	return NewStatic("r", servers, TransportOptions{})
}

// plain has a Balancer for every pool and rule.
var plain sync.Map

func (p *Pool) by(b config.Balance) *Balancer {
	type key struct {
		p *Pool
		b config.Balance
	}
	if had, ok := plain.Load(key{p, b}); ok {
		return had.(*Balancer)
	}
	had, _ := plain.LoadOrStore(key{p, b}, NewBalancer(p, BalanceOptions{Balance: b}))
	return had.(*Balancer)
}

func (p *Pool) Acquire(b config.Balance, tried ...Lease) (Lease, error) {
	return p.by(b).Acquire(Choice{}, tried...)
}

func (p *Pool) Await(ctx context.Context, place *Place, b config.Balance) (Lease, error) {
	return p.by(b).Await(ctx, place, Choice{})
}

func BenchmarkAcquire(b *testing.B) {
	for _, shape := range []struct {
		name string
		o    BalanceOptions
		c    Choice
	}{
		{"round_robin", BalanceOptions{Balance: config.RoundRobin}, Choice{}},
		{"least_conn", BalanceOptions{Balance: config.LeastConn}, Choice{}},
		{"random_two", BalanceOptions{Balance: config.RandomTwo}, Choice{}},
		{"hash", BalanceOptions{Balance: config.Hash}, Choice{Key: 17, Keyed: true}},
		{"sticky", BalanceOptions{Balance: config.RoundRobin, Token: func(name string) (t Token) { copy(t[:], fmt.Sprintf("%8s", name)); return t }}, Choice{Want: Token{1}}},
		{"outlier", BalanceOptions{Balance: config.RoundRobin, Outlier: &config.Outlier{ConsecutiveFailures: 5, EjectFor: 1, MaxEjected: 0.5}}, Choice{}},
	} {
		for _, weighted := range []bool{false, true} {
			for _, n := range []int{2, 10, 100} {
				b.Run(fmt.Sprintf("balance=%s/weighted=%v/targets=%d", shape.name, weighted, n), func(b *testing.B) {
					var urls []string
					var weights []int
					for i := range n {
						urls = append(urls, fmt.Sprintf("http://10.0.0.%d:8080", i))
						if weighted {
							weights = append(weights, i+1)
						}
					}
					balancer := NewBalancer(static(b, weights, urls...), shape.o)
					defer balancer.Close()
					b.ReportAllocs()
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							l, err := balancer.Acquire(shape.c)
							if err != nil {
								b.Fatal(err)
							}
							l.Answered(200)
							l.Done(nil)
						}
					})
				})
			}
		}
	}
}
