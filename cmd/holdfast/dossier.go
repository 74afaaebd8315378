package main

import (
	"fmt"
	"strings"
	"time"

	"holdfast/internal/status"
)

// dossierForm is how much of an end is shown.
type dossierForm struct {
	// lines and probes bound what is shown of the last lines and probe results.
	lines, probes int
	// more is the command that shows all of them; empty when all are shown.
	more string
}

// fact is one labelled line about an app or the end of a process.
func fact(b *strings.Builder, label, text string) {
	fmt.Fprintf(b, "  %-8s %s\n", label, text)
}

// detail goes on below a fact.
func detail(b *strings.Builder, text string) {
	fmt.Fprintf(b, "           %s\n", text)
}

// troubled is the instance whose newest end says most about why an app is not as it should be; nil
// when nothing ended unasked.
func troubled(app status.App) *status.Instance {
	if app.Condition == status.Healthy {
		return nil
	}
	var found *status.Instance
	rank := -1
	for n := range app.Instances {
		i := &app.Instances[n]
		if i.Ready || i.LastExit == nil || !unasked(*i.LastExit) {
			continue
		}
		r := trouble(i.State)
		if r > rank || r == rank && i.LastExit.EndedAt.After(found.LastExit.EndedAt) {
			found, rank = i, r
		}
	}
	return found
}

// unasked is false for an end that somebody wanted, and for a job that did its work.
func unasked(e status.Exit) bool {
	switch e.Reason {
	case status.ReasonRequested, status.ReasonConfig, status.ReasonShutdown, status.ReasonScale, status.ReasonRecycle:
		return false
	case status.ReasonExit:
		return e.Code != 0
	case status.ReasonStartFailed, status.ReasonStartupProbe, status.ReasonLivenessProbe, status.ReasonMemoryLimit, status.ReasonDependency:
		return true
	}
	return true
}

// trouble orders states by how much an end explains them.
func trouble(s status.State) int {
	switch s {
	case status.CrashLoop:
		return 3
	case status.Backoff, status.Exited:
		return 2
	case status.Pending, status.Starting, status.Running:
		return 1
	case status.Draining, status.Stopping, status.Stopped:
		return 0
	}
	return 0
}

// dossier writes what is known about the end of a process of an instance.
func (s style) dossier(b *strings.Builder, instance string, e status.Exit, form dossierForm) {
	fact(b, "Ended", fmt.Sprintf("%s %s", instance, printable(s.end(e))))
	if e.Cause != "" {
		fact(b, "Cause", printable(e.Cause))
	}
	if e.PortHolder != "" {
		fact(b, "Port", fmt.Sprintf("%d is held by %s", e.Port, printable(e.PortHolder)))
	}
	if e.Usage != nil {
		fact(b, "Used", used(*e.Usage))
	}
	s.probes(b, e.Probes, form)
	lastLines(b, e.LastLines, form)
	if e.Advice != "" {
		fact(b, "Advice", printable(e.Advice))
	}
	if e.Next != "" {
		fact(b, "Then", printable(e.Next))
	}
}

// end says when, after how long and how: "10:44:51 after 12s: exit code 1".
func (s style) end(e status.Exit) string {
	text := s.clock(e.EndedAt)
	if !e.StartedAt.IsZero() {
		text += " after " + life(e.EndedAt.Sub(e.StartedAt))
	}
	text += ": " + e.Text
	if e.Reason != status.ReasonExit && e.Reason != "" {
		text += " (" + strings.ReplaceAll(string(e.Reason), "_", " ") + ")"
	}
	return text
}

// life is how long a process ran, which may be far less than a second.
func life(d time.Duration) string {
	if d = max(d, 0); d < 10*time.Second {
		return d.Round(time.Millisecond).String()
	}
	return span(d)
}

// used is what a process used, in words.
func used(u status.Usage) string {
	memory := "memory " + size(u.Memory)
	if u.PeakMemory > u.Memory {
		memory += fmt.Sprintf(" (at most %s)", size(u.PeakMemory))
	}
	seconds := time.Duration(u.CPUSeconds * float64(time.Second)).Round(time.Millisecond)
	parts := []string{memory, fmt.Sprintf("CPU %s (%v in all)", percent(u.CPU), seconds)}
	for _, n := range []struct {
		count int
		what  string
	}{{u.Handles, "handle"}, {u.Threads, "thread"}, {u.Processes, "process"}} {
		if n.count > 0 {
			parts = append(parts, many(n.count, n.what))
		}
	}
	return strings.Join(parts, ", ")
}

// probes are the newest results, oldest first.
func (s style) probes(b *strings.Builder, results []status.ProbeResult, form dossierForm) {
	for n, r := range results[max(len(results)-form.probes, 0):] {
		outcome := "ok"
		if r.Error != "" {
			outcome = printable(r.Error)
		}
		text := fmt.Sprintf("%s %s after %v: %s", s.clock(r.Time), r.Probe,
			time.Duration(r.Seconds*float64(time.Second)).Round(time.Millisecond), outcome)
		if n == 0 {
			fact(b, "Probes", text)
		} else {
			detail(b, text)
		}
	}
}

// lastLines are the newest lines, oldest first.
func lastLines(b *strings.Builder, lines []string, form dossierForm) {
	shown := lines[max(len(lines)-form.lines, 0):]
	switch {
	case len(shown) == 0:
		return
	case len(shown) < len(lines):
		fact(b, "Output", fmt.Sprintf("the last %d of %d lines; all: %s", len(shown), len(lines), form.more))
	case len(lines) == 1:
		fact(b, "Output", "the last line")
	default:
		fact(b, "Output", "the last "+many(len(lines), "line"))
	}
	for _, line := range shown {
		detail(b, "| "+printable(line))
	}
}
