package config

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"
)

// EnvironPrefix begins the names of the environment variables that are configuration keys.
// HOLDFAST_APPS__SHOP__INSTANCES is apps.shop.instances: two underscores stand between the parts,
// and names with a dash are written with an underscore. Variables without two underscores in a row
// are not configuration.
const EnvironPrefix = "HOLDFAST_"

// assignment is one value from outside of the files.
type assignment struct {
	origin string
	parts  []string
	join   string // what stood between the parts
	text   string
	// list, when isList, is the value instead of text.
	list   []string
	isList bool
}

// readEnvironment makes a layer of the variables, in the order of their names so that a section
// comes before its keys.
func (l *loader) readEnvironment() {
	vars, err := env.Provider("", env.Opt{
		EnvironFunc: func() []string { return l.opts.Environ },
		TransformFunc: func(name, value string) (string, any) {
			if !strings.HasPrefix(envName(name), EnvironPrefix) || !strings.Contains(name[len(EnvironPrefix):], "__") {
				return "", nil
			}
			return name, value
		},
	}).Read()
	if err != nil || len(vars) == 0 {
		return // the provider reads memory: it has no errors
	}
	var all []assignment
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		all = append(all, assignment{
			origin: "environment variable " + name,
			parts:  strings.Split(name[len(EnvironPrefix):], "__"),
			join:   "__",
			text:   fmt.Sprint(vars[name]),
		})
	}
	l.assign("environment", all)
}

// readSet makes a layer of --set; later ones win.
func (l *loader) readSet() {
	var all []assignment
	for _, text := range l.opts.Set {
		key, value, ok := strings.Cut(text, "=")
		a := assignment{origin: "--set " + key, parts: strings.Split(key, "."), join: ".", text: value}
		if !ok {
			src := l.newSource("")
			src.origin = a.origin
			l.report(codeAssignment, spot{src: src}, "", fmt.Sprintf("%q is not KEY=VALUE", text), "write --set apps.shop.instances=3")
			continue
		}
		all = append(all, a)
	}
	if len(all) > 0 {
		l.assign("--set", all)
	}
}

// assign makes one layer of all assignments.
func (l *loader) assign(origin string, all []assignment) *layer {
	src := l.newSource("")
	src.origin = origin
	whole := l.newLayer(src)
	k := koanf.New(separator)
	for _, a := range all {
		one := l.newSource("")
		one.origin = a.origin
		r := l.reader(&layer{src: one, spots: whole.spots, written: whole.written})
		at, s, ok := l.descend(r, a)
		if !ok {
			continue
		}
		n, ok := r.node(a, at, s)
		if !ok {
			continue
		}
		whole.spots.put(at, entry{r.spot(n), r.spot(n)})
		v, ok := r.value(n, at, s, 0)
		if !ok {
			r.reject(at)
			continue
		}
		if err := k.Load(confmap.Provider(map[string]any{string(at): v}, separator), nil); err != nil {
			l.defect(err)
		}
	}
	whole.tree = k.Raw()
	l.layers = append(l.layers, whole)
	return whole
}

// descend finds the key that an assignment names.
func (l *loader) descend(r *reader, a assignment) (path, *shape, bool) {
	at, s := path(""), l.root
	for rest := a.parts; len(rest) > 0; {
		var part string
		part, rest = s.step(rest, a.join)
		if s.kind != kindMap || s.named() {
			part = strings.ToLower(part) // the names of variables are upper case
		}
		if s.named() {
			part = l.knownName(at, part)
		}
		key := &node{Kind: yaml.ScalarNode, Tag: "!!str", Value: part}
		next, ok := s.child(part)
		switch {
		case s.kind == kindList || s.kind == kindScalar:
			r.report(codeAssignment, r.spot(key), at, fmt.Sprintf("%s has no keys below it", at), "set it as a whole: it is "+s.wants())
			return "", nil, false
		case !ok:
			r.unknownKey(key, at, s)
			return "", nil, false
		case s.kind == kindMap && !r.entryName(key, at.key(part), s):
			return "", nil, false
		}
		at, s = at.key(part), next
	}
	return at, s, true
}

