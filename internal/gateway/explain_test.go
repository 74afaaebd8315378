package gateway

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// explained is a configuration with a bit of everything.
func explained() *config.Config {
	ok := func(m config.Match) config.Route {
		return config.Route{Match: m, Listeners: []string{"web"}, Respond: &config.Respond{Status: 200}}
	}
	listener := func(address, certificate, to string) config.Listener {
		l := testListener()
		l.Address, l.Certificate, l.RedirectTo = address, certificate, to
		return l
	}
	c := testConfig(map[string]config.Route{
		"shop":     {App: "shop", Listeners: []string{"web"}, StripPrefix: "/api", Match: config.Match{Host: []string{"shop.test"}, PathPrefix: "/api"}},
		"shop-v1":  {URLs: []string{"http://127.0.0.1:3000"}, Listeners: []string{"web"}, Match: config.Match{Host: []string{"shop.test"}, PathPrefix: "/api/v1"}},
		"upload":   ok(config.Match{Host: []string{"shop.test"}, PathPrefix: "/api", Method: []string{"POST", "PUT"}}),
		"tenant":   ok(config.Match{Host: []string{"shop.test"}, PathPrefix: "/api", Header: map[string]string{"X-Tenant": "blue", "X-Debug": "*"}}),
		"wild":     ok(config.Match{Host: []string{"*.test"}, PathPrefix: "/api"}),
		"health":   ok(config.Match{Path: "/healthz"}),
		"all":      ok(config.Match{}),
		"all-2":    ok(config.Match{}),
		"inside":   {Respond: &config.Respond{Status: 200}, Listeners: []string{"admin"}},
		"moved":    {Redirect: &config.Redirect{To: "https://new.test${path}", Status: 301}, Listeners: []string{"web"}, Match: config.Match{Path: "/old"}},
		"many":     ok(config.Match{Host: []string{"a.x", "b.x", "c.x", "d.x", "e.x", "f.x"}, PathPrefix: "/many"}),
		"priority": {Priority: 3, Respond: &config.Respond{Status: 200}, Listeners: []string{"web"}, Match: config.Match{Host: []string{"shop.test"}, PathPrefix: "/api/v1"}},
	})
	c.Certificates = map[string]config.Certificate{"own": {}}
	c.Listeners = map[string]config.Listener{
		"admin":  listener("127.0.0.1:9000", "", ""),
		"plain":  listener(":80", "", "secure"),
		"secure": listener(":443", "own", ""),
		"web":    listener(":8080", "", ""),
		"web-6":  listener("[::1]:8080", "", ""),
	}
	return c
}

