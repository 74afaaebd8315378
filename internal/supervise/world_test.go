package supervise

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
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

	specs  []process.Spec  // by process id, which counts from 1
	broken map[string]bool // programs that end at once with exit code 1
	uses   map[string]status.Usage
	hears  []process.Stop // what ends a child; all if empty
	tree   int            // how many processes each child leaves behind
	upkeep map[string]*status.Maintenance
	lax    bool // the system enforces no limits

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

func (c *fakeChild) end(code int64) { c.endWith(status.Exit{Code: code, Text: "ended"}) }

func (c *fakeChild) endWith(exit status.Exit) {
	c.once.Do(func() {
		exit.PID, exit.StartedAt, exit.EndedAt = c.pid, c.began, time.Now()
		c.exit = exit
		close(c.done)
	})
}

func (c *fakeChild) Signal(how process.Stop) error {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.calls = append(c.w.calls, "ask "+c.id)
	if !c.w.deaf[c.id] && (len(c.w.hears) == 0 || slices.Contains(c.w.hears, how)) {
		c.end(0)
	}
	return nil
}

func (c *fakeChild) Kill() int {
	c.w.mu.Lock()
	c.w.calls = append(c.w.calls, "kill "+c.id)
	undying, tree := c.w.undying[c.id], c.w.tree
	c.w.mu.Unlock()
	if undying {
		time.Sleep(5 * time.Second) // of the bubble's clock: as long as the process room tries
		return tree
	}
	c.end(-1)
	return tree
}

func (c *fakeChild) Usage() (status.Usage, error) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	u, ok := c.w.uses[c.id]
	if !ok {
		u.Processes = 1
	}
	return u, nil
}

// Enforces implements enforcer.
func (w *world) Enforces() (memory, cpu bool, why string) {
	if w.lax {
		return false, false, "there is no cgroup"
	}
	return true, true, ""
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
	w.specs = append(w.specs, spec)
	if w.broken[spec.Command[0]] {
		c.end(1)
	}
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

func (w *world) Ended(t status.Target) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, "ended "+t.Instance)
}

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

func (w *world) Maintain(app string, m *status.Maintenance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.upkeep[app] = m
}

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

// newWorld is a world without a Supervisor.
func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		t: t, bus: event.NewBus(1000),
		children: map[string]*fakeChild{}, refuse: map[string]error{}, deaf: map[string]bool{},
		slow: map[string]time.Duration{}, ready: map[string]bool{}, live: map[string]func(error){},
		undying: map[string]bool{}, busy: map[string]chan struct{}{}, results: map[string][]status.ProbeResult{},
		broken: map[string]bool{}, uses: map[string]status.Usage{}, upkeep: map[string]*status.Maintenance{},
	}
}

// begin runs a Supervisor inside the test's bubble.
func begin(t *testing.T, apps map[string]config.App, change ...func(*world, *Options)) *world {
	t.Helper()
	w := newWorld(t)
	w.run(apps, change...)
	return w
}

// run runs a Supervisor, which may be the next one after another that was stopped.
func (w *world) run(apps map[string]config.App, change ...func(*world, *Options)) {
	w.t.Helper()
	options := Options{
		Launcher: w, Balancer: w, Prober: w, Bus: w.bus,
		Metrics: prometheus.NewRegistry(), Log: zap.NewNop(), LogDir: w.t.TempDir(),
	}
	for _, c := range change {
		c(w, &options)
	}
	w.sup = New(options)
	ctx, cancel := context.WithCancel(context.Background())
	w.end, w.done = cancel, make(chan struct{})
	sup, done := w.sup, w.done
	go func() {
		defer close(done)
		if err := sup.Run(ctx, apps); err != nil {
			w.t.Errorf("Run: %v", err)
		}
	}()
	synctest.Wait()
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

// told are the events of the types that begin with one of the prefixes, as "type: message".
func (w *world) told(prefixes ...string) []string {
	synctest.Wait()
	events, _ := w.bus.List(event.Query{})
	var out []string
	for _, e := range events {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(string(e.Type), p) }) {
			out = append(out, string(e.Type)+": "+e.Message)
		}
	}
	return out
}

// look is how the instances of an app are, as "shop-1 running a" with the program's name.
func (w *world) look(app string) []string {
	w.t.Helper()
	synctest.Wait()
	var out []string
	for _, i := range w.app(app).Instances {
		text := i.ID + " " + string(i.State)
		if i.Role != status.Regular {
			text += " " + string(i.Role)
		}
		if i.PID != 0 {
			w.mu.Lock()
			text += " " + w.specs[i.PID-1].Command[0]
			w.mu.Unlock()
		}
		out = append(out, text)
	}
	return out
}

func (w *world) wantLook(app string, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.look(app)); diff != "" {
		w.t.Errorf("instances of %s (-want +got):\n%s", app, diff)
	}
}

func (w *world) wantTold(prefix string, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.told(prefix)); diff != "" {
		w.t.Errorf("events %s* (-want +got):\n%s", prefix, diff)
	}
}

// set changes the world under its lock.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) do(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

func named(program string) func(*config.App) {
	return func(a *config.App) { a.Command = []string{program} }
}

// overlapping is an app that can be restarted with a surge instance.
func overlapping(a *config.App) {
	a.Port, a.Restart.Overlap = config.PortAuto, true
}

func namedApp(instances int, change ...func(*config.App)) config.App {
	app := testApp()
	app.Instances, app.Autostart, app.Port = instances, true, config.PortNone
	app.LivenessProbe = &config.Probe{}
	app.Command = []string{"a"}
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
