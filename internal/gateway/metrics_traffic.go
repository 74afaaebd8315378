package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/policy"
)

// trafficMetrics tell what the rules on a route's traffic do. A series appears when there is something to
// tell.
type trafficMetrics struct {
	limited   *prometheus.CounterVec
	state     *prometheus.GaugeVec
	broken    *prometheus.CounterVec
	unretried *prometheus.CounterVec
	fallbacks *prometheus.CounterVec
	whole     *prometheus.CounterVec
}

func newTrafficMetrics(reg prometheus.Registerer) trafficMetrics {
	byRoute := []string{"app", "route"}
	m := trafficMetrics{
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_rate_limit_rejections_total",
			Help: "Requests that the flow rules of a route refused (429, or its fallback).",
		}, byRoute),
		state: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_circuit_breaker_state",
			Help: "State of a route's circuit breaker, the worst of several: 0 closed, 1 half-open, 2 open. It becomes half-open with the first request after its time.",
		}, byRoute),
		broken: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_circuit_breaker_rejections_total",
			Help: "Requests that an open circuit breaker kept from the upstream (503, or the fallback).",
		}, byRoute),
		unretried: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_upstream_retries_refused_total",
			Help: "Requests that were not sent again because the budget of the route's retry was spent.",
		}, byRoute),
		fallbacks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_fallbacks_total",
			Help: "Requests answered by a route's fallback, by what it stood in for: breaker_open, not_ready, upstream_failed, timeout, rate_limited or the status of the upstream's answer.",
		}, []string{"app", "route", "reason"}),
		whole: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_compressions_refused_total",
			Help: "Answers that were not compressed because too many others were being compressed.",
		}, byRoute),
	}
	if reg != nil {
		reg.MustRegister(m.limited, m.state, m.broken, m.unretried, m.fallbacks, m.whole)
	}
	return m
}

// trafficSeries are those of one route that are there; metrics.mu guards them.
type trafficSeries struct {
	limited, broken, unretried, whole prometheus.Counter
	state                             prometheus.Gauge
	fallbacks                         map[string]bool
	guard                             *breakers // whose state it is
}

// drop deletes the series of a route.
func (m *trafficMetrics) drop(app, route string, s *trafficSeries) {
	m.limited.DeleteLabelValues(app, route)
	m.state.DeleteLabelValues(app, route)
	m.broken.DeleteLabelValues(app, route)
	m.unretried.DeleteLabelValues(app, route)
	m.whole.DeleteLabelValues(app, route)
	for reason := range s.fallbacks {
		m.fallbacks.DeleteLabelValues(app, route, reason)
	}
}

// count counts in a series that is made when it is first needed.
func (r *routeMetrics) count(own *prometheus.Counter, of *prometheus.CounterVec) {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	if r.dropped {
		return
	}
	if *own == nil {
		*own = of.WithLabelValues(r.key.app, r.key.route)
	}
	(*own).Inc()
}

// rateLimited counts a request that a flow rule refused.
func (r *routeMetrics) rateLimited() { r.count(&r.traffic.limited, r.of.traffic.limited) }

// broken counts a request that an open breaker kept back.
func (r *routeMetrics) broken() { r.count(&r.traffic.broken, r.of.traffic.broken) }

// unretried counts a request that was not repeated for want of budget.
func (r *routeMetrics) unretried() { r.count(&r.traffic.unretried, r.of.traffic.unretried) }

// uncompressed counts an answer for which there was no encoder.
func (r *routeMetrics) uncompressed() { r.count(&r.traffic.whole, r.of.traffic.whole) }

// fellBack counts a request that the fallback answered.
func (r *routeMetrics) fellBack(reason string) {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	if r.dropped {
		return
	}
	if r.traffic.fallbacks == nil {
		r.traffic.fallbacks = map[string]bool{}
	}
	r.traffic.fallbacks[reason] = true
	r.of.traffic.fallbacks.WithLabelValues(r.key.app, r.key.route, reason).Inc()
}

// breaker shows the state after that of one breaker has changed. False: it is not in force any more.
func (r *routeMetrics) breaker(changed *policy.Breaker) bool {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	own := &r.traffic
	if r.dropped || own.guard == nil || !own.guard.has(changed) {
		return false
	}
	own.state.Set(float64(own.guard.state()))
	return true
}

// guarded shows the breakers of the routes that have some, and of no others.
func (m *metrics) guarded(routes []*route) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range routes {
		own := &r.metrics.traffic
		own.guard = r.breakers
		switch {
		case r.breakers != nil:
			own.state = m.traffic.state.WithLabelValues(r.metrics.key.app, r.name)
			own.state.Set(float64(r.breakers.state()))
		case own.state != nil:
			m.traffic.state.DeleteLabelValues(r.metrics.key.app, r.name)
			own.state = nil
		}
	}
}
