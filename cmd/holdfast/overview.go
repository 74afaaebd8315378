package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"holdfast/internal/api"
	"holdfast/internal/status"
)

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
		s.fact(&b, "Why", reason)
	}
	if !o.Service.LastReload.Applied {
		s.fact(&b, "Config", "the files have errors and are not in force; to see them: "+c.command("reload"))
	}
	if len(o.Apps) == 0 {
		fmt.Fprintf(&b, "No apps are configured.\nNext: %s\n", c.command("add NAME -- COMMAND"))
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
			s.fact(b, "Why", printable(why))
		}
		if a.Maintenance != nil {
			s.fact(b, "Note", a.ID+": "+s.maintenance(*a.Maintenance))
		}
		if a.Restarting != "" {
			s.fact(b, "Note", a.ID+": restarting "+a.Restarting)
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
