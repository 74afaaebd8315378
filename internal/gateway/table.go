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
// The order of specificity is the order of the search: the routes of the exact host, then of the
// wildcard, then those for any host; among them the exact path, then the prefixes from the longest to
// the shortest; there the routes by the number of their other conditions, their priority and their
// name. Each step is a lookup by name, so that the time depends on the depth of the configured
// prefixes and not on the number of routes.
type table struct {
	exact map[string]*paths // "shop.example.com"
	wild  map[string]*paths // ".example.com" for "*.example.com"
	any   *paths
}

// paths are the routes of one host by path.
type paths struct {
	exact  map[string][]*route
	prefix map[string][]*route
	// depth is the number of segments of the deepest prefix.
	depth int
}

func newTable(routes []*route) *table {
	t := &table{exact: map[string]*paths{}, wild: map[string]*paths{}, any: newPaths()}
	for _, r := range routes {
		if len(r.hosts) == 0 {
			t.any.add(r)
		}
		for _, host := range r.hosts {
			hosts := t.exact
			if suffix, ok := strings.CutPrefix(host, "*"); ok {
				hosts, host = t.wild, suffix
			}
			if hosts[host] == nil {
				hosts[host] = newPaths()
			}
			hosts[host].add(r)
		}
	}
	t.any.sort()
	for _, hosts := range []map[string]*paths{t.exact, t.wild} {
		for _, p := range hosts {
			p.sort()
		}
	}
	return t
}

func newPaths() *paths {
	return &paths{exact: map[string][]*route{}, prefix: map[string][]*route{}}
}

func (p *paths) add(r *route) {
	if r.exact {
		p.exact[r.path] = append(p.exact[r.path], r)
		return
	}
	p.prefix[r.path] = append(p.prefix[r.path], r)
	p.depth = max(p.depth, strings.Count(r.path, "/"))
}

func (p *paths) sort() {
	for _, lists := range []map[string][]*route{p.exact, p.prefix} {
		for _, list := range lists {
			slices.SortFunc(list, bySpecificity)
		}
	}
}

// bySpecificity orders routes of the same host and path.
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
