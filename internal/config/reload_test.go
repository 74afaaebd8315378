package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// manyRoutes is a file with n routes.
func manyRoutes(n int) []byte {
	var text strings.Builder
	text.WriteString("version: 1\nroutes:\n")
	for i := range n {
		fmt.Fprintf(&text, "  route-%05d:\n    match: {host: shop-%d.example.com, path_prefix: /api}\n    strip_prefix: /api\n    urls: [\"http://127.0.0.1:3000\"]\n", i, i)
	}
	return []byte(text.String())
}

// BenchmarkReload reads a configuration anew and compares it with the one before, which stays in
// memory, as it does in the service.
func BenchmarkReload(b *testing.B) {
	for _, n := range []int{10, 10000} {
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			data := manyRoutes(n)
			was, problems := Parse("bench.yaml", data, Options{})
			if was == nil {
				b.Fatal(problems.Err())
			}
			b.ReportAllocs()
			for b.Loop() {
				now, problems := Parse("bench.yaml", data, Options{})
				if now == nil {
					b.Fatal(problems.Err())
				}
				if !Diff(was.Config, now.Config).Empty() {
					b.Fatal("the same file makes another configuration")
				}
				was = now
			}
		})
	}
}

func BenchmarkDiff(b *testing.B) {
	data := manyRoutes(10000)
	one, _ := Parse("bench.yaml", data, Options{})
	other, _ := Parse("bench.yaml", data, Options{})
	for b.Loop() {
		Diff(one.Config, other.Config)
	}
}

// TestHashTellsTreesApart has trees that a careless writer would write alike.
func TestHashTellsTreesApart(t *testing.T) {
	trees := []map[string]any{
		{},
		{"a": ""},
		{"a": nil},
		{"a": map[string]any{}},
		{"a": []any{}},
		{"a": []any{""}},
		{"a": []any{"b", "c"}},
		{"a": []any{"bc"}},
		{"a": []any{"b"}, "c": ""},
		{"a": map[string]any{"b": "c"}},
		{"a": map[string]any{}, "b": "c"},
		{"a": int64(1)},
		{"a": int64(-1)},
		{"a": "1"},
		{"a": true},
		{"a": false},
		{"ab": "c"},
		{"a": "bc"},
		{"a": strings.Repeat("x", 3*hashChunk)},
		{"a": strings.Repeat("x", 3*hashChunk-1)},
	}
	seen := map[string]int{}
	for i, tree := range trees {
		hash := hashOf(tree)
		if other, ok := seen[hash]; ok {
			t.Errorf("trees %d and %d have the same hash", i, other)
		}
		seen[hash] = i
	}
	large := func() map[string]any {
		s, problems := Parse("a.yaml", manyRoutes(50), Options{})
		if s == nil {
			t.Fatal(problems.Err())
		}
		return s.merged.tree()
	}
	if one, other := hashOf(large()), hashOf(large()); one != other {
		t.Error("the same tree has two hashes")
	}
}

// TestRoutesAreNotMergedButAsIfTheyWere compares the short ways with the long one: the whole tree.
func TestRoutesAreNotMergedButAsIfTheyWere(t *testing.T) {
	text := `version: 1
listeners: {web: {address: ":8080"}}
routes:
  plain: {urls: ["http://127.0.0.1:3000"], match: {host: [a.test, b.test], header: {X-A: b}}, parking: {timeout: 3s}, timeout: 7s}
  list: {match: {path: /x}, listeners: [web], respond: {status: 204, headers: {X-B: c}}}
  rules:
    match: {path: /y}
    urls: ["http://127.0.0.1:3000", "http://127.0.0.1:3001"]
    flow: [{qps: 5}, {concurrency: 3, control: throttle, qps: 2}]
    circuit_breaker: [{}, {strategy: error_count}, {strategy: error_count, threshold: 7}]
    retry: {attempts: 3}
    outlier: {}
    transport: {protocol: h2c}
    health_check: {http_get: {path: /healthz}}
    fallback: {respond: {status: 503, body: x}}
`
	opts := Options{Set: []string{"routes.plain.parking.max_requests=7", "routes.list.priority=3"}}
	s, problems := Parse("a.yaml", []byte(text), opts)
	if s == nil {
		t.Fatal(problems.Err())
	}
	whole := &Config{}
	if err := s.root.fill(reflect.ValueOf(whole).Elem(), s.merged.tree()); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(whole, s.Config) {
		t.Error(cmp.Diff(whole, s.Config))
	}
	if got := hashOf(s.merged.tree()); got != s.Hash {
		t.Errorf("hash of the whole tree %s, told %s", got, s.Hash)
	}
	for key, want := range map[string]any{
		"routes.plain.parking.max_requests": int64(7),
		"routes.plain.parking.timeout":      "3s",
		"routes.plain.balance":              "round_robin",
		"routes.rules.timeout":              "30s",
		"routes.rules.outlier.eject_for":    "30s",
	} {
		e, known := s.Explain(key)
		if !known || e.Value != want {
			t.Errorf("%s: %v, want %v", key, e.Value, want)
		}
		if isDefault := want == "round_robin" || want == "30s"; isDefault != (e.Source == "default") {
			t.Errorf("%s comes from %q", key, e.Source)
		}
	}
}

