package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

// TestMain lets this binary be the grandchild of TestFork.
func TestMain(m *testing.M) {
	if os.Getenv("DEMO_TEST_LINGER") != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		Linger(ctx, os.Stdout)
		stop()
		return
	}
	goleak.VerifyTestMain(m)
}

// buffer is a Stdout that a test may read while the program writes.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
	size int64
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.size += int64(len(p))
	if b.data.Len() < 1<<20 {
		b.data.Write(p)
	}
	return len(p), nil
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

// running is a Program under test.
type running struct {
	*Program
	url            string
	stdout, stderr *buffer
	stop           context.CancelFunc
	result         chan error
	client         *http.Client
}

// start runs a Program on a free port until the test ends.
func start(t *testing.T, opts Options) *running {
	t.Helper()
	r := &running{
		stdout: &buffer{},
		stderr: &buffer{},
		result: make(chan error, 1),
		client: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second},
	}
	opts.Address, opts.Stdout, opts.Stderr = "127.0.0.1:0", r.stdout, r.stderr
	r.Program = New(opts)
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.result <- r.Run(ctx)
	}()
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		r.stubbornUntil.Store(0)
		cancel()
		<-done
	})
	waitFor(t, "the listening line", func() bool {
		_, rest, ok := strings.Cut(r.stdout.String(), "listening on ")
		if ok {
			address, _, _ := strings.Cut(rest, " ")
			r.url = "http://" + address
		}
		return ok
	})
	return r
}

// waitFor polls until it holds, for at most ten seconds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited 10 s for %s", what)
		case <-tick.C:
		}
	}
}

// answer is a whole answer to one request.
type answer struct {
	code   int
	header http.Header
	body   string
}

// do makes one request and follows no redirect.
func (r *running) do(t *testing.T, method, path string, header http.Header) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	client := *r.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (r *running) info(t *testing.T) Info {
	t.Helper()
	var info Info
	body := r.do(t, "GET", "/info", nil).body
	if err := json.Unmarshal([]byte(body), &info); err != nil {
		t.Fatalf("/info: %v in %q", err, body)
	}
	return info
}

func TestCrashEndsWithItsCodeAndAStack(t *testing.T) {
	r := start(t, Options{Instance: "demo-7"})
	got := r.do(t, "POST", "/crash", nil)
	if got.code != http.StatusOK || !strings.Contains(got.body, "demo-7") {
		t.Errorf("answer %d %q, want 200 that names the instance", got.code, got.body)
	}
	err := <-r.result
	if crash, ok := errors.AsType[*CrashError](err); !ok || crash.Code != CrashCode {
		t.Fatalf("Run: %v, want a CrashError with code %d", err, CrashCode)
	}
	if got := r.stderr.String(); !strings.Contains(got, "crash asked for") || !strings.Contains(got, "goroutine") {
		t.Errorf("stderr %q, want a cause and a stack", got)
	}
}

func TestStopLetsRequestsFinish(t *testing.T) {
	r := start(t, Options{})
	answer := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(context.Background(), "GET", r.url+"/slow?ms=300", nil)
		if err != nil {
			answer <- err
			return
		}
		resp, err := r.client.Do(req)
		if err == nil {
			err = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				err = fmt.Errorf("status %d", resp.StatusCode)
			}
		}
		answer <- err
	}()
	waitFor(t, "the request to wait", func() bool { return len(r.waiting) == 1 })
	r.stop()
	if err := <-answer; err != nil {
		t.Errorf("the request in flight: %v, want an answer", err)
	}
	if err := <-r.result; err != nil {
		t.Errorf("Run: %v, want nil after a stop", err)
	}
}

func TestHangHoldsProbesUntilItIsOver(t *testing.T) {
	r := start(t, Options{})
	r.do(t, "POST", "/hang?seconds=600", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", r.url+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := r.client.Do(req); err == nil {
		_ = resp.Body.Close()
		t.Fatalf("a hanging program answered %d", resp.StatusCode)
	}
	r.hungUntil.Store(time.Now().UnixNano())
	if got := r.do(t, "GET", "/healthz", nil); got.code != http.StatusOK {
		t.Errorf("after the hang: %d %q, want 200", got.code, got.body)
	}
}

