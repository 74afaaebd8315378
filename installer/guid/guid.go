// Package guid has the identifiers of Windows Installer: "{" upper-case UUID "}". All that a package
// holds are derived by name (RFC 9562, version 5), so that the same input always gives the same
// package.
package guid

import (
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // version 5 is defined by SHA-1; nothing is protected by it
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// GUID is an identifier as Windows Installer writes it: "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}".
// Make one with Parse, Derive or Random; "" is none.
type GUID string

// DNS and URL are the name spaces of RFC 9562, section 6.6, for identifiers that belong to no product.
const (
	DNS GUID = "{6BA7B810-9DAD-11D1-80B4-00C04FD430C8}"
	URL GUID = "{6BA7B811-9DAD-11D1-80B4-00C04FD430C8}"
)

// Parse reads a GUID with or without braces, in any case.
func Parse(s string) (GUID, error) {
	bare := s
	if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") && len(s) > 1 {
		bare = s[1 : len(s)-1]
	}
	groups := strings.Split(bare, "-")
	lengths := [...]int{8, 4, 4, 4, 12}
	ok := len(groups) == len(lengths)
	for i := 0; ok && i < len(lengths); i++ {
		_, err := hex.DecodeString(groups[i])
		ok = err == nil && len(groups[i]) == lengths[i]
	}
	if !ok {
		return "", fmt.Errorf("%q is not a GUID: it looks like {5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}", s)
	}
	return GUID("{" + strings.ToUpper(bare) + "}"), nil
}

// Derive is the version 5 UUID of name in the name space of g. The same two always give the same
// GUID. A g that is none gives the GUIDs of a name space of zeros.
func (g GUID) Derive(name string) GUID {
	h := sha1.New() //nolint:gosec // see the import
	space := g.bytes()
	h.Write(space[:])
	_, _ = io.WriteString(h, name)
	var b [16]byte
	copy(b[:], h.Sum(nil))
	return format(b, 5)
}

// Bare is the GUID without braces in lower case, as URNs and most formats other than the Installer's
// write it.
func (g GUID) Bare() string { return strings.ToLower(strings.Trim(string(g), "{}")) }

// Random is a fresh GUID (version 4).
func Random() GUID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return format(b, 4)
}

func (g GUID) bytes() (b [16]byte) {
	if n, err := hex.Decode(b[:], []byte(strings.ReplaceAll(g.Bare(), "-", ""))); err != nil || n != len(b) {
		return [16]byte{}
	}
	return b
}

// format sets the version and the variant (RFC 9562, section 5).
func format(b [16]byte, version byte) GUID {
	b[6] = b[6]&0x0f | version<<4
	b[8] = b[8]&0x3f | 0x80
	return GUID(fmt.Sprintf("{%X-%X-%X-%X-%X}", b[0:4], b[4:6], b[6:8], b[8:10], b[10:]))
}
