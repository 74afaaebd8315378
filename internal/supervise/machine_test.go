package supervise

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/process"
	"holdfast/internal/status"
)

func testApp() config.App {
	return config.App{
		Instances: 1,
		Restart: config.Restart{
			Policy:     config.RestartAlways,
			Backoff:    config.Duration(time.Second),
			MaxBackoff: config.Duration(8 * time.Second),
			ResetAfter: config.Duration(10 * time.Second),
			Window:     config.Duration(5 * time.Minute),
		},
		Stop:         config.Stop{Grace: config.Duration(15 * time.Second)},
		StartupProbe: &config.Probe{},
	}
}

func newTestMachine(app config.App) *machine {
	return &machine{
		table:   newTable(),
		app:     &app,
		random:  func() float64 { return 0 },
		missing: func() []string { return nil },
		view:    status.Instance{ID: "shop-1", App: "shop", State: status.Stopped},
	}
}

// walker drives a machine the way an instance does, with a clock of its own.
type walker struct {
	t     judge
	m     *machine
	now   time.Time
	alive bool
	// failSpawn makes the next spawns fail.
	failSpawn bool
	// missing are the dependencies that are down.
	missing  []string
	balanced bool
	timer    time.Duration
	due      time.Time
	armed    bool
	// waits is true while a wait for the dependencies is under way, drains while requests are let end.
	waits, drains bool
	// skew is by how much the wall clock is wrong.
	skew   time.Duration
	events []event.Type
	log    []string
	// taken are the rows of the table that decided.
	taken map[*row]int
}

func newWalker(t *testing.T, app config.App) *walker {
	t.Helper()
	w := &walker{t: t, m: newTestMachine(app), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	w.m.missing = func() []string { return w.missing }
	return w
}

func (w *walker) on(in input) *walker {
	for in != nil {
		if _, ok := in.(ended); ok {
			w.alive = false
		}
		if _, ok := in.(timeUp); ok {
			w.armed = false
		}
		if w.taken != nil {
			w.taken[w.m.table.decide(&step{machine: w.m, in: in, now: w.moment(), from: w.m.view.State})]++
		}
		effects := w.m.on(in, w.moment())
		in = nil
		for _, e := range effects {
			switch e := e.(type) {
			case spawn:
				if w.alive {
					w.t.Fatalf("a second process is started beside the first: %v", w.log)
				}
				if w.failSpawn {
					in = spawnFailed{err: errors.New("no such program")}
					continue
				}
				w.alive = true
				in = spawned{pid: 42, port: 20001, gated: w.m.app.StartupProbe != nil, ready: startupDecides(*w.m.app)}
			case balance:
				if e.ready == w.balanced {
					w.t.Fatalf("balance %v is told twice", e.ready)
				}
				if e.ready && w.m.view.State != status.Running {
					w.t.Fatalf("into balancing while %s: %v", w.m.view.State, w.log)
				}
				w.balanced = e.ready
			case startTimer:
				w.timer, w.armed, w.due = e.after, true, w.now.Add(e.after)
			case cancel:
				w.armed, w.waits, w.drains = false, false, false
			case waitForDependencies:
				w.waits = true
			case drain:
				if w.balanced || !w.alive {
					w.t.Fatalf("drained with a process %v in balancing %v: %v", w.alive, w.balanced, w.log)
				}
				w.drains = true
			case askToStop, kill:
				if w.balanced || !w.alive || w.m.view.State != status.Stopping {
					w.t.Fatalf("%T while %s with a process %v in balancing %v: %v", e, w.m.view.State, w.alive, w.balanced, w.log)
				}
			case publish:
				w.events = append(w.events, e.body.Type())
			}
		}
	}
	return w
}

// moment has a wall clock that is off by skew.
func (w *walker) moment() moment {
	return moment{w.now.Sub(time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC)), w.now.Add(w.skew)}
}

func (w *walker) after(d time.Duration) *walker {
	w.now = w.now.Add(d)
	return w
}

// exits ends the process after it ran for d.
func (w *walker) exits(code int64, d time.Duration) *walker {
	started := w.now.Add(w.skew)
	w.after(d)
	return w.on(ended{exit: status.Exit{Code: code, Text: "exit", StartedAt: started, EndedAt: w.now.Add(w.skew)}})
}

func (w *walker) want(state status.State) *walker {
	w.t.Helper()
	if w.m.view.State != state {
		w.t.Fatalf("state is %q, want %q (events %v)", w.m.view.State, state, w.events)
	}
	return w
}