// knownName is the entry that name stands for: variables cannot be called my-app, so that MY_APP
// means it when there is no my_app.
func (l *loader) knownName(at path, name string) string {
	match := ""
	for _, layer := range l.layers {
		named, _ := lookup(layer.tree, at)
		entries, _ := named.(map[string]any)
		for known := range entries {
			if known == name {
				return name
			}
			if strings.ReplaceAll(known, "-", "_") == name {
				match = known
			}
		}
	}
	return cmp.Or(match, name)
}

// node is the value of an assignment: a single value is taken as it is, lists and sections are
// written as in YAML.
func (r *reader) node(a assignment, at path, s *shape) (*node, bool) {
	literal := &node{Kind: yaml.ScalarNode, Tag: "!!str", Value: a.text}
	if a.isList {
		list := &node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, text := range a.list {
			list.Content = append(list.Content, &node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text})
		}
		return list, true
	}
	if s.kind == kindScalar || s.single && s.elem.kind == kindScalar && !strings.HasPrefix(strings.TrimSpace(a.text), "[") {
		return literal, true
	}
	n, failed := parseYAML([]byte(a.text), splitLines([]byte(a.text)))
	switch {
	case failed != nil:
		r.report(codeAssignment, r.spot(literal), at, fmt.Sprintf("the value is not %s: %s", s.wants(), failed.message), failed.hint)
		r.reject(at)
		return nil, false
	case n == nil:
		return &node{Kind: yaml.ScalarNode, Tag: "!!null"}, true
	default:
		return n, true
	}
}

// defaults is the weakest layer: what the entries of the user's tree have when nobody says more.
func (l *loader) defaults(user map[string]any) *layer {
	src := &source{origin: "default"}
	layer := l.newLayer(src)
	all := l.treeOf(Default())
	layer.tree = all
	if l.opts.Beside {
		section(all, "management")["address"] = ManagementOff
	}
	listeners := section(user, "listeners")
	if l.defaultListeners(user) {
		// Group Policy changes the default listener; it does not replace it.
		listeners = maps.Clone(listeners)
		if listeners == nil {
			listeners = map[string]any{}
		}
		listeners[defaultListener] = nil
	} else {
		all["listeners"] = map[string]any{}
	}
	for name := range listeners {
		if _, known := section(all, "listeners")[name]; !known {
			section(all, "listeners")[name] = l.treeOf(DefaultListener())
		}
	}
	certificates := map[string]any{}
	for name := range section(user, "certificates") {
		own := map[string]any{}
		for key, defaults := range certificateSections() {
			if _, ok := section(section(user, "certificates"), name)[key]; ok {
				own[key] = l.treeOf(defaults)
			}
		}
		certificates[name] = own
	}
	all["certificates"] = certificates

	file := map[string]any{}
	maps.Copy(file, section(section(all, "logging"), "file"))
	maps.Copy(file, section(section(user, "logging"), "file"))
	section(section(all, "logging"), "access")["file"] = maps.Clone(file)

	apps := map[string]any{}
	app := l.treeOf(DefaultApp())
	section(app, "output")["file"] = maps.Clone(file)
	if !l.machine.here {
		section(app, "stop")["method"] = string(l.machine.stopMethod())
	}
	for name := range section(user, "apps") {
		apps[name] = l.appDefaults(name, section(section(user, "apps"), name), app)
	}
	routes := make(map[string]any, len(section(user, "routes")))
	l.plain, l.special = l.plainRoute(listeners), map[string]bool{}
	sections := routeSections()
	for name := range section(user, "routes") {
		own := l.ownDefaults(section(section(user, "routes"), name), sections)
		if len(own) == 0 {
			routes[name] = l.plain
			continue
		}
		l.special[name] = true
		route := maps.Clone(l.plain)
		maps.Copy(route, own)
		routes[name] = route
	}
	all["apps"], all["routes"] = apps, routes
	return layer
}

