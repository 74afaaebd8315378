package main

import (
	"cmp"
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

func newStatusCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "status [APP]",
		Short: "Show how the apps are, or one app in detail",
		Long: `Shows every app in one line; with a name, the instances of that app and, when something is wrong, why:
how the last process ended, what it used, who holds its port, what its probes found, what it wrote
last, what most likely helps and what happens next.

Conditions: healthy (every wanted instance is ready), degraded (some are), down (none is), stopped
(on request, or ended for good as its restart policy allows), maintenance (requests are answered 503
and nothing is restarted). CPU is in percent of one processor, MEM the resident memory, both with all
child processes and at most five seconds old; "holdfast top" measures anew.`,
		Example: `  holdfast status
  holdfast status shop
  holdfast status -o json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeApps(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withClient(cmd, func(ctx context.Context, client *api.Client) error {
				if len(args) == 1 {
					return c.showApp(ctx, client, args[0])
				}
				return c.showOverview(ctx, client)
			})
		},
	}
}

func (c *console) showApp(ctx context.Context, client *api.Client, id string) error {
	app, err := client.App(ctx, id)
	if err != nil {
		return err
	}
	return c.show(app, func(w io.Writer) error { return c.writeApp(w, c.style(), app, lookBeside(ctx, client, app)) })
}

// beside is what helps to understand an app's state and is no part of it.
type beside struct {
	last    *status.Line // the newest line on stderr
	givenUp *event.Event // the restart that led nowhere, unless there was one since
}

// lookBeside leaves out what cannot be had: it is a help, not the answer.
func lookBeside(ctx context.Context, client *api.Client, app status.App) beside {
	var b beside
	if urgency(app.Condition) > 0 {
		if lines, err := client.Logs(ctx, api.LogQuery{App: app.ID, Stream: "stderr", Newest: 1}); err == nil && len(lines) == 1 {
			b.last = &lines[0]
		}
	}
	told, err := client.Events(ctx, api.EventQuery{App: app.ID, Type: string(event.AppRestartFailed{}.Type()), Newest: 1})
	replaced := func(i status.Instance) bool { return i.StartedAt.After(told[0].Time) }
	if err == nil && len(told) == 1 && !slices.ContainsFunc(wanted(app), replaced) {
		b.givenUp = &told[0]
	}
	return b
}

func (c *console) writeApp(w io.Writer, s style, app status.App, help beside) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s (%d/%d ready) since %s\n",
		s.dot(app.Condition), app.ID, s.dash(), app.Condition, app.Ready, app.Desired, s.since(app.Since))
	if len(app.Instances) > 0 {
		b.WriteString(columns("  ", s.instances(app.Instances)))
	}
	if app.Desired != app.Configured && app.Configured != 0 {
		s.fact(&b, "Scaled", fmt.Sprintf("to %d; the configuration says %d (back to that: %s)", app.Desired, app.Configured, c.command("scale "+app.ID+" --reset")))
	}
	if app.Maintenance != nil {
		s.fact(&b, "Note", s.maintenance(*app.Maintenance))
	}
	if app.Restarting != "" {
		s.fact(&b, "Note", "restarting "+app.Restarting)
	}
	if e := help.givenUp; e != nil {
		s.fact(&b, "Note", fmt.Sprintf("at %s %s; see: %s", s.clock(e.Time), printable(e.Message), c.command("events --app "+app.ID)))
	}
	told := ""
	for _, why := range s.reasons(app) {
		s.fact(&b, "Why", printable(why))
		told += why + "\n"
	}
	if i := troubled(app); i != nil {
		end := *i.LastExit
		if !i.NextTry.IsZero() {
			end.Next = "" // the moment of its next try is told above
		}
		s.dossier(&b, i.ID, end, dossierForm{more: c.command("exits " + i.ID + " -v"), lines: 5, probes: 3, told: told})
		if len(i.LastExit.LastLines) > 0 {
			help.last = nil
		}
	}
	if last := help.last; last != nil {
		fmt.Fprintf(&b, "%s %s %s %s\n", s.clock(last.Time), last.Instance, last.Stream, printable(last.Text))
	}
	fmt.Fprintf(&b, "Next: %s\n", c.command(nextFor(app)))
	_, err := io.WriteString(w, b.String())
	return err
}

// instances is a table; it has a column for roles only when there is one to tell.
func (s style) instances(all []status.Instance) [][]string {
	heading := []string{"ID", "PID", "STATE", "READY", "CPU", "MEM", "RESTARTS", "PORT"}
	roles := slices.ContainsFunc(all, func(i status.Instance) bool { return i.Role != status.Regular })
	if roles {
		heading = append(heading, "ROLE")
	}
	rows := [][]string{heading}
	for _, i := range all {
		ready := "no"
		if i.Ready {
			ready = "yes"
		}
		cpu, memory := s.usage(i.Usage)
		row := []string{i.ID, s.number(i.PID), string(i.State), ready, cpu, memory, fmt.Sprint(i.Restarts), s.number(i.Port)}
		if roles {
			row = append(row, cmp.Or(string(i.Role), s.none()))
		}
		rows = append(rows, row)
	}
	return rows
}

// reasons are the app's own and, where that says nothing, those of its instances.
func (s style) reasons(app status.App) []string {
	if app.Condition == status.Healthy {
		return nil
	}
	if app.Why != "" && app.Maintenance == nil {
		return []string{s.why(app)}
	}
	var all []string
	for _, i := range app.Instances {
		if i.Why != "" && !i.Ready {
			all = append(all, i.ID+": "+i.Why+s.nextTry(i))
		}
	}
	return all
}

// why is the app's reason and, when it is that of an instance that waits, when that is tried again.
func (s style) why(app status.App) string {
	for _, i := range app.Instances {
		if app.Why == i.ID+": "+i.Why {
			return app.Why + s.nextTry(i)
		}
	}
	return app.Why
}

// nextTry is empty for an instance that does not wait for its next try.
func (s style) nextTry(i status.Instance) string {
	if i.NextTry.IsZero() {
		return ""
	}
	return "; next try in " + span(max(i.NextTry.Sub(s.now), time.Second))
}

// nextFor is the command that most likely helps.
func nextFor(app status.App) string {
	switch {
	case app.Condition == status.Idle && app.Desired == 0 && app.Configured > 0:
		return "scale " + app.ID + " --reset"
	case app.Condition == status.Idle && app.Desired == 0:
		return "scale " + app.ID + " 1"
	case app.Condition == status.Idle:
		return "start " + app.ID
	}
	return lookInto(app)
}

// lookInto is the command that shows most of what keeps an app from being ready.
func lookInto(app status.App) string {
	for _, i := range app.Instances {
		if needed, waits := strings.CutPrefix(i.Why, "waiting for "); waits && i.State == status.Pending {
			needed, _, _ = strings.Cut(needed, ",")
			return "status " + needed
		}
		if !i.Ready {
			return "logs " + i.ID + " --since 5m"
		}
	}
	return "logs " + app.ID + " -f"
}
