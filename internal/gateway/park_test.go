package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// parkingConfig parks requests to app "shop".
func parkingConfig(most int, timeout time.Duration) *config.Config {
	routes := appRoute()
	route := routes["shop"]
	route.Parking = config.Parking{MaxRequests: most, Timeout: config.Duration(timeout)}
	routes["shop"] = route
	return testConfig(routes)
}

// parked returns when n requests are.
func (r *rig) waitParked(n int) {
	r.t.Helper()
	for r.metric("holdfast_http_requests_parked", "app", "shop", "route", "shop") != float64(n) {
		if r.t.Context().Err() != nil {
			r.t.Fatalf("never %d requests parked", n)
		}
	}
}

func (r *rig) outcome(o string, want float64) {
	r.t.Helper()
	if got := r.metric("holdfast_http_parked_requests_total", "app", "shop", "route", "shop", "outcome", o); got != want {
		r.t.Errorf("%v requests parked with outcome %s, want %v", got, o, want)
	}
}

// later sends a request and tells the answer.
func later(c *http.Client, method, url, body string) <-chan string {
	out := make(chan string, 1)
	go func() {
		req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
		if err != nil {
			out <- err.Error()
			return
		}
		res, err := c.Do(req)
		if err != nil {
			out <- err.Error()
			return
		}
		defer func() { _ = res.Body.Close() }()
		text, _ := io.ReadAll(res.Body)
		if strings.Contains(string(text), `"code":`) {
			_, after, _ := strings.Cut(string(text), `"code":"`)
			code, _, _ := strings.Cut(after, `"`)
			text = fmt.Append(nil, code, " ", res.Header.Get("Retry-After"))
		}
		out <- fmt.Sprint(res.StatusCode, " ", string(text))
	}()
	return out
}

func bodyHandler(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	_, _ = io.WriteString(w, req.Method+" "+string(body))
}

func TestParkedUntilReady(t *testing.T) {
	conf := parkingConfig(10, time.Minute)
	r := start(t, conf)
	r.set.Expect("shop", true)
	answers := map[string]<-chan string{}
	for method, body := range map[string]string{"GET": "", "POST": "body", "DELETE": "", "PUT": strings.Repeat("x", 100_000)} {
		answers[method+" "+body] = later(testClient(t, false), method, r.url("/"), body)
	}
	r.waitParked(4)
	r.ready("shop-1", backend(t, bodyHandler))
	for want, answer := range answers {
		if got := <-answer; got != "200 "+want {
			t.Errorf("%.20s: %.60s", want, got)
		}
	}
	r.waitParked(0)
	r.outcome("served", 4)
	line := r.access.wait(t, func(m map[string]any) bool { return m["method"] == "POST" })
	if d, ok := line["parked_duration"].(float64); !ok || d <= 0 || line["instance"] != "shop-1" {
		t.Errorf("access log: %v", line)
	}
	get(t, testClient(t, false), "GET", r.url("/second"))
	line = r.access.wait(t, func(m map[string]any) bool { return m["path"] == "/second" })
	if _, ok := line["parked_duration"]; ok {
		t.Errorf("access log of one that did not wait: %v", line)
	}
}

// The route's timeout is for the instance: it does not run while there is none.
func TestParkedLongerThanTheTimeout(t *testing.T) {
	t.Parallel()
	conf := parkingConfig(10, time.Minute)
	route := conf.Routes["shop"]
	route.Timeout = config.Duration(500 * time.Millisecond)
	conf.Routes["shop"] = route
	r := start(t, conf)
	r.set.Expect("shop", true)
	answer := later(testClient(t, false), "GET", r.url("/"), "")
	r.waitParked(1)
	<-time.After(750 * time.Millisecond) // the point of the test
	r.ready("shop-1", backend(t, bodyHandler))
	if got := <-answer; got != "200 GET " {
		t.Errorf("answer = %s", got)
	}
}

