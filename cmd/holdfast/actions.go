package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// pollEvery is how often --wait looks.
const pollEvery = 50 * time.Millisecond

// settle is how long processes that nothing else proves to work must stay the same before --wait
// believes in them: a program that fails at once is running before it does.
const settle = time.Second

// appAction is something that is asked of an app and takes its time.
type appAction struct {
	name, short, long, example string
	// asked and done are what the one line of success says, and how is what follows the app's name.
	asked, done, how string
	do               func(*api.Client, context.Context, string) (api.Action, error)
	// outcome says whether the action is done or cannot be done any more.
	outcome func(status.App, time.Time) (done bool, failed error)
	// failure is the type of the event that says the same; empty when there is none.
	failure event.Type
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
		long: "Lets requests in flight end (stop.drain), asks every instance to end, as the app's stop method says,\n" +
			"and kills its whole process tree after the grace period. The app stays stopped until it is started or\nHoldfast itself is started anew.",
		example: "  holdfast stop shop\n  holdfast stop shop --wait",
		do:      (*api.Client).Stop, outcome: wentDown,
	})
}

func newRestartCommand(c *console) *cobra.Command {
	return newActionCommand(c, appAction{
		name: "restart", short: "Replace the processes of apps, without a gap where that can be", asked: "restarting", done: "restarted",
		long: "Starts an additional instance first, and once it is ready restarts the others one after the other, so\n" +
			"that the app never has fewer ready instances than before (restart.overlap). Apps for which that\n" +
			"cannot be are restarted one instance after the other: the next one once the former is ready.\n" +
			"A restart that leads nowhere is given up, and the instances that it did not reach run on.",
		example: "  holdfast restart shop\n  holdfast restart shop --wait --timeout 30s",
		do:      (*api.Client).Restart, outcome: cameBack, failure: event.AppRestartFailed{}.Type(),
	})
}

func newActionCommand(c *console, a appAction) *cobra.Command {
	var w waiting
	cmd := &cobra.Command{
		Use:               a.name + " APP...",
		Short:             a.short,
		Long:              a.long + "\n\nReturns at once; with --wait, when that is done.",
		Example:           a.example,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.completeApps(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				return c.act(ctx, client, a, args, w)
			})
		},
	}
	w.flags(cmd)
	return cmd
}

// waiting are the flags of commands that may wait for their outcome.
type waiting struct {
	wanted  bool
	timeout time.Duration
}

func (w *waiting) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&w.wanted, "wait", false, "return when it is done, and fail when it cannot be done")
	cmd.Flags().DurationVar(&w.timeout, "timeout", 2*time.Minute, "with --wait: how long to wait")
}

// act asks for everything first, so that several apps are waited for together.
func (c *console) act(ctx context.Context, client *api.Client, a appAction, apps []string, w waiting) error {
	if w.wanted {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, w.timeout)
		defer cancel()
	}
	begin := time.Now()
	actions := make([]api.Action, 0, len(apps))
	for _, app := range apps {
		action, err := a.do(client, ctx, app)
		if err != nil {
			return err
		}
		actions = append(actions, action)
		if !w.wanted {
			if err := c.show(action, line("%s %s%s\n", a.asked, app, a.how)); err != nil {
				return err
			}
		}
	}
	if !w.wanted {
		return nil
	}
	for _, action := range actions {
		app, err := c.await(ctx, client, a, action)
		if err != nil {
			return err
		}
		took := time.Since(begin).Round(time.Millisecond)
		if err := c.show(app, line("%s %s%s in %v\n", a.done, app.ID, a.how, took)); err != nil {
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
	var seen settling
	for {
		now, err := client.App(ctx, action.App)
		if err == nil {
			app = now
			var done bool
			done, err = a.outcome(app, action.RequestedAt)
			if seen.settled(app, done, time.Now()) {
				return app, nil
			}
			if err == nil && !done {
				err = c.givenUp(ctx, client, a, action, app)
			} else if err != nil {
				err = fmt.Errorf("%s could not be %s: %w; see: %s", app.ID, a.done, err, c.command(lookInto(app)))
				err = &exitError{exitFailed, err}
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

// givenUp looks for the event that tells the end of the action, unless it is under way.
func (c *console) givenUp(ctx context.Context, client *api.Client, a appAction, action api.Action, app status.App) error {
	if a.failure == "" || app.Restarting != "" {
		return nil
	}
	told, err := client.Events(ctx, api.EventQuery{App: action.App, Type: string(a.failure), Newest: 1})
	if err != nil || len(told) == 0 || !told[0].Time.After(action.RequestedAt) {
		return err
	}
	return &exitError{exitFailed, fmt.Errorf("%s could not be %s: %s; see: %s",
		app.ID, a.done, printable(told[0].Message), c.command("events --app "+app.ID))}
}

// settling is how long the processes of an app have been the same.
type settling struct {
	processes string
	since     time.Time
}

// settled reports whether done may be believed.
func (s *settling) settled(app status.App, done bool, now time.Time) bool {
	processes := unproved(app)
	if processes == "" {
		return done
	}
	if processes != s.processes {
		s.processes, s.since = processes, now
	}
	return done && now.Sub(s.since) >= settle
}

// unproved names the running processes of which no probe says that they work: those without a port.
func unproved(app status.App) string {
	var b strings.Builder
	for _, i := range app.Instances {
		if i.Port == 0 && i.PID != 0 {
			fmt.Fprintf(&b, "%s=%d ", i.ID, i.PID)
		}
	}
	return b.String()
}

// wanted are the instances that the app is asked to have, without the additional ones.
func wanted(app status.App) []status.Instance {
	return slices.DeleteFunc(slices.Clone(app.Instances), func(i status.Instance) bool { return i.Role != status.Regular })
}

// cameUp is true when every wanted instance is ready, or has done its work.
func cameUp(app status.App, requested time.Time) (done bool, failed error) {
	if didItsWork(app, requested) {
		return true, nil
	}
	return allReady(app), gaveUp(app, requested)
}

// allReady is what healthy means, in maintenance too.
func allReady(app status.App) bool {
	if app.Condition != status.InMaintenance {
		return app.Condition == status.Healthy
	}
	return !slices.ContainsFunc(wanted(app), func(i status.Instance) bool { return !i.Ready })
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

// cameBack wants new processes, too: right after the request the old ones are still ready. At the end
// of an overlapped restart the additional instance is gone.
func cameBack(app status.App, requested time.Time) (done bool, failed error) {
	for _, i := range app.Instances {
		if i.Role == status.Regular && !i.StartedAt.After(requested) {
			return didItsWork(app, requested), gaveUp(app, requested)
		}
	}
	done, failed = cameUp(app, requested)
	return done && app.Restarting == "" && !hasRole(app, status.Surge), failed
}

func hasRole(app status.App, r status.Role) bool {
	return slices.ContainsFunc(app.Instances, func(i status.Instance) bool { return i.Role == r })
}

// gaveUp looks only at what happened after the request: the app may have been in trouble before.
func gaveUp(app status.App, requested time.Time) error {
	for _, i := range wanted(app) {
		if (i.State == status.CrashLoop || i.State == status.Exited) && i.Since.After(requested) {
			return fmt.Errorf("%s: %s", i.ID, printable(i.Why))
		}
	}
	return nil
}

// wentDown is true when no instance has a process.
func wentDown(app status.App, _ time.Time) (done bool, failed error) {
	for _, i := range app.Instances {
		if i.State != status.Stopped && i.State != status.Exited && i.Role != status.Trial {
			return false, nil
		}
	}
	return true, nil
}
