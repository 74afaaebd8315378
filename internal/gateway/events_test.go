package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/config"
)

func TestEventScanner(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		first    int  // where the first event ends
		inside   bool // at the end
	}{
		{"nothing", "", -1, false},
		{"LF", "data: x\n\n", 9, false},
		{"CRLF", "data: x\r\n\r\n", 11, false},
		{"CR", "data: x\r\r", 9, false},
		{"mixed", "data: x\r\n\n", 10, false},
		{"two", "a\n\nb\n\n", 3, false},
		{"part of the second", "a\n\nb\n", 3, true},
		{"comment", ":\n\n", 3, false},
		{"a line", "data: x\n", -1, true},
		{"half a line", "data", -1, true},
		{"empty lines", "\n\n", 1, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s eventScanner
			if got := s.feed([]byte(tc.in)); got != tc.first || s.inEvent != tc.inside {
				t.Errorf("feed = %d, inside %v; want %d, %v", got, s.inEvent, tc.first, tc.inside)
			}
			var pieces eventScanner
			for _, b := range []byte(tc.in) {
				pieces.feed([]byte{b})
			}
			if pieces != s {
				t.Errorf("byte by byte: %+v, want %+v", pieces, s)
			}
		})
	}
}

// FuzzEventScanner compares it with looking at the whole text.
func FuzzEventScanner(f *testing.F) {
	for _, seed := range []string{"data: x\n\n", "id: 1\r\ndata\r\n\r\n:", "\r\r\n\n", "a\n\rb"} {
		f.Add([]byte(seed), uint8(2))
	}
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		var whole, pieces eventScanner
		end := whole.feed(data)
		for rest := data; len(rest) > 0; {
			n := min(int(piece)+1, len(rest))
			pieces.feed(rest[:n])
			rest = rest[n:]
		}
		if whole != pieces {
			t.Fatalf("at once %+v, in pieces %+v", whole, pieces)
		}
		normal := strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\r", "\n")
		if want := strings.HasPrefix(normal, "\n") || strings.Contains(normal, "\n\n"); want != (end >= 0) {
			t.Fatalf("an event ends at %d, want one %v", end, want)
		}
		if want := normal != "" && normal != "\n" && !strings.HasSuffix(normal, "\n\n") && strings.Trim(normal, "\n") != ""; want != whole.inEvent {
			t.Fatalf("inside an event: %v, want %v", whole.inEvent, want)
		}
		if end >= 0 {
			var first eventScanner
			if first.feed(data[:end]); first.inEvent {
				t.Fatal("what ends there is within an event")
			}
		}
	})
}

// TestEventsEndBetweenTwo has a stream told to end by a drain and by the gateway's stop, in the middle
// of an event and between two.
func TestEventsEndBetweenTwo(t *testing.T) {
	for _, told := range []string{"drain", "stop"} {
		for _, inside := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/inside=%v", told, inside), func(t *testing.T) {
				r := start(t, testConfig(appRoute()))
				rest := make(chan struct{})
				var once bool
				target := r.ready("shop-1", backend(t, func(w http.ResponseWriter, req *http.Request) {
					if req.URL.Path != "/events" {
						return
					}
					w.Header().Set("Content-Type", "text/event-stream")
					rc := http.NewResponseController(w)
					_, _ = io.WriteString(w, "id: 1\ndata: one\n\n")
					if inside {
						_, _ = io.WriteString(w, "id: 2\n")
					}
					_ = rc.Flush()
					<-rest
					_, _ = io.WriteString(w, "data: two\n\nid: 3\ndata: three\n\n")
					_ = rc.Flush()
					<-req.Context().Done()
				}))
				c := testClient(t, false)
				res, err := c.Get(r.url("/events"))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = res.Body.Close() }()
				br := bufio.NewReader(res.Body)
				for line := ""; !strings.HasPrefix(line, "id: 2") && (inside || line != "\n"); {
					if line, err = br.ReadString('\n'); err != nil {
						t.Fatal(err)
					}
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					if told == "stop" {
						_ = r.stop()
						return
					}
					r.set.SetReady(target, false)
					r.set.Drain(context.Background(), target)
				}()
				want := ""
				if inside {
					close(rest)
					once, want = true, "data: two\n\n"
				}
				got, err := io.ReadAll(br)
				// What comes before the stream has heard of it is passed on, too.
				if err != nil || strings.TrimSuffix(string(got), "id: 3\ndata: three\n\n") != want {
					t.Errorf("the rest is %q, %v; want %q and a clean end", got, err, want)
				}
				<-done
				if !once {
					close(rest)
				}
				line := r.access.wait(t, func(m map[string]any) bool { return m["path"] == "/events" })
				if line["status"] != 200.0 || line["error"] != nil {
					t.Errorf("access log: %v", line)
				}
			})
		}
	}
}

// TestEventEnd is about the moment at which a stream ends after it was told to.
func TestEventEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := &closes{}
		e := &eventEnd{body: body}
		if part, last := e.take([]byte("id: 1\n")); string(part) != "id: 1\n" || last {
			t.Errorf("take = %q, %v", part, last)
		}
		e.tell()
		if body.n.Load() != 0 {
			t.Error("closed within an event")
		}
		if part, last := e.take([]byte("data: x\n")); string(part) != "data: x\n" || last {
			t.Errorf("take = %q, %v", part, last)
		}
		if part, last := e.take([]byte("\nid: 2\ndata: y\n\n")); string(part) != "\n" || !last {
			t.Errorf("take = %q, %v; want the end of the event only", part, last)
		}
		time.Sleep(closingGrace - time.Millisecond) // synctest's clock
		synctest.Wait()
		if body.n.Load() != 0 {
			t.Error("closed before its time")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if body.n.Load() != 1 || !e.over() {
			t.Errorf("closed %d times, over %v", body.n.Load(), e.over())
		}
	})
	body := &closes{}
	e := &eventEnd{body: body, encoded: true}
	e.take([]byte("gzip"))
	if e.tell(); body.n.Load() != 1 {
		t.Error("an encoded stream goes on")
	}
}

type closes struct{ n atomic.Int64 }

func (c *closes) Close() error { c.n.Add(1); return nil }

// Other answers without an end go on: nobody knows where they may be cut.
func TestOtherStreamsGoOn(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	next := make(chan struct{})
	target := r.ready("shop-1", backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		rc := http.NewResponseController(w)
		_ = rc.Flush()
		<-next
		_, _ = io.WriteString(w, "{}\n")
	}))
	res, err := testClient(t, false).Get(r.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	r.set.SetReady(target, false)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r.set.Drain(ctx, target)
	close(next)
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "{}\n" {
		t.Errorf("%q, %v", body, err)
	}
}

// A drain of one instance leaves the clients' connections as they are.
func TestDrainKeepsConnections(t *testing.T) {
	r := start(t, testConfig(map[string]config.Route{"shop": appRoute()["shop"]}))
	one := r.ready("shop-1", backend(t, bodyHandler))
	l := startLoad(t, 2, func() string { return r.url("/") })
	l.wait(10)
	r.ready("shop-2", backend(t, bodyHandler))
	r.set.SetReady(one, false)
	r.set.Drain(t.Context(), one)
	l.wait(l.requests.Load() + 20)
	l.end(t)
	if n := l.connections.Load(); n != 2 {
		t.Errorf("%d connections were made, want 2", n)
	}
}
