package gateway

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast/internal/config"
)

// reference is the documented rule, route by route, in nothing but the words of the configuration.
func reference(routes map[string]config.Route, c criteria) string {
	type candidate struct {
		name                             string
		host, path, conditions, priority int
	}
	var fits []candidate
	for name, r := range routes {
		f := candidate{name: name, host: -1, path: -1, priority: r.Priority, conditions: len(r.Match.Header)}
		prefix := strings.TrimSuffix(r.Match.PathPrefix, "/")
		switch {
		case r.Match.Path != "" && r.Match.Path == c.path:
			f.path = 1 << 20
		case r.Match.Path == "" && strings.HasPrefix(c.path+"/", prefix+"/"):
			f.path = len(prefix)
		}
		if len(r.Match.Host) == 0 {
			f.host = 0
		}
		for _, h := range r.Match.Host {
			if h == c.host {
				f.host = 2
			}
			label, rest, ok := strings.Cut(c.host, ".")
			if ok && label != "" && h == "*."+rest {
				f.host = max(f.host, 1)
			}
		}
		holds := len(r.Match.Method) == 0
		for _, m := range r.Match.Method {
			holds = holds || m == c.method
		}
		if len(r.Match.Method) > 0 {
			f.conditions++
		}
		for name, want := range r.Match.Header {
			values := c.header.Values(name)
			if name == "Host" && c.host != "" {
				values = []string{c.host}
			}
			holds = holds && len(values) > 0 && (want == "*" || slices.Contains(values, want))
		}
		if holds && f.path >= 0 && f.host >= 0 {
			fits = append(fits, f)
		}
	}
	if len(fits) == 0 {
		return ""
	}
	slices.SortFunc(fits, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.host, a.host), cmp.Compare(b.path, a.path), cmp.Compare(b.conditions, a.conditions),
			cmp.Compare(b.priority, a.priority), cmp.Compare(a.name, b.name))
	})
	return fits[0].name
}

// compileAll is the table of routes.
func compileAll(tb testing.TB, routes map[string]config.Route) *table {
	tb.Helper()
	var all []*route
	for name, r := range routes {
		all = append(all, compiled(tb, name, r.Match, r.Priority))
	}
	return newTable(all)
}

func matched(t *table, c criteria) string {
	if r := t.match(c); r != nil {
		return r.name
	}
	return ""
}

// world is what routes and requests of generated cases are made of: few words, so that they meet.
type world struct{ segments, hosts, patterns, methods, fields, values []string }

func smallWorld() world {
	return world{
		segments: []string{"/a", "/b", "/ab", "/c"},
		hosts:    []string{"x.test", "y.test", "a.x.test", "test", ""},
		patterns: []string{"x.test", "*.test", "*.x.test", "test", "a.x.test"},
		methods:  []string{"GET", "POST", "PUT"},
		fields:   []string{"X-A", "X-B", "X-C", "X-D", "Host"},
		values:   []string{"1", "2", "3", "x.test"},
	}
}

// chooser makes the decisions of a generated case: rapid's, or those of bytes of a fuzzer.
type chooser func(n int) int

func (pick chooser) of(words []string) string { return words[pick(len(words))] }

func (pick chooser) path(w world, most int) string {
	var b strings.Builder
	for range pick(most + 1) {
		b.WriteString(pick.of(w.segments))
	}
	if pick(4) == 0 {
		b.WriteByte('/')
	}
	return b.String()
}

func (pick chooser) routes(w world, most, depth int) map[string]config.Route {
	routes := map[string]config.Route{}
	for i := range pick(most + 1) {
		var m config.Match
		if p := pick.path(w, depth); pick(3) == 0 && p != "" {
			m.Path = p
		} else {
			m.PathPrefix = p
		}
		for range pick(3) {
			m.Host = append(m.Host, pick.of(w.patterns))
		}
		for range pick(3) {
			m.Method = append(m.Method, pick.of(w.methods))
		}
		m.Header = map[string]string{}
		for range pick(4) {
			value := "*"
			if pick(4) > 0 {
				value = pick.of(w.values)
			}
			m.Header[pick.of(w.fields)] = value
		}
		routes[fmt.Sprintf("r%02d", i)] = config.Route{Match: m, Priority: pick(2)}
	}
	return routes
}

func (pick chooser) request(w world, depth int) criteria {
	c := criteria{pick.of(w.hosts), max(pick.path(w, depth), "/"), pick.of(w.methods), http.Header{}}
	for range pick(4) {
		name := pick.of(w.fields)
		if name == "Host" {
			continue
		}
		many := pick(3)
		if pick(8) == 0 {
			many += maxListed
		}
		for range many {
			c.header.Add(name, pick.of(w.values))
		}
	}
	return c
}

