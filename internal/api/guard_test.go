package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestHostAllowList(t *testing.T) {
	s, f := newTestServer(t)
	for _, test := range []struct {
		host string
		want int
	}{
		{"localhost", 200},
		{"localhost:9180", 200},
		{"LOCALHOST:1", 200},
		{"127.0.0.1", 200},
		{"127.0.0.1:9180", 200},
		{"127.0.0.2:9180", 200},
		{"[::1]", 200},
		{"[::1]:9180", 200},
		{"holdfast.example.com", 200},
		{"Holdfast.Example.com:9180", 200},
		{"", 421},
		{":9180", 421},
		{"evil.example.com", 421},
		{"evil.example.com:9180", 421},
		{"localhost.evil.example.com", 421},
		{"localhost.", 421},
		{"127.0.0.1.evil.example.com", 421},
		{"10.0.0.7:9180", 421},
		{"0.0.0.0:9180", 421},
		{"[::]:9180", 421},
		{"2130706433:9180", 421},
		{"127.1:9180", 421},
		{"0x7f000001", 421},
		{"localhost@evil.example.com", 421},
		{"evil.example.com@localhost", 421},
		{"localhost, evil.example.com", 421},
		{"[::1", 421},
		{"sub.holdfast.example.com", 421},
	} {
		t.Run(test.host, func(t *testing.T) {
			r := ask(t, s.PublicHandler(), http.MethodGet, "/livez", withHost(test.host))
			if r.StatusCode != test.want {
				t.Errorf("status %d, want %d", r.StatusCode, test.want)
			}
			if test.want == http.StatusMisdirectedRequest {
				wantProblem(t, r, test.want, CodeMisdirected)
			}
			// The pipe and the socket have no names to rebind.
			if r := ask(t, s.LocalHandler(), http.MethodGet, "/livez", withHost(test.host)); r.StatusCode != 200 {
				t.Errorf("local: status %d, want 200", r.StatusCode)
			}
		})
	}
	f.snapshot.Config.Management.AllowedHosts = nil
	if r := ask(t, s.PublicHandler(), http.MethodGet, "/livez", withHost("holdfast.example.com")); r.StatusCode != 421 {
		t.Errorf("after it was taken from allowed_hosts: status %d, want 421", r.StatusCode)
	}
}

func TestForeignPagesAreRefused(t *testing.T) {
	s, f := newTestServer(t)
	const stop = "/api/v1/apps/shop/actions/stop"
	for _, test := range []struct {
		name, method, path string
		header             http.Header
		want               int
	}{
		{"no browser", "POST", stop, nil, 202},
		{"own page", "POST", stop, http.Header{"Origin": {"http://localhost:9180"}, "Sec-Fetch-Site": {"same-origin"}}, 202},
		{"foreign form", "POST", stop, http.Header{"Origin": {"http://evil.example.com"}, "Sec-Fetch-Site": {"cross-site"}}, 403},
		{"foreign form without Fetch metadata", "POST", stop, http.Header{"Origin": {"http://evil.example.com"}}, 403},
		{"sandboxed frame", "POST", stop, http.Header{"Origin": {"null"}}, 403},
		{"same site, other origin", "POST", stop, http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		{"other port of localhost", "POST", stop, http.Header{"Origin": {"http://localhost:3000"}}, 403},
		{"foreign script reads", "GET", "/api/v1/config", http.Header{"Origin": {"http://evil.example.com"}}, 403},
		{"foreign image", "GET", "/metrics", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}}, 403},
		{"followed link", "GET", "/livez", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"navigate"}}, 200},
		{"broken origin", "GET", "/livez", http.Header{"Origin": {"http://%zz"}}, 403},
		{"preflight", "OPTIONS", stop, http.Header{"Origin": {"http://evil.example.com"}, "Access-Control-Request-Method": {"POST"}}, 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.actions = nil
			r := ask(t, s.LocalHandler(), test.method, test.path, func(r *http.Request) { r.Header = test.header.Clone(); ensure(r) })
			if r.StatusCode != test.want {
				t.Errorf("status %d, want %d: %s", r.StatusCode, test.want, r.body)
			}
			if test.want == http.StatusForbidden {
				wantProblem(t, r, http.StatusForbidden, CodeCrossOrigin)
				if len(f.actions) != 0 {
					t.Errorf("carried out: %v", f.actions)
				}
			}
			for name := range r.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("there shall be no CORS, got %s", name)
				}
			}
		})
	}
}

func ensure(r *http.Request) {
	if r.Header == nil {
		r.Header = http.Header{}
	}
}

