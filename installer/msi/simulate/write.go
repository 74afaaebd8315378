package simulate

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Write prints the trace for an administrator.
func (t *Trace) Write(w io.Writer) error {
	p := &printer{w: w}
	t.head(p)
	t.remembered(p)
	table := ""
	for _, s := range t.Steps {
		if s.Table != table {
			table = s.Table
			p.line("")
			p.line("%s", table)
		}
		p.step(s, "")
	}
	t.execution(p)
	t.end(p)
	return p.err
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf(format, args...), " "))
	}
}

func (t *Trace) head(p *printer) {
	platform, _, _ := strings.Cut(t.Template, ";")
	p.line("%s of %s %s (%s)", t.Scenario, t.Name, t.Version, platform)
	levels := map[UILevel]string{None: "/qn", Basic: "/qb", Reduced: "/qr", Full: "/qf"}
	command := "msiexec /i PACKAGE " + levels[t.UILevel]
	if t.Scenario == Uninstall {
		command = "msiexec /x PACKAGE " + levels[t.UILevel]
	}
	for _, name := range slices.Sorted(maps.Keys(t.Given)) {
		if t.Scenario != Uninstall || name != "REMOVE" {
			command += " " + name + "=" + quoted(t.Given[name])
		}
	}
	p.line("  %s", command)
	if t.Before != "" {
		p.line("  installed before: version %s", t.Before)
	}
	for _, n := range t.Notes {
		p.line("  note: %s", n)
	}
}

// quoted puts text into quotation marks where a command line needs them.
func quoted(text string) string {
	if text == "" || strings.ContainsAny(text, " \t;") {
		return `"` + text + `"`
	}
	return text
}

func (t *Trace) remembered(p *printer) {
	if len(t.Registry) == 0 {
		return
	}
	p.line("")
	p.line("Remembered")
	for _, v := range t.Registry {
		p.line(`  %s = "%s"`, v.Path, v.Text)
	}
}

func (p *printer) step(s Step, indent string) {
	what, details := s.what(), s.Details
	if s.Ran && s.Command != "" {
		details = append([]string{s.Command}, details...)
	}
	if s.Ran && s.Condition == "" && len(details) > 0 {
		what, details = what+": "+details[0], details[1:]
	}
	p.line("%s%6d  %-26s %s", indent, s.Sequence, s.Action, what)
	for _, d := range details {
		p.line("%s        %-26s %s", indent, "", d)
	}
	for _, n := range s.Nested {
		p.step(n, indent+"    |")
	}
}

// what says what became of a step, and why.
func (s Step) what() string {
	switch {
	case s.Skipped != "":
		return "skipped: " + s.Skipped
	case !s.Ran:
		return "skipped: " + s.Condition + " does not hold" + because(s.Facts)
	}
	verb := map[Kind]string{
		Standard: "runs", Dialog: "dialog", Immediate: "runs", Deferred: "queued", OnlyBack: "queued for rollback", OnlyEnd: "queued for commit",
	}[s.Kind]
	if !s.Modelled {
		verb = "standard action, not modelled"
	}
	if s.Condition != "" {
		verb += ": " + s.Condition + " holds" + because(s.Facts)
	}
	return verb
}

func (t *Trace) execution(p *printer) {
	titles := map[Phase]string{
		Forward: "Carried out, in this order, with the rights of SYSTEM", Back: "Taken back, the last first", End: "Carried out after the commit",
	}
	phase := Phase("")
	n := 0
	for _, e := range t.Executed {
		if e.Phase != phase {
			phase, n = e.Phase, 0
			p.line("")
			p.line("%s", titles[phase])
		}
		n++
		name := e.Action
		if e.Product != "" {
			name += " (" + e.Product + ")"
		}
		text := ""
		switch {
		case e.Failed:
			text = "FAILS"
		case e.Phase == Back && e.Kind == Standard:
			text = "undone by the installer"
		case e.Kind == Standard:
			text = e.Command
		}
		p.line("%6d  %-34s %s", n, name, text)
	}
}

func (t *Trace) end(p *printer) {
	p.line("")
	if t.Code == 0 {
		p.line("Ends with 0: success")
	} else {
		p.line("Ends with %d: %s", t.Code, t.Reason)
	}
	if len(t.Products) == 0 {
		p.line("  installed afterwards: nothing")
	} else {
		p.line("  installed afterwards: version %s", strings.Join(t.Products, ", "))
	}
	for _, v := range t.After {
		p.line(`  %s = "%s"`, v.Path, v.Text)
	}
	p.line("")
	p.line("Properties")
	for _, v := range t.Properties {
		text := `"` + v.Text + `"`
		if v.Text == "" {
			text = "-"
		}
		p.line("  %-26s %-40s %s", v.Name, cut(text), v.From)
	}
}

// cut shortens a long text: composed command lines stand in full where they are composed.
func cut(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