// TestMatchEqualsReference compares the table with the documented rule on generated routes: all over
// the place, and many of them at the same one.
func TestMatchEqualsReference(t *testing.T) {
	for name, depth := range map[string]int{"deep": 4, "same place": 0} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				var pick chooser = func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") }
				w := smallWorld()
				if depth == 0 {
					w.patterns, w.hosts = []string{"x.test"}, []string{"x.test"}
				}
				routes := pick.routes(w, 40, depth)
				table := compileAll(t, routes)
				for range 10 {
					c := pick.request(w, depth)
					if got, want := matched(table, c), reference(routes, c); got != want {
						rt.Fatalf("%+v: the table says %q, the rule says %q", c, got, want)
					}
				}
			})
		})
	}
}

// FuzzMatch is the same with the decisions of a fuzzer.
func FuzzMatch(f *testing.F) {
	f.Add([]byte{9, 1, 0, 1, 1, 2, 1, 1, 0, 2, 0, 1, 0, 0, 3, 1})
	f.Add([]byte("many routes with many conditions, all of them different from each other in some way"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rest := data
		var pick chooser = func(n int) int {
			if len(rest) == 0 {
				return 0
			}
			v := int(rest[0]) % n
			rest = rest[1:]
			return v
		}
		w := smallWorld()
		routes := pick.routes(w, 60, 2)
		table := compileAll(t, routes)
		for range 8 {
			c := pick.request(w, 3)
			if got, want := matched(table, c), reference(routes, c); got != want {
				t.Fatalf("%+v: the table says %q, the rule says %q", c, got, want)
			}
		}
	})
}

// TestMatchLargeTables looks for every route of large tables.
func TestMatchLargeTables(t *testing.T) {
	for name, shape := range shapes() {
		t.Run(name, func(t *testing.T) {
			routes, requests := shape(3000)
			table := compileAll(t, routes)
			for i, c := range requests {
				if i%37 > 0 {
					continue // the rule is slow
				}
				if got, want := matched(table, c), reference(routes, c); got != want {
					t.Fatalf("%+v: the table says %q, the rule says %q", c, got, want)
				}
			}
		})
	}
}

