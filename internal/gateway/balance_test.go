package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// named starts a server that answers with a name, and with a status while there is one.
func named(t *testing.T, name string, code *atomic.Int64) string {
	t.Helper()
	return backend(t, func(w http.ResponseWriter, _ *http.Request) {
		if code != nil && code.Load() != 0 {
			w.WriteHeader(int(code.Load()))
		}
		_, _ = fmt.Fprint(w, name)
	}).URL
}

// counts asks n times and counts who answered.
func counts(t *testing.T, c *http.Client, n int, url string, header ...string) map[string]int {
	t.Helper()
	got := map[string]int{}
	for range n {
		_, body := get(t, c, "GET", url, header...)
		got[body]++
	}
	return got
}

func TestWeights(t *testing.T) {
	urls := []string{named(t, "a", nil), named(t, "b", nil), named(t, "spare", nil)}
	r := start(t, testConfig(map[string]config.Route{"x": {URLs: urls, Weights: []int{3, 1, 0}}}))
	if diff := cmp.Diff(map[string]int{"a": 9, "b": 3}, counts(t, testClient(t, false), 12, r.url("/"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	r.reload(func(c *config.Config) { c.Routes["x"] = config.Route{URLs: urls, Weights: []int{1, 1, 1}} })
	if diff := cmp.Diff(map[string]int{"a": 4, "b": 4, "spare": 4}, counts(t, testClient(t, false), 12, r.url("/"))); diff != "" {
		t.Errorf("after a reload (-want +got):\n%s", diff)
	}
}

// TestBalanceKey sends the same key to the same server, and requests without one to whose turn it is.
func TestBalanceKey(t *testing.T) {
	var urls []string
	for i := range 4 {
		urls = append(urls, named(t, fmt.Sprint("s", i), nil))
	}
	for key, header := range map[string][2]string{
		"header:x-tenant": {"X-Tenant", "t%d"}, "cookie:sid": {"Cookie", "a=1; sid=%d"}, "header:host": {"Host", "h%d.example.com"},
		"client_ip": {"X-Forwarded-For", "2001:db8::%d"},
	} {
		t.Run(key, func(t *testing.T) {
			c := testConfig(map[string]config.Route{"x": {URLs: urls, Balance: config.Hash, BalanceKey: config.Key(key)}})
			l := testListener()
			l.TrustedProxies = []string{"127.0.0.1"}
			c.Listeners["web"] = l
			r := start(t, c)
			client := testClient(t, false)
			all := map[string]bool{}
			for i := range 40 {
				got := counts(t, client, 3, r.url("/"), header[0], fmt.Sprintf(header[1], i))
				if len(got) != 1 {
					t.Fatalf("key %d is at %v", i, got)
				}
				for name := range got {
					all[name] = true
				}
			}
			if len(all) != 4 {
				t.Errorf("40 keys are at %v", all)
			}
			if key != "client_ip" && key != "header:host" {
				if got := counts(t, client, 8, r.url("/")); len(got) != 4 || got["s0"] != 2 {
					t.Errorf("without a key: %v", got)
				}
			}
		})
	}
}

// TestBalanceBySubject goes by who an earlier layer found to have sent the request.
func TestBalanceBySubject(t *testing.T) {
	k := newHashKey(config.Route{Balance: config.Hash, BalanceKey: config.KeyJWTSubject})
	x := &exchange{proxy: &proxy{hash: k}, call: &call{subject: "ann"}}
	x.choose()
	y := &exchange{proxy: &proxy{hash: k}, call: &call{subject: "bob"}}
	y.choose()
	none := &exchange{proxy: &proxy{hash: k}, call: &call{}}
	none.choose()
	if !x.choice.Keyed || x.choice.Key == y.choice.Key || none.choice.Keyed {
		t.Errorf("%+v %+v %+v", x.choice, y.choice, none.choice)
	}
}

// TestEjection takes out who answers with errors of its own, and nobody for what Holdfast itself refuses.
func TestEjection(t *testing.T) {
	var bad atomic.Int64
	urls := []string{named(t, "good", nil), named(t, "bad", &bad)}
	o := config.DefaultOutlier()
	o.ConsecutiveFailures, o.EjectFor = 3, config.Duration(time.Hour)
	var mu sync.Mutex
	var told []Ejection
	r := start(t, testConfig(map[string]config.Route{"x": {URLs: urls, Outlier: &o}}), func(o *Options) {
		o.OnEjection = func(e Ejection) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, e)
		}
	})
	client := testClient(t, false)
	for range 10 {
		get(t, client, "CONNECT", r.url("/"))
	}
	bad.Store(404)
	counts(t, client, 10, r.url("/"))
	bad.Store(503)
	got := counts(t, client, 20, r.url("/"))
	if diff := cmp.Diff(map[string]int{"good": 17, "bad": 3}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	instance := strings.TrimPrefix(urls[1], "http://")
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]Ejection{{Route: "x", Instance: instance, Out: true, For: time.Hour, Failures: 3}}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if n := r.metric("holdfast_upstream_ejected", "route", "x", "instance", instance); n != 1 {
		t.Errorf("holdfast_upstream_ejected = %v", n)
	}
	state := func() (out []status.TargetState) {
		for _, target := range r.Targets("x") {
			if target.Instance == instance {
				out = append(out, target.State)
			}
		}
		return out
	}
	if got := state(); len(got) != 1 || got[0] != status.TargetEjected || r.Routes()[0].Targets == nil || r.Targets("y") != nil {
		t.Errorf("state = %v", got)
	}
	r.reload(func(c *config.Config) {
		c.Routes["y"] = config.Route{Respond: &config.Respond{Status: 204}, Match: config.Match{Path: "/y"}}
	})
	if got := state(); got[0] != status.TargetEjected {
		t.Errorf("after a reload that does not concern it: %v", got)
	}
	r.reload(func(c *config.Config) { delete(c.Routes, "x") })
	if n := r.metric("holdfast_upstream_ejected"); n != 0 {
		t.Errorf("after the route is gone holdfast_upstream_ejected = %v", n)
	}
}

// TestEjectionOfTheBroken counts connections that break, in the answer's head or in its body, and answers
// that come too late; not clients that leave, nor a connection that was merely old.
func TestEjectionOfTheBroken(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"no answer": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"broken off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			_, _ = w.Write([]byte("1"))
			panic(http.ErrAbortHandler)
		},
		"too late": func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body); <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			broken := backend(t, handler)
			o := config.DefaultOutlier()
			o.ConsecutiveFailures = 2
			route := config.Route{URLs: []string{broken.URL, named(t, "good", nil)}, Outlier: &o, Timeout: config.Duration(time.Minute)}
			if name == "too late" {
				route.Timeout = config.Duration(300 * time.Millisecond)
			}
			r := start(t, testConfig(map[string]config.Route{"x": route}))
			client := testClient(t, false)
			for i := 0; r.metric("holdfast_upstream_ejected") != 1; i++ {
				if i == 20 {
					t.Fatal("it is not ejected")
				}
				req, _ := http.NewRequestWithContext(t.Context(), "POST", r.url("/"), strings.NewReader("x"))
				if res, err := client.Do(req); err == nil {
					_ = res.Body.Close()
				}
			}
		})
	}
}

