package migrate

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Report writes the notes for a person: what did not carry over, and what to look at.
func (r *Result) Report(w io.Writer) error {
	var b bytes.Buffer
	word, names := "app", r.Apps()
	if r.Tool == Sentinel {
		word, names = "route", r.Routes()
	}
	fmt.Fprintf(&b, "%s from %s: %s.\n", counted(len(names), word), strings.Join(r.Files, ", "), strings.Join(names, ", "))
	notes := r.Notes()
	for i, n := range notes {
		if i == 0 || notes[i-1].Kept != n.Kept {
			title := "Did not carry over:"
			if n.Kept {
				title = "Carried over, but look at it:"
			}
			fmt.Fprintf(&b, "\n%s\n", title)
		}
		fmt.Fprintf(&b, "  %s\n", n.title())
		fmt.Fprintf(&b, "    why  %s\n    do   %s\n", n.Why, n.Do)
	}
	if len(notes) == 0 {
		b.WriteString("Everything carried over.\n")
	}
	_, err := w.Write(b.Bytes())
	return err
}

// title is the app, the place and what stood there.
func (n Note) title() string {
	title := n.Place
	if n.App != "" {
		title = n.App + ": " + title
	}
	if n.What != "" {
		title += ": " + n.What
	}
	return title
}

// comment writes a note into the head of a file.
func (n Note) comment(b *bytes.Buffer) {
	writeComment(b, "- ", n.title())
	writeComment(b, "  ", n.Why+".")
	writeComment(b, "  ", "-> "+n.Do)
}

// writeComment wraps a text into comment lines.
func writeComment(b *bytes.Buffer, indent, s string) {
	const width = 100
	for para := range strings.SplitSeq(s, "\n") {
		line := "# " + indent
		empty := true
		for _, word := range strings.Fields(shownLong(para)) {
			if !empty && len([]rune(line))+1+len([]rune(word)) > width {
				b.WriteString(strings.TrimRight(line, " ") + "\n")
				line, empty = "# "+strings.Repeat(" ", len(indent)), true
			}
			if !empty {
				line += " "
			}
			line += word
			empty = false
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// shownLong is shown for texts of our own, which are not cut.
func shownLong(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7F || c >= 0x80 && c < 0xA0 || c == 0x2028 || c == 0x2029 || c == 0xFEFF {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
}

func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
