// Package health probes instances: HTTP GET or TCP connect, with thresholds in Kubernetes' meaning.
//
// Every method blocks until its probe is decided or its context ends, and calls back from its own
// goroutine; the package starts none. Checks of one probe never overlap.
package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
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

// maxBody bounds what is read of an answer, so that its connection ends cleanly.
const maxBody = 64 << 10

// Prober runs probes and counts them.
type Prober struct {
	client   *http.Client
	dialer   *net.Dialer
	success  *prometheus.GaugeVec
	duration *prometheus.GaugeVec
}

// New makes a Prober whose metrics are registered at reg.
func New(reg prometheus.Registerer) *Prober {
	labels := []string{"app", "instance", "probe"}
	p := &Prober{
		dialer: &net.Dialer{KeepAlive: -1},
		success: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_probe_success",
			Help: "Whether the newest check of this probe succeeded (1) or not (0).",
		}, labels),
		duration: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_probe_duration_seconds",
			Help: "How long the newest check of this probe took.",
		}, labels),
	}
	p.client = &http.Client{
		// A fresh connection per check: a kept-alive one would not notice a program that
		// stopped accepting. No proxy and no redirects: the instance itself must answer.
		Transport:     &http.Transport{DisableKeepAlives: true, DialContext: p.dialer.DialContext},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	reg.MustRegister(p.success, p.duration)
	return p
}

// Startup checks until the first success and returns nil, or until FailureThreshold times Period has
// passed and returns the last failure. A context that ends returns its error.
func (p *Prober) Startup(ctx context.Context, probe *config.Probe, target status.Target) error {
	window := time.Duration(probe.FailureThreshold) * probe.Period.D()
	deadline := time.Now().Add(probe.InitialDelay.D() + window)
	if err := sleep(ctx, probe.InitialDelay.D()); err != nil {
		return err
	}
	for delay := firstStartupDelay; ; delay = longer(delay, probe.Period.D()) {
		err := p.check(ctx, Startup, probe, target)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().Add(delay).After(deadline) {
			return fmt.Errorf("startup probe failed for %v: %w", window, err)
		}
		if err := sleep(ctx, delay); err != nil {
			return err
		}
	}
}

// Liveness checks every Period until ctx ends. report is called for each change: with an error after
// FailureThreshold failures in a row, with nil after SuccessThreshold successes in a row. A check for
// which Holdfast itself lacked a descriptor or memory counts as neither.
func (p *Prober) Liveness(ctx context.Context, probe *config.Probe, target status.Target, report func(error)) {
	p.watch(ctx, Liveness, probe, target, true, report)
}

// Readiness is Liveness for the readiness probe. A target that is not ready at first is checked as
// often as by Startup until its first success.
func (p *Prober) Readiness(ctx context.Context, probe *config.Probe, target status.Target, ready bool, report func(error)) {
	p.watch(ctx, Readiness, probe, target, ready, report)
}

func (p *Prober) watch(ctx context.Context, kind Kind, probe *config.Probe, target status.Target, healthy bool, report func(error)) {
	if sleep(ctx, probe.InitialDelay.D()) != nil {
		return
	}
	delay := probe.Period.D()
	if !healthy {
		delay = firstStartupDelay
	}
	for failures, successes := 0, 0; ; {
		err := p.check(ctx, kind, probe, target)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err == nil:
			failures, successes = 0, successes+1
			delay = probe.Period.D()
		case !ownShortage(err):
			failures, successes = failures+1, 0
		}
		switch {
		case healthy && failures >= probe.FailureThreshold:
			healthy = false
			report(fmt.Errorf("%s probe failed %d times in a row: %w", kind, failures, err))
		case !healthy && successes >= probe.SuccessThreshold:
			healthy = true
			report(nil)
		}
		if sleep(ctx, delay) != nil {
			return
		}
		delay = longer(delay, probe.Period.D())
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
func (p *Prober) Results(app, instance string) []status.ProbeResult { return nil }

// Forget drops the metrics of an instance that is gone.
func (p *Prober) Forget(app, instance string) {
	labels := prometheus.Labels{"app": app, "instance": instance}
	p.success.DeletePartialMatch(labels)
	p.duration.DeletePartialMatch(labels)
}

// check runs one check within its timeout and records it.
func (p *Prober) check(ctx context.Context, kind Kind, probe *config.Probe, target status.Target) error {
	ctx, cancel := context.WithTimeout(ctx, probe.Timeout.D())
	defer cancel()
	began := time.Now()
	var err error
	if probe.HTTPGet != nil {
		err = p.httpGet(ctx, probe.HTTPGet, target)
	} else {
		err = p.tcpConnect(ctx, probe.TCPSocket, target)
	}
	p.duration.WithLabelValues(target.App, target.Instance, string(kind)).Set(time.Since(began).Seconds())
	value := 1.0
	if err != nil {
		value = 0
	}
	p.success.WithLabelValues(target.App, target.Instance, string(kind)).Set(value)
	return err
}

func (p *Prober) httpGet(ctx context.Context, get *config.HTTPGet, target status.Target) error {
	path := expand(get.Path, target)
	address := withPort(target.Address, get.Port)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	req.Header.Set("User-Agent", "holdfast-probe")
	for name, value := range get.Headers {
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("GET %s on %s: %w", path, address, plain(err))
	}
	defer func() { _ = resp.Body.Close() }()
	// The answer's code is the verdict; a body that breaks off later does not change it.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody))
	if resp.StatusCode < 200 || resp.StatusCode > 399 {
		return fmt.Errorf("GET %s on %s answered %s", path, address, resp.Status)
	}
	return nil
}

func (p *Prober) tcpConnect(ctx context.Context, tcp *config.TCPSocket, target status.Target) error {
	address := target.Address
	if tcp != nil {
		address = withPort(address, tcp.Port)
	}
	conn, err := p.dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", address, plain(err))
	}
	return conn.Close()
}

// expand fills the placeholders of a probe's path.
func expand(path string, target status.Target) string {
	_, port, _ := net.SplitHostPort(target.Address)
	number, _ := strconv.Atoi(port)
	return config.Expand(path, config.Values{App: target.App, Instance: target.Instance, Port: number})
}

// withPort replaces the port of a host:port address unless port is 0.
func withPort(address string, port int) string {
	if port == 0 {
		return address
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// plain strips the layers of net/http and net that repeat the address, and puts a time-out in words.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok { // "connect: connection refused"
		return call.Err
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		return op.Err
	}
	return err
}

// sleep waits for d or for the end of ctx, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
