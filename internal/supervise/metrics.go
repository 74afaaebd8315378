package supervise

import (
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/status"
)

// metrics reads the states when it is scraped, so that no series outlives its app.
type metrics struct {
	s         *Supervisor
	instances *prometheus.Desc
	desired   *prometheus.Desc
	dropped   *prometheus.Desc
	cpu       *prometheus.Desc
	memory    *prometheus.Desc
	handles   *prometheus.Desc
	threads   *prometheus.Desc
	restarts  *prometheus.CounterVec
	start     *prometheus.HistogramVec
}

func newMetrics(s *Supervisor) *metrics {
	process := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("holdfast_process_"+name, help, []string{"app", "instance"}, nil)
	}
	return &metrics{
		s: s,
		instances: prometheus.NewDesc("holdfast_app_instances",
			"Instances of the app by state.", []string{"app", "state"}, nil),
		desired: prometheus.NewDesc("holdfast_app_instances_desired",
			"Instances that are wanted.", []string{"app"}, nil),
		dropped: prometheus.NewDesc("holdfast_log_lines_dropped_total",
			"Lines of the instance's output that were dropped because its log file could not keep up.",
			[]string{"app", "instance"}, nil),
		cpu: process("cpu_seconds_total",
			"Processor time that the instance's processes have used since it was last started."),
		memory: process("resident_memory_bytes",
			"Resident memory (Windows: working set) of the instance's processes."),
		handles: process("open_handles",
			"Open handles (Windows) or file descriptors (Linux) of the instance's processes."),
		threads: process("threads",
			"Threads of the instance's processes."),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "holdfast_app_restarts_total",
			Help: "Unasked restarts by the reason of the end before.",
		}, []string{"app", "reason"}),
		start: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "holdfast_app_start_duration_seconds",
			Help:    "Time from the start of a process until its startup probe succeeded.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"app"}),
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.instances
	out <- m.desired
	out <- m.dropped
	out <- m.cpu
	out <- m.memory
	out <- m.handles
	out <- m.threads
	m.restarts.Describe(out)
	m.start.Describe(out)
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	m.s.mu.RLock()
	for name, a := range m.s.apps {
		out <- prometheus.MustNewConstMetric(m.desired, prometheus.GaugeValue, float64(a.desired), name)
		count := make(map[status.State]int)
		for i := range a.all() {
			v := i.view()
			count[v.State]++
			out <- prometheus.MustNewConstMetric(m.dropped, prometheus.CounterValue, float64(i.output.Dropped()), name, v.ID)
			if u := v.Usage; u != nil {
				out <- prometheus.MustNewConstMetric(m.cpu, prometheus.CounterValue, u.CPUSeconds, name, v.ID)
				out <- prometheus.MustNewConstMetric(m.memory, prometheus.GaugeValue, float64(u.Memory), name, v.ID)
				out <- prometheus.MustNewConstMetric(m.handles, prometheus.GaugeValue, float64(u.Handles), name, v.ID)
				out <- prometheus.MustNewConstMetric(m.threads, prometheus.GaugeValue, float64(u.Threads), name, v.ID)
			}
		}
		for _, state := range status.States() {
			out <- prometheus.MustNewConstMetric(m.instances, prometheus.GaugeValue, float64(count[state]), name, string(state))
		}
	}
	m.s.mu.RUnlock()
	m.restarts.Collect(out)
	m.start.Collect(out)
}

func (m *metrics) countRestart(app string, reason status.Reason) {
	m.restarts.WithLabelValues(app, string(reason)).Inc()
}

// forget drops the counters of an app that is gone.
func (m *metrics) forget(app string) {
	m.restarts.DeletePartialMatch(prometheus.Labels{"app": app})
	m.start.DeletePartialMatch(prometheus.Labels{"app": app})
}
