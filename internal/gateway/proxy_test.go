package gateway

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

func TestProxyPassesARequestOn(t *testing.T) {
	r := start(t, testConfig(map[string]config.Route{
		"api": {App: "shop", Match: config.Match{PathPrefix: "/api"}, StripPrefix: "/api"},
	}))
	r.ready("shop-1", backend(t, echoHandler))
	req, err := http.NewRequestWithContext(t.Context(), "POST", r.url("/api/a%2Cb//c/../%64?q=%zz&x;y"), strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "Shop.Example.com:8080"
	req.Header.Set("X-Custom", "kept")
	req.Header.Set("Keep-Alive", "5")
	req.Header.Set("Connection", "X-Hop")
	req.Header.Set("X-Hop", "gone")
	res, err := testClient(t, false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var got echo
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.URI != "/a%2Cb/d?q=%zz&x;y" || got.Host != "Shop.Example.com:8080" || got.Body != "hello" || got.Method != "POST" {
		t.Errorf("upstream saw %+v", got)
	}
	id := res.Header.Get("X-Request-Id")
	parent := got.Header.Get("Traceparent")
	if _, ok := validParent([]string{parent}); !ok {
		t.Errorf("traceparent = %q", parent)
	}
	want := http.Header{
		"Accept-Encoding":    {"gzip"},
		"Content-Length":     {"5"},
		"X-Custom":           {"kept"},
		"X-Forwarded-For":    {"127.0.0.1"},
		"X-Forwarded-Host":   {"Shop.Example.com:8080"},
		"X-Forwarded-Proto":  {"http"},
		"X-Forwarded-Prefix": {"/api"},
		"Forwarded":          {`for=127.0.0.1;host="Shop.Example.com:8080";proto=http`},
		"Via":                {"1.1 holdfast"},
		"X-Request-Id":       {id},
		"Traceparent":        {parent},
		"User-Agent":         {"Go-http-client/1.1"},
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("upstream's header (-want +got):\n%s", diff)
	}
	line := r.access.wait(t, func(m map[string]any) bool { return m["request_id"] == id })
	for k, v := range map[string]any{
		"message": "request", "route": "api", "app": "shop", "instance": "shop-1", "status": 200.0, "method": "POST",
		"path": "/api/a,b/d", "host": "shop.example.com", "client": "127.0.0.1", "protocol": "HTTP/1.1", "trace_id": parent[3:35],
	} {
		if line[k] != v {
			t.Errorf("access log: %s = %v, want %v", k, line[k], v)
		}
	}
}

func TestNothingReady(t *testing.T) {
	r := start(t, testConfig(appRoute()), func(o *Options) {
		o.RetryAfter = func(app string) time.Duration {
			if app != "shop" {
				t.Errorf("asked about app %q", app)
			}
			return 2500 * time.Millisecond
		}
	})
	res, body := get(t, testClient(t, false), "GET", r.url("/"))
	if res.StatusCode != 503 || res.Header.Get("Retry-After") != "3" || problemCode(t, res, body) != "not_ready" {
		t.Errorf("answer = %d %v %s", res.StatusCode, res.Header, body)
	}
	// A supervised instance that refuses connections has just died: the same answer.
	dead := backend(t, echoHandler)
	r.ready("shop-1", dead)
	dead.Close()
	res, body = get(t, testClient(t, false), "POST", r.url("/"))
	if res.StatusCode != 503 || problemCode(t, res, body) != "not_ready" || strings.Contains(body, "127.0.0.1") {
		t.Errorf("answer = %d %s", res.StatusCode, body)
	}
}

func TestStaticUpstreams(t *testing.T) {
	alive, dead := backend(t, echoHandler), backend(t, echoHandler)
	r := start(t, testConfig(map[string]config.Route{
		"both": {URLs: []string{dead.URL, alive.URL}, Match: config.Match{PathPrefix: "/both"}},
		"dead": {URLs: []string{dead.URL}, Match: config.Match{PathPrefix: "/dead"}},
	}))
	dead.Close()
	c := testClient(t, false)
	for range 10 {
		if res, body := get(t, c, "POST", r.url("/both")); res.StatusCode != 200 {
			t.Fatalf("with one of two dead: %d %s", res.StatusCode, body)
		}
	}
	if n := r.metric("holdfast_upstream_retries_total", "route", "both", "reason", "connect"); n < 1 || n > 3 {
		t.Errorf("retries = %v, want few: a dead target rests", n)
	}
	res, body := get(t, c, "GET", r.url("/dead"))
	if res.StatusCode != 502 || problemCode(t, res, body) != "upstream_failed" || strings.Contains(body, "127.0.0.1") {
		t.Errorf("all dead: %d %s", res.StatusCode, body)
	}
}

// resetServer accepts connections and breaks them off after a request came, without an answer.
func resetServer(t *testing.T) (address string, requests *atomic.Int64) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	requests = new(atomic.Int64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				requests.Add(1)
			}
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	return ln.Addr().String(), requests
}

func TestRetryAfterReset(t *testing.T) {
	for _, tc := range []struct {
		method, body string
		repeated     bool
	}{
		{"GET", "", true},
		{"HEAD", "", true},
		{"OPTIONS", "", true},
		{"GET", "with a body", false},
		{"POST", "", false},
		{"POST", "x", false},
		{"DELETE", "", false},
	} {
		t.Run(tc.method+" "+tc.body, func(t *testing.T) {
			r := start(t, testConfig(appRoute()))
			address, requests := resetServer(t)
			r.set.SetReady(status.Target{App: "shop", Instance: "shop-1", Address: address}, true)
			r.ready("shop-2", backend(t, echoHandler))
			c := testClient(t, false)
			got := map[int]int{}
			for range 10 {
				req, err := http.NewRequestWithContext(t.Context(), tc.method, r.url("/"), strings.NewReader(tc.body))
				if err != nil {
					t.Fatal(err)
				}
				res, err := c.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				got[res.StatusCode]++
			}
			want := map[int]int{200: 10}
			if !tc.repeated {
				want = map[int]int{200: 5, 502: 5}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answers (-want +got):\n%s", diff)
			}
			if n := requests.Load(); n != 5 {
				t.Errorf("the broken instance got %d requests, want 5: none twice", n)
			}
		})
	}
}

// TestKilledInstance kills one of two instances under load. A request that was sent to it may only
// be repeated when it is a GET; all of these are.
func TestKilledInstance(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, echoHandler))
	victim := backend(t, echoHandler)
	r.ready("shop-2", victim)
	c := testClient(t, false)
	stop := make(chan struct{})
	results := make(chan error)
	const clients = 8
	for range clients {
		go func() {
			for {
				select {
				case <-stop:
					results <- nil
					return
				default:
				}
				res, err := c.Get(r.url("/"))
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
					if res.StatusCode != 200 {
						err = fmt.Errorf("status %d", res.StatusCode)
					}
				}
				if err != nil {
					results <- err
					return
				}
			}
		}()
	}
	// As a killed process does: the port is closed and every connection is reset.
	served := r.access
	served.wait(t, func(m map[string]any) bool { return m["instance"] == "shop-2" })
	_ = victim.Listener.Close()
	victim.CloseClientConnections()
	for range 200 {
		if res, err := c.Get(r.url("/")); err != nil || res.StatusCode != 200 {
			t.Errorf("after the kill: %v %v", res, err)
		} else {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	}
	close(stop)
	for range clients {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// TestTrailerIsNoHeader sends trailers both ways that would frame the message or name the client.
func TestTrailerIsNoHeader(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	answer := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nok\r\n0\r\n" +
		"X-T: fine\r\nContent-Length: 9\r\nConnection: close\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
	r.ready("shop-1", answering(t, answer))
	res, err := testClient(t, false).Get(r.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if body, err := io.ReadAll(res.Body); string(body) != "ok" || err != nil {
		t.Errorf("body %q, %v", body, err)
	}
	if diff := cmp.Diff(http.Header{"X-T": {"fine"}}, res.Trailer); diff != "" {
		t.Errorf("the client's trailer (-want +got):\n%s", diff)
	}

	got := make(chan http.Header, 1)
	r = start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		got <- req.Trailer
	}))
	raw(t, r.Addrs()["web"], "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTrailer: X-T, X-Forwarded-For\r\nTransfer-Encoding: chunked\r\n\r\n"+
		"2\r\nok\r\n0\r\nX-T: fine\r\nX-Forwarded-For: 6.6.6.6\r\nX_Real_Ip: 6.6.6.6\r\n\r\n")
	trailer := <-got
	if trailer.Get("X-T") != "fine" || len(trailer["X-Forwarded-For"]) != 0 || len(trailer["X_real_ip"]) != 0 {
		t.Errorf("the upstream gets %v", trailer)
	}
}

