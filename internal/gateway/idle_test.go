package gateway

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"holdfast/internal/config"
)

func TestIncoming(t *testing.T) {
	var all bytes.Buffer
	f := http2.NewFramer(&all, nil)
	f.AllowIllegalWrites = true
	all.WriteString(http2.ClientPreface)
	_ = f.WriteSettings()
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: bytes.Repeat([]byte("x"), 300), EndHeaders: true})
	_ = f.WriteData(7, false, bytes.Repeat([]byte{1}, 1000)) // opens nothing
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 5, EndHeaders: true})
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, EndHeaders: true}) // trailers
	_ = f.WritePing(false, [8]byte{})
	for _, step := range []int{1, 2, 8, 9, 10, 299, all.Len()} {
		in := incoming{left: len(http2.ClientPreface)}
		for p := all.Bytes(); len(p) > 0; {
			n := min(step, len(p))
			if !in.take(p[:n], 4) {
				t.Fatal("it is over")
			}
			p = p[n:]
		}
		if in.last != 5 || in.at != 4 || in.have != 0 || in.left != 0 {
			t.Errorf("in steps of %d: the last is %d at %d, %d and %d to come", step, in.last, in.at, in.have, in.left)
		}
	}
}

// A connection over HTTP/2 ends after its idle time, and the client learns which of its requests was the
// last. Its pings do not keep it.
func TestIdleHTTP2(t *testing.T) {
	b := make(beater)
	conf := slowConfig(t, true)
	l := conf.Listeners["web"]
	l.IdleTimeout = config.Duration(3 * beat)
	conf.Listeners["web"] = l
	r := start(t, conf, b.use)
	hold := make(chan struct{})
	r.ready("shop-1", backend(t, func(_ http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/long" {
			<-hold
		}
	}))
	f := r.framer()
	if err := f.get(1, "/"); err != nil {
		t.Fatal(err)
	}
	f.wait(t, func(frame http2.Frame) bool { return frame.Header().StreamID == 1 && endsStream(frame) })
	if err := f.get(3, "/long"); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return !r.any((*conn).resting) })
	b.beat(10) // it is not idle
	close(hold)
	f.wait(t, func(frame http2.Frame) bool { return frame.Header().StreamID == 3 && endsStream(frame) })
	until(t, func() bool { return r.any((*conn).resting) })
	b.beat(2)
	if err := f.WritePing(false, [8]byte{}); err != nil {
		t.Fatal(err)
	}
	f.wait(t, func(frame http2.Frame) bool { _, ok := frame.(*http2.PingFrame); return ok })
	for !r.any(func(c *conn) bool { return c.state.Load() == connRetired }) {
		b.beat(1)
	}
	f.wait(t, func(frame http2.Frame) bool {
		g, ok := frame.(*http2.GoAwayFrame)
		if ok && (g.LastStreamID != 3 || g.ErrCode != http2.ErrCodeNo) {
			t.Errorf("%v", g)
		}
		return ok
	})
	if err := f.get(5, "/"); err != nil { // it is too late for this one
		t.Fatal(err)
	}
	b.beat(goodbyeBeats + 1)
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			break
		}
		if frame.Header().StreamID == 5 {
			t.Errorf("%v", frame)
		}
	}
	until(t, func() bool { return r.metric("holdfast_connections") == 0 })
	if n := r.metric("holdfast_http_requests_total"); n != 2 {
		t.Errorf("%v requests were answered, want 2", n)
	}
}

// wait reads until a frame is as wanted.
func (f *framer) wait(t *testing.T, wanted func(http2.Frame) bool) {
	t.Helper()
	_ = f.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if wanted(frame) {
			return
		}
	}
}

func endsStream(frame http2.Frame) bool {
	switch frame := frame.(type) {
	case *http2.DataFrame:
		return frame.StreamEnded()
	case *http2.HeadersFrame:
		return frame.StreamEnded()
	}
	return false
}

// The idle time bounds nothing but the time between two requests.
func TestIdleTimeIsNotTheBodys(t *testing.T) {
	conf := testConfig(appRoute())
	l := testListener()
	l.IdleTimeout, l.ReadHeaderTimeout = config.Duration(100*time.Millisecond), config.Duration(time.Minute)
	conf.Listeners["web"] = l
	r := start(t, conf)
	r.ready("shop-1", backend(t, echoHandler))
	conn, in := r.dial("")
	for range 2 { // the second one comes on a connection that was idle
		for _, part := range []string{"POST / HTTP/1.1\r\nHo", "st: a\r\nContent-Length: 2\r\n\r\n", "a", "b"} {
			if _, err := io.WriteString(conn, part); err != nil {
				t.Fatal(err)
			}
			if part != "b" {
				time.Sleep(250 * time.Millisecond)
			}
		}
		wantOK(t, in)
	}
	began := time.Now()
	if _, err := in.ReadByte(); err == nil {
		t.Error("it sends more")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it was closed after %v", took)
	}
}
