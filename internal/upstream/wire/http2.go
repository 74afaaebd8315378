package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"sync"
	"time"
)

// HTTP2 sends requests to one address by HTTP/2: over TLS where the target agrees to it (ALPN), else by
// HTTP/1.1; without TLS by prior knowledge (h2c). A request that asks for an upgrade goes by HTTP/1.1.
type HTTP2 struct {
	address string
	scheme  string
	h2      *http.Transport
	h1      *Transport
}

// NewHTTP2 returns an HTTP2 to address, which is host:port.
func NewHTTP2(address string, o Options) *HTTP2 {
	t := &HTTP2{address: address, scheme: "http", h1: New(address, o)}
	o = t.h1.o
	var protocols http.Protocols
	var config *tls.Config
	if o.TLS == nil {
		protocols.SetUnencryptedHTTP2(true)
	} else {
		t.scheme = "https"
		protocols.SetHTTP1(true)
		protocols.SetHTTP2(true)
		config = o.TLS.Clone()
		config.NextProtos = nil
	}
	t.h2 = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := dial(ctx, address, o.ConnectTimeout)
			if err != nil {
				return nil, &ConnectError{Err: err}
			}
			return c, nil
		},
		TLSClientConfig:        config,
		Protocols:              &protocols,
		DisableCompression:     true,
		MaxIdleConns:           o.MaxIdle,
		MaxIdleConnsPerHost:    o.MaxIdle,
		IdleConnTimeout:        o.IdleTimeout,
		TLSHandshakeTimeout:    o.HandshakeTimeout,
		ExpectContinueTimeout:  o.ContinueTimeout,
		MaxResponseHeaderBytes: int64(o.MaxHeader),
	}
	return t
}

// CloseIdle implements Sender.
func (t *HTTP2) CloseIdle() {
	t.h2.CloseIdleConnections()
	t.h1.CloseIdle()
}

// Bury implements Sender. Pings are what finds a dead session out; idle ones are closed.
func (t *HTTP2) Bury(silence time.Duration) {
	t.h2.CloseIdleConnections()
	t.h1.Bury(silence)
}

// Send implements Sender. A connection says that something may have been sent: net/http itself repeats
// what the target says it did not begin.
func (t *HTTP2) Send(ctx context.Context, r *Request) (*http.Response, error) {
	if r.Upgrade != "" {
		return t.h1.Send(ctx, r)
	}
	r.Connected, r.Reused, r.Sent, r.Answered = false, false, false, false
	if err := r.check(); err != nil {
		return nil, err
	}
	parent := ctx
	ctx, cancel := context.WithCancel(parent)
	if err := r.attach(cancel); err != nil {
		cancel()
		return nil, err
	}
	w := &watch{r: r}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              w.gotConn,
		GotFirstResponseByte: w.gotFirstByte,
		Got1xxResponse:       w.gotInterim,
	})
	res, err := t.h2.RoundTrip(t.request(ctx, r))
	w.end()
	if err != nil {
		cancel()
		r.detach()
		switch {
		case parent.Err() != nil:
			err = context.Cause(parent)
		case !r.Sent:
			err = &ConnectError{Err: err}
		}
		return nil, r.because(err)
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		_ = res.Body.Close()
		cancel()
		return nil, r.because(malformed("a switch of protocols that was not asked for"))
	}
	res.Body = &watched{ReadCloser: res.Body, r: r, cancel: cancel}
	return res, nil
}

// request is r as net/http wants it.
func (t *HTTP2) request(ctx context.Context, r *Request) *http.Request {
	h := make(http.Header, len(r.Header))
	for name, values := range r.Header {
		if !ownField(name) && (name != "Expect" || r.expects()) {
			h[name] = values
		}
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // keeps net/http from sending its own
	}
	out := &http.Request{
		Method: r.Method,
		URL:    &url.URL{Scheme: t.scheme, Host: t.address, Opaque: r.Target},
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Host: r.Host,
	}
	if r.Body != nil {
		out.Body, out.ContentLength = io.NopCloser(r.Body), r.Length
		if r.Length < 0 {
			out.Trailer = r.Trailer
		}
	}
	return out.WithContext(ctx)
}

// watch notes what becomes of a try; net/http may tell it after the try has ended.
type watch struct {
	mu      sync.Mutex
	r       *Request
	interim int
	over    bool
}

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}

func (w *watch) gotConn(info httptrace.GotConnInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.r.Connected, w.r.Reused, w.r.Sent = true, info.Reused, true
	}
}

func (w *watch) gotFirstByte() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.r.Answered = true
	}
}

func (w *watch) gotInterim(code int, header textproto.MIMEHeader) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return nil
	}
	if w.interim++; w.interim > maxInterim { // whoever wants to know of them bounds them, says net/http
		return malformed("too many interim answers")
	}
	if w.r.Interim == nil {
		return nil
	}
	return w.r.Interim(code, http.Header(header))
}

// watched is a body during which Break still works.
type watched struct {
	io.ReadCloser
	r      *Request
	cancel context.CancelFunc
}

// Read implements io.Reader.
func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.r.because(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *watched) Close() error {
	err := b.ReadCloser.Close()
	b.r.detach()
	b.cancel()
	return err
}
