//go:build conformance && linux

package conformance

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// request is one that a server was sent, whole.
type request struct {
	head    string // as it came, with the empty line
	body    string // decoded
	trailer string // as it came
	after   string // what came through a switched connection

	length           int
	chunked, expects bool
}

// line is the request line without its version.
func (req *request) line() string {
	first, _, _ := strings.Cut(req.head, "\r\n")
	if i := strings.LastIndexByte(first, ' '); i > 0 {
		first = first[:i]
	}
	return first
}

// server is what stands behind a gateway. It reads requests as a simple application would: a chunked
// body if there is a Transfer-Encoding with that word, else one as long as Content-Length says.
type server struct {
	ln net.Listener

	mu      sync.Mutex
	changed *sync.Cond
	seen    []request
	begun   map[net.Conn]bool // connections in the middle of a request
	open    map[net.Conn]bool
	script  script
}

// script is how a server answers the first request of a case; the zero one is a plain 200.
type script struct {
	answer string
	// keep leaves the connection open after it.
	keep bool
	// early answers, and closes, before the body is read.
	early bool
}

func newServer(t *testing.T) *server {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{ln: ln, begun: map[net.Conn]bool{}, open: map[net.Conn]bool{}}
	s.changed = sync.NewCond(&s.mu)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.mark(s.open, conn, true)
			serving.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		s.mu.Lock()
		for conn := range s.open {
			_ = conn.Close()
		}
		s.mu.Unlock()
		serving.Wait()
	})
	return s
}

func (s *server) address() string { return s.ln.Addr().String() }

// begin starts a case.
func (s *server) begin(how script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.script = nil, how
}

// end returns what was seen since begin, once no request is on its way any more. One that does not come
// to an end is cut off.
func (s *server) end() []request {
	cut := time.AfterFunc(patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for conn := range s.begun {
			_ = conn.Close()
		}
	})
	defer cut.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.begun) > 0 {
		s.changed.Wait()
	}
	return s.seen
}

func (s *server) mark(set map[net.Conn]bool, conn net.Conn, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is {
		set[conn] = true
	} else {
		delete(set, conn)
	}
	s.changed.Broadcast()
}

func (s *server) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		s.mark(s.begun, conn, false)
		s.mark(s.open, conn, false)
	}()
	r := bufio.NewReader(conn)
	for {
		if _, err := r.Peek(1); err != nil {
			return
		}
		s.mark(s.begun, conn, true)
		req, err := readHeader(r)
		if err != nil {
			return
		}
		if how, early := s.answersEarly(req); early {
			_, _ = io.WriteString(conn, how.answer) // the gateway may be gone
			return
		}
		if err := req.readBody(r, conn); err != nil {
			return
		}
		how := s.record(req)
		if how.answer == "" {
			_, err = io.WriteString(conn, plainAnswer(req))
		} else {
			_, err = io.WriteString(conn, how.answer)
		}
		if err != nil {
			return
		}
		if strings.HasPrefix(how.answer, "HTTP/1.1 101") {
			rest, _ := io.ReadAll(r) // until the session ends, however
			s.mu.Lock()
			s.seen[len(s.seen)-1].after = string(rest)
			s.mu.Unlock()
			return
		}
		if how.answer != "" && !how.keep {
			return
		}
		s.mark(s.begun, conn, false)
	}
}

// answersEarly notes a request that is answered before its body is read.
func (s *server) answersEarly(req request) (script, bool) {
	s.mu.Lock()
	early := s.script.early
	s.mu.Unlock()
	if !early {
		return script{}, false
	}
	return s.record(req), true
}

// record notes a request and says how it is answered.
func (s *server) record(req request) script {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, req)
	how := s.script
	s.script = script{}
	return how
}

// plainAnswer says which request it is for.
func plainAnswer(req request) string {
	body := "answer to " + req.line()
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", len(body))
	if strings.HasPrefix(req.head, "HEAD ") {
		return head
	}
	return head + body
}

func readHeader(r *bufio.Reader) (request, error) {
	var req request
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return req, err
		}
		req.head += line
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.ToLower(strings.TrimSpace(value))
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "content-length":
			if n, err := strconv.Atoi(value); err == nil {
				req.length = n
			}
		case "transfer-encoding":
			req.chunked = req.chunked || strings.Contains(value, "chunked")
		case "expect":
			req.expects = true
		}
	}
	return req, nil
}

func (req *request) readBody(r *bufio.Reader, w io.Writer) error {
	if req.expects {
		if _, err := io.WriteString(w, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return err
		}
	}
	if req.chunked {
		return req.readChunks(r)
	}
	body := make([]byte, req.length)
	_, err := io.ReadFull(r, body)
	req.body = string(body)
	return err
}

func (req *request) readChunks(r *bufio.Reader) error {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		digits, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		size, err := strconv.ParseUint(strings.TrimSpace(digits), 16, 24)
		if err != nil {
			return fmt.Errorf("chunk size %q: %w", line, err)
		}
		if size == 0 {
			break
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(r, chunk); err != nil {
			return err
		}
		if string(chunk[size:]) != "\r\n" {
			return errors.New("a chunk does not end where it should")
		}
		req.body += string(chunk[:size])
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.TrimRight(line, "\r\n") == "" {
			return nil
		}
		req.trailer += line
	}
}
