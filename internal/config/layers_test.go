package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAssignmentProblems shows what is told about values from outside of the files.
func TestAssignmentProblems(t *testing.T) {
	const text = "version: 1\napps: {shop: {command: [serve]}}\n"
	for _, tt := range []struct {
		name, environ, set string
		code, want         string // nothing is told when code is empty
	}{
		{"not ours", "HOLDFAST_NAME=x", "", "", ""},
		{"another program's", "SHOP__X=y", "", "", ""},
		{"unknown section", "HOLDFAST_APP__SHOP__PORT=1", "", codeUnknownKey, `did you mean "apps"?`},
		{"unknown key", "HOLDFAST_APPS__SHOP__INSTNCES=1", "", codeUnknownKey, `did you mean "instances"?`},
		{"ASP.NET spelling", "HOLDFAST__APPS__SHOP__PORT=1", "", codeUnknownKey, `did you mean "apps"?`},
		{"bad value", "HOLDFAST_APPS__SHOP__INSTANCES=two", "", codeValue, "environment variable HOLDFAST_APPS__SHOP__INSTANCES"},
		{"below a value", "HOLDFAST_APPS__SHOP__PORT__X=1", "", codeAssignment, "has no keys below it"},
		{"into a list", "", "apps.shop.command.0=x", codeAssignment, "set it as a whole"},
		{"a list as text", "", "apps.shop.command=serve", codeType, "write command: [serve]"},
		{"a broken list", "", "apps.shop.command=[serve", codeAssignment, "a list"},
		{"no equals sign", "", "apps.shop.port", codeAssignment, "is not KEY=VALUE"},
		{"later key", "", "telemetry.otlp=x", codeNotServed, "remove it"},
		{"bad name", "", "apps.-x.port=1", codeName, "cannot be a name"},
		{"reference", "", "routes.r.app=shp", codeReference, `did you mean "shop"?`},
		{"placeholder", "", "logging.level=${env:NONE}", codeUnresolved, "NONE is not set"},
		{"a section", "", "apps.shop={instances: 2, port: none}", "", ""},
		{"an empty section", "HOLDFAST_APPS__SHOP__LIVENESS_PROBE__TCP_SOCKET={}", "", "", ""},
		{"empty list", "", "apps.shop.depends_on=", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opts := Options{}
			if tt.environ != "" {
				opts.Environ = []string{tt.environ}
			}
			if tt.set != "" {
				opts.Set = []string{tt.set}
			}
			problems := Check("holdfast.yaml", []byte(text), opts)
			told := rendered(t, problems)
			switch {
			case tt.code == "" && len(problems) > 0:
				t.Errorf("unexpected:\n%s", told)
			case tt.code != "" && (len(problems) == 0 || problems[0].Code != tt.code || !strings.Contains(told, tt.want)):
				t.Errorf("want %s with %q, got:\n%s", tt.code, tt.want, told)
			}
		})
	}
}

// TestFilesThatCannotBeRead are problems of their own, and make no others.
func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	main := write(t, filepath.Join(dir, "holdfast.yaml"), "version: 1\nroutes: {shop: {app: shop}}\n")
	if err := os.MkdirAll(filepath.Join(dir, "conf.d", "folder.yaml"), 0o750); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "conf.d", "shop.yaml"), "apps: {shop: [\n")
	_, problems := Load(Options{File: main})
	var codes []string
	for _, p := range problems {
		codes = append(codes, p.Code)
	}
	// The app is in the file with the syntax error, so that nobody is told it does not exist.
	if got, want := strings.Join(codes, " "), codeUnreadable+" "+codeSyntax; got != want {
		t.Errorf("codes %s, want %s:\n%s", got, want, rendered(t, problems))
	}
	if _, problems := Load(Options{File: filepath.Join(dir, "conf.d", "shop.yaml")}); !strings.Contains(rendered(t, problems), "the [") {
		t.Errorf("a part by itself:\n%s", rendered(t, problems))
	}
	write(t, filepath.Join(dir, "conf.d", "shop.yaml"), "apps: {shop: {command: [serve]}}\n")
	if _, problems := Load(Options{File: filepath.Join(dir, "conf.d", "shop.yaml")}); !strings.Contains(rendered(t, problems), "check the main file beside the folder") {
		t.Errorf("a part by itself:\n%s", rendered(t, problems))
	}
}

func TestProblems(t *testing.T) {
	problems := Check("x.yaml", []byte("version: 1\nlogging: {level: x, format: y}\nroutes: {r: {respond: {}, timeout: 1s}}\n"), Options{})
	if got, want := problems.Summary(), "2 errors, 1 warning"; got != want {
		t.Errorf("Summary = %q, want %q", got, want)
	}
	want := `configuration: x.yaml:2:18: level: "x" is not one of debug, info, warn, error; write one of debug, info, warn, error (and 1 more error) [HF205]`
	if err := problems.Err(); err == nil || err.Error() != want {
		t.Errorf("Err = %v, want %s", err, want)
	}
	if err := Check("x.yaml", []byte("version: 1\n"), Options{}).Err(); err != nil {
		t.Errorf("Err without problems = %v", err)
	}
	var b strings.Builder
	if err := problems.Render(&b, true); err != nil || !strings.Contains(b.String(), "\x1b[31merror[HF205]\x1b[0m") {
		t.Errorf("no colours: %v\n%s", err, b.String())
	}
}

// TestOtherEncodings reads what Windows editors write.
func TestOtherEncodings(t *testing.T) {
	for name, text := range map[string]string{
		"UTF-8 with a mark":    "\xef\xbb\xbfversion: 1\r\nlogging: {level: warn}\r\n",
		"UTF-16 little endian": "\xff\xfe" + strings.Join(strings.Split("version: 1\nlogging: {level: warn}\n", ""), "\x00") + "\x00",
		"UTF-16 big endian":    "\xfe\xff\x00" + strings.Join(strings.Split("version: 1\nlogging: {level: warn}\n", ""), "\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			if got := load(t, text, Options{}).Config.Logging.Level; got != LevelWarn {
				t.Errorf("level = %q", got)
			}
		})
	}
}
