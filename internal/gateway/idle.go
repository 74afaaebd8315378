package gateway

import (
	"encoding/binary"
	"sync"
	"time"
)

// Net/http could end idle connections itself. But one over HTTP/2 that ends with requests under way sets
// its idle timer once more, which keeps all that the connection had, a megabyte with ease, until
// idle_timeout is over (Go 1.26). Who opens connections and leaves them would have us keep thousands.

// http2Frame is the length of a frame's header, and http2Headers and http2GoAway are types of frames
// (RFC 9113, 4.1 and 6).
const (
	http2Frame   = 9
	http2Headers = 1
	http2GoAway  = 7
)

// goodbyeBeats is how long a client that was told that its connection ends has time to end it.
const goodbyeBeats = 2

// incoming follows the frames that a client sends, to be able to say which request was the last.
type incoming struct {
	mu     sync.Mutex // guards all of it
	header [http2Frame]byte
	have   int    // of the header
	left   int    // of the payload
	last   uint32 // the last stream that the client has opened
	at     int64  // the beat of that
	over   bool   // the client was told that the connection ends; nothing that it sends counts any more
	overAt int64  // the beat of that
}

// take follows p, and reports whether it is to be given on.
func (in *incoming) take(p []byte, beats int64) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.over {
		return false
	}
	for len(p) > 0 {
		if in.left > 0 {
			n := min(in.left, len(p))
			in.left -= n
			p = p[n:]
			continue
		}
		n := copy(in.header[in.have:], p)
		in.have += n
		p = p[n:]
		if in.have < http2Frame {
			break
		}
		in.have = 0
		h := in.header
		in.left = int(h[0])<<16 | int(h[1])<<8 | int(h[2])
		if id := binary.BigEndian.Uint32(h[5:]) &^ (1 << 31); h[3] == http2Headers && id > in.last {
			in.last, in.at = id, beats
		}
	}
	return true
}

// sweepIdle ends the connection after idle beats without a request. It reports whether it does.
func (c *secureConn) sweepIdle(now, idle int64) bool {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	if c.in.over {
		if now-c.in.overAt >= goodbyeBeats {
			_ = c.own.Close() // the client had its time
		}
		return true
	}
	// What came a moment ago may not have reached a handler.
	if c.own.state.Load() != connIdle || now-c.own.since.Load() <= idle || now-c.in.at < 2 || !c.own.retire() {
		return false
	}
	c.in.over, c.in.overAt = true, now
	go c.sayGoodbye(c.in.last)
	return true
}

// sayGoodbye tells the client which request was the last that was looked at: it may send any later one
// again elsewhere (RFC 9113, 6.8).
func (c *secureConn) sayGoodbye(last uint32) {
	frame := [http2Frame + 8]byte{2: 8, 3: http2GoAway}
	binary.BigEndian.PutUint32(frame[http2Frame:], last)
	_ = c.own.SetWriteDeadline(time.Now().Add(beat)) // without a word it is closed, too
	_, _ = c.tls.Write(frame[:])
}

// idleBeats is how many beats last at least as long as d.
func idleBeats(d time.Duration) int64 { return int64((d + beat - 1) / beat) }
