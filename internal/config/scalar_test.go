package config

import (
	"encoding"
	"testing"
	"testing/quick"
	"time"
)

func TestScalars(t *testing.T) {
	for _, tt := range []struct {
		in    string
		value encoding.TextUnmarshaler
		want  string // "" is an error
	}{
		{"30s", new(Duration), "30s"},
		{"0", new(Duration), "0s"},
		{"90s", new(Duration), "1m30s"},
		{"60m", new(Duration), "1h"},
		{"1h0m1s", new(Duration), "1h0m1s"},
		{"10h", new(Duration), "10h"},
		{"10m0s", new(Duration), "10m"},
		{"1.5s", new(Duration), "1.5s"},
		{"10", new(Duration), ""},
		{"-1s", new(Duration), ""},
		{"1d", new(Duration), ""},
		{"", new(Duration), ""},
		{"50MiB", new(Size), "50MiB"},
		{"1.5KiB", new(Size), "1536B"},
		{"1MB", new(Size), "1000000B"},
		{"1024", new(Size), "1KiB"},
		{"0", new(Size), "0B"},
		{"10 GiB", new(Size), "10GiB"},
		{"-1B", new(Size), ""},
		{"NaN", new(Size), ""},
		{"1e30", new(Size), ""},
		{"MiB", new(Size), ""},
		{"auto", new(Port), "auto"},
		{"none", new(Port), "none"},
		{"8080", new(Port), "8080"},
		{"0", new(Port), ""},
		{"65536", new(Port), ""},
		{"http", new(Port), ""},
	} {
		err := tt.value.UnmarshalText([]byte(tt.in))
		if (err != nil) != (tt.want == "") {
			t.Errorf("%T %q: error %v, want %q", tt.value, tt.in, err, tt.want)
			continue
		}
		if err != nil {
			continue
		}
		got, err := tt.value.(encoding.TextMarshaler).MarshalText()
		if err != nil || string(got) != tt.want {
			t.Errorf("%T %q = %s, %v; want %s", tt.value, tt.in, got, err, tt.want)
		}
	}
}

func TestScalarsRoundTrip(t *testing.T) {
	duration := func(n int64) bool {
		want := Duration(max(n, -n, 0))
		var got Duration
		return got.UnmarshalText([]byte(want.String())) == nil && got == want
	}
	size := func(n int64) bool {
		want := Size(max(n, -n, 0) >> 11) // a float64 holds 53 bits
		var got Size
		return got.UnmarshalText([]byte(want.String())) == nil && got == want
	}
	for _, f := range []any{duration, size} {
		if err := quick.Check(f, nil); err != nil {
			t.Error(err)
		}
	}
	if Duration(time.Minute).D() != time.Minute {
		t.Error("D changes the duration")
	}
}

func TestExpand(t *testing.T) {
	v := Values{App: "shop", Instance: "shop-1", Port: 20001}
	for in, want := range map[string]string{
		"":                            "",
		"plain $PORT {port}":          "plain $PORT {port}",
		"${port}":                     "20001",
		"http://x:${port}/${app}":     "http://x:20001/shop",
		"${instance}${instance}":      "shop-1shop-1",
		"$${port} ${port}":            "${port} 20001",
		"${other} ${port":             "${other} ${port",
		"$$${app}":                    "$${app}",
		"${app}$":                     "shop$",
		"${":                          "${",
		"日本${app}語":                   "日本shop語",
		"$${a}${app}$${b}${instance}": "${a}shop${b}shop-1",
	} {
		if got := Expand(in, v); got != want {
			t.Errorf("Expand(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Expand("[${port}]", Values{}); got != "[]" {
		t.Errorf("without a port: %q", got)
	}
	if got := ExpandRedirect("https://x${path}?${query}$${path}", "/a", "b=c"); got != "https://x/a?b=c${path}" {
		t.Errorf("ExpandRedirect = %q", got)
	}
}

// TestInterpolation shows that what a variable says is not looked at for placeholders again.
func TestInterpolation(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/value", "from ${file}\r\n")
	s := load(t, `
version: 1
apps:
  shop:
    command: [serve, "${env:A}", "${file:value}", "$${env:A}", "${env:NONE:-a b}", "${port}"]
    directory: "/$${x}/${env:B}"
`, Options{File: dir + "/holdfast.yaml", Environ: []string{"A=${port}", "B=${y}"}})
	app := s.Config.Apps["shop"]
	var got []string
	for _, arg := range app.Command {
		got = append(got, Expand(arg, Values{Port: 5}))
	}
	want := []string{"serve", "${port}", "from ${file}", "${env:A}", "a b", "5"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("argument %d = %q, want %q", i, got[i], want[i])
		}
	}
	if want := "/${x}/${y}"; app.Directory != want {
		t.Errorf("directory = %q, want %q", app.Directory, want)
	}
	if want := dir + "/value"; s.Files[len(s.Files)-1] != want {
		t.Errorf("Files = %q, want %q among them", s.Files, want)
	}
}
