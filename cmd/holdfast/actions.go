package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/status"
)

// pollEvery is how often --wait looks.
const pollEvery = 50 * time.Millisecond

// appAction is one of start, stop and restart.
type appAction struct {
	name, short, long, example string
	// asked and done are what the one line of success says.
	asked, done string
	do          func(*api.Client, context.Context, string) (api.Action, error)
	// outcome says whether the action is done or cannot be done any more.
	outcome func(status.App, time.Time) (done bool, failed error)
}

func newStartCommand(c *console) *cobra.Command {
	return newActionCommand(c, appAction{
		name: "start", short: "Start apps", asked: "starting", done: "started",
		long:    "Starts every instance that is stopped, has ended or waits for its next try.",
		example: "  holdfast start shop\n  holdfast start shop worker --wait",
		do:      (*api.Client).Start, outcome: cameUp,
	})
}

func newStopCommand(c *console) *cobra.Command {
	return newActionCommand(c, appAction{
		name: "stop", short: "Stop apps until they are started again", asked: "stopping", done: "stopped",
		long:    "Asks every instance to end, as the app's stop method says, and kills its whole process tree after\nthe grace period. The app stays stopped until it is started or Holdfast itself is started anew.",
		example: "  holdfast stop shop\n  holdfast stop shop --wait",
		do:      (*api.Client).Stop, outcome: wentDown,
	})
}

func newRestartCommand(c *console) *cobra.Command {
	return newActionCommand(c, appAction{
		name: "restart", short: "Stop and start apps", asked: "restarting", done: "restarted",
		long:    "Stops every instance and starts it again, one after the other: the next one once the former is ready.",
		example: "  holdfast restart shop\n  holdfast restart shop --wait --timeout 30s",
		do:      (*api.Client).Restart, outcome: cameBack,
	})
}

func newActionCommand(c *console, a appAction) *cobra.Command {
	var wait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:               a.name + " APP...",
		Short:             a.short,
		Long:              a.long + "\n\nReturns at once; with --wait, when that is done.",
		Example:           a.example,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.completeApps(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				if wait {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, timeout)
					defer cancel()
				}
				return c.act(ctx, client, a, args, wait)
			})
		},
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "return when it is done, and fail when it cannot be done")
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Minute, "with --wait: how long to wait")
	return cmd
}

// act asks for everything first, so that several apps are waited for together.
func (c *console) act(ctx context.Context, client *api.Client, a appAction, apps []string, wait bool) error {
	begin := time.Now()
	actions := make([]api.Action, 0, len(apps))
	for _, app := range apps {
		action, err := a.do(client, ctx, app)
		if err != nil {
			return err
		}
		actions = append(actions, action)
		if !wait {
			if err := c.show(action, line("%s %s\n", a.asked, app)); err != nil {
				return err
			}
		}
	}
	if !wait {
		return nil
	}
	for _, action := range actions {
		app, err := c.await(ctx, client, a, action)
		if err != nil {
			return err
		}
		took := time.Since(begin).Round(time.Millisecond)
		if err := c.show(app, line("%s %s in %v\n", a.done, app.ID, took)); err != nil {
			return err
		}
	}
	return nil
}

func line(format string, args ...any) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := fmt.Fprintf(w, format, args...)
		return err
	}
}

// await looks at the app until the action has an outcome or ctx ends.
func (c *console) await(ctx context.Context, client *api.Client, a appAction, action api.Action) (status.App, error) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	var app status.App
	for {
		now, err := client.App(ctx, action.App)
		if err == nil {
			app = now
			var done bool
			if done, err = a.outcome(app, action.RequestedAt); done {
				return app, nil
			}
			if err != nil {
				err = fmt.Errorf("%s could not be %s: %w; see: %s", app.ID, a.done, err, c.command(lookInto(app)))
				return app, &exitError{exitFailed, err}
			}
		}
		if err != nil && ctx.Err() == nil {
			return app, err
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return app, &exitError{exitFailed, fmt.Errorf("%s is not %s yet, and the time to wait is over; see: %s",
				action.App, a.done, c.command("status "+action.App))}
		}
	}
}

// cameUp is true when every wanted instance is ready, or has done its work.
func cameUp(app status.App, requested time.Time) (done bool, failed error) {
	if didItsWork(app, requested) {
		return true, nil
	}
	return app.Condition == status.Healthy, gaveUp(app, requested)
}

// didItsWork is true for a job, such as a migration, that has ended well since the request.
func didItsWork(app status.App, requested time.Time) bool {
	for _, i := range app.Instances {
		if i.State != status.Exited || i.Port != 0 || !i.Since.After(requested) || i.LastExit == nil ||
			i.LastExit.Reason != status.ReasonExit || i.LastExit.Code != 0 {
			return false
		}
	}
	return len(app.Instances) > 0
}

// cameBack wants new processes, too: right after the request the old ones are still ready.
func cameBack(app status.App, requested time.Time) (done bool, failed error) {
	for _, i := range app.Instances {
		if !i.StartedAt.After(requested) {
			return didItsWork(app, requested), gaveUp(app, requested)
		}
	}
	return cameUp(app, requested)
}

// gaveUp looks only at what happened after the request: the app may have been in trouble before.
func gaveUp(app status.App, requested time.Time) error {
	for _, i := range app.Instances {
		if (i.State == status.CrashLoop || i.State == status.Exited) && i.Since.After(requested) {
			return fmt.Errorf("%s: %s", i.ID, printable(i.Why))
		}
	}
	return nil
}

// wentDown is true when no instance has a process.
func wentDown(app status.App, _ time.Time) (done bool, failed error) {
	for _, i := range app.Instances {
		if i.State != status.Stopped && i.State != status.Exited {
			return false, nil
		}
	}
	return true, nil
}
