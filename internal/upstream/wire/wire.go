// Package wire speaks HTTP to one target, over connections that are kept alive.
//
// A Transport is HTTP/1.1 (RFC 9112) without a goroutine of its own: whoever calls Send writes the
// request, reads the answer's header and then its body. Only a request body that is long, or of unknown
// length, gets a goroutine for as long as it is sent, because the answer may come before its end. Framing
// is decided here and never copied, in both directions; an answer that two readers could read in two
// ways is refused, and its connection is never used again. HTTP2 is the same for targets that speak
// HTTP/2, by net/http's transport.
//
// What a caller must know to send a request again is in the Request after Send: whether a byte of it
// was sent and whether a byte of an answer came.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	defaultMaxIdle          = 256
	defaultIdleTimeout      = 4 * time.Second
	defaultConnectTimeout   = 3 * time.Second
	defaultHandshakeTimeout = 6 * time.Second
	defaultContinueTimeout  = time.Second
	defaultMaxHeader        = 256 << 10
	// keepAlive is how often the system looks whether the other end is still there.
	keepAlive = 30 * time.Second
)

// Options say how a target is spoken to. The zero value of a field is its default.
type Options struct {
	// TLS makes it HTTPS. Its ServerName is the host of the address if empty; its NextProtos are set here.
	TLS *tls.Config
	// MaxIdle bounds the connections that are kept while they are not used (default 256).
	MaxIdle int
	// IdleTimeout is how long one is kept (default 4s: below the 5 s after which Node, Apache and uvicorn
	// close theirs).
	IdleTimeout time.Duration
	// ConnectTimeout bounds the making of a connection (default 3s), HandshakeTimeout TLS's part (default 6s).
	ConnectTimeout, HandshakeTimeout time.Duration
	// ContinueTimeout is how long "Expect: 100-continue" is waited for before a body is sent anyway
	// (default 1s).
	ContinueTimeout time.Duration
	// MaxHeader bounds the header of an answer in bytes (default 256 KiB).
	MaxHeader int
}

func (o Options) withDefaults() Options {
	setDefault(&o.MaxIdle, defaultMaxIdle)
	setDefault(&o.IdleTimeout, defaultIdleTimeout)
	setDefault(&o.ConnectTimeout, defaultConnectTimeout)
	setDefault(&o.HandshakeTimeout, defaultHandshakeTimeout)
	setDefault(&o.ContinueTimeout, defaultContinueTimeout)
	setDefault(&o.MaxHeader, defaultMaxHeader)
	return o
}

func setDefault[T int | time.Duration](v *T, value T) {
	if *v == 0 {
		*v = value
	}
}

// Sender is what a Transport and an HTTP2 have in common.
type Sender interface {
	// Send sends r and returns the answer as soon as its header is there. The answer's body is never nil
	// and must be closed. When ctx ends before the body has, the connection is broken off.
	Send(ctx context.Context, r *Request) (*http.Response, error)
	// CloseIdle closes the connections that are not used; one still in use is closed as soon as it is not.
	CloseIdle()
	// Bury says that the process at the other end is gone, so that silence is the end of a connection.
	Bury(silence time.Duration)
}

// Transport sends requests to one address by HTTP/1.1.
type Transport struct {
	address string
	o       Options
	idle    idle
	open    open
	buffers buffers
}

// New returns a Transport to address, which is host:port.
func New(address string, o Options) *Transport {
	o = o.withDefaults()
	if o.TLS != nil {
		o.TLS = o.TLS.Clone()
		o.TLS.NextProtos = []string{"http/1.1"}
		if o.TLS.ServerName == "" {
			o.TLS.ServerName, _, _ = net.SplitHostPort(address)
		}
	}
	t := &Transport{address: address, o: o}
	t.idle.max, t.idle.timeout = o.MaxIdle, o.IdleTimeout
	return t
}

// CloseIdle implements Sender.
func (t *Transport) CloseIdle() { t.idle.flush() }

// Send implements Sender. A kept-alive connection that the target has closed meanwhile, or spoke on
// without being asked, is passed over where the system can tell: nothing was sent on it.
func (t *Transport) Send(ctx context.Context, r *Request) (*http.Response, error) {
	r.Connected, r.Reused, r.Sent, r.Answered = false, false, false, false
	if err := r.check(); err != nil {
		return nil, err
	}
	if err := r.hold(&t.buffers); err != nil {
		return nil, err
	}
	for {
		c := t.idle.take()
		if r.Reused = c != nil; c == nil {
			var err error
			if c, err = t.connect(ctx, r); err != nil {
				return nil, err
			}
		}
		res, err := c.exchange(ctx, r)
		if err == errGone && r.Reused { //nolint:errorlint // exchange's own
			continue
		}
		return res, err
	}
}

// connect makes a connection.
func (t *Transport) connect(parent context.Context, r *Request) (*conn, error) {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	if err := r.attach(cancel); err != nil {
		return nil, err
	}
	defer r.detach()
	c, err := t.dial(ctx)
	switch {
	case err == nil:
		return c, nil
	case parent.Err() != nil:
		return nil, context.Cause(parent)
	default:
		return nil, r.because(&ConnectError{Err: err})
	}
}

func (t *Transport) dial(ctx context.Context) (*conn, error) {
	tcp, err := dial(ctx, t.address, t.o.ConnectTimeout)
	if err != nil {
		return nil, err
	}
	c := newConn(tcp, t)
	if t.o.TLS == nil {
		return c, nil
	}
	under := &counted{Conn: tcp}
	over := tls.Client(under, t.o.TLS)
	ctx, cancel := context.WithTimeout(ctx, t.o.HandshakeTimeout)
	defer cancel()
	if err := over.HandshakeContext(ctx); err != nil {
		c.close()
		return nil, fmt.Errorf("TLS handshake with %s: %w", t.address, err)
	}
	c.nc, c.under = over, under
	return c, nil
}

func dial(ctx context.Context, address string, timeout time.Duration) (net.Conn, error) {
	dialer := net.Dialer{Timeout: timeout, KeepAlive: keepAlive}
	return dialer.DialContext(ctx, "tcp", address)
}

// ConnectError says that no connection to a target could be made: nothing of the request was sent.
type ConnectError struct{ Err error }

func (e *ConnectError) Error() string { return fmt.Sprintf("connect: %v", e.Err) }

func (e *ConnectError) Unwrap() error { return e.Err }

var (
	// errGone is for a kept-alive connection that was closed, or spoken on unasked, before it was used.
	errGone = errors.New("the server closed the connection while it was idle")
	// errNoAnswer is for a connection that was closed without a byte of an answer.
	errNoAnswer = errors.New("the server closed the connection without an answer")
)
