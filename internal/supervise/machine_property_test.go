package supervise

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// oracle says what must become of an instance. It knows facts, not states: what was asked, whether
// there is a process, what it owes to whom. The state follows from those, so that it does not share
// the table's way of thinking.
type oracle struct {
	app config.App

	// finished means that the policy ended it, wellDone that it ended well.
	finished, wellDone bool
	// process runs; probing its startup probe has yet to succeed; ready is in balancing.
	process, probing, ready bool
	// asked means that the process is to end: requests first (draining), then itself; surrendered that
	// a probe asked for it.
	asked, draining, surrendered bool
	again, killed                bool
	// needs means that it waits for its dependencies, paused that it does so after an end; held that it
	// waits for maintenance to end.
	needs, paused, held bool
	maintenance         bool
	// next is the time of the next try, zero without one; looping that it is a crash loop's.
	next    time.Time
	delay   time.Duration // before jitter
	looping bool

	// The policy's memory.
	row      int
	restarts []time.Time
	loop     bool

	startedAt time.Time
	counted   int // restarts in the view
	ended     int // events about an end
}

// state is what the facts amount to.
func (o *oracle) state() status.State {
	switch {
	case o.process && o.draining:
		return status.Draining
	case o.process && o.asked:
		return status.Stopping
	case o.process && o.probing:
		return status.Starting
	case o.process:
		return status.Running
	case o.needs || o.held:
		return status.Pending
	case o.looping:
		return status.CrashLoop
	case !o.next.IsZero():
		return status.Backoff
	case o.finished:
		return status.Exited
	}
	return status.Stopped
}

// situation is what a step has to go by.
type situation struct {
	now                    time.Time
	lacking, broken        bool // dependencies are down; processes cannot be started
	probeAtStart, readyNow bool
}

// launch tries to start a process; it fails, or runs.
func (o *oracle) launch(at situation) {
	o.next, o.looping, o.needs, o.paused, o.held = time.Time{}, false, false, false, false
	if at.broken {
		o.fail(at, 0, -1, true)
		return
	}
	o.process, o.probing, o.startedAt = true, at.probeAtStart, at.now
	o.asked, o.draining, o.surrendered, o.again, o.killed = false, false, false, false, false
	o.ready = !at.probeAtStart && at.readyNow
}

// fresh begins anew: nothing counts that was before.
func (o *oracle) fresh(at situation) {
	o.row, o.restarts, o.loop, o.finished, o.wellDone = 0, nil, false, false, false
	o.next, o.looping, o.held = time.Time{}, false, false
	if at.lacking {
		o.needs, o.paused = true, false
		return
	}
	o.launch(at)
}

// fail is an end that nobody asked for.
func (o *oracle) fail(at situation, ran time.Duration, code int64, neverRan bool) {
	o.process, o.ready, o.probing = false, false, false
	o.ended++
	policy := o.app.Restart
	byProbe := o.surrendered
	o.asked, o.draining, o.surrendered = false, false, false
	good := code == 0 && !byProbe && !neverRan
	if slices.Contains(policy.NoRestartCodes, code) || policy.Policy == config.RestartNever || policy.Policy == config.RestartOnFailure && good {
		o.finished, o.wellDone = true, good
		return
	}
	if o.maintenance {
		o.held = true
		return
	}
	if !neverRan && ran >= policy.ResetAfter.D() {
		o.row, o.restarts, o.loop = 0, nil, false
	}
	o.counted++
	if at.lacking {
		o.needs, o.paused = true, true
		return
	}
	o.restarts = slices.DeleteFunc(o.restarts, func(t time.Time) bool { return at.now.Sub(t) > policy.Window.D() })
	if o.loop || policy.MaxRestarts > 0 && len(o.restarts) >= policy.MaxRestarts {
		o.loop, o.looping = true, true
		o.next = at.now.Add(policy.Window.D())
		return
	}
	o.restarts = append(o.restarts, at.now)
	o.row++
	if o.row == 1 {
		o.launch(at)
		return
	}
	delay := policy.Backoff.D()
	for n := 2; n < o.row; n++ {
		delay = min(2*delay, policy.MaxBackoff.D())
	}
	o.next, o.delay = at.now.Add(delay), delay // less a tenth at most
}