// The listener's read_timeout is for the client: it does not run while it is the instance that is
// waited for, but it does afterwards.
func TestParkedLongerThanTheReadTimeout(t *testing.T) {
	t.Parallel()
	const limit = time.Second
	long := strings.Repeat("x", 1<<20) // more than is read with the header
	conf := tlsConfig(t, t.TempDir(), parkingConfig(10, time.Minute).Routes)
	for _, name := range []string{"web", "plain"} {
		l := conf.Listeners[name]
		if name == "plain" {
			l = testListener()
		}
		l.ReadTimeout = config.Duration(limit)
		conf.Listeners[name] = l
	}
	r := start(t, conf)
	r.set.Expect("shop", true)
	answers := make([]<-chan string, 2)
	for i := range answers {
		answers[i] = later(testClient(t, i == 1), "POST", "https://"+r.Addrs()["web"]+"/", long)
	}
	slow, err := net.Dial("tcp", r.Addrs()["plain"])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Close() }()
	_, _ = io.WriteString(slow, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
	r.waitParked(3)
	<-time.After(limit * 4 / 3) // the point of the test
	r.ready("shop-1", backend(t, bodyHandler))
	for i, answer := range answers {
		if got := <-answer; got != "200 POST "+long {
			t.Errorf("over HTTP/%d: %.80s", i+1, got)
		}
	}
	_ = slow.SetReadDeadline(time.Now().Add(20 * time.Second))
	if got, err := io.ReadAll(slow); err != nil || strings.HasPrefix(string(got), "HTTP/1.1 200") {
		t.Errorf("half a body: %.80q, %v; want an end of the connection", got, err)
	}
}

func TestParkingLimits(t *testing.T) {
	t.Run("timeout", func(t *testing.T) {
		r := start(t, parkingConfig(10, 30*time.Millisecond), func(o *Options) {
			o.RetryAfter = func(string) time.Duration { return 7 * time.Second }
		})
		r.set.Expect("shop", true)
		if got := <-later(testClient(t, false), "POST", r.url("/"), "x"); got != "503 not_ready 7" {
			t.Errorf("answer = %s", got)
		}
		r.outcome("timeout", 1)
	})
	t.Run("number", func(t *testing.T) {
		r := start(t, parkingConfig(2, time.Minute))
		r.set.Expect("shop", true)
		var waiting []<-chan string
		for range 2 {
			waiting = append(waiting, later(testClient(t, false), "GET", r.url("/"), ""))
		}
		r.waitParked(2)
		if got := <-later(testClient(t, false), "GET", r.url("/"), ""); got != "503 not_ready 1" {
			t.Errorf("one too many: %s", got)
		}
		r.outcome("refused", 1)
		r.ready("shop-1", backend(t, bodyHandler))
		for _, answer := range waiting {
			if got := <-answer; got != "200 GET " {
				t.Errorf("answer = %s", got)
			}
		}
		r.outcome("served", 2)
	})
	t.Run("none", func(t *testing.T) {
		r := start(t, parkingConfig(0, time.Minute))
		r.set.Expect("shop", true)
		if got := <-later(testClient(t, false), "GET", r.url("/"), ""); got != "503 not_ready 1" {
			t.Errorf("answer = %s", got)
		}
	})
	t.Run("not expected", func(t *testing.T) {
		r := start(t, parkingConfig(10, time.Minute))
		if got := <-later(testClient(t, false), "GET", r.url("/"), ""); got != "503 not_ready 1" {
			t.Errorf("answer = %s", got)
		}
		r.outcome("refused", 0)
	})
}

