package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/internal/config"
)

func retrying(edit func(*config.Route, *config.Retry)) map[string]config.Route {
	retry := config.DefaultRetry()
	retry.Backoff = config.Duration(time.Microsecond)
	route := config.Route{App: "shop", Timeout: config.Duration(30 * time.Second), Retry: &retry}
	edit(&route, &retry)
	return map[string]config.Route{"shop": route}
}

// script is an upstream that does one thing after the other, and the last one for ever.
type script struct {
	steps []string
	next  atomic.Int64
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i := min(int(s.next.Add(1)), len(s.steps)) - 1
	switch s.steps[i] {
	case "ok":
		_, _ = io.WriteString(w, fmt.Sprintf("answer %d", i))
	case "503":
		w.Header().Set("X-Thrown", "away")
		http.Error(w, "busy", http.StatusServiceUnavailable)
	case "reset":
		panic(http.ErrAbortHandler)
	case "hang":
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
}

func TestRetry(t *testing.T) {
	type edit = func(*config.Route, *config.Retry)
	on := func(words ...string) edit {
		return func(route *config.Route, r *config.Retry) {
			r.On = words
			route.TryTimeout = config.Duration(time.Minute) // shorter where the upstream hangs
		}
	}
	idempotent := func(words ...string) edit {
		return func(route *config.Route, r *config.Retry) { on(words...)(route, r); r.Idempotent = true }
	}
	for name, tt := range map[string]struct {
		edit         edit
		method, body string
		steps        string
		want         int
		asked        int64
	}{
		"status":                       {on("503"), "GET", "", "503 503 ok", 200, 3},
		"class of statuses":            {on("5xx"), "HEAD", "", "503 ok", 200, 2},
		"another status":               {on("502"), "GET", "", "503 ok", 503, 1},
		"as often as it may":           {on("503"), "GET", "", "503", 503, 3},
		"status, POST":                 {on("503"), "POST", "", "503 ok", 503, 1},
		"status, idempotent POST":      {idempotent("503"), "POST", "", "503 ok", 503, 1},
		"status, GET with a body":      {idempotent("503"), "GET", "x", "503 ok", 503, 1},
		"status, PUT":                  {on("503"), "PUT", "", "503 ok", 503, 1},
		"status, idempotent PUT":       {idempotent("503"), "PUT", "", "503 ok", 200, 2},
		"status, idempotent DELETE":    {idempotent("503"), "DELETE", "", "503 ok", 200, 2},
		"status, idempotent PUT, body": {idempotent("503"), "PUT", "x", "503 ok", 503, 1},
		"timeout":                      {on("timeout"), "GET", "", "hang ok", 200, 2},
		"timeout, always":              {on("timeout"), "GET", "", "hang", 504, 3},
		"timeout, POST":                {on("timeout"), "POST", "", "hang ok", 504, 1},
		"timeout, POST with a body":    {idempotent("timeout"), "POST", "some", "hang ok", 504, 1},
		"timeout is not listed":        {on("503"), "GET", "", "hang ok", 504, 1},
		"reset, DELETE":                {on("reset"), "DELETE", "", "reset ok", 502, 1},
		"reset, idempotent DELETE":     {idempotent("reset"), "DELETE", "", "reset reset ok", 200, 3},
		"reset, idempotent, always":    {idempotent("reset"), "DELETE", "", "reset", 502, 3},
		"reset, GET, not listed":       {on("503"), "GET", "", "reset reset reset ok", 200, 4},
		"reset, GET, listed":           {on("reset"), "GET", "", "reset", 502, 1 + maxRepeats + 2},
		"one after the other":          {on("503", "timeout"), "GET", "", "503 hang ok", 200, 3},
		"no attempt is left":           {on("503", "timeout"), "GET", "", "503 hang hang ok", 504, 3},
	} {
		t.Run(name, func(t *testing.T) {
			conf := retrying(tt.edit)
			if strings.Contains(tt.steps, "hang") {
				t.Parallel()
				route := conf["shop"]
				route.TryTimeout = config.Duration(time.Second)
				conf["shop"] = route
			}
			r := start(t, testConfig(conf))
			s := &script{steps: strings.Fields(tt.steps)}
			r.ready("shop-1", backend(t, s.ServeHTTP))
			req, err := http.NewRequestWithContext(t.Context(), tt.method, r.url("/"), strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			res, err := testClient(t, false).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if n := s.next.Load(); res.StatusCode != tt.want || n != tt.asked {
				t.Errorf("%d %q after %d tries, want %d after %d", res.StatusCode, body, n, tt.want, tt.asked)
			}
			if tt.want == 200 && res.Header.Get("X-Thrown") != "" {
				t.Error("something of the answer that was thrown away came through")
			}
			if n := r.metric("holdfast_upstream_retries_total", "route", "shop"); int64(n) != tt.asked-1 {
				t.Errorf("%v retries counted", n)
			}
		})
	}
}

// Nothing is tried that could not begin within the route's timeout, and the timeout is for all tries.
func TestRetryWithinTheTimeout(t *testing.T) {
	for name, tt := range map[string]struct {
		edit  func(*config.Route, *config.Retry)
		steps string
		want  int
		asked int64
	}{
		"the wait would be longer": {func(route *config.Route, r *config.Retry) {
			r.On, r.Backoff, r.MaxBackoff = config.OneOrMany{"503"}, config.Duration(time.Hour), config.Duration(time.Hour)
		}, "503", 503, 1},
		"hanging tries": {func(route *config.Route, r *config.Retry) {
			r.On, r.Attempts = config.OneOrMany{"503"}, 10
			route.Timeout = config.Duration(time.Second)
		}, "503 hang", 504, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, testConfig(retrying(tt.edit)))
			s := &script{steps: strings.Fields(tt.steps)}
			r.ready("shop-1", backend(t, s.ServeHTTP))
			if res, body := get(t, testClient(t, false), "GET", r.url("/")); res.StatusCode != tt.want || s.next.Load() != tt.asked {
				t.Errorf("%d %s after %d tries", res.StatusCode, body, s.next.Load())
			}
		})
	}
}

