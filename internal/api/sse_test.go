package api

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast/internal/event"
)

// watcher reads a stream block by block.
type watcher struct {
	t    *testing.T
	resp *http.Response
	in   *bufio.Reader
}

// watch opens a stream on a server of its own, with a fast heartbeat only where a test is about it.
func watch(t *testing.T, h http.Handler, path string, change ...func(*http.Request)) *watcher {
	t.Helper()
	server := httptest.NewServer(h)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", eventStream)
	for _, c := range change {
		c(req)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = resp.Body.Close()
		server.Close()
	})
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != eventStream {
		t.Fatalf("status %d, Content-Type %q", resp.StatusCode, got)
	}
	return &watcher{t, resp, bufio.NewReader(resp.Body)}
}

// block is the next comment or event, without its final blank line.
func (w *watcher) block() string {
	w.t.Helper()
	var b strings.Builder
	for {
		line, err := w.in.ReadString('\n')
		if err != nil {
			w.t.Fatalf("stream ended after %q: %v", b.String(), err)
		}
		if line == "\n" {
			return strings.TrimSuffix(b.String(), "\n")
		}
		b.WriteString(line)
	}
}

// want reads blocks and compares what they begin with.
func (w *watcher) want(blocks ...string) {
	w.t.Helper()
	for _, want := range blocks {
		if got := w.block(); !strings.HasPrefix(got, want) {
			w.t.Errorf("got %q, want it to begin with %q", got, want)
		}
	}
}

func eventBlock(s *Server, id uint64) string {
	return fmt.Sprintf("event: event\nid: %s/%d\ndata: {\"id\":%d,", s.boot, id, id)
}

func publish(f *fakes, n int) {
	for range n {
		f.bus.Publish(event.GatewayPaused{})
	}
}

func TestEventStreamBeginsAtOnce(t *testing.T) {
	s, f := newTestServer(t)
	publish(f, 2)
	w := watch(t, s.PublicHandler(), "/api/v1/events")
	w.want(": connected")
	publish(f, 1)
	w.want(eventBlock(s, 3))
}

func TestEventStreamTail(t *testing.T) {
	s, f := newTestServer(t)
	publish(f, 2)
	f.bus.Publish(event.AppDown{About: event.About{App: "shop"}})
	publish(f, 2)
	watch(t, s.PublicHandler(), "/api/v1/events?tail=2").want(": connected", eventBlock(s, 4), eventBlock(s, 5))
	watch(t, s.PublicHandler(), "/api/v1/events?tail=500&app=shop").want(": connected", eventBlock(s, 3))
}

func TestEventStreamResumes(t *testing.T) {
	for _, test := range []struct {
		name string
		last func(*Server) string
		want func(*Server) []string
	}{
		{"behind an id", func(s *Server) string { return s.boot + "/9" }, func(s *Server) []string {
			return []string{eventBlock(s, 10), eventBlock(s, 11)}
		}},
		{"behind a bare id", func(*Server) string { return "9" }, func(s *Server) []string {
			return []string{eventBlock(s, 10), eventBlock(s, 11)}
		}},
		{"forgotten", func(s *Server) string { return s.boot + "/1" }, func(s *Server) []string {
			return []string{"event: gap\ndata: {\"reason\":\"forgotten\"}", eventBlock(s, 4)}
		}},
		{"id of the future", func(s *Server) string { return s.boot + "/900" }, func(s *Server) []string {
			return []string{"event: gap\ndata: {\"reason\":\"forgotten\"}", eventBlock(s, 4)}
		}},
		{"id of another run", func(*Server) string { return "other/9" }, func(s *Server) []string {
			return []string{"event: gap\ndata: {\"reason\":\"restarted\"}", eventBlock(s, 4)}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, f := newTestServer(t)
			publish(f, 11) // of which the bus remembers 8
			w := watch(t, s.PublicHandler(), "/api/v1/events", withHeader("Last-Event-ID", test.last(s)))
			w.want(append([]string{": connected"}, test.want(s)...)...)
		})
	}
}

func TestEventStreamFilters(t *testing.T) {
	s, f := newTestServer(t)
	w := watch(t, s.PublicHandler(), "/api/v1/events?severity=error&app=shop")
	w.want(": connected")
	publish(f, 3)
	f.bus.Publish(event.AppDown{About: event.About{App: "worker"}})
	f.bus.Publish(event.AppDown{About: event.About{App: "shop"}})
	w.want(eventBlock(s, 5))
}

