package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/api"
	"holdfast/internal/config"
	"holdfast/internal/service"
)

// refusing is a Holdfast whose machine takes no new configuration.
type refusing struct {
	*fakeHoldfast
	file string
}

func (r refusing) Snapshot() *config.Snapshot {
	s := r.fakeHoldfast.Snapshot()
	s.Files = []string{r.file}
	return s
}

// TestAddTakesBack wants nothing to stay of what the running Holdfast refuses.
func TestAddTakesBack(t *testing.T) {
	f, _ := newFakeHoldfast(t)
	own := t.TempDir()
	file := filepath.Join(own, "holdfast.yaml")
	if err := os.WriteFile(file, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.problems = config.Problems{{Code: config.CodeNotApplied, Severity: config.Error, Message: "the machine says no"}}
	serve(t, refusing{f, file}, own)
	code, stdout, stderr := runCLI("add", "new", "--data", own, "--config", file, "--", "holdfast", "demo-app")
	if code != exitInvalid || !strings.Contains(stdout, "the machine says no") || !strings.Contains(stdout, "taken back") {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	if left, err := filepath.Glob(filepath.Join(own, "conf.d", "*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// serve is a Holdfast of the data folder own.
func serve(t *testing.T, r refusing, own string) {
	t.Helper()
	id, err := service.NewIdentity("Holdfast")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := api.Listen(t.Context(), id.WithDataDir(own).Endpoint(), "Holdfast", nil)
	if err != nil {
		t.Fatal(err)
	}
	server := api.New(api.Options{Apps: r, Logs: r, Config: r, Routes: r, Service: r, Bus: r.bus, Gatherer: prometheus.NewRegistry()})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.ServeLocal(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// TestWriteNew never replaces a file, and leaves nothing else in the folder.
func TestWriteNew(t *testing.T) {
	name := filepath.Join(t.TempDir(), "app.yaml")
	if err := writeNew(name, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeNew(name, []byte("two"), 0o644); err == nil || !strings.Contains(err.Error(), "not overwritten") {
		t.Errorf("error %v", err)
	}
	text, err := os.ReadFile(name)
	if err != nil || string(text) != "one" {
		t.Errorf("it holds %q, %v", text, err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(name), "*")); err != nil || len(left) != 1 {
		t.Errorf("the folder has %v, %v", left, err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(name), ".*")); err != nil || len(left) != 0 {
		t.Errorf("the folder has %v, %v", left, err)
	}
}

// TestWriteAllOrNothing takes the first file back when the second one cannot be written.
func TestWriteAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	target := confTarget{opts: config.Options{File: filepath.Join(dir, "holdfast.yaml")}, missing: true}
	if err := os.MkdirAll(filepath.Join(dir, "conf.d", "b.yaml"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := target.write([]confFile{{"a.yaml", []byte("a")}, {"b.yaml", []byte("b")}}); err == nil {
		t.Error("a folder was written over")
	}
	for _, name := range []string{"holdfast.yaml", "conf.d/a.yaml"} {
		if hasFile(filepath.Join(dir, filepath.FromSlash(name))) {
			t.Errorf("%s was left", name)
		}
	}
}

func TestAddress(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"all of the first listener", "routes: {a: {app: a}}", "http://localhost:8080/"},
		{"a host and a path", "listeners: {web: {address: '127.0.0.1:80'}}\nroutes: {a: {app: a, match: {host: a.example.com, path_prefix: /api}}}", "http://a.example.com/api/"},
		{"no route", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, problems := config.Parse("x", []byte("version: 1\napps: {a: {command: [a]}}\n"+tt.text), config.Options{Elsewhere: "linux"})
			if s == nil {
				t.Fatal(problems.Err())
			}
			if got := address(s.Config, "a"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
