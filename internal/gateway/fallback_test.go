package gateway

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/internal/config"
)

// falling is a route to an upstream that does as it is told by the path, with a fallback.
func falling(t *testing.T, on []string, f config.Fallback) (*rig, *atomic.Int64) {
	t.Helper()
	f.On = on
	var asked atomic.Int64
	r := start(t, testConfig(map[string]config.Route{
		"shop": {App: "shop", Timeout: config.Duration(500 * time.Millisecond), Fallback: &f},
	}))
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		switch req.URL.Path {
		case "/500":
			_, _ = req.Body.Read(make([]byte, 1)) // else the answer may come before anything of the body is sent
			w.Header().Set("X-Upstream", "yes")
			http.Error(w, "broken", http.StatusInternalServerError)
		case "/reset":
			panic(http.ErrAbortHandler)
		case "/hang":
			_, _ = io.Copy(io.Discard, req.Body)
			<-req.Context().Done()
		}
	}))
	return r, &asked
}

func TestFallbackWords(t *testing.T) {
	fixed := &config.Respond{Status: 200, Body: "instead", Headers: map[string]string{"X-Own": "1"}}
	for name, tt := range map[string]struct {
		on     string
		path   string
		reason string // empty: none
	}{
		"status":                {"500", "/500", "500"},
		"class":                 {"5xx", "/500", "500"},
		"another status":        {"502", "/500", ""},
		"upstream_failed":       {"upstream_failed", "/reset", "upstream_failed"},
		"a status of our own":   {"502", "/reset", ""},
		"timeout":               {"timeout", "/hang", "timeout"},
		"timeout is not listed": {"upstream_failed", "/hang", ""},
		"all is well":           {"5xx", "/", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := falling(t, []string{tt.on}, config.Fallback{Respond: fixed})
			res, body := get(t, testClient(t, false), http.MethodPost, r.url(tt.path))
			if got := res.Header.Get("Holdfast-Fallback"); got != tt.reason {
				t.Fatalf("Holdfast-Fallback %q, want %q; status %d", got, tt.reason, res.StatusCode)
			}
			if tt.reason == "" {
				if body == "instead" {
					t.Error("the fallback answered")
				}
				return
			}
			if res.StatusCode != 200 || body != "instead" || res.Header.Get("X-Own") != "1" || res.Header.Get("X-Upstream") != "" || res.Header.Get("Retry-After") != "" {
				t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
			}
			if n := r.metric("holdfast_fallbacks_total", "route", "shop", "reason", tt.reason); n != 1 {
				t.Errorf("%v counted", n)
			}
			r.access.wait(t, func(m map[string]any) bool { return m["fallback"] == tt.reason })
		})
	}
}

func TestFallbackWithoutAnInstance(t *testing.T) {
	route := config.Route{
		App: "shop", Fallback: &config.Fallback{On: []string{"not_ready", "rate_limited", "breaker_open"}, Respond: &config.Respond{Status: 503, Body: "soon"}},
		Flow: config.Flows{{QPS: 0.001, Burst: 1}},
	}
	r := start(t, testConfig(map[string]config.Route{"shop": route}))
	client := testClient(t, false)
	for i, reason := range []string{"not_ready", "not_ready", "rate_limited"} {
		res, body := get(t, client, http.MethodGet, r.url("/"))
		if res.StatusCode != 503 || body != "soon" || res.Header.Get("Holdfast-Fallback") != reason || res.Header.Get("Retry-After") == "" {
			t.Errorf("request %d: %d %q %v", i, res.StatusCode, body, res.Header)
		}
	}
}

func TestFallbackWhileOpen(t *testing.T) {
	breaker := config.DefaultCircuitBreaker()
	breaker.MinRequests = 1
	r := start(t, testConfig(map[string]config.Route{"shop": {
		App: "shop", CircuitBreaker: config.Breakers{breaker},
		Fallback: &config.Fallback{On: []string{"500", "breaker_open"}, Respond: &config.Respond{Body: "instead"}},
	}}))
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	client := testClient(t, false)
	for _, reason := range []string{"500", "breaker_open"} { // what the fallback answers does not count as the upstream's
		res, body := get(t, client, http.MethodGet, r.url("/"))
		if res.StatusCode != 200 || body != "instead" || res.Header.Get("Holdfast-Fallback") != reason || res.Header.Get("Retry-After") != "" {
			t.Errorf("want %s: %d %q %v", reason, res.StatusCode, body, res.Header)
		}
	}
}

// What an app answers that stands in is not held against the one that it stands in for.
func TestFallbackThatFailsOpensNothing(t *testing.T) {
	breaker := config.DefaultCircuitBreaker()
	breaker.MinRequests, breaker.Statuses = 1, []string{"500"}
	r := start(t, testConfig(map[string]config.Route{"shop": {
		App: "shop", CircuitBreaker: config.Breakers{breaker}, Fallback: &config.Fallback{On: []string{"404"}, App: "spare"},
	}}))
	target := r.ready("shop-1", backend(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }))
	target.App, target.Instance = "spare", "spare-1"
	target.Address = backend(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }).Listener.Addr().String()
	r.set.SetReady(target, true)
	client := testClient(t, false)
	for range 3 {
		if res, _ := get(t, client, http.MethodGet, r.url("/")); res.StatusCode != 500 || res.Header.Get("Holdfast-Fallback") != "404" {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
	}
}