// The time of a try does not run while the client sends its body.
func TestTryTimeoutWaitsForTheClient(t *testing.T) {
	t.Parallel()
	r := start(t, testConfig(map[string]config.Route{"shop": {App: "shop", TryTimeout: config.Duration(500 * time.Millisecond)}}))
	got := make(chan bool, 1)
	r.ready("shop-1", backend(t, func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.ReadFull(req.Body, make([]byte, 1))
		got <- true
		_, _ = io.Copy(io.Discard, req.Body)
	}))
	from, to := io.Pipe()
	go func() {
		_, _ = to.Write([]byte("x"))
		<-got
		time.Sleep(750 * time.Millisecond) // the slow client: longer than a try may take
		_ = to.Close()
	}()
	res, err := testClient(t, false).Post(r.url("/"), "text/plain", from)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
}

func TestRetryGoesToAnotherTarget(t *testing.T) {
	r := start(t, testConfig(retrying(func(_ *config.Route, r *config.Retry) { r.On, r.Budget = config.OneOrMany{"503"}, 1 })))
	var bad, good atomic.Int64
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, _ *http.Request) { bad.Add(1); w.WriteHeader(503) }))
	r.ready("shop-2", backend(t, func(http.ResponseWriter, *http.Request) { good.Add(1) }))
	client := testClient(t, false)
	for range 10 {
		if res, _ := get(t, client, "GET", r.url("/")); res.StatusCode != 200 {
			t.Fatal(res.StatusCode)
		}
	}
	if good.Load() != 10 || bad.Load() == 0 || bad.Load() > 10 {
		t.Errorf("%d good, %d bad", good.Load(), bad.Load())
	}
}

func TestRetryBudget(t *testing.T) {
	r := start(t, testConfig(retrying(func(_ *config.Route, r *config.Retry) {
		r.On, r.Attempts, r.Budget = config.OneOrMany{"503"}, 10, 0
	})))
	s := &script{steps: []string{"503"}}
	r.ready("shop-1", backend(t, s.ServeHTTP))
	client := testClient(t, false)
	for range 50 {
		get(t, client, "GET", r.url("/"))
	}
	refused := r.metric("holdfast_upstream_retries_refused_total", "route", "shop")
	retried := r.metric("holdfast_upstream_retries_total", "route", "shop")
	if refused == 0 || int64(retried)+50 != s.next.Load() || retried >= 500 {
		t.Errorf("%v retries, %v refused, %d tries", retried, refused, s.next.Load())
	}
}

// A target that comes back is found by trying again, whatever the method: nothing was sent.
func TestRetryConnects(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	_ = ln.Close()
	conf := retrying(func(route *config.Route, r *config.Retry) {
		route.App, route.URLs = "", []string{"http://" + address}
		r.On, r.Attempts = config.OneOrMany{"connect_failure"}, 10
		r.Backoff, r.MaxBackoff, r.Budget = config.Duration(20*time.Millisecond), config.Duration(20*time.Millisecond), 1
	})
	r := start(t, testConfig(conf))
	var back sync.WaitGroup
	var asked atomic.Int64
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		_, _ = io.Copy(w, req.Body)
	})}
	back.Go(func() {
		until(t, func() bool { return r.metric("holdfast_upstream_retries_total", "reason", "connect") > 0 })
		ln, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		_ = server.Serve(ln)
	})
	defer func() { _ = server.Close(); back.Wait() }()
	client := testClient(t, false)
	for try := 0; ; try++ {
		res, err := client.Post(r.url("/"), "text/plain", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode == 200 {
			if string(body) != "body" || asked.Load() != 1 {
				t.Errorf("%q, asked %d times", body, asked.Load())
			}
			return
		}
		if try == 20 {
			t.Fatal(res.StatusCode)
		}
	}
}

