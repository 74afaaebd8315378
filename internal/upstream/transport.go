package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	// connectTimeout bounds the making of a connection; the other targets are tried after it.
	connectTimeout = 3 * time.Second
	// keepAlive is how often the system looks whether the other end is still there.
	keepAlive = 30 * time.Second
	// idleTimeout is below the keep-alive time of common servers (Node, Apache and uvicorn close
	// after 5 s), so that we let a connection go before the other side does.
	idleTimeout = 4 * time.Second
	// maxIdle bounds the idle connections to one target.
	maxIdle = 256
	// maxAnswerHeader bounds an answer's header.
	maxAnswerHeader = 256 << 10
	// continueTimeout is how long to wait for "100 Continue" before a body is sent anyway.
	continueTimeout = time.Second
	// readBuffer and writeBuffer hold most headers, with a short body; longer bodies go past them. Every
	// kept-alive connection has both.
	readBuffer  = 4 << 10
	writeBuffer = 2 << 10
)

// transport is what a member needs of its connection pool.
type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// newTransport returns a connection pool for one target. It speaks HTTP/1.1, ignores the proxy
// settings of the environment and passes bodies on as they are. Its connections are *Conn, or TLS
// over one.
func newTransport(conns *connSet) transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            conns.dial,
		Protocols:              &protocols,
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    2 * connectTimeout,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: maxAnswerHeader,
		ReadBufferSize:         readBuffer,
		WriteBufferSize:        writeBuffer,
	}
}

func (s *connSet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: connectTimeout, KeepAlive: keepAlive}
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, &ConnectError{Err: err}
	}
	return newConn(c, s), nil
}

// ConnectError says that no connection to a target could be made: nothing of the request was sent.
type ConnectError struct{ Err error }

func (e *ConnectError) Error() string { return fmt.Sprintf("connect: %v", e.Err) }

func (e *ConnectError) Unwrap() error { return e.Err }

// IsConnectError reports whether err means that nothing was sent for lack of a connection, so that
// any request may be repeated on another target.
func IsConnectError(err error) bool {
	if err == nil {
		return false // spares the usual case an allocation
	}
	var c *ConnectError
	return errors.As(err, &c)
}
