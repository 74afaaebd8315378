package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestInstallDir puts the executable's folder wherever a text may have a placeholder.
func TestInstallDir(t *testing.T) {
	dir := t.TempDir()
	opts := Options{InstallDir: dir, Environ: []string{"TOKEN=hunter2"}}
	s := load(t, `
version: 1
apps:
  shop:
    command: ["${install_dir}/app/server", "--site=${install_dir}/site", "${port}", "$${install_dir}"]
    directory: ${install_dir}/app
    env: {HOME_DIR: "${install_dir}", BOTH: "${install_dir}/${env:TOKEN}"}
routes:
  r: {file_server: {root: "${install_dir}/site"}}
`, opts)
	app := s.Config.Apps["shop"]
	if diff := cmp.Diff([]string{filepath.Join(dir, "app", "server"), "--site=" + dir + "/site", "${port}", "$${install_dir}"}, app.Command); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
	if app.Directory != filepath.Join(dir, "app") || s.Config.Routes["r"].FileServer.Root != filepath.Join(dir, "site") {
		t.Errorf("directory %q, root %q", app.Directory, s.Config.Routes["r"].FileServer.Root)
	}
	if app.Env["HOME_DIR"].Reveal() != dir || app.Env["BOTH"].Reveal() != dir+"/hunter2" {
		t.Error("env has other texts")
	}
	// It is no secret: explain and problems show the folder itself.
	if e, _ := s.Explain("apps.shop.directory"); e.Value != filepath.Join(dir, "app") {
		t.Errorf("explain shows %v", e.Value)
	}
	if told := rendered(t, s.Warnings); !strings.Contains(told, "the folder "+filepath.Join(dir, "site")+" is not there") {
		t.Errorf("told:\n%s", told)
	}
	for text, want := range map[string]string{
		"${instal_dir}":    "did you mean ${install_dir}?",
		"${install_dir:x}": "unknown placeholder ${install_dir:x}",
		"${INSTALL_DIR}":   "did you mean ${env:INSTALL_DIR}?",
	} {
		told := rendered(t, Check("x.yaml", []byte("version: 1\nlogging: {level: '"+text+"'}\n"), opts))
		if !strings.Contains(told, want) {
			t.Errorf("%s: want %q, told:\n%s", text, want, told)
		}
	}
	told := rendered(t, Check("x.yaml", []byte("version: 1\nlogging: {level: '${install_dir}'}\n"), Options{}))
	if !strings.Contains(told, "the folder of the Holdfast executable is not known") {
		t.Errorf("told:\n%s", told)
	}
}

