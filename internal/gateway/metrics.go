package gateway

import (
	"maps"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the golden signals by route. A request that no route matched counts under an empty
// route and app.
type metrics struct {
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	inFlight  *prometheus.GaugeVec
	bytes     *prometheus.CounterVec
	retries   *prometheus.CounterVec
	parked    *prometheus.GaugeVec
	waits     *prometheus.CounterVec
	denials   *prometheus.CounterVec
	faults    *prometheus.CounterVec
	traffic   trafficMetrics
	upstreams upstreamMetrics

	mu     sync.Mutex // guards routes and the adding and dropping of series
	routes map[routeKey]*routeMetrics
	kept   int // how often keep was called
	none   *routeMetrics
}

type routeKey struct{ app, route string }

func newMetrics(reg prometheus.Registerer) *metrics {
	byRoute := []string{"app", "route"}
	byAnswer := []string{"app", "route", "method", "code"}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_http_requests_total",
			Help: "Requests answered. Code 499: the client went away first.",
		}, byAnswer),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "holdfast_http_request_duration_seconds",
			Help:    "Time from a request's header to the end of its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, byAnswer),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_http_requests_in_flight",
			Help: "Requests being answered now, open WebSockets included.",
		}, byRoute),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_http_response_bytes_total",
			Help: "Bytes of answers' bodies.",
		}, byRoute),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_upstream_retries_total",
			Help: "Requests sent again, to another instance if there is one: it could not be connected to (connect), it closed the connection without an answer (reset) or before anything was sent (idle), or the route's retry asked again after its time for a try (timeout) or an answer of a listed status (status).",
		}, []string{"app", "route", "reason"}),
		parked: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_http_requests_parked",
			Help: "Requests waiting now for an instance that is on its way.",
		}, byRoute),
		waits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_http_parked_requests_total",
			Help: "Requests that waited for an instance, or would have: they got one (served), waited in vain (timeout), were not let in or sent away (refused), or their client left (gone).",
		}, []string{"app", "route", "outcome"}),
		denials: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_auth_failures_total",
			Help: "Requests refused because of who sent them: by their address, client certificate, jwt, api key or password (api_key, basic), or the page they came from (cors).",
		}, []string{"app", "route", "reason"}),
		faults: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_faults_injected_total",
			Help: "Requests that were made slow or to fail on purpose.",
		}, byRoute),
		traffic:   newTrafficMetrics(reg),
		upstreams: newUpstreamMetrics(reg),
		routes:    map[routeKey]*routeMetrics{},
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.duration, m.inFlight, m.bytes, m.retries, m.parked, m.waits, m.denials, m.faults)
	}
	m.none = m.route(routeKey{})
	return m
}

// routeMetrics are the metrics of one route, resolved once. The same route and app keep theirs
// across reloads.
type routeMetrics struct {
	of       *metrics
	key      routeKey
	inFlight prometheus.Gauge
	bytes    prometheus.Counter
	parked   prometheus.Gauge
	parking  atomic.Int64 // what parked shows
	kept     int          // the keep that kept it last; guarded by metrics.mu
	dropped  bool         // guarded by metrics.mu, as are the next ones
	retries  map[string]bool
	denials  map[string]bool
	waits    map[outcome]bool
	traffic  trafficSeries

	// answers is never modified once stored; a new combination replaces it.
	answers atomic.Pointer[map[answerKey]answer]
}

type answerKey struct {
	method string
	status int
}

type answer struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

func (m *metrics) route(key routeKey) *routeMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.routes[key]; r != nil {
		return r
	}
	r := &routeMetrics{
		of:       m,
		key:      key,
		inFlight: m.inFlight.WithLabelValues(key.app, key.route),
		bytes:    m.bytes.WithLabelValues(key.app, key.route),
		parked:   m.parked.WithLabelValues(key.app, key.route),
	}
	r.answers.Store(&map[answerKey]answer{})
	m.routes[key] = r
	return r
}