func TestHeartbeat(t *testing.T) {
	f := newFakes()
	opts := f.options()
	opts.Heartbeat = 5 * time.Millisecond
	w := watch(t, New(opts).PublicHandler(), "/api/v1/events")
	w.want(": connected", ": heartbeat", ": heartbeat")
}

// pipeWriter is an answer whose reader takes nothing until the test does.
type pipeWriter struct {
	*io.PipeWriter
	header http.Header
}

func (w *pipeWriter) Header() http.Header { return w.header }
func (w *pipeWriter) WriteHeader(int)     {}
func (w *pipeWriter) Flush()              {}

// TestSlowFollowerIsToldTheGap lets more happen than a buffer holds while the reader reads nothing.
func TestSlowFollowerIsToldTheGap(t *testing.T) {
	s, f := newTestServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r := httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/events", nil).WithContext(ctx)
		r.Header.Set("Accept", eventStream)
		s.PublicHandler().ServeHTTP(&pipeWriter{writer, http.Header{}}, r)
	}()
	first := make([]byte, 1) // with one byte taken, the follower is inside its first write
	if _, err := io.ReadFull(reader, first); err != nil {
		t.Fatal(err)
	}
	w := &watcher{t: t, in: bufio.NewReader(io.MultiReader(bytes.NewReader(first), reader))}
	const lost = 20
	publish(f, streamBuffer+lost)
	w.want(": connected")
	for id := range streamBuffer {
		w.want(eventBlock(s, uint64(id+1)))
	}
	publish(f, 1)
	w.want(fmt.Sprintf("event: gap\ndata: {\"reason\":\"slow\",\"missed\":%d}", lost), eventBlock(s, streamBuffer+lost+1))
	if got := f.bus.Dropped(); got != lost {
		t.Errorf("the bus dropped %d, want %d", got, lost)
	}
	cancel()
	_ = reader.Close()
	<-ended
}

func TestLogStream(t *testing.T) {
	s, f := newTestServer(t)
	w := watch(t, s.PublicHandler(), "/api/v1/apps/shop/logs?tail=1")
	w.want(": connected", "event: line\nid: "+s.boot+"/shop-1:2,shop-2:2\ndata: {\"seq\":2,")
	f.follower.c <- line("shop-1", 2, "stdout", "already sent")
	f.follower.c <- line("shop-1", 3, "stdout", "new")
	w.want("event: line\nid: " + s.boot + "/shop-1:3,shop-2:2\ndata: {\"seq\":3,")
	f.follower.c <- line("shop-2", 9, "stderr", "after a jump")
	w.want("event: gap\ndata: {\"reason\":\"slow\",\"missed\":6}", "event: line\nid: "+s.boot+"/shop-1:3,shop-2:9\n")
	close(f.follower.c) // the app was removed
	if _, err := w.in.ReadByte(); err == nil {
		t.Error("the stream goes on although there will be no more lines")
	}
}

func TestLogStreamResumes(t *testing.T) {
	s, _ := newTestServer(t)
	for _, test := range []struct {
		name, last string
		want       []string
	}{
		{"behind an id", s.boot + "/shop-1:1,shop-2:2", []string{"event: line\nid: " + s.boot + "/shop-1:2,shop-2:2\n"}},
		{"an instance that is new", s.boot + "/shop-1:2", []string{"event: line\nid: " + s.boot + "/shop-1:2,shop-2:1\n"}},
		{"id of another run", "other/shop-1:900,shop-2:900", []string{
			"event: gap\ndata: {\"reason\":\"restarted\"}", "event: line\nid: " + s.boot + "/shop-1:1\n",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := watch(t, s.PublicHandler(), "/api/v1/apps/shop/logs", withHeader("Last-Event-ID", test.last))
			w.want(append([]string{": connected"}, test.want...)...)
		})
	}
}

func TestLogStreamFilters(t *testing.T) {
	s, f := newTestServer(t)
	w := watch(t, s.PublicHandler(), "/api/v1/apps/shop/logs?tail=500&stream=stderr&since=2026-03-01T10:45:02Z")
	w.want(": connected", "event: line\nid: "+s.boot+"/shop-1:1,shop-2:2\n")
	f.follower.c <- line("shop-1", 3, "stdout", "no")
	f.follower.c <- line("shop-1", 4, "stderr", "yes")
	w.want("event: line\nid: " + s.boot + "/shop-1:4,shop-2:2\n")
}

