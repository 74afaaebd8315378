package supervise

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/process"
	"holdfast/internal/status"
)

// fragile is an app whose instances are in a crash loop after their second end.
func fragile(a *config.App) { a.Restart.MaxRestarts = 1 }

// loop brings an instance into its crash loop.
func (w *world) loop(id string) {
	w.t.Helper()
	w.set(func() { w.refuse[id] = errors.New("no such program") })
	w.child(id).end(1)
	time.Sleep(10 * time.Second) // of the bubble's clock
	synctest.Wait()
}

// heal lets it start again, which is tried once per window, and returns at that moment.
func (w *world) heal(id string) {
	w.set(func() { delete(w.refuse, id) })
	for former := w.child(id); w.child(id) == former; synctest.Wait() {
		time.Sleep(time.Second) // of the bubble's clock
	}
}

func TestReplacementStandsInForACrashLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2, fragile)})
		defer w.stop()
		w.loop("shop-2")
		w.wantLook("shop", "shop-1 running a", "shop-2 crash_loop", "shop-3 running replacement a")
		w.wantCondition("shop", status.Degraded, 2)
		w.wantTold("app.replacement", "app.replacement_started: an additional instance stands in for shop-2, which is in a crash loop")
		w.heal("shop-2")
		w.wantLook("shop", "shop-1 running a", "shop-2 running a")
		w.wantCondition("shop", status.Healthy, 2)
	})
}

func TestReplacementsAreBounded(t *testing.T) {
	tests := []struct {
		name   string
		change func(*config.App)
		want   []string
	}{
		{"one place by default", func(*config.App) {}, []string{"shop-1 crash_loop", "shop-2 crash_loop", "shop-3 running replacement a"}},
		{"more places", func(a *config.App) { a.MaxInstances = 9 }, []string{"shop-1 crash_loop", "shop-2 crash_loop", "shop-3 running replacement a", "shop-4 running replacement a"}},
		{"no place", func(a *config.App) { a.MaxInstances = 2 }, []string{"shop-1 crash_loop", "shop-2 crash_loop"}},
		{"ports that the configuration names", func(a *config.App) { a.Port = 31860 }, []string{"shop-1 crash_loop", "shop-2 crash_loop"}},
		{"a job", func(a *config.App) {
			a.Restart.Policy, a.StartupProbe, a.LivenessProbe = config.RestartOnFailure, nil, nil
		}, []string{"shop-1 crash_loop", "shop-2 crash_loop"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, map[string]config.App{"shop": namedApp(2, fragile, tt.change)})
				defer w.stop()
				w.loop("shop-1")
				w.loop("shop-2")
				w.wantLook("shop", tt.want...)
			})
		})
	}
}

func TestReplacementThatFailsTooIsNotReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1, fragile, func(a *config.App) { a.MaxInstances = 9 })})
		defer w.stop()
		w.set(func() { w.broken["a"] = true })
		w.child("shop-1").end(1)
		time.Sleep(time.Minute) // of the bubble's clock
		w.wantLook("shop", "shop-1 crash_loop")
		time.Sleep(time.Hour) // a dozen tries of shop-1
		if got := w.told("app.replacement"); len(got) != 1 {
			t.Errorf("told %v", got)
		}
		if got := w.child("shop-3"); got != nil {
			t.Error("the replacement was replaced")
		}
	})
}

func TestReplacementEndsWithItsApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2, fragile)})
		defer w.stop()
		w.loop("shop-2")
		w.do(w.sup.Scale(t.Context(), "shop", 1))
		w.wantLook("shop", "shop-1 running a")
		w.set(func() { delete(w.refuse, "shop-2") })
		w.do(w.sup.Scale(t.Context(), "shop", 2))
		w.wantLook("shop", "shop-1 running a", "shop-2 running a")
	})
}

func TestReplacementEndsWhenSomebodyMendsTheApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2, fragile)})
		defer w.stop()
		w.loop("shop-2")
		w.set(func() { delete(w.refuse, "shop-2"); w.slow["shop-2"] = time.Second })
		w.do(w.sup.Apply(t.Context(), map[string]config.App{"shop": namedApp(2, fragile, named("b"))}))
		w.wantLook("shop", "shop-1 running a", "shop-2 starting b", "shop-3 running replacement a")
		time.Sleep(time.Second) // of the bubble's clock
		w.wantLook("shop", "shop-1 running b", "shop-2 running b")
	})
}

func TestReplacementBecomesAWantedInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2, fragile)})
		defer w.stop()
		w.loop("shop-2")
		standIn := w.child("shop-3")
		w.do(w.sup.Scale(t.Context(), "shop", 3))
		w.heal("shop-2")
		w.wantLook("shop", "shop-1 running a", "shop-2 running a", "shop-3 running a")
		if w.child("shop-3") != standIn {
			t.Error("shop-3 was restarted on the way")
		}
	})
}

