package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/status"
)

// maxInstances is the most that an app may have.
const maxInstances = 1000

func newScaleCommand(c *console) *cobra.Command {
	var reset bool
	var w waiting
	cmd := &cobra.Command{
		Use:   "scale APP N|--reset",
		Short: "Change how many instances of an app run",
		Long: `Makes N the wanted number of instances, beside the configuration: it holds, also when Holdfast is
started anew, until the number in the configuration itself changes or --reset takes it back. New
instances get requests once they are ready; those that are too many, the highest numbers, let requests
in flight end first.

Returns at once; with --wait, when that is done.`,
		Example: `  holdfast scale shop 4
  holdfast scale shop 4 --wait
  holdfast scale shop --reset`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: c.completeApps(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := instancesOf(args[1:], reset)
			if err != nil {
				return err
			}
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				return c.scale(ctx, client, args[0], n, w)
			})
		},
	}
	cmd.Flags().BoolVar(&reset, "reset", false, "back to the number that the configuration says")
	w.flags(cmd)
	return cmd
}

// instancesOf is the wanted number, -1 for the configuration's.
func instancesOf(args []string, reset bool) (int, error) {
	if reset != (len(args) == 0) {
		return 0, &exitError{exitUsage, fmt.Errorf("write either how many instances are wanted or --reset\nusage: holdfast scale APP N|--reset")}
	}
	if reset {
		return -1, nil
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 0 || n > maxInstances {
		return 0, &exitError{exitUsage, fmt.Errorf("%q instances: write a number from 0 to %d", args[0], maxInstances)}
	}
	return n, nil
}

func (c *console) scale(ctx context.Context, client *api.Client, id string, n int, w waiting) error {
	app, err := client.App(ctx, id)
	if err != nil {
		return err
	}
	target, how := n, " to "+many(n, "instance")
	if n < 0 {
		target, how = app.Configured, fmt.Sprintf(" back to %s", many(app.Configured, "instance"))
	}
	return c.act(ctx, client, appAction{
		asked: "scaling", done: "scaled", how: how,
		do: func(client *api.Client, ctx context.Context, id string) (api.Action, error) {
			return client.Scale(ctx, id, n)
		},
		outcome: func(app status.App, requested time.Time) (bool, error) { return hasInstances(app, target, requested) },
	}, []string{id}, w)
}

// hasInstances is true when the app has n instances and each is ready, or down as the app is.
func hasInstances(app status.App, n int, requested time.Time) (done bool, failed error) {
	all := wanted(app)
	if app.Desired != n || len(all) != n {
		return false, nil
	}
	for _, i := range all {
		if !i.Ready && i.State != status.Stopped && i.State != status.Exited {
			return false, gaveUp(app, requested)
		}
	}
	return true, nil
}
