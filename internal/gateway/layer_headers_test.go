package gateway

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
)

func TestRequestAndResponseHeaders(t *testing.T) {
	r := behind(t, func(c *config.Route) {
		c.RequestHeaders = config.Headers{Set: map[string]string{"x-tenant": "shop", "Host": "inner.example"}, Remove: []string{"cookie", "x-debug"}}
		c.ResponseHeaders = config.Headers{Set: map[string]string{"X-Served-By": "us"}, Remove: []string{"content-type"}}
	})
	res, body := get(t, testClient(t, false), http.MethodGet, r.url("/"), "X-Tenant", "mine", "X_Tenant", "mine", "X.tenant", "mine", "Cookie", "a=b", "X_Debug", "1")
	var got echo
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if v := got.Header["X-Tenant"]; len(v) != 1 || v[0] != "shop" || got.Header["Cookie"] != nil || got.Host != "inner.example" {
		t.Errorf("the upstream got %v for host %s", got.Header, got.Host)
	}
	for field := range got.Header {
		if field != "X-Tenant" && sameField(field, "X-Tenant") || sameField(field, "X-Debug") {
			t.Errorf("the upstream got %s, too", field)
		}
	}
	if res.Header.Get("X-Served-By") != "us" || res.Header.Get("Content-Type") == "application/json" {
		t.Errorf("the client got %v", res.Header)
	}
	// The gateway's own answers are changed, too.
	r.set.Remove(r.ready("shop-1", backend(t, echoHandler)))
	if res, _ := get(t, testClient(t, false), http.MethodGet, r.url("/")); res.StatusCode != 503 || res.Header.Get("X-Served-By") != "us" {
		t.Errorf("own answer: %d %v", res.StatusCode, res.Header)
	}
}

func TestSecurityHeaders(t *testing.T) {
	conf := config.DefaultSecurityHeaders()
	conf.ContentSecurityPolicy = "default-src 'self'"
	r := behind(t, func(c *config.Route) { c.SecurityHeaders = &conf })
	own := backend(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Frame-Options", "DENY") })
	for name, tt := range map[string]struct {
		proto, hsts, frame string
	}{
		"plain": {"http", "", "SAMEORIGIN"},
		"tls":   {"https", "max-age=31536000; includeSubDomains", "SAMEORIGIN"},
	} {
		res, _ := get(t, testClient(t, false), http.MethodGet, r.url("/"), "X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", tt.proto)
		h := res.Header
		if h.Get("Strict-Transport-Security") != tt.hsts || h.Get("X-Frame-Options") != tt.frame || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Content-Security-Policy") != "default-src 'self'" || h.Get("Referrer-Policy") == "" || h.Get("Permissions-Policy") != "" {
			t.Errorf("%s: %v", name, h)
		}
	}
	r.ready("shop-1", own)
	if res, _ := get(t, testClient(t, false), http.MethodGet, r.url("/")); res.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("the upstream's own word was replaced: %v", res.Header)
	}
}

func TestMaxBodySize(t *testing.T) {
	r := behind(t, func(c *config.Route) { c.MaxBodySize = 10; c.Parking.MaxRequests = 0 })
	for name, tt := range map[string]struct {
		body   io.Reader
		status int
	}{
		"as large as allowed":         {strings.NewReader("0123456789"), 200},
		"larger":                      {strings.NewReader("0123456789a"), 413},
		"unknown length, as allowed":  {io.MultiReader(strings.NewReader("0123456789")), 200},
		"unknown length, larger":      {io.MultiReader(strings.NewReader("0123456789a")), 413},
		"unknown length, much larger": {io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20))), 413},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url("/"), tt.body)
			if err != nil {
				t.Fatal(err)
			}
			res, err := testClient(t, false).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			data, err := io.ReadAll(res.Body)
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
			if res.StatusCode != tt.status {
				t.Fatalf("status %d, want %d", res.StatusCode, tt.status)
			}
			if tt.status == 413 && problemCode(t, replyOf(res), string(data)) != "body_too_large" {
				t.Errorf("body %s", data)
			}
		})
	}
}

