package supervise

import (
	"context"
	"reflect"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

func (i *instance) probeStartup(ctx context.Context) {
	app, target, pid, port, began := *i.machine.app, i.target, i.machine.view.PID, i.machine.view.Port, time.Now()
	i.task(ctx, func(ctx context.Context, tell func(input)) {
		err := i.s.options.Prober.Startup(ctx, app.StartupProbe, target)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			tell(gaveUp{reason: status.ReasonStartupProbe, err: err, listening: i.listening(pid, port)})
		default:
			i.s.metrics.start.WithLabelValues(target.App).Observe(time.Since(began).Seconds())
			tell(startupDone{ready: startupDecides(app)})
		}
	})
}

// startupDecides reports whether a good startup probe shows readiness too: there is no readiness
// probe, or it makes the same check.
func startupDecides(app config.App) bool {
	s, r := app.StartupProbe, app.ReadinessProbe
	if r == nil || s == nil {
		return r == nil
	}
	return reflect.DeepEqual(s.HTTPGet, r.HTTPGet) && reflect.DeepEqual(s.TCPSocket, r.TCPSocket)
}

func (i *instance) watch(ctx context.Context) {
	app, target, ready, prober := i.machine.app, i.target, i.machine.view.Ready, i.s.options.Prober
	if app.LivenessProbe != nil {
		i.task(ctx, func(ctx context.Context, tell func(input)) {
			prober.Liveness(ctx, app.LivenessProbe, target, func(err error) {
				if err != nil {
					tell(gaveUp{reason: status.ReasonLivenessProbe, err: err})
				}
			})
		})
	}
	if app.ReadinessProbe != nil {
		i.task(ctx, func(ctx context.Context, tell func(input)) {
			prober.Readiness(ctx, app.ReadinessProbe, target, ready, func(err error) {
				tell(readiness{err})
			})
		})
	}
}

// task runs a goroutine that the next cancel effect ends. It reports with tell.
func (i *instance) task(ctx context.Context, do func(ctx context.Context, tell func(input))) {
	ctx, cancel := context.WithCancel(ctx)
	former, epoch := i.stopTasks, i.epoch
	i.stopTasks = func() { former(); cancel() }
	i.tasks.Go(func() {
		defer cancel()
		do(ctx, func(in input) {
			if ctx.Err() == nil {
				i.inbox.put(told{in, epoch})
			}
		})
	})
}

// inspect looks on which ports a process listens that is not ready yet.
func (i *instance) inspect(ctx context.Context) {
	pid, port := i.machine.view.PID, i.machine.view.Port
	if port == 0 || i.s.options.Ports == nil {
		return
	}
	i.task(ctx, func(_ context.Context, tell func(input)) { tell(inspected{i.listening(pid, port)}) })
}

// drain lets requests in flight end; the machine's timer bounds it.
func (i *instance) drain(ctx context.Context) {
	target := i.target
	i.task(ctx, func(ctx context.Context, tell func(input)) {
		i.s.options.Balancer.Drain(ctx, target)
		tell(drained{})
	})
}

// kill ends the tree. The instance does not wait for it: its process may be one that the system
// cannot end.
func (i *instance) kill() {
	if child := i.child; child != nil {
		i.tasks.Go(func() { child.Kill() })
	}
}
