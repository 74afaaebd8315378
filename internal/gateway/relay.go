package gateway

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// errHandshaken ends a relay whose two ends have both said that they close.
var errHandshaken = errors.New("closing handshake done")

// relay passes on what one end of a WebSocket says to the other, and can say farewell in its name
// between two messages.
type relay struct {
	from     io.Reader
	to       io.Writer
	farewell []byte
	passed   int64 // bytes; read after run

	told         atomic.Bool // to say farewell
	heard, spoke atomic.Bool // a close frame came; one was passed on, or said by us

	mu   sync.Mutex // held while writing
	scan frameScanner
	shut bool // farewell was said: what comes is not passed on
}

// run passes on until from ends (nil), done says so after something came (errHandshaken), or there is
// an error.
func (r *relay) run(b *buffers, done func() bool) error {
	buf := b.get()
	defer b.put(buf)
	for {
		n, err := r.from.Read(*buf)
		if n > 0 {
			if werr := r.pass((*buf)[:n]); werr != nil {
				return werr
			}
			if done() {
				return errHandshaken
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// pass passes p on as far as that is still wanted.
func (r *relay) pass(p []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(p) && !r.mayEnd() {
		n += r.scan.step(p[n:])
	}
	if !r.shut {
		written, err := r.to.Write(p[:n])
		r.passed += int64(written)
		if err != nil {
			return err
		}
		if r.scan.closed {
			r.spoke.Store(true)
		}
		if err := r.end(); err != nil {
			return err
		}
	}
	for n < len(p) { // is not passed on, but may hold a close frame
		n += r.scan.step(p[n:])
	}
	if r.scan.closed {
		r.heard.Store(true)
	}
	return nil
}

// tell has the relay say farewell, now or at the end of the message that is on its way.
func (r *relay) tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told.Store(true)
	_ = r.end() // who cannot be told any more needs not be
}

// interrupt says farewell in the middle of a message, if that is between two of its frames.
func (r *relay) interrupt() {
	if !r.mu.TryLock() {
		return // it is writing, for longer than it had time to
	}
	defer r.mu.Unlock()
	r.scan.fragmented = false
	_ = r.end() // the connection is about to be closed
}

func (r *relay) mayEnd() bool {
	return r.told.Load() && !r.shut && r.scan.between() && !r.scan.fragmented
}

// end says farewell if this is the moment. r.mu is held.
func (r *relay) end() error {
	if !r.mayEnd() {
		return nil
	}
	r.shut = true
	_, err := r.to.Write(r.farewell)
	r.spoke.Store(err == nil)
	return err
}