// TestRefusedBalancing gives up what was made for a configuration that is refused, and nothing else.
func TestRefusedBalancing(t *testing.T) {
	o := config.DefaultOutlier()
	r := start(t, testConfig(map[string]config.Route{"x": {App: "shop", Outlier: &o}}))
	c := testConfig(map[string]config.Route{"x": {App: "shop", Outlier: &o}, "y": {App: "shop", Outlier: &o}, "z": {}})
	if err := r.Apply(t.Context(), c); err == nil {
		t.Fatal("a route that nothing serves is taken")
	}
	if n := r.set.Pool("shop").Judges(); n != 1 {
		t.Errorf("%d routes judge the targets, want 1", n)
	}
	r.reload(func(c *config.Config) {
		c.Routes = map[string]config.Route{"x": {Respond: &config.Respond{Status: 204}}}
	})
	if n := r.set.Pool("shop").Judges(); n != 0 {
		t.Errorf("%d routes judge the targets, want none", n)
	}
}

// asking is a Check that reports what the test says.
type asking struct {
	mu      sync.Mutex
	running map[string]func(error) // by host
	begun   map[string]int
	changed chan struct{}
	healthy map[string]bool // at the beginning
}

func newAsking() *asking {
	return &asking{running: map[string]func(error){}, begun: map[string]int{}, healthy: map[string]bool{}, changed: make(chan struct{}, 100)}
}

