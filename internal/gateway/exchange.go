package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"holdfast/internal/status"
	"holdfast/internal/upstream"
)

const (
	// maxTries bounds the targets that one request is tried on before it is parked or given up.
	maxTries = 8
	// maxRepeats bounds how often a request that was sent, and may be sent again, is: one that kills
	// whoever gets it must come to an end.
	maxRepeats = 3
)

var errUpstreamTimeout = errors.New("no answer within the route's timeout")

// exchange is one request's way to a target and back, over as many tries as it takes.
type exchange struct {
	proxy *proxy
	call  *call
	// body is nil when the request has none.
	body      *clientBody
	websocket bool

	clock    patience
	timedOut atomic.Bool
	tryClock tryClock
	began    time.Time // with a retry only
	retries  int       // of the route's retry
	blamed   bool      // a target failed

	lease  upstream.Lease
	leased bool
	fault  error // what the target is to blame for
	// choice is what the request brings to the picking of its target; answered is the status of the answer that
	// the client gets.
	choice   upstream.Choice
	answered int
	sent     time.Time

	place   upstream.Place // in the line of those that wait
	parkBy  time.Time      // when waiting has to end; zero: it did not wait
	waited  outcome        // how the last wait ended
	granted bool           // the lease was waited for

	out upstream.Request // as it goes to the target, and what is known of the last try
}

// newExchange prepares the request for its way; the context is for the round trip. The caller
// calls finish.
func newExchange(p *proxy, c *call) (context.Context, *exchange) {
	x := &exchange{proxy: p, call: c, websocket: c.forward()}
	x.choose()
	x.out.Method, x.out.Target, x.out.Header = c.r.Method, c.served.Escaped, c.r.Header
	if q := c.r.URL; q.RawQuery != "" || q.ForceQuery {
		x.out.Target += "?" + q.RawQuery
	}
	if x.websocket {
		x.out.Upgrade = "websocket"
	}
	x.out.Interim = x.passInterim
	x.clock.start(p.timeout, x.timeOut)
	if c.r.ContentLength != 0 && c.r.Body != nil && c.r.Body != http.NoBody {
		x.body = &clientBody{body: c.r.Body, clock: &x.clock, try: &x.tryClock.patience, ended: func() { scrubTrailer(c.r.Trailer, c.route.own) }}
		scrubTrailer(c.r.Trailer, c.route.own) // what is announced
		c.body = x.body
		x.out.Body, x.out.Length, x.out.Trailer = x.body, c.r.ContentLength, c.r.Trailer
	}
	return c.r.Context(), x
}

func (x *exchange) timeOut() {
	x.timedOut.Store(true)
	x.out.Break(errUpstreamTimeout)
}

func (x *exchange) tryTimeOut() { x.out.Break(errTryTimeout) }

// roundTrip sends the request until a target answers or no further try is allowed.
//
// A request of which not a byte was sent goes on to the next ready target, whatever its method and
// its body: no connection could be made, or a kept-alive one was closed before it was used. One that
// was sent but got not a byte of an answer, because the connection broke, is repeated if it is safe
// (GET, HEAD, OPTIONS) and has no body; any other one may have been executed and is answered with a
// 502. When there is nobody to try, but somebody is on the way, the request waits (park).
//
// A route's retry repeats more than that, as often as it says and within its budget: when no target can be
// connected to, all of them are tried again; and what was sent, without a body and by a method that may be
// executed twice, after its kinds of failures and answers.
func (x *exchange) roundTrip(ctx context.Context) (*http.Response, error) {
	var tried [maxTries]upstream.Lease
	var last error
	var reason string
	repeats, n, alone := 0, 0, false
	if x.proxy.retry != nil {
		x.began = time.Now()
		x.proxy.retry.budget.Request(x.began)
	}
	for tries := 0; tries < maxTries; tries++ {
		lease, err := x.acquire(ctx, tried[:n], alone)
		if err != nil {
			if errors.Is(err, status.ErrNotReady) && x.connectAgain(ctx, last) {
				tries, n = -1, 0
				continue
			}
			return nil, x.why(err, last)
		}
		if x.granted {
			tries, n = 0, 0
		}
		if last != nil {
			x.call.series.retried(reason)
		}
		res, err := x.try(ctx, lease)
		if x.granted {
			x.granted = false
			x.proxy.pool.Passed()
		}
		if err == nil {
			if x.throwAway(ctx, res) {
				last, reason = statusError(res.StatusCode), "status"
				tried[0], n = lease, 1
				tries, alone = -1, true
				continue
			}
			x.clock.stop()
			return res, nil
		}
		x.leased, x.blamed = false, true
		last = err
		late := errors.Is(err, errTryTimeout) && x.out.Again(errTryTimeout)
		switch {
		case x.timedOut.Load():
			lease.Done(err)
			return nil, err
		case ctx.Err() != nil, x.body != nil && x.body.failure() != nil:
			lease.Done(nil) // the client went away or sent nonsense
			return nil, err
		case x.unsent() && !late:
			lease.Done(nil) // its connection was old
		default:
			lease.Done(err)
		}
		alone = false
		if late {
			var ok bool
			if reason, ok = x.againAfter(ctx, true); !ok {
				return nil, err
			}
			tried[0], n = lease, 1
			tries, alone = -1, true
			continue
		}
		switch {
		case upstream.IsConnectError(err) && x.replayable():
			reason = "connect"
			tried[n], n = lease, n+1
		case x.unsent() && x.replayable():
			// The connection was old, which says nothing about the target. Its other ones are no younger.
			reason = "idle"
			lease.Flush()
		case repeats < maxRepeats && x.repeatable():
			reason = "reset"
			repeats++
			if x.out.Reused {
				lease.Flush() // whatever broke it has broken the others, or is about to
			}
			tried[n], n = lease, n+1
			alone = true
		default:
			var ok bool
			if reason, ok = x.againAfter(ctx, false); !ok {
				return nil, err
			}
			tried[0], n = lease, 1
			tries, alone = -1, true
		}
	}
	return nil, last
}

