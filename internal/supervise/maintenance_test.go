package supervise

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

func TestMaintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2)})
		defer w.stop()
		w.do(w.sup.Maintain(t.Context(), "shop", true, "new disk", 0))
		w.wantCondition("shop", status.InMaintenance, 2)
		if m := w.upkeep["shop"]; m == nil || m.Note != "new disk" || !m.Until.IsZero() {
			t.Errorf("the gateway was told %+v", m)
		}
		w.child("shop-1").end(1)
		w.live["shop-2"](errors.New("hung"))
		time.Sleep(time.Hour) // of the bubble's clock
		w.wantLook("shop", "shop-1 pending", "shop-2 running a")

		w.do(w.sup.Maintain(t.Context(), "shop", false, "", 0))
		w.wantCondition("shop", status.Healthy, 2)
		if w.upkeep["shop"] != nil {
			t.Error("the gateway still answers 503")
		}
		w.wantTold("app.",
			"app.maintenance_on: in maintenance: new disk; requests are answered 503, and nothing is restarted",
			"app.maintenance_off: its maintenance ended after 1h0m0s")
	})
}

func TestMaintenanceEndsByItselfAlsoInTheNextRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "apps.json")
		apps := map[string]config.App{"shop": namedApp(1), "api": namedApp(1)}
		w := begin(t, apps, keeping(file))
		w.do(w.sup.Maintain(t.Context(), "shop", true, "", time.Hour))
		w.do(w.sup.Maintain(t.Context(), "api", true, "", 3*time.Hour))
		time.Sleep(59 * time.Minute) // of the bubble's clock
		w.wantCondition("shop", status.InMaintenance, 1)
		w.stop()

		w.run(apps, keeping(file))
		w.wantCondition("shop", status.InMaintenance, 1)
		if w.upkeep["shop"] == nil {
			t.Error("the gateway was not told again")
		}
		w.child("shop-1").end(1)
		time.Sleep(time.Minute)
		w.wantCondition("shop", status.Healthy, 1)
		w.wantCondition("api", status.InMaintenance, 1)
		w.stop()

		time.Sleep(3 * time.Hour) // it ends while Holdfast is down
		w.run(apps, keeping(file))
		defer w.stop()
		w.wantCondition("shop", status.Healthy, 1)
		w.wantCondition("api", status.Healthy, 1)
		if got := w.told("app.maintenance_off"); len(got) != 2 || !strings.Contains(got[1], "is over") {
			t.Errorf("told %v", got)
		}
		if got := w.sup.kept.all(); len(got) != 0 {
			t.Errorf("kept %v", got)
		}
	})
}

// TestMaintenanceThatIsProlongedAtItsEnd has its end come between the word that is kept and Run's.
func TestMaintenanceThatIsProlongedAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)}, keeping(filepath.Join(t.TempDir(), "apps.json")))
		defer w.stop()
		w.do(w.sup.Maintain(t.Context(), "shop", true, "", time.Hour))
		longer := status.Maintenance{Since: time.Now(), Until: time.Now().Add(3 * time.Hour)}
		w.do(w.sup.kept.set("shop", func(k *keptApp) { k.Maintenance = &longer }))
		time.Sleep(2 * time.Hour) // of the bubble's clock
		synctest.Wait()
		if got := w.sup.kept.app("shop").Maintenance; got == nil || *got != longer {
			t.Errorf("kept is %v, want %v", got, longer)
		}
	})
}

func TestAppThatComesBackIsNotInMaintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		defer w.stop()
		w.do(w.sup.Maintain(t.Context(), "shop", true, "", 0))
		w.do(w.sup.Apply(t.Context(), nil))
		w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": namedApp(1)}))
		w.set(func() { w.refuse["shop-1"] = errors.New("no such program") })
		w.child("shop-1").end(1)
		if got := w.told("app.down"); len(got) != 1 {
			t.Errorf("told %v, want that it is down", got)
		}
	})
}

func TestMaintenanceIsForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1, overlapping)})
		defer w.stop()
		w.do(w.sup.Maintain(t.Context(), "shop", true, "", 0))
		w.do(w.sup.Restart(t.Context(), "shop"))
		w.wantLook("shop", "shop-1 running a")
		if got := len(w.started()); got != 2 {
			t.Errorf("%d starts, want 2: a restart, without a surge instance", got)
		}
		w.do(w.sup.Stop(t.Context(), "shop"))
		w.wantLook("shop", "shop-1 stopped")
		w.do(w.sup.Start(t.Context(), "shop"))
		w.wantLook("shop", "shop-1 running a")
		w.do(w.sup.Scale(t.Context(), "shop", 2))
		w.wantLook("shop", "shop-1 running a", "shop-2 running a")
		w.child("shop-2").end(1)
		w.wantLook("shop", "shop-1 running a", "shop-2 pending")
		w.do(w.sup.Maintain(t.Context(), "shop", false, "", 0))
		w.wantLook("shop", "shop-1 running a", "shop-2 running a")
		if err := w.sup.Maintain(t.Context(), "shop", true, strings.Repeat("ä", 501), 0); !errors.Is(err, status.ErrConflict) {
			t.Errorf("a note without end: %v", err)
		}
		if err := w.sup.Maintain(t.Context(), "nobody", true, "", 0); !errors.Is(err, status.ErrNotFound) {
			t.Errorf("unknown app: %v", err)
		}
	})
}

func TestMaintenanceOfARemovedAppEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		defer w.stop()
		w.do(w.sup.Maintain(t.Context(), "shop", true, "", time.Hour))
		w.do(w.sup.Apply(t.Context(), nil))
		if w.upkeep["shop"] != nil {
			t.Error("the gateway still answers 503")
		}
		w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": namedApp(1)}))
		w.wantCondition("shop", status.Healthy, 1)
	})
}

func TestLimitsThatAreNotEnforcedAreTold(t *testing.T) {
	tests := []struct {
		name   string
		lax    bool
		limits config.Limits
		want   []string
	}{
		{"none", true, config.Limits{}, nil},
		{"enforced", false, config.Limits{Memory: 1 << 30, CPU: 1}, nil},
		{"memory", true, config.Limits{Memory: 1 << 30}, []string{"limits.not_enforced: limits.memory is only watched every few seconds here: there is no cgroup"}},
		{"cpu", true, config.Limits{CPU: 1}, []string{"limits.not_enforced: limits.cpu has no effect here: there is no cgroup"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				apps := map[string]config.App{"shop": namedApp(1, func(a *config.App) { a.Limits = tt.limits })}
				w := begin(t, apps, func(w *world, _ *Options) { w.lax = tt.lax })
				defer w.stop()
				w.do(w.sup.Apply(t.Context(), apps))
				w.wantTold("limits.", tt.want...)
			})
		})
	}
}

func TestAppThatGoesDownInMaintenanceAlarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		defer w.stop()
		w.do(w.sup.Maintain(t.Context(), "shop", true, "", time.Hour))
		since := w.app("shop").Maintenance.Since
		time.Sleep(time.Minute) // of the bubble's clock
		w.do(w.sup.Maintain(t.Context(), "shop", true, "longer", 0))
		if m := w.app("shop").Maintenance; !m.Since.Equal(since) || m.Note != "longer" || !m.Until.IsZero() {
			t.Errorf("maintenance after it was changed: %+v, begun %v", m, since)
		}
		w.child("shop-1").end(1)
		if got := w.told("app.down"); got != nil {
			t.Errorf("told %v", got)
		}
		w.do(w.sup.Maintain(t.Context(), "shop", false, "", 0))
		w.wantCondition("shop", status.Healthy, 1)
		w.child("shop-1").end(1)
		w.wantTold("app.down", "app.down: no instance is ready: ended")
	})
}
