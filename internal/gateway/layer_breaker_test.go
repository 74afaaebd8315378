package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/policy"
)

func breaking(edit func(*config.CircuitBreaker)) config.Route {
	b := config.DefaultCircuitBreaker()
	edit(&b)
	return config.Route{CircuitBreaker: config.Breakers{b}}
}

// The documented moments, in fake time: open for open_for to the nanosecond, then one request to try.
func TestBreakerMoments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var states []string
		status := 500
		asked := 0
		b := newBare(t, breaking(func(r *config.CircuitBreaker) { r.MinRequests, r.OpenFor = 4, config.Duration(20*time.Second) }), newBreakers,
			responding(func(c *call) {
				asked++
				c.came(status)
				c.WriteHeader(status)
			}),
			func(o *Options) {
				o.OnBreaker = func(c BreakerChange) { states = append(states, fmt.Sprint(c.From, " -> ", c.To)) }
			})
		for i := range 4 {
			if w := b.send(); w.Code != 500 {
				t.Fatalf("request %d: %d", i, w.Code)
			}
		}
		w := b.send()
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "20" || asked != 4 {
			t.Fatalf("open: %d %v, %d asked", w.Code, w.Header(), asked)
		}
		time.Sleep(20*time.Second - 1)
		if w := b.send(); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
			t.Fatal("just before open_for is over:", w.Code)
		}
		time.Sleep(time.Nanosecond)
		if w := b.send(); w.Code != 500 || asked != 5 {
			t.Fatal("the request to try:", w.Code)
		}
		if w := b.send(); w.Code != http.StatusServiceUnavailable {
			t.Fatal("after a bad one:", w.Code)
		}
		time.Sleep(20 * time.Second)
		status = 200
		for i := range 9 {
			if w := b.send(); w.Code != 200 {
				t.Fatalf("closed again, request %d: %d", i, w.Code)
			}
		}
		want := []string{"closed -> open", "open -> half-open", "half-open -> open", "open -> half-open", "half-open -> closed"}
		if diff := cmp.Diff(want, states); diff != "" {
			t.Error(diff)
		}
	})
}

func TestBreakerJudgesSlowAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := time.Second
		b := newBare(t, breaking(func(r *config.CircuitBreaker) {
			r.Strategy, r.SlowAfter, r.MinRequests = config.SlowRatio, config.Duration(time.Second), 2
		}), newBreakers, responding(func(c *call) {
			c.upstream = took
			c.came(503) // is no error for this strategy
			c.WriteHeader(503)
		}))
		for range 10 {
			b.send()
		}
		if s := b.route.breakers.state(); s != policy.Closed {
			t.Fatal(s)
		}
		took++
		for range 11 {
			b.send()
		}
		if s := b.route.breakers.state(); s != policy.Open {
			t.Fatal(s)
		}
	})
}

// sick is an upstream that answers as it is told.
func sick(t *testing.T, status *atomic.Int64, requests *atomic.Int64) func(*rig) {
	t.Helper()
	return func(r *rig) {
		r.ready("shop-1", backend(t, func(w http.ResponseWriter, req *http.Request) {
			requests.Add(1)
			switch s := status.Load(); s {
			case 0:
				panic(http.ErrAbortHandler)
			case 1: // broken off in the middle
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			case 2: // never
				<-req.Context().Done()
			default:
				w.WriteHeader(int(s))
			}
		}))
	}
}