func TestFromStartToReadyToStopped(t *testing.T) {
	w := newWalker(t, testApp())
	w.on(startInput{}).want(status.Starting)
	w.on(startupDone{ready: true}).want(status.Running)
	if !w.balanced || !w.m.view.Ready {
		t.Error("a running instance whose readiness is known is not in balancing")
	}
	w.on(stopInput{status.ReasonRequested}).want(status.Stopping)
	if w.balanced {
		t.Error("a stopping instance is still in balancing")
	}
	w.on(ended{exit: status.Exit{Code: 0}}).want(status.Stopped)
	if e := w.m.view.LastExit; e == nil || !e.Graceful || e.Reason != status.ReasonRequested {
		t.Errorf("last exit = %+v, want a graceful, requested one", e)
	}
	want := []event.Type{"instance.started", "instance.ready", "instance.stopped"}
	if diff := cmp.Diff(want, w.events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestGraceOverKills(t *testing.T) {
	w := newWalker(t, testApp())
	w.on(startInput{}).on(startupDone{ready: true}).on(stopInput{status.ReasonRequested})
	if !w.armed || w.timer != 15*time.Second {
		t.Fatalf("grace timer = %v (armed %v), want 15s", w.timer, w.armed)
	}
	if effects := w.m.on(timeUp{}, w.moment()); !slices.Contains(effects, effect(kill{})) {
		t.Fatalf("effects at the end of the grace period = %v, want kill", effects)
	}
	w.on(ended{exit: status.Exit{Code: -1}}).want(status.Stopped)
	if w.m.view.LastExit.Graceful {
		t.Error("a killed process counts as graceful")
	}
}

func TestRestartDelays(t *testing.T) {
	w := newWalker(t, testApp())
	w.on(startInput{}).want(status.Starting)
	var delays []time.Duration
	for range 6 {
		w.exits(1, time.Second)
		if w.m.view.State == status.Starting {
			delays = append(delays, 0)
			continue
		}
		w.want(status.Backoff)
		delays = append(delays, w.timer)
		w.after(w.timer).on(timeUp{}).want(status.Starting)
	}
	s := time.Second
	if diff := cmp.Diff([]time.Duration{0, s, 2 * s, 4 * s, 8 * s, 8 * s}, delays); diff != "" {
		t.Errorf("delays (-want +got):\n%s", diff)
	}
	w.exits(1, 10*time.Second).want(status.Starting) // a stable run starts over: at once again
	if got := w.m.view.Restarts; got != 7 {
		t.Errorf("restarts = %d, want 7", got)
	}
}

func TestCrashLoopIsTriedOncePerWindowAndEndsWithAStableRun(t *testing.T) {
	app := testApp()
	app.Restart.MaxRestarts = 3
	w := newWalker(t, app)
	w.on(startInput{})
	for range 3 {
		w.exits(1, time.Second)
		if w.m.view.State == status.Backoff {
			w.after(w.timer).on(timeUp{})
		}
	}
	w.exits(1, time.Second).want(status.CrashLoop)
	for range 3 {
		if w.timer != 5*time.Minute {
			t.Fatalf("next try in %v, want 5m", w.timer)
		}
		w.after(w.timer).on(timeUp{}).want(status.Starting)
		w.exits(1, time.Second).want(status.CrashLoop)
	}
	told := 0
	for _, e := range w.events {
		if e == "instance.crash_loop" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("one crash loop was told %d times", told)
	}
	w.after(w.timer).on(timeUp{}).exits(1, time.Minute).want(status.Starting)
}

func TestPolicyDecidesWhetherToRestart(t *testing.T) {
	tests := []struct {
		name   string
		policy config.RestartPolicy
		codes  []int64
		exit   int64
		want   status.State
	}{
		{"always after success", config.RestartAlways, nil, 0, status.Starting},
		{"on_failure after success", config.RestartOnFailure, nil, 0, status.Exited},
		{"on_failure after failure", config.RestartOnFailure, nil, 1, status.Starting},
		{"on_failure after a signal", config.RestartOnFailure, nil, -1, status.Starting},
		{"never after failure", config.RestartNever, nil, 1, status.Exited},
		{"code on the list", config.RestartAlways, []int64{125}, 125, status.Exited},
		{"code not on the list", config.RestartAlways, []int64{125}, 124, status.Starting},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := testApp()
			app.Restart.Policy, app.Restart.NoRestartCodes = tt.policy, tt.codes
			newWalker(t, app).on(startInput{}).exits(tt.exit, time.Second).want(tt.want)
		})
	}
}

func TestProbesDecide(t *testing.T) {
	app := testApp()
	app.Restart.Policy = config.RestartOnFailure
	w := newWalker(t, app)
	w.on(startInput{}).on(gaveUp{reason: status.ReasonStartupProbe, err: errors.New("refused")}).want(status.Stopping)
	// Even a clean end counts as a failure when a probe asked for it.
	w.exits(0, 0).want(status.Starting)
	if got := w.m.view.LastExit.Reason; got != status.ReasonStartupProbe {
		t.Errorf("reason = %q", got)
	}
	w.on(startupDone{ready: false}).want(status.Running)
	if w.balanced {
		t.Error("in balancing before the readiness probe succeeded")
	}
	w.on(readiness{nil})
	if !w.balanced {
		t.Error("not in balancing after the readiness probe succeeded")
	}
	w.on(readiness{errors.New("busy")}).want(status.Running)
	if w.balanced || w.m.view.Why != "busy" {
		t.Errorf("after the readiness probe failed: balanced %v, why %q", w.balanced, w.m.view.Why)
	}
	w.on(gaveUp{reason: status.ReasonLivenessProbe, err: errors.New("hung")}).want(status.Stopping)
}