// Another app gets the request as the first one would have, unless its body is on its way already.
func TestFallbackApp(t *testing.T) {
	r, asked := falling(t, []string{"5xx", "upstream_failed", "not_ready", "timeout"}, config.Fallback{App: "spare"})
	var spare atomic.Int64
	seen := make(chan *http.Request, 10)
	server := backend(t, func(w http.ResponseWriter, req *http.Request) {
		spare.Add(1)
		seen <- req
		if req.URL.Path == "/hang" {
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = io.WriteString(w, "spare")
	})
	target := r.ready("shop-9", server) // for its address only
	r.set.Remove(target)
	target.App, target.Instance = "spare", "spare-1"
	r.set.SetReady(target, true)
	client := testClient(t, false)

	res, body := get(t, client, http.MethodGet, r.url("/500?q=1"), "X-Mine", "yes")
	if res.StatusCode != 200 || body != "spare" || res.Header.Get("Holdfast-Fallback") != "500" || res.Header.Get("X-Upstream") != "" {
		t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
	}
	req := <-seen
	if req.RequestURI != "/500?q=1" || req.Header.Get("X-Mine") != "yes" || len(req.Header["Via"]) != 1 || strings.Count(req.Header.Get("Via"), "holdfast") != 1 {
		t.Errorf("%s %v", req.RequestURI, req.Header)
	}
	if res, _ := get(t, client, http.MethodGet, r.url("/hang")); res.StatusCode != http.StatusTeapot {
		t.Errorf("after a timeout: %d", res.StatusCode)
	}
	for path, want := range map[string]int{"/500": 500, "/hang": 504} {
		res, err := client.Post(r.url(path), "text/plain", strings.NewReader(strings.Repeat("x", 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want || res.Header.Get("Holdfast-Fallback") != "" {
			t.Errorf("%s with a body that was sent: %d %v", path, res.StatusCode, res.Header)
		}
	}
	if n := spare.Load(); n != 2 {
		t.Errorf("the spare app was asked %d times", n)
	}
	r.access.wait(t, func(m map[string]any) bool { return m["instance"] == "spare-1" })

	// A fallback of a fallback is a problem.
	r.set.SetReady(target, false)
	res, body = get(t, client, http.MethodGet, r.url("/500"))
	if res.StatusCode != 503 || problemCode(t, res, body) != "not_ready" || asked.Load() == 0 {
		t.Errorf("without the spare app: %d %s", res.StatusCode, body)
	}
}

// With nothing sent, the body is there for the other app.
func TestFallbackAppGetsTheBody(t *testing.T) {
	r := start(t, testConfig(map[string]config.Route{"shop": {App: "shop", MaxBodySize: 100, Fallback: &config.Fallback{On: []string{"not_ready"}, App: "spare"}}}))
	server := backend(t, echoHandler)
	target := r.ready("x-1", server)
	r.set.Remove(target)
	target.App = "spare"
	r.set.SetReady(target, true)
	for size, want := range map[int]int{50: 200, 500: 413} {
		res, err := testClient(t, false).Post(r.url("/"), "text/plain", strings.NewReader(strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != want || want == 200 && !strings.Contains(string(body), strings.Repeat("x", size)) {
			t.Errorf("%d bytes: %d %s", size, res.StatusCode, body)
		}
	}
}

func TestFallbackFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stale.json")
	if err := os.WriteFile(path, []byte(`{"stale":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ := falling(t, []string{"5xx", "upstream_failed"}, config.Fallback{File: path})
	client := testClient(t, false)
	res, body := get(t, client, http.MethodGet, r.url("/500"))
	if res.StatusCode != 200 || body != `{"stale":true}` || res.Header.Get("Holdfast-Fallback") != "500" ||
		!strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") || res.Header.Get("Last-Modified") == "" || res.Header.Get("Warning") != "" {
		t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
	}
	tag := res.Header.Get("Etag")
	if res, body := get(t, client, http.MethodGet, r.url("/reset"), "If-None-Match", tag); res.StatusCode != http.StatusNotModified || body != "" || tag == "" {
		t.Errorf("conditional: %d %q", res.StatusCode, body)
	}
	if res, body := get(t, client, http.MethodHead, r.url("/500")); res.StatusCode != 200 || body != "" || res.ContentLength != 14 {
		t.Errorf("HEAD: %d %q", res.StatusCode, body)
	}
	if res, _ := get(t, client, http.MethodPost, r.url("/500")); res.StatusCode != 500 || res.Header.Get("Holdfast-Fallback") != "" {
		t.Errorf("POST: %d: a file is no answer to it", res.StatusCode)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if res, body := get(t, client, http.MethodGet, r.url("/500")); res.StatusCode != 500 || !strings.Contains(body, "broken") || res.Header.Get("Holdfast-Fallback") != "" {
		t.Errorf("without the file: %d %q", res.StatusCode, body)
	}
	if res, body := get(t, client, http.MethodPost, r.url("/reset")); res.StatusCode != 502 || problemCode(t, res, body) != "upstream_failed" {
		t.Errorf("without the file, no answer: %d", res.StatusCode)
	}
}