// TestChecks follows the servers of a route through reloads.
func TestChecks(t *testing.T) {
	a := newAsking()
	check := func(o *Options) {
		o.Check = a.check
	}
	one, two := named(t, "one", nil), named(t, "two", nil)
	host := func(url string) string { return strings.TrimPrefix(url, "http://") }
	probe := config.DefaultProbe(false, true)
	route := config.Route{URLs: []string{one, two}, HealthCheck: &probe}
	r := start(t, testConfig(map[string]config.Route{"x": route}), check)
	a.wait(func() bool { return len(a.running) == 2 })
	client := testClient(t, false)
	if got := counts(t, client, 4, r.url("/")); len(got) != 2 {
		t.Errorf("before the first check: %v", got)
	}
	if n := r.metric("holdfast_upstream_healthy", "route", "x"); n != 2 {
		t.Errorf("holdfast_upstream_healthy = %v", n)
	}
	a.report(host(one), fmt.Errorf("500"))
	if got := counts(t, client, 4, r.url("/")); got["two"] != 4 {
		t.Errorf("one fails: %v", got)
	}
	if n := r.metric("holdfast_upstream_healthy", "instance", host(one)); n != 0 {
		t.Errorf("holdfast_upstream_healthy = %v", n)
	}
	if targets := r.Targets("x"); len(targets) != 2 || fmt.Sprint(targets[0].State, targets[1].State) != "failingready" && fmt.Sprint(targets[0].State, targets[1].State) != "readyfailing" {
		t.Errorf("%+v", targets)
	}

	three := named(t, "three", nil)
	r.reload(func(c *config.Config) {
		next := route
		next.URLs = []string{one, two, three}
		c.Routes["x"] = next
	})
	a.wait(func() bool { return len(a.running) == 3 })
	if got := counts(t, client, 4, r.url("/")); got["one"] != 0 || len(got) != 2 || a.begun[host(one)] != 1 || a.begun[host(three)] != 1 {
		t.Errorf("a server more: %v, checks %v", got, a.begun)
	}

	slower := probe
	slower.Period *= 2
	r.reload(func(c *config.Config) {
		next := c.Routes["x"]
		next.HealthCheck = &slower
		c.Routes["x"] = next
	})
	a.wait(func() bool { return a.begun[host(one)] == 2 })
	if a.healthy[host(one)] || !a.healthy[host(two)] {
		t.Errorf("another probe begins with %v", a.healthy)
	}
	a.report(host(one), nil)
	if got := counts(t, client, 6, r.url("/")); got["one"] != 2 {
		t.Errorf("one is well again: %v", got)
	}

	a.report(host(two), fmt.Errorf("500"))
	a.report(host(three), fmt.Errorf("500"))
	a.report(host(one), fmt.Errorf("500"))
	res, body := get(t, client, "GET", r.url("/"))
	if code := problemCode(t, res, body); res.StatusCode != http.StatusServiceUnavailable || code != "not_ready" {
		t.Errorf("all fail: %d %s", res.StatusCode, code)
	}
	late := a.of(host(one))
	r.reload(func(c *config.Config) {
		next := c.Routes["x"]
		next.HealthCheck = nil
		c.Routes["x"] = next
	})
	late(fmt.Errorf("late"))
	if got := counts(t, client, 6, r.url("/")); len(got) != 3 {
		t.Errorf("nobody is checked any more: %v", got)
	}
	a.wait(func() bool { return len(a.running) == 0 })
	if n := r.metric("holdfast_upstream_healthy"); n != 0 {
		t.Errorf("holdfast_upstream_healthy = %v", n)
	}
}

func (a *asking) check(ctx context.Context, c ServerCheck, report func(error)) {
	a.mu.Lock()
	a.begun[c.Host]++
	turn := a.begun[c.Host]
	a.running[c.Host], a.healthy[c.Host] = report, c.Healthy
	a.mu.Unlock()
	a.changed <- struct{}{}
	<-ctx.Done()
	a.mu.Lock()
	if a.begun[c.Host] == turn {
		delete(a.running, c.Host)
	}
	a.mu.Unlock()
	a.changed <- struct{}{}
}

// wait waits for a state; the lock is held while it is looked at.
func (a *asking) wait(until func() bool) {
	for {
		a.mu.Lock()
		ok := until()
		a.mu.Unlock()
		if ok {
			return
		}
		<-a.changed
	}
}

func (a *asking) of(host string) func(error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.running[host]
}

func (a *asking) report(host string, err error) { a.of(host)(err) }
