package config

import (
	"fmt"
	"maps"
	"reflect"
	"sync"
)

// merged are the layers put together. Thousands of routes are not: each is its defaults and what the user
// says of it, which takes a part of the time and the memory, until somebody asks for the whole tree.
type merged struct {
	rest    map[string]any  // all sections but the routes
	base    map[string]any  // the routes' defaults, by name
	plain   map[string]any  // those of every route that is not special
	special map[string]bool // routes with defaults of their own
	user    map[string]any  // the routes as they are written
	rules   rules

	once sync.Once
	all  map[string]any
}

// rules are the defaults of the entries in lists of a route.
type rules struct{ flow, breaker, errorCount map[string]any }

func (l *loader) rules() rules {
	r := rules{flow: l.treeOf(DefaultFlow()), breaker: l.treeOf(DefaultCircuitBreaker()), errorCount: l.treeOf(DefaultCircuitBreaker())}
	r.errorCount["threshold"] = defaultErrorCount.String()
	return r
}

func (l *loader) newMerged(defaults, user map[string]any) *merged {
	return &merged{
		rest: joined(without(defaults, "routes"), without(user, "routes")),
		base: section(defaults, "routes"), user: section(user, "routes"), plain: l.plain, special: l.special, rules: l.rules(),
	}
}

func without(tree map[string]any, key string) map[string]any {
	tree = maps.Clone(tree)
	delete(tree, key)
	return tree
}

// tree is everything; nothing for a Snapshot that was not loaded.
func (m *merged) tree() map[string]any {
	if m == nil {
		return nil
	}
	m.once.Do(func() {
		m.all = maps.Clone(m.rest)
		routes := make(map[string]any, len(m.user))
		for name := range m.user {
			route := map[string]any{}
			m.route(name, route)
			routes[name] = route
		}
		m.all["routes"] = routes
	})
	return m.all
}

// route puts a route into an empty map.
func (m *merged) route(name string, into map[string]any) {
	base := section(m.base, name)
	maps.Copy(into, base)
	for key, value := range section(m.user, name) {
		into[key] = m.value(key, base[key], value)
	}
}

// value is that of one key of a route. Layers merge by key, and the entries of a list have none: what
// sections in lists do not say themselves is filled in here.
func (m *merged) value(key string, base, value any) any {
	switch value := value.(type) {
	case map[string]any:
		if below, both := base.(map[string]any); both {
			return joined(below, value)
		}
	case []any:
		switch key {
		case "flow":
			return completed(value, func(map[string]any) map[string]any { return m.rules.flow })
		case "circuit_breaker":
			return completed(value, func(rule map[string]any) map[string]any {
				if rule["strategy"] == string(ErrorCount) {
					return m.rules.errorCount
				}
				return m.rules.breaker
			})
		}
	}
	return value
}

func completed(list []any, defaults func(rule map[string]any) map[string]any) []any {
	out := make([]any, len(list))
	for i, entry := range list {
		out[i] = entry
		if rule, ok := entry.(map[string]any); ok {
			out[i] = joined(defaults(rule), rule)
		}
	}
	return out
}

// decode turns the tree into the types.
func (l *loader) decode(m *merged) *Config {
	cfg := &Config{}
	if err := l.root.fill(reflect.ValueOf(cfg).Elem(), m.rest); err != nil {
		l.defect(err)
	}
	if err := m.decodeRoutes(l.root, cfg); err != nil {
		l.defect(fmt.Errorf("routes: %w", err))
	}
	return cfg
}

// decodeRoutes fills in only once what most routes have by default, and of each what it has itself.
func (m *merged) decodeRoutes(root *shape, cfg *Config) error {
	shape, _ := root.child("routes")
	var plain, route Route
	if err := shape.elem.fill(reflect.ValueOf(&plain).Elem(), m.plain); err != nil {
		return err
	}
	cfg.Routes = make(map[string]Route, len(m.user))
	into, own := reflect.ValueOf(&route).Elem(), map[string]any{}
	for name := range m.user {
		clear(own)
		if m.special[name] {
			route = Route{}
			m.route(name, own)
		} else {
			route = plain
			for key, value := range section(m.user, name) {
				own[key] = m.value(key, nil, value)
			}
		}
		if err := shape.elem.fill(into, own); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		cfg.Routes[name] = route
	}
	return nil
}