// What ends the waiting at once.
func TestParkedSentAway(t *testing.T) {
	for _, tc := range []struct {
		name, want, outcome string
		event               func(*rig)
	}{
		{"not expected any more", "503 not_ready 1", "refused", func(r *rig) { r.set.Expect("shop", false) }},
		{"maintenance", "503 maintenance 60", "refused", func(r *rig) { r.set.Maintain("shop", &status.Maintenance{Note: "secret"}) }},
		{"pause", "503 paused 1", "refused", func(r *rig) { r.Pause() }},
		{"stop", "503 not_ready 1", "refused", func(r *rig) { _ = r.stop() }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, parkingConfig(10, time.Minute))
			r.set.Expect("shop", true)
			answer := later(testClient(t, false), "GET", r.url("/"), "")
			r.waitParked(1)
			tc.event(r)
			if got := <-answer; got != tc.want {
				t.Errorf("answer = %s, want %s", got, tc.want)
			}
			r.outcome(tc.outcome, 1)
			r.waitParked(0)
		})
	}
	t.Run("nobody waits in a pause", func(t *testing.T) {
		r := start(t, parkingConfig(10, time.Minute))
		r.set.Expect("shop", true)
		r.Pause()
		r.Resume()
		answer := later(testClient(t, false), "GET", r.url("/"), "")
		r.waitParked(1) // after it, they do
		r.ready("shop-1", backend(t, bodyHandler))
		if got := <-answer; got != "200 GET " {
			t.Errorf("answer = %s", got)
		}
	})
}

func TestParkedClientLeaves(t *testing.T) {
	r := start(t, parkingConfig(10, time.Minute))
	r.set.Expect("shop", true)
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", r.url("/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		res, err := testClient(t, false).Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		failed <- err
	}()
	r.waitParked(1)
	leave()
	if err := <-failed; err == nil {
		t.Error("answered")
	}
	line := r.access.wait(t, func(map[string]any) bool { return true })
	if line["status"] != 499.0 {
		t.Errorf("logged status = %v", line["status"])
	}
	r.waitParked(0)
	r.outcome("gone", 1)
}

// A body waits where it is while its request is parked: not even "100 Continue" is said.
func TestParkedBodyIsNotRead(t *testing.T) {
	r := start(t, parkingConfig(10, time.Minute))
	r.set.Expect("shop", true)
	conn, err := net.Dial("tcp", r.Addrs()["web"])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	r.waitParked(1)
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 100)); n != 0 {
		t.Errorf("%d bytes came while it was parked, %v", n, err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	r.ready("shop-1", backend(t, bodyHandler))
	br := bufio.NewReader(conn)
	if line, err := br.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	for line := ""; line != "\r\n"; {
		if line, err = br.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = io.WriteString(conn, "hello")
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if body, _ := io.ReadAll(res.Body); string(body) != "POST hello" {
		t.Errorf("body = %q", body)
	}
}

func TestParkedHTTP2(t *testing.T) {
	conf := tlsConfig(t, t.TempDir(), parkingConfig(10, time.Minute).Routes)
	r := start(t, conf)
	r.set.Expect("shop", true)
	c := testClient(t, true)
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", "https://"+r.Addrs()["web"]+"/", strings.NewReader("unread"))
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan struct{})
	go func() {
		defer close(left)
		if res, err := c.Do(req); err == nil {
			_ = res.Body.Close()
			t.Error("answered")
		}
	}()
	answer := later(c, "POST", "https://"+r.Addrs()["web"]+"/", "body")
	r.waitParked(2)
	leave() // over HTTP/2 that is heard although the body is unread
	<-left
	r.waitParked(1)
	r.ready("shop-1", backend(t, bodyHandler))
	if got := <-answer; got != "200 POST body" {
		t.Errorf("answer = %s", got)
	}
	r.outcome("gone", 1)
}

func TestParkedWebSocket(t *testing.T) {
	r := start(t, parkingConfig(10, time.Minute))
	r.set.Expect("shop", true)
	var opened sync.WaitGroup
	opened.Go(func() {
		conn := dialWS(t, r)
		defer func() { _ = conn.CloseNow() }()
		if err := conn.Write(t.Context(), websocket.MessageText, []byte("x")); err != nil {
			t.Error(err)
		}
		if _, got, err := conn.Read(t.Context()); err != nil || string(got) != "x" {
			t.Errorf("%q, %v", got, err)
		}
	})
	r.waitParked(1)
	r.ready("shop-1", backend(t, wsEcho))
	opened.Wait()
}

// TestParkedAfterTheKill is the race with supervision: the only instance was killed, requests find that
// out first, and are told only then that it will be back.
func TestParkedAfterTheKill(t *testing.T) {
	for _, tc := range []struct {
		name, method, body, want string
		again                    bool
	}{
		{"GET", "GET", "", "200 GET ", true},
		{"POST", "POST", "body", "200 POST body", true},
		{"GET, it stays down", "GET", "", "503 not_ready 1", false},
		{"POST, it stays down", "POST", "body", "503 not_ready 1", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := start(t, parkingConfig(10, time.Minute))
			v := &victim{handler: http.HandlerFunc(bodyHandler), name: "shop-1"}
			target := v.start("")
			r.set.SetReady(target, true)
			c := testClient(t, false)
			get(t, c, "GET", r.url("/")) // leaves a connection behind
			v.kill()
			answer := later(c, tc.method, r.url("/"), tc.body)
			r.waitParked(1)
			if !tc.again {
				r.set.SetReady(target, false)
			} else {
				r.set.Expect("shop", true)
				r.set.SetReady(target, false)
				r.set.SetReady(v.start(target.Address), true)
				defer v.kill()
			}
			if got := <-answer; got != tc.want {
				t.Errorf("answer = %s, want %s", got, tc.want)
			}
		})
	}
	t.Run("in flight", func(t *testing.T) {
		for method, want := range map[string]string{"GET": "200 GET ", "POST": "502 upstream_failed "} {
			r := start(t, parkingConfig(10, time.Minute))
			entered := make(chan struct{})
			v := &victim{name: "shop-1", handler: http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
				close(entered)
				<-req.Context().Done()
			})}
			target := v.start("")
			r.set.SetReady(target, true)
			answer := later(testClient(t, false), method, r.url("/"), "")
			<-entered
			v.kill()
			if method == "GET" {
				r.waitParked(1)
			}
			r.set.Expect("shop", true)
			r.set.SetReady(target, false)
			r.ready("shop-1", backend(t, bodyHandler))
			if got := <-answer; got != want {
				t.Errorf("%s: answer = %s, want %s", method, got, want)
			}
		}
	})
}