func TestRequestsWhileStopping(t *testing.T) {
	tests := []struct {
		name string
		asks []input
		want status.State
	}{
		{"stop then start", []input{stopInput{status.ReasonRequested}, startInput{}}, status.Starting},
		{"stop then restart", []input{stopInput{status.ReasonRequested}, restartInput{status.ReasonRequested}}, status.Starting},
		{"restart then stop", []input{restartInput{status.ReasonRequested}, stopInput{status.ReasonRequested}}, status.Stopped},
		{"probe then stop", []input{gaveUp{err: errors.New("hung")}, stopInput{status.ReasonRequested}}, status.Stopped},
		{"stop, start, stop", []input{stopInput{status.ReasonRequested}, startInput{}, stopInput{status.ReasonRequested}}, status.Stopped},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWalker(t, testApp()).on(startInput{}).on(startupDone{ready: true})
			for _, in := range tt.asks {
				w.on(in).want(status.Stopping)
			}
			w.exits(0, time.Second).want(tt.want)
		})
	}
}

func TestStartFailureIsRetried(t *testing.T) {
	w := newWalker(t, testApp())
	w.failSpawn = true
	w.on(startInput{}).want(status.Backoff)
	if got := w.m.view.LastExit; got.Reason != status.ReasonStartFailed || got.Text != "no such program" {
		t.Errorf("last exit = %+v", got)
	}
	w.failSpawn = false
	w.after(w.timer).on(timeUp{}).want(status.Starting)
}

func TestDependencies(t *testing.T) {
	app := testApp()
	app.DependsOn = []string{"db"}
	waiting := func() *walker {
		w := newWalker(t, app)
		w.missing = []string{"db"}
		w.on(startInput{}).want(status.Pending)
		if w.m.view.Why != "waiting for db" {
			t.Errorf("why = %q", w.m.view.Why)
		}
		return w
	}
	waiting().on(dependenciesReady{}).want(status.Starting)
	waiting().on(stopInput{status.ReasonRequested}).want(status.Stopped)
	newWalker(t, app).on(startInput{}).want(status.Starting) // none is missing
}

func TestJitterTakesOffAtMostATenth(t *testing.T) {
	policy := testApp().Restart
	rapid.Check(t, func(t *rapid.T) {
		h := history{inARow: rapid.IntRange(0, 40).Draw(t, "in a row")}
		full := backoff(policy, h.inARow)
		random := rapid.Float64Range(0, 0.999999).Draw(t, "random")
		d := h.decide(policy, status.Exit{Code: 1, Reason: status.ReasonExit}, time.Second, time.Hour, random)
		if !d.restart || d.delay > full || d.delay < full-full/10 {
			t.Fatalf("delay %v of %v", d.delay, full)
		}
	})
}

func TestStartupSaysWhatItWaitsFor(t *testing.T) {
	for _, test := range []struct {
		probe config.Probe
		want  string
	}{
		{config.Probe{TCPSocket: &config.TCPSocket{}}, "its startup probe (connect to port 20001) has not succeeded yet"},
		{config.Probe{TCPSocket: &config.TCPSocket{Port: 81}}, "its startup probe (connect to port 81) has not succeeded yet"},
		{config.Probe{HTTPGet: &config.HTTPGet{Path: "/healthz"}}, "its startup probe (GET /healthz on port 20001) has not succeeded yet"},
		{config.Probe{HTTPGet: &config.HTTPGet{Path: "/", Port: 82}}, "its startup probe (GET / on port 82) has not succeeded yet"},
	} {
		app := testApp()
		app.StartupProbe = &test.probe
		w := newWalker(t, app)
		if got := w.on(startInput{}).want(status.Starting).m.view.Why; got != test.want {
			t.Errorf("why = %q, want %q", got, test.want)
		}
	}
}

func TestWhatEndedItIsKept(t *testing.T) {
	w := newWalker(t, testApp()).on(startInput{}).want(status.Starting)
	w.on(gaveUp{reason: status.ReasonStartupProbe, err: errors.New("startup probe failed for 1m0s: connection refused")}).want(status.Stopping)
	w.exits(0, time.Minute)
	if got := w.m.view.LastExit; got.Why() != "its startup probe failed for 1m0s: connection refused" || got.Text != "exit" {
		t.Errorf("last exit = %+v", got)
	}

	w = newWalker(t, testApp())
	w.m.view.Why = ""
	w.m.on(startInput{}, w.moment())
	w.m.on(spawnFailed{err: &process.StartError{ID: "shop-1", Text: "no such program; install it"}}, w.moment())
	if got := w.m.view.Why; got != "no such program; install it" {
		t.Errorf("why = %q", got)
	}
}
