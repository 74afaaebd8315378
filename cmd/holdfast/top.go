package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"holdfast/internal/api"
	"holdfast/internal/status"
)

const (
	// topMeasured is how many apps are measured anew for each refresh; of more, and when none is named,
	// Holdfast's own newest measurements are shown.
	topMeasured = 50
	// topAtOnce bounds the calls that are made at once for that.
	topAtOnce = 8
)

// topOptions are the flags of top.
type topOptions struct {
	names []string
	sort  string
	every time.Duration
	once  bool
}

func newTopCommand(c *console) *cobra.Command {
	var o topOptions
	cmd := &cobra.Command{
		Use:   "top [APP...]",
		Short: "Watch what the instances use",
		Long: `Shows what each instance uses, with all its child processes, in a table that is refreshed until q or
Ctrl-C: CPU in percent of one processor, resident memory, open handles (Linux: file descriptors) and
threads, and for how long its process runs. What does not fit into the window is left out at the end.

Without a terminal, or with --once, the table is printed once. With -o json or yaml an object is
printed per refresh, until Ctrl-C or with --once one. Of more than 50 apps, measurements that Holdfast
makes itself every few seconds are shown; name apps to have them measured anew.`,
		Example: `  holdfast top
  holdfast top shop --sort memory
  holdfast top --once
  holdfast top -o json | jq .apps[0].instances[0].usage`,
		ValidArgsFunction: c.completeApps(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.names = args
			if err := o.check(); err != nil {
				return err
			}
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				return c.top(ctx, client, o)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.sort, "sort", "cpu", "the order: "+strings.Join(topOrders(), ", "))
	flags.DurationVar(&o.every, "interval", 2*time.Second, "the time between two refreshes, at least 1s")
	flags.BoolVar(&o.once, "once", false, "print once and end")
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(topOrders(), cobra.ShellCompDirectiveNoFileComp)) // fails only for an unknown flag
	return cmd
}

// topOrders are what --sort takes; all but the name put the largest first.
func topOrders() []string {
	return []string{"cpu", "memory", "handles", "threads", "uptime", "restarts", "name"}
}

func (o topOptions) check() error {
	if !slices.Contains(topOrders(), o.sort) {
		return &exitError{exitUsage, fmt.Errorf("--sort %s: write one of %s", o.sort, strings.Join(topOrders(), ", "))}
	}
	if o.every < time.Second {
		return &exitError{exitUsage, fmt.Errorf("--interval %v: write 1s or more", o.every)}
	}
	return nil
}

// topSample is one refresh.
type topSample struct {
	Time time.Time    `json:"time"`
	Apps []status.App `json:"apps"`
}

func (c *console) top(ctx context.Context, client *api.Client, o topOptions) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	sample, err := topMeasure(ctx, client, o.names)
	if err != nil {
		return err
	}
	people := c.output == "table"
	if screen := c.screen(); people && !o.once && screen != nil {
		return c.topLive(ctx, client, o, screen, sample)
	}
	if people || o.once {
		return c.show(sample, func(w io.Writer) error { return c.writeTop(w, c.style(), sample, o) })
	}
	refresh := time.NewTicker(o.every)
	defer refresh.Stop()
	for {
		if err := c.writeEntry(sample, nil); err != nil {
			return &exitError{exitFailed, fmt.Errorf("write: %w", err)}
		}
		select {
		case <-refresh.C:
		case <-ctx.Done():
			return nil
		}
		if sample, err = topMeasure(ctx, client, o.names); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// topMeasure has the named apps measured, or all of them when they are few.
func topMeasure(ctx context.Context, client *api.Client, names []string) (topSample, error) {
	sample := topSample{Time: time.Now()}
	if len(names) == 0 {
		apps, err := client.Apps(ctx)
		if err != nil || len(apps) > topMeasured {
			sample.Apps = apps
			return sample, err
		}
		sample.Apps = apps
	} else {
		for _, name := range names {
			sample.Apps = append(sample.Apps, status.App{ID: name})
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(topAtOnce)
	for i := range sample.Apps {
		group.Go(func() error {
			app, err := client.Measure(ctx, sample.Apps[i].ID)
			if p, ok := errors.AsType[*api.Problem](err); ok && p.Status == http.StatusNotFound && len(names) == 0 {
				return nil // it was taken away meanwhile
			}
			for n := range app.Instances {
				app.Instances[n].LastExit, app.Instances[n].Exits = nil, nil // not what top is about
			}
			sample.Apps[i] = app
			return err
		})
	}
	return sample, group.Wait()
}

// topRows are the instances in the wanted order, and among equals in that of their apps.
func topRows(sample topSample, order string) []status.Instance {
	var all []status.Instance
	for _, a := range sample.Apps {
		all = append(all, a.Instances...)
	}
	if order == "name" {
		return all
	}
	slices.SortStableFunc(all, func(a, b status.Instance) int {
		return cmp.Compare(topKey(b, order, sample.Time), topKey(a, order, sample.Time))
	})
	return all
}

func topKey(i status.Instance, order string, now time.Time) float64 {
	var u status.Usage
	if i.Usage != nil {
		u = *i.Usage
	}
	switch order {
	case "memory":
		return float64(u.Memory)
	case "handles":
		return float64(u.Handles)
	case "threads":
		return float64(u.Threads)
	case "uptime":
		return uptime(i, now).Seconds()
	case "restarts":
		return float64(i.Restarts)
	default:
		return math.Round(u.CPU * 1000) // what is as good as nothing keeps its place
	}
}

// uptime is how long the present process runs, 0 when there is none.
func uptime(i status.Instance, now time.Time) time.Duration {
	if i.PID == 0 || i.StartedAt.IsZero() {
		return 0
	}
	return now.Sub(i.StartedAt)
}

// topTable is the heading and a row for each instance.
func topTable(s style, sample topSample, all []status.Instance) [][]string {
	rows := [][]string{{"INSTANCE", "PID", "STATE", "CPU", "MEM", "HANDLES", "THREADS", "UP", "RESTARTS"}}
	for _, i := range all {
		cpu, memory := s.usage(i.Usage)
		handles, threads, up := s.none(), s.none(), s.none()
		if i.Usage != nil {
			handles, threads = s.number(i.Usage.Handles), s.number(i.Usage.Threads)
		}
		if i.PID != 0 {
			up = span(uptime(i, sample.Time))
		}
		state := string(i.State)
		if i.Role != status.Regular {
			state += " (" + string(i.Role) + ")"
		}
		rows = append(rows, []string{i.ID, s.number(i.PID), state, cpu, memory, handles, threads, up, fmt.Sprint(i.Restarts)})
	}
	return rows
}

// topSummary is the line above the table.
func topSummary(s style, sample topSample) string {
	instances, ready := 0, 0
	var sum status.Usage
	for _, a := range sample.Apps {
		instances += len(a.Instances)
		ready += a.Ready
		if u := total(a); u != nil {
			sum.CPU += u.CPU
			sum.Memory += u.Memory
		}
	}
	return fmt.Sprintf("%s: %s of %s, %d ready; CPU %s, memory %s",
		s.clock(sample.Time), many(instances, "instance"), many(len(sample.Apps), "app"), ready, percent(sum.CPU), size(sum.Memory))
}

func (c *console) writeTop(w io.Writer, s style, sample topSample, o topOptions) error {
	rows := topTable(s, sample, topRows(sample, o.sort))
	_, err := fmt.Fprintf(w, "%s\n%s", topSummary(s, sample), columns("", rows))
	return err
}
