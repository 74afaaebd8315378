package gateway

import (
	"strings"
	"unicode/utf8"
)

// servable reports whether a file may be served under that name, a canonical path without its
// first slash. The answer is the same on every system, so that what is tested on one holds on the
// others. Not served are
//
//   - hidden names, beginning with a dot, but for .well-known (RFC 8615);
//   - what Windows reads as another name than it says: trailing dots and spaces, alternate data
//     streams ("index.html::$DATA"), short names ("PROGRA~1"), devices ("NUL.txt"), wildcards;
//   - what is not UTF-8.
func servable(name string) bool {
	if !utf8.ValidString(name) {
		return false
	}
	for segment := range strings.SplitSeq(name, "/") {
		if !servableSegment(segment) {
			return false
		}
	}
	return true
}

func servableSegment(s string) bool {
	if s == "" || (s[0] == '.' && s != ".well-known") {
		return false
	}
	if last := s[len(s)-1]; last == '.' || last == ' ' {
		return false
	}
	if strings.ContainsAny(s, `<>:"|?*`) {
		return false
	}
	stem, _, _ := strings.Cut(s, ".")
	return !shortName(stem) && !deviceName(stem)
}

// shortName reports whether a stem has the form of an 8.3 name that Windows makes up: at most
// eight characters, ending in a tilde and digits.
func shortName(stem string) bool {
	tilde := strings.LastIndexByte(stem, '~')
	if tilde < 1 || len(stem) > 8 || tilde == len(stem)-1 {
		return false
	}
	return strings.Trim(stem[tilde+1:], "0123456789") == ""
}

// deviceName reports whether Windows takes a stem, in any case and with any extension, for a
// device (learn.microsoft.com/windows/win32/fileio/naming-a-file).
func deviceName(stem string) bool {
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$":
		return true
	}
	if rest, ok := strings.CutPrefix(stem, "COM"); ok {
		return deviceNumber(rest)
	}
	if rest, ok := strings.CutPrefix(stem, "LPT"); ok {
		return deviceNumber(rest)
	}
	return false
}

func deviceNumber(s string) bool {
	switch s {
	case "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³":
		return true
	default:
		return false
	}
}
