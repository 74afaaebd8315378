package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
)

// recorder is the response writer that remembers what was answered.
type recorder struct {
	w       http.ResponseWriter
	buffers *buffers
	// conn is where long writes are gathered with the header before them; nil: nowhere.
	conn   *conn
	status int
	bytes  int64
	// before is called once before the header of an answer goes out; nil: nothing is done then.
	before func()
}

// begin notes the status of an answer that is about to begin.
func (r *recorder) begin(status int) {
	r.status = status
	if before := r.before; before != nil {
		r.before = nil
		before()
	}
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.w.Header() }

// WriteHeader implements http.ResponseWriter; interim answers (1xx) are passed through.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		r.begin(status)
	}
	r.w.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.begin(http.StatusOK)
	}
	n, err := r.write(p)
	r.bytes += int64(n)
	return n, err
}

func (r *recorder) write(p []byte) (int, error) {
	if r.conn == nil || len(p) < gatherFrom {
		return r.w.Write(p)
	}
	r.conn.gather()
	n, err := r.w.Write(p)
	if rest := r.conn.release(); err == nil {
		err = rest
	}
	return n, err
}

// ReadFrom lets net/http send a file without copying it through us.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	if r.status == 0 {
		r.begin(http.StatusOK) // which may put another writer in place
	}
	from, ok := r.w.(io.ReaderFrom)
	if !ok {
		buf := r.buffers.get()
		defer r.buffers.put(buf)
		return io.CopyBuffer(struct{ io.Writer }{r}, src, *buf)
	}
	n, err := from.ReadFrom(src)
	r.bytes += n
	return n, err
}

// FlushError implements what http.ResponseController looks for.
func (r *recorder) FlushError() error {
	if f, ok := r.w.(interface{ FlushError() error }); ok {
		return f.FlushError()
	}
	return http.ErrNotSupported
}

// Hijack implements http.Hijacker.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h, ok := r.w.(http.Hijacker)
	if !ok {
		return nil, nil, fmt.Errorf("protocol switch: %w", http.ErrNotSupported)
	}
	return h.Hijack()
}

// Unwrap implements what http.ResponseController looks for.
func (r *recorder) Unwrap() http.ResponseWriter { return r.w }
