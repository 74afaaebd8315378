package supervise

import (
	"context"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/process"
	"holdfast/internal/secret"
	"holdfast/internal/status"
)

// stage is a world that keeps nothing, for measuring the Supervisor alone.
type stage struct{ b *testing.B }

type actor struct {
	done chan struct{}
	stop context.CancelFunc
}

func (a *actor) PID() int                     { return 1 }
func (a *actor) Done() <-chan struct{}        { return a.done }
func (a *actor) Exit() status.Exit            { return status.Exit{} }
func (a *actor) Signal(process.Stop) error    { a.stop(); return nil }
func (a *actor) Kill() int                    { a.stop(); return 0 }
func (a *actor) Usage() (status.Usage, error) { return status.Usage{Memory: 1 << 20}, nil }

func (stage) Start(process.Spec) (Child, error) {
	ctx, stop := context.WithCancel(context.Background())
	a := &actor{done: make(chan struct{}), stop: stop}
	context.AfterFunc(ctx, func() { close(a.done) })
	return a, nil
}

func (stage) Enforces() (memory, cpu bool, why string) { return true, true, "" }

func (stage) SetReady(status.Target, bool)                                        {}
func (stage) Ended(status.Target)                                                 {}
func (stage) Remove(status.Target)                                                {}
func (stage) Drain(context.Context, status.Target)                                {}
func (stage) Expect(string, bool)                                                 {}
func (stage) Maintain(string, *status.Maintenance)                                {}
func (stage) Startup(context.Context, *config.Probe, status.Target) error         { return nil }
func (stage) Results(string, string) []status.ProbeResult                         { return nil }
func (stage) Forget(string, string)                                               {}
func (stage) Liveness(context.Context, *config.Probe, status.Target, func(error)) {}
func (stage) Readiness(context.Context, *config.Probe, status.Target, bool, func(error)) {
}

// benchApps is a fleet; every tenth app is needed by the nine after it.
func benchApps(apps, instances int, change ...func(*config.App)) map[string]config.App {
	out := make(map[string]config.App, apps)
	for n := range apps {
		app := namedApp(instances, append(change, overlapping)...)
		app.Env = map[string]secret.Value{"MODE": secret.New("production")}
		if n%10 != 0 {
			app.DependsOn = []string{"app" + strconv.Itoa(n-n%10)}
		}
		out["app"+strconv.Itoa(n)] = app
	}
	return out
}

// perform runs a Supervisor; ready returns once all instances are ready, end when all are gone.
func perform(b *testing.B, apps map[string]config.App, wanted int) (s *Supervisor, ready, end func()) {
	b.Helper()
	bus := event.NewBus(100)
	s = New(Options{
		Launcher: stage{b}, Balancer: stage{b}, Prober: stage{b}, Bus: bus,
		Metrics: prometheus.NewRegistry(), Log: zap.NewNop(), LogDir: b.TempDir(), Environ: make([]string, 50),
	})
	sub := bus.Subscribe(10 * wanted)
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx, apps)
	}()
	ready = func() {
		for n := 0; n < wanted; {
			if e := <-sub.C; e.Type == "instance.ready" {
				n++
			}
		}
	}
	return s, ready, func() { cancel(); <-done; sub.Close() }
}

func BenchmarkReconcile(b *testing.B) {
	for _, apps := range []int{10, 100, 1000} {
		b.Run(label("apps", apps), func(b *testing.B) {
			tuned, next := benchApps(apps, 5), benchApps(apps, 5, func(a *config.App) { a.Stop.Grace++ })
			s, ready, end := perform(b, tuned, 5*apps)
			ready()
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Apply(b.Context(), next); err != nil {
					b.Fatal(err)
				}
				tuned, next = next, tuned
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(5*apps), "ns/instance")
			b.StopTimer()
			end()
		})
	}
}

func BenchmarkFleetStart(b *testing.B) {
	for _, apps := range []int{20, 200} {
		b.Run(label("apps", apps), func(b *testing.B) {
			fleet := benchApps(apps, 5)
			b.ReportAllocs()
			for b.Loop() {
				_, ready, end := perform(b, fleet, 5*apps)
				ready()
				end()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(5*apps), "ns/instance")
		})
	}
}

func BenchmarkApps(b *testing.B) {
	for _, apps := range []int{20, 200} {
		b.Run(label("apps", apps), func(b *testing.B) {
			s, ready, end := perform(b, benchApps(apps, 5), 5*apps)
			ready()
			b.ReportAllocs()
			for b.Loop() {
				if got := len(s.Apps()); got != apps {
					b.Fatal(got)
				}
			}
			b.StopTimer()
			end()
		})
	}
}

// BenchmarkSample is what the sampler itself costs for one measurement; the system's part is in
// process.
func BenchmarkSample(b *testing.B) {
	s, ready, end := perform(b, benchApps(1, 1), 1)
	ready()
	i := s.everyInstance(nil)[0]
	b.ReportAllocs()
	for b.Loop() {
		s.sampler.watch(b.Context(), i)
	}
	b.StopTimer()
	end()
}
