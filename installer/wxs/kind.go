package wxs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/installer/guid"
)

// The kinds of values:
//
//	text, text?   any text; "?": also an empty one
//	yesno         yes, no, true, false
//	id, id..N     an identifier of at most 72 or N characters
//	public        an identifier without lower-case letters: the name of a public property
//	guid          {XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}
//	version       a version of Windows Installer: 255.255.65535 at most
//	file          the name of a file or folder
//	shortfile     such a name in the form 8.3
//	pattern       the name of a file with * and ?
//	N..M          a whole number
//	=A|B          one of these
//
// checkKind tells what is wrong with a value, "" when nothing is, and what to do about it.
func checkKind(kind, value string) (text, cure string) {
	if value == "" && kind != "text?" {
		return "the value is empty", "remove the attribute or write a value"
	}
	if allowed, ok := strings.CutPrefix(kind, "="); ok {
		all := strings.Split(allowed, "|")
		if slices.Contains(all, value) {
			return "", ""
		}
		return "not a known value here", Suggest(value, all)
	}
	switch kind {
	case "text", "text?":
		return "", ""
	case "yesno":
		return one(slices.Contains([]string{"yes", "no", "true", "false"}, value), "neither yes nor no", "write yes or no")
	case "id":
		return checkID(value, 72)
	case "public":
		text, cure = checkID(value, 72)
		if text == "" && value != strings.ToUpper(value) {
			return "not a public property", "write it without lower-case letters: " + strings.ToUpper(value)
		}
		return text, cure
	case "guid":
		_, err := guid.Parse(value)
		return one(err == nil, "not a GUID", "it looks like {5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}; a generated one (*) is not supported")
	case "version":
		return one(isVersion(value), "not a version", "write major.minor.build, at most 255.255.65535")
	case "file":
		return one(isFileName(value, `\/?*|><:"`, 259), "not the name of a file or folder", `one name without \ / ? * | > < : "`)
	case "shortfile":
		return one(IsShortName(value), "not a short name", "at most 8 characters, a dot and 3 more, without spaces")
	case "pattern":
		return one(isFileName(value, `\/|><:"`, 259), "not the name of a file", `one name, * and ? allowed, without \ / | > < : "`)
	}
	if length, ok := strings.CutPrefix(kind, "id.."); ok {
		return checkID(value, number(length))
	}
	low, high, _ := strings.Cut(kind, "..")
	n, err := strconv.ParseInt(value, 10, 32)
	return one(err == nil && value[0] != '+' && int(n) >= number(low) && int(n) <= number(high), "not a number from "+low+" to "+high, "")
}

func one(good bool, text, cure string) (string, string) {
	if good {
		return "", ""
	}
	return text, cure
}

func checkID(value string, most int) (text, cure string) {
	switch {
	case !isName(value):
		return "not an identifier", "letters, digits, _ and ., beginning with a letter or _"
	case len(value) > most:
		return fmt.Sprintf("%d characters", len(value)), fmt.Sprintf("at most %d fit", most)
	}
	return "", ""
}

// isVersion: Windows Installer compares the first three numbers only
// (learn.microsoft.com/windows/win32/msi/productversion), so a fourth would be a false promise.
func isVersion(value string) bool {
	parts := strings.Split(value, ".")
	most := [...]uint64{255, 255, 65535}
	if len(parts) != len(most) {
		return false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil || n > most[i] || len(part) > 1 && part[0] == '0' {
			return false
		}
	}
	return true
}

func isFileName(value, illegal string, most int) bool {
	return len([]rune(value)) <= most && !strings.ContainsAny(value, illegal) && strings.Trim(value, ".") != ""
}

// IsShortName tells whether a name has the form 8.3, so that Windows needs no other beside it.
func IsShortName(name string) bool {
	base, extension, _ := strings.Cut(name, ".")
	return base != "" && len([]rune(base)) <= 8 && len([]rune(extension)) <= 3 && !strings.ContainsAny(base+extension, `\?|><:/*"+,;=[]. `)
}
