package config

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// Render writes the problems for a person, each with the lines it is in; color adds ANSI colours.
func (p Problems) Render(w io.Writer, color bool) error {
	var b strings.Builder
	for i, problem := range p {
		if i > 0 {
			b.WriteByte('\n')
		}
		problem.render(&b, paint(color))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// paint wraps text in a colour, or does not.
type paint bool

const (
	red    = "31"
	yellow = "33"
	blue   = "34"
	bold   = "1"
)

func (p paint) in(colour, text string) string {
	if !p {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// tame takes what drives a terminal out of a text of the file, rune for rune, so that columns stay.
func tame(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' {
			return '\uFFFD'
		}
		return r
	}, text)
}

func (p Problem) render(b *strings.Builder, paint paint) {
	p.Message, p.Hint = tame(p.Message), tame(p.Hint)
	colour := red
	if p.Severity == Warning {
		colour = yellow
	}
	fmt.Fprintf(b, "%s%s\n", paint.in(colour, fmt.Sprintf("%s[%s]", p.Severity, p.Code)), paint.in(bold, ": "+p.Message))
	if place := tame(p.Place()); place != "" {
		fmt.Fprintf(b, "  %s %s\n", paint.in(blue, "-->"), place)
	}
	if p.Snippet == nil {
		if p.Hint != "" {
			fmt.Fprintf(b, "  %s\n", p.Hint)
		}
		return
	}
	s := p.Snippet
	gutter := len(strconv.Itoa(s.FirstLine + len(s.Lines) - 1))
	for i, line := range s.Lines {
		line = strings.TrimSuffix(line, "\r")
		fmt.Fprintf(b, "%s %s\n", paint.in(blue, fmt.Sprintf("%*d |", gutter, s.FirstLine+i)), strings.TrimRight(tame(line), " \t"))
	}
	pad, width := underline([]rune(s.Lines[len(s.Lines)-1]), p.Column-1-s.Offset, s.Width)
	mark := paint.in(colour, strings.Repeat("^", width))
	if p.Hint != "" {
		mark += " " + paint.in(colour, p.Hint)
	}
	fmt.Fprintf(b, "%s %s%s\n", paint.in(blue, strings.Repeat(" ", gutter)+" |"), pad, mark)
}

// underline is what stands before the carets, and how many there are, in columns of a terminal: it
// keeps tabs and counts wide characters twice.
func underline(text []rune, column, width int) (pad string, carets int) {
	var b strings.Builder
	for i := range min(column, len(text)) {
		switch {
		case text[i] == '\t':
			b.WriteByte('\t')
		case wide(text[i]):
			b.WriteString("  ")
		default:
			b.WriteByte(' ')
		}
	}
	for i := column; i < column+width; i++ {
		carets++
		if i < len(text) && wide(text[i]) {
			carets++
		}
	}
	return b.String(), carets
}

// wide reports whether a terminal shows r in two columns (Unicode Standard Annex #11, the ranges
// that people write).
func wide(r rune) bool {
	return r >= 0x1100 && (r <= 0x115F || r >= 0x2E80 && r <= 0xA4CF || r >= 0xAC00 && r <= 0xD7A3 || r >= 0xF900 && r <= 0xFAFF ||
		r >= 0xFE30 && r <= 0xFE6F || r >= 0xFF00 && r <= 0xFF60 || r >= 0xFFE0 && r <= 0xFFE6 || r >= 0x1F300 && r <= 0x1FAFF || r >= 0x20000 && r <= 0x3FFFD)
}