// appDefaults is plain, which is not changed, with what depends on the app.
func (l *loader) appDefaults(name string, user, plain map[string]any) map[string]any {
	app := maps.Clone(plain)
	dir := l.dir
	for _, layer := range l.layers {
		if _, ok := section(section(layer.tree, "apps"), name)["command"]; ok {
			dir = layer.src.dir
		}
	}
	if dir != "" {
		app["directory"] = dir
	}
	if _, ok := user["on_failure"]; ok {
		app["on_failure"] = l.treeOf(DefaultOnFailure())
	}
	for _, probe := range []string{"startup_probe", "readiness_probe", "liveness_probe"} {
		startup := probe == "startup_probe"
		given, ok := user[probe].(map[string]any)
		_, http := given["http_get"]
		_, tcp := given["tcp_socket"]
		if !ok && (user["port"] == "none" || probe == "liveness_probe") {
			continue
		}
		template := l.probeDefaults(startup, http)
		if ok && !http && !tcp {
			// No kind: that is a problem, which a default would hide.
			template = maps.Clone(template)
			delete(template, "tcp_socket")
		}
		app[probe] = template
	}
	return app
}

// probeDefaults are made once of each kind. They are not to be changed.
func (l *loader) probeDefaults(startup, http bool) map[string]any {
	kind := [2]bool{startup, http}
	if l.probes == nil {
		l.probes = map[[2]bool]map[string]any{}
	}
	if l.probes[kind] == nil {
		l.probes[kind] = l.treeOf(DefaultProbe(startup, http))
	}
	return l.probes[kind]
}

// plainRoute is what every route has by default.
func (l *loader) plainRoute(listeners map[string]any) map[string]any {
	route := l.treeOf(DefaultRoute())
	var names []any
	for _, name := range slices.Sorted(maps.Keys(listeners)) {
		if to, _ := section(listeners, name)["redirect_to"].(string); to == "" {
			names = append(names, name)
		}
	}
	if names != nil {
		route["listeners"] = names
	}
	return route
}

// ownDefaults are those of the sections of a route that have defaults of their own.
func (l *loader) ownDefaults(user, sections map[string]any) map[string]any {
	var own map[string]any
	for key := range user {
		if _, ok := sections[key]; own == nil && (ok || key == "respond" || key == "health_check") {
			own = map[string]any{}
		}
		switch defaults, ok := sections[key]; {
		case ok:
			own[key] = l.treeOf(defaults)
		case key == "respond":
			own[key] = l.respondDefaults(section(user, key))
		case key == "health_check" && section(user, key) != nil:
			_, http := section(user, key)["http_get"]
			own[key] = l.treeOf(DefaultProbe(false, http))
		}
	}
	if fallback := section(user, "fallback"); fallback["respond"] != nil {
		section(own, "fallback")["respond"] = l.respondDefaults(section(fallback, "respond"))
	}
	return own
}

func (l *loader) respondDefaults(user map[string]any) map[string]any {
	respond := l.treeOf(DefaultRespond())
	for header := range section(user, "headers") {
		if strings.EqualFold(header, "Content-Type") {
			delete(respond, "headers")
		}
	}
	return respond
}

// defaultListeners reports whether nobody but Group Policy has a listener, so that the default one is
// there.
func (l *loader) defaultListeners(user map[string]any) bool {
	if l.policy != nil {
		user = l.lower
	}
	return len(section(user, "listeners")) == 0
}

// treeOf is a struct of defaults as a tree.
func (l *loader) treeOf(v any) map[string]any {
	t := reflect.TypeOf(v)
	if l.shapes == nil {
		l.shapes = map[reflect.Type]*shape{}
	}
	if l.shapes[t] == nil {
		l.shapes[t] = shapeOf(t, rule{})
	}
	tree, _ := l.shapes[t].tree(reflect.ValueOf(v)).(map[string]any)
	return tree
}

// section is the map under key, nil when there is none.
func section(tree map[string]any, key string) map[string]any {
	sub, _ := tree[key].(map[string]any)
	return sub
}
