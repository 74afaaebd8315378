package wire

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"pgregory.net/rapid"
)

// verdict is what a client makes of an answer.
type verdict struct {
	refused bool // the header
	cut     bool // the body
	status  int
	header  http.Header
	trailer http.Header
	body    string
	err     error
}

func verdictOf(res *http.Response, err error) verdict {
	if err != nil {
		return verdict{refused: true, err: err}
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	v := verdict{status: res.StatusCode, header: res.Header, body: string(body), cut: err != nil, err: err}
	if err == nil {
		v.trailer = res.Trailer
	}
	return v
}

// player answers the first request of a test with bytes and then, unless these ended the connection,
// the next one on it with a known answer, or on another one.
type player struct {
	ln    net.Listener
	games chan string
}

const known = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nknown"

func newPlayer(t *testing.T) *player {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &player{ln: ln, games: make(chan string, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.play(c.(*net.TCPConn))
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	return p
}

// play speaks on one connection until the other side closes it. The last thing it says may be followed
// by the end of its own side.
func (p *player) play(c *net.TCPConn) {
	defer func() { _ = c.Close() }()
	br := bufio.NewReader(c)
	if _, err := http.ReadRequest(br); err != nil {
		return
	}
	select {
	case answer := <-p.games:
		_, _ = io.WriteString(c, answer)
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, br)
	default:
		_, _ = io.WriteString(c, known)
		_, _ = io.Copy(io.Discard, br)
	}
}

// ask has both transports read the same bytes, followed by the end of the connection.
func (p *player) ask(method, answer string) (ours, theirs verdict) {
	address := p.ln.Addr().String()
	tr := New(address, Options{})
	p.games <- answer
	ours = verdictOf(tr.Send(context.Background(), &Request{Method: method, Target: "/", Host: "h"}))
	tr.CloseIdle()

	std := &http.Transport{DisableCompression: true, MaxResponseHeaderBytes: defaultMaxHeader}
	p.games <- answer
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+address+"/", http.NoBody)
	if err != nil {
		panic(err) // the method is one
	}
	theirs = verdictOf(std.RoundTrip(req))
	std.CloseIdleConnections()
	return ours, theirs
}

// stricter are the reasons for which we refuse what net/http takes: by design, and nothing else.
func stricter() []string {
	return []string{
		"a line does not end in CRLF",                  // net/http takes LF, and any number of CR before it
		"a chunk's line does not end in CRLF",          //
		"it begins with",                               // other versions than HTTP/1
		"status line",                                  // versions of more digits; spaces; controls
		"header line",                                  // folded lines; no name
		"header field",                                 // net/http takes spaces in names, as they are
		"value of header field",                        // controls
		"both Transfer-Encoding and Content-Length",    // net/http lets the former win
		"Transfer-Encoding in HTTP/1.0",                // net/http does not look at it
		"Content-Length",                               // of a chunked answer, where net/http does not look at it
		"Trailer names",                                // net/http: only the three that frame
		"a switch of protocols that was not asked for", //
		"status 0",                                     // 000 to 099
		"chunk size",                                   // controls in extensions
	}
}

// compare reports a difference that is not one of those that are meant.
func compare(ours, theirs verdict) string {
	if ours.refused && !theirs.refused || ours.cut && !theirs.cut && !theirs.refused {
		var bad *MalformedError
		if errors.As(ours.err, &bad) && slices.ContainsFunc(stricter(), func(s string) bool { return strings.HasPrefix(bad.Reason, s) }) {
			return ""
		}
		return fmt.Sprintf("%v, net/http takes it: %+v", ours.err, theirs)
	}
	if ours.refused {
		return ""
	}
	switch {
	case theirs.refused:
		return fmt.Sprintf("taken (%+v), net/http refuses", ours)
	case ours.status != theirs.status:
		return fmt.Sprintf("status %d, net/http %d", ours.status, theirs.status)
	case ours.cut != theirs.cut:
		return fmt.Sprintf("cut off: %v, net/http %v", ours.cut, theirs.cut)
	case !ours.cut && ours.body != theirs.body, !strings.HasPrefix(ours.body, theirs.body) && !strings.HasPrefix(theirs.body, ours.body):
		return fmt.Sprintf("body %q, net/http %q", ours.body, theirs.body)
	case !sameHeader(ours.header, theirs.header):
		return fmt.Sprintf("header %v, net/http %v", ours.header, theirs.header)
	}
	for name, values := range ours.trailer {
		if !slices.Equal(values, theirs.trailer[name]) {
			return fmt.Sprintf("trailer %v, net/http %v", ours.trailer, theirs.trailer)
		}
	}
	return ""
}

// sameHeader leaves Connection out, from which net/http removes "close".
func sameHeader(a, b http.Header) bool {
	a, b = a.Clone(), b.Clone()
	delete(a, "Connection")
	delete(b, "Connection")
	if len(a) != len(b) {
		return false
	}
	for name, values := range a {
		if !slices.Equal(values, b[name]) {
			return false
		}
	}
	return true
}

// pieces are what generated answers are made of.
func pieces(t *rapid.T) string {
	pick := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
	var b bytes.Buffer
	for range rapid.IntRange(0, 2).Draw(t, "interim") {
		b.WriteString("HTTP/1.1 " + pick("interim status", "100 Continue", "103 Early Hints", "102 x") + "\r\n" + pick("hint", "", "Link: a\r\n", "Content-Length: 3\r\n") + "\r\n")
	}
	b.WriteString(pick("version", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/1.", "http/1.1", "HTTP/1.10"))
	b.WriteString(pick("status", " 200 OK", " 200 OK", " 404 Not Found", " 204 No Content", " 304 Not Modified", " 200", " 200 ", " 99 x", " 2000 x", "  200 x", " 101 x", " +20 x", " 599 \xff"))
	end := func() string {
		return pick("end", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r\r\n")
	}
	b.WriteString(end())
	for range rapid.IntRange(0, 5).Draw(t, "fields") {
		b.WriteString(pick("name", "Content-Length", "content-length", "Transfer-Encoding", "Connection", "X-A", "x-a", "Set-Cookie", "Trailer", "ETag", "Content-Length ", " X", "", "X(y)", "X\x00"))
		b.WriteString(pick("colon", ": ", ":", ":\t", "", " : "))
		b.WriteString(pick("value", "5", "3", "0", "chunked", "Chunked", "gzip, chunked", "identity", "close", "keep-alive", "X-Sum", "a", "", "5, 5", "+5", "-1", "0x5", "99999999999999999999", "\x0bchunked", "chunked,", "a\x00b", "\xe4", "a\r b"))
		b.WriteString(end())
	}
	b.WriteString(end())
	for range rapid.IntRange(0, 4).Draw(t, "chunks") {
		b.WriteString(pick("chunk", "5\r\nhello\r\n", "3\r\nabc\r\n", "5\r\nhello\r\n", "0005\r\nhello\r\n", "a\r\n0123456789\r\n", "3;x=y\r\nabc\r\n", "3 \r\nabc\r\n", "3\nabc\r\n", "3\r\nabcd\r\n", "0x3\r\nabc\r\n", "-3\r\nabc\r\n", "\r\n", "fffffffffffffffff\r\n", "3;\rx\r\nabc\r\n", "hello"))
	}
	b.WriteString(pick("last", "0\r\n\r\n", "0\r\n\r\n", "", "0\r\n", "0\r\nX-Sum: 1\r\n\r\n", "0\r\nContent-Length: 1\r\n\r\n", "00000\r\n\r\n", "0\r\n X: y\r\n\r\n"))
	b.WriteString(pick("rest", "", "", "", "x", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"))
	return b.String()
}

// TestAgainstNetHTTP has both read generated answers: the same comes of them, or we refuse.
func TestAgainstNetHTTP(t *testing.T) {
	t.Cleanup(zap.RedirectStdLog(zap.NewNop())) // net/http tells of every answer that was too long
	p := newPlayer(t)
	rapid.Check(t, func(rt *rapid.T) {
		answer := pieces(rt)
		method := rapid.SampledFrom([]string{"GET", "GET", "POST", "HEAD"}).Draw(rt, "method")
		ours, theirs := p.ask(method, answer)
		if diff := compare(ours, theirs); diff != "" {
			rt.Fatalf("%s %q: %s", method, answer, diff)
		}
	})
}
