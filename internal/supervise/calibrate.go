package supervise

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/process"
	"holdfast/internal/status"
)

const (
	// maxTrialGrace bounds how long one trial may wait for the end.
	maxTrialGrace = 5 * time.Minute
	// trialSettles is how long a program without probes runs before it is asked to end: only then has
	// it said what it does on which signal.
	trialSettles = 2 * time.Second
)

// Calibrate tries one stop method after the other, each on a throwaway instance that became ready, and
// reports each trial. grace is how long each may take to end (0: the app's own stop.grace; at most 5
// minutes). The app itself is not touched. The error is status.ErrNotFound, status.ErrConflict while
// another calibration of the app runs, max_instances leaves no room or the app is removed meanwhile, or that of ctx.
func (s *Supervisor) Calibrate(ctx context.Context, id string, grace time.Duration, report func(status.StopTrial)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	err := s.ask(ctx, func(o *owner) error {
		a, err := s.app(id)
		if err != nil {
			return err
		}
		switch {
		case a.endCalibration != nil:
			return fmt.Errorf("app %q: calibrate: %w: another calibration of it runs; wait for its end", id, status.ErrConflict)
		case !a.hasRoom():
			return fmt.Errorf("app %q: calibrate: %w: max_instances leaves no room for a throwaway instance; raise it or scale the app down", id, status.ErrConflict)
		}
		a.endCalibration = cancel
		c := a.config
		stop := context.AfterFunc(o.ctx, func() { cancel(o.ctx.Err()) })
		o.wg.Go(func() {
			defer stop()
			err := s.calibrate(ctx, a, c, grace, report)
			_ = s.ask(o.ctx, func(*owner) error { // it fails only when all ends
				a.endCalibration = nil
				return nil
			})
			done <- err
		})
		return nil
	})
	if err != nil {
		return err
	}
	return <-done
}

// calibrate carries out the trials.
func (s *Supervisor) calibrate(ctx context.Context, a *app, c config.App, grace time.Duration, report func(status.StopTrial)) error {
	if grace <= 0 {
		grace = c.Stop.Grace.D()
	}
	grace = min(grace, maxTrialGrace)
	for _, method := range stopMethods(runtime.GOOS, c) {
		t := trial{s: s, a: a, config: c, id: a.name + "-trial", grace: grace}
		t.config.Stop.Method = method
		result := t.run(ctx)
		s.showTrial(a, nil)
		if ctx.Err() != nil {
			return fmt.Errorf("app %q: calibrate: %w", a.name, context.Cause(ctx))
		}
		report(result)
	}
	return nil
}

// stopMethods are those that make a difference on a system: Windows has no SIGTERM, and elsewhere
// Ctrl-Break is Ctrl-C.
func stopMethods(goos string, c config.App) []config.StopMethod {
	methods := []config.StopMethod{config.StopSigterm, config.StopCtrlC, config.StopStdinClose}
	if goos == "windows" {
		methods = []config.StopMethod{config.StopCtrlC, config.StopCtrlBreak, config.StopStdinClose}
	}
	if c.Stop.HTTP != nil {
		methods = append(methods, config.StopHTTPCall)
	}
	return methods
}

// trial is one stop method with its throwaway instance.
type trial struct {
	s      *Supervisor
	a      *app
	config config.App
	id     string
	grace  time.Duration
	child  Child
	target status.Target
	port   int
}

// run starts the instance, waits until it is ready, asks it to end and watches it.
func (t *trial) run(ctx context.Context) status.StopTrial {
	result := status.StopTrial{Method: string(t.config.Stop.Method)}
	output := process.NewOutput(process.OutputOptions{Instance: t.id, Encoding: string(t.config.Output.Encoding)})
	defer func() { _ = output.Close() }() // it has no file
	if err := t.start(ctx, output); err != nil {
		result.Error = "it could not be started: " + err.Error()
		return result
	}
	defer t.s.options.Prober.Forget(t.a.name, t.id)
	defer t.s.ports.release(t.port, t.id)
	defer t.child.Kill()
	if err := t.ready(ctx); err != nil {
		t.child.Kill()
		<-t.child.Done()
		exit := t.child.Exit()
		result.Exit, result.Error = &exit, "it did not become ready: "+err.Error()
		return result
	}
	t.stop(ctx, &result)
	return result
}

