package supervise

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// served is an app that the gateway sends requests to.
func served(instances int, change ...func(*config.App)) config.App {
	return namedApp(instances, append([]func(*config.App){func(a *config.App) {
		a.Port, a.Stop.Drain = config.PortAuto, config.Duration(10*time.Second)
	}}, change...)...)
}

// wantCalls compares what was told since the last time, without what only clears up.
func (w *world) wantCalls(want ...string) {
	w.t.Helper()
	synctest.Wait()
	if diff := cmp.Diff(want, w.called()); diff != "" {
		w.t.Errorf("told (-want +got):\n%s", diff)
	}
}

func (w *world) wantState(id string, want status.State) status.Instance {
	w.t.Helper()
	synctest.Wait()
	app, _, _ := strings.Cut(id, "-")
	for _, i := range w.app(app).Instances {
		if i.ID == id {
			if i.State != want {
				w.t.Errorf("%s is %s (%s), want %s", id, i.State, i.Why, want)
			}
			return i
		}
	}
	w.t.Fatalf("there is no instance %s", id)
	return status.Instance{}
}

func TestReadyIsToldBeforeItIsNoLongerExpected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": served(1)})
		defer w.stop()
		w.wantCalls("expect shop true", "ready shop-1 true", "expect shop false")
		w.child("shop-1").end(1)
		w.wantCalls("expect shop true", "ready shop-1 false", "kill shop-1", "ended shop-1", "ready shop-1 false", "ready shop-1 true", "expect shop false")
	})
}

func TestStopDrainsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": served(1)})
		defer w.stop()
		w.called()
		w.busy["shop-1"] = make(chan struct{})
		if err := w.sup.Stop(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		w.wantCalls("ready shop-1 false", "drain shop-1")
		if i := w.wantState("shop-1", status.Draining); i.Ready || i.Why != "draining: requested" {
			t.Errorf("instance = %+v", i)
		}
		close(w.busy["shop-1"])
		w.wantCalls("ask shop-1", "ready shop-1 false", "kill shop-1", "ended shop-1")
		w.wantState("shop-1", status.Stopped)
	})
}

func TestDrainingIsBoundedAndLeavesTheWholeGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": served(1)})
		defer w.stop()
		w.busy["shop-1"], w.deaf["shop-1"] = make(chan struct{}), true
		began := time.Now()
		if err := w.sup.Stop(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second) // of the bubble's clock
		if err := w.sup.Stop(t.Context(), "shop"); err != nil {
			t.Fatal(err) // asking again does not put the end off
		}
		w.wantState("shop-1", status.Draining)
		time.Sleep(5 * time.Second)
		w.wantState("shop-1", status.Stopping)
		<-w.child("shop-1").done
		if got := time.Since(began); got != 25*time.Second {
			t.Errorf("killed after %v, want 10s and 15s", got)
		}
	})
}

func TestIdleInstanceDrainsInNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": served(1)})
		defer w.stop()
		began := time.Now()
		if err := w.sup.Stop(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		w.wantState("shop-1", status.Stopped)
		if got := time.Since(began); got != 0 {
			t.Errorf("stopped after %v, want at once", got)
		}
	})
}

func TestEndWhileDrainingIsTheEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		ask  func(context.Context, *Supervisor) error
		want status.State
	}{
		"stop":    {func(ctx context.Context, s *Supervisor) error { return s.Stop(ctx, "shop") }, status.Stopped},
		"restart": {func(ctx context.Context, s *Supervisor) error { return s.Restart(ctx, "shop") }, status.Running},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, map[string]config.App{"shop": served(1)})
				defer w.stop()
				w.busy["shop-1"] = make(chan struct{})
				if err := tt.ask(t.Context(), w.sup); err != nil {
					t.Fatal(err)
				}
				w.wantState("shop-1", status.Draining)
				w.child("shop-1").end(3)
				if i := w.wantState("shop-1", tt.want); i.LastExit.Code != 3 || i.LastExit.Reason != status.ReasonRequested {
					t.Errorf("last exit = %+v", i.LastExit)
				}
			})
		})
	}
}

// TestProcessThatCannotBeKilled keeps nobody else: not the Supervisor, not the other instances.
func TestProcessThatCannotBeKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": served(2), "other": served(1)})
		defer w.stop()
		first := w.child("shop-1")
		w.deaf["shop-1"], w.undying["shop-1"] = true, true
		if err := w.sup.Stop(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(27 * time.Second) // of the bubble's clock: it is being killed a second time
		i := w.wantState("shop-1", status.Stopping)
		if !strings.Contains(i.Why, "does not end") {
			t.Errorf("why = %q", i.Why)
		}
		for range 200 {
			if err := w.sup.Start(t.Context(), "shop"); err != nil {
				t.Fatal(err)
			}
		}
		w.wantState("shop-1", status.Stopping)
		if n := len(w.sup.apps["shop"].instances[0].inbox.queue); n != 0 {
			t.Errorf("%d inputs wait for the kill to return", n)
		}
		w.wantState("shop-2", status.Running)
		w.wantCondition("other", status.Healthy, 1)
		if w.child("shop-1") != first {
			t.Error("a second process was started beside the first")
		}
		w.mu.Lock()
		w.undying["shop-1"] = false
		w.mu.Unlock()
		time.Sleep(killAfter) // it is killed again
		w.wantCondition("shop", status.Healthy, 2)
	})
}

func TestScaledDownWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": served(1)})
		defer w.stop()
		w.mu.Lock()
		w.slow["shop-2"] = time.Minute
		w.mu.Unlock()
		if err := w.sup.Apply(t.Context(), map[string]config.App{"shop": served(2)}); err != nil {
			t.Fatal(err)
		}
		w.wantState("shop-2", status.Starting)
		if err := w.sup.Apply(t.Context(), map[string]config.App{"shop": served(1)}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if !isClosed(w.child("shop-2").done) {
			t.Error("the surplus process runs on")
		}
		w.wantCondition("shop", status.Healthy, 1)
	})
}

func TestDependencyPausesTheRestartBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := func(a *config.App) { a.DependsOn, a.Restart.MaxRestarts = []string{"db"}, 1 }
		w := begin(t, map[string]config.App{"db": served(1), "shop": served(1, on)})
		defer w.stop()
		for range 5 {
			w.mu.Lock()
			w.slow["db-1"] = 20 * time.Second
			w.mu.Unlock()
			w.child("db-1").end(1)
			synctest.Wait()
			w.child("shop-1").end(1)
			i := w.wantState("shop-1", status.Pending)
			if i.Why != "waiting for db" || i.LastExit.Next != "started when db is ready" {
				t.Errorf("instance = %+v, exit = %+v", i.Why, i.LastExit)
			}
			time.Sleep(21 * time.Second) // of the bubble's clock; db needs its backoff too
			w.wantCondition("db", status.Healthy, 1)
			w.wantState("shop-1", status.Running)
			time.Sleep(time.Minute) // db has run stably
		}
		w.child("shop-1").end(1)
		w.wantState("shop-1", status.Running) // its first restart that counts
	})
}

func TestMaintenanceHoldsWhatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": served(2)})
		defer w.stop()
		if err := w.sup.Maintain(t.Context(), "shop", true, "new disk", 0); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.live["shop-2"](errors.New("hung"))
		w.child("shop-1").end(1)
		i := w.wantState("shop-1", status.Pending)
		if i.Why != "ended during maintenance" || i.LastExit.Next != "started when maintenance ends" {
			t.Errorf("why = %q, next = %q", i.Why, i.LastExit.Next)
		}
		time.Sleep(time.Hour) // of the bubble's clock
		w.wantState("shop-1", status.Pending)
		if i := w.wantState("shop-2", status.Running); i.Why != "in maintenance; hung" || i.Restarts != 0 {
			t.Errorf("instance = %+v", i)
		}
		if err := w.sup.Maintain(t.Context(), "shop", false, "", 0); err != nil {
			t.Fatal(err)
		}
		w.wantCondition("shop", status.Healthy, 2)
		if got := len(w.started()); got != 3 {
			t.Errorf("%d starts, want 3", got)
		}
		// What it found is judged anew now.
		w.live["shop-2"](errors.New("hung"))
		w.wantState("shop-2", status.Running)
		if got := len(w.started()); got != 4 {
			t.Errorf("%d starts, want 4", got)
		}
	})
}

func TestMemoryLimitAndRecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": served(1, func(a *config.App) {
			a.Limits = config.Limits{Memory: 200 << 20, MemoryRecycle: 100 << 20}
		})})
		defer w.stop()
		i := w.sup.apps["shop"].instances[0]
		i.setUsage(i.process(), status.Usage{Memory: 250 << 20})
		i.send(gaveUp{reason: status.ReasonMemoryLimit, err: errors.New("it used 250.0 MiB of memory"), pid: i.process().PID()})
		e := w.wantState("shop-1", status.Running).LastExit
		if e.Reason != status.ReasonMemoryLimit || e.Usage == nil || e.Usage.Memory != 250<<20 || e.Advice == "" {
			t.Errorf("exit = %+v", e)
		}
		i.setUsage(i.process(), status.Usage{Memory: 150 << 20})
		i.restart(t.Context(), status.ReasonRecycle)
		e = w.wantState("shop-1", status.Running).LastExit
		if e.Reason != status.ReasonRecycle || !e.Graceful {
			t.Errorf("exit = %+v", e)
		}
		var got []string
		events, _ := w.bus.List(event.Query{})
		for _, e := range events {
			if e.Type == "instance.memory_limit" || e.Type == "instance.recycled" {
				got = append(got, e.Message)
			}
		}
		slices.Sort(got)
		want := []string{
			"restarted because it used 150.0 MiB of memory, more than limits.memory_recycle (100.0 MiB)",
			"used 250.0 MiB of memory, more than limits.memory (200.0 MiB): find its leak or raise the limit",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestLateMeasurementDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": served(1)})
		defer w.stop()
		i := w.sup.apps["shop"].instances[0]
		before := i.process()
		i.setUsage(before, status.Usage{Memory: 2})
		w.child("shop-1").end(1)
		w.wantState("shop-1", status.Running)
		i.setUsage(before, status.Usage{Memory: 1})
		i.send(gaveUp{reason: status.ReasonMemoryLimit, err: errors.New("too much"), pid: before.PID()})
		if v := w.wantState("shop-1", status.Running); v.Usage != nil || v.Restarts != 1 {
			t.Errorf("instance = %+v", v)
		}
	})
}

