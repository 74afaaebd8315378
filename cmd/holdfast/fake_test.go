package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/api"
	"holdfast/internal/certs"
	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/service"
	"holdfast/internal/status"
)

// now is when every fake stands.
func now() time.Time { return time.Date(2026, 3, 1, 10, 45, 7, 0, time.UTC) }

// fakeHoldfast is a running service as far as the CLI can tell.
type fakeHoldfast struct {
	mu       sync.Mutex
	apps     []status.App
	lines    []status.Line
	live     chan status.Line
	problems config.Problems
	actions  []string
	trials   []status.StopTrial
	// after is what an action makes of the app.
	after func(*status.App)
	// later is what becomes of the app once it has been looked at.
	later func(*status.App)

	bus   *event.Bus
	certs *certs.Store
}

// newFakeHoldfast serves one in a data folder and returns what selects it on the command line.
func newFakeHoldfast(t *testing.T) (f *fakeHoldfast, data string) {
	t.Helper()
	f = &fakeHoldfast{apps: []status.App{degradedApp(), healthyApp()}, live: make(chan status.Line, 8), bus: event.NewBus(100), certs: certs.New(certs.Options{DataDir: t.TempDir()})}
	f.lines = []status.Line{
		{Seq: 1, Time: now().Add(-time.Minute), Instance: "shop-1", Stream: "stdout", Text: "listening"},
		{Seq: 1, Time: now().Add(-16 * time.Second), Instance: "shop-2", Stream: "stderr", Text: "Error: connect ECONNREFUSED 10.0.0.9:5432"},
	}
	data = t.TempDir()
	t.Cleanup(f.serve(t, data))
	return f, data
}

