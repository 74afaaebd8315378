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

const (
	// hostField is not in the header: net/http keeps it apart.
	hostField = "Host"
	// anyValue is what a route wants that only wants the field to be there.
	anyValue = "*"
	// maxListed is up to how many values of one field are gone through; of more a set is made, so that
	// a request cannot make much work of a field that it repeats thousands of times.
	maxListed = 8
)

// query is one search for a route.
type query struct {
	criteria
	hosts [1]string                      // the values of Host
	sets  map[string]map[string]struct{} // of fields with more than maxListed values
}

func newQuery(c criteria) query { return query{criteria: c, hosts: [1]string{c.host}} }

// match is the most specific route for a request, nil when there is none.
func (t *table) match(c criteria) *route {
	q := newQuery(c)
	if t.hosts {
		if r := t.below(t.child(exactHost, c.host), &q); r != nil {
			return r
		}
	}
	if t.wilds {
		if i := strings.IndexByte(c.host, '.'); i > 0 {
			if r := t.below(t.child(wildHost, c.host[i:]), &q); r != nil {
				return r
			}
		}
	}
	return t.below(anyHost, &q)
}

// below is the most specific route of the host at a node.
func (t *table) below(at uint32, q *query) *route {
	if at == nowhere {
		return nil
	}
	rest := q.path
	for rest != "" {
		rest = rest[1:]
		end := segment(rest)
		child := t.child(at, rest[:end])
		if child == nowhere {
			break
		}
		at, rest = child, rest[end:]
		if rest == "" {
			if r := t.nodes[at].exact.first(q); r != nil {
				return r
			}
		}
	}
	for at = t.nodes[at].up; at != nowhere; at = t.nodes[t.nodes[at].parent].up {
		if r := t.nodes[at].prefix.first(q); r != nil {
			return r
		}
	}
	return nil
}

// first is the most specific route that holds, nil when there is none.
func (s *spot) first(q *query) *route {
	if s.some != nil {
		if r := s.some.first(q, nil); r != nil {
			return r
		}
	}
	return s.plain
}

func allHold(conditions []headerCondition, q *query) bool {
	for _, want := range conditions {
		if !want.holds(q) {
			return false
		}
	}
	return true
}

// takes reports whether a request may have this method.
func (r *route) takes(method string) bool {
	return len(r.methods) == 0 || slices.Contains(r.methods, method)
}

func (w headerCondition) holds(q *query) bool {
	values, set := q.values(w.name)
	switch {
	case w.value == anyValue:
		return len(values) > 0
	case set != nil:
		_, ok := set[w.value]
		return ok
	default:
		return slices.Contains(values, w.value)
	}
}

// values are those of a header field; of more than maxListed there is also the set.
func (q *query) values(name string) (values []string, set map[string]struct{}) {
	if name == hostField {
		if q.host == "" {
			return nil, nil
		}
		return q.hosts[:], nil
	}
	values = q.header[name]
	if len(values) <= maxListed {
		return values, nil
	}
	if set = q.sets[name]; set == nil {
		set = make(map[string]struct{}, len(values))
		for _, v := range values {
			set[v] = struct{}{}
		}
		if q.sets == nil {
			q.sets = map[string]map[string]struct{}{}
		}
		q.sets[name] = set
	}
	return values, set
}
