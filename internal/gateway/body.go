package gateway

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/upstream"
)

// patience is the clock of a route's timeout. It runs only while the target is the one to wait
// for: it stands still while the client sends its body, and while the request is parked.
type patience struct {
	mu    sync.Mutex
	limit time.Duration
	timer *time.Timer // nil: no bound, or over
}

func (p *patience) start(limit time.Duration, expired func()) {
	if limit > 0 {
		p.limit, p.timer = limit, time.AfterFunc(limit, expired)
	}
}

func (p *patience) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
}

func (p *patience) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Reset(p.limit)
	}
}

func (p *patience) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

var errBodyOver = errors.New("request body read after its answer")

// clientBody is the body of the client's request on its way to a target, over as many tries as it
// takes. What was read while nothing of the request had been sent is kept, so that it can be sent to
// another target: the transport reads the beginning of a body before it writes anything.
type clientBody struct {
	body    io.ReadCloser
	clock   *patience
	buffers *buffers
	// ended is called at the end of the body, when its trailer is known.
	ended func()

	mu    sync.Mutex // held while reading
	now   *sending   // whose turn it is
	kept  *[]byte    // nil while nothing is
	have  int        // how much is kept
	lost  bool       // something that was read is not kept
	end   error      // what the last read of the client's body said
	first sending

	over    atomic.Bool
	reading atomic.Bool
	broken  atomic.Pointer[error] // how the client's side failed
}

// sending is the body on one try. The transport may close it at any time without harm; and it may
// still be reading from it when the try is over, which must not reach net/http's server.
type sending struct {
	*clientBody
	conn *upstream.Conn // set before the first read
	from int64          // conn.Wrote before the request
	pos  int
}

// next is the body for another try, nil when it cannot be sent from its beginning any more.
func (b *clientBody) next() *sending {
	if !b.mu.TryLock() {
		return nil // it is being read still
	}
	defer b.mu.Unlock()
	switch {
	case b.lost:
		return nil
	case b.now == nil:
		b.first.clientBody = b
		b.now = &b.first
	default:
		b.now = &sending{clientBody: b}
	}
	return b.now
}

// replayable reports whether next has another one.
func (b *clientBody) replayable() bool {
	if !b.mu.TryLock() {
		return false
	}
	defer b.mu.Unlock()
	return !b.lost
}

// Read implements io.Reader.
func (s *sending) Read(p []byte) (int, error) {
	b := s.clientBody
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.over.Load() || b.now != s:
		return 0, errBodyOver
	case s.pos < b.have:
		n := copy(p, (*b.kept)[s.pos:b.have])
		s.pos += n
		return n, nil
	case b.end != nil:
		return 0, b.end
	}
	if s.conn == nil || s.conn.Wrote() != s.from {
		b.forget()
	} else if b.kept == nil && !b.lost {
		b.kept = b.buffers.get()
	}
	if b.kept != nil {
		if b.have == len(*b.kept) {
			b.forget()
		} else {
			p = p[:min(len(p), len(*b.kept)-b.have)]
		}
	}
	n, err := b.read(p)
	if b.kept != nil {
		copy((*b.kept)[b.have:], p[:n])
		b.have += n
		s.pos = b.have
	}
	return n, err
}

func (b *clientBody) read(p []byte) (int, error) {
	b.reading.Store(true)
	defer b.reading.Store(false)
	b.clock.pause()
	n, err := b.body.Read(p)
	b.clock.resume()
	b.end = err
	if err == io.EOF {
		b.ended()
	} else if err != nil {
		b.broken.CompareAndSwap(nil, &err)
	}
	return n, err
}

// forget gives up what is kept: from here on the body cannot be sent again. b.mu is held.
func (b *clientBody) forget() {
	b.lost = true
	if b.kept != nil {
		b.buffers.put(b.kept)
		b.kept, b.have = nil, 0
	}
}

// Close implements io.Closer; net/http's server closes the body itself.
func (s *sending) Close() error { return nil }

// failure is the error of the client's side, nil while there is none.
func (b *clientBody) failure() error {
	if err := b.broken.Load(); err != nil {
		return *err
	}
	return nil
}

// finish keeps the transport from reading on. A read that waits for a slow client is broken off:
// the server could not go on with the connection before its end.
func (b *clientBody) finish(w http.ResponseWriter) {
	b.over.Store(true)
	if b.reading.Load() {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // the connection may be gone
	}
	if b.mu.TryLock() {
		b.forget()
		b.mu.Unlock()
	}
}
