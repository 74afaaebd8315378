package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// visible shows control characters as their numbers: what stands in somebody else's package, folder or
// file name must not tell the terminal what to do, nor show a text in another order than it has.
type visible struct{ w io.Writer }

// Write takes whole texts: a character must not be in two of them.
func (v visible) Write(text []byte) (int, error) {
	var b strings.Builder
	for rest := text; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, rest[0])
		case r == '\r' && len(rest) > 1 && rest[1] == '\n', r == '\n', r == '\t':
			b.WriteRune(r)
		case r < ' ' || r >= 0x7f && r < 0xa0:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r >= 0x200e && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // directions, and ends of lines
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.Write(rest[:n])
		}
		rest = rest[n:]
	}
	if _, err := io.WriteString(v.w, b.String()); err != nil {
		return 0, err
	}
	return len(text), nil
}
