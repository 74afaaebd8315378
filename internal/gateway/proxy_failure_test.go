package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
)

func TestUpstreamTimeout(t *testing.T) {
	release := make(chan struct{})
	slow := backend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	routes := appRoute()
	route := routes["shop"]
	route.Timeout = config.Duration(50 * time.Millisecond)
	routes["shop"] = route
	r := start(t, testConfig(routes))
	r.ready("shop-1", slow)
	c := testClient(t, false)
	res, body := get(t, c, "GET", r.url("/"))
	if res.StatusCode != 504 || problemCode(t, res, body) != "upstream_timeout" {
		t.Errorf("GET = %d %s", res.StatusCode, body)
	}
	res2, err := c.Post(r.url("/"), "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res2.Body.Close() }()
	if res2.StatusCode != 504 {
		t.Errorf("POST = %d", res2.StatusCode)
	}
}

// TestTimeoutWaitsForTheClient sends a body more slowly than the route's timeout.
func TestTimeoutWaitsForTheClient(t *testing.T) {
	t.Parallel()
	routes := appRoute()
	route := routes["shop"]
	route.Timeout = config.Duration(500 * time.Millisecond)
	routes["shop"] = route
	r := start(t, testConfig(routes))
	got := make(chan struct{}, 10)
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, req *http.Request) {
		buf := make([]byte, 1)
		for {
			if _, err := req.Body.Read(buf); err != nil {
				break
			}
			got <- struct{}{}
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	pr, pw := io.Pipe()
	go func() {
		for range 2 {
			_, _ = pw.Write([]byte("x"))
			<-got
			<-time.After(750 * time.Millisecond) // the point of the test: a client that is slow
		}
		_ = pw.Close()
	}()
	res, err := testClient(t, false).Post(r.url("/"), "text/plain", pr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != 204 {
		t.Errorf("status = %d, want 204", res.StatusCode)
	}
}

func TestClientGoesAway(t *testing.T) {
	entered := make(chan struct{})
	left := make(chan struct{})
	r := start(t, testConfig(appRoute()))
	target := r.ready("shop-1", backend(t, func(_ http.ResponseWriter, req *http.Request) {
		close(entered)
		<-req.Context().Done()
		close(left)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	req, err := http.NewRequestWithContext(ctx, "GET", r.url("/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := testClient(t, false).Do(req)
	if err == nil {
		_ = res.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error = %v", err)
	}
	<-left // the upstream's request is cancelled
	line := r.access.wait(t, func(map[string]any) bool { return true })
	if line["status"] != 499.0 {
		t.Errorf("logged status = %v, want 499", line["status"])
	}
	if n := r.set.Pool("shop").InFlight(target); n != 0 {
		t.Errorf("in flight = %d", n)
	}
}

func TestBrokenAnswerBreaksTheClientsConnection(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half of it")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	res, err := testClient(t, false).Get(r.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("a broken answer looks whole: %q", body)
	}
}

// answering is an upstream that answers every request with the same bytes and hangs up.
func answering(t *testing.T, answer string) *httptest.Server {
	t.Helper()
	return backend(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, answer)
	})
}

// TestStatusThatIsNone is about an upstream's status that net/http reads and panics on when it is to
// write it.
func TestStatusThatIsNone(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", answering(t, "HTTP/1.1 099 What\r\nContent-Length: 2\r\n\r\nok"))
	res, err := testClient(t, false).Get(r.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusBadGateway {
		t.Errorf("status %d, want 502", res.StatusCode)
	}
}
