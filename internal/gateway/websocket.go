package gateway

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// switchProtocols passes bytes both ways until one side ends.
func (x *exchange) switchProtocols(res *http.Response) {
	c := x.call
	back, ok := res.Body.(io.ReadWriteCloser)
	up := res.Header["Upgrade"]
	if !x.websocket || !ok || len(up) != 1 || !strings.EqualFold(up[0], "websocket") {
		_ = res.Body.Close() // it is no use to anybody
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
	if !c.g.sockets.add(front) {
		return
	}
	defer c.g.sockets.remove(front)
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
	var both sync.WaitGroup
	both.Go(func() {
		_, err := io.Copy(back, buffered.Reader)
		endWriting(back, err, front)
	})
	both.Go(func() {
		n, err := io.Copy(front, back)
		c.bytes += n
		endWriting(front, err, back)
	})
	both.Wait()
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