func (t *trial) start(ctx context.Context, output *process.Output) error {
	if t.config.Port != config.PortNone {
		port, err := t.s.ports.auto(ctx, 0, t.id)
		if err != nil {
			return err
		}
		t.port = port
	}
	t.target = status.Target{App: t.a.name, Instance: t.id}
	if t.port != 0 {
		t.target.Address = net.JoinHostPort("127.0.0.1", strconv.Itoa(t.port))
	}
	child, err := t.s.options.Launcher.Start(t.s.spec(t.config, config.Values{App: t.a.name, Instance: t.id, Port: t.port}, output))
	if err != nil {
		t.s.ports.release(t.port, t.id)
		return err
	}
	t.child = child
	t.show(status.Starting)
	return nil
}

// ready returns nil once the instance is ready.
func (t *trial) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rollPatience(t.config))
	defer cancel()
	probed := make(chan error, 1)
	go func() { probed <- t.probe(ctx) }()
	var err error
	select {
	case err = <-probed:
	case <-t.child.Done():
		cancel()
		err = <-probed
	}
	if isClosed(t.child.Done()) {
		return errors.New("it ended: " + t.child.Exit().Text)
	}
	return err
}

// probe waits for what the app's probes wait for.
func (t *trial) probe(ctx context.Context) error {
	startup, readiness := t.config.StartupProbe, t.config.ReadinessProbe
	if startup != nil {
		if err := t.s.options.Prober.Startup(ctx, startup, t.target); err != nil {
			return err
		}
	}
	if readiness != nil && !startupDecides(t.config) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		last := errors.New("its readiness probe has not succeeded")
		good := false
		t.s.options.Prober.Readiness(ctx, readiness, t.target, false, func(err error) {
			if good = err == nil; good {
				cancel()
			} else {
				last = err
			}
		})
		if !good {
			return last
		}
	}
	if startup != nil || readiness != nil {
		return nil
	}
	select {
	case <-time.After(trialSettles):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop asks the instance to end and notes how it does.
func (t *trial) stop(ctx context.Context, result *status.StopTrial) {
	t.show(status.Stopping)
	ctx, cancel := context.WithTimeout(ctx, t.grace)
	defer cancel()
	began := time.Now()
	var err error
	if t.config.Stop.Method == config.StopHTTPCall {
		err = postStop(ctx, t.config, t.target, t.port)
	} else {
		err = t.child.Signal(stopMethod(t.config.Stop.Method))
	}
	inTime := false
	if err == nil || t.config.Stop.Method == config.StopHTTPCall {
		// A program that ends at once may not have answered.
		select {
		case <-t.child.Done():
			inTime = true
		case <-ctx.Done():
		}
	}
	left := t.child.Kill()
	<-t.child.Done()
	result.Seconds = time.Since(began).Seconds()
	exit := t.child.Exit()
	exit.Reason, exit.Graceful = status.ReasonRequested, inTime
	result.Exit = &exit
	switch {
	case inTime && left == 0:
		result.Clean = isCleanExit(exit)
	case inTime:
		result.Error = fmt.Sprintf("it ended, but left %d of its processes behind, which were killed", left)
	case err != nil:
		result.Error = "it could not be asked to end: " + err.Error()
	default:
		result.Error = fmt.Sprintf("it had not ended after %v and was killed", t.grace)
	}
}

// isCleanExit reports whether an exit is that of a program that took its signal well: code 0, or what
// the system or a shell gives to the signal.
func isCleanExit(exit status.Exit) bool {
	const ctrlC = 0xC000013A // STATUS_CONTROL_C_EXIT, MS-ERREF 2.3.1
	return slices.Contains([]int64{0, 128 + 2, 128 + 15, ctrlC}, exit.Code) || slices.Contains([]string{"SIGINT", "SIGTERM"}, exit.Signal)
}

// show tells about the throwaway instance.
func (t *trial) show(state status.State) {
	now := time.Now()
	t.s.showTrial(t.a, &status.Instance{
		ID: t.id, App: t.a.name, Role: status.Trial, State: state, PID: t.child.PID(), Port: t.port, StartedAt: now, Since: now,
		Why: "a trial of the stop method " + string(t.config.Stop.Method),
	})
}

func (s *Supervisor) showTrial(a *app, v *status.Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.trial = v
}
