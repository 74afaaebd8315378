package supervise

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// keeping has the Supervisor keep its state in a file.
func keeping(file string) func(*world, *Options) {
	return func(_ *world, o *Options) { o.StateFile = file }
}

func TestScale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2)})
		defer w.stop()
		w.do(w.sup.Scale(t.Context(), "shop", 4))
		w.wantCondition("shop", status.Healthy, 4)
		if a := w.app("shop"); a.Desired != 4 || a.Configured != 2 {
			t.Errorf("desired %d, configured %d", a.Desired, a.Configured)
		}
		w.do(w.sup.Scale(t.Context(), "shop", 4)) // no news
		w.do(w.sup.Scale(t.Context(), "shop", 1))
		w.wantLook("shop", "shop-1 running a")
		w.do(w.sup.Scale(t.Context(), "shop", 0))
		w.wantCondition("shop", status.Idle, 0)
		emptied := time.Now()
		time.Sleep(time.Minute) // of the bubble's clock
		if since := w.app("shop").Since; !since.Equal(emptied) {
			t.Errorf("without instances since %v, want %v", since, emptied)
		}
		w.do(w.sup.Scale(t.Context(), "shop", -1))
		w.wantCondition("shop", status.Healthy, 2)
		w.wantTold("app.scaled",
			"app.scaled: scaled from 2 to 4 instances (configured: 2)",
			"app.scaled: scaled from 4 to 1 instance (configured: 2)",
			"app.scaled: scaled from 1 to 0 instances (configured: 2)",
			"app.scaled: scaled from 0 to 2 instances")
		var reasons []status.Reason
		events, _ := w.bus.List(event.Query{Type: "instance.stopped"})
		for _, e := range events {
			if e.Instance == "shop-4" {
				reasons = append(reasons, e.Data.(event.InstanceStopped).Exit.Reason)
			}
		}
		if len(reasons) != 1 || reasons[0] != status.ReasonScale {
			t.Errorf("shop-4 was stopped for %v", reasons)
		}
	})
}

func TestScaledUpIsAsTheOthersAre(t *testing.T) {
	manual := func(a *config.App) { a.Autostart = false }
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1), "tool": namedApp(1, manual)})
		defer w.stop()
		w.do(w.sup.Stop(t.Context(), "shop"))
		w.do(w.sup.Scale(t.Context(), "shop", 2))
		w.wantLook("shop", "shop-1 stopped", "shop-2 stopped")
		w.do(w.sup.Restart(t.Context(), "shop"))
		w.do(w.sup.Scale(t.Context(), "shop", 3))
		w.wantLook("shop", "shop-1 running a", "shop-2 running a", "shop-3 running a")

		w.do(w.sup.Scale(t.Context(), "tool", 2))
		w.wantLook("tool", "tool-1 stopped", "tool-2 stopped")
		w.do(w.sup.Start(t.Context(), "tool"))
		w.do(w.sup.Scale(t.Context(), "tool", 3))
		w.wantLook("tool", "tool-1 running a", "tool-2 running a", "tool-3 running a")
	})
}

// TestOneThatLeavesIsNotStartedFirst has many of a name wait for the first to go: those of them that are
// to leave again must not each run for a while.
func TestOneThatLeavesIsNotStartedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2)})
		defer w.stop()
		w.set(func() { w.deaf["shop-2"] = true })
		for range 20 {
			w.do(w.sup.Scale(t.Context(), "shop", 1))
			w.do(w.sup.Scale(t.Context(), "shop", 2))
		}
		time.Sleep(2 * time.Minute) // of the bubble's clock
		w.wantLook("shop", "shop-1 running a", "shop-2 running a")
		if got := len(w.started()); got != 3 {
			t.Errorf("%d processes were started, want 3: %v", got, w.started())
		}
	})
}