// end is any end of the process.
func (o *oracle) end(at situation, code int64) {
	switch {
	case !o.asked || o.surrendered:
		o.fail(at, at.now.Sub(o.startedAt), code, false)
	default:
		o.process, o.ready, o.probing, o.asked, o.draining = false, false, false, false, false
		o.ended++
		if o.again {
			o.fresh(at)
		}
	}
}

func (o *oracle) stop() {
	switch {
	case o.process && !o.asked:
		o.draining = !o.probing && o.app.Port != config.PortNone && o.app.Stop.Drain > 0
		o.asked, o.ready, o.again, o.surrendered = true, false, false, false
		if !o.draining {
			o.killed = false
		}
	case o.process:
		o.again, o.surrendered = false, false
	case o.wellDone && o.finished:
	default:
		o.finished, o.needs, o.paused, o.held, o.next, o.looping = false, false, false, false, time.Time{}, false
	}
}

func (o *oracle) start(at situation) {
	switch {
	case o.process && o.asked:
		if !o.surrendered {
			o.again = true
		}
	case o.process, o.needs:
	default:
		o.fresh(at)
	}
}

func (o *oracle) restart(at situation, reason status.Reason) {
	switch {
	case reason == status.ReasonRecycle && (o.state() != status.Running || o.maintenance):
	case o.process && !o.asked:
		o.stop()
		o.again = true
	case o.process:
		if reason != status.ReasonConfig || o.again || o.surrendered {
			o.again, o.surrendered = true, false
		}
	case reason == status.ReasonConfig && o.state() == status.Stopped:
	case o.needs:
	default:
		o.fresh(at)
	}
}

// judge is what a walk fails with.
type judge interface {
	Helper()
	Fatalf(string, ...any)
}

// TestMachineAgainstOracleAndClock feeds any inputs in any order, over a wall clock that jumps by up to ten
// years, and compares with the oracle after each.
func TestMachineAgainstOracleAndClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		compare(t, newTable(), nil, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") })
	})
}

// TestEveryRowIsTaken walks evenly through all choices, always the same way, and finds rows that no
// order of inputs leads to.
func TestEveryRowIsTaken(t *testing.T) {
	table, taken := newTable(), make(map[*row]int)
	random := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		compare(t, table, taken, random.IntN)
	}
	for n, r := range allRows(table) {
		if taken[r] == 0 && !strings.HasPrefix(r.ignored, "cannot be") && r.ignored != "no timer runs" {
			t.Errorf("row %d was never taken: %v, %s, %v", n+1, r.from, r.on, r.to)
		}
	}
}

// compare walks a machine and an oracle. choose returns a number below n.
func compare(t judge, table *table, taken map[*row]int, choose func(n int) int) {
	t.Helper()
	app := testApp()
	app.Restart.MaxRestarts = choose(4)
	app.Restart.NoRestartCodes = []int64{125}
	app.Restart.Policy = []config.RestartPolicy{config.RestartAlways, config.RestartAlways, config.RestartOnFailure, config.RestartNever}[choose(4)]
	app.Stop.Drain = []config.Duration{0, config.Duration(5 * time.Second)}[choose(2)]
	if choose(4) > 0 {
		app.DependsOn = []string{"db"}
	}
	if choose(3) == 0 {
		app.StartupProbe = nil
	}
	if choose(2) == 0 {
		app.ReadinessProbe = &config.Probe{HTTPGet: &config.HTTPGet{Path: "/ready"}}
	}
	app.Port = config.PortAuto
	w := &walker{t: t, m: newTestMachine(app), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), taken: taken}
	w.m.table = table
	w.m.missing = func() []string { return w.missing }
	o := &oracle{app: app}
	for range 300 {
		random := float64(choose(1000)) / 1000
		w.m.random = func() float64 { return random }
		walk(t, w, o, choose)
	}
	// Whatever came before: a stop ends it.
	w.log = append(w.log, "stop for good")
	w.on(stopInput{status.ReasonRequested})
	for w.alive {
		w.exits(0, 0)
	}
	if s := w.m.view.State; s != status.Stopped && (s != status.Exited || !endedWell(&w.m.view)) {
		t.Fatalf("stopped, but %s after %v", s, w.log)
	}
	if w.armed || w.waits || w.balanced {
		t.Fatalf("stopped, but timer %v, wait %v, balanced %v after %v", w.armed, w.waits, w.balanced, w.log)
	}
}