func TestStreaming(t *testing.T) {
	next := make(chan struct{})
	for _, contentType := range []string{"text/event-stream", "application/x-ndjson"} {
		t.Run(contentType, func(t *testing.T) {
			r := start(t, testConfig(appRoute()))
			r.ready("shop-1", backend(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", contentType)
				rc := http.NewResponseController(w)
				_ = rc.Flush()
				for i := range 3 {
					<-next
					_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
					_ = rc.Flush()
				}
			}))
			res, err := testClient(t, false).Get(r.url("/")) // returns with the header
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			lines := bufio.NewScanner(res.Body)
			for i := range 3 {
				next <- struct{}{}
				if !lines.Scan() || lines.Text() != fmt.Sprintf("data: %d", i) {
					t.Fatalf("event %d = %q %v", i, lines.Text(), lines.Err())
				}
				lines.Scan()
			}
		})
	}
}

func TestTrailersAndInterimAnswers(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		body, _ := io.ReadAll(req.Body)
		w.Header().Set("Trailer", "X-Announced")
		_, _ = w.Write(body)
		w.Header().Set("X-Announced", req.Trailer.Get("X-Up"))
		w.Header().Set(http.TrailerPrefix+"X-Late", "late")
	}))
	var hints []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprintf("%d %s", code, h.Get("Link")))
		return nil
	}})
	req, err := http.NewRequestWithContext(ctx, "POST", r.url("/"), io.MultiReader(strings.NewReader("x")))
	if err != nil {
		t.Fatal(err)
	}
	req.Trailer = http.Header{"X-Up": {"went up"}}
	res, err := testClient(t, false).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"103 </a.css>; rel=preload"}, hints); diff != "" {
		t.Errorf("hints (-want +got):\n%s", diff)
	}
	want := http.Header{"X-Announced": {"went up"}, "X-Late": {"late"}}
	if diff := cmp.Diff(want, res.Trailer); diff != "" {
		t.Errorf("trailers (-want +got):\n%s", diff)
	}
	if res.Header.Get("Link") != "" || len(res.Header["X-Request-Id"]) != 1 {
		t.Errorf("header = %v", res.Header)
	}
}

func TestExpectContinue(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/refuse" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		echoHandler(w, req)
	}))
	for path, want := range map[string]string{"/take": "HTTP/1.1 100 Continue", "/refuse": "HTTP/1.1 403 Forbidden"} {
		conn, err := net.Dial("tcp", r.Addrs()["web"])
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", path)
		br := bufio.NewReader(conn)
		line, err := br.ReadString('\n')
		if err != nil || strings.TrimSpace(line) != want {
			t.Errorf("%s: first line = %q %v, want %q", path, line, err, want)
		}
	}
}
