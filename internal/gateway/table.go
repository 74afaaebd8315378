package gateway

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"holdfast/internal/config"
)

// route is a compiled config.Route. It is immutable.
type route struct {
	name       string
	app        string
	info       RouteInfo
	exact      bool   // path is matched exactly, not as a prefix
	path       string // canonical; a prefix has no final slash and may be empty
	hosts      []string
	methods    []string
	headers    []headerCondition
	conditions int
	priority   int
	strip      string
	serve      responder
	metrics    *routeMetrics
}

// headerCondition wants a header field with a value; "*" wants any value.
type headerCondition struct{ name, value string }

// table finds the route for a request among those of one listener. It is immutable; a request
// uses one table from beginning to end.
//
// The order of specificity is the order of the search: the exact path, then the prefixes from the
// longest to the shortest; for each the exact host, then the wildcard, then any host; there the
// routes by the number of their other conditions, their priority and their name. Each step is a
// lookup by name, so that the time depends on the depth of the configured prefixes and not on the
// number of routes.
type table struct {
	exact  map[string]*hosts
	prefix map[string]*hosts
	// depth is the number of segments of the deepest prefix.
	depth int
}

// hosts are the routes of one path by host.
type hosts struct {
	exact map[string][]*route // "shop.example.com"
	wild  map[string][]*route // ".example.com" for "*.example.com"
	any   []*route
}

func newTable(routes []*route) *table {
	t := &table{exact: map[string]*hosts{}, prefix: map[string]*hosts{}}
	for _, r := range routes {
		paths := t.prefix
		if r.exact {
			paths = t.exact
		} else {
			t.depth = max(t.depth, strings.Count(r.path, "/"))
		}
		h := paths[r.path]
		if h == nil {
			h = &hosts{exact: map[string][]*route{}, wild: map[string][]*route{}}
			paths[r.path] = h
		}
		h.add(r)
	}
	for _, paths := range []map[string]*hosts{t.exact, t.prefix} {
		for _, h := range paths {
			h.sort()
		}
	}
	return t
}

func (h *hosts) add(r *route) {
	if len(r.hosts) == 0 {
		h.any = append(h.any, r)
	}
	for _, host := range r.hosts {
		if suffix, ok := strings.CutPrefix(host, "*"); ok {
			h.wild[suffix] = append(h.wild[suffix], r)
		} else {
			h.exact[host] = append(h.exact[host], r)
		}
	}
}

func (h *hosts) sort() {
	for _, list := range h.exact {
		slices.SortFunc(list, bySpecificity)
	}
	for _, list := range h.wild {
		slices.SortFunc(list, bySpecificity)
	}
	slices.SortFunc(h.any, bySpecificity)
}

// bySpecificity orders routes of the same path and kind of host.
func bySpecificity(a, b *route) int {
	return cmp.Or(
		cmp.Compare(b.conditions, a.conditions),
		cmp.Compare(b.priority, a.priority),
		cmp.Compare(a.name, b.name),
	)
}

// conditionsOf compiles what a request must be like.
func (r *route) conditionsOf(m config.Match) error {
	path, exact := m.PathPrefix, false
	if m.Path != "" {
		path, exact = m.Path, true
	}
	if path != "" {
		c, err := canonicalPath(path)
		if err != nil {
			return fmt.Errorf("route %q: match: path %q: %w", r.name, path, err)
		}
		path = c.Path
	}
	if !exact {
		path = strings.TrimSuffix(path, "/")
	}
	r.path, r.exact = path, exact
	for _, host := range m.Host {
		name, wild := strings.CutPrefix(host, "*.")
		name, port, err := splitHost(name)
		if err != nil || port != 0 {
			return fmt.Errorf("route %q: match: host %q: write a host name without port, or *. and a host name", r.name, host)
		}
		if wild {
			name = "*." + name
		}
		r.hosts = append(r.hosts, name)
	}
	slices.Sort(r.hosts)
	r.hosts = slices.Compact(r.hosts)
	for _, method := range m.Method {
		r.methods = append(r.methods, strings.ToUpper(method))
	}
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		r.headers = append(r.headers, headerCondition{http.CanonicalHeaderKey(name), m.Header[name]})
	}
	r.conditions = len(r.headers) + min(1, len(r.methods))
	return nil
}
