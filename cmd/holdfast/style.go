package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"holdfast/internal/service"
	"holdfast/internal/status"
)

// style is how output for people looks: with or without colour, and with characters beyond ASCII.
// Neither carries meaning of its own.
type style struct {
	color, unicode bool
	now            time.Time
	zone           *time.Location
	// width is that of the terminal, 0 when there is none.
	width int
}

func (c *console) style() style {
	s := style{color: c.color(), unicode: true, now: time.Now(), zone: time.Local}
	if screen := c.screen(); screen != nil {
		s.width = windowOf(screen).width
	}
	if runtime.GOOS != "windows" { // there the console takes Unicode whatever its code page
		s.unicode = utf8Locale(os.Getenv)
	}
	return s
}

// color follows no-color.org.
func (c *console) color() bool {
	return os.Getenv("NO_COLOR") == "" && c.screen() != nil
}

// screen is the terminal that a person looks at, nil when there is none that obeys control sequences.
func (c *console) screen() *os.File {
	f, ok := c.out.(*os.File)
	if !ok || !isTerminal(f) || os.Getenv("TERM") == "dumb" || !service.Sequences(f) {
		return nil
	}
	return f
}

// isTerminal reports whether a person reads what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// utf8Locale is false only for a locale that says otherwise: containers have none at all.
func utf8Locale(getenv func(string) string) bool {
	for _, key := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(key)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return getenv("TERM") != "dumb"
}

// The ANSI colours that style.paint takes.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	grey   = "90"
)

func (s style) paint(color, text string) string {
	if !s.color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// dot begins a line about something in condition cond.
func (s style) dot(cond status.Condition) string {
	dot := "*"
	if s.unicode {
		dot = "●"
	}
	switch cond {
	case status.Healthy:
		return s.paint(green, dot)
	case status.Degraded, status.InMaintenance:
		return s.paint(yellow, dot)
	case status.Down:
		return s.paint(red, dot)
	case status.Idle:
		return s.paint(grey, dot)
	default:
		return dot
	}
}

// none stands in an empty cell.
func (s style) none() string {
	if s.unicode {
		return "–"
	}
	return "-"
}

// dash joins a name and what is said about it.
func (s style) dash() string {
	if s.unicode {
		return "—"
	}
	return "-"
}

// number is none for 0.
func (s style) number(n int) string {
	if n == 0 {
		return s.none()
	}
	return fmt.Sprint(n)
}

// percent is a share of one processor: 0.4%, 3%, 250%.
func percent(cpu float64) string {
	share := max(cpu, 0) * 100
	if share >= 0.05 && share < 0.95 {
		return fmt.Sprintf("%.1f%%", share)
	}
	return fmt.Sprintf("%.0f%%", share)
}

// size is a number of bytes in the unit in which it is shortest: 640KiB, 8.4MiB, 182MiB, 1.2GiB.
func size(bytes uint64) string {
	value, unit := float64(bytes)/1024, 0
	units := []string{"KiB", "MiB", "GiB", "TiB"}
	for value >= 1023.5 && unit+1 < len(units) {
		value, unit = value/1024, unit+1
	}
	if value < 9.95 && unit > 0 {
		return fmt.Sprintf("%.1f%s", value, units[unit])
	}
	return fmt.Sprintf("%.0f%s", value, units[unit])
}

// usage is processor and memory in two cells.
func (s style) usage(u *status.Usage) (cpu, memory string) {
	if u == nil {
		return s.none(), s.none()
	}
	return percent(u.CPU), size(u.Memory)
}

// clock is the time of day, with the date unless it is today's.
func (s style) clock(t time.Time) string {
	t = t.In(s.zone)
	if t.Format(time.DateOnly) == s.now.In(s.zone).Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// since is a moment and how long ago it was.
func (s style) since(t time.Time) string {
	return fmt.Sprintf("%s (%s ago)", s.clock(t), span(s.now.Sub(t)))
}

// day is since for a table, where a date has no time beside it.
func (s style) day(t time.Time) string {
	t = t.In(s.zone)
	when := t.Format(time.DateOnly)
	if when == s.now.In(s.zone).Format(time.DateOnly) {
		when = t.Format(time.TimeOnly)
	}
	return fmt.Sprintf("%s (%s ago)", when, span(s.now.Sub(t)))
}

// span is a duration in its two largest units: 3m, 1h12m, 5d3h.
func span(d time.Duration) string {
	d = max(d, 0)
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
	for i, u := range units {
		if d < u.size {
			continue
		}
		text := fmt.Sprintf("%d%s", d/u.size, u.name)
		if i+1 < len(units) && u.size >= time.Hour {
			if rest := d % u.size / units[i+1].size; rest > 0 {
				text += fmt.Sprintf("%d%s", rest, units[i+1].name)
			}
		}
		return text
	}
	return "0s"
}

// table lines columns up; the first row is the heading. Every row begins with indent.
func table(w io.Writer, indent string, rows [][]string) error {
	_, err := io.WriteString(w, columns(indent, rows))
	return err
}

// columns is what table writes.
func columns(indent string, rows [][]string) string {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintf(tw, "%s%s\n", indent, strings.Join(row, "\t")) // a Builder takes everything
	}
	_ = tw.Flush()
	return b.String()
}

// printable keeps what a program wrote from driving the reader's terminal: colours are left out and
// other control characters are shown.
func printable(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		if rest, ok := cutColor(text); ok {
			text = rest
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		if unicode.IsControl(r) && r != '\t' {
			fmt.Fprintf(&b, `\x%02x`, r)
		} else {
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}

// cutColor cuts one SGR sequence (ESC [ digits and semicolons m) off.
func cutColor(text string) (rest string, ok bool) {
	body, ok := strings.CutPrefix(text, "\x1b[")
	if !ok {
		return text, false
	}
	end := strings.IndexFunc(body, func(r rune) bool { return r != ';' && (r < '0' || r > '9') })
	if end < 0 || body[end] != 'm' {
		return text, false
	}
	return body[end+1:], true
}