// TestElsewhere checks a configuration for another machine: what only that one has is not missed, and
// its paths are its own.
func TestElsewhere(t *testing.T) {
	const text = `
version: 1
listeners: {s: {address: ':443', certificate: c}}
certificates: {c: {cert_file: 'C:\certs\c.pem', key_file: certs\c.key}}
logging: {level: "${env:LEVEL}"}
apps:
  a:
    command: ['${install_dir}\app\node.exe', server.js, '${port}']
    directory: '${install_dir}\app\..\app'
  b: {command: ['bin\serve.exe'], env: {P: '${file:C:\secret}', Q: x}}
  c: {command: [dotnet, x], port: "${env:PORT}"}
  d: {command: ['\\server\share\x.exe', '${env:X}']}
routes:
  r: {app: a, timeout: "${env:T:-5s}"}
  f: {match: {path: /f}, file_server: {root: site/public}}
`
	registry := policies(sz("LogLevel", "loud"))
	opts := withPolicy(registry)
	opts.Elsewhere, opts.InstallDir = "windows", `C:\Program Files\Shop`
	opts.Environ = []string{"PATH=" + t.TempDir()}
	s := load(t, text, opts)
	if len(s.Warnings) > 0 {
		t.Errorf("told:\n%s", rendered(t, s.Warnings))
	}
	type paths struct{ Command, Directory string }
	got := map[string]paths{}
	for name, app := range s.Config.Apps {
		got[name] = paths{strings.Join(app.Command, " "), app.Directory}
		if app.Stop.Method != StopCtrlC {
			t.Errorf("app %s is stopped by %s", name, app.Stop.Method)
		}
	}
	want := map[string]paths{
		"a": {`C:\Program Files\Shop\app\node.exe server.js ${port}`, `C:\Program Files\Shop\app`},
		"b": {`bin\serve.exe`, ""},
		"c": {"dotnet x", ""},
		"d": {"", ""}, // it has an argument that nobody knows here
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	if root := s.Config.Routes["f"].FileServer.Root; root != `site\public` {
		t.Errorf("root %q", root)
	}
	if s.Config.Certificates["c"].KeyFile != `certs\c.key` || s.Config.Logging.Level != LevelInfo || s.Config.Routes["r"].Timeout != 5*second {
		t.Errorf("%+v %+v", s.Config.Certificates, s.Config.Logging)
	}
	// Mistakes are told all the same.
	told := rendered(t, Check("x.yaml", []byte("version: 1\napps: {a: {command: [x, '&&', y], instnces: 2}}\n"), opts))
	if !strings.Contains(told, codeUnknownKey) || !strings.Contains(told, codeNoEffect) {
		t.Errorf("told:\n%s", told)
	}
	// Here the same text has many faults: the test above could not pass by itself.
	if problems := Check("x.yaml", []byte(text), Options{InstallDir: "/opt"}); problems.Errors() < 4 {
		t.Errorf("told here:\n%s", rendered(t, problems))
	}
}

// TestElsewhereParts takes the parts of conf.d along.
func TestElsewhereParts(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "holdfast.yaml"), "version: 1\napps: {a: {command: ['.\\a.exe']}}\n")
	write(t, filepath.Join(dir, "conf.d", "b.yaml"), "apps: {b: {command: ['.\\b.exe']}}\n")
	s, problems := Load(Options{File: file, Elsewhere: "windows"})
	if s == nil || len(problems) > 0 {
		t.Fatal(rendered(t, problems))
	}
	if a, b := s.Config.Apps["a"], s.Config.Apps["b"]; a.Command[0] != "a.exe" || b.Command[0] != `conf.d\b.exe` || b.Directory != "conf.d" {
		t.Errorf("%q in %q, %q in %q", a.Command, a.Directory, b.Command, b.Directory)
	}
}

func TestMachinePaths(t *testing.T) {
	windows, linux := machineOf("windows"), machineOf("linux")
	for _, tt := range []struct {
		m           machine
		name        string
		abs         bool
		clean, base string
	}{
		{windows, `C:\a\..\b`, true, `C:\b`, "b"},
		{windows, `c:/a/b`, true, `c:\a\b`, "b"},
		{windows, `C:a`, false, `C:a`, "a"},
		{windows, `C:`, false, `C:`, "."},
		{windows, `\a`, false, `\a`, "a"},
		{windows, `a\.\b.exe`, false, `a\b.exe`, "b.exe"},
		{windows, `\\server\share`, false, `\\server\share`, "."},
		{windows, `\\server\share\a\..\..\b`, true, `\\server\share\b`, "b"},
		{windows, `\\server`, false, `\server`, "server"},
		{windows, `/a`, false, `\a`, "a"},
		{linux, `/a/../b`, true, `/b`, "b"},
		{linux, `C:\a`, false, `C:\a`, `C:\a`},
	} {
		if abs, clean, base := tt.m.isAbs(tt.name), tt.m.clean(tt.name), tt.m.base(tt.name); abs != tt.abs || clean != tt.clean || base != tt.base {
			t.Errorf("%s: %v %s %s, want %v %s %s", tt.name, abs, clean, base, tt.abs, tt.clean, tt.base)
		}
	}
}
