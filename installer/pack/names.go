package pack

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// maxName is the longest name of a file or folder: the File and Directory tables hold 255 characters
// for the short and the long name and the line between them.
const maxName = 255 - len("SHORTNAM.EXT|")

// maxPath is the longest path of an installed file, MAX_PATH without its final zero
// (learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation).
const maxPath = 259

// nameProblem tells why Windows, or a package, cannot hold a file or folder of this name, and what to
// do; "" when it can (learn.microsoft.com/windows/win32/fileio/naming-a-file).
func nameProblem(name string) (text, cure string) {
	const rename = "rename it"
	if !utf8.ValidString(name) {
		return "its name is not UTF-8 text", rename
	}
	for _, r := range name {
		switch {
		case unicode.IsControl(r):
			return fmt.Sprintf("its name holds the control character U+%04X", r), rename
		case strings.ContainsRune(`<>:"/\|?*`, r):
			return fmt.Sprintf("Windows has no names with %q", r), rename
		case r == unicode.ReplacementChar || r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE:
			return fmt.Sprintf("its name holds U+%04X, which is no character", r), rename
		}
	}
	switch {
	case name == "" || name == "." || name == "..":
		return "it has no name of its own", rename
	case strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "):
		return "Windows drops the dot or space at the end of its name", rename
	case strings.HasPrefix(name, " "):
		return "its name begins with a space, which Windows Installer drops", rename
	case device(name):
		return "Windows keeps this name for a device", rename
	case strings.Contains(name, "$("), strings.Contains(name, "!(loc."), strings.Contains(name, "!(bind."), strings.Contains(name, "!(wix."):
		return "its name looks like a variable of the package's sources", rename
	case width(name) > maxName:
		return fmt.Sprintf("its name has %d characters; a package holds at most %d", width(name), maxName), "shorten it"
	}
	return "", ""
}

// device tells the names of devices, with any extension and with spaces before it.
func device(name string) bool {
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	stem = strings.TrimRight(stem, " ")
	if slices.Contains([]string{"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"}, stem) {
		return true
	}
	kind, digit := "", ""
	if runes := []rune(stem); len(runes) == 4 {
		kind, digit = string(runes[:3]), string(runes[3])
	}
	return (kind == "COM" || kind == "LPT") && strings.Contains("0123456789¹²³", digit)
}

// width is a text's length as Windows counts it.
func width(s string) int { return len(utf16.Encode([]rune(s))) }

// spellings are the two foldings of a path: files that share one of them are the same file on
// Windows, or would get the same component.
func spellings(path string) [2]string {
	return [2]string{strings.ToLower(path), strings.ToUpper(path)}
}
