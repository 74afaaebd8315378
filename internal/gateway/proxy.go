package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/status"
	"holdfast/internal/upstream"
)

// defaultMaintenance is the Retry-After of an app in maintenance whose end nobody knows.
const defaultMaintenance = time.Minute

// proxy serves requests with the targets of a pool.
type proxy struct {
	pool     *upstream.Pool
	balancer *upstream.Balancer
	hash     hashKey
	sticky   *sticky // nil: whoever's turn it is
	// timeout is how long to wait for the answer's header; 0 = no bound.
	timeout time.Duration
	// app is empty for servers that Holdfast does not run.
	app     string
	parking config.Parking
	// tryTimeout is timeout for one try.
	tryTimeout time.Duration
	retry      *retry // nil: what every route does
}

// newProxy is the part that all routes to targets have in common.
func (g *Gateway) newProxy(next *setup, r *route, conf config.Route, pool *upstream.Pool) (*proxy, error) {
	b, err := g.balancerOf(next, r.name, "", conf, pool)
	if err != nil {
		return nil, err
	}
	r.balancer = b
	p := &proxy{pool: pool, balancer: b.Balancer, hash: newHashKey(conf), timeout: conf.Timeout.D()}
	if conf.Sticky != nil {
		p.sticky = newSticky(*conf.Sticky, r)
	}
	return p, nil
}

// parks reports whether requests may wait for a target.
func (p *proxy) parks() bool { return p.app != "" && p.parking.MaxRequests > 0 }

// maxPasses is how many gateways like this one a request may have come through: more are a circle, in which
// one request would become thousands.
const maxPasses = 16

// circles reports whether the request comes back here again and again (RFC 9110, 7.6.3).
func circles(via []string) bool {
	passes := 0
	for _, v := range via {
		passes += strings.Count(v, " holdfast")
	}
	return passes >= maxPasses
}

// respond sends the request to a target and its answer to the client.
func (p *proxy) respond(c *call) {
	if via := c.r.Header["Via"]; via != nil && circles(via) {
		c.failure = "the route leads back to this gateway"
		c.refuse(http.StatusLoopDetected, "loop", "The request came here again and again.")
		return
	}
	ctx, x := newExchange(p, c)
	defer x.finish()
	res, err := x.roundTrip(ctx)
	c.series.waited(x.waited)
	if err != nil {
		p.fail(c, x, err)
		return
	}
	c.came(res.StatusCode)
	x.answered = res.StatusCode
	if res.StatusCode == http.StatusSwitchingProtocols {
		x.stick(res.Header)
		x.switchProtocols(res)
		return
	}
	if res.StatusCode < http.StatusContinue {
		// Net/http reads 000 to 099 as well, and panics when it is to write one.
		_ = res.Body.Close()
		x.blamed, x.fault = true, fmt.Errorf("status %03d is none", res.StatusCode)
		p.fail(c, x, x.fault)
		return
	}
	if c.fallsBackOn(res.StatusCode) && c.insteadOf(strconv.Itoa(res.StatusCode)) {
		_ = res.Body.Close()
		return
	}
	x.stick(res.Header)
	x.copyAnswer(res)
}

