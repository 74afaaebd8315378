package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/status"
	"holdfast/internal/upstream"
)

// maxTries bounds the targets that one request is tried on.
const maxTries = 8

var errUpstreamTimeout = errors.New("no answer within the route's timeout")

// exchange is one request's way to a target and back, over as many tries as it takes.
type exchange struct {
	proxy *proxy
	call  *call
	// body is nil when the request has none.
	body      *clientBody
	websocket bool

	cancel   context.CancelCauseFunc
	clock    patience
	timedOut atomic.Bool

	lease  upstream.Lease
	leased bool
	fault  error // what the target is to blame for
	sent   time.Time

	trace     httptrace.ClientTrace
	firstByte atomic.Bool // something of an answer arrived
	interim   sync.Mutex  // guards over and the passing on of 1xx answers
	over      bool
}

// newExchange prepares the request for its way; the context is for the round trip. The caller
// calls finish.
func newExchange(p *proxy, c *call) (context.Context, *exchange) {
	x := &exchange{proxy: p, call: c, websocket: c.forward()}
	x.trace.GotFirstResponseByte = x.gotFirstByte
	x.trace.Got1xxResponse = x.gotInterim
	ctx, cancel := context.WithCancelCause(c.r.Context())
	x.cancel = cancel
	x.clock.start(p.timeout, x.timeOut)
	if c.r.ContentLength != 0 && c.r.Body != nil && c.r.Body != http.NoBody {
		x.body = &clientBody{body: c.r.Body, clock: &x.clock, ended: func() { scrubTrailer(c.r.Trailer) }}
	}
	return httptrace.WithClientTrace(ctx, &x.trace), x
}

func (x *exchange) timeOut() {
	x.timedOut.Store(true)
	x.cancel(errUpstreamTimeout)
}

// roundTrip sends the request until a target answers or no further try is allowed.
//
// A request of which nothing was sent, because no connection could be made, goes to the next
// ready target, whatever its method. One that was sent but got not a byte of an answer, because
// the connection broke, is repeated once, if it has no body and is idempotent. (On a kept-alive
// connection net/http repeats such a request itself, on the same target.)
func (x *exchange) roundTrip(ctx context.Context) (*http.Response, error) {
	var tried [maxTries]status.Target
	var last error
	repeated := false
	for n := 0; n < maxTries; n++ {
		lease, err := x.proxy.pool.Acquire(x.proxy.balance, tried[:n]...)
		if err != nil {
			if last != nil {
				return nil, last
			}
			return nil, err
		}
		if n > 0 {
			reason := "connect"
			if !upstream.IsConnectError(last) {
				reason = "reset"
			}
			x.call.series.retried(reason)
		}
		tried[n] = lease.Target()
		res, err := x.try(ctx, lease)
		if err == nil {
			return res, nil
		}
		x.leased = false
		last = err
		switch {
		case x.timedOut.Load():
			lease.Done(err)
			return nil, err
		case ctx.Err() != nil, x.body != nil && x.body.failure() != nil:
			lease.Done(nil) // the client went away or sent nonsense
			return nil, err
		}
		lease.Done(err)
		switch {
		case upstream.IsConnectError(err) && (x.body == nil || !x.body.touched.Load()):
		case !repeated && x.repeatable():
			repeated = true
		default:
			return nil, err
		}
	}
	return nil, last
}

// try sends the request to one target and waits for the header of its answer.
func (x *exchange) try(ctx context.Context, lease upstream.Lease) (*http.Response, error) {
	c := x.call
	x.lease, x.leased = lease, true
	target := lease.Target()
	c.instance = target.Instance
	x.firstByte.Store(false)
	x.setOver(false)

	out := c.r.WithContext(ctx)
	out.URL = &url.URL{
		Scheme:     lease.Scheme(),
		Host:       target.Address,
		Path:       c.served.Path,
		RawPath:    c.served.Escaped,
		RawQuery:   c.r.URL.RawQuery,
		ForceQuery: c.r.URL.ForceQuery,
	}
	out.RequestURI = ""
	out.Close = false
	out.Body, out.GetBody = nil, nil
	if x.body != nil {
		out.Body = x.body
	} else {
		out.ContentLength, out.TransferEncoding = 0, nil
	}
	x.sent = time.Now()
	res, err := lease.Transport().RoundTrip(out)
	c.upstream = time.Since(x.sent)
	x.setOver(true)
	if err == nil {
		x.clock.stop()
	}
	return res, err
}

// repeatable reports whether the request may have been executed without harm.
func (x *exchange) repeatable() bool {
	if x.body != nil || x.websocket || x.firstByte.Load() {
		return false
	}
	switch x.call.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	default:
		return false
	}
}

// finish ends what the exchange holds, however it went.
func (x *exchange) finish() {
	x.clock.stop()
	if x.body != nil {
		x.body.finish(x.call.w)
	}
	x.cancel(nil)
	if x.leased {
		x.lease.Done(x.fault)
	}
}

func (x *exchange) setOver(over bool) {
	x.interim.Lock()
	defer x.interim.Unlock()
	x.over = over
}

func (x *exchange) gotFirstByte() { x.firstByte.Store(true) }

// gotInterim passes a 1xx answer on.
func (x *exchange) gotInterim(code int, header textproto.MIMEHeader) error {
	x.interim.Lock()
	defer x.interim.Unlock()
	if x.over || !x.call.r.ProtoAtLeast(1, 1) {
		return nil
	}
	h := x.call.Header()
	before := h.Clone()
	for name, values := range header {
		h[name] = values
	}
	removeHopByHop(h)
	x.call.WriteHeader(code)
	clear(h)
	for name, values := range before {
		h[name] = values
	}
	return nil
}
