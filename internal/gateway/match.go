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
	if h := t.exact[c.path]; h != nil {
		if r := h.match(&c); r != nil {
			return r
		}
	}
	end := segments(c.path, t.depth)
	for {
		if h := t.prefix[c.path[:end]]; h != nil {
			if r := h.match(&c); r != nil {
				return r
			}
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

func (h *hosts) match(c *criteria) *route {
	if len(h.exact) > 0 {
		if r := first(h.exact[c.host], c); r != nil {
			return r
		}
	}
	if len(h.wild) > 0 {
		if i := strings.IndexByte(c.host, '.'); i > 0 {
			if r := first(h.wild[c.host[i:]], c); r != nil {
				return r
			}
		}
	}
	return first(h.any, c)
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
