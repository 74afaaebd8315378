package gateway

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
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

// clientBody is the body of the client's request on its way to a target. The transport may close
// it at any time without harm, so that another target can be tried; and it may still be reading
// from it when the request is over, which must not reach net/http's server.
type clientBody struct {
	body  io.ReadCloser
	clock *patience
	try   *patience // of the present try
	// ended is called at the end of the body, when its trailer is known.
	ended func()

	// touched is set when something may have been read. Nothing is lost by that of a short body, which the
	// transport holds (upstream.Request.Held); of others it sends the header first, so that
	// nothing is lost of a request that was not sent.
	touched atomic.Bool
	over    atomic.Bool
	reading atomic.Bool
	broken  atomic.Pointer[error] // how the client's side failed
}

// Read implements io.Reader.
func (b *clientBody) Read(p []byte) (int, error) {
	b.touched.Store(true)
	b.reading.Store(true)
	defer b.reading.Store(false)
	if b.over.Load() {
		return 0, errBodyOver
	}
	b.clock.pause()
	b.try.pause()
	n, err := b.body.Read(p)
	b.clock.resume()
	b.try.resume()
	if err == io.EOF {
		b.ended()
	} else if err != nil {
		b.broken.CompareAndSwap(nil, &err)
	}
	return n, err
}

// Close implements io.Closer; net/http's server closes the body itself.
func (b *clientBody) Close() error { return nil }

// failure is the error of the client's side, nil while there is none.
func (b *clientBody) failure() error {
	if err := b.broken.Load(); err != nil {
		return *err
	}
	return nil
}

// bodyMoment is how long a read of the client's body may go on after the answer: what has arrived takes
// less, and a client whose connection breaks while it sends may not see its answer.
const bodyMoment = 20 * time.Millisecond

// finish keeps the transport from reading on. A read that waits for a slow client is broken off:
// the server could not go on with the connection before its end.
func (b *clientBody) finish(w http.ResponseWriter) {
	b.over.Store(true)
	if b.reading.Load() {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyMoment)) // the connection may be gone
	}
}
