package config

import (
	"strconv"
	"strings"
)

// separator stands between the parts of a path. It is a control character, which no key can
// contain, because keys of headers and environment variables may contain every printable one.
const separator = "\x1f"

// path is a key with all its sections: "apps", "shop", "port".
type path string

func (p path) key(name string) path {
	if p == "" {
		return path(name)
	}
	return p + separator + path(name)
}

func (p path) index(i int) path { return p.key(strconv.Itoa(i)) }

func (p path) parts() []string {
	if p == "" {
		return nil
	}
	return strings.Split(string(p), separator)
}

func (p path) parent() path {
	i := strings.LastIndex(string(p), separator)
	if i < 0 {
		return ""
	}
	return p[:i]
}

// String is the form that explain and --set use: apps.shop.port.
func (p path) String() string { return strings.ReplaceAll(string(p), separator, ".") }

// pointer is the JSON pointer: /apps/shop/port (RFC 6901).
func (p path) pointer() string {
	var b strings.Builder
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	for _, part := range p.parts() {
		b.WriteString("/" + escape.Replace(part))
	}
	return b.String()
}

// has reports whether a tree has a value at p.
func has(tree map[string]any, p path) bool {
	_, ok := lookup(tree, p)
	return ok
}

// lookup finds the value at p in a tree.
func lookup(tree map[string]any, p path) (any, bool) {
	var at any = tree
	for rest, more := string(p), p != ""; more; {
		var part string
		part, rest, more = strings.Cut(rest, separator)
		switch in := at.(type) {
		case map[string]any:
			next, ok := in[part]
			if !ok {
				return nil, false
			}
			at = next
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(in) {
				return nil, false
			}
			at = in[i]
		default:
			return nil, false
		}
	}
	return at, true
}
