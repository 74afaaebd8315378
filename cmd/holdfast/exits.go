package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/status"
)

func newExitsCommand(c *console) *cobra.Command {
	var last int
	var verbose bool
	cmd := &cobra.Command{
		Use:   "exits APP|INSTANCE",
		Short: "Show how the processes of an app or of one of its instances ended",
		Long: `Shows the newest ends, newest first, of the ten that are remembered of each instance since Holdfast
started: how and after how long, what the process used, who held its port, what its probes found,
what it wrote last, what most likely helps and what followed. With -v nothing is left out.`,
		Example: `  holdfast exits shop
  holdfast exits shop-2 --last 1 -v
  holdfast exits shop -o json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			if last < 1 || last > maxEntries {
				return &exitError{exitUsage, fmt.Errorf("--last %d: write a number from 1 to %d", last, maxEntries)}
			}
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				return c.exits(ctx, client, args[0], last, verbose)
			})
		},
	}
	cmd.Flags().IntVar(&last, "last", 3, "how many of the newest ends to show")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show every line and probe result that is remembered")
	return cmd
}

// instanceExit is an end with the instance it belongs to.
type instanceExit struct {
	Instance string `json:"instance"`
	status.Exit
}

func (c *console) exits(ctx context.Context, client *api.Client, name string, last int, verbose bool) error {
	id, instance, err := findApp(ctx, client, name)
	if err != nil {
		return err
	}
	app, err := client.App(ctx, id)
	if err != nil {
		return err
	}
	ends := newestEnds(app, instance)
	ends = ends[:min(len(ends), last)]
	return c.show(ends, func(w io.Writer) error { return c.writeExits(w, c.style(), name, ends, verbose) })
}

// newestEnds are those of all instances, or of one, newest first.
func newestEnds(app status.App, instance string) []instanceExit {
	ends := []instanceExit{}
	for _, i := range app.Instances {
		if instance != "" && i.ID != instance {
			continue
		}
		for _, e := range i.Exits {
			ends = append(ends, instanceExit{i.ID, e})
		}
	}
	slices.SortStableFunc(ends, func(a, b instanceExit) int { return b.EndedAt.Compare(a.EndedAt) })
	return ends
}

func (c *console) writeExits(w io.Writer, s style, name string, ends []instanceExit, verbose bool) error {
	var b strings.Builder
	form := dossierForm{lines: 5, probes: 3, more: c.command("exits " + name + " -v")}
	if verbose {
		form = dossierForm{lines: 1 << 20, probes: 1 << 20}
	}
	for n, e := range ends {
		if n > 0 {
			b.WriteByte('\n')
		}
		s.dossier(&b, e.Instance, e.Exit, form)
	}
	if len(ends) == 0 {
		fmt.Fprintf(&b, "No process of %s has ended since Holdfast started.\nNext: %s\n", name, c.command("logs "+name))
	} else {
		fmt.Fprintf(&b, "Next: %s\n", c.command("logs "+ends[0].Instance+" --since "+sinceEnd(s, ends[0].Exit)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// sinceEnd looks back far enough to see the end in the log.
func sinceEnd(s style, e status.Exit) string {
	minutes := int(s.now.Sub(e.EndedAt).Minutes()) + 5
	return fmt.Sprintf("%dm", minutes)
}
