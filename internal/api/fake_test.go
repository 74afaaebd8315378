package api

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// epoch is the moment at which every fake stands.
func epoch() time.Time { return time.Date(2026, 3, 1, 10, 45, 0, 0, time.UTC) }

// fakes are the rooms behind the API.
type fakes struct {
	mu       sync.Mutex
	apps     []status.App
	lines    []status.Line
	follower *fakeFollower
	actions  []string
	fail     error
	snapshot *config.Snapshot
	revision int
	problems config.Problems
	checked  []byte
	ready    bool
	reasons  []string
	paused   bool
	startID  string
	trials   []status.StopTrial
	stuck    bool // calibrations do not end by themselves

	certificates fakeCertificates

	bus      *event.Bus
	registry *prometheus.Registry
}

func newFakes() *fakes {
	exit := status.Exit{
		Code: 1, Text: "exit code 1", Reason: status.ReasonExit, PID: 4400,
		StartedAt: epoch().Add(-2 * time.Minute), EndedAt: epoch().Add(-time.Minute), LastLines: []string{"Error: connect ECONNREFUSED"},
		Usage: &status.Usage{Time: epoch(), Memory: 3 << 20}, Probes: []status.ProbeResult{{Time: epoch(), Probe: "startup", Error: "connection refused"}},
	}
	cfg := config.Default()
	cfg.Management.AllowedHosts = []string{"holdfast.example.com"}
	cfg.Apps = map[string]config.App{"shop": {Stop: config.Stop{Method: config.StopSigterm, Grace: config.Duration(15 * time.Second)}}}
	cfg.Listeners = map[string]config.Listener{"web": {Address: ":8080"}, "plain": {Address: ":80", RedirectTo: "web"}}
	cfg.Routes = map[string]config.Route{
		"shop": {App: "shop", Match: config.Match{Host: config.OneOrMany{"shop.example.com"}, PathPrefix: "/api"}, Priority: 3},
		"site": {FileServer: &config.FileServer{Root: "/srv/site"}},
		"old":  {Redirect: &config.Redirect{To: "/new", Status: 308}, Listeners: []string{"web"}},
		"ping": {Respond: &config.Respond{Status: 200}},
		"far":  {URLs: []string{"http://10.0.0.9:80"}},
	}
	return &fakes{
		apps: []status.App{
			{
				ID: "shop", Condition: status.Degraded, Desired: 2, Ready: 1, Since: epoch().Add(-3 * time.Minute),
				Why: "shop-2 exited 1 four times; next try in 16s",
				Instances: []status.Instance{
					{ID: "shop-1", App: "shop", PID: 4312, State: status.Running, Ready: true, Port: 20001, Since: epoch().Add(-time.Hour), StartedAt: epoch().Add(-time.Hour)},
					{
						ID: "shop-2", App: "shop", State: status.Backoff, Port: 20002, Restarts: 4, Since: epoch().Add(-time.Minute),
						NextTry: epoch().Add(16 * time.Second), Why: "exited 1 four times", LastExit: &exit, Exits: []status.Exit{exit},
					},
				},
			},
			{
				ID: "worker", Condition: status.Healthy, Desired: 1, Ready: 1, Since: epoch().Add(-time.Hour),
				Instances: []status.Instance{{ID: "worker-1", App: "worker", PID: 4313, State: status.Running, Ready: true, Since: epoch().Add(-time.Hour)}},
			},
		},
		lines: []status.Line{
			line("shop-1", 1, "stdout", "listening on 20001"),
			line("shop-2", 1, "stdout", "listening on 20002"),
			line("shop-2", 2, "stderr", "Error: connect ECONNREFUSED 10.0.0.9:5432"),
			line("shop-1", 2, "stdout", "GET /"),
		},
		follower: newFakeFollower(),
		snapshot: &config.Snapshot{Config: &cfg, Files: []string{"/etc/holdfast/holdfast.yaml"}, Hash: "abc"},
		revision: 14,
		ready:    true,
		bus:      event.NewBus(8),
		registry: prometheus.NewRegistry(),
	}
}

func line(instance string, seq uint64, stream, text string) status.Line {
	return status.Line{Seq: seq, Time: epoch().Add(time.Duration(seq) * time.Second), Instance: instance, Stream: stream, Text: text}
}

func (f *fakes) options() Options {
	return Options{Apps: f, Logs: f, Config: f, Certificates: &f.certificates, Routes: f, Service: f, Bus: f.bus, Gatherer: f.registry}
}

func newTestServer(t *testing.T) (*Server, *fakes) {
	t.Helper()
	f := newFakes()
	return New(f.options()), f
}

func (f *fakes) Apps() []status.App { return f.apps }

func (f *fakes) App(id string) (status.App, error) {
	i := slices.IndexFunc(f.apps, func(a status.App) bool { return a.ID == id })
	if i < 0 {
		return status.App{}, fmt.Errorf("app %q: %w", id, status.ErrNotFound)
	}
	return f.apps[i], nil
}

