package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// load reads a configuration that must be good.
func load(t *testing.T, text string, opts Options) *Snapshot {
	t.Helper()
	s, problems := Parse("holdfast.yaml", []byte(text), opts)
	if s == nil {
		t.Fatalf("the configuration is refused:\n%s", rendered(t, problems))
	}
	return s
}

func rendered(t *testing.T, problems Problems) string {
	t.Helper()
	var b strings.Builder
	if err := problems.Render(&b, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// write makes a file with its folders.
func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestEmptyConfigurationIsDefault(t *testing.T) {
	got := load(t, "version: 1\n", Options{}).Config
	want := Default()
	if diff := cmp.Diff(&want, got, cmp.Transformer("nil", func(m map[string]App) int { return len(m) }), cmp.Transformer("nilRoute", func(m map[string]Route) int { return len(m) }),
		cmp.Transformer("nilCert", func(m map[string]Certificate) int { return len(m) })); diff != "" {
		t.Errorf("an empty configuration is not Default() (-want +got):\n%s", diff)
	}
}

// TestBeside: two installations cannot both have the address of the management API.
func TestBeside(t *testing.T) {
	for _, tt := range []struct{ name, text, want, source string }{
		{"nobody says", "version: 1\n", ManagementOff, "default"},
		{"a port of its own", "version: 1\nmanagement: {address: '127.0.0.1:9181'}\n", "127.0.0.1:9181", "holdfast.yaml:2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := load(t, tt.text, Options{Beside: true})
			e, _ := s.Explain("management.address")
			if got := s.Config.Management.Address; got != tt.want || e.Source != tt.source {
				t.Errorf("management.address %q from %q, want %q from %q", got, e.Source, tt.want, tt.source)
			}
		})
	}
}

func TestDefaultsOfEntries(t *testing.T) {
	cfg := load(t, `
version: 1
logging: {file: {max_size: 1MiB}}
apps:
  shop: {command: [./serve], liveness_probe: {http_get: {}}}
  worker: {command: [./work], port: none}
routes:
  shop: {app: shop}
`, Options{}).Config
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	startup, readiness, liveness := DefaultProbe(true, false), DefaultProbe(false, false), DefaultProbe(false, true)
	want := DefaultApp()
	want.Command = []string{filepath.Join(dir, "serve")}
	want.Directory = dir
	want.StartupProbe, want.ReadinessProbe, want.LivenessProbe = &startup, &readiness, &liveness
	want.Output.File = RotatedFile{MaxSize: 1 << 20, MaxFiles: 10}
	if diff := cmp.Diff(want, cfg.Apps["shop"]); diff != "" {
		t.Errorf("app (-want +got):\n%s", diff)
	}
	if w := cfg.Apps["worker"]; w.StartupProbe != nil || w.ReadinessProbe != nil || w.LivenessProbe != nil {
		t.Errorf("an app without a port has probes: %+v", w)
	}
	if got := cfg.Logging.Access.File.MaxSize; got != 1<<20 {
		t.Errorf("logging.access.file.max_size = %v, want that of logging.file", got)
	}
	route := DefaultRoute()
	route.App, route.Listeners = "shop", []string{"web"}
	if diff := cmp.Diff(route, cfg.Routes["shop"]); diff != "" {
		t.Errorf("route (-want +got):\n%s", diff)
	}
}

func TestLayers(t *testing.T) {
	dir := t.TempDir()
	main := write(t, filepath.Join(dir, "holdfast.yaml"), `
version: 1
apps:
  shop: {command: [serve, a], instances: 1, env: {A: main, B: main}}
  my-app: {command: [serve]}
`)
	write(t, filepath.Join(dir, "conf.d", "10-shop.yaml"), "apps: {shop: {instances: 2, command: [./bin/serve], env: {B: confd}}}\n")
	write(t, filepath.Join(dir, "conf.d", "20-shop.yaml"), "apps: {shop: {instances: 3}}\n")
	write(t, filepath.Join(dir, "conf.d", ".20-shop.yaml.swp.yaml"), "not: read\n")
	opts := Options{
		File: main,
		Environ: []string{
			"HOLDFAST_APPS__SHOP__INSTANCES=4", "HOLDFAST_APPS__SHOP__ENV__B__C.D=env", "HOLDFAST_APPS__MY_APP__INSTANCES=9",
			"HOLDFAST_APPS__SHOP__DEPENDS_ON=[my-app]", "HOLDFAST_NAME=x", "HOLDFAST_LOGGING__LEVEL=debug",
		},
		Set: []string{"apps.shop.instances=5", "apps.shop.instances=6", "apps.shop.env.E.F=a=b", "routes.all.match.host=x.example.com", "routes.all.app=shop"},
	}
	s, problems := Load(opts)
	if s == nil {
		t.Fatal(rendered(t, problems))
	}
	shop := s.Config.Apps["shop"]
	env := map[string]string{}
	for k, v := range shop.Env {
		env[k] = v.Reveal()
	}
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"--set wins", shop.Instances, 6},
		{"lists replace", shop.Command, []string{filepath.Join(dir, "conf.d", "bin", "serve")}},
		{"directory is that of the file with the command", shop.Directory, filepath.Join(dir, "conf.d")},
		{"maps merge", env, map[string]string{"A": "main", "B": "confd", "B__C.D": "env", "E.F": "a=b"}},
		{"a dash is an underscore", s.Config.Apps["my-app"].Instances, 9},
		{"a list in a variable", shop.DependsOn, []string{"my-app"}},
		{"a section made by variables", s.Config.Logging.Level, LevelDebug},
		{"one value for a list", s.Config.Routes["all"].Match.Host, OneOrMany{"x.example.com"}},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}

	e, ok := s.Explain("apps.shop.instances")
	want := Explanation{
		Key: "apps.shop.instances", Value: int64(6), Source: "--set apps.shop.instances",
		Layers: []LayerValue{
			{"default", int64(1)},
			{main + ":4", int64(1)},
			{filepath.Join(dir, "conf.d", "10-shop.yaml") + ":1", int64(2)},
			{filepath.Join(dir, "conf.d", "20-shop.yaml") + ":1", int64(3)},
			{"environment variable HOLDFAST_APPS__SHOP__INSTANCES", int64(4)},
			{"--set apps.shop.instances", int64(6)},
		},
	}
	if diff := cmp.Diff(want, e); !ok || diff != "" {
		t.Errorf("Explain (-want +got):\n%s", diff)
	}
}