func TestSecurityHeaders(t *testing.T) {
	s, _ := newTestServer(t)
	for _, path := range []string{"/livez", "/metrics", "/nothing", "/api/v1/apps", "/api/v1/apps?x=1"} {
		r := ask(t, s.PublicHandler(), http.MethodGet, path)
		for name, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"X-Frame-Options":              "DENY",
			"Cache-Control":                "no-store",
			"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Referrer-Policy":              "no-referrer",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestRequestID(t *testing.T) {
	s, _ := newTestServer(t)
	for _, test := range []struct {
		name, given string
		kept        bool
	}{
		{"none", "", false},
		{"harmless", "build-17.3_A", true},
		{"line break", "a\nlevel=error", false},
		{"escape", "\x1b[31mred", false},
		{"too long", strings.Repeat("a", 65), false},
		{"not ASCII", "ä", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := ask(t, s.LocalHandler(), http.MethodGet, "/livez", func(r *http.Request) {
				if test.given != "" {
					r.Header["X-Request-Id"] = []string{test.given}
				}
			}).Header.Get("X-Request-Id")
			if (got == test.given) != test.kept || got == "" {
				t.Errorf("id %q for %q, kept wanted %v", got, test.given, test.kept)
			}
		})
	}
}

func TestInvalidRequests(t *testing.T) {
	s, f := newTestServer(t)
	large := strings.Repeat("a", 10<<20)
	yaml := withHeader("Content-Type", "application/yaml")
	for _, test := range []struct {
		name, method, path string
		change             []func(*http.Request)
		want               int
		code               Code
		pointer            string
	}{
		{"unknown parameter", "GET", "/api/v1/apps?limits=5", nil, 422, CodeInvalid, "/query/limits"},
		{"unknown parameter of a call without any", "GET", "/livez?x=1", nil, 422, CodeInvalid, "/query/x"},
		{"case variant of a parameter", "GET", "/api/v1/apps?Limit=5", nil, 422, CodeInvalid, "/query/Limit"},
		{"parameter twice", "GET", "/api/v1/apps?limit=5&limit=6", nil, 422, CodeInvalid, "/query/limit"},
		{"limit too small", "GET", "/api/v1/apps?limit=0", nil, 422, CodeInvalid, "/query/limit"},
		{"limit too large", "GET", "/api/v1/apps?limit=501", nil, 422, CodeInvalid, "/query/limit"},
		{"limit no number", "GET", "/api/v1/apps?limit=ten", nil, 422, CodeInvalid, "/query/limit"},
		{"limit overflow", "GET", "/api/v1/apps?limit=99999999999999999999", nil, 422, CodeInvalid, "/query/limit"},
		{"offset negative", "GET", "/api/v1/routes?offset=-1", nil, 422, CodeInvalid, "/query/offset"},
		{"unknown state", "GET", "/api/v1/apps?state=asleep", nil, 422, CodeInvalid, "/query/state"},
		{"unknown order", "GET", "/api/v1/apps?sort=name", nil, 422, CodeInvalid, "/query/sort"},
		{"time that is none", "GET", "/api/v1/apps/shop/logs?since=yesterday", nil, 422, CodeInvalid, "/query/since"},
		{"broken query", "GET", "/api/v1/apps?limit=%zz", nil, 400, CodeInvalid, ""},
		{"semicolon in query", "GET", "/api/v1/apps?limit=1;offset=2", nil, 400, CodeInvalid, ""},
		{"foreign stream id", "GET", "/api/v1/events", []func(*http.Request){withHeader("Accept", eventStream), withHeader("Last-Event-ID", "x")}, 400, CodeInvalid, ""},
		{"foreign log stream id", "GET", "/api/v1/apps/shop/logs", []func(*http.Request){withHeader("Accept", eventStream), withHeader("Last-Event-ID", "1")}, 400, CodeInvalid, ""},
		{"unknown app", "GET", "/api/v1/apps/nope", nil, 404, CodeNotFound, ""},
		{"unknown app's instances", "GET", "/api/v1/apps/nope/instances", nil, 404, CodeNotFound, ""},
		{"unknown app's logs", "GET", "/api/v1/apps/nope/logs", nil, 404, CodeNotFound, ""},
		{"unknown instance's logs", "GET", "/api/v1/apps/shop/logs?instance=worker-1", nil, 404, CodeNotFound, ""},
		{"unknown app's stream", "GET", "/api/v1/apps/nope/logs", []func(*http.Request){withHeader("Accept", eventStream)}, 404, CodeNotFound, ""},
		{"action on unknown app", "POST", "/api/v1/apps/nope/actions/stop", nil, 404, CodeNotFound, ""},
		{"unknown action", "POST", "/api/v1/apps/shop/actions/explode", nil, 404, CodeNotFound, ""},
		{"unknown path", "GET", "/api/v2/apps", nil, 404, CodeNotFound, ""},
		{"path tricks", "GET", "/api/v1/apps/..%2f..%2fconfig", nil, 404, CodeNotFound, ""},
		{"trailing slash", "GET", "/api/v1/apps/", nil, 404, CodeNotFound, ""},
		{"long id", "GET", "/api/v1/apps/" + strings.Repeat("a", 65), nil, 422, CodeInvalid, "/path/id"},
		{"method", "DELETE", "/api/v1/apps/shop", nil, 405, CodeMethodNotAllowed, ""},
		{"unknown method", "BREW", "/api/v1/apps/shop", nil, 405, CodeMethodNotAllowed, ""},
		{"body of an action", "POST", "/api/v1/apps/shop/actions/stop", []func(*http.Request){withBody(`{"force":true}`)}, 422, CodeInvalid, "/body"},
		{"body of a reload", "POST", "/api/v1/config/reload", []func(*http.Request){withBody("x")}, 422, CodeInvalid, "/body"},
		{"no body", "POST", "/api/v1/config/check", []func(*http.Request){yaml}, 400, CodeInvalid, ""},
		{"form", "POST", "/api/v1/config/check", []func(*http.Request){withBody("a=b"), withHeader("Content-Type", "application/x-www-form-urlencoded")}, 415, CodeMediaType, ""},
		{"plain text, as forms can send", "POST", "/api/v1/config/check", []func(*http.Request){withBody("a"), withHeader("Content-Type", "text/plain")}, 415, CodeMediaType, ""},
		{"10 MB", "POST", "/api/v1/config/check", []func(*http.Request){yaml, withBody(large)}, 413, CodeTooLarge, ""},
		{"10 MB without a length", "POST", "/api/v1/config/check", []func(*http.Request){yaml, withBody(large), chunked}, 413, CodeTooLarge, ""},
		{"10 MB to a call without body", "POST", "/api/v1/apps/shop/actions/stop", []func(*http.Request){withBody(large)}, 413, CodeTooLarge, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.actions, f.checked = nil, nil
			r := ask(t, s.LocalHandler(), test.method, test.path, test.change...)
			p := wantProblem(t, r, test.want, test.code)
			if test.pointer != "" && (len(p.Errors) == 0 || p.Errors[0].Pointer != test.pointer) {
				t.Errorf("errors %+v, want one with pointer %s", p.Errors, test.pointer)
			}
			if len(f.actions) != 0 || f.checked != nil {
				t.Errorf("carried out: %v %q", f.actions, f.checked)
			}
			if strings.Contains(r.body, "goroutine") || strings.Contains(r.body, ".go:") {
				t.Errorf("body shows the inside: %s", r.body)
			}
		})
	}
}

