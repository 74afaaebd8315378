package gateway

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"maps"
	"math/bits"
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
	decorators []decorator // of its answers' headers
	own        []string    // fields of requests that it writes or removes, which no trailer may have
	maxBody    config.Size // 0 = no bound
	pages      errorPages
	fallback   *fallback // nil: none
	breakers   *breakers // nil: none
	metrics    *routeMetrics
	// asksCertificate tells that clients are asked for theirs.
	asksCertificate bool
	balancer        *balancing // nil: it asks nobody
}

// headerCondition wants a header field with a value; "*" wants any value.
type headerCondition struct{ name, value string }

// table finds the route for a request among those of one listener. It is immutable; a request
// uses one table from beginning to end.
//
// The order of specificity is the order of the search: the routes of the exact host, then of the
// wildcard, then those for any host; among them the exact path, then the prefixes from the longest to
// the shortest; there the routes by the number of their other conditions, their priority and their
// name.
//
// It is a tree whose edges are labels: the host, then the segments of the path. All edges lie in one
// hash table, so that a step costs the same in a small and in a large one, each label is hashed once,
// and the walk ends with the first segment that no route has.
type table struct {
	seed  maphash.Seed
	nodes []node
	edges []edge // open addressing; the length is a power of two, and at least half are empty
	// hosts and wilds tell that there are routes with exact hosts and with wildcards.
	hosts, wilds bool
}

// node is a place in the tree.
type node struct {
	label  string
	parent uint32
	up     uint32 // the nearest node with a prefix, from here upwards; nowhere when there is none
	exact  spot   // the routes of exactly this path
	prefix spot   // the routes of what is here and below
}

// spot has the routes of one host and path: those with further conditions are more specific than the
// one without, of which the first hides all others.
type spot struct {
	some  *choice
	plain *route
}

// edge leads to a node; hash is a part of its label's and parent's.
type edge struct{ hash, to uint32 }

// Every table has these nodes.
const (
	nowhere   uint32 = iota // no node; the empty edge leads here
	anyHost                 // the paths of the routes without a host
	exactHost               // children are hosts: "shop.example.com"
	wildHost                // children are what follows the star: ".example.com" of "*.example.com"
)

// builder makes a table.
type builder struct {
	table
	lists map[place][]*route // of routes with conditions beside host and path
}

type place struct {
	node  uint32
	exact bool
}

func newTable(routes []*route) *table {
	b := &builder{lists: map[place][]*route{}}
	b.seed = maphash.MakeSeed()
	b.nodes = make([]node, wildHost+1, 3*len(routes)+int(wildHost)+1)
	b.edges = make([]edge, 2<<bits.Len(uint(2*len(routes))))
	routes = slices.Clone(routes)
	slices.SortFunc(routes, bySpecificity) // and so is every list
	for _, r := range routes {
		if len(r.hosts) == 0 {
			b.add(anyHost, r)
		}
		for _, host := range r.hosts {
			if suffix, wild := strings.CutPrefix(host, "*"); wild {
				b.wilds = true
				b.add(b.step(wildHost, suffix), r)
			} else {
				b.hosts = true
				b.add(b.step(exactHost, host), r)
			}
		}
	}
	for at, list := range b.lists {
		if at.exact {
			b.nodes[at.node].exact.some = newChoice(list)
		} else {
			b.nodes[at.node].prefix.some = newChoice(list)
		}
	}
	for i := range b.nodes { // a parent stands before its children
		if n := &b.nodes[i]; n.prefix != (spot{}) {
			n.up = uint32(i)
		} else {
			n.up = b.nodes[n.parent].up
		}
	}
	return &b.table
}

// add puts a route below the node of its host.
func (b *builder) add(at uint32, r *route) {
	rest := r.path
	for rest != "" {
		rest = rest[1:]
		end := segment(rest)
		at = b.step(at, rest[:end])
		rest = rest[end:]
	}
	if r.conditions > 0 {
		b.lists[place{at, r.exact}] = append(b.lists[place{at, r.exact}], r)
		return
	}
	s := &b.nodes[at].prefix
	if r.exact {
		s = &b.nodes[at].exact
	}
	if s.plain == nil {
		s.plain = r
	}
}

// step is the child of a node by its label; it is made when there is none.
func (b *builder) step(parent uint32, label string) uint32 {
	if to := b.child(parent, label); to != nowhere {
		return to
	}
	to := uint32(len(b.nodes)) //nolint:gosec // a configuration has at most some millions of them
	b.nodes = append(b.nodes, node{label: label, parent: parent})
	if 2*len(b.nodes) > len(b.edges) {
		b.edges = make([]edge, 2*len(b.edges))
		for i := wildHost + 1; i < to; i++ {
			b.link(i)
		}
	}
	b.link(to)
	return to
}

// link puts the edge that leads to a node into the hash table.
func (b *builder) link(to uint32) {
	h := b.hash(b.nodes[to].parent, b.nodes[to].label)
	i := b.slot(h)
	for b.edges[i].to != nowhere {
		i = (i + 1) & (len(b.edges) - 1)
	}
	b.edges[i] = edge{uint32(h), to} //nolint:gosec // a part is wanted
}

// hash is that of an edge. Its lower half is kept, its upper half is where it begins to be looked for.
func (t *table) hash(parent uint32, label string) uint64 {
	const odd = 0x9E3779B97F4A7C15 // spreads the parents over all bits
	return maphash.String(t.seed, label) + uint64(parent)*odd
}

func (t *table) slot(hash uint64) int { return int(hash>>32) & (len(t.edges) - 1) }

// child is the node that label leads to, or nowhere.
func (t *table) child(parent uint32, label string) uint32 {
	h := t.hash(parent, label)
	for i := t.slot(h); ; i = (i + 1) & (len(t.edges) - 1) {
		e := t.edges[i]
		if e.to == nowhere {
			return nowhere
		}
		if e.hash == uint32(h) { //nolint:gosec // a part is wanted
			if n := &t.nodes[e.to]; n.parent == parent && n.label == label {
				return e.to
			}
		}
	}
}

// segment is the length of the first segment of a path without its leading slash.
func segment(path string) int {
	if end := strings.IndexByte(path, '/'); end >= 0 {
		return end
	}
	return len(path)
}

// bySpecificity orders routes of the same host and path.
func bySpecificity(a, b *route) int {
	order, _ := specificity(a, b)
	return order
}

// aspect is what decides between two routes that both match.
type aspect int

const (
	byHost aspect = iota
	byPath
	byConditions
	byPriority
	byName
)

// specificity is bySpecificity with what decides.
func specificity(a, b *route) (order int, by aspect) {
	if order = cmp.Compare(b.conditions, a.conditions); order != 0 {
		return order, byConditions
	}
	if order = cmp.Compare(b.priority, a.priority); order != 0 {
		return order, byPriority
	}
	return cmp.Compare(a.name, b.name), byName
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
	if len(m.Host) > 0 {
		r.hosts = make([]string, 0, len(m.Host))
	}
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
	var names []string
	if len(m.Header) > 0 {
		names = slices.Sorted(maps.Keys(m.Header))
	}
	for _, name := range names {
		w := headerCondition{http.CanonicalHeaderKey(name), m.Header[name]}
		if w.name == hostField {
			w.value = strings.ToLower(w.value) // as the host of a request is
		}
		r.headers = append(r.headers, w)
	}
	r.conditions = len(r.headers) + min(1, len(r.methods))
	return nil
}
