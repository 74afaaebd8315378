package gateway

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast/internal/config"
)

func compiled(tb testing.TB, name string, m config.Match, priority int) *route {
	tb.Helper()
	r := &route{name: name, priority: priority}
	if err := r.conditionsOf(m); err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestSpecificity(t *testing.T) {
	routes := map[string]config.Route{
		"all":             {},
		"host":            {Match: config.Match{Host: []string{"shop.example.com"}}},
		"wild":            {Match: config.Match{Host: []string{"*.example.com"}}},
		"two-hosts":       {Match: config.Match{Host: []string{"A.example.org", "b.example.org."}}},
		"api":             {Match: config.Match{PathPrefix: "/api"}},
		"api-v1":          {Match: config.Match{PathPrefix: "/api/v1/"}},
		"api-host":        {Match: config.Match{Host: []string{"shop.example.com"}, PathPrefix: "/api"}},
		"exact":           {Match: config.Match{Path: "/api/v1"}},
		"exact-slash":     {Match: config.Match{Path: "/api/v1/"}},
		"health":          {Match: config.Match{Path: "/healthz"}},
		"post":            {Match: config.Match{PathPrefix: "/m", Method: []string{"post"}}},
		"post-json":       {Match: config.Match{PathPrefix: "/m", Method: []string{"POST"}, Header: map[string]string{"content-type": "application/json"}}},
		"any-method":      {Match: config.Match{PathPrefix: "/m"}},
		"debug":           {Match: config.Match{PathPrefix: "/m", Header: map[string]string{"X-Debug": "*"}}},
		"prio-a":          {Match: config.Match{PathPrefix: "/p"}},
		"prio-b":          {Match: config.Match{PathPrefix: "/p"}, Priority: 1},
		"name-a":          {Match: config.Match{PathPrefix: "/n"}},
		"name-b":          {Match: config.Match{PathPrefix: "/n"}},
		"space":           {Match: config.Match{PathPrefix: "/a%20b"}},
		"deep":            {Match: config.Match{PathPrefix: "/x/y/z"}},
		"deep-other-host": {Match: config.Match{Host: []string{"other.example.com"}, PathPrefix: "/x/y/z/w"}},
	}
	var all []*route
	for name, r := range routes {
		all = append(all, compiled(t, name, r.Match, r.Priority))
	}
	table := newTable(all)
	for _, tc := range []struct {
		method, host, path string
		header             http.Header
		want               string
	}{
		{"GET", "nowhere", "/", nil, "all"},
		{"GET", "", "/", nil, "all"},
		{"GET", "shop.example.com", "/", nil, "host"},
		{"GET", "x.example.com", "/", nil, "wild"},
		{"GET", "x.y.example.com", "/", nil, "all"},
		{"GET", "example.com", "/", nil, "all"},
		{"GET", "a.example.org", "/", nil, "two-hosts"},
		{"GET", "b.example.org", "/", nil, "two-hosts"},
		{"GET", "nowhere", "/api", nil, "api"},
		{"GET", "nowhere", "/api/", nil, "api"},
		{"GET", "nowhere", "/api/x/y", nil, "api"},
		{"GET", "nowhere", "/apix", nil, "all"},
		{"GET", "nowhere", "/API", nil, "all"},
		{"GET", "shop.example.com", "/api/x", nil, "api-host"},
		{"GET", "shop.example.com", "/api/v1/x", nil, "api-host"}, // the host before the longer prefix
		{"GET", "nowhere", "/api/v1", nil, "exact"},
		{"GET", "nowhere", "/api/v1/", nil, "exact-slash"},
		{"GET", "shop.example.com", "/healthz", nil, "host"},
		{"GET", "nowhere", "/healthz", nil, "health"},
		{"GET", "shop.example.com", "/healthz/", nil, "host"},
		{"GET", "nowhere", "/m", nil, "any-method"},
		{"POST", "nowhere", "/m", nil, "post"},
		{"POST", "nowhere", "/m", http.Header{"Content-Type": {"application/json"}}, "post-json"},
		{"POST", "nowhere", "/m", http.Header{"Content-Type": {"text/plain"}}, "post"},
		{"GET", "nowhere", "/m", http.Header{"X-Debug": {""}}, "debug"},
		{"GET", "nowhere", "/p", nil, "prio-b"},
		{"GET", "nowhere", "/n/x", nil, "name-a"},
		{"GET", "nowhere", "/a b/c", nil, "space"},
		{"GET", "nowhere", "/x/y/z/w/v", nil, "deep"},
		{"GET", "other.example.com", "/x/y/z/w/v", nil, "deep-other-host"},
		{"GET", "nowhere", "/x/y", nil, "all"},
	} {
		got := table.match(criteria{tc.host, tc.path, tc.method, tc.header})
		if got == nil || got.name != tc.want {
			t.Errorf("%s %s%s %v: route %v, want %s", tc.method, tc.host, tc.path, tc.header, got, tc.want)
		}
	}
	if r := newTable(nil).match(criteria{"a", "/", "GET", nil}); r != nil {
		t.Errorf("empty table: %v", r)
	}
}

// reference is the documented rule, route by route.
func reference(routes []*route, c criteria) string {
	type candidate struct {
		r          *route
		path, host int
	}
	var fits []candidate
	for _, r := range routes {
		path := -1
		switch {
		case r.exact && r.path == c.path:
			path = 1 << 20
		case !r.exact && (c.path == r.path || strings.HasPrefix(c.path, r.path+"/")):
			path = len(r.path)
		}
		host := -1
		if len(r.hosts) == 0 {
			host = 0
		}
		for _, h := range r.hosts {
			if h == c.host {
				host = max(host, 2)
			}
			label, rest, ok := strings.Cut(c.host, ".")
			if ok && label != "" && h == "*."+rest {
				host = max(host, 1)
			}
		}
		if path < 0 || host < 0 || !r.holds(&c) {
			continue
		}
		fits = append(fits, candidate{r, path, host})
	}
	if len(fits) == 0 {
		return ""
	}
	slices.SortFunc(fits, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.host, a.host), cmp.Compare(b.path, a.path),
			cmp.Compare(len(b.r.headers)+min(1, len(b.r.methods)), len(a.r.headers)+min(1, len(a.r.methods))),
			cmp.Compare(b.r.priority, a.r.priority), cmp.Compare(a.r.name, b.r.name))
	})
	return fits[0].r.name
}

