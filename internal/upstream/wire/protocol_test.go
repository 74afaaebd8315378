package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

// echo answers with what it was sent, and in which protocol.
func echo(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusEarlyHints)
	w.Header().Set("Trailer", "X-Proto")
	body, _ := io.ReadAll(r.Body)
	_, _ = fmt.Fprintf(w, "%s %s %s %s %v", r.Method, r.RequestURI, r.Host, body, r.Trailer)
	w.Header().Set("X-Proto", r.Proto)
}

// TestProtocols speaks to real servers.
func TestProtocols(t *testing.T) {
	for _, tc := range []struct {
		name         string
		tls, h2, own bool // own: the server speaks HTTP/2
		want         string
	}{
		{"http1", false, false, false, "HTTP/1.1"},
		{"https", true, false, true, "HTTP/1.1"},
		{"h2", true, true, true, "HTTP/2.0"},
		{"h2 that is none", true, true, false, "HTTP/1.1"},
		{"h2c", false, true, true, "HTTP/2.0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(echo))
			server.Config.Protocols = new(http.Protocols)
			server.Config.Protocols.SetHTTP1(true)
			server.Config.Protocols.SetUnencryptedHTTP2(tc.own && !tc.tls)
			server.Config.Protocols.SetHTTP2(tc.own && tc.tls)
			server.EnableHTTP2 = tc.own
			o := Options{}
			if tc.tls {
				server.StartTLS()
				o.TLS = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "example.com", MinVersion: tls.VersionTLS12}
				o.TLS.RootCAs.AddCert(server.Certificate())
			} else {
				server.Start()
			}
			defer server.Close()
			var s Sender = New(server.Listener.Addr().String(), o)
			if tc.h2 {
				s = NewHTTP2(server.Listener.Addr().String(), o)
			}
			defer s.CloseIdle()
			for i := range 3 {
				for _, length := range []int64{3, -1} {
					interim := 0
					r := &Request{
						Method: "POST", Target: "/a%2Fb?c=%zz&d", Host: "shop.example.com", Body: strings.NewReader("abc"), Length: length,
						Trailer: http.Header{"X-Sum": {"7"}},
						Interim: func(int, http.Header) error { interim++; return nil },
					}
					trailer := "map[]"
					if length < 0 {
						trailer = "map[X-Sum:[7]]"
					}
					want := fmt.Sprintf(`200 "POST /a%%2Fb?c=%%zz&d shop.example.com abc %s" map[X-Proto:[%s]]`, trailer, tc.want)
					if text := got(s.Send(t.Context(), r)); text != want {
						t.Errorf("answer = %s\nwant     %s", text, want)
					}
					if !r.Connected || !r.Sent || !r.Answered || interim != 1 || r.Reused != (i > 0 || length < 0) {
						t.Errorf("%+v, %d interim answers", []bool{r.Connected, r.Sent, r.Answered, r.Reused}, interim)
					}
				}
			}
		})
	}
}

// TestWrongCertificate sends nothing to a server that is not the one.
func TestWrongCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	server.StartTLS()
	defer server.Close()
	for _, s := range []Sender{
		New(server.Listener.Addr().String(), Options{TLS: &tls.Config{MinVersion: tls.VersionTLS12}}),
		NewHTTP2(server.Listener.Addr().String(), Options{TLS: &tls.Config{MinVersion: tls.VersionTLS12}}),
	} {
		r := get()
		_, err := s.Send(t.Context(), r) //nolint:bodyclose // there is none
		var refused *ConnectError
		if !errors.As(err, &refused) || r.Sent {
			t.Errorf("%v, sent %v", err, r.Sent)
		}
		s.CloseIdle()
	}
}

// TestHTTP2Breaks breaks a request off that has no end.
func TestHTTP2Breaks(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	s := NewHTTP2(server.Listener.Addr().String(), Options{})
	defer s.CloseIdle()
	for _, target := range []string{"/", "/body"} {
		r := &Request{Method: "GET", Target: target, Host: "h"}
		time.AfterFunc(10*time.Millisecond, func() { r.Break(io.ErrClosedPipe) })
		res, err := s.Send(t.Context(), r)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: %v", target, err)
		}
	}
}

// TestInterimFlood has a target that never comes to the point.
func TestInterimFlood(t *testing.T) {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			w.WriteHeader(http.StatusEarlyHints)
		}
	}))
	server.Config.Protocols = &protocols
	server.Start()
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	for name, s := range map[string]Sender{"http1": New(address, Options{}), "h2c": NewHTTP2(address, Options{})} {
		t.Run(name, func(t *testing.T) {
			defer s.CloseIdle()
			for _, hears := range []bool{true, false} {
				r, interim := get(), 0
				if hears {
					r.Interim = func(int, http.Header) error { interim++; return nil }
				}
				if text := got(s.Send(t.Context(), r)); !strings.HasPrefix(text, "error: ") || interim > maxInterim {
					t.Errorf("answer = %s after %d interim ones", text, interim)
				}
			}
		})
	}
}

// TestLongHeader has an answer with a header that is longer than it may be.
func TestLongHeader(t *testing.T) {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Long", strings.Repeat("x", 20<<10))
	}))
	server.Config.Protocols = &protocols
	server.Start()
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	o := Options{MaxHeader: 10 << 10}
	for name, s := range map[string]Sender{"http1": New(address, o), "h2c": NewHTTP2(address, o)} {
		t.Run(name, func(t *testing.T) {
			defer s.CloseIdle()
			if text := got(s.Send(t.Context(), get())); !strings.HasPrefix(text, "error: ") {
				t.Errorf("answer = %s", text)
			}
		})
	}
}

