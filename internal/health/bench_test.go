package health

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// serve answers every connection with a health endpoint's usual words, with as little of its own as
// it can: what it needs is in the figures.
func serve(b *testing.B) status.Target {
	b.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		buffer := make([]byte, 4096)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if n, _ := conn.Read(buffer); n > 0 {
				_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"))
			}
			_ = conn.Close()
		}
	})
	b.Cleanup(func() { _ = listener.Close(); served.Wait() })
	return status.Target{App: "shop", Instance: "shop-1", Address: listener.Addr().String()}
}

func BenchmarkCheck(b *testing.B) {
	target := serve(b)
	for name, probe := range map[string]*config.Probe{
		"http": {HTTPGet: &config.HTTPGet{Path: "/healthz"}, Timeout: config.Duration(time.Minute)},
		"tcp":  {TCPSocket: &config.TCPSocket{}, Timeout: config.Duration(time.Minute)},
	} {
		b.Run(name, func(b *testing.B) {
			c := New(prometheus.NewRegistry()).newCheck(Liveness, probe, target)
			b.ReportAllocs()
			began := cpuTime(b)
			for b.Loop() {
				if err := c.run(b.Context(), time.Now()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkWatch watches instances for a second, each with a check of both probes; the server's share
// is in the figure.
func BenchmarkWatch(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("instances=%d", n), func(b *testing.B) {
			target := serve(b)
			probe := &config.Probe{
				HTTPGet: &config.HTTPGet{Path: "/healthz"}, Period: config.Duration(time.Second),
				Timeout: config.Duration(time.Second), FailureThreshold: 3, SuccessThreshold: 1,
			}
			p := New(prometheus.NewRegistry())
			before := stacks()
			ctx, cancel := context.WithCancel(b.Context())
			var watches sync.WaitGroup
			for i := range n {
				target := status.Target{App: "shop", Instance: fmt.Sprintf("shop-%d", i+1), Address: target.Address}
				watches.Go(func() { p.Liveness(ctx, probe, target, func(error) {}) })
				watches.Go(func() { p.Readiness(ctx, probe, target, true, func(error) {}) })
			}
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			<-tick.C // every one has had its first check
			began := cpuTime(b)
			for b.Loop() {
				<-tick.C
			}
			cpu := cpuTime(b) - began
			b.ReportMetric(100*cpu.Seconds()/b.Elapsed().Seconds(), "%core")
			b.ReportMetric(float64(stacks()-before)/float64(n), "stack-B/instance")
			cancel()
			watches.Wait()
		})
	}
}

func stacks() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.StackInuse
}
