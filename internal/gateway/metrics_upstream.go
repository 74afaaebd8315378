package gateway

import "github.com/prometheus/client_golang/prometheus"

// gauges are a gauge by its labels.
type gauges = *prometheus.GaugeVec

// upstreamMetrics tell what routes make of their targets. A series appears when there is something to tell.
type upstreamMetrics struct {
	ejected, healthy gauges
}

func newUpstreamMetrics(reg prometheus.Registerer) upstreamMetrics {
	m := upstreamMetrics{
		ejected: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_upstream_ejected",
			Help: "Whether a target is out of a route's balancing because it failed (1), or was and is back (0).",
		}, []string{"app", "route", "instance"}),
		healthy: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_upstream_healthy",
			Help: "Whether the health_check of a route finds a server of urls well (1) or not (0).",
		}, []string{"route", "instance"}),
	}
	if reg != nil {
		reg.MustRegister(m.ejected, m.healthy)
	}
	return m
}