// chaos is an upstream that does what it is told by the target of each request: /ID/FAULT FAULT ... It
// counts how often it got the header of each request.
type chaos struct {
	ln   net.Listener
	all  sync.WaitGroup
	mu   sync.Mutex
	seen map[string]int
	open map[net.Conn]bool
}

func newChaos(t *testing.T) *chaos {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &chaos{ln: ln, seen: map[string]int{}, open: map[net.Conn]bool{}}
	c.all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.open[conn] = true
			c.mu.Unlock()
			c.all.Go(func() { c.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		c.mu.Lock()
		for conn := range c.open {
			_ = conn.Close()
		}
		c.mu.Unlock()
		c.all.Wait()
	})
	return c
}

func (c *chaos) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	br := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		_, id, _ := strings.Cut(req.URL.Path, "/")
		id, faults, _ := strings.Cut(id, "/")
		c.mu.Lock()
		n := c.seen[id]
		c.seen[id]++
		c.mu.Unlock()
		fault := "ok"
		if all := strings.Split(faults, "-"); n < len(all) {
			fault = all[n]
		}
		switch fault {
		case "reset":
			_ = conn.(*net.TCPConn).SetLinger(0)
			return
		case "close":
			return
		case "half":
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-")
			return
		case "hang":
			_, _ = br.Peek(1 << 12) // until the gateway gives up
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		switch fault {
		case "503":
			_, _ = io.WriteString(conn, "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy")
		case "garbage":
			_, _ = io.WriteString(conn, "what?\r\n\r\n")
			return
		case "last":
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			return // although it said nothing of closing
		default:
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	}
}

// Whatever an upstream does and a route repeats: a request that may not be executed twice reaches
// upstreams once at most.
func TestUnsafeRequestsAreNeverRepeated(t *testing.T) {
	up := newChaos(t)
	other := newChaos(t)
	routes := map[string]config.Route{}
	for _, idempotent := range []bool{false, true} {
		name := fmt.Sprint(idempotent)
		routes[name] = config.Route{
			Match: config.Match{Host: config.OneOrMany{name + ".test"}},
			URLs:  []string{"http://" + up.ln.Addr().String(), "http://" + other.ln.Addr().String()}, Timeout: config.Duration(5 * time.Second),
			TryTimeout: config.Duration(30 * time.Millisecond), Retry: &config.Retry{
				Attempts: 4, On: config.OneOrMany{"connect_failure", "reset", "timeout", "5xx"}, Idempotent: idempotent,
				Backoff: 1, MaxBackoff: 1, Budget: 1,
			},
		}
	}
	r := start(t, testConfig(routes))
	client := testClient(t, false)
	id := 0
	seen := func(id string) int {
		n := 0
		for _, c := range []*chaos{up, other} {
			c.mu.Lock()
			n += c.seen[id]
			c.mu.Unlock()
		}
		return n
	}
	var repeated int
	rapid.Check(t, func(rt *rapid.T) {
		id++
		method := rapid.SampledFrom([]string{"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"}).Draw(rt, "method")
		size := rapid.SampledFrom([]int{0, 0, 1, 5000, 100_000}).Draw(rt, "body")
		idempotent := rapid.Bool().Draw(rt, "idempotent")
		faults := rapid.SliceOfN(rapid.SampledFrom([]string{"ok", "reset", "close", "half", "hang", "503", "garbage", "last"}), 1, 6).Draw(rt, "faults")
		name := fmt.Sprint(id)
		req, err := http.NewRequestWithContext(t.Context(), method, r.url("/"+name+"/"+strings.Join(faults, "-")), nil)
		if err != nil {
			rt.Fatal(err)
		}
		req.Host = fmt.Sprint(idempotent) + ".test"
		if size > 0 {
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat("x", size))), int64(size)
			if rapid.Bool().Draw(rt, "chunked") {
				req.ContentLength = -1
			}
		}
		if res, err := client.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		most := 1
		safe := method == "GET" || method == "HEAD" || method == "OPTIONS" || idempotent && (method == "PUT" || method == "DELETE")
		if safe && size == 0 {
			most = 1 + maxRepeats + 4
		}
		n := seen(name)
		if n > most {
			rt.Fatalf("%s with %d bytes reached an upstream %d times, at most %d are allowed", method, size, n, most)
		}
		if n > 1 {
			repeated++
		}
	})
	if repeated == 0 {
		t.Error("nothing was repeated at all: the test proves nothing")
	}
}
