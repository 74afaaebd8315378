package gateway

import "strings"

// hashedName reports whether a file's name holds a hash of its content, as the bundlers of web
// applications make it, so that it may be cached for ever: a changed file has another name. A
// wrong yes would be seen for a year and a wrong no costs one short request, so it says yes only
// to these forms, where EXT is one extension (".map" may follow it) and a word min, chunk, bundle
// or module may stand before it:
//
//	app.3f9a2b1c.js   app-64ad27b21261a9ce.js   a dot or hyphen and 8 to 64 lower-case hex digits
//	index-BX3k9a_1.css   start.Cx8Qk2Zf.js      and 8 characters of base64url (Rollup, Vite)
//	main-KJ3HQ2ZX.js                            and 8 characters of upper-case base32 (esbuild)
//	3f9a2b1c4d5e6f708192.woff2                  nothing but 16 to 64 hex digits (webpack)
//
// A hash mixes its characters: there are letters and digits, and a digit before a letter; in
// base64url also both cases, and at least three changes between upper case, lower case, digits
// and signs. That leaves out dates, versions and words ("20240101", "3.7.1", "Version2"). The end
// of a UUID is no hash of content either. Nor is anything in the name of an HTML file: it is what
// people have an address of, and an identifier there looks like a hash.
func hashedName(base string) bool {
	base = strings.TrimSuffix(base, ".map")
	dot := strings.LastIndexByte(base, '.')
	if dot < 1 || dot == len(base)-1 {
		return false
	}
	switch base[dot+1:] {
	case "html", "htm", "xhtml":
		return false
	}
	stem := base[:dot]
	for _, word := range []string{".min", ".chunk", ".bundle", ".module"} {
		stem = strings.TrimSuffix(stem, word)
	}
	if hexHash(stem) && len(stem) >= 16 {
		return true
	}
	// The hash may itself hold a hyphen, when it is base64url.
	if cut := len(stem) - 9; cut > 0 && (stem[cut] == '-' || stem[cut] == '.') &&
		(base64Hash(stem[cut+1:]) || base32Hash(stem[cut+1:])) {
		return true
	}
	cut := strings.LastIndexAny(stem, ".-")
	return cut > 0 && hexHash(stem[cut+1:]) && !endsInUUID(stem)
}

func hexHash(s string) bool {
	if len(s) < 8 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isHex(c) || 'A' <= c && c <= 'F' {
			return false
		}
	}
	return mixed(s)
}

func base32Hash(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '2' || c > '7') {
			return false
		}
	}
	return mixed(s) && changes(s) >= 2
}

func base64Hash(s string) bool {
	for i := range len(s) {
		if class(s[i]) == 0 {
			return false
		}
	}
	upper := strings.ContainsAny(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	lower := strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz")
	return upper && lower && mixed(s) && changes(s) >= 3
}

// mixed reports whether s has a digit directly before a letter.
func mixed(s string) bool {
	for i := 1; i < len(s); i++ {
		if class(s[i-1]) == '0' && (class(s[i]) == 'a' || class(s[i]) == 'A') {
			return true
		}
	}
	return false
}

// changes counts how often the kind of character changes.
func changes(s string) int {
	n := 0
	for i := 1; i < len(s); i++ {
		if class(s[i]) != class(s[i-1]) {
			n++
		}
	}
	return n
}

func class(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return '0'
	case 'a' <= c && c <= 'z':
		return 'a'
	case 'A' <= c && c <= 'Z':
		return 'A'
	case c == '-' || c == '_':
		return '-'
	default:
		return 0
	}
}

// endsInUUID reports whether s ends in 8-4-4-4-12 hex digits.
func endsInUUID(s string) bool {
	if len(s) < 36 {
		return false
	}
	s = s[len(s)-36:]
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
		} else if !isHex(s[i]) {
			return false
		}
	}
	return true
}
