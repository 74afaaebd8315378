package daemon

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"holdfast/internal/api"
	"holdfast/internal/config"
	"holdfast/internal/event"
)

// watchDebounce is how long files must be quiet before a change counts: editors write in steps.
const watchDebounce = 300 * time.Millisecond

// errNotServing refuses a reload before the start is complete or after the stop has begun.
var errNotServing = errors.New("the service is starting or stopping")

// reloadMetrics are those of the configuration and the bus.
type reloadMetrics struct {
	good prometheus.Gauge
	at   prometheus.Gauge
}

func newReloadMetrics(reg prometheus.Registerer, bus *event.Bus) *reloadMetrics {
	m := &reloadMetrics{
		good: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "holdfast_config_last_reload_successful",
			Help: "Whether the newest load of the configuration was applied (1) or refused (0).",
		}),
		at: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "holdfast_config_last_reload_success_timestamp_seconds",
			Help: "When a configuration was last applied.",
		}),
	}
	dropped := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "holdfast_events_dropped_total",
		Help: "Events that a subscriber lost because it did not keep up.",
	}, func() float64 { return float64(bus.Dropped()) })
	reg.MustRegister(m.good, m.at, dropped)
	return m
}

func (m *reloadMetrics) applied(at time.Time) {
	m.good.Set(1)
	m.at.Set(float64(at.UnixMilli()) / 1e3)
}

// Reload loads the configuration anew and applies it, or keeps the running one and says why.
func (d *Daemon) Reload(ctx context.Context) error {
	_, problems := d.reload(ctx, "service")
	return problems.Err()
}

// reload is Reload with what asked for it; it returns the revision that is in force afterwards.
func (d *Daemon) reload(ctx context.Context, trigger string) (int, config.Problems) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	now := d.current()
	if !now.ready {
		return now.revision, config.Problems{notApplied(errNotServing)}
	}
	next, problems := config.Load(d.options.Config)
	if next == nil {
		return d.reject(trigger, problems)
	}
	changes := config.Diff(now.snapshot.Config, next.Config)
	if changes.Management {
		problems = append(problems, needsRestart("/management", "this section is read at the start only"))
	}
	was := now.snapshot.Config.Logging
	if was.Level = next.Config.Logging.Level; was != next.Config.Logging {
		problems = append(problems, needsRestart("/logging", "of this section only the level counts at once"))
	}
	if err := d.gateway.Apply(ctx, next.Config); err != nil {
		return d.reject(trigger, append(problems, notApplied(err)))
	}
	if err := d.supervisor.Apply(ctx, next.Config.Apps); err != nil {
		return d.reject(trigger, append(problems, notApplied(err)))
	}
	d.refused = nil
	d.logs.SetLevel(next.Config.Logging.Level)
	d.setLoaded(next, problems)
	select {
	case <-d.snapshots:
	default:
	}
	d.snapshots <- next
	revision := d.current().revision
	d.bus.Publish(event.ConfigReloaded{Revision: revision, Trigger: trigger, Changed: changed(changes)})
	return revision, problems
}

// setLoaded makes the snapshot the one in force.
func (d *Daemon) setLoaded(s *config.Snapshot, problems config.Problems) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state.snapshot == nil || d.state.snapshot.Hash != s.Hash {
		d.state.revision++
	}
	d.state.snapshot = s
	d.state.last = api.Reload{Time: now, Problems: problems}
	d.reloads.applied(now)
}

// reject keeps the running configuration. The caller holds reloading.
func (d *Daemon) reject(trigger string, problems config.Problems) (int, config.Problems) {
	d.mu.Lock()
	d.state.last = api.Reload{Time: time.Now(), Problems: problems}
	revision := d.state.revision
	d.mu.Unlock()
	d.reloads.good.Set(0)
	lines := errorLines(problems)
	known := d.refused
	d.refused = nil
	noticed := trigger == string(config.FilesChanged) || trigger == string(config.PolicyChanged)
	if noticed && known != nil && slices.Equal(known, lines) {
		return revision, problems
	}
	if !noticed {
		d.refused = lines
	}
	d.bus.Publish(event.ConfigRejected{Revision: revision, Trigger: trigger, Problems: lines})
	return revision, problems
}

// watchConfig reloads when a file of the configuration or Group Policy changes, until ctx ends.
func (d *Daemon) watchConfig(ctx context.Context) error {
	snapshot := d.current().snapshot
	for {
		watching, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func(watched *config.Snapshot) {
			done <- watched.Watch(watching, watchDebounce, func(c config.Change) { d.reload(ctx, string(c)) })
		}(snapshot)
		var err error
		select {
		case snapshot = <-d.snapshots:
			stop()
			<-done //nolint:errcheck // it was ended because there is a newer snapshot to watch
		case err = <-done:
			stop()
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			// Reloads on request still work; a watch that cannot be had must not end the service.
			d.logs.Log.Warn("the configuration cannot be watched: reload with `holdfast reload` after a change", zap.Error(err))
			<-ctx.Done()
			return nil
		}
	}
}
