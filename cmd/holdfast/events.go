package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/event"
)

func newEventsCommand(c *console) *cobra.Command {
	var goOn bool
	var q api.EventQuery
	var patience time.Duration
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show what happened to the apps, the gateway and the configuration",
		Long: `Shows the newest events, oldest first. With -f it goes on with what happens until Ctrl-C. Events are
remembered since Holdfast started, the newest of them; what is older is in its log.`,
		Example: `  holdfast events
  holdfast events -f
  holdfast events --app shop --severity warning -n 100
  holdfast events -f -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkCount(q.Newest); err != nil {
				return err
			}
			if q.Severity != "" && !slices.Contains(severities(), q.Severity) {
				return &exitError{exitUsage, fmt.Errorf("--severity %s: write info, warning or error", q.Severity)}
			}
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				return c.events(ctx, client, q, goOn, patience)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&goOn, "follow", "f", false, "go on with new events until Ctrl-C")
	flags.IntVarP(&q.Newest, "lines", "n", 20, fmt.Sprintf("how many of the newest events to show (1 to %d)", maxEntries))
	flags.StringVar(&q.App, "app", "", "only events about this app")
	flags.StringVar(&q.Severity, "severity", "", "only events that are at least so severe: info, warning or error")
	reconnectFlag(cmd, &patience)
	// Registering fails only for an unknown flag.
	_ = cmd.RegisterFlagCompletionFunc("app", c.completeApps(false))
	_ = cmd.RegisterFlagCompletionFunc("severity", cobra.FixedCompletions(severities(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func severities() []string {
	return []string{string(event.Info), string(event.Warning), string(event.Error)}
}

func (c *console) events(ctx context.Context, client *api.Client, q api.EventQuery, goOn bool, patience time.Duration) error {
	s := c.style()
	write := func(w io.Writer, e event.Event) error { return writeEvent(w, s, e) }
	if goOn {
		return follow(ctx, c, patience, func(ctx context.Context, after string, connected func()) iter.Seq2[api.Entry[event.Event], error] {
			q.After, q.Connected = after, connected
			return client.FollowEvents(ctx, q)
		}, write)
	}
	events, err := client.Events(ctx, q)
	if err != nil {
		return err
	}
	slices.Reverse(events)
	return c.show(events, func(w io.Writer) error {
		for _, e := range events {
			if err := write(w, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func writeEvent(w io.Writer, s style, e event.Event) error {
	severity := fmt.Sprintf("%-7s", e.Severity)
	switch e.Severity {
	case event.Warning:
		severity = s.paint(yellow, severity)
	case event.Error:
		severity = s.paint(red, severity)
	case event.Info:
	}
	about := cmp.Or(e.Instance, e.App, "holdfast")
	_, err := fmt.Fprintf(w, "%s %s %s %s: %s\n", s.clock(e.Time), severity, e.Type, about, printable(e.Message))
	return err
}