// TestSession switches protocols, with bytes of the session right behind the answer.
func TestSession(t *testing.T) {
	s := serve(t, func(_ int, c *net.TCPConn) {
		head(c)
		write(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello")
		b, _ := io.ReadAll(c)
		write(c, " "+string(b))
	})
	for name, sender := range map[string]Sender{"http1": New(s.address, Options{}), "h2c": NewHTTP2(s.address, Options{})} {
		r := get()
		r.Upgrade = "websocket"
		res, err := sender.Send(t.Context(), r) //nolint:bodyclose // as a session
		if err != nil {
			t.Fatal(err)
		}
		session, ok := res.Body.(*Session)
		if !ok || res.StatusCode != 101 || res.Header.Get("Upgrade") != "websocket" {
			t.Fatalf("%s: %d %v %T", name, res.StatusCode, res.Header, res.Body)
		}
		write(session, "world")
		if err := session.CloseWrite(); err != nil {
			t.Error(err)
		}
		if b, err := io.ReadAll(session); string(b) != "hello world" || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		_ = session.Close()
	}
	s.end()
}

// TestCloseWhileReading is what ends a stream from outside.
func TestCloseWhileReading(t *testing.T) {
	s := serve(t, func(_ int, c *net.TCPConn) {
		head(c)
		write(c, "HTTP/1.1 200 OK\r\n\r\nab")
		_, _ = io.Copy(io.Discard, c)
	})
	tr := s.transport(Options{})
	res, err := tr.Send(t.Context(), get()) //nolint:bodyclose // another goroutine does
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() { <-read; _ = res.Body.Close() }()
	buf := make([]byte, 10)
	_, err = io.ReadFull(res.Body, buf[:2])
	close(read)
	for err == nil {
		_, err = res.Body.Read(buf)
	}
	if !errors.Is(err, errClosed) {
		t.Errorf("error = %v", err)
	}
}

// TestIdle tells what becomes of connections that are not used, by a clock of its own.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := New("", Options{MaxIdle: 3, IdleTimeout: 4 * time.Second})
		fresh := func() (*conn, net.Conn) {
			a, b := net.Pipe()
			return newConn(a, tr), b
		}
		open := func(c net.Conn) bool {
			_ = c.SetReadDeadline(time.Now())
			_, err := c.Read(make([]byte, 1))
			return !errors.Is(err, io.EOF)
		}
		var ends []net.Conn
		var conns []*conn
		for range 5 {
			c, end := fresh()
			conns, ends = append(conns, c), append(ends, end)
		}
		for i, c := range conns[:4] {
			tr.idle.put(c)
			if i == 1 {
				time.Sleep(3 * time.Second)
			}
		}
		if open(ends[3]) || !open(ends[2]) {
			t.Error("a fourth one was kept, or the third one was not")
		}
		if c := tr.idle.take(); c != conns[2] {
			t.Error("the youngest is not the first")
		}
		tr.idle.put(conns[2])
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if open(ends[0]) || open(ends[1]) || !open(ends[2]) {
			t.Error("the old ones are not those that are gone")
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if open(ends[2]) || tr.idle.take() != nil {
			t.Error("an old one is there")
		}
		tr.CloseIdle()
		tr.idle.put(conns[4]) // was in use meanwhile
		if open(ends[4]) {
			t.Error("one of before the flush was kept")
		}
		c, end := fresh()
		tr.idle.put(c)
		tr.CloseIdle()
		if open(end) || len(tr.open.conns) != 0 {
			t.Error("an idle one was not flushed")
		}
	})
}

// TestUnasked has a server speak, or close, on a kept-alive connection. Nothing of that is an answer to
// the next request, whatever its method, which is sent on another connection.
func TestUnasked(t *testing.T) {
	const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
	for name, then := range map[string]func(*net.TCPConn){
		"speaks": func(c *net.TCPConn) { write(c, evil) },
		"closes": func(c *net.TCPConn) { _ = c.CloseWrite() },
		"resets": func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() },
	} {
		for _, body := range []string{"none", "short", "long"} {
			t.Run(name+" "+body, func(t *testing.T) {
				quiet, spoken := make(chan struct{}), make(chan struct{})
				s := serve(t, func(n int, c *net.TCPConn) {
					head(c)
					write(c, okAnswer)
					if n == 0 {
						<-quiet
						then(c)
						close(spoken)
					}
					_, _ = io.Copy(io.Discard, c)
				})
				tr := s.transport(Options{})
				if text := got(tr.Send(t.Context(), get())); text != `200 "ok"` {
					t.Fatal(text)
				}
				close(quiet)
				<-spoken
				waitSpoken(t, tr)
				r := &Request{Method: "POST", Target: "/", Host: "h"}
				switch body {
				case "short":
					r.Body, r.Length = strings.NewReader("abc"), 3
				case "long":
					r.Body, r.Length = strings.NewReader(strings.Repeat("x", 100_000)), 100_000
				}
				if text := got(tr.Send(t.Context(), r)); text != `200 "ok"` || r.Reused {
					t.Errorf("answer = %s, reused %v", text, r.Reused)
				}
			})
		}
	}
}

// waitSpoken waits until what the server did has come through to the idle connection.
func waitSpoken(t *testing.T, tr *Transport) {
	t.Helper()
	c := tr.idle.take()
	if c == nil {
		t.Fatal("no idle connection")
	}
	for !c.look() {
		time.Sleep(time.Millisecond)
	}
	tr.idle.put(c)
}
