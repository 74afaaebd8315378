package process

import (
	"bytes"
	"unicode/utf8"
)

// sanitize appends line to dst as text that is safe to print in a terminal and to keep in a file:
// valid UTF-8 in which control characters are spelled out (\x00, \x1b, \u202e). Colours are left
// out; a tab stays.
func sanitize(dst, line []byte) []byte {
	for len(line) > 0 {
		n := plain(line)
		dst = append(dst, line[:n]...)
		line = line[n:]
		if len(line) == 0 {
			break
		}
		if n := colour(line); n > 0 {
			line = line[n:]
			continue
		}
		r, size := utf8.DecodeRune(line)
		switch {
		case r == utf8.RuneError && size <= 1:
			dst = utf8.AppendRune(dst, utf8.RuneError)
			size = 1
		case r == '\r':
			dst = append(dst, `\r`...)
		case r < utf8.RuneSelf:
			dst = append(dst, '\\', 'x', hexDigit(r>>4), hexDigit(r))
		case unprintable(r):
			dst = append(dst, '\\', 'u', hexDigit(r>>12), hexDigit(r>>8), hexDigit(r>>4), hexDigit(r))
		default:
			dst = append(dst, line[:size]...)
		}
		line = line[size:]
	}
	return dst
}

// plain is how many bytes at the start of line are ASCII text or tabs.
func plain(line []byte) int {
	for i, c := range line {
		if c < ' ' && c != '\t' || c >= 0x7f {
			return i
		}
	}
	return len(line)
}

// colour is the length of the "select graphic rendition" sequence at the start of line, else 0.
func colour(line []byte) int {
	rest, ok := bytes.CutPrefix(line, []byte("\x1b["))
	if !ok {
		return 0
	}
	for i, c := range rest {
		switch {
		case c == 'm':
			return i + 3
		case (c < '0' || c > '9') && c != ';' && c != ':':
			return 0
		}
	}
	return 0
}

// unprintable holds for C1 controls, line separators and the marks that reorder text, with which a
// line could pretend to say something else.
func unprintable(r rune) bool {
	return r <= 0x9f || r == 0x2028 || r == 0x2029 || r == 0x200e || r == 0x200f ||
		r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

func hexDigit(r rune) byte { return "0123456789abcdef"[r&0xf] }
