package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// TestEqualChecksAreMadeOnce lets liveness and readiness ask the same, and then not the same.
func TestEqualChecksAreMadeOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		readiness config.HTTPGet
		timeout   time.Duration
		requests  int64 // a turn
	}{
		"equal":         {config.HTTPGet{Path: "/healthz"}, time.Second, 1},
		"other path":    {config.HTTPGet{Path: "/readyz"}, time.Second, 2},
		"other timeout": {config.HTTPGet{Path: "/healthz"}, 2 * time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				w.WriteHeader(http.StatusTeapot)
			}))
			defer server.Close()
			target := status.Target{App: "shop", Instance: "shop-1", Address: strings.TrimPrefix(server.URL, "http://")}
			p := New(prometheus.NewRegistry())
			live := p.newCheck(Liveness, &config.Probe{HTTPGet: &config.HTTPGet{Path: "/healthz"}, Timeout: config.Duration(time.Second), Period: config.Duration(time.Hour)}, target)
			ready := p.newCheck(Readiness, &config.Probe{HTTPGet: &tt.readiness, Timeout: config.Duration(tt.timeout), Period: config.Duration(time.Hour)}, target)
			const turns = 5
			for n := range turns {
				now := live.p.pace.began.Add(time.Duration(n+1) * time.Second)
				var both sync.WaitGroup
				for _, c := range []*check{live, ready} {
					both.Go(func() {
						if err := c.share(t.Context(), now); err == nil || !strings.Contains(err.Error(), "418") {
							t.Errorf("%s: error = %v", c.kind, err)
						}
					})
				}
				both.Wait()
			}
			if got := requests.Load(); got != turns*tt.requests {
				t.Errorf("%d requests in %d turns, want %d", got, turns, turns*tt.requests)
			}
			if got := len(p.Results("shop", "shop-1")); got != min(2*turns, historyLength) {
				t.Errorf("%d results, want those of both probes", got)
			}
		})
	}
}

// TestCutShortIsNobodyElses: a check whose context ended says nothing to the other probe.
func TestCutShortIsNobodyElses(t *testing.T) {
	var o outcome
	now := time.Now()
	_, _ = o.of(now, grid, func() (bool, error) { return false, context.Canceled })
	made := false
	if _, err := o.of(now, grid, func() (bool, error) { made = true; return true, nil }); err != nil || !made {
		t.Errorf("error = %v, check made: %v", err, made)
	}
}

// TestResults keeps the newest ten, oldest first, until the instance is forgotten.
func TestResults(t *testing.T) {
	p := New(prometheus.NewRegistry())
	target := status.Target{App: "shop", Instance: "shop-1"}
	if got := p.Results("shop", "shop-1"); got != nil {
		t.Errorf("results before the first check: %v", got)
	}
	s := p.subjectOf(target)
	for n := range 13 {
		var err error
		if n%2 == 1 {
			err = errors.New("no answer in time")
		}
		s.add(Liveness, time.Duration(n)*time.Second, err)
		got := p.Results("shop", "shop-1")
		if want := min(n+1, historyLength); len(got) != want {
			t.Fatalf("%d results after %d checks, want %d", len(got), n+1, want)
		}
		for i, r := range got {
			was := n + 1 - len(got) + i
			if r.Seconds != float64(was) || (r.Error != "") != (was%2 == 1) || r.Probe != "liveness" || r.Time.IsZero() {
				t.Errorf("after %d checks, result %d = %+v, want that of check %d", n+1, i, r, was)
			}
		}
	}
	p.Forget("shop", "shop-1")
	if got := p.Results("shop", "shop-1"); got != nil {
		t.Errorf("results of a forgotten instance: %v", got)
	}
}

// TestHungChecksHoldUpNoOther watches nine instances that accept and say nothing, and one that answers.
func TestHungChecksHoldUpNoOther(t *testing.T) {
	silent, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	var code atomic.Int64
	code.Store(http.StatusOK)
	good := answering(t, &code)
	p := New(prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(t.Context())
	var watches sync.WaitGroup
	probe := httpProbe()
	probe.Timeout = config.Duration(time.Hour)
	for n := range 9 {
		target := status.Target{App: "hung", Instance: fmt.Sprintf("hung-%d", n+1), Address: silent.Addr().String()}
		watches.Go(func() { p.Liveness(ctx, probe, target, func(error) {}) })
	}
	reports := make(chan error, 1)
	watches.Go(func() { p.Liveness(ctx, probe, good, func(err error) { reports <- err }) })
	for range 2 {
		code.Store(http.StatusInternalServerError)
		if err := <-reports; err == nil {
			t.Error("recovery reported, want a failure")
		}
		code.Store(http.StatusOK)
		if err := <-reports; err != nil {
			t.Errorf("report = %v, want recovery", err)
		}
	}
	cancel() // and the hung checks end at once
	watches.Wait()
}