// fail answers for a target that did not.
func (p *proxy) fail(c *call, x *exchange, err error) {
	c.failure = err.Error()
	if x.blamed && c.r.Context().Err() == nil && (x.body == nil || x.body.failure() == nil) {
		c.came(0)
	}
	var maintenance *upstream.MaintenanceError
	switch {
	case c.lateBody():
		c.refuse(http.StatusRequestTimeout, "body_timeout", "The body of the request did not come in time.")
	case c.r.Context().Err() != nil:
		c.abort(statusClientClosed)
	case errors.As(err, &maintenance):
		after := defaultMaintenance
		if !maintenance.Until.IsZero() {
			after = time.Until(maintenance.Until)
		}
		c.unavailable("maintenance", "The application is in maintenance.", after)
	case errors.Is(err, errPaused):
		c.unavailable("paused", "The service is paused.", 0)
	case errors.Is(err, status.ErrNotReady), p.app != "" && upstream.IsConnectError(err):
		// A supervised instance that cannot be connected to has just died: its supervisor is about
		// to say so.
		c.unavailable("not_ready", "No instance is ready to answer.", c.g.retryAfter(p.app))
	case x.timedOut.Load(), errors.Is(err, errTryTimeout):
		c.refuse(http.StatusGatewayTimeout, "upstream_timeout", "The server behind this address did not answer in time.")
	case x.body != nil && bodyTooLarge(x.body.failure()):
		c.tooLarge(c.route.maxBody)
	case x.body != nil && errors.Is(x.body.failure(), os.ErrDeadlineExceeded):
		c.refuse(http.StatusRequestTimeout, "body_timeout", "The body of the request did not come in time.")
	case x.body != nil && x.body.failure() != nil:
		c.refuse(http.StatusBadRequest, "bad_body", "The body of the request could not be read.")
	default:
		c.g.log.Debug("upstream failed", zap.String("route", c.route.name), zap.String("instance", c.instance),
			zap.String("request_id", c.ids.request), zap.Error(err))
		c.refuse(http.StatusBadGateway, "upstream_failed", "The server behind this address could not answer.")
	}
}

// copyAnswer passes an answer on: header, body as it comes, trailers.
func (x *exchange) copyAnswer(res *http.Response) {
	c := x.call
	removeHopByHop(res.Header)
	h := c.Header()
	for name, values := range res.Header {
		if name != "X-Request-Id" { // ours stands already
			h[name] = values
		}
	}
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // keeps net/http from guessing one, which is for whoever made the body to say
	}
	announced := len(res.Trailer)
	if announced > 0 {
		names := make([]string, 0, announced)
		for name := range res.Trailer {
			names = append(names, name)
		}
		h["Trailer"] = []string{strings.Join(names, ", ")}
	}
	c.WriteHeader(res.StatusCode)
	readErr, writeErr := x.copyBody(res)
	if readErr != nil || writeErr != nil {
		_ = res.Body.Close() // what matters is told already
		if readErr != nil && c.r.Context().Err() == nil {
			x.fault = readErr
			c.came(0)
			c.failure = "answer broken off: " + readErr.Error()
			_ = c.FlushError() // a client that sees nothing at all may take it for an old connection, and ask again
		} else {
			c.failure = "client went away"
		}
		c.abort(res.StatusCode)
	}
	_ = res.Body.Close() // fills res.Trailer
	scrubTrailer(res.Trailer, nil)
	if len(res.Trailer) == 0 {
		return
	}
	// Without a flush net/http would make a Content-Length of a short body, and lose the trailers.
	_ = c.FlushError()
	for name, values := range res.Trailer {
		if len(res.Trailer) != announced {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// copyBody copies an answer's body. What has no known end is flushed after every read, so that it
// reaches the client as it comes.
func (x *exchange) copyBody(res *http.Response) (readErr, writeErr error) {
	if res.Body == http.NoBody {
		return nil, nil
	}
	if eventStream(res.Header["Content-Type"]) {
		x.call.judge() // it has no end of its own
		return x.copyEvents(res)
	}
	c := x.call
	stream := res.ContentLength < 0
	if stream {
		// The header goes out before the first byte of the body may exist.
		if err := c.FlushError(); err != nil {
			return nil, err
		}
	}
	buf := c.buffers.getFor(res.ContentLength)
	defer c.buffers.putFor(buf)
	for {
		n, err := res.Body.Read(*buf)
		if n > 0 {
			if _, werr := c.Write((*buf)[:n]); werr != nil {
				return nil, werr
			}
			if stream && err == nil {
				if werr := c.FlushError(); werr != nil {
					return nil, werr
				}
			}
		}
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return err, nil
		}
	}
}