// allRows are the rows of a table, each once.
func allRows(table *table) []*row {
	var all []*row
	for _, state := range status.States() {
		for _, k := range kinds() {
			for _, r := range table.rows[decides{state, k}] {
				if !slices.Contains(all, r) {
					all = append(all, r)
				}
			}
		}
	}
	return all
}

// walk takes one random step with both, and compares.
func walk(t judge, w *walker, o *oracle, choose func(n int) int) {
	t.Helper()
	steps := []string{
		"start", "stop", "restart", "config", "recycle", "maintain", "resume", "dependencies down", "dependencies up", "dependencies flap",
		"up", "startup", "live", "memory", "late memory", "ready", "unready", "look", "drained",
		"end", "end well", "end for good", "time", "long time", "break", "mend", "clock",
	}
	if choose(2) == 0 {
		// What leads on from here: else most of a walk would be spent in dead ends.
		steps = map[status.State][]string{
			status.Stopped: {"start"}, status.Exited: {"start", "stop"}, status.Pending: {"dependencies up", "resume", "mend"},
			status.Starting: {"up", "startup", "end"}, status.Running: {"end", "end", "live", "live", "ready", "unready", "recycle", "resume", "dependencies up"},
			status.Draining: {"drained", "end"}, status.Stopping: {"end", "time"}, status.Backoff: {"time", "long time"}, status.CrashLoop: {"long time"},
		}[w.m.view.State]
	}
	step := steps[choose(len(steps))]
	w.log = append(w.log, step)
	at := func() situation {
		return situation{
			now: w.now, lacking: len(w.missing) > 0 && len(o.app.DependsOn) > 0, broken: w.failSpawn,
			probeAtStart: o.app.StartupProbe != nil, readyNow: startupDecides(o.app),
		}
	}
	switch step {
	case "start":
		w.on(startInput{})
		o.start(at())
	case "stop":
		w.on(stopInput{status.ReasonRequested})
		o.stop()
	case "restart", "config", "recycle":
		reason := map[string]status.Reason{"restart": status.ReasonRequested, "config": status.ReasonConfig, "recycle": status.ReasonRecycle}[step]
		w.on(restartInput{reason})
		o.restart(at(), reason)
	case "maintain":
		w.on(maintainInput{true})
		o.maintenance = true
		if !o.next.IsZero() || o.paused {
			o.held, o.next, o.looping, o.needs, o.paused = true, time.Time{}, false, false, false
		}
	case "resume":
		w.on(maintainInput{false})
		o.maintenance = false
		if o.held {
			o.fresh(at())
		}
	case "dependencies down":
		w.missing = []string{"db"}
	case "dependencies up", "dependencies flap":
		if step == "dependencies up" {
			w.missing = nil
		}
		w.on(dependenciesReady{})
		if o.needs {
			o.launch(at())
		}
	case "up":
		decided := startupDecides(o.app)
		w.on(startupDone{ready: decided})
		if o.process && o.probing && !o.asked {
			o.probing, o.ready = false, decided
		}
	case "startup", "live", "memory":
		reason := map[string]status.Reason{"startup": status.ReasonStartupProbe, "live": status.ReasonLivenessProbe, "memory": status.ReasonMemoryLimit}[step]
		w.on(gaveUp{reason: reason, err: errors.New("slow"), pid: w.m.view.PID})
		switch {
		case step == "memory" && o.draining:
			o.draining = false
		case o.process && !o.asked && (step == "memory" || !o.maintenance):
			o.asked, o.surrendered, o.again, o.killed, o.ready = true, true, false, false, false
		}
	case "late memory":
		w.on(gaveUp{reason: status.ReasonMemoryLimit, err: errors.New("of another process"), pid: 7})
	case "ready", "unready":
		var err error
		if step == "unready" {
			err = errors.New("busy")
		}
		w.on(readiness{err})
		if o.state() == status.Running {
			o.ready = err == nil
		}
	case "look":
		w.on(inspected{[]int{3000}})
	case "drained":
		w.on(drained{})
		o.draining = false
	case "end", "end well", "end for good":
		if w.alive {
			code := map[string]int64{"end": 1, "end well": 0, "end for good": 125}[step]
			w.exits(code, 0)
			o.end(at(), code)
		}
	case "time", "long time":
		d := time.Duration(choose(20000)) * time.Millisecond
		if step == "long time" {
			d *= 60
		}
		pass(t, w, o, d, at)
	case "break", "mend":
		w.failSpawn = step == "break"
	case "clock":
		w.skew = []time.Duration{0, time.Hour, -time.Hour, 10 * 8766 * time.Hour, -10 * 8766 * time.Hour}[choose(5)]
	}
	agree(t, w, o)
}

