package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// TestRequests says what is sent for a request.
func TestRequests(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	trailer := http.Header{"X-Sum": {"7"}, "Content-Length": {"9"}}
	for _, tc := range []struct {
		name string
		r    *Request
		want string // the rest of the request after its first line, its fields sorted by being one each
	}{
		{"plain", &Request{Method: "GET", Target: "/a%2Fb?c=%zz"}, "GET /a%2Fb?c=%zz HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"field", &Request{Method: "GET", Target: "/", Header: http.Header{"X-A": {"1", ""}}}, "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nX-A: \r\n\r\n"},
		{"what frames", &Request{Method: "GET", Target: "/", Header: http.Header{
			"Host": {"x"}, "Content-Length": {"5"}, "Transfer-Encoding": {"chunked"}, "Trailer": {"A"}, "Connection": {"close"},
			"Keep-Alive": {"x"}, "Proxy-Connection": {"x"}, "Upgrade": {"h2c"}, "transfer-encoding": {"chunked"}, "Expect": {"100-continue"},
		}}, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"no body", &Request{Method: "POST", Target: "/"}, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
		{"short body", &Request{Method: "POST", Target: "/", Body: strings.NewReader("abc"), Length: 3}, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"},
		{"empty body", &Request{Method: "POST", Target: "/", Body: strings.NewReader("")}, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"},
		{"short body, long header", &Request{
			Method: "POST", Target: "/", Header: http.Header{"X-A": {long}}, Body: strings.NewReader("abc"), Length: 3,
		}, "POST / HTTP/1.1\r\nHost: h\r\nX-A: " + long + "\r\nContent-Length: 3\r\n\r\nabc"},
		{"long body", &Request{Method: "POST", Target: "/", Body: strings.NewReader(long), Length: 100_000}, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + long},
		{"unknown length", &Request{Method: "POST", Target: "/", Body: strings.NewReader("abc"), Length: -1, Trailer: trailer}, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n"},
		{"unknown and empty", &Request{Method: "POST", Target: "/", Body: strings.NewReader(""), Length: -1}, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sent := make(chan string, 2)
			s := serve(t, func(_ int, c *net.TCPConn) {
				for range 2 {
					buf := make([]byte, len(tc.want))
					n, _ := io.ReadFull(c, buf)
					sent <- string(buf[:n])
					write(c, okAnswer)
				}
			})
			tr := s.transport(Options{})
			tc.r.Host = "h"
			for range 2 { // the connection is good for another one
				if text := got(tr.Send(t.Context(), tc.r)); text != `200 "ok"` {
					t.Fatalf("answer = %s", text)
				}
				if text := <-sent; text != tc.want {
					t.Errorf("sent %.300q, want %.300q", text, tc.want)
				}
				if seeker, ok := tc.r.Body.(io.Seeker); ok {
					_, _ = seeker.Seek(0, io.SeekStart)
				}
			}
			if n := s.accepted(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestRefused is about requests that are not sent, since somebody could read them as two.
func TestRefused(t *testing.T) {
	s := serve(t, func(_ int, c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
	tr := s.transport(Options{})
	for _, r := range []*Request{
		{Method: "", Target: "/"},
		{Method: "G ET", Target: "/"},
		{Method: "CONNECT", Target: "/"},
		{Method: "GET", Target: ""},
		{Method: "GET", Target: "x"},
		{Method: "GET", Target: "/ HTTP/1.1\r\nX: y"},
		{Method: "GET", Target: "/a b"},
		{Method: "GET", Target: "/\x7f"},
		{Method: "GET", Target: "/", Host: "a\r\nb"},
		{Method: "GET", Target: "/", Host: "a/b"},
		{Method: "GET", Target: "/", Header: http.Header{"A\r\nB": {"c"}}},
		{Method: "GET", Target: "/", Header: http.Header{"A:": {"c"}}},
		{Method: "GET", Target: "/", Header: http.Header{"": {"c"}}},
		{Method: "GET", Target: "/", Header: http.Header{"A": {"c\r\nD: e"}}},
		{Method: "GET", Target: "/", Header: http.Header{"A": {"c\x00"}}},
		{Method: "GET", Target: "/", Upgrade: "a b"},
		{Method: "POST", Target: "/", Body: strings.NewReader(""), Length: -2},
		{Method: "POST", Target: "/", Body: strings.NewReader("ab"), Length: 3},
		{Method: "POST", Target: "/", Body: strings.NewReader("abcd"), Length: 3},
	} {
		if text := got(tr.Send(t.Context(), r)); !strings.Contains(text, "invalid request") && !strings.Contains(text, "request body") || r.Sent || r.Connected {
			t.Errorf("%q: %s; sent %v", r.Target, text, r.Sent)
		}
	}
}

// TestBodyOfAnotherLength ends what was begun: it must not pass for a whole request.
func TestBodyOfAnotherLength(t *testing.T) {
	for _, n := range []int{99_999, 100_001} {
		end := make(chan error, 1)
		s := serve(t, func(_ int, c *net.TCPConn) {
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err == nil {
				_, err = io.Copy(io.Discard, r.Body)
			}
			end <- err
		})
		tr := s.transport(Options{})
		r := &Request{Method: "POST", Target: "/", Host: "h", Body: strings.NewReader(strings.Repeat("x", n)), Length: 100_000}
		var bad *BodyError
		res, err := tr.Send(t.Context(), r)
		if err == nil {
			_ = res.Body.Close()
		}
		if !errors.As(err, &bad) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if err := <-end; err == nil {
			t.Errorf("%d bytes: the server has a whole request", n)
		}
	}
}

// endless is a body without an end that waits when told to.
type endless struct{ wait chan struct{} }

func (e *endless) Read(p []byte) (int, error) {
	if e.wait != nil {
		<-e.wait
	}
	return len(p), nil
}

// TestEarlyAnswer answers before the body has come, and reads on, stops reading or closes.
func TestEarlyAnswer(t *testing.T) {
	const size = 10 << 20
	const refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
	for name, then := range map[string]func(*net.TCPConn){
		"reads on":    func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) },
		"closes":      func(*net.TCPConn) {},
		"half closes": func(c *net.TCPConn) { _ = c.CloseWrite(); _, _ = io.Copy(io.Discard, c) },
		"waits": func(c *net.TCPConn) {
			one := make([]byte, 1<<16)
			for {
				if _, err := c.Read(one); err != nil {
					return
				}
			}
		},
		"long refusal": func(c *net.TCPConn) { write(c, strings.Repeat("x", size)) }, // more bytes than announced
	} {
		for _, length := range []int64{size, -1} {
			t.Run(fmt.Sprint(name, " ", length), func(t *testing.T) {
				s := serve(t, func(n int, c *net.TCPConn) {
					head(c)
					if n > 0 {
						write(c, okAnswer)
						return
					}
					write(c, refusal)
					then(c)
				})
				tr := s.transport(Options{})
				r := &Request{Method: "POST", Target: "/", Host: "h", Body: &endless{}, Length: length}
				if text := got(tr.Send(t.Context(), r)); text != `413 "no"` {
					t.Errorf("answer = %s", text)
				}
				r = get()
				if text := got(tr.Send(t.Context(), r)); text != `200 "ok"` || r.Reused {
					t.Errorf("the next one = %s, reused %v", text, r.Reused)
				}
			})
		}
	}
}

// TestBothWrite has the server write more than fits while it does not read: neither may wait for the other.
func TestBothWrite(t *testing.T) {
	const size = 16 << 20
	s := serve(t, func(_ int, c *net.TCPConn) {
		head(c)
		write(c, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size))
		write(c, strings.Repeat("x", size))
		_, _ = io.CopyN(io.Discard, c, size)
	})
	tr := s.transport(Options{})
	r := &Request{Method: "POST", Target: "/", Host: "h", Body: strings.NewReader(strings.Repeat("y", size)), Length: size}
	res, err := tr.Send(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, res.Body); n != size || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	_ = res.Body.Close()
}

// TestFullDuplex has every part of the answer depend on a part of the body.
func TestFullDuplex(t *testing.T) {
	s := serve(t, func(_ int, c *net.TCPConn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		write(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		buf := make([]byte, 1)
		for {
			if _, err := io.ReadFull(r.Body, buf); err != nil {
				break
			}
			write(c, "1\r\n"+string(buf)+"\r\n")
		}
		write(c, "0\r\n\r\n")
		head(c)
		write(c, okAnswer)
	})
	tr := s.transport(Options{})
	pr, pw := io.Pipe()
	r := &Request{Method: "POST", Target: "/", Host: "h", Body: pr, Length: -1}
	res, err := tr.Send(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1)
	for i := range 100 {
		want := byte('a' + i%26)
		_, _ = pw.Write([]byte{want})
		if _, err := io.ReadFull(res.Body, buf); err != nil || buf[0] != want {
			t.Fatalf("part %d: %q, %v", i, buf, err)
		}
	}
	_ = pw.Close()
	if n, err := res.Body.Read(buf); n != 0 || err != io.EOF {
		t.Errorf("end = %d, %v", n, err)
	}
	_ = res.Body.Close()
	r = get()
	if text := got(tr.Send(t.Context(), r)); text != `200 "ok"` || !r.Reused {
		t.Errorf("the next one = %s, reused %v", text, r.Reused)
	}
}

// TestExpect sends a body when it is asked for, or after a while; not after an answer.
func TestExpect(t *testing.T) {
	for _, tc := range []struct {
		name, first string // what the server says before it has the body
		sent        bool
		want        string
		interim     int
	}{
		{"asked for", "HTTP/1.1 100 Continue\r\n\r\n", true, `200 "ok"`, 1},
		{"after a hint", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", true, `200 "ok"`, 2},
		{"silence", "", true, `200 "ok"`, 0},
		{"refused", "HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nno", false, `417 "no"`, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := serve(t, func(n int, c *net.TCPConn) {
				br := bufio.NewReader(c)
				r, err := http.ReadRequest(br)
				if err != nil {
					return
				}
				if n == 0 {
					write(c, tc.first)
				}
				body, _ := io.ReadAll(r.Body)
				if tc.sent == (len(body) == 3) || n > 0 {
					write(c, okAnswer)
				}
			})
			tr := s.transport(Options{ContinueTimeout: 20 * time.Millisecond})
			interim := 0
			r := &Request{
				Method: "POST", Target: "/", Host: "h", Header: http.Header{"Expect": {"100-continue"}}, Body: strings.NewReader("abc"), Length: 3,
				Interim: func(int, http.Header) error { interim++; return nil },
			}
			if text := got(tr.Send(t.Context(), r)); text != tc.want || interim != tc.interim {
				t.Errorf("answer = %s after %d interim ones", text, interim)
			}
			if !tc.sent {
				r = get()
				if text := got(tr.Send(t.Context(), r)); text != `200 "ok"` || r.Reused {
					t.Errorf("the next one = %s, reused %v", text, r.Reused)
				}
			}
		})
	}
}

// TestRefusalIsRead keeps reading a refusal for longer than the patience for "100 Continue".
func TestRefusalIsRead(t *testing.T) {
	more := make(chan struct{})
	s := serve(t, func(_ int, c *net.TCPConn) {
		head(c)
		write(c, "HTTP/1.1 417 No\r\nContent-Length: 2\r\n\r\nn")
		<-more
		write(c, "o")
	})
	const patience = 20 * time.Millisecond
	tr := s.transport(Options{ContinueTimeout: patience})
	r := &Request{Method: "POST", Target: "/", Host: "h", Header: http.Header{"Expect": {"100-continue"}}, Body: strings.NewReader("abc"), Length: 3}
	res, err := tr.Send(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*patience, func() { close(more) })
	if text := got(res, nil); text != `417 "no"` {
		t.Errorf("answer = %s", text)
	}
}

// TestBrokenOff ends a request at every stage, by its context and by Break.
func TestBrokenOff(t *testing.T) {
	cause := errors.New("the cause")
	for _, by := range []string{"context", "Break"} {
		for name, play := range map[string]func(c *net.TCPConn, reached func()){
			"no answer":   func(c *net.TCPConn, reached func()) { head(c); reached() },
			"half a line": func(c *net.TCPConn, reached func()) { head(c); write(c, "HTTP/1.1 2"); reached() },
			"after a hint": func(c *net.TCPConn, reached func()) {
				head(c)
				write(c, "HTTP/1.1 103 x\r\n\r\n")
				reached()
			},
			"in the body": func(c *net.TCPConn, reached func()) {
				head(c)
				write(c, "HTTP/1.1 200 x\r\nContent-Length: 5\r\n\r\nab")
				reached()
			},
			"in a chunk": func(c *net.TCPConn, reached func()) {
				head(c)
				write(c, "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
				reached()
			},
			"before an end": func(c *net.TCPConn, reached func()) { head(c); write(c, "HTTP/1.1 200 x\r\n\r\nab"); reached() },
			"not read":      func(_ *net.TCPConn, reached func()) { reached() },
		} {
			for _, body := range []io.Reader{nil, &endless{}} {
				t.Run(fmt.Sprint(by, " ", name, " ", body != nil), func(t *testing.T) {
					reached := make(chan struct{})
					s := serve(t, func(_ int, c *net.TCPConn) {
						play(c, func() { close(reached) })
						_, _ = io.Copy(io.Discard, c)
					})
					tr := s.transport(Options{})
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					r := &Request{Method: "POST", Target: "/", Host: "h", Body: body, Length: -1}
					go func() {
						<-reached
						if by == "Break" {
							r.Break(cause)
						} else {
							cancel(cause)
						}
					}()
					res, err := tr.Send(ctx, r)
					if err == nil {
						_, err = io.ReadAll(res.Body)
						_ = res.Body.Close()
						if by == "context" && errors.Is(err, context.Canceled) {
							return
						}
					}
					if !errors.Is(err, cause) {
						t.Errorf("error = %v", err)
					}
				})
			}
		}
	}
}

// TestOver sends with a context that has ended, and with a request that was broken off.
func TestOver(t *testing.T) {
	s := serve(t, func(_ int, c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
	tr := s.transport(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if res, err := tr.Send(ctx, get()); !errors.Is(err, context.Canceled) { //nolint:bodyclose // there is none
		t.Errorf("%v, %v", res, err)
	}
	r := get()
	r.Break(io.ErrClosedPipe)
	if res, err := tr.Send(t.Context(), r); !errors.Is(err, io.ErrClosedPipe) { //nolint:bodyclose // there is none
		t.Errorf("%v, %v", res, err)
	}
}

// TestServerDies cuts an answer off at every byte: no part of one passes for a whole one.
func TestServerDies(t *testing.T) {
	for _, answer := range []string{
		okAnswer,
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n1;x\r\no\r\n1\r\nk\r\n0\r\nA: b\r\n\r\n",
	} {
		for n := range len(answer) {
			for _, reset := range []bool{false, true} {
				s := serve(t, func(i int, c *net.TCPConn) {
					head(c)
					if i > 0 {
						write(c, okAnswer)
						return
					}
					write(c, answer[:n])
					if reset {
						_ = c.SetLinger(0)
					}
				})
				tr := New(s.address, Options{})
				r := get()
				res, err := tr.Send(t.Context(), r)
				if err == nil {
					_, err = io.ReadAll(res.Body)
					_ = res.Body.Close()
				}
				if err == nil || !reset && r.Answered != (n > 0) || !r.Sent {
					t.Errorf("%q: %v, answered %v", answer[:n], err, r.Answered)
				}
				if text := got(tr.Send(t.Context(), get())); text != `200 "ok"` {
					t.Errorf("after %q: %s", answer[:n], text)
				}
				tr.CloseIdle()
				s.end()
			}
		}
	}
}

// TestKilledWithoutAnswer tells a target that cannot be connected to from one that broke off.
func TestKilledWithoutAnswer(t *testing.T) {
	s := serve(t, func(int, *net.TCPConn) {})
	s.end()
	r := get()
	_, err := New(s.address, Options{}).Send(t.Context(), r) //nolint:bodyclose // there is none
	var refused *ConnectError
	if !errors.As(err, &refused) || r.Sent || r.Connected {
		t.Errorf("%v, sent %v", err, r.Sent)
	}
}

// TestHeldBody can be sent again as long as nothing of it was.
func TestHeldBody(t *testing.T) {
	dead := serve(t, func(int, *net.TCPConn) {})
	dead.end()
	s := serve(t, func(_ int, c *net.TCPConn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		body, _ := io.ReadAll(r.Body)
		write(c, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	})
	tr := s.transport(Options{})
	r := &Request{Method: "POST", Target: "/", Host: "h", Body: io.MultiReader(strings.NewReader("abc")), Length: 3}
	if text := got(New(dead.address, Options{}).Send(t.Context(), r)); !strings.HasPrefix(text, "error: connect") || !r.Held() {
		t.Fatalf("%s, held %v", text, r.Held())
	}
	if text := got(tr.Send(t.Context(), r)); text != `200 "abc"` || r.Held() {
		t.Errorf("%s, held %v", text, r.Held())
	}
}

// TestBury bounds the silence of what there is, and of nothing later.
func TestBury(t *testing.T) {
	asked, over := make(chan struct{}), make(chan struct{})
	s := serve(t, func(n int, c *net.TCPConn) {
		head(c)
		if n > 0 {
			write(c, okAnswer)
			return
		}
		close(asked)
		<-over
	})
	tr := s.transport(Options{})
	go func() { <-asked; tr.Bury(10 * time.Millisecond) }()
	if res, err := tr.Send(t.Context(), get()); !errors.Is(err, os.ErrDeadlineExceeded) { //nolint:bodyclose // there is none
		t.Errorf("%v, %v", res, err)
	}
	if text := got(tr.Send(t.Context(), get())); text != `200 "ok"` {
		t.Errorf("the next one = %s", text)
	}
	close(over)
}

// TestBuriedIsHeard gives every read of what a dead process has left behind its own time.
func TestBuriedIsHeard(t *testing.T) {
	tr := New("", Options{})
	left := &canned{answer: okAnswer, piece: 1}
	c := newConn(left, tr)
	tr.Bury(time.Minute)
	if text := got(c.exchange(t.Context(), get())); text != `200 "ok"` || left.bounds != len(okAnswer) {
		t.Errorf("%s after %d bounds", text, left.bounds)
	}
	tr.CloseIdle()
}

// TestBrokenOffAtTheEnd breaks a request off as its last byte comes: the connection is about to be closed
// by somebody else, and must not be the next request's.
func TestBrokenOffAtTheEnd(t *testing.T) {
	for _, by := range []string{"context", "Break"} {
		tr := New("", Options{})
		ctx, cancel := context.WithCancel(t.Context())
		r := get()
		last := cancel
		if by == "Break" {
			last = func() { r.Break(io.ErrClosedPipe) }
		}
		c := newConn(&brokenOff{canned{answer: okAnswer, piece: 1, last: last}}, tr)
		text := got(c.exchange(ctx, r))
		if n := len(tr.idle.conns); n != 0 {
			t.Errorf("%s: %s, and %d connections were kept", by, text, n)
		}
		cancel()
	}
}

// brokenOff may be closed from another goroutine, which changes nothing.
type brokenOff struct{ canned }

func (*brokenOff) Close() error { return nil }
