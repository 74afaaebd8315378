package wire

// What may stand where, as bits of classes (RFC 9110, 5.5 and 5.6.2; RFC 3986 for targets, in which
// whatever is neither a control nor a space is left to the target).
const (
	inToken uint8 = 1 << iota
	inValue
	inTarget
)

// classes is never written to.
//
//nolint:gochecknoglobals // a table
var classes = func() (table [256]uint8) {
	for c := range table {
		switch {
		case c == '\t':
			table[c] = inValue
		case c < ' ' || c == 0x7f:
		case c == ' ':
			table[c] = inValue
		default:
			table[c] = inValue | inTarget
		}
	}
	for c := '0'; c <= '9'; c++ {
		table[c] |= inToken
	}
	for c := 'a'; c <= 'z'; c++ {
		table[c] |= inToken
		table[c-'a'+'A'] |= inToken
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		table[c] |= inToken
	}
	return table
}()

func allIn(s string, class uint8) bool {
	for i := range len(s) {
		if classes[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

func isToken(s string) bool { return s != "" && allIn(s, inToken) }
