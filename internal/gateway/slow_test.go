package gateway

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
)

func TestPace(t *testing.T) {
	const rate = 240
	for _, c := range []struct {
		name    string
		bytes   func(beat int) int64
		waiting func(beat int) bool
		want    int // the beat at which it is too slow; 0: never
	}{
		{"nothing comes", func(int) int64 { return 0 }, always, grace + 1},
		{"half of the rate", func(int) int64 { return rate / 2 }, always, 2 * grace},
		{"just the rate", func(int) int64 { return rate }, always, 0},
		{"one byte a beat", func(int) int64 { return 1 }, always, grace + 1},
		{"in spurts", func(n int) int64 { return int64(n%4/3) * 4 * rate }, always, 0},
		{"all at once, then nothing", func(n int) int64 { return int64(1/n) << 40 }, always, maxSaved + 1},
		{"nobody waits", func(int) int64 { return 0 }, func(int) bool { return false }, 0},
		{"waits now and then", func(int) int64 { return 0 }, func(n int) bool { return n%2 == 0 }, 0},
		{"the target takes long, then nothing", func(int) int64 { return 0 }, func(n int) bool { return n > 100 }, 100 + grace + 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p pace
			got := 0
			for n := 1; n <= 1000 && got == 0; n++ {
				p.waiting.Store(c.waiting(n))
				if n > 1 { // what came before the first beat is not known
					p.bytes.Add(c.bytes(n - 1))
				}
				if p.sample(rate) {
					got = n
				}
			}
			if c.name == "all at once, then nothing" {
				got-- // it came after the first beat
			}
			if got != c.want {
				t.Errorf("too slow at beat %d, want %d", got, c.want)
			}
		})
	}
}

func always(int) bool { return true }

func slowConfig(t *testing.T, tlsToo bool) *config.Config {
	t.Helper()
	c := limited(func(l *config.Listener) { l.MinDataRate, l.MaxStreams = 240, 250 })
	c.Routes["fixed"] = config.Route{Match: config.Match{Path: "/fixed"}, Respond: &config.Respond{Status: 200, Body: "fixed"}}
	if tlsToo {
		l := c.Listeners["web"]
		l.Certificate = "c"
		c.Listeners["web"] = l
		c.Certificates = map[string]config.Certificate{"c": writePair(t, t.TempDir(), 1)}
	}
	return c
}

// TestSlowBody sends a part of a body and then no more.
func TestSlowBody(t *testing.T) {
	for _, c := range []struct {
		name, path, header, sent string
		want                     int
	}{
		{"to an app", "/", "Content-Length: 100\r\n", "abc", http.StatusRequestTimeout},
		{"in chunks", "/", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n", http.StatusRequestTimeout},
		{"not a byte", "/", "Content-Length: 100\r\n", "", http.StatusRequestTimeout},
		{"nobody reads it", "/fixed", "Content-Length: 100\r\n", "abc", http.StatusOK},
		{"after 100 Continue", "/", "Content-Length: 100\r\nExpect: 100-continue\r\n", "", http.StatusRequestTimeout},
	} {
		for _, encrypted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/tls=%v", c.name, encrypted), func(t *testing.T) {
				b := make(beater)
				r := start(t, slowConfig(t, encrypted), b.use)
				r.ready("shop-1", backend(t, echoHandler))
				conn := r.connect(encrypted)
				_, _ = io.WriteString(conn, "POST "+c.path+" HTTP/1.1\r\nHost: x\r\n"+c.header+"\r\n"+c.sent)
				in, done := bufio.NewReader(conn), make(chan struct{})
				var status int
				var closes bool
				var rest error
				go func() {
					defer close(done)
					for status < 200 {
						res, err := http.ReadResponse(in, nil)
						if err != nil {
							rest = err
							return
						}
						status, closes = res.StatusCode, res.Close
						_, _ = io.Copy(io.Discard, res.Body)
						_ = res.Body.Close()
					}
					_, rest = in.ReadByte()
				}()
				b.until(r, done, receiving)
				if status != c.want || !closes || rest == nil {
					t.Errorf("status %d, closes: %v, then %v; want %d and the end", status, closes, rest, c.want)
				}
				if n := r.metric("holdfast_connections_ended_total", "reason", "slow_body"); n != 1 {
					t.Errorf("%v slow bodies are counted, want 1", n)
				}
				line := r.access.wait(t, func(map[string]any) bool { return true })
				if line["status"] != float64(c.want) {
					t.Errorf("the access log tells status %v, want %d", line["status"], c.want)
				}
			})
		}
	}
}