func TestExplain(t *testing.T) {
	s := load(t, `
version: 1
listeners: {web: {address: ":${env:WEB}"}}
apps:
  shop: {command: [serve, "${env:TOKEN}", "${port}"], instances: "${env:N}", env: {KEY: geheim}}
`, Options{Environ: []string{"WEB=81", "TOKEN=geheim", "N=3"}})
	for _, tt := range []struct {
		key          string
		value        any
		source       string
		childrenLike string
	}{
		{"apps.shop.instances", int64(3), "holdfast.yaml:5", ""},
		{"apps/shop/env/KEY", "******", "holdfast.yaml:5", ""},
		{"apps.shop.command", []any{"serve", "${env:TOKEN}", "${port}"}, "holdfast.yaml:5", ""},
		{"listeners.web.address", ":${env:WEB}", "holdfast.yaml:3", ""},
		{"apps.shop.restart.policy", "always", "default", ""},
		{"apps.shop.liveness_probe", nil, "not set", ""},
		{"listeners.web", map[string]any{
			"address": ":${env:WEB}", "http2": true, "read_header_timeout": "10s", "read_timeout": "0s", "idle_timeout": "2m", "max_header_size": "32KiB",
			"max_connections": int64(10000), "max_connections_per_client": int64(1000), "max_streams": int64(250), "min_data_rate": "240B",
		}, "", "address http2 read_header_timeout read_timeout idle_timeout max_header_size max_connections max_connections_per_client max_streams min_data_rate"},
	} {
		t.Run(tt.key, func(t *testing.T) {
			e, ok := s.Explain(tt.key)
			if !ok {
				t.Fatal("unknown")
			}
			if diff := cmp.Diff(tt.value, e.Value); diff != "" || e.Source != tt.source {
				t.Errorf("source %q, want %q; value (-want +got):\n%s", e.Source, tt.source, diff)
			}
			var children []string
			for _, c := range e.Children {
				children = append(children, strings.TrimPrefix(c.Key, tt.key+"."))
			}
			if got := strings.Join(children, " "); got != tt.childrenLike {
				t.Errorf("children %q, want %q", got, tt.childrenLike)
			}
		})
	}
	for key, want := range map[string]string{
		"apps.shop.instnces": `did you mean "instances"?`,
		"apps.shpo":          `did you mean "shop"?`,
		"apps.shop.port.x":   "apps.shop.port has no keys below it",
		"logs":               `did you mean "logging"? write logging: {level: ...}`,
	} {
		if _, ok := s.Explain(key); ok {
			t.Errorf("Explain(%q) knows it", key)
		}
		if got := s.Suggest(key); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", key, got, want)
		}
	}
	if got := s.Config.Listeners["web"].Address; got != ":81" {
		t.Errorf("address = %q, want that of the variable", got)
	}
}

func TestMissingFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "none", "holdfast.yaml")
	if s, problems := Load(Options{File: file}); s != nil || len(problems) != 1 || problems[0].Code != codeUnreadable {
		t.Errorf("a missing file: %v\n%s", s, rendered(t, problems))
	}
	if s, problems := Load(Options{File: file, Optional: true}); s == nil {
		t.Errorf("a missing optional file is refused:\n%s", rendered(t, problems))
	}
}

func TestHash(t *testing.T) {
	one := load(t, "version: 1\napps: {a: {command: [x]}}\n", Options{})
	same := load(t, "# comment\napps:\n  a:\n    command:\n    - x\nversion: 1\n", Options{})
	other := load(t, "version: 1\napps: {a: {command: [x], env: {A: b}}}\n", Options{})
	if one.Hash != same.Hash {
		t.Error("the hash depends on the form of the text")
	}
	if one.Hash == other.Hash {
		t.Error("the hash does not tell a changed variable")
	}
}

func TestDiff(t *testing.T) {
	old := load(t, "version: 1\napps: {a: {command: [x]}, b: {command: [x], env: {K: '1'}}, c: {command: [x]}}\n", Options{}).Config
	updated := load(t, "version: 1\nlogging: {level: warn}\napps: {a: {command: [x]}, b: {command: [x], env: {K: '2'}}, d: {command: [x]}}\nroutes: {r: {app: a}}\n", Options{}).Config
	want := Changes{AppsAdded: []string{"d"}, AppsRemoved: []string{"c"}, AppsChanged: []string{"b"}, Routes: true, Logging: true}
	if diff := cmp.Diff(want, Diff(old, updated)); diff != "" {
		t.Errorf("Diff (-want +got):\n%s", diff)
	}
	if c := Diff(old, old); !c.Empty() {
		t.Errorf("Diff with itself: %+v", c)
	}
	if c := Diff(nil, old); len(c.AppsAdded) != 3 || !c.Listeners {
		t.Errorf("Diff with nothing: %+v", c)
	}
}
