// Package health probes instances: HTTP GET or TCP connect, with thresholds in Kubernetes' meaning.
//
// Every method blocks until its probe is decided or its context ends, and calls back from its own
// goroutine; the package starts none. Checks of one probe never overlap, and a check that hangs holds
// up no other.
//
// It is built for a thousand instances with a check a second each. Between two checks a probe is one
// sleeping goroutine. The checks of all probes are spread over their period (pace.go), on a grid, so
// that the process wakes some fifty times a second and not a thousand times. Where liveness and
// readiness ask the same at the same moment, one check answers both. A check is a connection of its
// own without a goroutine, a context or a library between (socket_linux.go, answer.go).
// Nothing here reads the wall clock but for the times that people are shown.
package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// Kind is what a probe decides. The values are the probe label of the metrics.
type Kind string

const (
	// Startup gates the other two until it succeeds once.
	Startup Kind = "startup"
	// Liveness restarts the instance.
	Liveness Kind = "liveness"
	// Readiness takes the instance in and out of balancing.
	Readiness Kind = "readiness"
)

// firstStartupDelay is the first pause between two startup checks. Each is a quarter longer than the
// one before, up to the period: a program is in balancing a quarter of its own start time late at
// most, for some thirty checks on the way to a second.
const firstStartupDelay = time.Millisecond

// longer is the pause after delay.
func longer(delay, period time.Duration) time.Duration { return min(delay+delay/4, period) }

// Prober runs probes, counts them and keeps their newest results.
type Prober struct {
	dialer   net.Dialer
	success  *prometheus.GaugeVec
	duration *prometheus.GaugeVec
	pace     pace
	buffers  sync.Pool // of *[]byte, bufferSize long

	mu       sync.Mutex
	subjects map[instance]*subject
}

// instance names whom results are about.
type instance struct{ app, name string }

// New makes a Prober whose metrics are registered at reg.
func New(reg prometheus.Registerer) *Prober {
	labels := []string{"app", "instance", "probe"}
	p := &Prober{
		dialer: net.Dialer{KeepAlive: -1},
		success: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_probe_success",
			Help: "Whether the newest check of this probe succeeded (1) or not (0).",
		}, labels),
		duration: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_probe_duration_seconds",
			Help: "How long the newest check of this probe took.",
		}, labels),
		pace:     pace{began: time.Now()},
		subjects: make(map[instance]*subject),
	}
	p.buffers.New = func() any { return new(make([]byte, bufferSize)) }
	reg.MustRegister(p.success, p.duration)
	return p
}

// Startup checks until the first success and returns nil, or until FailureThreshold times Period has
// passed and returns the last failure. A context that ends returns its error.
func (p *Prober) Startup(ctx context.Context, probe *config.Probe, target status.Target) error {
	window := time.Duration(probe.FailureThreshold) * probe.Period.D()
	deadline := time.Now().Add(probe.InitialDelay.D() + window)
	pause := newPause()
	if err := pause.sleep(ctx, probe.InitialDelay.D()); err != nil {
		return err
	}
	c := p.newCheck(Startup, probe, target)
	defer context.AfterFunc(ctx, c.cut.end)()
	for delay := firstStartupDelay; ; delay = longer(delay, probe.Period.D()) {
		err := c.run(ctx, time.Now())
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().Add(delay).After(deadline) {
			return fmt.Errorf("startup probe failed for %v: %w", window, err)
		}
		if err := pause.sleep(ctx, delay); err != nil {
			return err
		}
	}
}

// Liveness checks once in every Period until ctx ends. report is called for each change: with an
// error after FailureThreshold failures in a row, with nil after SuccessThreshold successes in a row.
// A check for which Holdfast itself lacked a descriptor or memory counts as neither.
func (p *Prober) Liveness(ctx context.Context, probe *config.Probe, target status.Target, report func(error)) {
	p.watch(ctx, p.newCheck(Liveness, probe, target), true, report)
}

// Readiness is Liveness for the readiness probe. A target that is not ready at first is checked as
// often as by Startup until its first success.
func (p *Prober) Readiness(ctx context.Context, probe *config.Probe, target status.Target, ready bool, report func(error)) {
	p.watch(ctx, p.newCheck(Readiness, probe, target), ready, report)
}

func (p *Prober) watch(ctx context.Context, c *check, healthy bool, report func(error)) {
	probe, pause := c.probe, newPause()
	if pause.sleep(ctx, probe.InitialDelay.D()) != nil {
		return
	}
	defer context.AfterFunc(ctx, c.cut.end)()
	turn := p.pace.turn(c.subject.offset, probe.Period.D())
	// What begins unready is checked ever more slowly at first, and on its turn after that.
	hurry := !healthy
	for failures, successes, delay := 0, 0, time.Duration(0); ; {
		check := c.run
		if !hurry {
			check, delay = c.share, turn.next(time.Now())
		}
		if pause.sleep(ctx, delay) != nil {
			return
		}
		err := check(ctx, time.Now())
		if ctx.Err() != nil {
			return
		}
		switch {
		case err == nil:
			failures, successes, hurry = 0, successes+1, false
		case !ownShortage(err):
			failures, successes = failures+1, 0
		}
		switch {
		case healthy && failures >= probe.FailureThreshold:
			healthy = false
			report(fmt.Errorf("%s probe failed %d times in a row: %w", c.kind, failures, err))
		case !healthy && successes >= probe.SuccessThreshold:
			healthy = true
			report(nil)
		}
		delay = longer(max(delay, firstStartupDelay), probe.Period.D())
		hurry = hurry && delay < probe.Period.D()
	}
}

// ownShortage reports whether a check failed for want of something of Holdfast's own. It says nothing
// about the instance: else whoever opens connections until Holdfast has no descriptor left would
// have healthy programs restarted.
func ownShortage(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

// Results are the newest checks of an instance, oldest first.
func (p *Prober) Results(app, name string) []status.ProbeResult {
	p.mu.Lock()
	s := p.subjects[instance{app, name}]
	p.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.results()
}

// Forget drops the metrics and the results of an instance that is gone.
func (p *Prober) Forget(app, name string) {
	labels := prometheus.Labels{"app": app, "instance": name}
	p.success.DeletePartialMatch(labels)
	p.duration.DeletePartialMatch(labels)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.subjects, instance{app, name})
}

// subjectOf is what the probes of an instance have in common.
func (p *Prober) subjectOf(target status.Target) *subject {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := instance{target.App, target.Instance}
	s := p.subjects[key]
	if s == nil {
		s = &subject{offset: p.pace.offset()}
		p.subjects[key] = s
	}
	return s
}
