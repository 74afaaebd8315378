package gateway

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"holdfast/internal/status"
)

// maxLost bounds the routes of which it is told why they lost.
const maxLost = 10

// fit is how well a route's host and path fit a request.
type fit struct {
	route *route
	host  hostFit
	path  int  // length of the prefix, exactPath, or noPath
	here  bool // it answers on the listener
}

type hostFit int

// From the worst to the best.
const (
	otherHost hostFit = iota
	everyHost
	wildcardHost
	sameHost
)

const (
	noPath    = -1
	exactPath = math.MaxInt
)

func fitOf(r *route, listener string, q *query) fit {
	return fit{route: r, host: r.fitsHost(q.host), path: r.fitsPath(q.path), here: slices.Contains(r.info.Listeners, listener)}
}

func (r *route) fitsHost(host string) hostFit {
	if len(r.hosts) == 0 {
		return everyHost
	}
	best := otherHost
	for _, h := range r.hosts {
		suffix, wild := strings.CutPrefix(h, "*")
		switch i := strings.IndexByte(host, '.'); {
		case !wild && h == host:
			return sameHost
		case wild && i > 0 && host[i:] == suffix:
			best = wildcardHost
		}
	}
	return best
}

func (r *route) fitsPath(path string) int {
	switch {
	case r.exact && r.path == path:
		return exactPath
	case !r.exact && below(path, r.path):
		return len(r.path)
	default:
		return noPath
	}
}

// compare orders routes by how specific they are for a request, the most specific first, and says what
// decides.
func (f fit) compare(other fit) (order int, by aspect) {
	if order = cmp.Compare(other.host, f.host); order != 0 {
		return order, byHost
	}
	if order = cmp.Compare(other.path, f.path); order != 0 {
		return order, byPath
	}
	return specificity(f.route, other.route)
}

// distance tells roughly how far a route is from matching: the first difference that is found counts.
func (f fit) distance() int {
	switch {
	case f.host != otherHost && f.path != noPath && f.here:
		return 0
	case f.host != otherHost && f.path != noPath:
		return 1
	case !f.here:
		return 4
	case f.host != otherHost:
		return 2
	default:
		return 3
	}
}

// lost tells why the routes beside won do not serve a request, the nearest first. Won is nil when none
// does.
func lost(routes []*route, won *route, listener string, q *query) (told []status.RouteLoss, omitted int) {
	fits := make([]fit, 0, len(routes))
	for _, r := range routes {
		if r != won {
			fits = append(fits, fitOf(r, listener, q))
		}
	}
	slices.SortFunc(fits, func(a, b fit) int {
		order, _ := a.compare(b)
		return cmp.Or(cmp.Compare(a.distance(), b.distance()), cmp.Compare(shared(b.route.path, q.path), shared(a.route.path, q.path)), order)
	})
	told = []status.RouteLoss{}
	for _, f := range fits[:min(len(fits), maxLost)] {
		told = append(told, status.RouteLoss{Route: f.route.name, Why: f.loses(won, listener, q)})
	}
	return told, len(fits) - len(told)
}

// shared is how many bytes two paths have in common at their beginning.
func shared(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// loses says in words why a route does not serve a request.
func (f fit) loses(won *route, listener string, q *query) string {
	if !f.here {
		return fmt.Sprintf("it answers on %s, not on %q", quotedList("listener", f.route.info.Listeners), listener)
	}
	if why := f.mismatch(q); why != "" {
		return why
	}
	w := fitOf(won, listener, q)
	switch _, by := f.compare(w); by {
	case byHost:
		return fmt.Sprintf("less specific: it is for %s, and %q for %s", f.hostWords(), won.name, w.hostWords())
	case byPath:
		if w.path == exactPath {
			return fmt.Sprintf("less specific: it has a prefix, and %q the exact path", won.name)
		}
		return fmt.Sprintf("less specific: prefix %s is shorter than %s of %q", max(f.route.path, "/"), w.route.path, won.name)
	case byConditions:
		return fmt.Sprintf("less specific: it has %s on method and headers, and %q has %s", conditions(f.route.conditions), won.name, conditions(won.conditions))
	case byPriority:
		return fmt.Sprintf("lower priority: %d, and %q has %d", f.route.priority, won.name, won.priority)
	case byName:
	}
	return fmt.Sprintf("as specific as %q, whose name comes first", won.name)
}

// mismatch is the first condition that does not hold, "" when all of them do.
func (f fit) mismatch(q *query) string {
	r := f.route
	switch {
	case f.host == otherHost && q.host == "":
		return "the request names no host, wants " + orList(r.hosts)
	case f.host == otherHost:
		return fmt.Sprintf("host %s is not %s", q.host, orList(r.hosts))
	case f.path == noPath && r.exact:
		return fmt.Sprintf("path %s is not %s", q.path, r.path)
	case f.path == noPath:
		return fmt.Sprintf("path %s is not below %s", q.path, r.path)
	case !r.takes(q.method):
		return fmt.Sprintf("method is %s, wants %s", q.method, orList(r.methods))
	}
	for _, w := range r.headers {
		if w.holds(q) {
			continue
		}
		switch values, _ := q.values(w.name); {
		case len(values) == 0:
			return fmt.Sprintf("header %s is not there", w.name)
		case len(values) == 1:
			return fmt.Sprintf("header %s is %q, wants %q", w.name, values[0], w.value)
		default:
			return fmt.Sprintf("no value of header %s is %q", w.name, w.value)
		}
	}
	return ""
}

// wins says in words how the route that serves a request fits it.
func wins(r *route, q *query) string {
	f := fitOf(r, "", q)
	path := "every path"
	switch {
	case r.exact:
		path = "the exact path " + r.path
	case r.path != "":
		path = "what is below " + r.path
	}
	why := fmt.Sprintf("it is for %s and %s", f.hostWords(), path)
	if r.conditions > 0 {
		why += fmt.Sprintf(", and %s on method and headers hold", conditions(r.conditions))
		if r.conditions == 1 {
			why = strings.TrimSuffix(why, "hold") + "holds"
		}
	}
	return why
}

// hostWords is what of the route's hosts fits.
func (f fit) hostWords() string {
	switch f.host {
	case sameHost:
		return "this very host"
	case wildcardHost:
		return "a wildcard host"
	case everyHost, otherHost:
	}
	return "every host"
}

func conditions(n int) string {
	switch n {
	case 0:
		return "no condition"
	case 1:
		return "1 condition"
	default:
		return fmt.Sprintf("%d conditions", n)
	}
}

// maxNamed bounds the names in a sentence.
const maxNamed = 4

// orList is "a", "a or b", "a, b or c".
func orList(names []string) string {
	if more := len(names) - maxNamed; more > 0 {
		return fmt.Sprintf("%s or one of %d more", strings.Join(names[:maxNamed], ", "), more)
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// quotedList is `listener "a"` or `listeners "a" and "b"`.
func quotedList(word string, names []string) string {
	if len(names) == 0 {
		return "no " + word
	}
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	if len(quoted) == 1 {
		return word + " " + quoted[0]
	}
	if more := len(quoted) - maxNamed; more > 0 {
		return fmt.Sprintf("%ss %s and %d more", word, strings.Join(quoted[:maxNamed], ", "), more)
	}
	return word + "s " + strings.Join(quoted[:len(quoted)-1], ", ") + " and " + quoted[len(quoted)-1]
}
