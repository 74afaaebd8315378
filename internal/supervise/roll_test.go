package supervise

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

func TestHotRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2, overlapping)})
		defer w.stop()
		w.set(func() {
			w.slow = map[string]time.Duration{"shop-1": time.Second, "shop-2": time.Second, "shop-3": time.Second}
		})
		w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": namedApp(2, overlapping, named("b"))}))

		w.wantLook("shop", "shop-1 running a", "shop-2 running a", "shop-3 starting surge b")
		w.wantCondition("shop", status.Healthy, 2)
		if got := w.app("shop").Restarting; got != "0 of 2" {
			t.Errorf("restarting %q", got)
		}
		time.Sleep(time.Second) // of the bubble's clock
		w.wantLook("shop", "shop-1 starting b", "shop-2 running a", "shop-3 running surge b")
		w.wantCondition("shop", status.Healthy, 2)
		time.Sleep(time.Second)
		w.wantLook("shop", "shop-1 running b", "shop-2 starting b", "shop-3 running surge b")
		if got := w.app("shop").Restarting; got != "1 of 2" {
			t.Errorf("restarting %q", got)
		}
		time.Sleep(time.Second)
		w.wantLook("shop", "shop-1 running b", "shop-2 running b")
		if got := w.app("shop").Restarting; got != "" {
			t.Errorf("restarting %q", got)
		}
		w.wantTold("app.",
			"app.restarting: restarting 2 instances, once an additional one is ready: config",
			"app.restarted: restarted within 3s")
	})
}

func TestHotRestartThatLeadsNowhereTakesNothingDown(t *testing.T) {
	tests := []struct {
		name     string
		sabotage func(*world)
		wait     time.Duration
	}{
		{"program ends at once", func(w *world) { w.broken["b"] = true }, 0},
		{"cannot be started", func(w *world) { w.refuse["shop-3"] = errors.New("no such program") }, 0},
		{"startup probe gives up", func(w *world) { w.slow["shop-3"] = -1 }, 0},
		{"never ready", func(w *world) { w.slow["shop-3"] = time.Hour }, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, map[string]config.App{"shop": namedApp(2, overlapping)})
				defer w.stop()
				w.set(func() { tt.sabotage(w) })
				next := namedApp(2, overlapping, named("b"))
				w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": next}))
				time.Sleep(tt.wait)
				w.wantLook("shop", "shop-1 running a", "shop-2 running a")
				w.wantCondition("shop", status.Healthy, 2)
				if w.app("shop").Why == "" {
					t.Error("nothing says that the newest configuration is not in force")
				}
				if got := w.told("app.restart_failed"); len(got) != 1 {
					t.Errorf("told %v", got)
				}

				// What ends later runs on as it was.
				w.child("shop-1").end(1)
				w.wantLook("shop", "shop-1 running a", "shop-2 running a")

				// A reload that does not concern the app tries nothing again; the old one mends it.
				before := len(w.started())
				w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": next, "other": namedApp(1)}))
				w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": namedApp(2, overlapping)}))
				if diff := cmp.Diff([]string{"other-1"}, w.started()[before:]); diff != "" {
					t.Errorf("starts (-want +got):\n%s", diff)
				}
				if got := w.app("shop").Why; got != "" {
					t.Errorf("why = %q", got)
				}
			})
		})
	}
}

func TestRestartWithoutOverlapStopsAtTheFirstFailure(t *testing.T) {
	tests := []struct {
		name   string
		change func(*config.App)
	}{
		{"not wanted", func(a *config.App) { a.Port = config.PortAuto }},
		{"fixed port", func(a *config.App) { a.Port, a.Restart.Overlap = 31801, true }},
		{"no room", func(a *config.App) { overlapping(a); a.MaxInstances = 3 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, map[string]config.App{"shop": namedApp(3, tt.change)})
				defer w.stop()
				w.set(func() { w.slow["shop-1"] = -1 })
				w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": namedApp(3, tt.change, named("b"))}))
				w.wantLook("shop", "shop-1 backoff", "shop-2 running a", "shop-3 running a")
				w.wantTold("app.restart",
					"app.restarting: restarting 3 instances: config",
					"app.restart_failed: the restart was given up because shop-1 did not become ready: its refused; 2 instances left as before")
			})
		})
	}
}

func TestSurgeStandsInForTheOneThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2, overlapping)})
		defer w.stop()
		w.set(func() { w.slow["shop-1"] = -1 })
		w.do(w.sup.Restart(t.Context(), "shop"))
		w.wantLook("shop", "shop-1 backoff", "shop-2 running a", "shop-3 running replacement a")
		w.set(func() { delete(w.slow, "shop-1") })
		time.Sleep(time.Minute) // of the bubble's clock
		w.wantLook("shop", "shop-1 running a", "shop-2 running a")
	})
}

func TestSurgeThatDiesEndsTheRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2, overlapping)})
		defer w.stop()
		w.set(func() { w.slow["shop-1"] = time.Second })
		untouched := w.child("shop-2")
		w.do(w.sup.Restart(t.Context(), "shop"))
		w.set(func() { w.slow["shop-3"] = time.Minute })
		w.child("shop-3").end(1)
		time.Sleep(time.Second) // of the bubble's clock
		w.wantLook("shop", "shop-1 running a", "shop-2 running a")
		if got := w.told("app.restart_failed"); len(got) != 1 {
			t.Errorf("told %v", got)
		}
		if w.child("shop-2") != untouched {
			t.Error("shop-2 was restarted")
		}
	})
}

func TestRestartOfAnAppThatIsDownIsNotInTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(3, overlapping)})
		defer w.stop()
		w.do(w.sup.Stop(t.Context(), "shop"))
		w.set(func() {
			w.slow = map[string]time.Duration{"shop-1": time.Second, "shop-2": time.Second, "shop-3": time.Second}
		})
		w.do(w.sup.Restart(t.Context(), "shop"))
		w.wantLook("shop", "shop-1 starting a", "shop-2 starting a", "shop-3 starting a")
		time.Sleep(time.Second) // of the bubble's clock
		w.wantTold("app.restart", "app.restarting: restarting 3 instances: requested", "app.restarted: restarted within 1s")
	})
}

func TestANewerWishEndsARestart(t *testing.T) {
	tests := []struct {
		name string
		do   func(context.Context, *Supervisor) error
		want []string
	}{
		{"stop", func(ctx context.Context, s *Supervisor) error { return s.Stop(ctx, "shop") }, []string{"shop-1 stopped", "shop-2 stopped"}},
		{"stop, then start", func(ctx context.Context, s *Supervisor) error {
			return errors.Join(s.Stop(ctx, "shop"), s.Start(ctx, "shop"))
		}, []string{"shop-1 running b", "shop-2 running b"}},
		{"another configuration", func(ctx context.Context, s *Supervisor) error {
			return s.Apply(ctx, map[string]config.App{"shop": namedApp(2, overlapping, named("c"))})
		}, []string{"shop-1 running c", "shop-2 running c"}},
		{"scaled up", func(ctx context.Context, s *Supervisor) error { return s.Scale(ctx, "shop", 3) }, []string{"shop-1 running b", "shop-2 running b", "shop-3 running b"}},
		{"scaled down", func(ctx context.Context, s *Supervisor) error { return s.Scale(ctx, "shop", 1) }, []string{"shop-1 running b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, map[string]config.App{"shop": namedApp(2, overlapping)})
				defer w.stop()
				w.set(func() { w.slow["shop-3"] = time.Second })
				w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": namedApp(2, overlapping, named("b"))}))
				w.do(tt.do(t.Context(), w.sup))
				time.Sleep(time.Minute) // of the bubble's clock
				if diff := cmp.Diff(tt.want, w.look("shop")); diff != "" {
					t.Errorf("instances (-want +got):\n%s", diff)
				}
				if got := w.told("app.restart_failed"); got != nil {
					t.Errorf("told %v", got)
				}
			})
		})
	}
}

func TestStartLeavesNobodyWithAnOlderConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2, overlapping)})
		defer w.stop()
		w.set(func() { w.slow["shop-3"] = time.Second })
		w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": namedApp(2, overlapping, named("b"))}))
		w.do(w.sup.Start(t.Context(), "shop"))
		time.Sleep(time.Minute) // of the bubble's clock
		w.wantLook("shop", "shop-1 running b", "shop-2 running b")
	})
}

func TestMustRestart(t *testing.T) {
	tests := []struct {
		name   string
		change func(*config.App)
		want   bool
	}{
		{"nothing", func(*config.App) {}, false},
		{"program", named("b"), true},
		{"port", func(a *config.App) { a.Port = 8080 }, true},
		{"memory", func(a *config.App) { a.Limits.Memory = 1 << 30 }, true},
		{"memory_recycle", func(a *config.App) { a.Limits.MemoryRecycle = 1 << 30 }, false},
		{"policy", func(a *config.App) { a.Restart.Policy = config.RestartNever }, false},
		{"grace", func(a *config.App) { a.Stop.Grace = 1 }, false},
		{"stop method", func(a *config.App) { a.Stop.Method = config.StopCtrlC }, false},
		{"standard input", func(a *config.App) { a.Stop.Method = config.StopStdinClose }, true},
		{"max_instances", func(a *config.App) { a.MaxInstances = 9 }, false},
		{"on_failure", func(a *config.App) { a.OnFailure = &config.OnFailure{} }, false},
		{"instances", func(a *config.App) { a.Instances = 9 }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			old := namedApp(1)
			next := namedApp(1, tt.change)
			if got := mustRestart(old, next); got != tt.want {
				t.Errorf("mustRestart = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestRemovedAppsStopBeforeWhatTheyNeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		on := func(name string) func(*config.App) {
			return func(a *config.App) { a.DependsOn = []string{name} }
		}
		apps := map[string]config.App{"web": namedApp(1, on("api")), "api": namedApp(1, on("db")), "db": namedApp(1), "stays": namedApp(1)}
		w := begin(t, apps)
		defer w.stop()
		w.set(func() { w.deaf["web-1"] = true })
		w.do(w.sup.Apply(t.Context(), map[string]config.App{"stays": namedApp(1)}))
		if isClosed(w.child("db-1").done) {
			t.Error("db ended while web was still stopping")
		}
		// Back while its former instance waits for its turn.
		w.do(w.sup.Apply(t.Context(), map[string]config.App{"stays": namedApp(1), "db": namedApp(1)}))
		time.Sleep(15 * time.Second) // of the bubble's clock: web's grace
		w.wantLook("db", "db-1 running a")
		if got := slices.Collect(func(yield func(string) bool) {
			for _, id := range w.started() {
				if id == "db-1" && !yield(id) {
					return
				}
			}
		}); len(got) != 2 {
			t.Errorf("db was started %d times, want 2", len(got))
		}
	})
}

func TestSurgeMustComeUpAtItsFirstTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1, overlapping)})
		defer w.stop()
		w.set(func() { w.broken["b"] = true })
		w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": namedApp(1, overlapping, named("b"))}))
		if diff := cmp.Diff([]string{"shop-1", "shop-2"}, w.started()); diff != "" {
			t.Errorf("starts (-want +got):\n%s", diff)
		}
	})
}

func TestSurgeThatWasReadyIsHealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1, overlapping)})
		defer w.stop()
		w.set(func() { w.slow["shop-1"] = time.Minute })
		w.do(w.sup.Restart(t.Context(), "shop"))
		w.child("shop-2").end(1)
		w.wantLook("shop", "shop-1 starting a", "shop-2 running surge a")
	})
}
