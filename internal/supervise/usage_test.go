package supervise

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

func (w *world) use(id string, u status.Usage) { w.set(func() { w.uses[id] = u }) }

func TestUsageIsSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		defer w.stop()
		if u := w.app("shop").Instances[0].Usage; u != nil {
			t.Errorf("before the first measurement: %+v", u)
		}
		w.use("shop-1", status.Usage{CPUSeconds: 0.1, Memory: 1 << 20, Handles: 7, Threads: 3})
		time.Sleep(firstAfter) // of the bubble's clock
		synctest.Wait()
		if u := w.app("shop").Instances[0].Usage; u == nil || math.Abs(u.CPU-0.2) > 1e-9 || u.Memory != 1<<20 {
			t.Errorf("first measurement: %+v, want the use since the start", u)
		}
		w.use("shop-1", status.Usage{CPUSeconds: 2.35, Memory: 2 << 20})
		time.Sleep(sampleEvery - firstAfter)
		synctest.Wait()
		if u := w.app("shop").Instances[0].Usage; math.Abs(u.CPU-0.5) > 1e-9 || u.Memory != 2<<20 {
			t.Errorf("second measurement: %+v", u)
		}
		// The next process has a past of its own.
		w.child("shop-1").end(1)
		synctest.Wait()
		if u := w.app("shop").Instances[0].Usage; u != nil {
			t.Errorf("the former process's: %+v", u)
		}
	})
}

func TestWhatAStartTakesIsNoReasonToRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1, func(a *config.App) { a.Limits.Memory = 64 << 20 })},
			func(w *world, _ *Options) { w.lax = true })
		defer w.stop()
		w.use("shop-1", status.Usage{Memory: 65 << 20})
		time.Sleep(sampleEvery - time.Millisecond) // of the bubble's clock
		synctest.Wait()
		w.use("shop-1", status.Usage{})
		if u := w.app("shop").Instances[0].Usage; u == nil || u.Memory != 65<<20 {
			t.Errorf("measured %+v", u)
		}
		if got := len(w.started()); got != 1 {
			t.Errorf("%d starts, want 1", got)
		}
	})
}

func TestMeasureIsFreshButNotForEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2)})
		defer w.stop()
		measure := func() status.Usage {
			t.Helper()
			a, err := w.sup.Measure(t.Context(), "shop")
			if err != nil {
				t.Fatal(err)
			}
			return *a.Instances[1].Usage
		}
		w.use("shop-2", status.Usage{CPUSeconds: 1})
		measure()
		w.use("shop-2", status.Usage{CPUSeconds: 2})
		time.Sleep(freshFor - time.Millisecond) // of the bubble's clock
		if got := measure(); got.CPUSeconds != 1 {
			t.Errorf("measured again within a second: %+v", got)
		}
		time.Sleep(time.Millisecond)
		if got := measure(); got.CPUSeconds != 2 || math.Abs(got.CPU-1) > 1e-9 {
			t.Errorf("after a second: %+v", got)
		}
		if _, err := w.sup.Measure(t.Context(), "nobody"); !errors.Is(err, status.ErrNotFound) {
			t.Errorf("unknown app: %v", err)
		}
	})
}

func TestLargeFleetIsMeasuredInTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(100)})
		defer w.stop()
		begun := time.Now()
		measured := func() int {
			synctest.Wait()
			n := 0
			for _, i := range w.app("shop").Instances {
				if i.Usage != nil && i.Usage.Time.Sub(begun) > firstAfter {
					n++
				}
			}
			return n
		}
		time.Sleep(sampleEvery) // of the bubble's clock
		var counts []int
		for range 10 {
			counts = append(counts, measured())
			time.Sleep(sampleEvery / 10)
		}
		if diff := cmp.Diff([]int{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}, counts); diff != "" {
			t.Errorf("measured instances (-want +got):\n%s", diff)
		}
	})
}

func TestMemoryLimitThatOnlyHoldfastEnforces(t *testing.T) {
	for _, lax := range []bool{true, false} {
		t.Run(map[bool]string{true: "watched", false: "the system's"}[lax], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, map[string]config.App{"shop": namedApp(1, func(a *config.App) { a.Limits.Memory = 64 << 20 })},
					func(w *world, _ *Options) { w.lax = lax })
				defer w.stop()
				w.use("shop-1", status.Usage{Memory: 64 << 20})
				time.Sleep(sampleEvery) // of the bubble's clock
				synctest.Wait()
				if got := len(w.started()); got != 1 {
					t.Errorf("%d starts at the limit, want 1", got)
				}
				w.use("shop-1", status.Usage{Memory: 64<<20 + 1})
				time.Sleep(sampleEvery)
				synctest.Wait()
				w.use("shop-1", status.Usage{})
				exit := w.app("shop").Instances[0].LastExit
				if got := exit != nil && exit.Reason == status.ReasonMemoryLimit; got != lax {
					t.Errorf("restarted for its memory: %v, want %v (%+v)", got, lax, exit)
				}
			})
		})
	}
}

func TestRecycleIsAHotRestartOfThatInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2, overlapping, func(a *config.App) { a.Limits.MemoryRecycle = 64 << 20 })})
		defer w.stop()
		other := w.child("shop-1")
		w.set(func() { w.slow["shop-3"], w.slow["shop-2"] = time.Second, time.Second })
		w.use("shop-2", status.Usage{Memory: 65 << 20})
		time.Sleep(sampleEvery) // of the bubble's clock
		w.wantLook("shop", "shop-1 running a", "shop-2 running a", "shop-3 starting surge a")
		w.use("shop-2", status.Usage{})
		time.Sleep(time.Second)
		w.wantLook("shop", "shop-1 running a", "shop-2 starting a", "shop-3 running surge a")
		time.Sleep(time.Second)
		w.wantLook("shop", "shop-1 running a", "shop-2 running a")
		if w.child("shop-1") != other {
			t.Error("shop-1 was restarted as well")
		}
		if got := w.told("app.", "instance.recycled"); len(got) != 1 {
			t.Errorf("told %v", got)
		}
	})
}

func TestRecycleThatFailsIsNotTriedAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1, overlapping, func(a *config.App) { a.Limits.MemoryRecycle = 64 << 20 })})
		defer w.stop()
		w.set(func() { w.refuse["shop-2"] = errors.New("no such program") })
		w.use("shop-1", status.Usage{Memory: 65 << 20})
		time.Sleep(5 * time.Minute) // of the bubble's clock: the window
		if got := w.told("app.restart_failed"); len(got) != 1 {
			t.Errorf("told %d times: %v", len(got), got)
		}
		time.Sleep(sampleEvery)
		if got := w.told("app.restart_failed"); len(got) != 2 {
			t.Errorf("told %d times after the window: %v", len(got), got)
		}
		w.wantLook("shop", "shop-1 running a")
	})
}

func TestWhatIsTooLargeFromTheStartIsNotRecycledAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1, overlapping, func(a *config.App) { a.Limits.MemoryRecycle = 64 << 20 })})
		defer w.stop()
		w.use("shop-1", status.Usage{Memory: 65 << 20})
		time.Sleep(4*recycleAgain - sampleEvery) // of the bubble's clock
		synctest.Wait()
		if got := w.told("instance.recycled"); len(got) != 4 {
			t.Errorf("recycled %d times in four minutes, want 4: %v", len(got), got)
		}
	})
}

func TestUsageMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		w := begin(t, map[string]config.App{"shop": namedApp(2)}, func(_ *world, o *Options) { o.Metrics = reg })
		defer w.stop()
		series := func() map[string][]string {
			t.Helper()
			families, err := reg.Gather()
			if err != nil {
				t.Fatal(err)
			}
			out := map[string][]string{}
			for _, f := range families {
				for _, m := range f.GetMetric() {
					for _, l := range m.GetLabel() {
						if l.GetName() == "instance" && f.GetName() != "holdfast_log_lines_dropped_total" {
							out[f.GetName()] = append(out[f.GetName()], l.GetValue())
						}
					}
				}
			}
			return out
		}
		w.use("shop-1", status.Usage{CPUSeconds: 2.5, Memory: 3, Handles: 5, Threads: 7})
		time.Sleep(sampleEvery) // of the bubble's clock
		synctest.Wait()
		for name, want := range map[string]float64{"cpu_seconds_total": 2.5, "resident_memory_bytes": 3, "open_handles": 5, "threads": 7} {
			if got := metric(t, reg, "holdfast_process_"+name, "shop"); got != want {
				t.Errorf("%s = %v, want %v", name, got, want)
			}
		}
		w.do(w.sup.Scale(t.Context(), "shop", 1))
		want := map[string][]string{}
		for _, name := range []string{"cpu_seconds_total", "resident_memory_bytes", "open_handles", "threads"} {
			want["holdfast_process_"+name] = []string{"shop-1"}
		}
		if diff := cmp.Diff(want, series()); diff != "" {
			t.Errorf("series after scaling down (-want +got):\n%s", diff)
		}
	})
}

func TestMemoryLimitOfAFormerProcessDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		defer w.stop()
		former := w.child("shop-1").pid
		w.child("shop-1").end(1)
		synctest.Wait()
		w.sup.apps["shop"].instances[0].send(gaveUp{reason: status.ReasonMemoryLimit, err: errors.New("too much"), pid: former})
		w.wantLook("shop", "shop-1 running a")
		events, _ := w.bus.List(event.Query{Type: "instance.memory_limit"})
		if got := len(w.started()); got != 2 || len(events) != 0 {
			t.Errorf("%d starts, events %v", got, events)
		}
	})
}