// TestMatchAllocatesNothing covers every shape, hits and misses.
func TestMatchAllocatesNothing(t *testing.T) {
	for name, shape := range shapes() {
		routes, requests := shape(100)
		table := compileAll(t, routes)
		i := 0
		if n := testing.AllocsPerRun(100, func() { table.match(requests[i%len(requests)]); i++ }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestMatchRepeatedFields ends: a request that repeats its fields must not multiply the work.
func TestMatchRepeatedFields(t *testing.T) {
	routes := map[string]config.Route{}
	header := map[string]string{}
	for i := range 12 {
		header[fmt.Sprintf("X-%d", i)] = "1"
	}
	for i := range 10 {
		routes[fmt.Sprint("r", i)] = config.Route{Match: config.Match{Method: []string{fmt.Sprint("M", i)}, Header: header}}
	}
	table := compileAll(t, routes)
	for _, n := range []int{maxListed, 1000} {
		c := criteria{"x.test", "/", "GET", http.Header{}}
		for name := range header {
			c.header[name] = slices.Repeat([]string{"1"}, n) // going into each one would take for ever
		}
		if got := matched(table, c); got != "" {
			t.Errorf("%d values: route %q for another method", n, got)
		}
		c.method = "M3"
		if got := matched(table, c); got != "r3" {
			t.Errorf("%d values: route %q, want r3", n, got)
		}
	}
}

// shapes are tables that differ in what there is much of; each with requests.
func shapes() map[string]func(n int) (map[string]config.Route, []criteria) {
	get := func(host, path string) criteria { return criteria{host, path, "GET", http.Header{"Accept": {"*/*"}}} }
	each := func(match func(i, n int) config.Match, request func(i int) criteria) func(n int) (map[string]config.Route, []criteria) {
		return func(n int) (map[string]config.Route, []criteria) {
			routes, requests := map[string]config.Route{}, make([]criteria, 0, n)
			for i := range n {
				routes[fmt.Sprintf("r%05d", i)] = config.Route{Match: match(i, n)}
				requests = append(requests, request(i))
			}
			random := rand.New(rand.NewPCG(1, 2))
			random.Shuffle(n, func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
			return routes, requests
		}
	}
	host := func(i int) string { return fmt.Sprintf("host%05d.example.com", i) }
	hosts := func(i, _ int) config.Match { return config.Match{Host: []string{host(i)}, PathPrefix: "/api"} }
	one := []string{"shop.example.com"}
	prefixes := func(i, _ int) config.Match {
		return config.Match{Host: one, PathPrefix: fmt.Sprintf("/api/tenant%05d", i)}
	}
	with := func(c criteria, name, value string) criteria {
		c.header = http.Header{"Accept": {"*/*"}, "User-Agent": {"test"}, name: {value}}
		return c
	}
	return map[string]func(n int) (map[string]config.Route, []criteria){
		"hosts":     each(hosts, func(i int) criteria { return get(host(i), "/api/things/42") }),
		"wildcards": each(func(i, _ int) config.Match { return config.Match{Host: []string{"*." + host(i)}} }, func(i int) criteria { return get("www."+host(i), "/things/42") }),
		"prefixes":  each(prefixes, func(i int) criteria { return get(one[0], fmt.Sprintf("/api/tenant%05d/things/42", i)) }),
		"paths":     each(func(i, _ int) config.Match { return config.Match{Path: fmt.Sprintf("/docs/page%05d.html", i)} }, func(i int) criteria { return get(one[0], fmt.Sprintf("/docs/page%05d.html", i)) }),
		"headers": each(func(i, _ int) config.Match {
			return config.Match{Host: one, PathPrefix: "/api", Method: []string{"GET"}, Header: map[string]string{"X-Tenant": fmt.Sprint("t", i), "X-Region": fmt.Sprint(i % 3)}}
		}, func(i int) criteria {
			c := with(get(one[0], "/api/things"), "X-Tenant", fmt.Sprint("t", i))
			c.header["X-Region"] = []string{fmt.Sprint(i % 3)}
			return c
		}),
		"two-headers": each(func(i, n int) config.Match {
			return config.Match{PathPrefix: "/api", Header: map[string]string{"X-Row": fmt.Sprint(i * 100 / n), "X-Column": fmt.Sprint(i % max(1, n/100))}}
		}, func(i int) criteria {
			c := with(get(one[0], "/api/things"), "X-Row", fmt.Sprint(i%100))
			c.header["X-Column"] = []string{fmt.Sprint(i % 7)}
			return c
		}),
		"fields": each(func(i, _ int) config.Match {
			return config.Match{PathPrefix: "/api", Header: map[string]string{fmt.Sprintf("X-Field-%05d", i): "1"}}
		}, func(i int) criteria { return with(get(one[0], "/api"), fmt.Sprintf("X-Field-%05d", i), "1") }),
		"methods": each(func(i, _ int) config.Match {
			return config.Match{PathPrefix: "/api", Method: []string{fmt.Sprint("M", i)}}
		}, func(i int) criteria {
			c := get(one[0], "/api")
			c.method = fmt.Sprint("M", i)
			return c
		}),
		"same":      each(func(int, int) config.Match { return config.Match{PathPrefix: "/api"} }, func(int) criteria { return get(one[0], "/api/things") }),
		"miss-host": each(hosts, func(i int) criteria { return get("no"+host(i), "/api/things/42") }),
		"miss-path": each(prefixes, func(i int) criteria { return get(one[0], fmt.Sprintf("/api/nobody%05d/things/42", i)) }),
		"miss-conditions": each(func(i, _ int) config.Match {
			return config.Match{PathPrefix: "/api", Header: map[string]string{"X-Tenant": fmt.Sprint("t", i)}}
		}, func(i int) criteria { return with(get(one[0], "/api"), "X-Tenant", fmt.Sprint("no", i)) }),
	}
}

// BenchmarkTableMatch asks the same few requests again and again (ask=few) and all in turn (ask=all),
// where the processor's caches do not hold a large table.
func BenchmarkTableMatch(b *testing.B) {
	all := shapes()
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, n := range []int{10, 100, 1000, 10000} {
			routes, requests := all[name](n)
			table := compileAll(b, routes)
			for _, ask := range []string{"few", "all"} {
				b.Run(fmt.Sprintf("shape=%s/ask=%s/routes=%d", name, ask, n), func(b *testing.B) {
					asked := requests
					if ask == "few" {
						asked = asked[:10]
					}
					b.ReportAllocs()
					for i := 0; b.Loop(); i++ {
						table.match(asked[i%len(asked)])
					}
				})
			}
		}
	}
}

// BenchmarkTableMatchLongPath has a path of 8 KiB in thousands of segments, and routes along it.
func BenchmarkTableMatchLongPath(b *testing.B) {
	path := strings.Repeat("/a", 4<<10)
	for _, n := range []int{1, 100, 4000} {
		b.Run(fmt.Sprintf("prefixes=%d", n), func(b *testing.B) {
			routes := map[string]config.Route{}
			for i := range n {
				routes[fmt.Sprint("r", i)] = config.Route{Match: config.Match{PathPrefix: path[:2*(i+1)], Method: []string{"POST"}}}
			}
			table := compileAll(b, routes)
			b.ReportAllocs()
			for b.Loop() {
				table.match(criteria{"x.test", path, "GET", nil})
			}
		})
	}
}

// BenchmarkTableCompile makes a table.
func BenchmarkTableCompile(b *testing.B) {
	for _, name := range []string{"hosts", "prefixes", "headers"} {
		b.Run(fmt.Sprintf("shape=%s/routes=10000", name), func(b *testing.B) {
			routes, _ := shapes()[name](10000)
			var all []*route
			for name, r := range routes {
				all = append(all, compiled(b, name, r.Match, r.Priority))
			}
			b.ReportAllocs()
			for b.Loop() {
				newTable(all)
			}
		})
	}
}