// TestBreakerEndToEnd is about what counts as an error of a real upstream.
func TestBreakerEndToEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		status int64
		opens  bool
	}{
		"status 500": {500, true}, "status 404": {404, false}, "no answer": {0, true}, "broken off": {1, true}, "too late": {2, true},
	} {
		t.Run(name, func(t *testing.T) {
			conf := breaking(func(r *config.CircuitBreaker) { r.MinRequests, r.OpenFor = 3, config.Duration(time.Hour) })
			conf.App, conf.Timeout = "shop", config.Duration(time.Minute)
			if name == "too late" {
				conf.Timeout = config.Duration(30 * time.Millisecond)
			}
			changes := make(chan BreakerChange, 10)
			r := start(t, testConfig(map[string]config.Route{"shop": conf}), func(o *Options) { o.OnBreaker = func(c BreakerChange) { changes <- c } })
			var status, requests atomic.Int64
			status.Store(tt.status)
			sick(t, &status, &requests)(r)
			client := testClient(t, false)
			send := func() {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url("/"), http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				if res, err := client.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
				}
			}
			if n := r.metric("holdfast_circuit_breaker_state", "app", "shop", "route", "shop"); n != 0 {
				t.Errorf("state %v at first", n)
			}
			for range 3 {
				send()
			}
			until(t, func() bool { return r.metric("holdfast_http_requests_in_flight") == 0 })
			if !tt.opens {
				if n := r.metric("holdfast_circuit_breaker_state", "route", "shop"); n != 0 {
					t.Errorf("state %v", n)
				}
				return
			}
			got := <-changes
			want := BreakerChange{Route: "shop", App: "shop", To: policy.Open, Strategy: config.ErrorRatio, OpenFor: time.Hour, Requests: 3, Bad: 3}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			res, body := get(t, client, http.MethodGet, r.url("/"))
			if res.StatusCode != http.StatusServiceUnavailable || problemCode(t, res, body) != "breaker_open" || res.Header.Get("Retry-After") == "" {
				t.Errorf("open: %d %v", res.StatusCode, res.Header)
			}
			if n := requests.Load(); n != 3 {
				t.Errorf("%d requests got through", n)
			}
			if state, n := r.metric("holdfast_circuit_breaker_state", "route", "shop"), r.metric("holdfast_circuit_breaker_rejections_total", "route", "shop"); state != 2 || n != 1 {
				t.Errorf("metrics: state %v, %v rejections", state, n)
			}
			r.reload(func(c *config.Config) {
				c.Routes["more"] = config.Route{App: "shop", Match: config.Match{Path: "/more"}}
			})
			if res, _ := get(t, client, http.MethodGet, r.url("/")); res.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("a reload closed it: %d", res.StatusCode)
			}
			r.reload(func(c *config.Config) {
				s := c.Routes["shop"]
				s.CircuitBreaker = nil
				c.Routes["shop"] = s
			})
			if n := r.metric("holdfast_circuit_breaker_state", "route", "shop"); n != 0 {
				t.Errorf("state %v without a breaker", n)
			}
		})
	}
}

// What comes of a request that a reload found in flight is said of the breaker that let it through, and of no
// other one.
func TestBreakerThatIsReplaced(t *testing.T) {
	conf := breaking(func(r *config.CircuitBreaker) { r.MinRequests, r.OpenFor = 1, config.Duration(time.Hour) })
	conf.App = "shop"
	changes := make(chan BreakerChange, 10)
	r := start(t, testConfig(map[string]config.Route{"shop": conf}), func(o *Options) { o.OnBreaker = func(c BreakerChange) { changes <- c } })
	asked, answer := make(chan bool), make(chan bool)
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, _ *http.Request) {
		asked <- true
		<-answer
		w.WriteHeader(500)
	}))
	client := testClient(t, false)
	state := func() float64 { return r.metric("holdfast_circuit_breaker_state", "route", "shop") }
	sent := make(chan bool)
	send := func() {
		go func() {
			defer close(sent)
			if res, _ := get(t, client, http.MethodPost, r.url("/")); res.StatusCode != 500 {
				t.Errorf("status %d", res.StatusCode)
			}
		}()
		<-asked
	}
	end := func() {
		answer <- true
		<-sent
		sent = make(chan bool)
		until(t, func() bool { return r.metric("holdfast_http_requests_in_flight") == 0 })
	}
	send()
	r.reload(func(c *config.Config) {
		s := c.Routes["shop"]
		s.CircuitBreaker = breaking(func(r *config.CircuitBreaker) { r.MinRequests, r.OpenFor = 1, config.Duration(time.Minute) }).CircuitBreaker
		c.Routes["shop"] = s
	})
	end()
	if n := state(); n != 0 || len(changes) != 0 {
		t.Errorf("the old one opened: state %v, %d changes told", n, len(changes))
	}
	send()
	r.reload(func(c *config.Config) {
		c.Routes["more"] = config.Route{App: "shop", Match: config.Match{Path: "/more"}}
	})
	end()
	if n := state(); n != 2 || len(changes) != 1 {
		t.Errorf("the one that stayed opened: state %v, %d changes told", n, len(changes))
	}
	r.reload(func(c *config.Config) {
		s := c.Routes["shop"]
		s.App, s.URLs = "", []string{"http://127.0.0.1:1"}
		c.Routes["shop"] = s
	})
	if n := state(); n != 0 {
		t.Errorf("state %v for another upstream", n)
	}
}

