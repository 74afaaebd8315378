package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/internal/config"
)

func TestPause(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, echoHandler))
	c := testClient(t, false)
	r.Pause()
	res, body := get(t, c, "GET", r.url("/"))
	if res.StatusCode != 503 || res.Header.Get("Retry-After") != "1" || problemCode(t, res, body) != "paused" || !r.Paused() {
		t.Errorf("paused: %d %v %s", res.StatusCode, res.Header, body)
	}
	r.Resume()
	if res, _ := get(t, c, "GET", r.url("/")); res.StatusCode != 200 || r.Paused() {
		t.Errorf("resumed: %d", res.StatusCode)
	}
}

// load sends requests from several kept-alive connections until stop, and counts what went wrong.
type load struct {
	requests, failed, connections atomic.Int64
	firstError                    atomic.Pointer[error]
	progress                      chan struct{}
	stop                          chan struct{}
	all                           sync.WaitGroup
}

// wait returns when n requests are over.
func (l *load) wait(n int64) {
	for l.requests.Load() < n {
		<-l.progress
	}
}

func startLoad(t *testing.T, clients int, url func() string) *load {
	t.Helper()
	l := &load{stop: make(chan struct{}), progress: make(chan struct{}, 1)}
	for range clients {
		c := testClient(t, false)
		l.all.Go(func() {
			ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
				if !i.Reused {
					l.connections.Add(1)
				}
			}})
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				// A POST with a body is never repeated by net/http's client: nothing is hidden.
				req, err := http.NewRequestWithContext(ctx, "POST", url(), io.MultiReader(strings.NewReader("x")))
				if err == nil {
					var res *http.Response
					if res, err = c.Do(req); err == nil {
						_, err = io.Copy(io.Discard, res.Body)
						_ = res.Body.Close()
						if err == nil && res.StatusCode != 200 {
							err = fmt.Errorf("status %d", res.StatusCode)
						}
					}
				}
				if err != nil {
					l.failed.Add(1)
					l.firstError.CompareAndSwap(nil, &err)
				}
				l.requests.Add(1)
				select {
				case l.progress <- struct{}{}:
				default:
				}
			}
		})
	}
	return l
}

func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.all.Wait()
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed, first: %v", n, l.requests.Load(), *l.firstError.Load())
	}
}

// TestReloadUnderLoad applies 100 configurations while requests run: no request fails, and no
// connection is closed by a reload of routes.
func TestReloadUnderLoad(t *testing.T) {
	const clients = 4
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, echoHandler))
	url := r.url("/")
	l := startLoad(t, clients, func() string { return url })
	for i := range 100 {
		before := l.requests.Load()
		r.reload(func(c *config.Config) {
			c.Routes["extra"] = config.Route{Match: config.Match{PathPrefix: fmt.Sprint("/", i)}, Respond: &config.Respond{}}
			shop := c.Routes["shop"]
			shop.Priority = i
			c.Routes["shop"] = shop
		})
		l.wait(before + clients) // some requests see each of them
	}
	l.end(t)
	if n := l.connections.Load(); n != clients {
		t.Errorf("%d connections were made, want %d: none dropped", n, clients)
	}
}

// TestListenerChangeUnderLoad changes what a connection has for life, 100 times. Connections move
// over with an answer that says so; no request fails.
func TestListenerChangeUnderLoad(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, echoHandler))
	url := r.url("/")
	l := startLoad(t, 4, func() string { return url })
	for i := range 100 {
		before := l.requests.Load()
		r.reload(func(c *config.Config) {
			web := c.Listeners["web"]
			web.MaxHeaderSize = config.Size(20000 + i)
			c.Listeners["web"] = web
		})
		l.wait(before + 4)
	}
	l.end(t)
	if r.url("/") != url {
		t.Errorf("the address moved from %s to %s", url, r.url("/"))
	}
	s := r.current.sites[0].socket
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.generations); n > 20 {
		t.Errorf("%d generations are kept", n)
	}
}

