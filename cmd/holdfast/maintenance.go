package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/status"
)

func newMaintenanceCommand(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "maintenance",
		Short: "Take apps out of service while somebody works on them",
		Long: `While an app is in maintenance the gateway answers its requests 503 with Retry-After. Its instances run
on, but one that fails its probes or ends is left as it is: nothing is restarted, and nobody is
alarmed. What a person asks for (start, stop, restart) is still done. When the maintenance ends,
instances that ended meanwhile are started. It outlives Holdfast itself.`,
		Example: `  holdfast maintenance on shop --note "new disk" --for 30m
  holdfast maintenance ls
  holdfast maintenance off shop`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newMaintenanceOnCommand(c), newMaintenanceOffCommand(c), newMaintenanceListCommand(c))
	return cmd
}

func newMaintenanceOnCommand(c *console) *cobra.Command {
	var note string
	var span time.Duration
	cmd := &cobra.Command{
		Use:   "on APP...",
		Short: "Begin the maintenance of apps, or change its note and end",
		Long: `Begins the maintenance of apps. With --for it ends by itself, otherwise with "holdfast maintenance off".
For an app that is in maintenance already, the note and the end are replaced.`,
		Example: `  holdfast maintenance on shop
  holdfast maintenance on shop worker --note "new disk" --for 30m`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.completeApps(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("for") && span <= 0 {
				return &exitError{exitUsage, fmt.Errorf("--for %v: write how long, such as 30m", span)}
			}
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				return c.maintain(ctx, client, args, true, note, span)
			})
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "what is being done, for others who look")
	cmd.Flags().DurationVar(&span, "for", 0, "when it ends by itself, such as 30m (default: when somebody ends it)")
	_ = cmd.RegisterFlagCompletionFunc("note", cobra.NoFileCompletions) // fails only for an unknown flag
	return cmd
}

func newMaintenanceOffCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:               "off APP...",
		Short:             "End the maintenance of apps",
		Long:              "Ends the maintenance of apps: requests are served again, and instances that ended meanwhile are started.",
		Example:           "  holdfast maintenance off shop",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: c.completeApps(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				return c.maintain(ctx, client, args, false, "", 0)
			})
		},
	}
}

func newMaintenanceListCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:               "ls [APP]",
		Aliases:           []string{"list"},
		Short:             "Show which apps are in maintenance",
		Long:              "Shows the apps that are in maintenance, since and until when and what for.",
		Example:           "  holdfast maintenance ls\n  holdfast maintenance ls -o json",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeApps(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				all, err := maintained(ctx, client, args)
				if err != nil {
					return err
				}
				return c.show(all, func(w io.Writer) error { return c.writeMaintained(w, c.style(), all) })
			})
		},
	}
}

func (c *console) maintain(ctx context.Context, client *api.Client, apps []string, on bool, note string, span time.Duration) error {
	for _, app := range apps {
		action, err := client.Maintain(ctx, app, on, note, span)
		if err != nil {
			return err
		}
		text := app + " is in service again"
		if on {
			text = app + " is in maintenance; to end it: " + c.command("maintenance off "+app)
		}
		if err := c.show(action, line("%s\n", text)); err != nil {
			return err
		}
	}
	return nil
}

// maintainedApp is an app in maintenance.
type maintainedApp struct {
	App string `json:"app"`
	status.Maintenance
}

// maintained are all apps in maintenance, or the named one if it is.
func maintained(ctx context.Context, client *api.Client, names []string) ([]maintainedApp, error) {
	var apps []status.App
	var err error
	if len(names) == 0 {
		apps, err = client.Apps(ctx)
	} else {
		apps = make([]status.App, 1)
		apps[0], err = client.App(ctx, names[0])
	}
	all := []maintainedApp{}
	for _, a := range apps {
		if a.Maintenance != nil {
			all = append(all, maintainedApp{a.ID, *a.Maintenance})
		}
	}
	return all, err
}

func (c *console) writeMaintained(w io.Writer, s style, all []maintainedApp) error {
	if len(all) == 0 {
		_, err := fmt.Fprintf(w, "No app is in maintenance.\nNext: %s\n", c.command("status"))
		return err
	}
	rows := [][]string{{"APP", "SINCE", "UNTIL", "NOTE"}}
	for _, a := range all {
		until := "ended by hand"
		if !a.Until.IsZero() {
			until = s.clock(a.Until)
		}
		rows = append(rows, []string{a.App, s.day(a.Since), until, cmp.Or(printable(a.Note), s.none())})
	}
	if err := table(w, "", rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "Next: %s\n", c.command("maintenance off "+all[0].App))
	return err
}
