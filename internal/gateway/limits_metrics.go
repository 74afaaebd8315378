package gateway

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// ending is why a client's connection or request was ended; it is a label of the metrics.
type ending string

const (
	endedBody   ending = "slow_body"
	endedAnswer ending = "slow_answer"
	endedResets ending = "resets"
	endedFlood  ending = "flood"
	endedRoom   ending = "room"
)

// connMetrics are about connections, by listener.
type connMetrics struct {
	open     *prometheus.GaugeVec
	rejected *prometheus.CounterVec
	defended *prometheus.CounterVec
	bad      *prometheus.CounterVec
	accept   *prometheus.CounterVec

	mu        sync.Mutex
	listeners map[string]*listenerMetrics
}

// listenerMetrics are those of one listener, resolved once. They outlive it for the connections that are
// left.
type listenerMetrics struct {
	open                        prometheus.Gauge
	full, client                prometheus.Counter
	body, answer                prometheus.Counter
	resets, flood, room         prometheus.Counter
	bad, acceptErrors           prometheus.Counter
	refusedSinceTold, refusedIn atomic.Int64 // for the log: connections, and beats since it told
}

func newConnMetrics(reg prometheus.Registerer) *connMetrics {
	m := &connMetrics{
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_connections",
			Help: "Connections of clients that are open, WebSockets included.",
		}, []string{"listener"}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_connections_rejected_total",
			Help: "Connections that were refused: the listener had as many as max_connections, or the client as many as max_connections_per_client.",
		}, []string{"listener", "reason"}),
		defended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_connections_ended_total",
			Help: "Connections and HTTP/2 streams that were ended: a body or the taking of an answer was slower than min_data_rate (slow_body, slow_answer), the client took back most of its requests (resets) or kept HTTP/2 busy without any (flood), or it was idle for longest when new ones came (room).",
		}, []string{"listener", "reason"}),
		bad: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_bad_requests_total",
			Help: "Requests that could not be read and have no line in the access log: malformed, with too large a header, too slow, or cut off.",
		}, []string{"listener"}),
		accept: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_accept_errors_total",
			Help: "Times that no connection could be accepted, mostly for want of descriptors.",
		}, []string{"listener"}),
		listeners: map[string]*listenerMetrics{},
	}
	if reg != nil {
		reg.MustRegister(m.open, m.rejected, m.defended, m.bad, m.accept)
	}
	return m
}

func (m *connMetrics) listener(name string) *listenerMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.listeners[name]; l != nil {
		return l
	}
	l := &listenerMetrics{
		open:         m.open.WithLabelValues(name),
		full:         m.rejected.WithLabelValues(name, string(refusedFull)),
		client:       m.rejected.WithLabelValues(name, string(refusedClient)),
		body:         m.defended.WithLabelValues(name, string(endedBody)),
		answer:       m.defended.WithLabelValues(name, string(endedAnswer)),
		resets:       m.defended.WithLabelValues(name, string(endedResets)),
		flood:        m.defended.WithLabelValues(name, string(endedFlood)),
		room:         m.defended.WithLabelValues(name, string(endedRoom)),
		bad:          m.bad.WithLabelValues(name),
		acceptErrors: m.accept.WithLabelValues(name),
	}
	l.refusedIn.Store(tellRefusedEvery) // the first one is told at once
	m.listeners[name] = l
	return l
}

// keep drops the series of all listeners but these.
func (m *connMetrics) keep(sites []*site) {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := map[string]bool{}
	for _, s := range sites {
		kept[s.name] = true
	}
	for name := range m.listeners {
		if kept[name] {
			continue
		}
		delete(m.listeners, name)
		labels := prometheus.Labels{"listener": name}
		for _, v := range []interface{ DeletePartialMatch(prometheus.Labels) int }{m.open, m.rejected, m.defended, m.bad, m.accept} {
			v.DeletePartialMatch(labels)
		}
	}
}

func (l *listenerMetrics) refused(why refusal) {
	if why == refusedClient {
		l.client.Inc()
	} else {
		l.full.Inc()
	}
	l.refusedSinceTold.Add(1)
}

func (l *listenerMetrics) ended(why ending) {
	switch why {
	case endedBody:
		l.body.Inc()
	case endedAnswer:
		l.answer.Inc()
	case endedResets:
		l.resets.Inc()
	case endedFlood:
		l.flood.Inc()
	case endedRoom:
		l.room.Inc()
	}
}