func TestExplain(t *testing.T) {
	header := func(name string, values ...string) map[string][]string { return map[string][]string{name: values} }
	for name, tc := range map[string]struct {
		query status.RouteQuery
		want  status.RouteTest
	}{
		"prefix": {
			status.RouteQuery{URL: "http://Shop.test:8080/api/./things%2Ea?q=1"},
			status.RouteTest{
				Outcome: status.RouteServed, Why: "it is for this very host and what is below /api", Listener: "web", OtherListeners: []string{"web-6"},
				Method: "GET", Host: "shop.test", Path: "/api/things.a", Route: "shop", Kind: "app", Target: "shop", App: "shop", SentPath: "/things.a",
				Lost: []status.RouteLoss{
					{Route: "tenant", Why: "header X-Debug is not there"},
					{Route: "upload", Why: "method is GET, wants POST or PUT"},
					{Route: "wild", Why: `less specific: it is for a wildcard host, and "shop" for this very host`},
					{Route: "all", Why: `less specific: it is for every host, and "shop" for this very host`},
					{Route: "all-2", Why: `less specific: it is for every host, and "shop" for this very host`},
					{Route: "inside", Why: `it answers on listener "admin", not on "web"`},
					{Route: "priority", Why: "path /api/things.a is not below /api/v1"},
					{Route: "shop-v1", Why: "path /api/things.a is not below /api/v1"},
					{Route: "health", Why: "path /api/things.a is not /healthz"},
					{Route: "moved", Why: "path /api/things.a is not /old"},
				},
				Omitted: 1,
			},
		},
		"conditions": {
			status.RouteQuery{URL: "http://shop.test:8080/api", Method: "PUT", Headers: map[string][]string{"x-tenant": {"blue"}, "x-debug": {""}}},
			status.RouteTest{
				Outcome: status.RouteServed, Why: "it is for this very host and what is below /api, and 2 conditions on method and headers hold",
				Route: "tenant", Kind: "respond", Target: "200",
				Lost: []status.RouteLoss{
					{Route: "upload", Why: `less specific: it has 1 condition on method and headers, and "tenant" has 2 conditions`},
					{Route: "shop", Why: `less specific: it has no condition on method and headers, and "tenant" has 2 conditions`},
				},
			},
		},
		"header values": {
			status.RouteQuery{URL: "http://shop.test:8080/api", Headers: map[string][]string{"X-Tenant": {"red"}, "X-Debug": {"1"}}},
			status.RouteTest{Route: "shop", Lost: []status.RouteLoss{{Route: "tenant", Why: `header X-Tenant is "red", wants "blue"`}}},
		},
		"header values, several": {
			status.RouteQuery{URL: "http://shop.test:8080/api", Headers: map[string][]string{"X-Tenant": {"red", "green"}, "X-Debug": {"1"}}},
			status.RouteTest{Route: "shop", Lost: []status.RouteLoss{{Route: "tenant", Why: `no value of header X-Tenant is "blue"`}}},
		},
		"priority, and the shorter prefix": {
			status.RouteQuery{URL: "http://shop.test:8080/api/v1"},
			status.RouteTest{Route: "priority", Lost: []status.RouteLoss{
				{Route: "shop-v1", Why: `lower priority: 0, and "priority" has 3`},
				{Route: "tenant", Why: "header X-Debug is not there"},
				{Route: "upload", Why: "method is GET, wants POST or PUT"},
				{Route: "shop", Why: `less specific: prefix /api is shorter than /api/v1 of "priority"`},
			}},
		},
		"the same but for the name": {
			status.RouteQuery{URL: "http://else.where:8080/"},
			status.RouteTest{Route: "all", Lost: []status.RouteLoss{{Route: "all-2", Why: `as specific as "all", whose name comes first`}}},
		},
		"exact path": {
			status.RouteQuery{URL: "http://10.0.0.1:8080/healthz"},
			status.RouteTest{Route: "health", Why: "it is for every host and the exact path /healthz", Lost: []status.RouteLoss{{Route: "all", Why: `less specific: it has a prefix, and "health" the exact path`}}},
		},
		"redirect": {
			status.RouteQuery{URL: "http://else.where:8080/old"},
			status.RouteTest{Outcome: status.RouteServed, Route: "moved", Kind: "redirect", Target: "301 https://new.test${path}"},
		},
		"listener that redirects": {
			status.RouteQuery{URL: "http://shop.test/api?a=b"},
			status.RouteTest{
				Outcome: status.RouteRedirected, Why: `listener "plain" sends every request to listener "secure"`, Listener: "plain", Status: 308, Location: "https://shop.test/api?a=b",
				Method: "GET", Host: "shop.test", Path: "/api",
			},
		},
		"nothing on this listener": {
			status.RouteQuery{URL: "https://shop.test/api"},
			status.RouteTest{
				Outcome: status.RouteNone, Why: `no route of listener "secure" matches`, Listener: "secure", Status: 404,
				Lost: []status.RouteLoss{{Route: "shop", Why: `it answers on listener "web", not on "secure"`}},
			},
		},
		"another listener": {
			status.RouteQuery{URL: "http://shop.test/x", Listener: "admin"},
			status.RouteTest{Outcome: status.RouteServed, Route: "inside", Listener: "admin"},
		},
		"an address that is listened on": {
			status.RouteQuery{URL: "http://[::1]:8080/"}, status.RouteTest{Outcome: status.RouteNone, Status: 404, Listener: "web-6"},
		},
		"an address that is not": {
			status.RouteQuery{URL: "http://10.0.0.1:9000/"},
			status.RouteTest{Outcome: status.RouteNoListener, Why: `no listener takes http for 10.0.0.1 on port 9000; "admin" takes http on 127.0.0.1:9000, "plain" takes http on :80, "secure" takes https on :443, "web" takes http on :8080, "web-6" takes http on [::1]:8080`},
		},
		"https where http is spoken": {status.RouteQuery{URL: "https://shop.test:8080/"}, status.RouteTest{Outcome: status.RouteNoListener}},
		"host in a field":            {status.RouteQuery{URL: "http://127.0.0.1:8080/api", Headers: header("host", "shop.test")}, status.RouteTest{Route: "shop", Listener: "web", Host: "shop.test"}},
		"bad path": {
			status.RouteQuery{URL: "http://shop.test:8080/api%2fx"},
			status.RouteTest{Outcome: status.RouteRefused, Why: "the path has an escaped slash or a backslash", Status: 400, Listener: "web"},
		},
		"bad escape": {
			status.RouteQuery{URL: "http://shop.test:8080/api%zz"},
			status.RouteTest{Outcome: status.RouteRefused, Why: `the request line cannot be read: invalid URL escape "%zz"`, Status: 400},
		},
		"bad host":   {status.RouteQuery{URL: "http://shop..test:8080/"}, status.RouteTest{Outcome: status.RouteRefused, Why: "the request's host is not a host name", Status: 400}},
		"bad method": {status.RouteQuery{URL: "http://shop.test:8080/", Method: "TRACE"}, status.RouteTest{Outcome: status.RouteRefused, Why: "this method is not allowed here", Status: 405}},
		"stripped identity": {
			status.RouteQuery{URL: "http://me:secret@else.where:8080/#top", Headers: header("X-Real-Ip", "1.2.3.4")},
			status.RouteTest{Route: "all", Notes: []string{
				"clients do not send what follows #", "clients send the name and password of a URL as Authorization",
				"X-Real-Ip is deleted: only a trusted proxy may send it",
			}},
		},
		"websocket": {status.RouteQuery{URL: "ws://else.where:8080"}, status.RouteTest{Route: "all", Path: "/"}},
		"many hosts": {
			status.RouteQuery{URL: "http://else.where:8080/many"},
			status.RouteTest{Route: "all", Lost: []status.RouteLoss{{Route: "many", Why: "host else.where is not a.x, b.x, c.x, d.x or one of 2 more"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Explain(explained(), tc.query)
			if err != nil {
				t.Fatal(err)
			}
			// What a case does not name it does not ask for; its losers are among those that are told.
			want := tc.want
			fill := func(want *string, got string) {
				if *want == "" {
					*want = got
				}
			}
			fill((*string)(&want.Outcome), string(got.Outcome))
			for _, f := range [][2]*string{
				{&want.Why, &got.Why},
				{&want.Listener, &got.Listener},
				{&want.Method, &got.Method},
				{&want.Host, &got.Host},
				{&want.Path, &got.Path},
				{&want.Location, &got.Location},
				{&want.Kind, &got.Kind},
				{&want.Target, &got.Target},
				{&want.App, &got.App},
				{&want.SentPath, &got.SentPath},
			} {
				fill(f[0], *f[1])
			}
			if len(want.OtherListeners) == 0 {
				want.OtherListeners = got.OtherListeners
			}
			if len(want.Lost) < 10 {
				for _, l := range want.Lost {
					if !slices.Contains(got.Lost, l) {
						t.Errorf("lost: %v, want %v among them", got.Lost, l)
					}
				}
				want.Lost, want.Omitted = got.Lost, got.Omitted
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestExplainRefusesQueries(t *testing.T) {
	for want, q := range map[string]status.RouteQuery{
		"is not a whole URL":              {URL: "shop.test/api"},
		"neither an http nor an https":    {URL: "ftp://shop.test/"},
		"names no host":                   {URL: "http:///x"},
		"is not a port":                   {URL: "http://x:99999/"},
		"is not a host: write [ADDRESS]":  {URL: "http://[::1"},
		"one Host, not several":           {URL: "http://x/", Headers: map[string][]string{"host": {"a", "b"}}},
		"is not a request method":         {URL: "http://x/", Method: "GET /"},
		"is not the name of a header":     {URL: "http://x/", Headers: map[string][]string{"a b": {""}}},
		"has a control character":         {URL: "http://x/", Headers: map[string][]string{"a": {"b\r\nc: d"}}},
		`there is no listener "wob", but`: {URL: "http://x/", Listener: "wob"},
	} {
		if _, err := Explain(explained(), q); !errors.Is(err, status.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", q, err, want)
		}
	}
}

// TestExplainTellsWhatMatchDoes: who is said to win is who wins, and every reason is true.
func TestExplainTellsWhatMatchDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var pick chooser = func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "choice") }
		w := smallWorld()
		w.hosts = w.hosts[:4] // a URL has one
		routes := pick.routes(w, maxLost, 3)
		for name, r := range routes {
			r.Respond = &config.Respond{Status: 200}
			routes[name] = r
		}
		c := testConfig(routes)
		for range 5 {
			q := pick.request(w, 3)
			if pick(4) == 0 {
				q.path += "%41"
			}
			got, err := Explain(c, status.RouteQuery{URL: "http://" + q.host + q.path, Method: q.method, Headers: q.header, Listener: "web"})
			if err != nil {
				rt.Fatal(err)
			}
			q.path = strings.TrimSuffix(q.path, "%41") + strings.Repeat("A", strings.Count(q.path, "%41"))
			if want := reference(routes, q); got.Route != want || matched(compileAll(t, routes), q) != want || (want == "") != (got.Outcome == status.RouteNone) {
				rt.Fatalf("%+v: told that %q wins (%s), the rule says %q", q, got.Route, got.Outcome, want)
			}
			if len(got.Lost)+min(1, len(got.Route)) != len(routes) || got.Omitted != 0 {
				rt.Fatalf("%d of %d routes lost", len(got.Lost), len(routes))
			}
			for _, l := range got.Lost {
				alone := map[string]config.Route{l.Route: routes[l.Route]}
				outdone := strings.HasPrefix(l.Why, "less specific") || strings.HasPrefix(l.Why, "lower priority") || strings.HasPrefix(l.Why, "as specific")
				if matches := reference(alone, q) != ""; matches != outdone {
					rt.Fatalf("%+v: route %+v alone matches: %v, and is said to have lost because %s", q, alone, matches, l.Why)
				}
			}
		}
	})
}

// TestExplainTellsWhatServeDoes asks a gateway for the same as its explanation.
func TestExplainTellsWhatServeDoes(t *testing.T) {
	routes := map[string]config.Route{}
	for name, m := range map[string]config.Match{
		"all": {}, "api": {PathPrefix: "/api"}, "host": {Host: []string{"shop.test"}}, "post": {PathPrefix: "/api", Method: []string{"POST"}},
		"exact": {Path: "/api/"}, "tenant": {Header: map[string]string{"X-Tenant": "blue"}}, "real": {Header: map[string]string{"X-Real-Ip": "*"}},
	} {
		routes[name] = config.Route{Match: m, Respond: &config.Respond{Status: 200, Body: name}}
	}
	r := start(t, testConfig(routes))
	base := strings.TrimSuffix(r.url(""), "/")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	asked := 0
	for _, path := range []string{"/", "/api", "/api/", "/api/x", "/apix", "/a/../api", "//api", "/api%2fx", "/%61pi", "/api;a", "/..;/api", "/api%00"} {
		for _, method := range []string{"GET", "POST", "TRACE", "OPTIONS"} {
			for _, header := range []http.Header{{}, {"Host": {"shop.test"}}, {"Host": {"shop..test"}}, {"X-Tenant": {"red", "blue"}}, {"X-Real-Ip": {"1"}}} {
				told, err := r.Explain(status.RouteQuery{URL: base + path, Method: method, Headers: header})
				if err != nil {
					t.Fatal(err)
				}
				req, err := http.NewRequestWithContext(t.Context(), method, base+"/", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.URL.Opaque = path
				if strings.HasPrefix(path, "//") {
					continue // the client takes it for an authority
				}
				req.Header = header.Clone()
				req.Host = header.Get("Host")
				res, err := transport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if err != nil {
					t.Fatal(err)
				}
				asked++
				got, want := fmt.Sprint(res.StatusCode), fmt.Sprint(told.Status)
				if told.Outcome == status.RouteServed {
					got, want = string(body), told.Route
				}
				if got != want {
					t.Errorf("%s %s %v: it is said that %s %s %d (%s), and the answer is %d %s", method, path, header, told.Outcome, told.Route, told.Status, told.Why, res.StatusCode, body)
				}
			}
		}
	}
	if asked < 200 {
		t.Errorf("asked only %d times", asked)
	}
}

// TestExplainIsBounded: with many routes it tells of a few.
func TestExplainIsBounded(t *testing.T) {
	got, err := Explain(testConfig(manyRoutes(500, 1)), status.RouteQuery{URL: "http://host7.example.com/api/x", Listener: "web"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Route != "route-00007" || len(got.Lost) != maxLost || got.Omitted != 499-maxLost {
		t.Errorf("route %q, %d lost and %d omitted", got.Route, len(got.Lost), got.Omitted)
	}
}

// FuzzExplain takes whatever somebody asks for.
func FuzzExplain(f *testing.F) {
	f.Add("http://Shop.test:8080/api/./x?y#z", "GET", "Host", "shop.test", "")
	f.Add("https://me@[::1]/%2e%2e/;x", "POST", "X-Tenant", "blue", "web")
	f.Add("http://x:0/", "OPTIONS", "Transfer-Encoding", "chunked", "plain")
	f.Add("http://a*b:80/%", "", "x_real.ip", "\x00", "no")
	g := New(Options{})
	defer g.upstreams.Close()
	s, err := g.compile(explained())
	if err != nil {
		f.Fatal(err)
	}
	for _, socket := range s.sockets {
		socket.bound.Store(8080)
	}
	f.Fuzz(func(t *testing.T, url, method, name, value, listener string) {
		got, err := g.explain(s, status.RouteQuery{URL: url, Method: method, Headers: map[string][]string{name: {value}}, Listener: listener})
		if err != nil {
			if !errors.Is(err, status.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		if got.Outcome == "" || got.Why == "" || (got.Route != "") != (got.Outcome == status.RouteServed) || len(got.Lost) > maxLost {
			t.Errorf("%+v", got)
		}
	})
}
