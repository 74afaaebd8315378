package gateway

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// switchProtocols passes bytes both ways until one side ends, or the target or the gateway is about
// to: then both sides are told so, and have a moment for the closing handshake.
func (x *exchange) switchProtocols(res *http.Response) {
	c := x.call
	back, ok := res.Body.(io.ReadWriteCloser)
	up := res.Header["Upgrade"]
	if !x.websocket || !ok || len(up) != 1 || !strings.EqualFold(up[0], "websocket") {
		_ = res.Body.Close() // it is no use to anybody
		c.came(0)
		c.g.log.Warn("upstream switched to a protocol that was not asked for",
			zap.String("route", c.route.name), zap.Strings("upgrade", up))
		c.refuse(http.StatusBadGateway, "upstream_failed", "The server behind this address could not answer.")
		return
	}
	defer func() { _ = back.Close() }()
	front, buffered, err := c.Hijack()
	if err != nil {
		c.failure = err.Error()
		c.refuse(http.StatusBadGateway, "upstream_failed", "The connection cannot be switched.")
		return
	}
	defer func() { _ = front.Close() }()
	c.status = http.StatusSwitchingProtocols
	c.judge()
	_ = front.SetDeadline(time.Time{}) // the server's bounds on a request are none on a session

	removeHopByHop(res.Header)
	res.Header["Connection"], res.Header["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	res.Header["X-Request-Id"] = []string{c.ids.request}
	res.Body = nil // so that Write writes the header only
	if err := res.Write(buffered); err != nil {
		c.failure = "client went away"
		return
	}
	if err := buffered.Flush(); err != nil {
		c.failure = "client went away"
		return
	}
	s := &session{front: front, back: back, over: make(chan struct{})}
	s.down = relay{from: back, to: front, farewell: closeFrame(false)}
	s.up = relay{from: buffered.Reader, to: back, farewell: closeFrame(true)}
	var both sync.WaitGroup
	both.Go(func() { s.passDown(c.buffers) })
	both.Go(func() { s.passUp(c.buffers) })
	select {
	case <-s.over:
	case <-x.lease.Draining():
		s.close()
	case <-c.g.ending:
		s.close()
	}
	both.Wait()
	c.bytes += s.down.passed
}

// session is one WebSocket.
type session struct {
	front    net.Conn           // to the client
	back     io.ReadWriteCloser // to the target
	down, up relay
	ended    atomic.Int32  // how many directions have
	over     chan struct{} // closed when both have
}

// close tells both sides that the session ends, and sees to it that it does.
func (s *session) close() {
	cut := time.AfterFunc(closingGrace, func() {
		// A message that does not end gets no more time, but the client still hears why.
		_ = s.front.SetWriteDeadline(time.Now().Add(closingGrace / 10))
		s.down.interrupt()
		_ = s.front.Close()
		_ = s.back.Close()
	})
	defer cut.Stop()
	var telling sync.WaitGroup // one side may take its time
	telling.Go(s.down.tell)
	telling.Go(s.up.tell)
	<-s.over
	telling.Wait()
}

func (s *session) passDown(b *buffers) {
	err := s.down.run(b, func() bool { return false }) // the target is the one to end the connection
	endWriting(s.front, err, s.back)
	s.end()
}

func (s *session) passUp(b *buffers) {
	err := s.up.run(b, func() bool { return s.up.heard.Load() && s.down.spoke.Load() && s.down.told.Load() })
	if err == errHandshaken { //nolint:errorlint // run's own
		_ = s.front.Close()
		err = nil
	}
	endWriting(s.back, err, s.front)
	s.end()
}

func (s *session) end() {
	if s.ended.Add(1) == 2 {
		close(s.over)
	}
}

// endWriting tells to that its other side has ended. After an error, or when half a connection
// cannot be closed, both ends are closed.
func endWriting(to io.Closer, err error, from io.Closer) {
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil && half.CloseWrite() == nil {
		return
	}
	_ = to.Close()
	_ = from.Close()
}