// Targets has some of every route to an app, and of nobody else's.
func (f *fakes) Targets(route string) []status.RouteTarget {
	if f.Snapshot().Config.Routes[route].App == "" {
		return nil
	}
	return []status.RouteTarget{
		{Instance: "shop-1", Address: "127.0.0.1:20001", State: status.TargetReady, InFlight: 3},
		{Instance: "shop-2", Address: "127.0.0.1:20002", State: status.TargetEjected},
	}
}

// Explain tells what it was asked.
func (f *fakes) Explain(q status.RouteQuery) (status.RouteTest, error) {
	if q.URL == "nonsense" {
		return status.RouteTest{}, fmt.Errorf("%w: %q is not a whole URL", status.ErrInvalid, q.URL)
	}
	return status.RouteTest{
		Outcome: status.RouteServed, Why: fmt.Sprint(q.Method, " ", q.URL, " ", q.Headers, " ", q.Listener), Method: q.Method,
		Lost: []status.RouteLoss{{Route: "site", Why: "path / is not /x"}},
	}, nil
}

func (f *fakes) act(action, id string) error {
	if _, err := f.App(id); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.actions = append(f.actions, action+" "+id)
	return f.fail
}

// Scale, Maintain, Measure and Calibrate do as Supervisor does, and remember what they were asked.
func (f *fakes) Scale(_ context.Context, id string, n int) error {
	return f.act(fmt.Sprintf("scale %d", n), id)
}

func (f *fakes) Maintain(_ context.Context, id string, on bool, note string, d time.Duration) error {
	return f.act(fmt.Sprintf("maintain %v %q %v", on, note, d), id)
}

func (f *fakes) Measure(_ context.Context, id string) (status.App, error) {
	a, err := f.App(id)
	if err == nil {
		err = f.act("measure", id)
	}
	return a, err
}

func (f *fakes) Calibrate(ctx context.Context, id string, grace time.Duration, report func(status.StopTrial)) error {
	if err := f.act(fmt.Sprintf("calibrate %v", grace), id); err != nil {
		return err
	}
	for _, t := range f.trials {
		report(t)
	}
	if f.stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (f *fakes) Start(_ context.Context, id string) error   { return f.act("start", id) }
func (f *fakes) Stop(_ context.Context, id string) error    { return f.act("stop", id) }
func (f *fakes) Restart(_ context.Context, id string) error { return f.act("restart", id) }

func (f *fakes) Tail(app, instance string, n int) ([]status.Line, error) {
	a, err := f.App(app)
	if err != nil {
		return nil, err
	}
	if instance != "" && !slices.ContainsFunc(a.Instances, func(i status.Instance) bool { return i.ID == instance }) {
		return nil, fmt.Errorf("instance %q of app %q: %w", instance, app, status.ErrNotFound)
	}
	var lines []status.Line
	for _, l := range f.lines {
		if instance == "" || l.Instance == instance {
			lines = append(lines, l)
		}
	}
	return lines[max(len(lines)-n, 0):], nil
}

func (f *fakes) Follow(app, instance string, _ int) (Follower, error) {
	if _, err := f.Tail(app, instance, 1); err != nil {
		return nil, err
	}
	return f.follower, nil
}

func (f *fakes) Snapshot() *config.Snapshot { return f.snapshot }
func (f *fakes) Revision() int              { return f.revision }

func (f *fakes) Check(_ context.Context, data []byte) config.Problems {
	f.checked = slices.Clone(data)
	return f.problems
}

func (f *fakes) Reload(context.Context) (int, config.Problems) {
	f.actions = append(f.actions, "reload")
	if f.problems.Errors() == 0 {
		f.revision++
	}
	return f.revision, f.problems
}

func (f *fakes) LastReload() Reload { return Reload{Time: epoch(), Problems: f.problems} }

func (f *fakes) Name() string            { return "Holdfast" }
func (f *fakes) Version() string         { return "1.2.3" }
func (f *fakes) StartID() string         { return f.startID }
func (f *fakes) Ready() (bool, []string) { return f.ready, f.reasons }
func (f *fakes) Paused() bool            { return f.paused }

func (f *fakes) Pause(context.Context) error  { f.paused = true; return f.fail }
func (f *fakes) Resume(context.Context) error { f.paused = false; return f.fail }

// fakeFollower delivers what a test sends.
type fakeFollower struct {
	c       chan status.Line
	mu      sync.Mutex
	dropped uint64
	closed  bool
}

func newFakeFollower() *fakeFollower { return &fakeFollower{c: make(chan status.Line, 16)} }

func (f *fakeFollower) C() <-chan status.Line { return f.c }

func (f *fakeFollower) Dropped() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dropped
}

func (f *fakeFollower) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}
