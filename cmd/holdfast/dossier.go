package main

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast/internal/status"
)

// dossierForm is how much of an end is shown.
type dossierForm struct {
	// lines and probes bound what is shown of the last lines and probe results.
	lines, probes int
	// more is the command that shows all of them; empty when all are shown.
	more string
	// told is what was said before, and is not said again.
	told string
}

// labelled is how far the text of a fact is indented.
const labelled = 11

// fact is one labelled thing to know about an app or the end of a process.
func (s style) fact(b *strings.Builder, label, text string) {
	fmt.Fprintf(b, "  %-8s %s\n", label, s.wrap(text))
}

// wrap breaks text between words where the terminal would break it anywhere.
func (s style) wrap(text string) string {
	room := s.width - labelled
	if room < 20 {
		return text
	}
	var b strings.Builder
	used := 0
	for n, word := range strings.Split(text, " ") {
		length := utf8.RuneCountInString(word)
		switch {
		case n > 0 && used+1+length > room:
			b.WriteString("\n" + strings.Repeat(" ", labelled))
			used = 0
		case n > 0:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += length
	}
	return b.String()
}

// detail goes on below a fact.
func detail(b *strings.Builder, text string) {
	b.WriteString(strings.Repeat(" ", labelled) + text + "\n")
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
	tell := func(label, text, key string) {
		if key != "" && !strings.Contains(form.told, key) {
			s.fact(b, label, printable(text))
			form.told += "\n" + text
		}
	}
	tell("Ended", instance+" "+s.end(e, form.told), "Ended")
	tell("Cause", e.Cause, e.Cause)
	if e.PortHolder != "" {
		s.fact(b, "Port", fmt.Sprintf("%d is held by %s", e.Port, printable(e.PortHolder)))
	}
	if e.Usage != nil {
		s.fact(b, "Used", used(*e.Usage))
	}
	s.probes(b, e.Probes, form)
	s.lastLines(b, e.LastLines, form)
	tell("Advice", e.Advice, e.Advice)
	tell("Then", e.Next, e.Next)
}

// end says when, after how long and how: "10:44:51 after 12s: exit code 1". What was told before is
// not repeated where it is a whole sentence.
func (s style) end(e status.Exit, told string) string {
	text := s.clock(e.EndedAt)
	if !e.StartedAt.IsZero() {
		text += " after " + life(e.EndedAt.Sub(e.StartedAt))
	}
	if e.Reason == status.ReasonStartFailed {
		if strings.Contains(told, e.Text) {
			return text + ": could not be started"
		}
		return text + ": could not be started: " + e.Text
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

// brief is how long a check took, in milliseconds as long as it is short: a refused connection takes
// less than one.
func brief(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.1fms", max(seconds*1000, 0.1))
	}
	return time.Duration(seconds * float64(time.Second)).Round(100 * time.Millisecond).String()
}

// used is what a process used, in words.
func used(u status.Usage) string {
	var parts []string
	switch {
	case u.Memory > 0 && u.PeakMemory > u.Memory:
		parts = append(parts, fmt.Sprintf("memory %s (at most %s)", size(u.Memory), size(u.PeakMemory)))
	case u.Memory > 0:
		parts = append(parts, "memory "+size(u.Memory))
	case u.PeakMemory > 0:
		parts = append(parts, "memory at most "+size(u.PeakMemory))
	}
	cpu := fmt.Sprintf("%v of CPU time", time.Duration(u.CPUSeconds*float64(time.Second)).Round(time.Millisecond))
	if u.CPU > 0 {
		cpu += fmt.Sprintf(" (%s at the end)", percent(u.CPU))
	}
	parts = append(parts, cpu)
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
		text := fmt.Sprintf("%s %s after %s: %s", s.clock(r.Time), r.Probe, brief(r.Seconds), outcome)
		if n == 0 {
			s.fact(b, "Probes", text)
		} else {
			detail(b, text)
		}
	}
}

// lastLines are the newest lines, oldest first.
func (s style) lastLines(b *strings.Builder, lines []string, form dossierForm) {
	shown := lines[max(len(lines)-form.lines, 0):]
	switch {
	case len(shown) == 0:
		return
	case len(shown) < len(lines):
		s.fact(b, "Output", fmt.Sprintf("the last %d of %d lines; all: %s", len(shown), len(lines), form.more))
	case len(lines) == 1:
		s.fact(b, "Output", "the last line")
	default:
		s.fact(b, "Output", "the last "+many(len(lines), "line"))
	}
	for _, line := range shown {
		detail(b, "| "+printable(line))
	}
}