// keep drops the series of all routes but these. Requests of a dropped route that are still in
// flight are no longer counted.
func (m *metrics) keep(routes []*route) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept++
	for _, r := range routes {
		r.metrics.kept = m.kept
	}
	for key, r := range m.routes {
		if r.kept == m.kept || r == m.none {
			continue
		}
		delete(m.routes, key)
		r.dropped = true
		m.drop(r)
	}
}

// drop deletes the series of a route, each by its labels: to look for them among those of all routes
// would take a reload of many routes seconds.
func (m *metrics) drop(r *routeMetrics) {
	app, route := r.key.app, r.key.route
	for key := range *r.answers.Load() {
		m.requests.DeleteLabelValues(app, route, key.method, codeLabel(key.status))
		m.duration.DeleteLabelValues(app, route, key.method, codeLabel(key.status))
	}
	m.traffic.drop(app, route, &r.traffic)
	m.inFlight.DeleteLabelValues(app, route)
	m.bytes.DeleteLabelValues(app, route)
	m.parked.DeleteLabelValues(app, route)
	for reason := range r.retries {
		m.retries.DeleteLabelValues(app, route, reason)
	}
	for reason := range r.denials {
		m.denials.DeleteLabelValues(app, route, reason)
	}
	m.faults.DeleteLabelValues(app, route)
	for o := range r.waits {
		m.waits.DeleteLabelValues(app, route, string(o))
	}
}

// answered counts one request.
func (r *routeMetrics) answered(method string, status int, bytes int64, took time.Duration) {
	key := answerKey{knownMethod(method), status}
	a, ok := (*r.answers.Load())[key]
	if !ok {
		if a, ok = r.resolve(key); !ok {
			return
		}
	}
	a.requests.Inc()
	a.duration.Observe(took.Seconds())
	r.bytes.Add(float64(bytes))
}

func (r *routeMetrics) resolve(key answerKey) (answer, bool) {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	if r.dropped {
		return answer{}, false
	}
	old := *r.answers.Load()
	if a, ok := old[key]; ok {
		return a, true
	}
	code := codeLabel(key.status)
	a := answer{
		requests: r.of.requests.WithLabelValues(r.key.app, r.key.route, key.method, code),
		duration: r.of.duration.WithLabelValues(r.key.app, r.key.route, key.method, code),
	}
	next := maps.Clone(old)
	next[key] = a
	r.answers.Store(&next)
	return a, true
}

// codeLabel keeps targets from making up label values.
func codeLabel(status int) string {
	if status >= 100 && status <= 599 {
		return strconv.Itoa(status)
	}
	return "other"
}

func (r *routeMetrics) retried(reason string) {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	if !r.dropped {
		if r.retries == nil {
			r.retries = map[string]bool{}
		}
		r.retries[reason] = true
		r.of.retries.WithLabelValues(r.key.app, r.key.route, reason).Inc()
	}
}

// denied counts a request that was refused because of who sent it.
func (r *routeMetrics) denied(reason string) {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	if !r.dropped {
		if r.denials == nil {
			r.denials = map[string]bool{}
		}
		r.denials[reason] = true
		r.of.denials.WithLabelValues(r.key.app, r.key.route, reason).Inc()
	}
}

// faulted counts a request that was tampered with on purpose.
func (r *routeMetrics) faulted() {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	if !r.dropped {
		r.of.faults.WithLabelValues(r.key.app, r.key.route).Inc()
	}
}

// park counts one more parked request, unless there are as many as there may be.
func (r *routeMetrics) park(most int) bool {
	if r.parking.Add(1) > int64(most) {
		r.parking.Add(-1)
		return false
	}
	r.parked.Inc()
	return true
}

func (r *routeMetrics) unpark() {
	r.parking.Add(-1)
	r.parked.Dec()
}

// waited counts how a request's waiting ended; empty: it did not wait.
func (r *routeMetrics) waited(o outcome) {
	if o == "" {
		return
	}
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	if !r.dropped {
		if r.waits == nil {
			r.waits = map[outcome]bool{}
		}
		r.waits[o] = true
		r.of.waits.WithLabelValues(r.key.app, r.key.route, string(o)).Inc()
	}
}

// knownMethod keeps clients from making up label values.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return method
	default:
		return "OTHER"
	}
}
