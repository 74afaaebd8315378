package wire

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a server that reads what it is told to and writes what it is told to.
type script struct {
	t       *testing.T
	ln      net.Listener
	address string
	all     sync.WaitGroup
	mu      sync.Mutex
	conns   int
}

// serve has play speak on every connection, in turn numbered from 0.
func serve(t *testing.T, play func(n int, c *net.TCPConn)) *script {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, ln: ln, address: ln.Addr().String()}
	s.all.Go(func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
			s.all.Go(func() {
				defer func() { _ = c.Close() }()
				play(n, c.(*net.TCPConn))
			})
		}
	})
	return s
}

// end waits for every connection to be over.
func (s *script) end() {
	_ = s.ln.Close()
	s.all.Wait()
}

func (s *script) accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

// transport is to s, and ends before it does.
func (s *script) transport(o Options) *Transport {
	t := New(s.address, o)
	s.t.Cleanup(func() { t.CloseIdle(); s.end() })
	return t
}

// head reads a request's header, up to and with its empty line.
func head(c io.Reader) {
	last := ""
	for one := make([]byte, 1); last != "\r\n\r\n"; {
		if _, err := c.Read(one); err != nil {
			return
		}
		last = (last + string(one))[max(0, len(last)-3):]
	}
}

func write(c io.Writer, s string) { _, _ = io.WriteString(c, s) }