// serve answers until the returned function is called, which may be done again.
func (f *fakeHoldfast) serve(t *testing.T, data string) (stop func()) {
	t.Helper()
	id, err := service.NewIdentity("Holdfast")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := api.Listen(ctx, id.WithDataDir(data).Endpoint(), "Holdfast", nil)
	if err != nil {
		t.Fatal(err)
	}
	server := api.New(api.Options{Apps: f, Logs: f, Config: f, Routes: f, Certificates: f.certs, Service: f, Bus: f.bus, Gatherer: prometheus.NewRegistry()})
	served := make(chan error, 1)
	go func() { served <- server.ServeLocal(ctx, listener) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func degradedApp() status.App {
	return status.App{
		ID: "shop", Condition: status.Degraded, Desired: 2, Configured: 2, Ready: 1, Since: now().Add(-3 * time.Minute),
		Why: "shop-2: exit code 1",
		Instances: []status.Instance{
			{ID: "shop-1", App: "shop", PID: 4312, State: status.Running, Ready: true, Port: 20001, Since: now().Add(-time.Hour), StartedAt: now().Add(-time.Hour), Usage: &status.Usage{CPU: 0.03, Memory: 182 << 20, Handles: 40, Threads: 9, Processes: 2}},
			{ID: "shop-2", App: "shop", State: status.Backoff, Port: 20002, Restarts: 4, Since: now().Add(-time.Minute), NextTry: now().Add(16 * time.Second), Why: "exit code 1"},
		},
	}
}

func healthyApp() status.App {
	return status.App{
		ID: "worker", Condition: status.Healthy, Desired: 1, Configured: 1, Ready: 1, Since: now().Add(-26 * time.Hour),
		Instances: []status.Instance{{ID: "worker-1", App: "worker", PID: 4313, State: status.Running, Ready: true, Since: now(), StartedAt: now().Add(-26 * time.Hour)}},
	}
}

// crashedApp is degradedApp with all that can be known about the end.
func crashedApp() status.App {
	a := degradedApp()
	end := status.Exit{
		Code: 1, Text: "exit code 1", Reason: status.ReasonStartupProbe, PID: 4400,
		Cause:     "startup probe failed 60 times in a row: connect to 127.0.0.1:20002: connection refused",
		StartedAt: now().Add(-72 * time.Second), EndedAt: now().Add(-time.Minute),
		LastLines: []string{"one", "two", "three", "four", "five", "six"},
		Usage:     &status.Usage{Time: now().Add(-time.Minute), CPU: 0.5, CPUSeconds: 1.25, Memory: 182 << 20, PeakMemory: 200 << 20, Handles: 12, Threads: 1, Processes: 2},
		Port:      20002, PortHolder: "nginx (process 812)",
		Probes: []status.ProbeResult{
			{Time: now().Add(-63 * time.Second), Probe: "startup", Seconds: 0.0012, Error: "connection refused"},
			{Time: now().Add(-62 * time.Second), Probe: "startup", Seconds: 0.0013, Error: "connection refused"},
			{Time: now().Add(-61 * time.Second), Probe: "startup", Seconds: 0.0014, Error: "connection refused"},
			{Time: now().Add(-60 * time.Second), Probe: "readiness", Seconds: 2},
		},
		Advice: "nginx has its port: stop it, or write another port", Next: "next try in 4s",
	}
	older := status.Exit{Code: -1, Signal: "SIGKILL", Text: "killed by SIGKILL", Reason: status.ReasonExit, EndedAt: now().Add(-time.Hour), StartedAt: now().Add(-time.Hour - 40*time.Millisecond), Next: "restarted at once"}
	i := &a.Instances[1]
	i.LastExit, i.Exits = &end, []status.Exit{end, older}
	return a
}

// portTaken could not be started, because of somebody else.
func portTaken() status.App {
	why := "port 18912 is held by nginx (process 812): end that process or change the app's port"
	end := status.Exit{
		Code: -1, Text: why, Reason: status.ReasonStartFailed, EndedAt: now(), Port: 18912, PortHolder: "nginx (process 812)",
		Advice: "end nginx", Next: "next try in 8s", Usage: &status.Usage{CPUSeconds: 0.005},
	}
	return status.App{ID: "taken", Condition: status.Down, Desired: 1, Configured: 1, Since: now(), Why: "taken-1: " + why, Instances: []status.Instance{
		{ID: "taken-1", App: "taken", State: status.Backoff, Port: 18912, Since: now(), NextTry: now().Add(8 * time.Second), Why: why, LastExit: &end},
	}}
}

func (f *fakeHoldfast) Apps() []status.App {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.apps)
}

func (f *fakeHoldfast) App(id string) (status.App, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n, a := range f.apps {
		if a.ID == id {
			if f.later != nil {
				next := a
				next.Instances = slices.Clone(a.Instances)
				f.later(&next)
				f.apps[n] = next
			}
			return a, nil
		}
	}
	return status.App{}, fmt.Errorf("app %q: %w; there are: shop, worker", id, status.ErrNotFound)
}

func (f *fakeHoldfast) act(action, id string) error {
	if _, err := f.App(id); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.actions = append(f.actions, action+" "+id)
	if f.after != nil {
		i := slices.IndexFunc(f.apps, func(a status.App) bool { return a.ID == id })
		a := f.apps[i]
		a.Instances = slices.Clone(a.Instances)
		f.after(&a)
		f.apps[i] = a
	}
	return nil
}

func (f *fakeHoldfast) Start(_ context.Context, id string) error   { return f.act("start", id) }
func (f *fakeHoldfast) Stop(_ context.Context, id string) error    { return f.act("stop", id) }
func (f *fakeHoldfast) Restart(_ context.Context, id string) error { return f.act("restart", id) }

func (f *fakeHoldfast) Scale(_ context.Context, id string, n int) error {
	return f.act(fmt.Sprintf("scale %d", n), id)
}

func (f *fakeHoldfast) Maintain(_ context.Context, id string, on bool, note string, d time.Duration) error {
	return f.act(fmt.Sprintf("maintain %v %q %v", on, note, d), id)
}

func (f *fakeHoldfast) Measure(_ context.Context, id string) (status.App, error) { return f.App(id) }

func (f *fakeHoldfast) Calibrate(_ context.Context, id string, grace time.Duration, report func(status.StopTrial)) error {
	if err := f.act(fmt.Sprintf("calibrate %v", grace), id); err != nil {
		return err
	}
	for _, t := range f.trials {
		report(t)
	}
	return nil
}

func (f *fakeHoldfast) Tail(app, instance string, n int) ([]status.Line, error) {
	if _, err := f.App(app); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []status.Line
	for _, l := range f.lines {
		if strings.HasPrefix(l.Instance, app) && (instance == "" || l.Instance == instance) {
			lines = append(lines, l)
		}
	}
	return lines[max(len(lines)-n, 0):], nil
}

func (f *fakeHoldfast) Follow(app, _ string, _ int) (api.Follower, error) {
	_, err := f.App(app)
	return f, err
}
func (f *fakeHoldfast) C() <-chan status.Line { return f.live }
func (f *fakeHoldfast) Dropped() uint64       { return 0 }
func (f *fakeHoldfast) Close()                {}

func (f *fakeHoldfast) Snapshot() *config.Snapshot {
	cfg := config.Default()
	cfg.Apps = map[string]config.App{"shop": {Stop: config.Stop{Method: config.StopSigterm, Grace: config.Duration(15 * time.Second)}}}
	cfg.Listeners = map[string]config.Listener{"web": {Address: ":8080"}}
	cfg.Routes = map[string]config.Route{
		"shop": {App: "shop", Match: config.Match{Host: config.OneOrMany{"shop.example.com"}, PathPrefix: "/api", Method: config.OneOrMany{"GET", "POST"}}},
		"site": {FileServer: &config.FileServer{Root: "/srv/site"}},
		"ping": {Respond: &config.Respond{Status: 200}, Match: config.Match{Path: "/ping", Header: map[string]string{"X-A": "*"}}},
	}
	return &config.Snapshot{Config: &cfg}
}

// Targets has some of every route to an app, and of nobody else's.
func (f *fakeHoldfast) Targets(route string) []status.RouteTarget {
	if f.Snapshot().Config.Routes[route].App == "" {
		return nil
	}
	return []status.RouteTarget{
		{Instance: "shop-1", Address: "127.0.0.1:20001", State: status.TargetReady, InFlight: 3},
		{Instance: "shop-2", Address: "127.0.0.1:20002", State: status.TargetEjected},
	}
}

// Explain knows one route.
func (f *fakeHoldfast) Explain(q status.RouteQuery) (status.RouteTest, error) {
	if q.Listener == "none" {
		return status.RouteTest{}, fmt.Errorf("%w: there is no listener %q", status.ErrInvalid, q.Listener)
	}
	return status.RouteTest{Outcome: status.RouteServed, Why: fmt.Sprint("asked with ", q.Headers), Method: q.Method, Route: "shop", Kind: "app", App: "shop", Lost: []status.RouteLoss{}}, nil
}

func (f *fakeHoldfast) Revision() int                                 { return 14 }
func (f *fakeHoldfast) Check(context.Context, []byte) config.Problems { return f.problems }
func (f *fakeHoldfast) Reload(context.Context) (int, config.Problems) { return 14, f.problems }
func (f *fakeHoldfast) LastReload() api.Reload                        { return api.Reload{Time: now(), Problems: f.problems} }
func (f *fakeHoldfast) Name() string                                  { return "Holdfast" }
func (f *fakeHoldfast) Version() string                               { return "1.2.3" }
func (f *fakeHoldfast) StartID() string                               { return "" }
func (f *fakeHoldfast) Ready() (bool, []string)                       { return true, nil }
func (f *fakeHoldfast) Paused() bool                                  { return false }
func (f *fakeHoldfast) Pause(context.Context) error                   { return nil }
func (f *fakeHoldfast) Resume(context.Context) error                  { return nil }
