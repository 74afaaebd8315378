package supervise

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/process"
	"holdfast/internal/status"
)

// trialText is what a trial is compared by.
func trialText(t status.StopTrial) string {
	text := t.Method
	if t.Clean {
		text += " clean"
	}
	text += " after " + time.Duration(t.Seconds*float64(time.Second)).String()
	if t.Exit != nil {
		text += ": " + t.Exit.Text
	}
	if t.Error != "" {
		text += ": " + t.Error
	}
	return text
}

func TestCalibrate(t *testing.T) {
	methods := stopMethods(runtime.GOOS, config.App{})
	first, last := string(methods[0]), string(methods[2])
	second := string(methods[1])
	tests := []struct {
		name   string
		change func(*world)
		want   []string
	}{
		{"each ends it", func(*world) {}, []string{first + " clean after 0s: ended", second + " clean after 0s: ended", last + " clean after 0s: ended"}},
		{"one ends it", func(w *world) { w.hears = []process.Stop{process.StdinClose} }, []string{
			first + " after 7s: ended: it had not ended after 7s and was killed",
			second + " after 7s: ended: it had not ended after 7s and was killed",
			last + " clean after 0s: ended",
		}},
		{"leaves something behind", func(w *world) { w.tree = 2; w.hears = []process.Stop{process.StdinClose} }, []string{
			first + " after 7s: ended: it had not ended after 7s and was killed",
			second + " after 7s: ended: it had not ended after 7s and was killed",
			last + " after 0s: ended: it ended, but left 2 of its processes behind, which were killed",
		}},
		{"is never ready", func(w *world) { w.slow["shop-trial"] = -1 }, []string{
			first + " after 0s: ended: it did not become ready: refused",
			second + " after 0s: ended: it did not become ready: refused",
			last + " after 0s: ended: it did not become ready: refused",
		}},
		{"ends at once", func(w *world) { w.broken["a"] = true; w.slow["shop-trial"] = time.Second }, []string{
			first + " after 0s: ended: it did not become ready: it ended: ended",
			second + " after 0s: ended: it did not become ready: it ended: ended",
			last + " after 0s: ended: it did not become ready: it ended: ended",
		}},
		{"cannot be started", func(w *world) { w.refuse["shop-trial"] = errors.New("no such program") }, []string{
			first + " after 0s: it could not be started: no such program",
			second + " after 0s: it could not be started: no such program",
			last + " after 0s: it could not be started: no such program",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := begin(t, map[string]config.App{"shop": namedApp(1, overlapping)})
				defer w.stop()
				own := w.child("shop-1")
				w.set(func() { tt.change(w) })
				var got []string
				w.do(w.sup.Calibrate(t.Context(), "shop", 7*time.Second, func(trial status.StopTrial) { got = append(got, trialText(trial)) }))
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("trials (-want +got):\n%s", diff)
				}
				if w.child("shop-1") != own || isClosed(own.done) {
					t.Error("the app itself was touched")
				}
				w.wantLook("shop", "shop-1 running a")
				w.set(func() { w.hears = nil })
			})
		})
	}
}

func TestCalibrationShowsItsInstanceAndIsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1, overlapping)})
		defer w.stop()
		w.set(func() { w.slow["shop-trial"] = time.Minute })
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() {
			result <- w.sup.Calibrate(ctx, "shop", 0, func(status.StopTrial) { t.Error("a trial that was not finished is reported") })
		}()
		w.wantLook("shop", "shop-1 running a", "shop-trial starting trial a")
		w.wantCondition("shop", status.Healthy, 1)
		if w.ready["shop-trial"] {
			t.Error("the gateway sends it requests")
		}
		if err := w.sup.Calibrate(t.Context(), "shop", 0, nil); !errors.Is(err, status.ErrConflict) {
			t.Errorf("a second one: %v", err)
		}
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if !isClosed(w.child("shop-trial").done) {
			t.Error("the throwaway instance still runs")
		}
		w.wantLook("shop", "shop-1 running a")
		w.set(func() { w.slow["shop-trial"] = 0 })
		w.do(w.sup.Calibrate(t.Context(), "shop", 0, func(status.StopTrial) {}))
	})
}

func TestCalibrateRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(2, func(a *config.App) { a.MaxInstances = 2 })})
		defer w.stop()
		if err := w.sup.Calibrate(t.Context(), "shop", 0, nil); !errors.Is(err, status.ErrConflict) || !strings.Contains(err.Error(), "max_instances") {
			t.Errorf("no room: %v", err)
		}
		if err := w.sup.Calibrate(t.Context(), "nobody", 0, nil); !errors.Is(err, status.ErrNotFound) {
			t.Errorf("unknown app: %v", err)
		}
	})
}

func TestCalibrationEndsWithHoldfast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		w.set(func() { w.slow["shop-trial"] = time.Hour })
		result := make(chan error)
		go func() { result <- w.sup.Calibrate(t.Context(), "shop", 0, nil) }()
		synctest.Wait()
		w.end()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("err = %v", err)
		}
		w.stop()
		if !isClosed(w.child("shop-trial").done) {
			t.Error("the throwaway instance still runs")
		}
	})
}

func TestCalibrationEndsWithItsApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, map[string]config.App{"shop": namedApp(1)})
		defer w.stop()
		w.set(func() { w.slow["shop-trial"] = time.Hour })
		result := make(chan error)
		go func() { result <- w.sup.Calibrate(t.Context(), "shop", 0, nil) }()
		synctest.Wait()
		w.do(w.sup.Apply(t.Context(), nil))
		if err := <-result; !errors.Is(err, status.ErrConflict) || !strings.Contains(err.Error(), "removed") {
			t.Errorf("err = %v", err)
		}
		if !isClosed(w.child("shop-trial").done) {
			t.Error("the throwaway instance still runs")
		}
	})
}

func TestCalibrateAsksByHTTP(t *testing.T) {
	w := newWorld(t)
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.Path
		w.child("shop-trial").end(0)
	}))
	defer server.Close()
	w.sup = &Supervisor{options: Options{Launcher: w, Prober: w}}
	c := namedApp(1, func(a *config.App) {
		a.Stop.Method, a.Stop.HTTP = config.StopHTTPCall, &config.StopHTTP{Path: "/quit"}
	})
	child, err := w.Start(process.Spec{ID: "shop-trial", Command: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	one := trial{s: w.sup, a: &app{name: "shop"}, config: c, id: "shop-trial", grace: time.Minute, child: child}
	one.target = status.Target{App: "shop", Instance: "shop-trial", Address: server.Listener.Addr().String()}
	var result status.StopTrial
	one.stop(t.Context(), &result)
	if asked != "POST /quit" || !result.Clean {
		t.Errorf("asked by %q: %+v", asked, result)
	}
}

func TestStopMethods(t *testing.T) {
	http := config.App{Stop: config.Stop{HTTP: &config.StopHTTP{}}}
	tests := []struct {
		goos string
		app  config.App
		want []config.StopMethod
	}{
		{"linux", config.App{}, []config.StopMethod{"sigterm", "ctrl_c", "stdin_close"}},
		{"windows", config.App{}, []config.StopMethod{"ctrl_c", "ctrl_break", "stdin_close"}},
		{"windows", http, []config.StopMethod{"ctrl_c", "ctrl_break", "stdin_close", "http"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, stopMethods(tt.goos, tt.app)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.goos, diff)
		}
	}
}

func TestIsCleanExit(t *testing.T) {
	tests := []struct {
		exit status.Exit
		want bool
	}{
		{status.Exit{}, true},
		{status.Exit{Code: -1, Signal: "SIGTERM"}, true},
		{status.Exit{Code: 143}, true},
		{status.Exit{Code: 0xC000013A}, true},
		{status.Exit{Code: 1}, false},
		{status.Exit{Code: -1, Signal: "SIGSEGV"}, false},
	}
	for _, tt := range tests {
		if got := isCleanExit(tt.exit); got != tt.want {
			t.Errorf("isCleanExit(%+v) = %v", tt.exit, got)
		}
	}
}
