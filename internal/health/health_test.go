package health

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answering starts a server that answers with the present value of code, or not at all for 0.
func answering(t *testing.T, code *atomic.Int64) status.Target {
	t.Helper()
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := code.Load()
		if c == 0 {
			select {
			case <-ended:
			case <-r.Context().Done():
			}
			return
		}
		w.Header().Set("X-Seen", r.Host+" "+r.URL.Path+" "+r.Header.Get("X-Probe"))
		w.WriteHeader(int(c))
	}))
	t.Cleanup(func() { close(ended); server.Close() })
	return status.Target{App: "shop", Instance: "shop-1", Address: strings.TrimPrefix(server.URL, "http://")}
}

func httpProbe() *config.Probe {
	return &config.Probe{
		HTTPGet:          &config.HTTPGet{Path: "/healthz"},
		Period:           config.Duration(5 * time.Millisecond),
		Timeout:          config.Duration(time.Second),
		FailureThreshold: 2, SuccessThreshold: 2,
	}
}

func value(t *testing.T, reg *prometheus.Registry, name string) (float64, bool) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue(), true
		}
	}
	return 0, false
}

func TestHTTPVerdicts(t *testing.T) {
	tests := []struct {
		name string
		code int64
		want string // in the error; empty for success
	}{
		{"200", 200, ""},
		{"204", 204, ""},
		{"redirect is not followed and counts as success", 302, ""},
		{"404", 404, "GET /healthz on"},
		{"503", 503, "answered 503 Service Unavailable"},
		{"no answer", 0, "no answer in time"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var code atomic.Int64
			code.Store(tt.code)
			p := New(prometheus.NewRegistry())
			probe := httpProbe()
			if tt.code == 0 {
				probe.Timeout = config.Duration(20 * time.Millisecond)
			}
			err := p.newCheck(Liveness, probe, answering(t, &code)).run(t.Context(), time.Now())
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("failed: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error = %v, want it to contain %q", err, tt.want)
			}
		})
	}
}

func TestHTTPRequestIsAsConfigured(t *testing.T) {
	seen := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Method + " " + r.Host + " " + r.URL.Path + " " + r.Header.Get("X-Probe") + " " + r.UserAgent()
	}))
	defer server.Close()
	probe := httpProbe()
	probe.HTTPGet.Path = "/live/${instance}"
	probe.HTTPGet.Headers = map[string]string{"host": "shop.example.com", "X-Probe": "yes"}
	target := status.Target{App: "shop", Instance: "shop-1", Address: strings.TrimPrefix(server.URL, "http://")}
	if err := New(prometheus.NewRegistry()).newCheck(Liveness, probe, target).run(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if got, want := <-seen, "GET shop.example.com /live/shop-1 yes holdfast-probe"; got != want {
		t.Errorf("request = %q, want %q", got, want)
	}
}

func TestTCPConnect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := status.Target{App: "shop", Instance: "shop-1", Address: l.Addr().String()}
	probe := &config.Probe{TCPSocket: &config.TCPSocket{}, Timeout: config.Duration(time.Second)}
	p := New(prometheus.NewRegistry())
	if err := p.newCheck(Readiness, probe, target).run(t.Context(), time.Now()); err != nil {
		t.Errorf("listening: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	switch err := p.newCheck(Readiness, probe, target).run(t.Context(), time.Now()); {
	case err == nil:
		t.Error("nobody listens, but the probe succeeded")
	case strings.Contains(err.Error(), "connect: "):
		t.Errorf("the error repeats what was tried: %v", err)
	}
}

func TestStartupWaitsForTheFirstSuccess(t *testing.T) {
	var code atomic.Int64
	code.Store(503)
	target := answering(t, &code)
	probe := httpProbe()
	probe.FailureThreshold = 10000
	time.AfterFunc(20*time.Millisecond, func() { code.Store(200) })
	if err := New(prometheus.NewRegistry()).Startup(t.Context(), probe, target); err != nil {
		t.Fatal(err)
	}
	if code.Load() != 200 {
		t.Error("succeeded before the program did")
	}
}

func TestStartupGivesUp(t *testing.T) {
	var code atomic.Int64
	code.Store(503)
	probe := httpProbe()
	probe.FailureThreshold = 4
	err := New(prometheus.NewRegistry()).Startup(t.Context(), probe, answering(t, &code))
	if err == nil || !strings.Contains(err.Error(), "startup probe failed for 20ms") {
		t.Errorf("error = %v", err)
	}
}

func TestStartupEndsWithItsContext(t *testing.T) {
	var code atomic.Int64
	target := answering(t, &code)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	probe := httpProbe()
	probe.FailureThreshold = 10000
	probe.Timeout = config.Duration(time.Minute)
	if err := New(prometheus.NewRegistry()).Startup(ctx, probe, target); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
}

func TestWatchReportsChangesOnly(t *testing.T) {
	var code atomic.Int64
	code.Store(200)
	target := answering(t, &code)
	reg := prometheus.NewRegistry()
	p := New(reg)
	ctx, cancel := context.WithCancel(t.Context())
	reports := make(chan error)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Liveness(ctx, httpProbe(), target, func(err error) { reports <- err })
	}()
	for range 3 {
		code.Store(500)
		if err := <-reports; err == nil || !strings.Contains(err.Error(), "liveness probe failed 2 times in a row") {
			t.Fatalf("report = %v, want a failure", err)
		}
		if v, ok := value(t, reg, "holdfast_probe_success"); !ok || v != 0 {
			t.Errorf("holdfast_probe_success = %v (%v), want 0", v, ok)
		}
		code.Store(200)
		if err := <-reports; err != nil {
			t.Fatalf("report = %v, want recovery", err)
		}
	}
	cancel()
	<-ended
	p.Forget("shop", "shop-1")
	if _, ok := value(t, reg, "holdfast_probe_success"); ok {
		t.Error("the series of a forgotten instance is left")
	}
}

// TestOwnShortage is about checks that fail because Holdfast has no descriptor left.
func TestOwnShortage(t *testing.T) {
	var code, checks atomic.Int64
	code.Store(500)
	target := answering(t, &code)
	p := New(prometheus.NewRegistry())
	short := make(chan struct{})
	c := p.newCheck(Liveness, httpProbe(), target)
	dial := c.dial
	c.dial = func(ctx context.Context, deadline time.Time, cut *cut) (io.ReadWriteCloser, error) {
		switch n := checks.Add(1); {
		case n < 10:
			return nil, os.NewSyscallError("socket", syscall.EMFILE)
		case n == 10:
			close(short)
		}
		return dial(ctx, deadline, cut)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reports, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		p.watch(ctx, c, true, func(err error) { reports <- err })
	}()
	select {
	case err := <-reports:
		t.Errorf("report = %v after %d checks, want none while descriptors are short", err, checks.Load())
	case <-short:
		if err := <-reports; err == nil || !strings.Contains(err.Error(), "500") {
			t.Errorf("report = %v, want the instance's own failure", err)
		}
	}
	cancel()
	<-ended
}

func TestReadinessOfATargetThatBeginsUnready(t *testing.T) {
	var code atomic.Int64
	code.Store(503)
	target := answering(t, &code)
	probe := httpProbe()
	probe.SuccessThreshold = 1
	ctx, cancel := context.WithCancel(t.Context())
	reports := make(chan error)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		New(prometheus.NewRegistry()).Readiness(ctx, probe, target, false, func(err error) { reports <- err })
	}()
	code.Store(200)
	if err := <-reports; err != nil {
		t.Errorf("first report = %v, want ready", err)
	}
	cancel()
	<-ended
}
