package gateway

import (
	"errors"
	"net/url"
	"strings"
)

// canonical is a request's path in the one form that everybody sees: the matcher and the file
// server read Path, an upstream is sent Escaped, which decodes to exactly Path.
//
// Path begins with a slash, has no "." and ".." segment, no empty segment but a last one, no
// backslash and no control character. In Escaped, unreserved characters (RFC 3986, 2.3) are never
// escaped, escapes have upper-case digits, and a reserved character is escaped or not as the
// client sent it, because that may carry a meaning of the upstream's own.
type canonical struct {
	Path    string
	Escaped string
}

// The reasons for which a path is refused with 400. All of them are ways to make two readers of
// one path disagree.
var (
	errPathForm      = errors.New("the path must begin with a slash")
	errPathEscape    = errors.New("the path has an invalid percent escape")
	errPathSlash     = errors.New("the path has an escaped slash or a backslash")
	errPathControl   = errors.New("the path has a control character")
	errPathFragment  = errors.New("the request target has a fragment")
	errPathParameter = errors.New("the path has a parameter at a dot segment or at no segment")
	errPathSpace     = errors.New("the path has a dot segment with spaces")
)

// canonicalURL is the canonical form of a server's request URL.
func canonicalURL(u *url.URL) (canonical, error) {
	if strings.IndexByte(u.RawQuery, '#') >= 0 {
		return canonical{}, errPathFragment // net/http takes it for a part of the query
	}
	raw := u.RawPath
	if raw == "" {
		if u.Path == "" && u.Host != "" {
			return canonical{"/", "/"}, nil // "http://host" means its root (RFC 9112, 3.2.1)
		}
		if plainPath(u.Path) {
			return canonical{u.Path, u.Path}, nil
		}
		raw = u.EscapedPath() // with RawPath empty it is what the client sent
	}
	return canonicalPath(raw)
}

// plainPath reports whether path is canonical and needs no escaping, which nearly all are.
func plainPath(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := range len(path) {
		c := path[i]
		switch {
		case unreserved(c) && c != '.':
		case c == '.' && i > 0 && path[i-1] != '/':
		case c == '/' && (i == 0 || path[i-1] != '/'):
		default:
			return false
		}
	}
	return true
}

// canonicalPath makes the canonical form of a path as it stands in a request or a configuration.
func canonicalPath(raw string) (canonical, error) {
	if raw == "" || raw[0] != '/' {
		return canonical{}, errPathForm
	}
	// Both forms grow side by side; a segment is judged when it is complete.
	path := make([]byte, 0, len(raw))
	escaped := make([]byte, 0, len(raw)+8)
	path, escaped = append(path, '/'), append(escaped, '/')
	segPath, segEscaped := 1, 1 // where the present segment begins
	endSegment := func() error {
		seg := path[segPath:]
		name, _, param := strings.Cut(string(seg), ";")
		dot, dotdot := name == ".", name == ".."
		if param && (dot || dotdot || name == "") {
			return errPathParameter // Java servers drop the parameter, and then climb or see no segment
		}
		if n := len(name); n > 0 && name[n-1] == ' ' {
			if bare := strings.TrimRight(name, " "); bare == "." || bare == ".." {
				return errPathSpace // Windows drops the spaces and then climbs
			}
		}
		if dotdot && segPath > 1 {
			// Path is "/a/b/" + "..": drop the segment before, too.
			segPath = strings.LastIndexByte(string(path[:segPath-1]), '/') + 1
			segEscaped = strings.LastIndexByte(string(escaped[:segEscaped-1]), '/') + 1
		}
		if dot || dotdot {
			path, escaped = path[:segPath], escaped[:segEscaped]
		}
		return nil
	}
	for i := 1; i < len(raw); i++ {
		c := raw[i]
		sent := c // how the client wrote it: itself or '%'
		if c == '%' {
			if i+2 >= len(raw) || !isHex(raw[i+1]) || !isHex(raw[i+2]) {
				return canonical{}, errPathEscape
			}
			c = unhex(raw[i+1])<<4 | unhex(raw[i+2])
			i += 2
		}
		switch {
		case c == '\\' || (c == '/' && sent == '%'):
			return canonical{}, errPathSlash
		case c < 0x20 || c == 0x7f:
			return canonical{}, errPathControl
		case c == '#' && sent == '#':
			return canonical{}, errPathFragment
		case c == '/':
			if len(path) > segPath {
				if err := endSegment(); err != nil {
					return canonical{}, err
				}
			}
			if path[len(path)-1] != '/' {
				path, escaped = append(path, '/'), append(escaped, '/')
			}
			segPath, segEscaped = len(path), len(escaped)
		case unreserved(c) || (sent != '%' && pathReserved(c)):
			path, escaped = append(path, c), append(escaped, c)
		default:
			path = append(path, c)
			escaped = append(escaped, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	if err := endSegment(); err != nil {
		return canonical{}, err
	}
	return canonical{string(path), string(escaped)}, nil
}

// strip cuts prefix, a canonical path without a final slash, from the path. A path that is not
// below prefix stays as it is.
func (c canonical) strip(prefix string) canonical {
	if prefix == "" || !below(c.Path, prefix) {
		return c
	}
	i := 0
	for range len(prefix) { // one decoded byte at a time
		if c.Escaped[i] == '%' {
			i += 3
		} else {
			i++
		}
	}
	rest := canonical{c.Path[len(prefix):], c.Escaped[i:]}
	if rest.Path == "" {
		return canonical{"/", "/"}
	}
	return rest
}

// below reports whether path is prefix or lies below it, in whole segments. The empty prefix is
// above everything.
func below(path, prefix string) bool {
	return strings.HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/')
}

const upperHex = "0123456789ABCDEF"

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

// pathReserved are the characters beside the unreserved ones that a segment may hold as they are
// (RFC 3986, pchar).
func pathReserved(c byte) bool { return strings.IndexByte("!$&'()*+,;=:@", c) >= 0 }

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}
