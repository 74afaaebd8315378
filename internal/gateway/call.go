package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"holdfast/internal/policy"
)

// statusClientClosed is what is logged and counted for a client that went away before its answer.
const statusClientClosed = 499

// responder is what serves the requests of a route.
type responder interface{ respond(*call) }

// call is one request on its way through the gateway.
type call struct {
	recorder
	g     *Gateway
	site  *site
	r     *http.Request
	start time.Time

	client client
	ids    identifiers
	host   string    // normalised
	path   canonical // as it is matched
	served canonical // with strip_prefix cut off
	route  *route    // nil when none matched
	series *routeMetrics

	// What the access log tells beside the answer.
	instance string
	upstream time.Duration
	parked   time.Duration
	failure  string
	faults   string // what was done on purpose
	subject  string // who sent it, as far as that was checked
	queued   time.Duration
	fellBack string // what the fallback stands in for
	took     time.Duration
	line     [1]zap.Field

	result  policy.Result // what came of the upstream
	watches []watch       // who is to hear of it
	watch   [1]watch
	body    *clientBody // on its way to the upstream; nil: none, or not yet

	forwarded, upgrade bool // the header is the one for the upstream, and asks for a WebSocket

	// values backs the single-valued header fields that are set, so that they need no allocation
	// of their own.
	values [13]string
	used   int
}

// serve answers one request that came in through site. Own is its connection if only the answer is written
// to it, and as it is. The order of the steps is fixed: client
// address and identifiers, access log and metrics, host and path, pause, redirect, route.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, s *site, own *conn) {
	c := &call{recorder: recorder{w: w, buffers: &g.buffers, conn: own}, g: g, site: s, r: r, start: time.Now(), series: g.metrics.none}
	g.active.begin()
	defer c.end()
	c.client = identify(r, s.trust)
	c.ids = identifiersOf(r.Header, c.client.trusted)
	c.set(w.Header(), "X-Request-Id", c.ids.request)
	if !c.admit() {
		return
	}
	if answer, ok := g.certs.HTTPChallenge(c.path.Path); ok {
		c.prove(answer)
		return
	}
	switch {
	case g.paused.Load():
		c.unavailable("paused", "The service is paused.", 0)
	case s.redirect != nil:
		s.redirect.respond(c)
	default:
		c.dispatch()
	}
}

// admit refuses what cannot be routed at all.
func (c *call) admit() bool {
	r := c.r
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace || r.Method == "TRACK" {
		c.methodNotAllowed("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		return false
	}
	var err error
	if c.host, err = requestHost(r); err != nil {
		c.refuse(http.StatusBadRequest, "bad_host", sentence(err))
		return false
	}
	if !expected(r) {
		c.refuse(http.StatusExpectationFailed, "expectation_failed", "The request expects what cannot be met.")
		return false
	}
	if r.Method == http.MethodOptions && wholeServer(r) {
		c.set(c.Header(), "Content-Length", "0")
		c.WriteHeader(http.StatusOK)
		return false
	}
	if !httpTarget(r.URL) {
		c.refuse(http.StatusBadRequest, "bad_target", "The request target is not an http address.")
		return false
	}
	if c.path, err = canonicalURL(r.URL); err != nil {
		c.refuse(http.StatusBadRequest, "bad_path", sentence(err))
		return false
	}
	return true
}

// prove answers an ACME authority (RFC 8555, section 8.3), whatever the routes and a pause say.
func (c *call) prove(answer string) {
	c.set(c.Header(), "Content-Type", "application/octet-stream")
	c.set(c.Header(), "Content-Length", strconv.Itoa(len(answer)))
	c.WriteHeader(http.StatusOK)
	_, _ = c.Write([]byte(answer))
}

// dispatch hands the request to its route.
func (c *call) dispatch() {
	c.route = c.site.table.match(criteria{c.host, c.path.Path, c.r.Method, c.r.Header})
	if c.route == nil {
		c.refuse(http.StatusNotFound, "no_route", "Nothing is served at this address.")
		return
	}
	c.series = c.route.metrics
	c.series.inFlight.Inc()
	c.served = c.path.strip(c.route.strip)
	if len(c.route.decorators) > 0 {
		c.before = c.decorate
	}
	c.route.serve.respond(c)
}

// end logs and counts the request, however it ended.
func (c *call) end() {
	v := recover()
	if err, ok := v.(error); v != nil && (!ok || err != http.ErrAbortHandler) { //nolint:errorlint // net/http compares it so
		// A defect of ours. net/http would print it without the request it belongs to.
		c.failure = "panic"
		c.g.log.Error("request handler panicked", zap.String("request_id", c.ids.request),
			zap.String("panic", fmt.Sprint(v)), zap.Stack("stack"))
	}
	if c.status == 0 {
		c.status = http.StatusOK
		if v != nil {
			c.status = http.StatusInternalServerError
		}
	}
	took := time.Since(c.start)
	c.series.answered(c.r.Method, c.status, c.bytes, took)
	if c.route != nil {
		c.series.inFlight.Dec()
	}
	if c.site.logged {
		c.log(took)
	}
	c.g.active.end()
	if v != nil {
		panic(http.ErrAbortHandler)
	}
}

// abort ends the connection (HTTP/1) or the stream (HTTP/2), so that the client cannot take a
// broken answer for a whole one. Status is what is logged when no answer was begun.
func (c *call) abort(status int) {
	if c.status == 0 {
		c.status = status
	}
	panic(http.ErrAbortHandler)
}

// set sets a header field to one value.
func (c *call) set(h http.Header, name, value string) {
	if c.used == len(c.values) {
		h[name] = []string{value}
		return
	}
	c.values[c.used] = value
	h[name] = c.values[c.used : c.used+1 : c.used+1]
	c.used++
}

// sentence makes an error's text one for the client; only errors without foreign text get here.
func sentence(err error) string {
	text := err.Error()
	return string(text[0]-'a'+'A') + text[1:] + "."
}