// pass lets time go by; timers fire when they are due.
func pass(t judge, w *walker, o *oracle, d time.Duration, at func() situation) {
	t.Helper()
	until := w.now.Add(d)
	for w.armed && !w.due.After(until) {
		w.now = w.due
		w.on(timeUp{})
		switch {
		case !o.next.IsZero():
			o.next, o.looping = time.Time{}, false
			if at().lacking {
				o.needs, o.paused = true, true
			} else {
				o.launch(at())
			}
		case o.draining:
			o.draining = false
		case o.asked:
			o.killed = true
		}
		agree(t, w, o)
	}
	w.now = until
}

// agree compares the machine with the oracle, and checks what must always hold.
func agree(t judge, w *walker, o *oracle) {
	t.Helper()
	v := &w.m.view
	if want := o.state(); v.State != want {
		t.Fatalf("state %s, want %s after %v", v.State, want, w.log)
	}
	if v.Ready != o.ready || w.balanced != o.ready || w.alive != o.process || (v.PID != 0) != o.process {
		t.Fatalf("state %s ready %v balanced %v alive %v pid %d, want ready %v, process %v after %v", v.State, v.Ready, w.balanced, w.alive, v.PID, o.ready, o.process, w.log)
	}
	if v.Restarts != o.counted {
		t.Fatalf("%d restarts are counted, want %d after %v", v.Restarts, o.counted, w.log)
	}
	ends := 0
	for _, e := range w.events {
		if e == (event.InstanceExited{}).Type() || e == (event.InstanceStopped{}).Type() || e == (event.InstanceStartFailed{}).Type() {
			ends++
		}
	}
	if ends != o.ended {
		t.Fatalf("%d ends were told, there were %d: %v", ends, o.ended, w.log)
	}
	if err := timed(w, o); err != nil {
		t.Fatalf("%v after %v", err, w.log)
	}
	if w.waits != o.needs {
		t.Fatalf("it waits for dependencies %v, want %v after %v", w.waits, o.needs, w.log)
	}
	if len(v.Exits) > keptExits || len(v.Exits) != min(o.ended, keptExits) {
		t.Fatalf("%d of %d exits are kept", len(v.Exits), o.ended)
	}
}

// timed checks that a timer runs when one must, for as long as the policy says.
func timed(w *walker, o *oracle) error {
	left := w.due.Sub(w.now)
	switch {
	case !o.next.IsZero():
		shown := w.m.view.NextTry
		full := o.next.Sub(w.now)
		if !w.armed || left > full || left < full-o.delay/10 {
			return fmt.Errorf("next try in %v (timer %v), want %v or up to a tenth less", left, w.armed, full)
		}
		if o.looping && left != full {
			return fmt.Errorf("a crash loop is tried in %v, want %v", left, full)
		}
		if shown.IsZero() {
			return errors.New("the next try is not shown")
		}
		o.next = w.due // now it is known
	case !w.m.view.NextTry.IsZero():
		return errors.New("a next try is shown and there is none")
	case o.draining:
		if !w.armed || !w.drains || left > o.app.Stop.Drain.D() {
			return fmt.Errorf("draining for %v (timer %v)", left, w.armed)
		}
	case o.asked:
		if !w.armed || w.drains || left > o.app.Stop.Grace.D() {
			return fmt.Errorf("stopping for %v (timer %v, still draining %v)", left, w.armed, w.drains)
		}
	case o.process && !o.probing, !o.process:
		if w.armed {
			return errors.New("a timer runs for nothing")
		}
	}
	return nil
}
