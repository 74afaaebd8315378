package gateway

import (
	"net/http"
	"slices"
	"strings"
)

// criteria are what routes are matched against.
type criteria struct {
	host   string // normalised
	path   string // canonical
	method string
	header http.Header
}

// match is the most specific route for a request, nil when there is none.
func (t *table) match(c criteria) *route {
	if len(t.exact) > 0 {
		if r := t.exact[c.host].match(&c); r != nil {
			return r
		}
	}
	if len(t.wild) > 0 {
		if i := strings.IndexByte(c.host, '.'); i > 0 {
			if r := t.wild[c.host[i:]].match(&c); r != nil {
				return r
			}
		}
	}
	return t.any.match(&c)
}

// match is the most specific route of one host; p is nil for a host without routes.
func (p *paths) match(c *criteria) *route {
	if p == nil {
		return nil
	}
	if r := first(p.exact[c.path], c); r != nil {
		return r
	}
	for end := segments(c.path, p.depth); ; {
		if r := first(p.prefix[c.path[:end]], c); r != nil {
			return r
		}
		if end == 0 {
			return nil
		}
		end = strings.LastIndexByte(c.path[:end], '/')
	}
}

// segments is the length of the first n segments of path.
func segments(path string, n int) int {
	for i := range len(path) {
		if path[i] != '/' {
			continue
		}
		if n == 0 {
			return i
		}
		n--
	}
	return len(path)
}

// first is the first of list whose other conditions hold.
func first(list []*route, c *criteria) *route {
	for _, r := range list {
		if r.holds(c) {
			return r
		}
	}
	return nil
}

func (r *route) holds(c *criteria) bool {
	if len(r.methods) > 0 && !slices.Contains(r.methods, c.method) {
		return false
	}
	for _, want := range r.headers {
		if !want.holds(c) {
			return false
		}
	}
	return true
}

func (w headerCondition) holds(c *criteria) bool {
	if w.name == "Host" { // net/http keeps it out of the header
		return c.host != "" && (w.value == "*" || strings.EqualFold(w.value, c.host))
	}
	values := c.header[w.name]
	if w.value == "*" {
		return len(values) > 0
	}
	return slices.Contains(values, w.value)
}