func TestListenersComeAndGo(t *testing.T) {
	routes := map[string]config.Route{"all": {Respond: &config.Respond{Body: "ok"}}, "only": {Listeners: []string{"second"}, Match: config.Match{Path: "/only"}, Respond: &config.Respond{Body: "only"}}}
	r := start(t, testConfig(routes))
	c := testClient(t, false)
	r.reload(func(c *config.Config) { c.Listeners["second"] = testListener() })
	second := "http://" + r.Addrs()["second"]
	if _, body := get(t, c, "GET", second+"/only"); body != "only" {
		t.Errorf("second: %q", body)
	}
	if _, body := get(t, c, "GET", r.url("/only")); body != "ok" {
		t.Errorf("web: %q", body)
	}
	r.reload(func(c *config.Config) { delete(c.Listeners, "second") })
	if res, err := testClient(t, false).Get(second + "/"); err == nil {
		_ = res.Body.Close()
		t.Error("the removed listener still accepts")
	}
	if _, body := get(t, c, "GET", r.url("/")); body != "ok" {
		t.Errorf("web: %q", body)
	}
}

// An address may be replaced by one that overlaps it, and comes back when that fails.
func TestOverlappingAddress(t *testing.T) {
	r := start(t, testConfig(map[string]config.Route{"a": {Respond: &config.Respond{Body: "ok"}}}))
	open := testClient(t, false)
	get(t, open, "GET", r.url("/"))
	_, port, _ := net.SplitHostPort(r.Addrs()["web"])
	listen := func(address string) config.Listener {
		l := testListener()
		l.Address = address
		return l
	}
	for _, address := range []string{":" + port, "127.0.0.1:" + port} {
		r.reload(func(c *config.Config) { c.Listeners["web"] = listen(address) })
		for _, c := range []*http.Client{open, testClient(t, false)} {
			if _, body := get(t, c, "GET", "http://127.0.0.1:"+port+"/"); body != "ok" {
				t.Errorf("%s: %q", address, body)
			}
		}
	}
	bad := testConfig(map[string]config.Route{"a": {Respond: &config.Respond{Body: "new"}}})
	bad.Listeners["web"] = listen(":" + port)
	bad.Listeners["zz"] = listen("192.0.2.1:1")
	if err := r.Apply(t.Context(), bad); err == nil {
		t.Fatal("no error")
	}
	if _, body := get(t, testClient(t, false), "GET", "http://127.0.0.1:"+port+"/"); body != "ok" {
		t.Errorf("after the failure: %q", body)
	}
}

// A change that cannot be made leaves everything as it was.
func TestApplyIsAllOrNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	r := start(t, testConfig(map[string]config.Route{"a": {Respond: &config.Respond{Body: "old"}}}))
	for name, edit := range map[string]func(*config.Config){
		"taken address": func(c *config.Config) {
			l := testListener()
			l.Address = taken.Addr().String()
			c.Listeners["zz"] = l
		},
		"bad route": func(c *config.Config) { c.Routes["b"] = config.Route{} },
		"bad url":   func(c *config.Config) { c.Routes["b"] = config.Route{URLs: []string{"ftp://x"}} },
		"missing cert files": func(c *config.Config) {
			c.Certificates = map[string]config.Certificate{"x": {CertFile: "no", KeyFile: "no"}}
		},
		"unknown certificate": func(c *config.Config) {
			l := testListener()
			l.Certificate = "none"
			c.Listeners["zz"] = l
		},
		"unknown redirect": func(c *config.Config) {
			l := testListener()
			l.RedirectTo = "none"
			c.Listeners["zz"] = l
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := testConfig(map[string]config.Route{"a": {Respond: &config.Respond{Body: "new"}}})
			added := testListener()
			c.Listeners["added"] = added
			edit(c)
			err := r.Apply(t.Context(), c)
			if err == nil {
				t.Fatal("no error")
			}
			if name == "taken address" && (!strings.Contains(err.Error(), `listener "zz"`) || !strings.Contains(err.Error(), "held by another process") || !strings.Contains(err.Error(), "listeners.zz.address")) {
				t.Errorf("error = %v", err)
			}
			if _, body := get(t, testClient(t, false), "GET", r.url("/")); body != "old" || len(r.Addrs()) != 1 {
				t.Errorf("after the failure: %q %v", body, r.Addrs())
			}
		})
	}
}

