package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// upload is an HTTP/1 request with a body, and the writer of its answer: it tells the connection when
// the body is over. Net/http reads on for the connection's sake while it waits for the answer, which
// must not be taken for a body that does not come.
type upload struct {
	http.ResponseWriter
	body io.ReadCloser
	conn *conn
}

// upload watches the body of r, if there is one.
func (c *conn) upload(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return w
	}
	u := &upload{ResponseWriter: w, body: r.Body, conn: c}
	r.Body = u
	c.late.Store(false)
	c.body.Store(bodyNew)
	return u
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.body.Read(p)
	if err != nil {
		u.conn.body.Store(bodyNone)
	}
	return n, err
}

// Close implements io.Closer.
func (u *upload) Close() error { return u.body.Close() }

// WriteHeader implements http.ResponseWriter.
func (u *upload) WriteHeader(status int) {
	u.answer(status)
	u.ResponseWriter.WriteHeader(status)
}

func (u *upload) answer(status int) {
	if status >= 200 {
		u.conn.body.CompareAndSwap(bodyNew, bodyAnswering)
		u.conn.body.CompareAndSwap(bodyOpen, bodyAnswering)
	}
}

// Write implements http.ResponseWriter.
func (u *upload) Write(p []byte) (int, error) {
	u.answer(http.StatusOK)
	return u.ResponseWriter.Write(p)
}

// ReadFrom implements io.ReaderFrom.
func (u *upload) ReadFrom(src io.Reader) (int64, error) {
	u.answer(http.StatusOK)
	if from, ok := u.ResponseWriter.(io.ReaderFrom); ok {
		return from.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{u.ResponseWriter}, src)
}

// FlushError implements what http.ResponseController looks for.
func (u *upload) FlushError() error {
	u.answer(http.StatusOK)
	return http.NewResponseController(u.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker.
func (u *upload) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h, ok := u.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, fmt.Errorf("protocol switch: %w", http.ErrNotSupported)
	}
	return h.Hijack()
}

// Unwrap implements what http.ResponseController looks for.
func (u *upload) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// lateBody reports whether the body of an HTTP/1 request did not come in time, which ends the request's
// context as if the client had gone.
func (c *call) lateBody() bool {
	own := connOf(c.r.Context())
	return own != nil && c.r.ProtoMajor < 2 && own.late.Load()
}

// freeResets is how many requests a client may take back on a connection, beside as many as it lets
// finish: browsers take back what they load when a page is left.
const freeResets = 100

// streams are the requests of an HTTP/2 connection.
type streams struct {
	taken atomic.Int64 // bytes of bodies

	mu       sync.Mutex // guards the rest
	begun    int64
	open     map[*stream]struct{}
	resets   int // ended by the client
	finished int
}

// stream is one request over HTTP/2 and the writer of its answer.
type stream struct {
	http.ResponseWriter
	of      *streams
	body    io.ReadCloser // nil: none
	patient bool          // its body may take as long as it likes
	in      pace
	out     pace
	late    bool // its body was ended; streams.mu guards it, and over
	over    bool // its answer was
}

// begin makes a stream of a request.
func (s *streams) begin(w http.ResponseWriter, r *http.Request) *stream {
	st := &stream{ResponseWriter: w, of: s}
	if r.Body != nil && r.Body != http.NoBody {
		st.body = r.Body
		// Both sides of a gRPC stream may be silent for as long as they like.
		st.patient = strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
		r.Body = streamBody{st}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	if s.open == nil {
		s.open = map[*stream]struct{}{}
	}
	s.open[st] = struct{}{}
	return st
}

// end is called when the request's handler returns. It reports whether the client takes back more
// requests than it may: each one costs us more than it (CVE-2023-44487). Net/http bounds those whose
// handlers have not begun.
func (s *streams) end(st *stream, reset bool) (tooMany bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, st)
	if !reset {
		s.finished++
		return false
	}
	s.resets++
	return s.resets > freeResets+s.finished
}

// sweep ends the streams whose clients are too slow.
func (s *streams) sweep(rate int64, counted *listenerMetrics) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for st := range s.open {
		slowBody, slowAnswer := st.in.sample(rate), st.out.sample(rate)
		switch {
		case st.over:
		case slowAnswer:
			st.over = true
			counted.ended(endedAnswer)
			_ = http.NewResponseController(st.ResponseWriter).SetWriteDeadline(longAgo()) // resets the stream
		case slowBody && !st.late:
			st.late = true
			counted.ended(endedBody)
			_ = http.NewResponseController(st.ResponseWriter).SetReadDeadline(longAgo()) // the handler answers with a 408
		}
	}
}

// streamBody is the body of a stream's request.
type streamBody struct{ st *stream }

// Read implements io.Reader.
func (b streamBody) Read(p []byte) (int, error) {
	b.st.in.waiting.Store(!b.st.patient)
	n, err := b.st.body.Read(p)
	b.st.in.waiting.Store(false)
	b.st.in.bytes.Add(int64(n))
	b.st.of.taken.Add(int64(n))
	return n, err
}

// Close implements io.Closer.
func (b streamBody) Close() error { return b.st.body.Close() }

// Write implements http.ResponseWriter. What waits for the client counts at once: HTTP/2 does not tell
// how much of it was taken.
func (st *stream) Write(p []byte) (int, error) {
	st.out.bytes.Add(int64(len(p)))
	st.out.waiting.Store(true)
	defer st.out.waiting.Store(false)
	return st.ResponseWriter.Write(p)
}

// FlushError implements what http.ResponseController looks for.
func (st *stream) FlushError() error {
	st.out.waiting.Store(true)
	defer st.out.waiting.Store(false)
	return http.NewResponseController(st.ResponseWriter).Flush()
}

// Unwrap implements what http.ResponseController looks for.
func (st *stream) Unwrap() http.ResponseWriter { return st.ResponseWriter }
