package gateway

import (
	"net/http"
	"strings"
	"testing"

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
