package supervise

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

func TestRunsTheConfiguredInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2), "idle": namedApp(1, func(a *config.App) { a.Autostart = false })})
		w.wantCondition("shop", status.Healthy, 2)
		w.wantCondition("idle", status.Idle, 0)
		w.stop()
		w.wantCondition("shop", status.Idle, 0)
	})
}

func TestExitIsFollowedByARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2)})
		defer w.stop()
		w.child("shop-1").end(1)
		w.wantCondition("shop", status.Healthy, 2)
		first := w.app("shop").Instances[0]
		if first.Restarts != 1 || first.LastExit.Code != 1 || first.LastExit.Reason != status.ReasonExit {
			t.Errorf("instance = %+v", first)
		}
		w.child("shop-1").end(1)
		w.wantCondition("shop", status.Degraded, 1)
		time.Sleep(time.Second) // of the bubble's clock
		w.wantCondition("shop", status.Healthy, 2)
	})
}

func TestAppDownAndRecoveredAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		defer w.stop()
		w.child("shop-1").end(1)
		synctest.Wait()
		got := slices.DeleteFunc(w.types(), func(e event.Type) bool { return e != "app.down" && e != "app.recovered" })
		if diff := cmp.Diff([]event.Type{"app.down", "app.recovered"}, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestStopStartRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2)})
		defer w.stop()
		ctx := t.Context()
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		check(w.sup.Stop(ctx, "shop"))
		w.wantCondition("shop", status.Idle, 0)
		check(w.sup.Start(ctx, "shop"))
		w.wantCondition("shop", status.Healthy, 2)
		check(w.sup.Restart(ctx, "shop"))
		w.wantCondition("shop", status.Healthy, 2)
		if diff := cmp.Diff(6, len(w.started())); diff != "" {
			t.Errorf("starts: %v", w.started())
		}
		if err := w.sup.Stop(ctx, "shp"); !errors.Is(err, status.ErrNotFound) {
			t.Errorf("unknown app: %v", err)
		}
	})
}

func TestRollingRestartKeepsOneInstanceServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(3)})
		defer w.stop()
		w.mu.Lock()
		for _, id := range []string{"shop-1", "shop-2", "shop-3"} {
			w.slow[id] = 3 * time.Second
		}
		w.mu.Unlock()
		if err := w.sup.Restart(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		for n := range 3 {
			w.wantCondition("shop", status.Degraded, 2)
			if got := len(w.started()); got != 3+n+1 {
				t.Errorf("%d starts in step %d", got, n)
			}
			time.Sleep(3 * time.Second) // of the bubble's clock
		}
		w.wantCondition("shop", status.Healthy, 3)
	})
}

func TestDeafChildIsKilledAfterItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		defer w.stop()
		w.deaf["shop-1"] = true
		began := time.Now()
		if err := w.sup.Stop(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		<-w.child("shop-1").done
		if got := time.Since(began); got != 15*time.Second {
			t.Errorf("killed after %v, want 15s", got)
		}
		w.wantCondition("shop", status.Idle, 0)
	})
}

func TestLivenessFailureRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		defer w.stop()
		w.live["shop-1"](errors.New("hung"))
		w.wantCondition("shop", status.Healthy, 1)
		if got := w.app("shop").Instances[0].LastExit; got.Reason != status.ReasonLivenessProbe || got.Why() != "its hung" {
			t.Errorf("last exit = %+v", got)
		}
	})
}

func TestDependentsStartLateAndStopFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ids := []string{"db-1", "api-1", "web-1"}
		on := func(name string) func(*config.App) {
			return func(a *config.App) { a.DependsOn = []string{name} }
		}
		w := begin(t, map[string]config.App{"web": namedApp(1, on("api")), "api": namedApp(1, on("db")), "db": namedApp(1)})
		synctest.Wait()
		if diff := cmp.Diff(ids, w.started()); diff != "" {
			t.Errorf("starts (-want +got):\n%s", diff)
		}
		w.stop()
		var stops []string
		events, _ := w.bus.List(event.Query{Type: "instance.stopped"})
		for _, e := range events {
			stops = append(stops, e.Instance)
		}
		slices.Reverse(ids)
		if diff := cmp.Diff(ids, stops); diff != "" {
			t.Errorf("stops (-want +got):\n%s", diff)
		}
	})
}

func TestDependencyThatEndedWellCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{
			"migrate": namedApp(1, func(a *config.App) {
				a.Restart.Policy = config.RestartOnFailure
				a.StartupProbe = &config.Probe{}
			}),
			"web": namedApp(1, func(a *config.App) { a.DependsOn = []string{"migrate"} }),
		})
		defer w.stop()
		w.child("migrate-1").end(0)
		w.wantCondition("web", status.Healthy, 1)
	})
}

func TestJobIsWaitedForUntilItEndedWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{
			"migrate": namedApp(1, func(a *config.App) {
				a.Restart.Policy = config.RestartOnFailure
				a.StartupProbe, a.LivenessProbe = nil, nil
			}),
			"web": namedApp(1, func(a *config.App) { a.DependsOn = []string{"migrate"} }),
		})
		defer w.stop()
		synctest.Wait()
		if diff := cmp.Diff([]string{"migrate-1"}, w.started()); diff != "" {
			t.Fatalf("starts while the job runs (-want +got):\n%s", diff)
		}
		w.child("migrate-1").end(1)
		synctest.Wait()
		w.wantCondition("web", status.Down, 0)
		w.child("migrate-1").end(0)
		w.wantCondition("web", status.Healthy, 1)
		w.wantCondition("migrate", status.Idle, 0)

		events, _ := w.bus.List(event.Query{App: "migrate"})
		var got []string
		for _, e := range events {
			if e.Type == "instance.exited" || e.Type == "app.down" {
				got = append(got, string(e.Severity)+" "+string(e.Type))
			}
		}
		want := []string{"info instance.exited", "warning instance.exited", "error app.down"}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events of the job (-want +got):\n%s", diff)
		}
	})
}

func TestWorkerIsReadyAsSoonAsItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{
			"worker": namedApp(1, func(a *config.App) { a.StartupProbe, a.LivenessProbe = nil, nil }),
			"web":    namedApp(1, func(a *config.App) { a.DependsOn = []string{"worker"} }),
		})
		defer w.stop()
		w.wantCondition("web", status.Healthy, 1)
	})
}

func TestApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"same": namedApp(1), "gone": namedApp(1), "changed": namedApp(2), "tuned": namedApp(1), "grown": namedApp(1), "shrunk": namedApp(3)})
		defer w.stop()
		before := len(w.started())
		err := w.sup.Apply(t.Context(), map[string]config.App{
			"same":    namedApp(1),
			"changed": namedApp(2, func(a *config.App) { a.Command = []string{"other"} }),
			"tuned":   namedApp(1, func(a *config.App) { a.Stop.Grace = config.Duration(time.Second) }),
			"grown":   namedApp(2),
			"shrunk":  namedApp(1),
			"new":     namedApp(1),
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := w.started()[before:]
		slices.Sort(got)
		if diff := cmp.Diff([]string{"changed-1", "changed-2", "grown-2", "new-1"}, got); diff != "" {
			t.Errorf("starts (-want +got):\n%s", diff)
		}
		var names []string
		for _, a := range w.sup.Apps() {
			names = append(names, a.ID)
			w.wantCondition(a.ID, status.Healthy, a.Desired)
		}
		if diff := cmp.Diff([]string{"changed", "grown", "new", "same", "shrunk", "tuned"}, names); diff != "" {
			t.Errorf("apps (-want +got):\n%s", diff)
		}
	})
}

func TestRemovedAndAddedAgainWaitsForTheFormerInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		defer w.stop()
		w.deaf["shop-1"] = true
		for _, apps := range []map[string]config.App{nil, {"shop": namedApp(1)}, {"shop": namedApp(1)}} {
			if err := w.sup.Apply(t.Context(), apps); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := len(w.started()); got != 1 {
			t.Errorf("%d processes were started while the former one was stopping, want 1", got)
		}
		time.Sleep(15 * time.Second) // of the bubble's clock: the grace period
		w.wantCondition("shop", status.Healthy, 1)
		if got := len(w.started()); got != 2 {
			t.Errorf("%d starts, want 2", got)
		}
	})
}

func TestChangedConfigurationDoesNotStartWhatWasStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		defer w.stop()
		if err := w.sup.Stop(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		changed := namedApp(1, func(a *config.App) { a.Command = []string{"other"} })
		if err := w.sup.Apply(t.Context(), map[string]config.App{"shop": changed}); err != nil {
			t.Fatal(err)
		}
		w.wantCondition("shop", status.Idle, 0)
	})
}

func TestStartRefusalBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1, func(a *config.App) { a.Autostart = false })})
		defer w.stop()
		w.refuse["shop-1"] = errors.New("no such program")
		if err := w.sup.Start(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		w.wantCondition("shop", status.Down, 0)
		if a := w.app("shop"); a.Instances[0].State != status.Backoff || a.Why != "shop-1: no such program" {
			t.Errorf("app = %+v", a)
		}
		w.mu.Lock()
		delete(w.refuse, "shop-1")
		w.mu.Unlock()
		time.Sleep(time.Second) // of the bubble's clock
		w.wantCondition("shop", status.Healthy, 1)
	})
}

func TestRequestsAfterTheEndAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		w.stop()
		if err := w.sup.Start(t.Context(), "shop"); !errors.Is(err, status.ErrConflict) {
			t.Errorf("Start after the end: %v", err)
		}
		if err := w.sup.Apply(t.Context(), nil); !errors.Is(err, status.ErrConflict) {
			t.Errorf("Apply after the end: %v", err)
		}
	})
}

func TestMetricsFollowTheApps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		w := begin(t, map[string]config.App{"shop": namedApp(2)})
		defer w.stop()
		reg.MustRegister(w.sup.metrics)
		w.child("shop-1").end(1)
		synctest.Wait()
		if got := metric(t, reg, "holdfast_app_restarts_total", "shop"); got != 1 {
			t.Errorf("restarts = %v, want 1", got)
		}
		if err := w.sup.Apply(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		families, err := reg.Gather()
		if err != nil || len(families) != 0 {
			t.Errorf("series of a removed app are left: %v %v", families, err)
		}
	})
}

// metric sums the series of a family that have the app.
func metric(t *testing.T, reg *prometheus.Registry, name, app string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "app" && l.GetValue() == app {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}