func chunked(r *http.Request) { r.ContentLength = -1 }

func TestMethodNotAllowedTellsAllow(t *testing.T) {
	s, _ := newTestServer(t)
	for path, want := range map[string]string{
		"/api/v1/apps/shop":              "GET, HEAD",
		"/api/v1/apps/shop/actions/stop": "POST",
		"/metrics":                       "GET, HEAD",
	} {
		r := ask(t, s.LocalHandler(), http.MethodDelete, path)
		if got := r.Header.Get("Allow"); got != want {
			t.Errorf("%s: Allow %q, want %q", path, got, want)
		}
	}
}

func TestHead(t *testing.T) {
	s, _ := newTestServer(t)
	server := httptest.NewServer(s.PublicHandler())
	defer server.Close()
	for _, path := range []string{"/livez", "/metrics", "/api/v1/apps", "/api/v1/events", "/openapi.json"} {
		for _, accept := range []string{"*/*", eventStream} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", accept)
			resp, err := server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("HEAD %s (%s): status %d, want 200", path, accept, resp.StatusCode)
			}
		}
	}
}

func TestEveryCallIsLogged(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	f := newFakes()
	opts := f.options()
	opts.Log = zap.New(core)
	s := New(opts)
	ask(t, s.LocalHandler(), http.MethodPost, "/api/v1/apps/shop/actions/stop")
	ask(t, s.PublicHandler(), http.MethodGet, "/livez")
	entries := logs.All()
	if len(entries) != 2 {
		t.Fatalf("%d log lines, want 2", len(entries))
	}
	if e := entries[0]; e.Level != zap.InfoLevel || e.ContextMap()["status"] != int64(202) || e.ContextMap()["door"] != "local" {
		t.Errorf("a change is logged as %v %v", e.Level, e.ContextMap())
	}
	if e := entries[1]; e.Level != zap.DebugLevel || e.ContextMap()["door"] != "public" {
		t.Errorf("a read is logged as %v %v", e.Level, e.ContextMap())
	}
}