// connect opens a connection, with HTTP/1.1 over TLS.
func (r *rig) connect(encrypted bool) net.Conn {
	r.t.Helper()
	conn, _ := r.dial("")
	if !encrypted {
		return conn
	}
	return tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
}

// TestSlowBodyHTTP2 is the same over HTTP/2: the other streams of the connection go on.
func TestSlowBodyHTTP2(t *testing.T) {
	b := make(beater)
	r := start(t, slowConfig(t, true), b.use)
	r.ready("shop-1", backend(t, echoHandler))
	client := testClient(t, true)
	address := "https://" + r.Addrs()["web"]
	get(t, client, "GET", address)
	body, w := io.Pipe()
	defer func() { _ = w.Close() }()
	done := make(chan struct{})
	status := 0
	go func() {
		defer close(done)
		res, err := client.Post(address, "text/plain", body)
		if err == nil {
			status = res.StatusCode
			_ = res.Body.Close()
		}
	}()
	_, _ = io.WriteString(w, "abc")
	b.until(r, done, receiving)
	if n := r.metric("holdfast_connections_ended_total", "reason", "slow_body"); status != http.StatusRequestTimeout || n != 1 {
		t.Errorf("status %d, %v counted; want 408 and 1", status, n)
	}
	if res, _ := get(t, client, "GET", address); res.StatusCode != 200 || r.metric("holdfast_connections") != 1 {
		t.Errorf("afterwards: %d, %v connections; want 200 on the same one", res.StatusCode, r.metric("holdfast_connections"))
	}
}

// TestSilence lets many beats pass in which neither side has anything to say.
func TestSilence(t *testing.T) {
	b := make(beater)
	begun, release := make(chan struct{}, 1), make(chan struct{})
	c := slowConfig(t, true)
	r := start(t, c, b.use)
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, q *http.Request) {
		switch {
		case q.Header.Get("Accept") == "text/event-stream":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: first\n\n")
			_ = http.NewResponseController(w).Flush()
		case q.Method == "POST" && q.ProtoMajor == 1 && q.Header.Get("Content-Type") != "application/grpc":
			_, _ = io.Copy(io.Discard, q.Body) // all of it is here; the answer takes long
		}
		begun <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "data: last\n\n")
	}))
	for _, http2 := range []bool{false, true} {
		for _, kind := range []string{"answer that takes long", "body, then an answer that takes long", "event stream", "gRPC"} {
			if kind == "gRPC" && !http2 {
				continue
			}
			t.Run(fmt.Sprintf("%s/http2=%v", kind, http2), func(t *testing.T) {
				method, body := "GET", io.Reader(nil)
				if strings.HasPrefix(kind, "body") {
					method, body = "POST", strings.NewReader(strings.Repeat("x", 1000))
				}
				pipe, w := io.Pipe()
				if kind == "gRPC" {
					method, body = "POST", pipe
				}
				req, err := http.NewRequestWithContext(t.Context(), method, "https://"+r.Addrs()["web"], body)
				if err != nil {
					t.Fatal(err)
				}
				if kind == "event stream" {
					req.Header.Set("Accept", "text/event-stream")
				}
				if kind == "gRPC" {
					req.Header.Set("Content-Type", "application/grpc")
				}
				text := make(chan string, 1)
				client := testClient(t, http2)
				go func() {
					res, err := client.Do(req)
					if err != nil {
						text <- err.Error()
						return
					}
					all, err := io.ReadAll(res.Body)
					_ = res.Body.Close()
					text <- fmt.Sprint(res.StatusCode, string(all), err)
				}()
				if kind == "gRPC" {
					_, _ = io.WriteString(w, "hello")
				}
				<-begun
				for range 3 * maxSaved {
					until(t, func() bool { return !r.any(sending) })
					b.beat(1)
				}
				release <- struct{}{}
				_ = w.Close()
				if got := <-text; !strings.HasPrefix(got, "200") || !strings.Contains(got, "data: last") {
					t.Errorf("after a long silence: %s", got)
				}
			})
		}
	}
	if n := r.metric("holdfast_connections_ended_total"); n != 0 {
		t.Errorf("%v were ended, want 0", n)
	}
}

// bigData is more than the kernel's buffers take.
func bigData() []byte {
	part := make([]byte, 1021) // a prime: no two blocks are alike
	for i := range part {
		part[i] = byte(i * 7 >> 2)
	}
	return bytes.Repeat(part, 12<<10)
}

