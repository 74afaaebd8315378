package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/status"
)

func TestRouteTestForms(t *testing.T) {
	plain := style{unicode: true, now: now(), zone: time.UTC}
	c := &console{name: "Holdfast"}
	served := status.RouteTest{
		Outcome: status.RouteServed, Why: "it is for this very host and what is below /api", Listener: "web", OtherListeners: []string{"web-6"},
		Method: "GET", Host: "shop.test", Path: "/api/things", Route: "shop", Kind: "app", Target: "shop", App: "shop", SentPath: "/things",
		Policies: []string{"cors", "max_body_size"}, Notes: []string{"X-Real-Ip is deleted: only a trusted proxy may send it"},
		Lost: []status.RouteLoss{
			{Route: "upload", Why: "method is GET, wants POST or PUT"},
			{Route: "all", Why: `less specific: it is for every host, and "shop" for this very host`},
		},
		Omitted: 12,
	}
	for name, test := range map[string]struct {
		url string
		t   status.RouteTest
	}{
		"route_served.txt": {"http://shop.test:8080/api/things", served},
		"route_none.txt": {"http://shop.test:8080/x", status.RouteTest{
			Outcome: status.RouteNone, Why: `no route of listener "web" matches`, Status: 404, Listener: "web", Method: "GET", Host: "shop.test", Path: "/x",
			Lost: []status.RouteLoss{{Route: "inside", Why: `it answers on listener "admin", not on "web"`}}, Omitted: 1,
		}},
		"route_refused.txt": {"http://shop.test:8080/a%2fb", status.RouteTest{
			Outcome: status.RouteRefused, Why: "the path has an escaped slash or a backslash", Status: 400, Listener: "web", Method: "GET", Host: "shop.test",
		}},
		"route_redirected.txt": {"http://shop.test/x", status.RouteTest{
			Outcome: status.RouteRedirected, Why: `listener "plain" sends every request to listener "secure"`, Status: 308, Location: "https://shop.test/x?a=b&c",
			Listener: "plain", Method: "GET", Host: "shop.test", Path: "/x",
		}},
		"route_no_listener.txt": {"http://shop.test/x", status.RouteTest{
			Outcome: status.RouteNoListener, Why: `no listener takes http for shop.test on port 80; "web" takes http on :8080`, Method: "GET",
		}},
		"route_answered.txt": {"http://shop.test:8080/", status.RouteTest{
			Outcome: status.RouteAnswered, Why: "the gateway answers this itself, for the whole server", Status: 200, Listener: "web", Method: "OPTIONS",
		}},
		"route_hostile.txt": {"http://x/\x1b[2J", status.RouteTest{
			Outcome: status.RouteRedirected, Why: "\x1b[2J", Status: 308, Location: "http://y/\x1b[2J", Listener: "web", Method: "GET", Host: "x", Path: "/\x1b[2J",
			Notes: []string{"\a"}, Lost: []status.RouteLoss{{Route: "a", Why: "\x1b]0;x\a"}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := c.writeRouteTest(&b, plain, status.RouteQuery{URL: test.url}, test.t); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(b.String(), "\x1b\a") {
				t.Errorf("drives the terminal: %q", b.String())
			}
			golden(t, name, b.String())
		})
	}
}

func TestRouteTestAsksTheService(t *testing.T) {
	_, data := newFakeHoldfast(t)
	code, stdout, stderr := runCLI("route", "test", "http://x/", "-H", "x-tenant:  blue ", "-H", "X-Tenant: red", "--data", data)
	if code != exitOK || !strings.Contains(stdout, "asked with map[X-Tenant:[blue red]]") || !strings.Contains(stdout, "Next: holdfast status shop") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	code, _, stderr = runCLI("route", "test", "http://x/", "--listener", "none", "--data", data)
	if code != exitUsage || !strings.Contains(stderr, `there is no listener "none"`) {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if code, _, stderr := runCLI("route", "test", "http://x/", "-H", "nothing", "--data", data); code != exitUsage || !strings.Contains(stderr, "write 'Name: value'") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	if code, stdout, _ := runCLI("route", "ls", "--data", data); code != exitOK || stdout == "" {
		t.Errorf("ls: exit %d, %s", code, stdout)
	}
}

func TestRouteTestOfFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "holdfast.yaml")
	if err := os.WriteFile(file, []byte(`version: 1
listeners: {web: {address: ":8080"}}
routes:
  shop: {match: {host: shop.test, path_prefix: /api}, strip_prefix: /api, urls: ["http://127.0.0.1:3000"]}
  post: {match: {host: shop.test, path_prefix: /api, method: POST}, respond: {status: 204}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, data := newFakeHoldfast(t) // runs, and is not asked
	for _, test := range []struct {
		args []string
		code int
		want status.RouteTest
	}{
		{[]string{"http://shop.test:8080/api/x"}, exitOK, status.RouteTest{Outcome: status.RouteServed, Route: "shop", SentPath: "/x"}},
		{[]string{"http://shop.test:8080/api/x", "-X", "POST"}, exitOK, status.RouteTest{Outcome: status.RouteServed, Route: "post"}},
		{[]string{"http://10.0.0.1/api", "-H", "Host: shop.test", "--listener", "web"}, exitOK, status.RouteTest{Outcome: status.RouteServed, Route: "shop", SentPath: "/"}},
		{[]string{"http://shop.test:8080/"}, exitFailed, status.RouteTest{Outcome: status.RouteNone}},
		{[]string{"http://shop.test/api"}, exitFailed, status.RouteTest{Outcome: status.RouteNoListener}},
		{[]string{"http://shop.test:8080/%00"}, exitFailed, status.RouteTest{Outcome: status.RouteRefused}},
	} {
		code, stdout, stderr := runCLI(append([]string{"route", "test", "--data", data, "--config", file, "-o", "json"}, test.args...)...)
		var got status.RouteTest
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || stderr != "" {
			t.Fatalf("%v: %v\n%s%s", test.args, err, stdout, stderr)
		}
		if code != test.code || got.Outcome != test.want.Outcome || got.Route != test.want.Route || got.SentPath != test.want.SentPath {
			t.Errorf("%v: exit %d, %s by %q with %q; want exit %d and %+v", test.args, code, got.Outcome, got.Route, got.SentPath, test.code, test.want)
		}
	}
	if code, _, stderr := runCLI("route", "test", "shop.test", "--config", file); code != exitUsage || !strings.Contains(stderr, "is not a whole URL") {
		t.Errorf("no URL: exit %d, %s", code, stderr)
	}
	// Without a service the name's own file tells, and it is said so.
	t.Setenv("HOLDFAST_CONFIG", file)
	code, stdout, stderr := runCLI("route", "test", "http://shop.test:8080/api", "--data", t.TempDir())
	if code != exitOK || !strings.Contains(stdout, "route shop") || !strings.Contains(stderr, "Holdfast is not running: this is what it would do with "+file) {
		t.Errorf("no service: exit %d\n%s%s", code, stdout, stderr)
	}
	if err := os.WriteFile(file, []byte("version: 1\nrutes: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := runCLI("route", "test", "http://x/", "--config", file); code != exitInvalid || !strings.Contains(stderr, "HF204") {
		t.Errorf("bad file: exit %d, %s", code, stderr)
	}
}