func TestCORS(t *testing.T) {
	conf := config.CORS{
		Origins: []string{"https://app.example.com", "https://*.shop.example"}, Methods: []string{"GET", "PUT"}, Headers: []string{"X-Token"},
		ExposeHeaders: []string{"X-Total"}, Credentials: true, MaxAge: config.Duration(10 * time.Minute),
	}
	r := behind(t, func(c *config.Route) { c.CORS = &conf })
	type want struct {
		status      int
		origin      string
		credentials string
		methods     string
		expose      string
	}
	refused := want{status: 403}
	granted := func(origin string) want { return want{204, origin, "true", "GET, PUT", ""} }
	answered := func(origin string) want { return want{200, origin, "true", "", "X-Total"} }
	for name, tt := range map[string]struct {
		method, origin, asks, fields string
		want                         want
	}{
		"preflight":                      {"OPTIONS", "https://app.example.com", "PUT", "x-token", granted("https://app.example.com")},
		"preflight, plain fields":        {"OPTIONS", "https://app.example.com", "GET", "Content-Type, accept", granted("https://app.example.com")},
		"preflight of a subdomain":       {"OPTIONS", "https://a.b.shop.example", "GET", "", granted("https://a.b.shop.example")},
		"the domain itself":              {"OPTIONS", "https://shop.example", "GET", "", refused},
		"another scheme":                 {"OPTIONS", "http://app.example.com", "GET", "", refused},
		"another port":                   {"OPTIONS", "https://app.example.com:8443", "GET", "", refused},
		"a longer name":                  {"OPTIONS", "https://app.example.com.evil.test", "GET", "", refused},
		"a name that ends alike":         {"OPTIONS", "https://evilshop.example", "GET", "", refused},
		"a path in front of the suffix":  {"OPTIONS", "https://evil.test/.shop.example", "GET", "", refused},
		"null":                           {"OPTIONS", "null", "GET", "", refused},
		"method not allowed":             {"OPTIONS", "https://app.example.com", "DELETE", "", refused},
		"field not allowed":              {"OPTIONS", "https://app.example.com", "GET", "x-token, x-other", refused},
		"request":                        {"GET", "https://app.example.com", "", "", answered("https://app.example.com")},
		"request of a stranger":          {"GET", "https://evil.test", "", "", want{status: 200}},
		"request without an origin":      {"GET", "", "", "", want{status: 200}},
		"OPTIONS that is no preflight":   {"OPTIONS", "https://app.example.com", "", "", answered("https://app.example.com")},
		"origin in other letters, named": {"GET", "https://APP.example.com", "", "", answered("https://APP.example.com")},
	} {
		t.Run(name, func(t *testing.T) {
			var header []string
			for field, value := range map[string]string{"Origin": tt.origin, "Access-Control-Request-Method": tt.asks, "Access-Control-Request-Headers": tt.fields} {
				if value != "" {
					header = append(header, field, value)
				}
			}
			res, body := get(t, testClient(t, false), tt.method, r.url("/"), header...)
			h := res.Header
			got := want{res.StatusCode, h.Get("Access-Control-Allow-Origin"), h.Get("Access-Control-Allow-Credentials"), h.Get("Access-Control-Allow-Methods"), h.Get("Access-Control-Expose-Headers")}
			if tt.want.status == 403 {
				if code := problemCode(t, res, body); code != "cors_refused" {
					t.Errorf("code %q", code)
				}
				if tt.origin == "https://app.example.com" { // a page that may call may read why
					tt.want.origin, tt.want.credentials = tt.origin, "true"
				}
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if h.Get("Vary") != "Origin" {
				t.Errorf("Vary %q", h["Vary"])
			}
		})
	}
}

// The gateway is in charge, not the upstream.
func TestCORSOfTheUpstreamIsReplaced(t *testing.T) {
	up := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Vary", "Accept")
	})
	conf := config.DefaultCORS()
	conf.Origins = []string{"*"}
	r := behind(t, func(c *config.Route) { c.CORS = &conf })
	r.ready("shop-1", up)
	res, _ := get(t, testClient(t, false), http.MethodGet, r.url("/"), "Origin", "https://any.test")
	h := res.Header
	if len(h["Access-Control-Allow-Origin"]) != 1 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Vary") != "Accept" {
		t.Errorf("%v", h)
	}
}
