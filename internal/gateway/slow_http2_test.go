package gateway

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// framer is a client of HTTP/2 that says what it likes.
type framer struct {
	*http2.Framer
	conn   *tls.Conn
	header bytes.Buffer
	enc    *hpack.Encoder
}

func (r *rig) framer(settings ...http2.Setting) *framer {
	r.t.Helper()
	conn, err := tls.Dial("tcp", r.Addrs()["web"], &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	f := &framer{Framer: http2.NewFramer(conn, conn), conn: conn}
	f.enc = hpack.NewEncoder(&f.header)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		r.t.Fatal(err)
	}
	if err := f.WriteSettings(settings...); err != nil {
		r.t.Fatal(err)
	}
	return f
}

// get begins a request.
func (f *framer) get(stream uint32, path string) error {
	return f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.block("GET", path), EndStream: true, EndHeaders: true})
}

// block is the header of a request.
func (f *framer) block(method, path string) []byte {
	f.header.Reset()
	for _, h := range [][2]string{{":method", method}, {":scheme", "https"}, {":authority", "x"}, {":path", path}} {
		_ = f.enc.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}) // into memory
	}
	return f.header.Bytes()
}

// TestRapidReset takes back every request that it makes (CVE-2023-44487).
func TestRapidReset(t *testing.T) {
	r := start(t, slowConfig(t, true))
	begun, ended := make(chan struct{}), make(chan struct{})
	r.ready("shop-1", backend(t, func(_ http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/well" {
			return
		}
		begun <- struct{}{}
		<-q.Context().Done()
		ended <- struct{}{}
	}))
	f := r.framer()
	var last uint32
	for stream := uint32(1); stream < 2*freeResets; stream += 2 {
		if err := f.get(stream, "/well"); err != nil {
			t.Fatal(err)
		}
		for done := false; !done; {
			frame, err := f.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			done = frame.Header().StreamID == stream && frame.Header().Flags.Has(http2.FlagHeadersEndStream)
		}
		last = stream
	}
	resets := 0
	for stream := last + 2; f.get(stream, "/") == nil; stream += 2 {
		<-begun
		resets++
		_ = f.WriteRSTStream(stream, http2.ErrCodeCancel)
		<-ended
		// The handler returns after its target; a request that is answered shows that it has, or the end.
		until(t, func() bool { return !r.any(func(c *conn) bool { return c.streams.count() > 0 }) })
		if r.metric("holdfast_connections") == 0 {
			break
		}
	}
	if want := freeResets + freeResets + 1; resets != want { // as many as were answered besides
		t.Errorf("the connection ended after %d requests that were taken back, want %d", resets, want)
	}
	if n := r.metric("holdfast_connections_ended_total", "reason", "resets"); n != 1 {
		t.Errorf("%v connections ended for it, want 1", n)
	}
}

func (s *streams) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// TestNoWindow asks for a large answer and grants it no window.
func TestNoWindow(t *testing.T) {
	b := make(beater)
	r := withBig(t, b, true)
	f := r.framer(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	if err := f.get(1, "/length"); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var reset, alive bool
	go func() {
		defer close(done)
		for !reset || !alive {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			switch frame := frame.(type) {
			case *http2.RSTStreamFrame:
				reset = frame.StreamID == 1
				_ = f.WritePing(false, [8]byte{})
			case *http2.PingFrame:
				alive = frame.IsAck()
			}
		}
	}()
	b.until(r, done, func(c *conn) bool { return sending(c) && !c.out.waiting.Load() })
	if n := r.metric("holdfast_connections_ended_total", "reason", "slow_answer"); !reset || !alive || n != 1 {
		t.Errorf("reset: %v, the connection answers: %v, %v counted; want both and 1", reset, alive, n)
	}
}

// TestSlowHTTP2Connection takes nothing of what comes, on any stream.
func TestSlowHTTP2Connection(t *testing.T) {
	b := make(beater)
	r := withBig(t, b, true)
	f := r.framer(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
	if err := f.WriteWindowUpdate(0, 1<<30); err != nil {
		t.Fatal(err)
	}
	for stream := uint32(1); stream < 9; stream += 2 {
		if err := f.get(stream, "/length"); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		until(t, func() bool { return r.metric("holdfast_connections_ended_total", "reason", "slow_answer") > 0 })
		until(t, func() bool { return r.metric("holdfast_connections") == 0 })
	}()
	b.until(r, done, func(c *conn) bool { return c.out.waiting.Load() })
}

func TestFloodgate(t *testing.T) {
	const header = 32 << 10
	for _, c := range []struct {
		name string
		beat effort // what each one brings
		want bool
	}{
		{"silence", effort{}, false},
		{"many small frames", effort{received: 1 << 20}, true},
		{"as much as is free", effort{received: floodFree}, false},
		{"a fast download and a WINDOW_UPDATE for every 4 KiB of it, twice", effort{received: 25600 * 2 * 35, sent: 100 << 20}, false},
		{"a fast upload in small frames", effort{received: 60 << 20, taken: 40 << 20}, false},
		{"requests with large headers", effort{received: 500 * 16 << 10, begun: 500}, false},
		{"requests and a flood", effort{received: 50 << 20, begun: 500}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f floodgate
			var now effort
			got := 0
			for n := 1; n <= 100 && got == 0; n++ {
				now.received, now.sent = now.received+c.beat.received, now.sent+c.beat.sent
				now.taken, now.begun = now.taken+c.beat.taken, now.begun+c.beat.begun
				if f.flooded(now, header) {
					got = n
				}
			}
			if want := map[bool]int{true: floodBeats}[c.want]; got != want {
				t.Errorf("a flood at beat %d, want %d", got, want)
			}
		})
	}
}

// TestFlood keeps a connection busy with frames that ask for nothing.
func TestFlood(t *testing.T) {
	for _, kind := range []string{"WINDOW_UPDATE", "CONTINUATION", "DATA"} {
		t.Run(kind, func(t *testing.T) {
			b := make(beater)
			r := start(t, slowConfig(t, true), b.use)
			r.ready("shop-1", backend(t, echoHandler))
			f := r.framer()
			go func() { _, _ = io.Copy(io.Discard, f.conn) }()
			switch kind {
			case "CONTINUATION":
				if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1}); err != nil {
					t.Fatal(err)
				}
			case "DATA":
				if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.block("POST", "/"), EndHeaders: true}); err != nil {
					t.Fatal(err)
				}
			}
			frames := bytes.Repeat(map[string][]byte{
				"WINDOW_UPDATE": {0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1},
				"CONTINUATION":  {0, 0, 0, 9, 0, 0, 0, 0, 1},
				"DATA":          {0, 0, 0, 0, 0, 0, 0, 0, 1},
			}[kind], 1000)
			var err error
			for sent, next := int64(0), int64(2*floodFree); err == nil; {
				var n int
				n, err = f.conn.Write(frames)
				if sent += int64(n); sent < next {
					continue
				}
				next += 2 * floodFree
				until(t, func() bool { // what came before it was known to be HTTP/2 is not counted
					return r.metric("holdfast_connections") == 0 || r.any(func(c *conn) bool { return c.received.Load() >= sent-floodFree/2 })
				})
				b.beat(1)
			}
			if n := r.metric("holdfast_connections_ended_total", "reason", "flood"); n != 1 {
				t.Errorf("%v connections ended for a flood, want 1: %v", n, err)
			}
		})
	}
}