// withBig serves bigData in three ways.
func withBig(t *testing.T, b beater, encrypted bool) *rig {
	t.Helper()
	dir, data := t.TempDir(), bigData()
	if err := os.WriteFile(filepath.Join(dir, "big"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	c := slowConfig(t, encrypted)
	c.Routes["files"] = config.Route{Match: config.Match{PathPrefix: "/files"}, StripPrefix: "/files", FileServer: &config.FileServer{Root: dir}}
	r := start(t, c, b.use)
	r.ready("shop-1", backend(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/length" {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		}
		_, _ = w.Write(data)
	}))
	return r
}

// TestSlowAnswer asks for a large answer and takes nothing of it.
func TestSlowAnswer(t *testing.T) {
	for _, path := range []string{"/length", "/chunked", "/files/big"} {
		for _, encrypted := range []bool{false, true} {
			t.Run(fmt.Sprintf("path=%s/tls=%v", path, encrypted), func(t *testing.T) {
				b := make(beater)
				r := withBig(t, b, encrypted)
				conn := r.connect(encrypted)
				_, _ = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
				done := make(chan struct{})
				go func() {
					defer close(done)
					r.access.wait(t, func(map[string]any) bool { return true })
				}()
				b.until(r, done, sending)
				until(t, func() bool { return r.metric("holdfast_connections") == 0 })
				if n := r.metric("holdfast_connections_ended_total", "reason", "slow_answer"); n != 1 {
					t.Errorf("%v slow answers are counted, want 1", n)
				}
				if _, err := io.Copy(io.Discard, conn); err == nil {
					t.Error("the answer seems to be whole")
				}
			})
		}
	}
}

// TestSteadyAnswer takes a large answer slowly, but fast enough, and wants every byte of it.
func TestSteadyAnswer(t *testing.T) {
	for _, path := range []string{"/length", "/chunked", "/files/big"} {
		for _, encrypted := range []bool{false, true} {
			t.Run(fmt.Sprintf("path=%s/tls=%v", path, encrypted), func(t *testing.T) {
				b := make(beater)
				r := withBig(t, b, encrypted)
				conn := r.connect(encrypted)
				_, _ = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
				res, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = res.Body.Close() }()
				var got bytes.Buffer
				for err == nil {
					_, err = io.CopyN(&got, res.Body, 256<<10)
					b.beat(1)
					until(t, func() bool { return !r.any(lookedAt) })
				}
				if !errors.Is(err, io.EOF) || !bytes.Equal(got.Bytes(), bigData()) {
					t.Errorf("%d bytes, %v; want all %d", got.Len(), err, len(bigData()))
				}
				if n := r.metric("holdfast_connections_ended_total"); n != 0 {
					t.Errorf("%v were ended, want 0", n)
				}
			})
		}
	}
}

// TestDeadlines are somebody else's: a look does not take them off, and does not go beyond them.
// connPair is a connection of nobody's, and its other end.
func connPair(t *testing.T) (*conn, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	tcp, ok := accepted.(*net.TCPConn)
	if !ok {
		t.Fatal("not TCP")
	}
	c := &conn{TCPConn: tcp}
	t.Cleanup(func() { _ = c.TCPConn.Close() })
	return c, peer
}

func TestDeadlines(t *testing.T) {
	c, _ := connPair(t)
	if err := c.SetWriteDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	c.look()
	if n, err := c.Write([]byte("x")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after its deadline: %d, %v", n, err)
	}
	if err := c.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	c.look()
	if n, err := c.Write([]byte("x")); n != 1 || err != nil {
		t.Errorf("after a look: %d, %v", n, err)
	}
}

// TestUploadStates follow a body that nobody reads: net/http reads the rest before it sends the answer,
// and watches the connection from then on, which is no body.
func TestUploadStates(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	dialed, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	tcp, ok := dialed.(*net.TCPConn)
	if !ok {
		t.Fatal("not TCP")
	}
	c := &conn{TCPConn: tcp}
	defer func() { _ = tcp.Close() }()
	w := c.upload(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader("abc")))
	for _, step := range []struct {
		do   func()
		want int32
	}{
		{func() {}, bodyNew},
		{func() { _, _ = c.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")) }, bodyNew},
		{func() { w.WriteHeader(http.StatusEarlyHints) }, bodyNew},
		{func() { w.WriteHeader(http.StatusOK) }, bodyAnswering},
		{func() { _, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")) }, bodyNone},
		{func() { w.WriteHeader(http.StatusOK) }, bodyNone},
	} {
		step.do()
		if got := c.body.Load(); got != step.want {
			t.Errorf("state %d, want %d", got, step.want)
		}
	}
}