func TestHangEndsWithTheProgram(t *testing.T) {
	r := start(t, Options{})
	r.do(t, "POST", "/hang", nil)
	failed := make(chan error, 1)
	go func() {
		req, _ := http.NewRequestWithContext(context.Background(), "GET", r.url+"/", nil)
		resp, err := r.client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		failed <- err
	}()
	waitFor(t, "the request to wait", func() bool { return len(r.waiting) == 1 })
	r.stop()
	if err := <-failed; err == nil {
		t.Error("a request held by a hang was answered by the stop, want a broken connection")
	}
	if err := <-r.result; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestStubbornIgnoresTheStopUntilItsBound(t *testing.T) {
	r := start(t, Options{})
	r.do(t, "POST", "/stubborn", nil)
	if !r.info(t).Stubborn {
		t.Fatal("not stubborn after asking for it")
	}
	r.stubbornUntil.Store(time.Now().Add(300 * time.Millisecond).UnixNano())
	r.stop()
	waitFor(t, "the refusal", func() bool { return strings.Contains(r.stdout.String(), "ignoring it") })
	if got := r.do(t, "GET", "/healthz", nil); got.code != http.StatusOK {
		t.Errorf("a program that ignores a stop answers %d, want 200", got.code)
	}
	if err := <-r.result; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestLeakIsBounded(t *testing.T) {
	r := start(t, Options{})
	r.do(t, "POST", "/leak?mb=3", nil)
	if got := r.info(t).LeakedMB; got != 3 {
		t.Errorf("holds %d MiB, want 3", got)
	}
	if got := r.do(t, "POST", "/leak?mb=510", nil); got.code != http.StatusConflict {
		t.Errorf("beyond the bound: %d, want 409", got.code)
	}
}

func TestNumbersOutOfBounds(t *testing.T) {
	r := start(t, Options{})
	for _, path := range []string{"/leak?mb=513", "/leak?mb=-1", "/leak?mb=x", "/spew?mb=4097", "/hang?seconds=601"} {
		if got := r.do(t, "POST", path, nil); got.code != http.StatusBadRequest {
			t.Errorf("POST %s: %d, want 400", path, got.code)
		}
	}
	if got := r.do(t, "GET", "/slow?ms=60001", nil); got.code != http.StatusBadRequest {
		t.Errorf("GET /slow?ms=60001: %d, want 400", got.code)
	}
}

func TestSpewWritesWhatWasAskedFor(t *testing.T) {
	r := start(t, Options{})
	before := r.stdout.size
	body := r.do(t, "POST", "/spew?mb=2", nil).body
	if !strings.Contains(body, "wrote 2 MB") {
		t.Errorf("answer %q", body)
	}
	if got := r.stdout.size - before; got < 2_000_000 || got > 2_100_000 {
		t.Errorf("wrote %d bytes, want 2 MB and little more", got)
	}
	for line := range strings.Lines(r.stdout.String()) {
		if strings.HasPrefix(line, "spew") && len(line) != 100 && strings.HasSuffix(line, "\n") {
			t.Fatalf("line of %d bytes: %q", len(line), line)
		}
	}
}

func TestActsRefuseOtherSites(t *testing.T) {
	r := start(t, Options{})
	header := http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}
	if got := r.do(t, "POST", "/leak?mb=1", header); got.code != http.StatusForbidden {
		t.Errorf("a post from another site: %d, want 403", got.code)
	}
	if got := r.do(t, "GET", "/crash", nil); got.code != http.StatusMethodNotAllowed {
		t.Errorf("GET /crash: %d, want 405", got.code)
	}
}

func TestBrowserComesBackToThePage(t *testing.T) {
	r := start(t, Options{Instance: "demo-2"})
	header := http.Header{"Accept": {"text/html,*/*"}, "Sec-Fetch-Site": {"same-origin"}}
	got := r.do(t, "POST", "/leak?mb=0", header)
	if to := got.header.Get("Location"); got.code != http.StatusSeeOther || to != "./?did=leak&by=demo-2" {
		t.Errorf("answer %d to %q, want 303 to the page", got.code, to)
	}
}

func TestFork(t *testing.T) {
	t.Setenv("DEMO_TEST_LINGER", "1")
	r := start(t, Options{Child: []string{os.Args[0]}})
	body := r.do(t, "POST", "/fork", nil).body
	_, rest, ok := strings.Cut(body, "grandchild pid ")
	if !ok {
		t.Fatalf("answer %q names no grandchild", body)
	}
	word, _, _ := strings.Cut(rest, " ")
	pid, err := strconv.Atoi(word)
	if err != nil {
		t.Fatal(err)
	}
	child, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the grandchild's word on the stdout that it holds", func() bool {
		return strings.Contains(r.stdout.String(), "holding stdout")
	})
	if err := child.Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end of the grandchild to be noticed", func() bool { return r.info(t).Children == 0 })
}

func TestForkWithoutChild(t *testing.T) {
	r := start(t, Options{})
	if got := r.do(t, "POST", "/fork", nil); got.code != http.StatusNotImplemented {
		t.Errorf("answer %d, want 501", got.code)
	}
}

func TestWebSocketEchoes(t *testing.T) {
	r := start(t, Options{})
	conn, resp, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(r.url, "http")+"/ws", &websocket.DialOptions{HTTPClient: r.client})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	defer func() { _ = conn.CloseNow() }()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte("你好")); err != nil {
		t.Fatal(err)
	}
	kind, message, err := conn.Read(t.Context())
	if err != nil || kind != websocket.MessageText || string(message) != "你好" {
		t.Fatalf("got %v %q %v, want the same text back", kind, message, err)
	}
	r.stop()
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("at the stop: %v, want a close frame that says so", err)
	}
}

func TestEventsStream(t *testing.T) {
	r := start(t, Options{Instance: "demo-9"})
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/sse", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	var got []string
	for len(got) < 2 && lines.Scan() {
		got = append(got, lines.Text())
	}
	if len(got) != 2 || got[0] != "id: 1" || !strings.Contains(got[1], "demo-9") {
		t.Errorf("first lines %q, want an id and data with the instance", got)
	}
}

func TestHeadersShowsTheRequest(t *testing.T) {
	r := start(t, Options{})
	body := r.do(t, "PUT", "/headers?a=b", http.Header{"X-Forwarded-For": {"192.0.2.1"}}).body
	for _, want := range []string{`"PUT"`, `"/headers?a=b"`, "192.0.2.1"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}

func TestOnlyLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "localhost:0", "nonsense"} {
		if err := New(Options{Address: address}).Run(t.Context()); err == nil {
			t.Errorf("address %q was accepted", address)
		}
	}
}

func TestPortTaken(t *testing.T) {
	r := start(t, Options{})
	err := New(Options{Address: strings.TrimPrefix(r.url, "http://")}).Run(t.Context())
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Run on a taken port: %v, want EADDRINUSE", err)
	}
}