// why is the error for a request that there is nobody to send to, after the last try failed.
func (x *exchange) why(err, last error) error {
	switch {
	case last == nil || !errors.Is(err, status.ErrNotReady):
		return err
	case x.proxy.app == "":
		return last
	default:
		return fmt.Errorf("%w; before that: %w", err, last)
	}
}

// acquire finds a target that was not tried, and waits for one where that is worth it. Alone says that
// the last one of tried broke a connection: if there is no other one it is asked again, because it may be
// alive; a dead one will refuse.
func (x *exchange) acquire(ctx context.Context, tried []upstream.Lease, alone bool) (upstream.Lease, error) {
	p := x.proxy
	lease, err := p.balancer.Acquire(x.choice, tried...)
	if err == nil && !lease.Resting() {
		return lease, nil
	}
	if alone && (err == nil || errors.Is(err, status.ErrNotReady)) {
		if err == nil {
			lease.Done(nil)
		}
		lease, err = p.balancer.Acquire(x.choice) // those that refused are resting
	}
	switch {
	case err == nil && (!lease.Resting() || !p.parks()):
		return lease, nil
	case err == nil:
		lease.Done(nil)
	case !errors.Is(err, status.ErrNotReady), !p.parks():
		return upstream.Lease{}, err
	}
	return x.park(ctx)
}

// try sends the request to one target and waits for the header of its answer.
func (x *exchange) try(ctx context.Context, lease upstream.Lease) (*http.Response, error) {
	c := x.call
	x.lease, x.leased = lease, true
	target := lease.Target()
	c.instance = target.Instance
	if x.out.Host = c.r.Host; x.out.Host == "" { // HTTP/1.0
		x.out.Host = target.Address
	}
	x.tryClock.begin(x.proxy.tryTimeout, x.tryTimeOut)
	x.sent = time.Now()
	res, err := lease.Send(ctx, &x.out)
	c.upstream = time.Since(x.sent)
	if !x.tryClock.end() && err == nil {
		_ = res.Body.Close() // it is broken off already
		return nil, errTryTimeout
	}
	return res, err
}

// unsent reports whether not a byte of the request was sent on the try that has failed, although there
// was a connection for it.
func (x *exchange) unsent() bool { return x.out.Connected && !x.out.Sent }

// replayable reports whether the whole request can be sent again.
func (x *exchange) replayable() bool {
	return x.body == nil || !x.body.touched.Load() || x.out.Held()
}

// safe reports whether the request may be executed twice without harm.
func (x *exchange) safe() bool {
	if x.body != nil || x.websocket {
		return false
	}
	switch x.call.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	default:
		return false
	}
}

// repeatable reports whether the request may be sent again although it was sent.
func (x *exchange) repeatable() bool { return x.safe() && !x.out.Answered }

// finish ends what the exchange holds, however it went.
func (x *exchange) finish() {
	x.clock.stop()
	if x.body != nil {
		x.body.finish(x.call.w)
	}
	x.out.Break(context.Canceled) // of an answer that was not read to its end
	if x.leased {
		if x.fault == nil && x.answered != 0 {
			x.lease.Answered(x.answered)
		}
		x.lease.Done(x.fault)
	}
}

// passInterim passes a 1xx answer on.
func (x *exchange) passInterim(code int, header http.Header) error {
	if !x.call.r.ProtoAtLeast(1, 1) {
		return nil
	}
	h := x.call.Header()
	before := h.Clone()
	for name, values := range header {
		if name != "X-Request-Id" { // ours stands already
			h[name] = values
		}
	}
	removeHopByHop(h)
	x.call.WriteHeader(code)
	clear(h)
	for name, values := range before {
		h[name] = values
	}
	return nil
}