func TestDroppedLinesAreToldInSilence(t *testing.T) {
	f := newFakes()
	opts := f.options()
	opts.Heartbeat = 5 * time.Millisecond
	w := watch(t, New(opts).PublicHandler(), "/api/v1/apps/shop/logs")
	w.want(": connected", ": heartbeat")
	f.follower.mu.Lock()
	f.follower.dropped = 7
	f.follower.mu.Unlock()
	for {
		b := w.block()
		if b == ": heartbeat" {
			continue
		}
		if b != "event: gap\ndata: {\"reason\":\"slow\",\"missed\":7}" {
			t.Errorf("got %q, want the gap", b)
		}
		break
	}
	f.follower.c <- line("shop-1", 9, "stdout", "after the silence")
	for {
		if b := w.block(); b != ": heartbeat" {
			if !strings.HasPrefix(b, "event: line") {
				t.Errorf("got %q, want the line without a second gap", b)
			}
			return
		}
	}
}

func TestStreamsAreBounded(t *testing.T) {
	f := newFakes()
	opts := f.options()
	opts.MaxStreams = 1
	s := New(opts)
	first := watch(t, s.PublicHandler(), "/api/v1/events")
	first.want(": connected")
	wantProblem(t, ask(t, s.PublicHandler(), http.MethodGet, "/api/v1/events", withHeader("Accept", eventStream)),
		http.StatusServiceUnavailable, CodeTooManyStreams)
	// Strangers cannot use the administrator's streams up.
	watch(t, s.LocalHandler(), "/api/v1/events").want(": connected")
	// A list is no stream.
	if r := ask(t, s.PublicHandler(), http.MethodGet, "/api/v1/events"); r.StatusCode != http.StatusOK {
		t.Errorf("list: status %d", r.StatusCode)
	}
}

func TestAcceptDecidesWhatIsAnswered(t *testing.T) {
	for accept, want := range map[string]bool{
		"":                                    false,
		"*/*":                                 false,
		"application/json":                    false,
		"text/event-stream":                   true,
		"Text/Event-Stream":                   true,
		"application/json, text/event-stream": true,
		"text/event-stream;q=0.9, */*;q=0.1":  true,
		"text/event-streams":                  false,
	} {
		if got := (StreamQuery{Accept: accept}).wantsStream(); got != want {
			t.Errorf("Accept %q: stream %v, want %v", accept, got, want)
		}
	}
}

func TestGapFinder(t *testing.T) {
	g := newGapFinder()
	for _, step := range []struct {
		key    string
		n      uint64
		missed uint64
		fresh  bool
	}{
		{"a", 5, 0, true}, {"a", 6, 0, true}, {"b", 1, 0, true}, {"a", 6, 0, false}, {"a", 4, 0, false}, {"a", 9, 2, true}, {"b", 2, 0, true},
	} {
		if missed, fresh := g.next(step.key, step.n); missed != step.missed || fresh != step.fresh {
			t.Errorf("%s %d: missed %d fresh %v, want %d %v", step.key, step.n, missed, fresh, step.missed, step.fresh)
		}
	}
	if n := g.silent(2); n != 0 {
		t.Errorf("told %d again", n)
	}
	if n := g.silent(5); n != 3 {
		t.Errorf("silent: %d, want 3", n)
	}
	if missed, _ := g.next("a", 100); missed != 0 {
		t.Errorf("told %d again", missed)
	}
}

func TestLogCursor(t *testing.T) {
	want := logCursor{"shop-1": 12, "shop-2": 40}
	got, err := parseLogCursor(want.String())
	if err != nil || got.String() != "shop-1:12,shop-2:40" {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "shop-1", "shop-1:", ":1", "shop-1:x", "shop-1:-1", "shop-1:1,", "shop-1:99999999999999999999"} {
		if c, err := parseLogCursor(text); err == nil {
			t.Errorf("%q was read as %v", text, c)
		}
	}
}

func FuzzLogCursor(f *testing.F) {
	f.Add("shop-1:12,shop-2:40")
	f.Add(":,:")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseLogCursor(text)
		if err != nil {
			return
		}
		again, err := parseLogCursor(c.String())
		if err != nil || again.String() != c.String() {
			t.Errorf("%q: %q becomes %q, %v", text, c, again, err)
		}
	})
}
