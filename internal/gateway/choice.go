package gateway

import "slices"

// fewRoutes is up to how many routes of the same host and path are tried one after the other.
const fewRoutes = 4

// choice finds the first that holds among the routes of one host and path. It is immutable.
//
// A long list is split by a condition of each route, the one that it shares with the fewest others:
// a request looks only at the routes that want a value that it has. What is left of a route's
// conditions splits its part of the list again. So the time depends on how many conditions there are on
// a request's own values, and not on how many routes want other ones.
type choice struct {
	best    *route            // the most specific one here
	few     []pending         // a short list, by specificity; then there is nothing of the rest
	fields  []fieldChoice     // routes with a header condition
	byName  map[string]int    // index in fields
	methods map[string]*route // without one, but with methods: the most specific one of each
	plain   *route            // without either: the most specific one
}

// fieldChoice are routes that want something of the same header field.
type fieldChoice struct {
	name   string
	values map[string]*choice
	any    *choice // those that want any value
}

// pending is a route with those of its header conditions that nothing was split by yet.
type pending struct {
	route *route
	left  []headerCondition
}

// holds reports whether the other conditions do.
func (p *pending) holds(q *query) bool { return p.route.takes(q.method) && allHold(p.left, q) }

// newChoice takes a list by specificity.
func newChoice(list []*route) *choice {
	all := make([]pending, len(list))
	for i, r := range list {
		all[i] = pending{r, r.headers}
	}
	return split(all)
}

func split(list []pending) *choice {
	c := &choice{best: list[0].route}
	if len(list) <= fewRoutes {
		c.few = list
		return c
	}
	shared := map[headerCondition]int{}
	for _, p := range list {
		for _, w := range p.left {
			shared[w]++
		}
	}
	parts := map[headerCondition][]pending{}
	for _, p := range list {
		if len(p.left) == 0 {
			c.end(p.route)
			continue
		}
		by, left := p.without(shared)
		parts[by] = append(parts[by], pending{p.route, left})
	}
	for by, part := range parts {
		f := c.field(by.name)
		if by.value == anyValue {
			f.any = split(part)
		} else {
			f.values[by.value] = split(part)
		}
	}
	return c
}

// end takes up a route whose header conditions hold; a more specific one may be there already.
func (c *choice) end(r *route) {
	if len(r.methods) == 0 {
		if c.plain == nil {
			c.plain = r
		}
		return
	}
	if c.methods == nil {
		c.methods = map[string]*route{}
	}
	for _, m := range r.methods {
		if c.methods[m] == nil {
			c.methods[m] = r
		}
	}
}

// without takes out the condition to split by: a value before any value, then the rarest.
func (p pending) without(shared map[headerCondition]int) (by headerCondition, left []headerCondition) {
	best := 0
	for i, w := range p.left {
		b := p.left[best]
		if wild := w.value == anyValue; wild != (b.value == anyValue) {
			if !wild {
				best = i
			}
		} else if shared[w] < shared[b] {
			best = i
		}
	}
	left = make([]headerCondition, 0, len(p.left)-1)
	left = append(append(left, p.left[:best]...), p.left[best+1:]...)
	return p.left[best], left
}

func (c *choice) field(name string) *fieldChoice {
	i, ok := c.byName[name]
	if !ok {
		if c.byName == nil {
			c.byName = map[string]int{}
		}
		i = len(c.fields)
		c.byName[name] = i
		c.fields = append(c.fields, fieldChoice{name: name, values: map[string]*choice{}})
	}
	return &c.fields[i]
}

// first is the most specific route that holds, found included; nil when there is none.
func (c *choice) first(q *query, found *route) *route {
	if c == nil || found != nil && bySpecificity(found, c.best) <= 0 {
		return found
	}
	if c.few != nil {
		for i := range c.few {
			if c.few[i].holds(q) {
				return better(c.few[i].route, found)
			}
		}
		return found
	}
	// More conditions come first, so what is left behind is mostly not looked at.
	if len(c.fields) <= len(q.header)+1 {
		for i := range c.fields {
			found = c.fields[i].first(q, found)
		}
	} else {
		if i, ok := c.byName[hostField]; ok {
			found = c.fields[i].first(q, found)
		}
		for name := range q.header {
			if i, ok := c.byName[name]; ok {
				found = c.fields[i].first(q, found)
			}
		}
	}
	if r := c.methods[q.method]; r != nil {
		found = better(r, found)
	}
	if c.plain != nil {
		found = better(c.plain, found)
	}
	return found
}

func (f *fieldChoice) first(q *query, found *route) *route {
	values, set := q.values(f.name)
	if len(values) == 0 {
		return found
	}
	switch {
	case set == nil:
		for i, v := range values {
			if !slices.Contains(values[:i], v) { // or repeated fields would multiply the work
				found = f.values[v].first(q, found)
			}
		}
	case len(set) < len(f.values):
		for v := range set {
			found = f.values[v].first(q, found)
		}
	default:
		for v, c := range f.values {
			if _, ok := set[v]; ok {
				found = c.first(q, found)
			}
		}
	}
	return f.any.first(q, found)
}

// better is the more specific one of two routes; found may be nil.
func better(r, found *route) *route {
	if found != nil && bySpecificity(found, r) <= 0 {
		return found
	}
	return r
}
