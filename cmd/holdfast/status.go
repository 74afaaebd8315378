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

// overview is what `holdfast status` prints.
type overview struct {
	Service api.ServiceStatus `json:"service"`
	Apps    []status.App      `json:"apps"`
}

func (c *console) showOverview(ctx context.Context, client *api.Client) error {
	var o overview
	var err error
	if o.Service, err = client.Service(ctx); err != nil {
		return err
	}
	if o.Apps, err = client.Apps(ctx); err != nil {
		return err
	}
	return c.show(o, func(w io.Writer) error { return c.writeOverview(w, c.style(), o) })
}

func (c *console) writeOverview(w io.Writer, s style, o overview) error {
	var b strings.Builder
	state := s.paint(green, "ready")
	if !o.Service.Ready {
		state = s.paint(yellow, "not ready")
	}
	fmt.Fprintf(&b, "%s %s is %s (revision %d, up %s)\n",
		o.Service.Name, o.Service.Version, state, o.Service.Revision, span(s.now.Sub(o.Service.StartedAt)))
	for _, reason := range o.Service.Reasons {
		fmt.Fprintf(&b, "  Why     %s\n", reason)
	}
	if !o.Service.LastReload.Applied {
		fmt.Fprintf(&b, "  Config  the files have errors and are not in force; to see them: %s\n", c.command("reload"))
	}
	if len(o.Apps) == 0 {
		fmt.Fprintf(&b, "No apps are configured.\nNext: add one to the configuration file, then: %s\n", c.command("reload"))
	} else {
		c.writeApps(&b, s, o.Apps)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *console) writeApps(b *strings.Builder, s style, apps []status.App) {
	rows := [][]string{{"APP", "CONDITION", "READY", "CPU", "MEM", "RESTARTS", "SINCE"}}
	dots := []string{" "}
	worst := apps[0]
	for _, a := range apps {
		restarts := 0
		for _, i := range a.Instances {
			restarts += i.Restarts
		}
		cpu, memory := s.usage(total(a))
		rows = append(rows, []string{
			a.ID, string(a.Condition), fmt.Sprintf("%d/%d", a.Ready, a.Desired), cpu, memory, fmt.Sprint(restarts), s.day(a.Since),
		})
		dots = append(dots, s.dot(a.Condition))
		if urgency(a.Condition) > urgency(worst.Condition) {
			worst = a
		}
	}
	i := 0
	for line := range strings.Lines(columns("", rows)) {
		// Before the line and not in the table, where a colour would count as width.
		fmt.Fprintf(b, "%s %s", dots[i], line)
		i++
	}
	for _, a := range apps {
		if urgency(a.Condition) > 0 && a.Why != "" {
			why := s.why(a)
			if !strings.HasPrefix(why, a.ID+"-") { // an instance's name says which app it is of
				why = a.ID + ": " + why
			}
			fmt.Fprintf(b, "  Why     %s\n", printable(why))
		}
		if a.Maintenance != nil {
			fmt.Fprintf(b, "  Note    %s: %s\n", a.ID, s.maintenance(*a.Maintenance))
		}
		if a.Restarting != "" {
			fmt.Fprintf(b, "  Note    %s: restarting %s\n", a.ID, a.Restarting)
		}
	}
	fmt.Fprintf(b, "Next: %s\n", c.command("status "+worst.ID))
}

// total is what all instances of an app use; nil when none was measured.
func total(a status.App) *status.Usage {
	var sum *status.Usage
	for _, i := range a.Instances {
		if i.Usage == nil {
			continue
		}
		if sum == nil {
			sum = new(status.Usage)
		}
		sum.CPU += i.Usage.CPU
		sum.Memory += i.Usage.Memory
		sum.Handles += i.Usage.Handles
		sum.Threads += i.Usage.Threads
		sum.Processes += i.Usage.Processes
	}
	return sum
}

// maintenance says since when, until when and what for.
func (s style) maintenance(m status.Maintenance) string {
	text := "in maintenance since " + s.since(m.Since)
	if !m.Until.IsZero() {
		text += ", until " + s.clock(m.Until)
	}
	if m.Note != "" {
		text += ": " + printable(m.Note)
	}
	return text
}

// urgency is how much a condition asks for a look.
func urgency(c status.Condition) int {
	switch c {
	case status.Down:
		return 2
	case status.Degraded:
		return 1
	case status.Healthy, status.Idle, status.InMaintenance:
		return 0
	default:
		return 0
	}
}

func (c *console) showApp(ctx context.Context, client *api.Client, id string) error {
	app, err := client.App(ctx, id)
	if err != nil {
		return err
	}
	return c.show(app, func(w io.Writer) error {
		var last *status.Line
		if urgency(app.Condition) > 0 {
			// The line is a help, not the answer.
			if lines, err := client.Logs(ctx, api.LogQuery{App: id, Stream: "stderr", Newest: 1}); err == nil && len(lines) == 1 {
				last = &lines[0]
			}
		}
		return c.writeApp(w, c.style(), app, last)
	})
}

func (c *console) writeApp(w io.Writer, s style, app status.App, last *status.Line) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s (%d/%d ready) since %s\n",
		s.dot(app.Condition), app.ID, s.dash(), app.Condition, app.Ready, app.Desired, s.since(app.Since))
	b.WriteString(columns("  ", s.instances(app.Instances)))
	if app.Desired != app.Configured && app.Configured != 0 {
		s.fact(&b, "Scaled", fmt.Sprintf("to %d; the configuration says %d (back to that: %s)", app.Desired, app.Configured, c.command("scale "+app.ID+" --reset")))
	}
	if app.Maintenance != nil {
		s.fact(&b, "Note", s.maintenance(*app.Maintenance))
	}
	if app.Restarting != "" {
		s.fact(&b, "Note", "restarting "+app.Restarting)
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
			last = nil
		}
	}
	if last != nil {
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
	if app.Condition == status.Idle {
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
