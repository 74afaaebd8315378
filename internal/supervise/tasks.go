package supervise

import (
	"context"
	"reflect"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

func (i *instance) probeStartup(ctx context.Context) {
	app, target, began := i.machine.app, i.target, time.Now()
	i.task(ctx, func(ctx context.Context, tell func(input)) {
		err := i.s.options.Prober.Startup(ctx, app.StartupProbe, target)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			tell(gaveUp{reason: status.ReasonStartupProbe, err: err})
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
	app, target, prober := i.machine.app, i.target, i.s.options.Prober
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
		ready := startupDecides(app)
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
			select {
			case i.inbox <- told{in, epoch}:
			case <-ctx.Done():
			}
		})
	})
}