// An app that breaks connections off and is alive is asked again at once, and not waited for.
func TestBrokenAnswerOfTheOnlyInstance(t *testing.T) {
	for _, most := range []int{0, 10} {
		r := start(t, parkingConfig(most, time.Minute))
		address, requests := resetServer(t)
		r.set.SetReady(status.Target{App: "shop", Instance: "shop-1", Address: address}, true)
		if got := <-later(testClient(t, false), "GET", r.url("/"), ""); got != "502 upstream_failed " {
			t.Errorf("answer = %s", got)
		}
		if n := requests.Load(); n != 1+maxRepeats {
			t.Errorf("it was asked %d times, want %d", n, 1+maxRepeats)
		}
		r.outcome("served", 0)
	}
}

func TestMaintenance(t *testing.T) {
	r := start(t, parkingConfig(10, time.Minute))
	r.ready("shop-1", backend(t, bodyHandler))
	c := testClient(t, false)
	for _, tc := range []struct {
		name string
		m    *status.Maintenance
		want string
	}{
		{"no end", &status.Maintenance{Note: "the note"}, "60"},
		{"an end", &status.Maintenance{Until: time.Now().Add(90*time.Minute + 500*time.Millisecond)}, "5401"},
		{"over", &status.Maintenance{Until: time.Now().Add(-time.Minute)}, "1"},
	} {
		r.set.Maintain("shop", tc.m)
		res, body := get(t, c, "POST", r.url("/"))
		if res.StatusCode != 503 || problemCode(t, res, body) != "maintenance" || res.Header.Get("Retry-After") != tc.want {
			t.Errorf("%s: %d %v %s", tc.name, res.StatusCode, res.Header, body)
		}
		if strings.Contains(body, "the note") {
			t.Errorf("%s: the note got out: %s", tc.name, body)
		}
	}
	r.set.Maintain("shop", nil)
	if res, body := get(t, c, "GET", r.url("/")); res.StatusCode != 200 {
		t.Errorf("after it: %d %s", res.StatusCode, body)
	}
}
