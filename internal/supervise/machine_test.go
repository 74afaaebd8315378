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
	t interface {
		Helper()
		Fatalf(string, ...any)
	}
	m     *machine
	now   time.Time
	alive bool
	// failSpawn makes the next spawns fail.
	failSpawn bool
	// missing are the dependencies that are down.
	missing  []string
	balanced bool
	timer    time.Duration
	armed    bool
	events   []event.Type
	log      []string
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
				w.balanced = e.ready
			case startTimer:
				w.timer, w.armed = e.after, true
			case cancel:
				w.armed = false
			case publish:
				w.events = append(w.events, e.body.Type())
			}
		}
	}
	return w
}

// moment has a wall clock that agrees with the monotonic one.
func (w *walker) moment() moment {
	return moment{w.now.Sub(time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC)), w.now}
}

func (w *walker) after(d time.Duration) *walker {
	w.now = w.now.Add(d)
	return w
}

// exits ends the process after it ran for d.
func (w *walker) exits(code int64, d time.Duration) *walker {
	started := w.now
	w.after(d)
	return w.on(ended{exit: status.Exit{Code: code, Text: "exit", StartedAt: started, EndedAt: w.now}})
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

// TestRandomWalk feeds any inputs in any order and checks what must always hold.
func TestRandomWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		app := testApp()
		app.Restart.MaxRestarts = rapid.IntRange(0, 3).Draw(t, "max_restarts")
		app.Restart.Policy = rapid.SampledFrom([]config.RestartPolicy{config.RestartAlways, config.RestartOnFailure, config.RestartNever}).Draw(t, "policy")
		if rapid.Bool().Draw(t, "depends") {
			app.DependsOn = []string{"db"}
		}
		if rapid.Bool().Draw(t, "no startup probe") {
			app.StartupProbe = nil
		}
		w := &walker{t: t, m: newTestMachine(app), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
		lastAsked := ""
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			before := w.m.view.State
			step := rapid.SampledFrom([]string{"start", "stop", "restart", "deps", "up", "up unready", "startup", "live", "ready", "unready", "end", "end well", "timer", "break", "mend"}).Draw(t, "step")
			w.log = append(w.log, step)
			w.after(time.Duration(rapid.IntRange(0, 20000).Draw(t, "ms")) * time.Millisecond)
			switch step {
			case "start", "stop", "restart":
				lastAsked = step
			}
			switch step {
			case "start":
				w.on(startInput{})
			case "stop":
				w.on(stopInput{status.ReasonRequested})
			case "restart":
				w.on(restartInput{status.ReasonRequested})
			case "deps":
				if before == status.Pending {
					w.on(dependenciesReady{})
				}
			case "up", "up unready":
				w.on(startupDone{ready: step == "up"})
			case "startup":
				w.on(gaveUp{reason: status.ReasonStartupProbe, err: errors.New("slow")})
			case "live":
				w.on(gaveUp{reason: status.ReasonLivenessProbe, err: errors.New("hung")})
			case "ready":
				w.on(readiness{})
			case "unready":
				w.on(readiness{errors.New("busy")})
			case "end", "end well":
				if w.alive {
					code := int64(1)
					if step == "end well" {
						code = 0
					}
					w.exits(code, 0)
				}
			case "timer":
				if w.armed {
					w.on(timeUp{})
				}
			case "break":
				w.failSpawn = true
			case "mend":
				w.failSpawn = false
			}
			check(t, w)
		}
		// Whatever came before: the last word counts.
		if w.alive && w.m.view.State == status.Stopping {
			w.exits(0, 0)
			check(t, w)
		}
		if lastAsked == "stop" && w.m.view.State != status.Stopped && w.m.view.State != status.Exited {
			t.Fatalf("stopped last, but %s after %v", w.m.view.State, w.log)
		}
		if lastAsked == "start" && w.m.view.State == status.Stopped {
			t.Fatalf("started last, but stopped after %v", w.log)
		}
	})
}

// check holds in every state after every input.
func check(t *rapid.T, w *walker) {
	v := w.m.view
	hasProcess := v.State == status.Starting || v.State == status.Running || v.State == status.Stopping
	if hasProcess != w.alive || hasProcess != (v.PID != 0) {
		t.Fatalf("state %s with a process %v and pid %d after %v", v.State, w.alive, v.PID, w.log)
	}
	if v.Ready != w.balanced || (v.Ready && v.State != status.Running) {
		t.Fatalf("state %s ready %v balanced %v after %v", v.State, v.Ready, w.balanced, w.log)
	}
	waits := v.State == status.Backoff || v.State == status.CrashLoop
	if waits != !v.NextTry.IsZero() {
		t.Fatalf("state %s with next try %v", v.State, v.NextTry)
	}
	if waits && !w.armed {
		t.Fatalf("state %s waits for a timer that is not armed, after %v", v.State, w.log)
	}
	if len(v.Exits) > keptExits {
		t.Fatalf("%d exits are kept", len(v.Exits))
	}
	if !slices.Contains(status.States(), v.State) {
		t.Fatalf("unknown state %q", v.State)
	}
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
