package gateway

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"holdfast/internal/config"
)

func TestFaultAborts(t *testing.T) {
	r := behind(t, func(c *config.Route) {
		c.Fault = &config.Fault{Share: 1, Abort: 503, Header: map[string]string{"X-Drill": "yes"}}
	})
	client := testClient(t, false)
	res, body := get(t, client, http.MethodGet, r.url("/"), "X-Drill", "yes")
	if res.StatusCode != 503 || problemCode(t, res, body) != "fault_injected" || res.Header.Get("Holdfast-Fault") != "abort" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	if res, _ := get(t, client, http.MethodGet, r.url("/")); res.StatusCode != 200 || res.Header.Get("Holdfast-Fault") != "" {
		t.Errorf("a request without the field: %d %v", res.StatusCode, res.Header)
	}
	if n := r.metric("holdfast_faults_injected_total", "route", "shop"); n != 1 {
		t.Errorf("%v counted", n)
	}
	r.access.wait(t, func(m map[string]any) bool { return m["fault"] == "abort" })
}

func TestFaultShare(t *testing.T) {
	f := &fault{conf: config.Fault{Share: 0.25}}
	for chance, want := range map[float64]bool{0: true, 0.2499: true, 0.25: false, 0.9999: false} {
		f.chance = func() float64 { return chance }
		if got := f.hits(&call{r: &http.Request{}}); got != want {
			t.Errorf("chance %v: %v", chance, got)
		}
	}
}

// sink is a response writer that notes when what came.
type sink struct {
	bytes.Buffer
	header http.Header
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) FlushError() error   { return nil }

func TestFaultBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		into := &sink{}
		n := &narrow{ResponseWriter: into, ctx: t.Context(), rate: 1000}
		begin := time.Now()
		if wrote, err := n.Write(bytes.Repeat([]byte("x"), 5000)); wrote != 5000 || err != nil {
			t.Fatal(wrote, err)
		}
		if took := time.Since(begin); took != 5*time.Second || into.Len() != 5000 {
			t.Errorf("%d bytes in %v", into.Len(), took)
		}
	})
}

func TestFaultDelay(t *testing.T) {
	up := backend(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Own", "1") })
	r := behind(t, func(c *config.Route) {
		c.Fault = &config.Fault{Share: 1, Delay: config.Duration(20 * time.Millisecond), Bandwidth: 1 << 20}
	})
	r.ready("shop-1", up)
	res, _ := get(t, testClient(t, false), http.MethodGet, r.url("/"))
	if res.StatusCode != 200 || res.Header.Get("Holdfast-Fault") != "delay=20ms, bandwidth=1MiB" || res.Header.Get("X-Own") != "1" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	line := r.access.wait(t, func(m map[string]any) bool { return m["fault"] != nil })
	if took, _ := line["duration"].(float64); took < 0.02 {
		t.Errorf("it took %v s", took)
	}
}

func TestErrorPages(t *testing.T) {
	dir := t.TempDir()
	page := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	r := behind(t, func(c *config.Route) {
		c.MaxBodySize = 1
		c.ErrorPages = map[string]string{
			"503": page("503.html", "<h1>${status} ${title}</h1> ${code} ${request_id}"), "4xx": page("4xx.html", "mine"), "404": filepath.Join(dir, "absent.html"),
		}
	})
	up := backend(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	target := r.ready("shop-1", up)
	client := testClient(t, false)
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	if res, body := get(t, client, http.MethodGet, r.url("/"), "Accept", browser); res.StatusCode != 404 || body != "" {
		t.Errorf("an answer of the upstream was replaced: %d %q", res.StatusCode, body)
	}
	r.set.Remove(target)
	res, body := get(t, client, http.MethodGet, r.url("/"), "Accept", browser, "X-Request-Id", "<b>")
	if res.StatusCode != 503 || res.Header.Get("Content-Type") != "text/html; charset=utf-8" || res.Header.Get("Retry-After") == "" ||
		!strings.HasPrefix(body, "<h1>503 Service Unavailable</h1> not_ready ") || strings.Contains(body, "<b>") {
		t.Errorf("%d %v %q", res.StatusCode, res.Header, body)
	}
	for name, accept := range map[string]string{"a program": "*/*", "refuses HTML": "application/json, text/html;q=0", "JSON": "application/problem+json"} {
		if res, body := get(t, client, http.MethodGet, r.url("/"), "Accept", accept); res.StatusCode != 503 || problemCode(t, res, body) != "not_ready" {
			t.Errorf("%s: %d %v", name, res.StatusCode, res.Header)
		}
	}
	if res, body := get(t, client, http.MethodHead, r.url("/"), "Accept", browser); res.StatusCode != 503 || body != "" || res.ContentLength <= 0 {
		t.Errorf("HEAD: %d %d %q", res.StatusCode, res.ContentLength, body)
	}
	page("503.html", "changed")
	if _, body := get(t, client, http.MethodGet, r.url("/"), "Accept", browser); body != "changed" {
		t.Errorf("a changed page is not seen: %q", body)
	}
	if err := os.Remove(filepath.Join(dir, "503.html")); err != nil {
		t.Fatal(err)
	}
	if _, body := get(t, client, http.MethodGet, r.url("/"), "Accept", browser); body != "changed" {
		t.Errorf("the last good page is lost: %q", body)
	}
}

// A page that cannot be read is logged once, and used when it can be, even if only its permissions were changed.
func TestErrorPageNotReadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.WarnLevel)
	r := start(t, testConfig(map[string]config.Route{"shop": {App: "shop", ErrorPages: map[string]string{"5xx": path}}}),
		func(o *Options) { o.Log = zap.New(core) })
	client := testClient(t, false)
	for range 3 {
		if res, body := get(t, client, "GET", r.url("/"), "Accept", "text/html"); problemCode(t, res, body) != "not_ready" {
			t.Errorf("without a page: %q", body)
		}
	}
	if n := logs.FilterMessage("error page not readable").Len(); n != 1 {
		t.Errorf("logged %d times", n)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), int(info.Size())), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if res, body := get(t, client, "GET", r.url("/"), "Accept", "text/html"); res.StatusCode != 503 || int64(len(body)) != info.Size() {
		t.Errorf("with a page: %d %q", res.StatusCode, body)
	}
}
