package supervise

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/process"
	"holdfast/internal/status"
)

// world is everything around a Supervisor, under the control of a test.
type world struct {
	t   *testing.T
	sup *Supervisor
	bus *event.Bus

	mu       sync.Mutex
	nextPID  int
	children map[string]*fakeChild // the newest of each instance
	starts   []string
	refuse   map[string]error // instance -> start error
	deaf     map[string]bool  // instance ignores signals
	slow     map[string]time.Duration
	ready    map[string]bool // targets in balancing, by instance
	live     map[string]func(error)
	// undying instances outlive their kill; busy ones have requests in flight until the channel closes.
	undying map[string]bool
	busy    map[string]chan struct{}
	results map[string][]status.ProbeResult
	// calls are what the gateway and the processes were told, in order.
	calls []string

	end  context.CancelFunc
	done chan struct{}
}

type fakeChild struct {
	w     *world
	id    string
	pid   int
	began time.Time
	done  chan struct{}
	once  sync.Once
	exit  status.Exit
}

func (c *fakeChild) PID() int              { return c.pid }
func (c *fakeChild) Done() <-chan struct{} { return c.done }
func (c *fakeChild) Exit() status.Exit     { return c.exit }

func (c *fakeChild) end(code int64) {
	c.once.Do(func() {
		c.exit = status.Exit{Code: code, Text: "ended", PID: c.pid, StartedAt: c.began, EndedAt: time.Now()}
		close(c.done)
	})
}

func (c *fakeChild) Signal(process.Stop) error {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.calls = append(c.w.calls, "ask "+c.id)
	if !c.w.deaf[c.id] {
		c.end(0)
	}
	return nil
}

func (c *fakeChild) Kill() int {
	c.w.mu.Lock()
	c.w.calls = append(c.w.calls, "kill "+c.id)
	undying := c.w.undying[c.id]
	c.w.mu.Unlock()
	if !undying {
		c.end(-1)
	}
	return 0
}

func (c *fakeChild) Usage() (status.Usage, error) {
	return status.Usage{Time: time.Now(), Processes: 1}, nil
}

func (w *world) Start(spec process.Spec) (Child, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.refuse[spec.ID]; err != nil {
		return nil, err
	}
	w.nextPID++
	c := &fakeChild{w: w, id: spec.ID, pid: w.nextPID, began: time.Now(), done: make(chan struct{})}
	w.children[spec.ID] = c
	w.starts = append(w.starts, spec.ID)
	return c, nil
}

func (w *world) SetReady(t status.Target, ready bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	set(w.ready, t.Instance, ready)
	w.calls = append(w.calls, fmt.Sprintf("ready %s %v", t.Instance, ready))
}

// set makes membership of id in the set be in.
func set(ids map[string]bool, id string, in bool) {
	if in {
		ids[id] = true
	} else {
		delete(ids, id)
	}
}

func (w *world) Remove(t status.Target) { w.SetReady(t, false) }

func (w *world) Drain(ctx context.Context, t status.Target) {
	w.mu.Lock()
	w.calls = append(w.calls, "drain "+t.Instance)
	busy := w.busy[t.Instance]
	w.mu.Unlock()
	if busy == nil {
		return
	}
	select {
	case <-busy:
	case <-ctx.Done():
	}
}

func (w *world) Forget(string, string) {}

func (w *world) Expect(app string, coming bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, fmt.Sprintf("expect %s %v", app, coming))
}

func (w *world) Maintain(string, *status.Maintenance) {}

func (w *world) Results(_, instance string) []status.ProbeResult {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.results[instance]
}

func (w *world) Startup(ctx context.Context, _ *config.Probe, t status.Target) error {
	w.mu.Lock()
	wait := w.slow[t.Instance]
	w.mu.Unlock()
	if wait < 0 {
		return errors.New("refused")
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *world) Liveness(ctx context.Context, _ *config.Probe, t status.Target, report func(error)) {
	w.mu.Lock()
	w.live[t.Instance] = report
	w.mu.Unlock()
	<-ctx.Done()
}

func (w *world) Readiness(ctx context.Context, _ *config.Probe, _ status.Target, _ bool, _ func(error)) {
	<-ctx.Done()
}

// begin runs a Supervisor inside the test's bubble.
func begin(t *testing.T, apps map[string]config.App) *world {
	t.Helper()
	w := &world{
		t: t, bus: event.NewBus(1000),
		children: map[string]*fakeChild{}, refuse: map[string]error{}, deaf: map[string]bool{},
		slow: map[string]time.Duration{}, ready: map[string]bool{}, live: map[string]func(error){},
		undying: map[string]bool{}, busy: map[string]chan struct{}{}, results: map[string][]status.ProbeResult{},
		done: make(chan struct{}),
	}
	w.sup = New(Options{
		Launcher: w, Balancer: w, Prober: w, Bus: w.bus,
		Metrics: prometheus.NewRegistry(), Log: zap.NewNop(), LogDir: t.TempDir(),
	})
	ctx, cancel := context.WithCancel(context.Background())
	w.end = cancel
	go func() {
		defer close(w.done)
		if err := w.sup.Run(ctx, apps); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	synctest.Wait()
	return w
}

// stop ends the Supervisor and waits for it.
func (w *world) stop() {
	w.end()
	<-w.done
}

func (w *world) child(id string) *fakeChild {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.children[id]
}

func (w *world) started() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.starts)
}

func (w *world) app(id string) status.App {
	w.t.Helper()
	a, err := w.sup.App(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) wantCondition(id string, want status.Condition, ready int) {
	w.t.Helper()
	synctest.Wait()
	if a := w.app(id); a.Condition != want || a.Ready != ready {
		w.t.Errorf("app %s is %s with %d ready, want %s with %d: %+v", id, a.Condition, a.Ready, want, ready, a.Instances)
	}
}

func (w *world) types() []event.Type {
	events, _ := w.bus.List(event.Query{})
	var out []event.Type
	for _, e := range events {
		out = append(out, e.Type)
	}
	return out
}

func namedApp(instances int, change ...func(*config.App)) config.App {
	app := testApp()
	app.Instances, app.Autostart, app.Port = instances, true, config.PortNone
	app.LivenessProbe = &config.Probe{}
	for _, c := range change {
		c(&app)
	}
	return app
}

// label names a case of a benchmark or an app of many.
func label(axis string, n int) string { return axis + "=" + strconv.Itoa(n) }

// called returns what was told since the last time, without repetitions of the same word.
func (w *world) called() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := slices.Compact(w.calls)
	w.calls = nil
	return calls
}
