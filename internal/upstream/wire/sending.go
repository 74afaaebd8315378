package wire

import (
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"
)

// lastMoment is how long an answer's connection waits for the end of a request body whose last bytes
// are on their way: the target has them, our own side may be a moment behind.
const lastMoment = 50 * time.Millisecond

// firstSize is as much of a body as there is room for until it comes; net/http has no more of it by then.
const firstSize = 4 << 10

const (
	chunkFront = 6 // "ffff\r\n"
	chunkBack  = 2
)

// sending is the body of a request on its way, in a goroutine of its own: the target may answer before
// its end, or read no more before it is read from.
type sending struct {
	fault atomicError   // of the body's source: the connection was closed for it
	last  atomic.Bool   // the last write has begun
	done  chan struct{} // closed at the end of the goroutine
	sent  bool          // all of it; to be read after done
}

type atomicError struct{ p atomic.Pointer[error] }

func (e *atomicError) Store(err error) { e.p.Store(&err) }

func (e *atomicError) Load() error {
	if err := e.p.Load(); err != nil {
		return *err
	}
	return nil
}

// startSending begins to send the body; it goes on until its end, or until the connection is closed.
func (c *conn) startSending(r *Request) {
	s := &sending{done: make(chan struct{})}
	c.send = s
	go func() {
		defer close(s.done)
		body := await(r.Body, r.Length)
		buf := c.t.buffers.get()
		defer c.t.buffers.put(buf)
		var fault error
		if r.Length < 0 {
			fault = s.chunked(c, r, body, *buf)
		} else {
			fault = s.counted(c, body, r.Length, *buf)
		}
		if fault != nil {
			s.fault.Store(&BodyError{Err: fault})
			c.close() // what was sent must not pass for a whole request
		}
	}()
}

// awaited is a body that has begun to come.
type awaited struct {
	rest  io.Reader
	first []byte // what was read of it, with the error that came with it
	err   error
	begun bool
}

// await waits for the beginning of a body, which may be long in coming, with no more memory than that takes.
func await(body io.Reader, length int64) io.Reader {
	a := &awaited{rest: body, first: make([]byte, firstSize)}
	if length >= 0 {
		a.first = a.first[:min(length, firstSize)]
	}
	n, err := body.Read(a.first)
	a.first, a.err = a.first[:n], err
	return a
}

// Read implements io.Reader. Whoever reads has room for the beginning.
func (a *awaited) Read(p []byte) (int, error) {
	if a.begun {
		return a.rest.Read(p)
	}
	a.begun = true
	return copy(p, a.first), a.err
}

// complete reports whether all of the body was sent, so that the connection can be used again.
func (s *sending) complete() bool {
	if !s.last.Load() {
		return false
	}
	select {
	case <-s.done:
		return s.sent
	default:
	}
	moment := time.NewTimer(lastMoment)
	defer moment.Stop()
	select {
	case <-s.done:
		return s.sent
	case <-moment.C:
		return false
	}
}

// counted sends a body of known length. After an error of the connection it just ends: the target may
// have answered before it closed, and whoever reads finds out.
func (s *sending) counted(c *conn, body io.Reader, left int64, buf []byte) error {
	for left > 0 {
		n, err := body.Read(buf[:min(int64(len(buf)), left)])
		left -= int64(n)
		if left > 0 && err == io.EOF {
			return errShortBody
		}
		if err != nil && err != io.EOF {
			return err
		}
		if left == 0 {
			if err == nil {
				if err := ended(body); err != nil {
					return err
				}
			}
			s.last.Store(true)
		}
		if _, err := c.nc.Write(buf[:n]); err != nil {
			return nil //nolint:nilerr // see above
		}
	}
	s.sent = true
	return nil
}

// chunked sends a body of unknown length, each read as a chunk.
func (s *sending) chunked(c *conn, r *Request, body io.Reader, buf []byte) error {
	for {
		n, err := body.Read(buf[chunkFront : len(buf)-chunkBack])
		if n > 0 {
			var size [chunkFront]byte
			head := append(strconv.AppendInt(size[:0], int64(n), 16), '\r', '\n')
			start := chunkFront - len(head)
			copy(buf[start:], head)
			end := chunkFront + n
			end += copy(buf[end:], "\r\n")
			if _, err := c.nc.Write(buf[start:end]); err != nil {
				return nil //nolint:nilerr // see counted
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	end := append(buf[:0], "0\r\n"...)
	for name, values := range r.Trailer {
		if !trailerField(name) {
			continue
		}
		for _, v := range values {
			if !allIn(v, inValue) {
				return fmt.Errorf("%w: value of trailer field %q", errInvalid, name)
			}
			end = append(end, name...)
			end = append(end, ": "...)
			end = append(end, v...)
			end = append(end, "\r\n"...)
		}
	}
	end = append(end, "\r\n"...)
	s.last.Store(true)
	_, err := c.nc.Write(end)
	s.sent = err == nil
	return nil
}
