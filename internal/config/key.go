package config

import (
	"fmt"
	"strings"
)

// Key is a property of a request that requests are told apart by: client_ip, header:NAME, cookie:NAME or
// jwt_subject. The empty Key is the same for all.
type Key string

// The sources of a Key.
const (
	KeyClientIP   = "client_ip"
	KeyHeader     = "header"
	KeyCookie     = "cookie"
	KeyJWTSubject = "jwt_subject"
)

// UnmarshalText reads one of the forms.
func (k *Key) UnmarshalText(text []byte) error {
	source, name, named := strings.Cut(string(text), ":")
	switch {
	case !named && (source == KeyClientIP || source == KeyJWTSubject):
	case named && (source == KeyHeader || source == KeyCookie) && goodToken(name):
	default:
		return fmt.Errorf("%q is not a key of requests: write client_ip, jwt_subject, header:NAME or cookie:NAME", text)
	}
	*k = Key(text)
	return nil
}

// MarshalText is the inverse of UnmarshalText.
func (k Key) MarshalText() ([]byte, error) { return []byte(k), nil }

// Source is one of the constants, "" for the empty Key; name is that of the header or cookie.
func (k Key) Source() (source, name string) {
	source, name, _ = strings.Cut(string(k), ":")
	return source, name
}

// StatusClass is the class of "5xx", from 1 to 5.
func StatusClass(word string) (class int, ok bool) {
	if len(word) != 3 || word[0] < '1' || word[0] > '5' || !strings.EqualFold(word[1:], "xx") {
		return 0, false
	}
	return int(word[0] - '0'), true
}