// TestFillRefusesMisfits: the reader keeps them from coming, so nothing else sees these errors.
func TestFillRefusesMisfits(t *testing.T) {
	for want, tree := range map[string]map[string]any{
		"routes: r: a string for a config.Route":           {"routes": map[string]any{"r": "x"}},
		"routes: a []interface {} for a map[string]config": {"routes": []any{}},
		"routes: r: urls: a string for a []string":         {"routes": map[string]any{"r": map[string]any{"urls": "x"}}},
		"routes: r: urls: 0: a bool for a string":          {"routes": map[string]any{"r": map[string]any{"urls": []any{true}}}},
		"version: a string for a int":                      {"version": "one"},
		"logging: access: enabled: a int64 for a bool":     {"logging": map[string]any{"access": map[string]any{"enabled": int64(1)}}},
		"routes: r: timeout: a bool for a config.Duration": {"routes": map[string]any{"r": map[string]any{"timeout": true}}},
		"routes: r: timeout: \"soon\" is not a duration":   {"routes": map[string]any{"r": map[string]any{"timeout": "soon"}}},
	} {
		err := rootShape().fill(reflect.ValueOf(&Config{}).Elem(), tree)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", tree, err, want)
		}
	}
}

// TestShadowed is about who is told to win when several do.
func TestShadowed(t *testing.T) {
	s, problems := Parse("a.yaml", []byte(`version: 1
listeners: {a: {address: ":1"}, b: {address: ":2"}}
routes:
  one: {match: {host: [x.test, Y.test]}, listeners: [a], respond: {status: 204}}
  two: {match: {host: [y.test, X.test]}, listeners: [a], priority: 2, respond: {status: 204}}
  three: {match: {host: [y.test, X.test]}, listeners: [a, b], priority: 1, respond: {status: 204}}
  four: {match: {host: [x.test, y.test]}, respond: {status: 204}}
  other: {match: {host: [x.test, y.test], path: /x}, respond: {status: 204}}
`), Options{})
	if s == nil {
		t.Fatal(problems.Err())
	}
	var got []string
	for _, p := range problems {
		if p.Code == codeShadowed {
			got = append(got, p.Message)
		}
	}
	want := []string{
		`routes.one never answers: route "two" matches the same requests and has a higher priority`,
		`routes.four never answers: route "three" matches the same requests and has a higher priority`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestSameSeesEveryKey changes one value after the other of one of two equal routes, however deep it is.
func TestSameSeesEveryKey(t *testing.T) {
	one, other, values := &Route{}, &Route{}, 0
	compare := func(name string, want bool) {
		t.Helper()
		if values++; Diff(&Config{Routes: map[string]Route{"r": *one}}, &Config{Routes: map[string]Route{"r": *other}}).Routes == want {
			t.Errorf("%s: taken for the same: %v, want %v", name, !want, want)
		}
	}
	var walk func(name string, a, b reflect.Value)
	walk = func(name string, a, b reflect.Value) {
		var steps []reflect.Value
		switch a.Kind() { //nolint:exhaustive // the kinds that the types use
		case reflect.Struct:
			for i := range a.NumField() {
				walk(name+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
			}
			return
		case reflect.Pointer:
			steps = append(steps, reflect.New(a.Type().Elem()))
		case reflect.Slice:
			steps = append(steps, reflect.MakeSlice(a.Type(), 0, 0), reflect.MakeSlice(a.Type(), 1, 1))
		case reflect.Map:
			one := reflect.MakeMap(a.Type())
			one.SetMapIndex(reflect.ValueOf("x"), reflect.Zero(a.Type().Elem()))
			steps = append(steps, reflect.MakeMap(a.Type()), one)
		case reflect.String:
			steps = append(steps, reflect.ValueOf("x").Convert(a.Type()))
		case reflect.Bool:
			steps = append(steps, reflect.ValueOf(true))
		case reflect.Int, reflect.Int64, reflect.Float64:
			steps = append(steps, reflect.ValueOf(1).Convert(a.Type()))
		default:
			t.Fatalf("%s: what is a %s?", name, a.Kind())
		}
		was := reflect.New(a.Type()).Elem()
		was.Set(a)
		for _, step := range steps {
			a.Set(step)
			compare(name, false)
			if step.Kind() == reflect.Pointer {
				step = reflect.New(step.Type().Elem())
			} else if step.Kind() == reflect.Slice {
				step = reflect.MakeSlice(step.Type(), step.Len(), step.Len())
			}
			b.Set(step)
			compare(name, true)
		}
		switch a.Kind() { //nolint:exhaustive // those with something inside
		case reflect.Pointer:
			walk(name, a.Elem(), b.Elem())
		case reflect.Slice:
			walk(name+"[]", a.Index(0), b.Index(0))
		}
		a.Set(was)
		b.Set(was)
	}
	walk("Route", reflect.ValueOf(one).Elem(), reflect.ValueOf(other).Elem())
	if values < 100 {
		t.Errorf("only %d values were compared", values)
	}
}

func TestDiffOfRoutes(t *testing.T) {
	routes := func(edit func(map[string]Route)) *Config {
		r := map[string]Route{"a": {URLs: []string{"http://x"}}, "b": {App: "b"}}
		edit(r)
		return &Config{Routes: r}
	}
	same := func(map[string]Route) {}
	for name, test := range map[string]struct {
		edit func(map[string]Route)
		want bool
	}{
		"same":    {same, false},
		"added":   {func(r map[string]Route) { r["c"] = Route{} }, true},
		"removed": {func(r map[string]Route) { delete(r, "b") }, true},
		"renamed": {func(r map[string]Route) { r["c"] = r["b"]; delete(r, "b") }, true},
		"changed": {func(r map[string]Route) { r["a"] = Route{URLs: []string{"http://y"}} }, true},
	} {
		if got := Diff(routes(same), routes(test.edit)).Routes; got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
