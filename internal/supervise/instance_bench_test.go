package supervise

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/process"
	"holdfast/internal/status"
)

// still is a world in which nothing happens and nothing is kept, so that what is measured is
// supervision's own.
type still struct {
	ready   atomic.Int64
	allUp   chan struct{}
	wanted  int64
	nextPID atomic.Int64
}

func (*still) Enforces() (memory, cpu bool, why string) { return true, true, "" }

func (s *still) Start(process.Spec) (Child, error) {
	return &stillChild{pid: int(s.nextPID.Add(1)), done: make(chan struct{})}, nil
}

func (s *still) SetReady(_ status.Target, ready bool) {
	if ready && s.ready.Add(1) == s.wanted {
		close(s.allUp)
	}
}

func (*still) Ended(status.Target)                                         {}
func (*still) Remove(status.Target)                                        {}
func (*still) Drain(context.Context, status.Target)                        {}
func (*still) Expect(string, bool)                                         {}
func (*still) Maintain(string, *status.Maintenance)                        {}
func (*still) Results(string, string) []status.ProbeResult                 { return nil }
func (*still) Forget(string, string)                                       {}
func (*still) Startup(context.Context, *config.Probe, status.Target) error { return nil }
func (*still) Liveness(ctx context.Context, _ *config.Probe, _ status.Target, _ func(error)) {
	<-ctx.Done()
}

func (*still) Readiness(ctx context.Context, _ *config.Probe, _ status.Target, _ bool, _ func(error)) {
	<-ctx.Done()
}

type stillChild struct {
	pid  int
	done chan struct{}
}

func (c *stillChild) PID() int                     { return c.pid }
func (c *stillChild) Done() <-chan struct{}        { return c.done }
func (c *stillChild) Exit() status.Exit            { return status.Exit{PID: c.pid} }
func (c *stillChild) Signal(process.Stop) error    { close(c.done); return nil }
func (c *stillChild) Kill() int                    { return 0 }
func (c *stillChild) Usage() (status.Usage, error) { return status.Usage{Time: time.Now()}, nil }

// BenchmarkInstances starts and stops instances with both probes, and reports what each holds in
// memory while it runs: heap and stacks of supervision, without processes, pipes and connections.
func BenchmarkInstances(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(label("instances", n), func(b *testing.B) {
			b.ReportAllocs()
			var memory, routines float64
			for b.Loop() {
				memory, routines = hold(b, n)
			}
			b.ReportMetric(memory/float64(n), "B/instance")
			b.ReportMetric(routines/float64(n), "goroutines/instance")
		})
	}
}

// hold runs n instances, five of an app, and measures them.
func hold(b *testing.B, n int) (memory, routines float64) {
	b.Helper()
	apps := make(map[string]config.App)
	for a := range n / 5 {
		apps[label("app", a)] = namedApp(5, func(c *config.App) {
			c.Port, c.ReadinessProbe = config.PortAuto, &config.Probe{}
			c.StartupProbe = &config.Probe{}
		})
	}
	before, routinesBefore := resident(), runtime.NumGoroutine()
	w := &still{allUp: make(chan struct{}), wanted: int64(n)}
	s := New(Options{
		Launcher: w, Balancer: w, Prober: w, Bus: event.NewBus(1000), Metrics: prometheus.NewRegistry(), Log: zap.NewNop(),
		LogDir: b.TempDir(),
	})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx, apps) // it has no error to tell
	}()
	<-w.allUp
	memory, routines = resident()-before, float64(runtime.NumGoroutine()-routinesBefore)
	cancel()
	<-done
	return memory, routines
}

// resident is what the heap and the stacks take after a collection.
func resident() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}

// BenchmarkMachine is the cost of one end and restart in the machine itself.
func BenchmarkMachine(b *testing.B) {
	app := testApp()
	app.Restart.ResetAfter = 0 // each run is stable
	m := newTestMachine(app)
	at := moment{wall: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	m.on(startInput{}, at)
	b.ReportAllocs()
	for b.Loop() {
		at.at += time.Second
		m.on(spawned{pid: 1, port: 20001, ready: true}, at)
		m.on(ended{exit: status.Exit{Code: 1}}, at)
	}
	if m.view.State != status.Pending {
		b.Fatalf("the machine is %s", m.view.State)
	}
}