// Nobody to ask, and clients that leave, are not held against an upstream.
func TestBreakerIsFair(t *testing.T) {
	conf := breaking(func(r *config.CircuitBreaker) { r.MinRequests, r.Threshold = 1, 0 })
	conf.App = "shop"
	r := start(t, testConfig(map[string]config.Route{"shop": conf}))
	client := testClient(t, false)
	for range 5 {
		if res, body := get(t, client, http.MethodGet, r.url("/")); problemCode(t, res, body) != "not_ready" {
			t.Fatal(res.StatusCode)
		}
	}
	asked := make(chan bool)
	r.ready("shop-1", backend(t, func(_ http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/slow" {
			asked <- true
			<-req.Context().Done()
		}
	}))
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url("/slow"), nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error)
	go func() {
		res, err := client.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		gone <- err
	}()
	<-asked
	leave()
	if err := <-gone; err == nil {
		t.Error("the client did not leave")
	}
	r.access.wait(t, func(m map[string]any) bool { return m["status"] == float64(statusClientClosed) })
	if res, _ := get(t, client, http.MethodGet, r.url("/")); res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
	if n := r.metric("holdfast_circuit_breaker_state", "route", "shop"); n != 0 {
		t.Errorf("state %v", n)
	}
}

// What has no end of its own is judged by its header: it closes the breaker while it is open.
func TestBreakerJudgesStreamsByTheirHeader(t *testing.T) {
	conf := breaking(func(r *config.CircuitBreaker) { r.MinRequests, r.OpenFor = 1, config.Duration(time.Nanosecond) })
	conf.App = "shop"
	r := start(t, testConfig(map[string]config.Route{"shop": conf}))
	client := testClient(t, false)
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/ws":
			wsEcho(w, req)
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
			<-req.Context().Done()
		default:
			w.WriteHeader(500)
		}
	}))
	open := func() {
		t.Helper()
		if res, _ := get(t, client, http.MethodPost, r.url("/")); res.StatusCode != 500 {
			t.Fatal(res.StatusCode)
		}
		if n := r.metric("holdfast_circuit_breaker_state", "route", "shop"); n != 2 {
			t.Fatalf("state %v", n)
		}
	}
	closed := func() bool { return r.metric("holdfast_circuit_breaker_state", "route", "shop") == 0 }
	open()
	conn := dialWS(t, r)
	defer func() { _ = conn.CloseNow() }()
	until(t, closed)
	open()
	res, err := client.Get(r.url("/events"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	until(t, closed)
}

func BenchmarkPolicies(b *testing.B) {
	conf := flows(func(f *config.Flow) { f.QPS, f.Concurrency, f.Key = 1e9, 1000, config.KeyClientIP })
	breaker := config.DefaultCircuitBreaker()
	g := New(Options{})
	r := &route{name: "shop", metrics: g.metrics.route(routeKey{"", "shop"})}
	conf.CircuitBreaker = config.Breakers{breaker}
	build := &build{g: g, next: &setup{kept: map[string]kept{}}, route: r, conf: conf, config: &config.Config{}}
	core := responding(func(c *call) { c.came(200) })
	guarded, err := newBreakers(build, core)
	if err != nil {
		b.Fatal(err)
	}
	limited, err := newFlow(build, core)
	if err != nil {
		b.Fatal(err)
	}
	for name, serve := range map[string]responder{"none": core, "circuit_breaker": guarded, "flow": limited} {
		b.Run("policy="+name, func(b *testing.B) {
			c := &call{g: g, route: r, series: r.metrics, client: client{address: "192.0.2.1"}}
			b.ReportAllocs()
			for b.Loop() {
				serve.respond(c)
			}
		})
	}
}