// TestMatchEqualsReference compares the table with the documented rule on generated routes.
func TestMatchEqualsReference(t *testing.T) {
	segment := rapid.SampledFrom([]string{"/a", "/b", "/ab", "/c"})
	path := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(segment, 0, 4).Draw(t, "segments"), "")
	})
	host := rapid.SampledFrom([]string{"x.test", "y.test", "a.x.test", "test"})
	pattern := rapid.SampledFrom([]string{"x.test", "*.test", "*.x.test", "test", "a.x.test"})
	method := rapid.SampledFrom([]string{"GET", "POST"})
	value := rapid.SampledFrom([]string{"*", "1", "2"})
	rapid.Check(t, func(rt *rapid.T) {
		var routes []*route
		for i := range rapid.IntRange(0, 12).Draw(rt, "routes") {
			var m config.Match
			if p := path.Draw(rt, "path") + rapid.SampledFrom([]string{"", "/"}).Draw(rt, "slash"); rapid.Bool().Draw(rt, "exact") && p != "" {
				m.Path = p
			} else {
				m.PathPrefix = p
			}
			m.Host = rapid.SliceOfN(pattern, 0, 2).Draw(rt, "hosts")
			m.Method = rapid.SliceOfN(method, 0, 1).Draw(rt, "methods")
			m.Header = rapid.MapOfN(rapid.SampledFrom([]string{"X-A", "X-B"}), value, 0, 2).Draw(rt, "headers")
			routes = append(routes, compiled(t, fmt.Sprint("r", i), m, rapid.IntRange(0, 1).Draw(rt, "priority")))
		}
		table := newTable(routes)
		for range 10 {
			c := criteria{
				host:   host.Draw(rt, "host"),
				path:   max(path.Draw(rt, "path")+rapid.SampledFrom([]string{"", "/"}).Draw(rt, "slash"), "/"),
				method: method.Draw(rt, "method"),
				header: http.Header{},
			}
			for k, v := range rapid.MapOfN(rapid.SampledFrom([]string{"X-A", "X-B"}), rapid.SampledFrom([]string{"1", "2"}), 0, 2).Draw(rt, "header") {
				c.header.Set(k, v)
			}
			got := ""
			if r := table.match(c); r != nil {
				got = r.name
			}
			if want := reference(routes, c); got != want {
				rt.Fatalf("%+v: table says %q, the rule says %q", c, got, want)
			}
		}
	})
}

func TestRoutesThatCannotBe(t *testing.T) {
	for name, m := range map[string]config.Match{
		"host with port": {Host: []string{"a:80"}},
		"host with path": {Host: []string{"a/b"}},
		"star in middle": {Host: []string{"a.*.b"}},
		"relative path":  {PathPrefix: "api"},
		"encoded slash":  {Path: "/a%2fb"},
		"broken escape":  {Path: "/a%"},
	} {
		if err := (&route{name: "x"}).conditionsOf(m); err == nil || !strings.Contains(err.Error(), `route "x"`) {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}

func BenchmarkTableMatch(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			var routes []*route
			for i := range n {
				m := config.Match{Host: []string{fmt.Sprintf("host%d.example.com", i%(n/5))}, PathPrefix: fmt.Sprintf("/api/v%d", i%7)}
				routes = append(routes, compiled(b, fmt.Sprint("r", i), m, 0))
			}
			table := newTable(routes)
			c := criteria{fmt.Sprintf("host%d.example.com", n/5-1), "/api/v3/things/42", "GET", nil}
			b.ReportAllocs()
			for b.Loop() {
				table.match(c)
			}
		})
	}
}
