package process

import (
	"bytes"
	"encoding/binary"
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
		default: // unprintable; all of them are in the basic plane
			dst = append(dst, '\\', 'u', hexDigit(r>>12), hexDigit(r>>8), hexDigit(r>>4), hexDigit(r))
		}
		line = line[size:]
	}
	return dst
}

// plain is how many bytes at the start of line need no care.
func plain(line []byte) int {
	for i := 0; i < len(line); {
		if i+8 <= len(line) && ascii8(binary.LittleEndian.Uint64(line[i:])) {
			i += 8
			continue
		}
		c := line[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\t' || c == 0x7f {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(line[i:])
		if r == utf8.RuneError && size <= 1 || unprintable(r) {
			return i
		}
		i += size
	}
	return len(line)
}

// ascii8 holds when each of eight bytes is from 0x20 to 0x7e: none has its highest bit set, nor gets
// it by taking 0x20 away or adding 1.
func ascii8(x uint64) bool {
	return (x|(x-0x2020202020202020)|(x+0x0101010101010101))&0x8080808080808080 == 0
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
	if r > 0x9f && r < 0x200e {
		return false
	}
	return r <= 0x9f || r == 0x2028 || r == 0x2029 || r == 0x200e || r == 0x200f ||
		r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

func hexDigit(r rune) byte { return "0123456789abcdef"[r&0xf] }