// TestWhatAnEndedTaskSaidDoesNotCount: it may have been sent before, and be read after, its end.
func TestWhatAnEndedTaskSaidDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": served(1)})
		defer w.stop()
		i := w.sup.apps["shop"].instances[0]
		i.send(told{gaveUp{reason: status.ReasonLivenessProbe, err: errors.New("hung")}, 0})
		if v := w.wantState("shop-1", status.Running); v.Restarts != 0 {
			t.Errorf("instance = %+v", v)
		}
	})
}

func TestCrowdedInboxKeepsTheNewestOfEachKind(t *testing.T) {
	b := inbox{wake: make(chan struct{}, 1)}
	first := settle{restartInput{status.ReasonConfig}, make(chan struct{})}
	b.put(first)
	for range 10 * crowded {
		b.put(startInput{})
		b.put(told{readiness{}, 3})
		b.put(restartInput{status.ReasonRequested})
		b.put(stopInput{status.ReasonRequested})
	}
	if len(b.queue) > crowded+1 {
		t.Errorf("%d inputs are kept", len(b.queue))
	}
	select {
	case <-first.done:
	default:
		t.Error("who waits for a restart that was superseded waits on")
	}
	if _, ok := b.queue[len(b.queue)-1].(stopInput); !ok {
		t.Errorf("the last input is %T", b.queue[len(b.queue)-1])
	}
	b.put(leaveInput{stopInput{status.ReasonScale}})
	for range 10 * crowded {
		b.put(told{readiness{}, 3})
		b.put(stopInput{status.ReasonRequested})
	}
	leaves := false
	for {
		in, ok := b.take()
		if !ok {
			break
		}
		if _, is := in.(leaveInput); is {
			leaves = true
		}
	}
	if !leaves {
		t.Error("that it is to leave was forgotten")
	}
	if b.queue != nil {
		t.Error("an empty inbox holds a queue")
	}
}

// TestViewFollowsAClockThatWasSet does by hand what nobody can do to a test's clock.
func TestWhoLeavesIsNotCalledBack(t *testing.T) {
	b := inbox{wake: make(chan struct{}, 1)}
	before, after := settle{restartInput{status.ReasonRequested}, make(chan struct{})}, settle{restartInput{status.ReasonRequested}, make(chan struct{})}
	b.put(before)
	b.put(startInput{})
	b.put(told{dependenciesReady{}, 1})
	b.put(leaveInput{stopInput{status.ReasonScale}})
	b.put(after)
	b.put(startInput{})
	b.put(maintainInput{true})
	b.put(told{drained{}, 1})
	if !isClosed(before.done) || !isClosed(after.done) {
		t.Error("who waits for a restart that will not be waits on")
	}
	want := []input{told{dependenciesReady{}, 1}, leaveInput{stopInput{status.ReasonScale}}, told{drained{}, 1}}
	if !slices.Equal(want, b.queue) {
		t.Errorf("queue = %v, want %v", b.queue, want)
	}
}

func TestViewFollowsAClockThatWasSet(t *testing.T) {
	noted := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) // at the monotonic 1h
	for name, tt := range map[string]struct {
		wall, want time.Time
	}{
		"as it goes":       {noted.Add(5 * time.Minute), noted},
		"slewed a little":  {noted.Add(5*time.Minute + 300*time.Millisecond), noted},
		"an hour back":     {noted.Add(5*time.Minute - time.Hour), noted.Add(-time.Hour)},
		"ten years onward": {noted.Add(5*time.Minute).AddDate(10, 0, 0), noted.AddDate(10, 0, 0)},
	} {
		if got := present(noted, time.Hour, time.Hour+5*time.Minute, tt.wall); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	if got := present(time.Time{}, 0, time.Hour, noted); !got.IsZero() {
		t.Errorf("no time became %v", got)
	}
}

func TestTimesAreShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": served(1)})
		defer w.stop()
		time.Sleep(time.Hour) // of the bubble's clock
		w.child("shop-1").end(1)
		if v := w.wantState("shop-1", status.Running); !v.StartedAt.Equal(time.Now()) || !v.NextTry.IsZero() {
			t.Errorf("started at %v, next try at %v, now %v", v.StartedAt, v.NextTry, time.Now())
		}
		w.child("shop-1").end(1)
		v := w.wantState("shop-1", status.Backoff)
		if wait := time.Until(v.NextTry); wait > time.Second || wait < 900*time.Millisecond {
			t.Errorf("the next try is shown to be in %v, want 1s less a tenth at most", wait)
		}
	})
}