func TestScaleRefuses(t *testing.T) {
	fixed := func(port config.Port) func(*config.App) { return func(a *config.App) { a.Port = port } }
	tests := []struct {
		name   string
		change func(*config.App)
		n      int
		want   string
	}{
		{"max_instances", func(a *config.App) { a.MaxInstances = 3 }, 4, "4 instances are more than the 3 that there may be: scale to 3 at most, or raise max_instances"},
		{"all there can be", func(*config.App) {}, 1001, "scale to 1000 at most"},
		{"past the last port", fixed(65530), 7, "instance 7 would need port 65536"},
		{"another app's port", fixed(31840), 11, `port 31850, which is app "other"'s`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, map[string]config.App{"shop": namedApp(2, tt.change), "other": namedApp(2, fixed(31850))})
				defer w.stop()
				before := len(w.started())
				err := w.sup.Scale(t.Context(), "shop", tt.n)
				if !errors.Is(err, status.ErrConflict) || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("err = %v, want a conflict with %q", err, tt.want)
				}
				synctest.Wait()
				if got := len(w.started()); got != before {
					t.Errorf("%d instances were started", got-before)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, nil)
		defer w.stop()
		if err := w.sup.Scale(t.Context(), "shop", 1); !errors.Is(err, status.ErrNotFound) {
			t.Errorf("unknown app: %v", err)
		}
	})
}

func TestScaleOutlivesHoldfastUntilTheConfigurationChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "apps.json")
		w := begin(t, map[string]config.App{"shop": namedApp(2), "gone": namedApp(1)}, keeping(file))
		w.do(w.sup.Scale(t.Context(), "shop", 3))
		w.do(w.sup.Scale(t.Context(), "gone", 2))
		w.stop()

		w.run(map[string]config.App{"shop": namedApp(2)}, keeping(file))
		w.wantCondition("shop", status.Healthy, 3)
		data, err := os.ReadFile(file)
		if err != nil || strings.Contains(string(data), "gone") {
			t.Errorf("an unknown app is kept: %s %v", data, err)
		}
		// Another part of the configuration does not matter.
		w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": namedApp(2, named("b"))}))
		w.wantCondition("shop", status.Healthy, 3)
		w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": namedApp(1)}))
		w.wantCondition("shop", status.Healthy, 1)
		w.stop()
		w.wantTold("app.scaled",
			"app.scaled: scaled from 2 to 3 instances (configured: 2)",
			"app.scaled: scaled from 1 to 2 instances (configured: 1)",
			"app.scaled: scaled from 3 to 1 instance: the configured number changed from 2 to 1")

		w.run(map[string]config.App{"shop": namedApp(2)}, keeping(file))
		defer w.stop()
		w.wantCondition("shop", status.Healthy, 2)
	})
}

func TestScaleThatCannotBeKeptIsNotDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "state"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		w := begin(t, map[string]config.App{"shop": namedApp(2)}, keeping(filepath.Join(dir, "state", "apps.json")))
		defer w.stop()
		if err := w.sup.Scale(t.Context(), "shop", 3); err == nil {
			t.Error("it was acknowledged")
		}
		w.wantCondition("shop", status.Healthy, 2)
	})
}

func TestDamagedStateIsToldAndSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "apps.json")
		if err := os.WriteFile(file, []byte(`{"version": 1, "apps": {"shop": {"sca`), 0o600); err != nil {
			t.Fatal(err)
		}
		w := begin(t, map[string]config.App{"shop": namedApp(2)}, keeping(file))
		defer w.stop()
		w.wantCondition("shop", status.Healthy, 2)
		if got := w.told("state."); len(got) != 1 || !strings.Contains(got[0], file+".damaged") {
			t.Errorf("told %v", got)
		}
		w.do(w.sup.Scale(t.Context(), "shop", 3))
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	})
}

func TestSurplusInstancesDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2, func(a *config.App) {
			a.Port, a.Stop.Drain = config.PortAuto, config.Duration(10*time.Second)
		})})
		defer w.stop()
		busy := make(chan struct{})
		w.set(func() { w.busy["shop-2"] = busy })
		w.do(w.sup.Scale(t.Context(), "shop", 1))
		if isClosed(w.child("shop-2").done) {
			t.Error("shop-2 ended with a request in flight")
		}
		close(busy)
		<-w.child("shop-2").done
		w.wantLook("shop", "shop-1 running a")
	})
}
