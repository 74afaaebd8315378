package gateway

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// closingGrace is how long a WebSocket may take for its closing handshake, and a stream of events for
// the rest of an event, after it was told to end.
const closingGrace = 2 * time.Second

func eventStream(contentType []string) bool {
	const name = "text/event-stream"
	return len(contentType) > 0 && len(contentType[0]) >= len(name) && strings.EqualFold(contentType[0][:len(name)], name)
}

// eventScanner finds the ends of events in a stream of them: an event ends with an empty line, and a
// line with CR, LF or both (html.spec.whatwg.org, 9.2.5).
type eventScanner struct {
	inEvent bool // something came since the last end
	inLine  bool // something came in this line
	cr      bool // the last byte was a CR: an LF belongs to it
}

// feed follows p and returns where the first event in it ends, -1 when none does.
func (s *eventScanner) feed(p []byte) int {
	end := -1
	for i, b := range p {
		switch {
		case b == '\n' && s.cr:
			s.cr = false
			if end == i {
				end++
			}
		case b == '\n' || b == '\r':
			if !s.inLine {
				s.inEvent = false
				if end < 0 {
					end = i + 1
				}
			}
			s.inLine, s.cr = false, b == '\r'
		default:
			s.inEvent, s.inLine, s.cr = true, true, false
		}
	}
	return end
}

// eventEnd brings a stream of events to an end between two of them, so that the client comes again
// with the last one's number and misses nothing.
type eventEnd struct {
	body    io.Closer // closing it ends the copying
	encoded bool      // events cannot be told apart

	mu    sync.Mutex
	scan  eventScanner
	told  bool
	timer *time.Timer
}

// tell ends the stream now if it is between two events, or else after this one.
func (e *eventEnd) tell() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told = true
	if e.encoded || !e.scan.inEvent {
		_ = e.body.Close() // it is of no use any more
		return
	}
	e.timer = time.AfterFunc(closingGrace, func() { _ = e.body.Close() })
}

// take follows what is about to be passed on; last says that the stream ends with it.
func (e *eventEnd) take(p []byte) (part []byte, last bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.encoded {
		return p, e.told
	}
	end := e.scan.feed(p)
	if e.told && end >= 0 {
		return p[:end], true
	}
	return p, false
}

// over reports whether the end of the stream is of our own making.
func (e *eventEnd) over() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.told
}

// copyEvents copies a stream of events until it ends, the target is about to end, or the gateway is.
func (x *exchange) copyEvents(res *http.Response) (readErr, writeErr error) {
	c := x.call
	e := &eventEnd{body: res.Body, encoded: len(res.Header["Content-Encoding"]) > 0}
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-x.lease.Draining():
			e.tell()
		case <-c.g.ending:
			e.tell()
		case <-done:
		}
	})
	defer func() {
		close(done)
		watch.Wait()
		if e.timer != nil {
			e.timer.Stop()
		}
	}()
	if err := c.FlushError(); err != nil {
		return nil, err
	}
	buf := c.buffers.get()
	defer c.buffers.put(buf)
	for {
		n, err := res.Body.Read(*buf)
		if n > 0 {
			part, last := e.take((*buf)[:n])
			if _, werr := c.Write(part); werr != nil {
				return nil, werr
			}
			if werr := c.FlushError(); werr != nil {
				return nil, werr
			}
			if last {
				return nil, nil
			}
		}
		if err == io.EOF || err != nil && e.over() {
			return nil, nil
		}
		if err != nil {
			return err, nil
		}
	}
}