func TestOnFailureRunsOncePerEpisode(t *testing.T) {
	helped := func(w *world) (env []string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, spec := range w.specs {
			if spec.Command[0] != "call" {
				continue
			}
			for _, entry := range spec.Env {
				if strings.HasPrefix(entry, "HOLDFAST_EVENT=") || strings.HasPrefix(entry, "HOLDFAST_FAILED_INSTANCE=") {
					env = append(env, entry)
				}
			}
		}
		return env
	}
	help := func(a *config.App) {
		a.OnFailure = &config.OnFailure{Command: []string{"call"}, Timeout: config.Duration(30 * time.Second)}
	}
	crash := []string{"HOLDFAST_FAILED_INSTANCE=shop-1", "HOLDFAST_EVENT=instance.crash_loop"}
	tests := []struct {
		name   string
		change func(*config.App)
		do     func(*world)
		want   []string
	}{
		{"both in a crash loop", fragile, func(w *world) {
			w.loop("shop-1")
			w.loop("shop-2")
			time.Sleep(time.Hour)
		}, crash},
		{"again after a stable run", fragile, func(w *world) {
			w.loop("shop-1")
			w.heal("shop-1")
			time.Sleep(time.Minute)
			w.loop("shop-1")
		}, append(crash[:2:2], crash...)},
		{"ready for a moment only", fragile, func(w *world) {
			w.loop("shop-1")
			w.heal("shop-1")
			w.loop("shop-1")
		}, crash},
		{"cannot be started for good", func(a *config.App) { a.Restart.Policy = config.RestartNever }, func(w *world) {
			w.set(func() { w.refuse["shop-1"] = errors.New("no such program") })
			w.do(w.sup.Restart(w.t.Context(), "shop"))
		}, []string{"HOLDFAST_FAILED_INSTANCE=shop-1", "HOLDFAST_EVENT=instance.start_failed"}},
		{"failed restart", overlapping, func(w *world) {
			w.set(func() { w.refuse["shop-3"] = errors.New("no such program") })
			w.do(w.sup.Restart(w.t.Context(), "shop"))
		}, []string{"HOLDFAST_FAILED_INSTANCE=shop-3", "HOLDFAST_EVENT=app.restart_failed"}},
		{"maintenance", fragile, func(w *world) {
			w.do(w.sup.Maintain(w.t.Context(), "shop", true, "", 0))
			w.loop("shop-1")
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, map[string]config.App{"shop": namedApp(2, help, tt.change)})
				defer w.stop()
				tt.do(w)
				synctest.Wait()
				if diff := cmp.Diff(tt.want, helped(w)); diff != "" {
					t.Errorf("on_failure was run with (-want +got):\n%s", diff)
				}
				time.Sleep(time.Minute) // of the bubble's clock: its end
			})
		})
	}
}

func TestOnFailureIsBounded(t *testing.T) {
	tests := []struct {
		name string
		end  func(*world)
		want string
	}{
		{"ends well", func(w *world) { w.child("shop-on-failure").end(0) }, "on_failure: its program ended well"},
		{"ends badly", func(w *world) { w.child("shop-on-failure").end(3) }, "on_failure: its program ended badly: ended"},
		{"does not end", func(*world) { time.Sleep(30 * time.Second) }, "on_failure: its program had not ended after 30s and was killed: raise on_failure.timeout, or have it do less"},
		{"cannot be started", nil, "on_failure: no such program"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, map[string]config.App{"shop": namedApp(1, fragile, func(a *config.App) {
					a.OnFailure = &config.OnFailure{Command: []string{"call"}, Timeout: config.Duration(30 * time.Second)}
				})})
				defer w.stop()
				if tt.end == nil {
					w.set(func() { w.refuse["shop-on-failure"] = errors.New("no such program") })
				}
				w.loop("shop-1")
				if tt.end != nil {
					tt.end(w)
				}
				synctest.Wait()
				w.set(func() {
					if child := w.children["shop-on-failure"]; child != nil && !slices.Contains(w.calls, "kill shop-on-failure") {
						t.Error("what it left behind was not ended")
					}
				})
				if child := w.child("shop-on-failure"); child != nil && !isClosed(child.done) {
					t.Error("it still runs")
				}
				lines, err := w.sup.Tail("shop", "shop-1", 100)
				if err != nil {
					t.Fatal(err)
				}
				for _, line := range lines {
					if line.Text == tt.want {
						return
					}
				}
				t.Errorf("no line %q in %v", tt.want, lines)
			})
		})
	}
}

func TestOnFailureEndsWithHoldfast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1, fragile, func(a *config.App) {
			a.OnFailure = &config.OnFailure{Command: []string{"call"}, Timeout: config.Duration(time.Hour)}
		})})
		w.loop("shop-1")
		began := time.Now()
		w.stop()
		if got := time.Since(began); got > time.Minute {
			t.Errorf("the end took %v", got)
		}
		if !isClosed(w.child("shop-on-failure").done) {
			t.Error("it still runs")
		}
	})
}

func TestOnFailureHasItsOwnName(t *testing.T) {
	// A process of the same name as an instance would be taken for a part of its tree.
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1, fragile, func(a *config.App) {
			a.OnFailure = &config.OnFailure{Command: []string{"call"}, Timeout: config.Duration(time.Second)}
		})})
		defer w.stop()
		w.loop("shop-1")
		w.set(func() {
			for _, spec := range w.specs {
				if spec.Command[0] == "call" && (spec.ID != "shop-on-failure" || spec.Stop != process.Stop("")) {
					t.Errorf("spec = %+v", spec)
				}
			}
		})
		time.Sleep(time.Second)
	})
}

func TestOnFailureDoesNotOverlapItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2, overlapping, func(a *config.App) {
			a.OnFailure = &config.OnFailure{Command: []string{"call"}, Timeout: config.Duration(time.Hour)}
		})})
		defer w.stop()
		w.set(func() { w.refuse["shop-3"] = errors.New("no such program") })
		calls := func() (n int) {
			for _, id := range w.started() {
				if id == "shop-on-failure" {
					n++
				}
			}
			return n
		}
		for range 3 {
			w.do(w.sup.Restart(t.Context(), "shop"))
		}
		if got := calls(); got != 1 {
			t.Errorf("it runs %d times at once", got)
		}
		w.child("shop-on-failure").end(0)
		synctest.Wait()
		w.do(w.sup.Restart(t.Context(), "shop"))
		if got := calls(); got != 2 {
			t.Errorf("after its end, another failed restart ran it %d times in all, want 2", got)
		}
	})
}