// TestDrain lets a request in flight finish, refuses new connections, and ends.
func TestDrain(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "finished")
	}))
	address := r.Addrs()["web"]
	idle, err := net.Dial("tcp", address) // brings no request
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = idle.Close() }()
	answered := make(chan string, 1)
	c := testClient(t, false)
	go func() {
		res, err := c.Get("http://" + address + "/")
		if err != nil {
			answered <- err.Error()
			return
		}
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(res.Body)
		answered <- fmt.Sprint(string(body), " ", res.Close)
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	for { // until the socket is closed
		conn, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	close(release)
	if got := <-answered; got != "finished true" {
		t.Errorf("the request in flight: %q", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if err := r.Apply(t.Context(), r.conf); !errors.Is(err, ErrStopped) {
		t.Errorf("Apply after the end: %v", err)
	}
}

// TestDrainIsBounded closes what does not finish in time.
func TestDrainIsBounded(t *testing.T) {
	entered := make(chan struct{})
	r := start(t, testConfig(appRoute()), func(o *Options) { o.DrainTimeout = 50 * time.Millisecond })
	r.ready("shop-1", backend(t, func(_ http.ResponseWriter, req *http.Request) {
		close(entered)
		<-req.Context().Done()
	}))
	c := testClient(t, false)
	failed := make(chan error, 1)
	go func() {
		res, err := c.Get(r.url("/"))
		if err == nil {
			_ = res.Body.Close()
		}
		failed <- err
	}()
	<-entered
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if err := <-failed; err == nil {
		t.Error("the hanging request was answered")
	}
}

func TestRunTwice(t *testing.T) {
	r := start(t, testConfig(nil))
	get(t, testClient(t, false), "GET", r.url("/")) // it runs
	if err := r.Run(t.Context()); err == nil {
		t.Error("Run twice: no error")
	}
}

func TestRedirectListener(t *testing.T) {
	conf := testConfig(map[string]config.Route{"all": {Respond: &config.Respond{}}})
	plain := testListener()
	plain.RedirectTo = "web"
	conf.Listeners["plain"] = plain
	r := start(t, conf)
	_, port, _ := net.SplitHostPort(r.Addrs()["web"])
	for _, tc := range []struct{ target, host, want string }{
		{"/a%20b//c?x=1&y", "Shop.example.com:8080", "http://shop.example.com:" + port + "/a%20b/c?x=1&y"},
		{"/", "[::1]:99", "http://[::1]:" + port + "/"},
		{"http://other/x", "shop", "http://other:" + port + "/x"},
		{"//evil.com/%2e%2e", "shop", "http://shop:" + port + "/"},
		{`/?a="<b>`, "shop", "http://shop:" + port + "/?a=%22%3Cb%3E"},
	} {
		res, _ := raw(t, r.Addrs()["plain"], "POST "+tc.target+" HTTP/1.1\r\nHost: "+tc.host+"\r\nContent-Length: 0\r\n\r\n")
		if got := res.Header.Get("Location"); res.StatusCode != 308 || got != tc.want {
			t.Errorf("%s %s: %d to %q, want %q", tc.host, tc.target, res.StatusCode, got, tc.want)
		}
	}
	if res, _ := raw(t, r.Addrs()["plain"], "GET / HTTP/1.0\r\n\r\n"); res.StatusCode != 400 {
		t.Errorf("without a host: %d", res.StatusCode)
	}
}

func TestRedirectAndRespond(t *testing.T) {
	r := start(t, testConfig(map[string]config.Route{
		"old":   {Match: config.Match{PathPrefix: "/old"}, StripPrefix: "/old", Redirect: &config.Redirect{To: "https://new.example.com${path}?${query}"}},
		"found": {Match: config.Match{Path: "/found"}, Redirect: &config.Redirect{To: "/elsewhere", Status: 302}},
		"fixed": {Match: config.Match{Path: "/fixed"}, Respond: &config.Respond{Status: 418, Body: "{}", Headers: map[string]string{"content-type": "application/json", "Content-Length": "99", "X-A": "b"}}},
		"none":  {Match: config.Match{Path: "/none"}, Respond: &config.Respond{Status: 204, Body: "ignored"}},
	}))
	c := testClient(t, false)
	for path, want := range map[string]string{
		"/old/a%2Cb?x=%20": "308 https://new.example.com/a%2Cb?x=%20",
		"/old":             "308 https://new.example.com/",
		"/found?x":         "302 /elsewhere",
	} {
		res, _ := get(t, c, "GET", r.url(path))
		if got := fmt.Sprint(res.StatusCode, " ", res.Header.Get("Location")); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	res, body := get(t, c, "PUT", r.url("/fixed"))
	if res.StatusCode != 418 || body != "{}" || res.Header.Get("Content-Type") != "application/json" || res.Header.Get("X-A") != "b" || res.ContentLength != 2 {
		t.Errorf("fixed: %d %q %v", res.StatusCode, body, res.Header)
	}
	if res, body := get(t, c, "HEAD", r.url("/fixed")); body != "" || res.ContentLength != 2 {
		t.Errorf("HEAD: %q %d", body, res.ContentLength)
	}
	if res, body := get(t, c, "GET", r.url("/none")); res.StatusCode != 204 || body != "" {
		t.Errorf("none: %d %q", res.StatusCode, body)
	}
	if res, body := get(t, c, "GET", r.url("/nowhere")); res.StatusCode != 404 || problemCode(t, res, body) != "no_route" {
		t.Errorf("nowhere: %d %q", res.StatusCode, body)
	}
}

func TestMetricsFollowRoutes(t *testing.T) {
	routes := map[string]config.Route{
		"a": {Match: config.Match{PathPrefix: "/a"}, Respond: &config.Respond{Body: "12345"}},
		"b": {Match: config.Match{PathPrefix: "/b"}, Respond: &config.Respond{}},
	}
	r := start(t, testConfig(routes))
	c := testClient(t, false)
	for range 3 {
		get(t, c, "GET", r.url("/a"))
	}
	get(t, c, "BREW", r.url("/b"))
	get(t, c, "GET", r.url("/nowhere"))
	get(t, c, "GET", r.url("/b")) // the ones before are counted by now: same connection
	check := func(want float64, name string, labels ...string) {
		t.Helper()
		if got := r.metric(name, labels...); got != want {
			t.Errorf("%s%v = %v, want %v", name, labels, got, want)
		}
	}
	check(3, "holdfast_http_requests_total", "route", "a", "method", "GET", "code", "200")
	check(3, "holdfast_http_request_duration_seconds", "route", "a", "method", "GET", "code", "200")
	check(15, "holdfast_http_response_bytes_total", "route", "a")
	check(1, "holdfast_http_requests_total", "route", "b", "method", "OTHER")
	check(1, "holdfast_http_requests_total", "route", "", "code", "404")
	check(0, "holdfast_http_requests_in_flight", "route", "a")
	r.reload(func(c *config.Config) { delete(c.Routes, "a") })
	check(0, "holdfast_http_requests_total", "route", "a")
	check(0, "holdfast_http_response_bytes_total", "route", "a")
	if infos := r.Routes(); len(infos) != 1 || infos[0].Name != "b" || infos[0].Kind != "respond" || infos[0].Prefix != "/b" || infos[0].Listeners[0] != "web" {
		t.Errorf("routes = %+v", infos)
	}
}

// Slow and endless headers are cut off, and too big ones answered.
func TestHeaderLimits(t *testing.T) {
	conf := testConfig(map[string]config.Route{"all": {Respond: &config.Respond{}}})
	l := testListener()
	l.ReadHeaderTimeout = config.Duration(50 * time.Millisecond)
	l.IdleTimeout = config.Duration(50 * time.Millisecond)
	l.MaxHeaderSize = 8 << 10
	conf.Listeners["web"] = l
	r := start(t, conf)
	res, _ := raw(t, r.Addrs()["web"], "GET / HTTP/1.1\r\nHost: a\r\nX-Big: "+strings.Repeat("x", 16<<10)+"\r\n\r\n")
	if res.StatusCode != 431 {
		t.Errorf("big header: %d", res.StatusCode)
	}
	for name, start := range map[string]string{"nothing": "", "half a line": "GE", "half a header": "GET / HTTP/1.1\r\nHost: a\r\nX", "idle": "GET / HTTP/1.1\r\nHost: a\r\n\r\n"} {
		conn, err := net.Dial("tcp", r.Addrs()["web"])
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, start)
		if _, err := io.Copy(io.Discard, bufio.NewReader(conn)); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %v", name, err)
		} // it ends: the server closed the connection
		_ = conn.Close()
	}
}