// got is what came of a request: status, header, body and trailer in one text, or the error.
func got(res *http.Response, err error) string {
	if err != nil {
		return "error: " + kind(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	s := fmt.Sprintf("%d %q", res.StatusCode, body)
	if len(res.Trailer) > 0 {
		s += fmt.Sprint(" ", res.Trailer)
	}
	if err != nil {
		s += " " + kind(err)
	}
	return s
}

func kind(err error) string {
	var bad *MalformedError
	switch {
	case errors.As(err, &bad):
		return "malformed"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut off"
	default:
		return err.Error()
	}
}

func get() *Request { return &Request{Method: "GET", Target: "/", Host: "shop.example.com"} }

// TestAnswers says what bytes of a server are which answer, and whether the connection is used again:
// a second request comes on it, or on another one.
func TestAnswers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, tc := range []struct {
		name, answer string
		want         string
		reused       bool
	}{
		{"length", ok + "Content-Length: 2\r\n\r\nok", `200 "ok"`, true},
		{"length 0", ok + "Content-Length: 0\r\n\r\n", `200 ""`, true},
		{"lower case", ok + "content-length: 2\r\n\r\nok", `200 "ok"`, true},
		{"no space after the colon", ok + "Content-Length:2\r\n\r\nok", `200 "ok"`, true},
		{"spaces around", ok + "Content-Length: \t2 \t\r\n\r\nok", `200 "ok"`, true},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", `200 "ok"`, true},
		{"empty reason", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", `200 "ok"`, true},
		{"odd status", "HTTP/1.1 799 What\r\nContent-Length: 2\r\n\r\nok", `799 "ok"`, true},
		{"until the end", ok + "\r\nok", `200 "ok"`, false},
		{"close", ok + "Connection: close\r\nContent-Length: 2\r\n\r\nok", `200 "ok"`, false},
		{"close among others", ok + "Connection: x, CLOSE\r\nContent-Length: 2\r\n\r\nok", `200 "ok"`, false},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", `200 "ok"`, false},
		{"HTTP/1.0 kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", `200 "ok"`, true},
		{"HTTP/1.9", "HTTP/1.9 200 OK\r\nContent-Length: 2\r\n\r\nok", `200 "ok"`, true},
		{"204", "HTTP/1.1 204 No Content\r\n\r\n", `204 ""`, true},
		{"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", `204 ""`, false},
		{"204 with a coding", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", `204 ""`, false},
		{"304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", `304 ""`, true},
		{"chunks", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1;a=\"b\"\r\n!\r\n0\r\n\r\n", `200 "ok!"`, true},
		{"chunks, any case", ok + "Transfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n00\r\n\r\n", `200 "0123456789"`, true},
		{"chunk size with spaces", ok + "Transfer-Encoding: chunked\r\n\r\n2  \r\nok\r\n0\r\n\r\n", `200 "ok"`, true},
		{"trailer", ok + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\nX-More: 2\r\nContent-Length: 7\r\n\r\n", `200 "ok" map[X-More:[2] X-Sum:[1]]`, true},
		{"interim", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nok", `200 "ok"`, true},
		{"same length twice", ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", `200 "ok"`, true},

		{"two lengths", ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!", "error: malformed", false},
		{"many fields", ok + strings.Repeat("X: y\r\n", maxFields-1) + "Content-Length: 2\r\n\r\nok", `200 "ok"`, true},
		{"too many fields", ok + strings.Repeat("X: y\r\n", maxFields) + "Content-Length: 2\r\n\r\nok", "error: malformed", false},
		{
			"more around chunks than in them", ok + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("x", 500)+"\r\no\r\n", 50) + "0\r\n\r\n",
			`200 "` + strings.Repeat("o", 33) + `" malformed`, false,
		},
		{"length list", ok + "Content-Length: 2, 2\r\n\r\nok", "error: malformed", false},
		{"signed length", ok + "Content-Length: +2\r\n\r\nok", "error: malformed", false},
		{"negative length", ok + "Content-Length: -2\r\n\r\nok", "error: malformed", false},
		{"hex length", ok + "Content-Length: 0x2\r\n\r\nok", "error: malformed", false},
		{"empty length", ok + "Content-Length:\r\n\r\nok", "error: malformed", false},
		{"huge length", ok + "Content-Length: 99999999999999999999\r\n\r\nok", "error: malformed", false},
		{"length and chunks", ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "error: malformed", false},
		{"chunked twice", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "error: malformed", false},
		{"another coding", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "error: malformed", false},
		{"identity", ok + "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nok", "error: malformed", false},
		{"disguised coding", ok + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "error: malformed", false},
		{"chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "error: malformed", false},
		{"unasked switch", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", "error: malformed", false},
		{"forbidden trailer announced", ok + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "error: malformed", false},
		{"status 099", "HTTP/1.1 099 What\r\n\r\n", "error: malformed", false},
		{"status of four", "HTTP/1.1 2000 OK\r\n\r\n", "error: malformed", false},
		{"status of two", "HTTP/1.1 20 OK\r\n\r\n", "error: malformed", false},
		{"signed status", "HTTP/1.1 +20 OK\r\n\r\n", "error: malformed", false},
		{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", "error: malformed", false},
		{"HTTP/1.10", "HTTP/1.10 200 OK\r\n\r\n", "error: malformed", false},
		{"lower-case http", "http/1.1 200 OK\r\n\r\n", "error: malformed", false},
		{"HTTP/0.9", "hello", "error: malformed", false},
		{"TLS", "\x15\x03\x01\x00\x02\x02\x46", "error: malformed", false},
		{"empty line first", "\r\n" + ok + "\r\n", "error: malformed", false},
		{"two spaces", "HTTP/1.1  200 OK\r\n\r\n", "error: malformed", false},
		{"LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "error: malformed", false},
		{"LF in the header", ok + "A: b\nContent-Length: 2\r\n\r\nok", "error: malformed", false},
		{"LF at its end", ok + "Content-Length: 2\r\n\nok", "error: malformed", false},
		{"bare CR", ok + "A: b\rContent-Length: 2\r\n\r\nok", "error: malformed", false},
		{"CR CR LF", ok + "A: b\r\r\n\r\n", "error: malformed", false},
		{"NUL", ok + "A: b\x00c\r\n\r\n", "error: malformed", false},
		{"NUL in the reason", "HTTP/1.1 200 O\x00K\r\n\r\n", "error: malformed", false},
		{"control", ok + "A: b\x7fc\r\n\r\n", "error: malformed", false},
		{"space before the colon", ok + "Content-Length : 2\r\n\r\nok", "error: malformed", false},
		{"folded", ok + "A: b\r\n c\r\n\r\n", "error: malformed", false},
		{"folded at once", ok + " A: b\r\n\r\n", "error: malformed", false},
		{"no colon", ok + "Content-Length\r\n\r\n", "error: malformed", false},
		{"no name", ok + ": 2\r\n\r\n", "error: malformed", false},
		{"odd name", ok + "A(b): 2\r\n\r\n", "error: malformed", false},

		{"chunk size 0x2", ok + "Transfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n", `200 "" malformed`, false},
		{"chunk size +2", ok + "Transfer-Encoding: chunked\r\n\r\n+2\r\nok\r\n0\r\n\r\n", `200 "" malformed`, false},
		{"no chunk size", ok + "Transfer-Encoding: chunked\r\n\r\n\r\nok\r\n0\r\n\r\n", `200 "" malformed`, false},
		{"extension only", ok + "Transfer-Encoding: chunked\r\n\r\n;a\r\nok\r\n0\r\n\r\n", `200 "" malformed`, false},
		{"chunk size too large", ok + "Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\nok\r\n0\r\n\r\n", `200 "" malformed`, false},
		{"chunk longer than said", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok!\r\n0\r\n\r\n", `200 "ok" malformed`, false},
		{"LF after a size", ok + "Transfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n", `200 "" malformed`, false},
		{"LF after a chunk", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\n0\r\n\r\n", `200 "ok" malformed`, false},
		{"CR in an extension", ok + "Transfer-Encoding: chunked\r\n\r\n2;a\rb\r\nok\r\n0\r\n\r\n", `200 "" malformed`, false},
		{"folded trailer", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n c\r\n\r\n", `200 "ok" malformed`, false},
		{"LF in the trailer", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\n\r\n", `200 "ok" malformed`, false},

		{"nothing", "", "error: the server closed the connection without an answer", false},
		{"half a header", ok + "Content-Le", "error: cut off", false},
		{"half a body", ok + "Content-Length: 3\r\n\r\nok", `200 "ok" cut off`, false},
		{"half a chunk", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nok", `200 "ok" cut off`, false},
		{"no last chunk", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", `200 "ok" cut off`, false},
		{"no end of the trailer", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n", `200 "ok" cut off`, false},
		{"more than the answer", ok + "Content-Length: 2\r\n\r\nok" + ok + "Content-Length: 4\r\n\r\nevil", `200 "ok"`, false},
		{"more than no body", "HTTP/1.1 304 Not Modified\r\n\r\nevil", `304 ""`, false},
		{"more than the chunks", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nevil", `200 "ok"`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const second = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"
			s := serve(t, func(n int, c *net.TCPConn) {
				head(c)
				if n == 1 {
					write(c, second)
				} else if write(c, tc.answer); tc.reused {
					head(c)
					write(c, second)
				}
			})
			tr := s.transport(Options{})
			r := get()
			if text := got(tr.Send(t.Context(), r)); text != tc.want {
				t.Errorf("answer = %s, want %s", text, tc.want)
			}
			if !r.Sent || r.Answered != (tc.answer != "") || r.Reused {
				t.Errorf("sent %v, answered %v, reused %v", r.Sent, r.Answered, r.Reused)
			}
			if text := got(tr.Send(t.Context(), r)); text != `200 "second"` || r.Reused != tc.reused {
				t.Errorf("the next one = %s, reused %v", text, r.Reused)
			}
		})
	}
}
