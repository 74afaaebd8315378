package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/status"
)

// logOptions are the flags of logs.
type logOptions struct {
	follow bool
	count  int
	stream string
	since  time.Duration
	// patience is how long to wait for Holdfast to come back.
	patience time.Duration
}

func newLogsCommand(c *console) *cobra.Command {
	var o logOptions
	cmd := &cobra.Command{
		Use:   "logs APP|INSTANCE",
		Short: "Show what an app or one of its instances wrote",
		Long: `Shows the newest lines that an app, or one of its instances, wrote to stdout and stderr, and
Holdfast's own notes about it (stream holdfast). With -f it goes on until Ctrl-C; lines that came
faster than they could be taken are told as missing. When Holdfast is started anew meanwhile, it goes
on with what the app writes then.`,
		Example: `  holdfast logs shop
  holdfast logs shop-2 --since 5m
  holdfast logs shop -f --stream stderr
  holdfast logs shop -f -o json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				return c.logs(ctx, client, args[0], o)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.follow, "follow", "f", false, "go on with new lines until Ctrl-C")
	flags.IntVarP(&o.count, "lines", "n", 50, fmt.Sprintf("how many of the newest lines to show (1 to %d)", maxEntries))
	flags.StringVar(&o.stream, "stream", "", "only this stream: stdout, stderr or holdfast")
	flags.DurationVar(&o.since, "since", 0, "only lines that are not older, such as 5m")
	reconnectFlag(cmd, &o.patience)
	_ = cmd.RegisterFlagCompletionFunc("stream", cobra.FixedCompletions( // fails only for an unknown flag
		[]cobra.Completion{"stdout", "stderr", "holdfast"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o logOptions) check() error {
	if o.stream != "" && !slices.Contains([]string{"stdout", "stderr", "holdfast"}, o.stream) {
		return &exitError{exitUsage, fmt.Errorf("--stream %s: write stdout, stderr or holdfast", o.stream)}
	}
	if o.since < 0 {
		return &exitError{exitUsage, fmt.Errorf("--since %v: write how far to look back, such as 5m", o.since)}
	}
	return checkCount(o.count)
}

func (c *console) logs(ctx context.Context, client *api.Client, name string, o logOptions) error {
	app, instance, err := findApp(ctx, client, name)
	if err != nil {
		return err
	}
	q := api.LogQuery{App: app, Instance: instance, Stream: o.stream, Newest: o.count}
	if o.since > 0 {
		q.Since = time.Now().Add(-o.since)
	}
	s := c.style()
	write := func(w io.Writer, l status.Line) error { return writeLine(w, s, l) }
	if o.follow {
		return follow(ctx, c, o.patience, func(ctx context.Context, after string, connected func()) iter.Seq2[api.Entry[status.Line], error] {
			q.After, q.Connected = after, connected
			return client.FollowLogs(ctx, q)
		}, write)
	}
	lines, err := client.Logs(ctx, q)
	if err != nil {
		return err
	}
	return c.show(lines, func(w io.Writer) error {
		for _, l := range lines {
			if err := write(w, l); err != nil {
				return err
			}
		}
		return nil
	})
}

// findApp takes name for an app if there is one, else for an instance.
func findApp(ctx context.Context, client *api.Client, name string) (app, instance string, err error) {
	_, err = client.App(ctx, name)
	if p, ok := errors.AsType[*api.Problem](err); !ok || p.Status != http.StatusNotFound {
		return name, "", err
	}
	apps, listErr := client.Apps(ctx)
	if listErr != nil {
		return "", "", listErr
	}
	for _, a := range apps {
		if slices.ContainsFunc(a.Instances, func(i status.Instance) bool { return i.ID == name }) {
			return a.ID, name, nil
		}
	}
	return "", "", err
}

func writeLine(w io.Writer, s style, l status.Line) error {
	color := map[string]string{"stderr": red, "holdfast": grey}[l.Stream]
	text := printable(l.Text)
	if color != "" {
		text = s.paint(color, text)
	}
	_, err := fmt.Fprintf(w, "%s %s %s %s\n", s.clock(l.Time), l.Instance, l.Stream, text)
	return err
}
