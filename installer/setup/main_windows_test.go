package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/Microsoft/go-winio"

	"holdfast/internal/service"
)

// The test binary is also the holdfast.exe that tests install: `run --name NAME`.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "run" && os.Args[2] == "--name" {
		os.Exit(serve(os.Args[3])) //nolint:forbidigo // this is the main of a program
	}
	os.Exit(m.Run()) //nolint:forbidigo // as above
}

// serve is a service that answers /readyz, or does what holdfast.yaml says instead.
func serve(name string) int {
	id, err := service.NewIdentity(name)
	if err != nil {
		return service.ExitUsage
	}
	return service.Run(context.Background(), service.Options{Identity: id, Program: impostor{id}, ExitCode: func(error) int { return service.ExitConfig }})
}

type impostor struct{ id service.Identity }

func (p impostor) Run(ctx context.Context, s service.Starting) error {
	config, err := os.ReadFile(p.id.ConfigFile())
	if err != nil {
		return err
	}
	if strings.Contains(string(config), "broken") {
		return errors.Join(os.MkdirAll(p.id.LogDir(), 0o700), os.WriteFile(filepath.Join(p.id.LogDir(), "holdfast.log"), []byte("the last word\n"), 0o600),
			errors.New("the configuration is broken"))
	}
	l, err := winio.ListenPipe(p.id.Endpoint(), nil)
	if err != nil {
		return err
	}
	answer := readiness{Ready: !strings.Contains(string(config), "never"), Reasons: []string{"never ready"}, Version: "1.3.0", StartID: s.StartID()}
	go func() { // ends with the process
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = reply(conn, answer)
		}
	}()
	s.Ready()
	<-ctx.Done()
	return nil
}

func reply(conn net.Conn, answer readiness) error {
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	status := "200 OK"
	if !answer.Ready {
		status = "503 Service Unavailable"
	}
	if req.URL.Path != "/readyz" {
		status = "404 Not Found"
	}
	_, err = fmt.Fprintf(conn, "HTTP/1.0 %s\r\nContent-Type: application/json\r\n\r\n%s\n", status, body)
	return errors.Join(err, conn.Close())
}

func (impostor) Reload(context.Context) error { return nil }
func (impostor) Pause(context.Context) error  { return nil }
func (impostor) Resume(context.Context) error { return nil }

// product is one installation on this machine, driven as Windows Installer would drive it.
type product struct {
	t             *testing.T
	name          string
	data, install string
	args          map[string]string
}

func newProduct(t *testing.T, name, config string) *product {
	t.Helper()
	name = fmt.Sprintf("HfSetup-%s-%d", name, os.Getpid())
	p := &product{t: t, name: name, data: programData(t) + `\` + name, install: `C:\Program Files\` + name}
	p.args = with(arguments(), argName, name, argVersion, "1.3.0", argData, p.data+`\.`, argInstall, p.install+`\.`, argTimeout, "20")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	put(t, join(p.install, programName), string(data))
	put(t, join(p.install, templateName), config)
	t.Cleanup(func() {
		for _, dir := range []string{p.install, p.data} {
			if err := (ntfs{}).RemoveAll(dir); err != nil {
				t.Error(err)
			}
		}
	})
	return p
}

func programData(t *testing.T) string {
	t.Helper()
	id, err := service.NewIdentity("HfSetup")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(id.DataDir())
}

// run is one action; change sets arguments that differ.
func (p *product) run(want int, verb string, change ...string) {
	p.t.Helper()
	if got := run(commandLine(verb, with(p.args, change...)), newMachine); got != want {
		log, _ := os.ReadFile(join(p.data, setupName, logName))
		p.t.Fatalf("%s: exit code %d, want %d\n%s", verb, got, want, log)
	}
}

func (p *product) record() service.Record {
	p.t.Helper()
	id, err := service.NewInstalledIdentity(p.name, p.data)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := service.NewManager(id).Record(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *product) exists(path string, want bool) {
	p.t.Helper()
	e, err := (ntfs{}).Look(path)
	if err != nil || e.Exists != want {
		p.t.Errorf("%s: exists %t, %v, want %t", path, e.Exists, err, want)
	}
}

// purged counts what is left beside the data folder.
func (p *product) purged() int {
	p.t.Helper()
	found, err := filepath.Glob(p.data + purgeMark + "*")
	if err != nil {
		p.t.Fatal(err)
	}
	return len(found)
}

func TestInstallAndRemove(t *testing.T) {
	p := newProduct(t, "life", "version: 1\n")
	for _, verb := range []string{"guard", "snapshot", "stop", "apply", "start", "commit"} {
		p.run(0, verb)
	}
	if r := p.record(); !r.Installed || r.State != "running" || r.Start != service.StartAuto || !r.Source || r.DisplayName != "The Shop" {
		t.Errorf("%+v", r)
	}
	if got := content(t, join(p.data, confName)); got != "version: 1\n" {
		t.Errorf("configuration: %q", got)
	}
	p.exists(join(p.data, setupName, seedName), true)
	p.exists(join(p.data, setupName, "snapshot-install-1.3.0.json"), false)

	// Other properties, and another template.
	put(t, join(p.install, templateName), "version: 1 # newer\n")
	for _, verb := range []string{"guard", "snapshot", "stop", "apply", "start", "commit"} {
		p.run(0, verb, argInstalled, "1", argAccount, "NetworkService", argStart, "manual")
	}
	if r := p.record(); r.State != "running" || r.Start != service.StartManual || r.Account != `NT AUTHORITY\NetworkService` {
		t.Errorf("%+v", r)
	}
	if now, before := content(t, join(p.data, confName)), content(t, join(p.data, confName+oldSuffix)); now != "version: 1 # newer\n" || before != "version: 1\n" {
		t.Errorf("configuration: %q, before %q", now, before)
	}

	// A removal that fails brings everything back, and one that does not takes it away.
	before := p.record()
	removal := []string{argInstalled, "1", argRemove, "ALL", argPurge, "1"}
	for _, verb := range []string{"snapshot", "stop", "remove"} {
		p.run(0, verb, removal...)
	}
	p.exists(p.data, false)
	if n := p.purged(); n != 1 {
		t.Errorf("%d folders are put aside, want one", n)
	}
	for _, verb := range []string{"remove-rollback", "snapshot-rollback"} {
		p.run(0, verb, removal...)
	}
	if after := p.record(); after.State != "running" || after.Start != before.Start || after.Account != before.Account || !after.Source {
		t.Errorf("rolled back: %+v, want %+v", after, before)
	}
	if got := content(t, join(p.data, confName)); got != "version: 1 # newer\n" || p.purged() != 0 {
		t.Errorf("rolled back: configuration %q, %d folders put aside", got, p.purged())
	}
	for _, verb := range []string{"snapshot", "stop"} {
		p.run(0, verb, removal...)
	}
	p.deleteService()
	for _, verb := range []string{"remove", "commit"} {
		p.run(0, verb, removal...)
	}
	p.exists(p.data, false)
	if r := p.record(); r.Installed || r.Source || p.purged() != 0 {
		t.Errorf("%+v, and %d folders put aside", r, p.purged())
	}
}

// deleteService is Windows Installer's DeleteServices.
func (p *product) deleteService() {
	p.t.Helper()
	id, err := service.NewInstalledIdentity(p.name, p.data)
	if err != nil {
		p.t.Fatal(err)
	}
	plan, err := service.NewManager(id).PlanUninstall(p.t.Context())
	if err == nil {
		err = plan.Run(p.t.Context(), func(string) {})
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// A first installation whose service does not become healthy leaves nothing behind.
func TestHealthGate(t *testing.T) {
	for name, tt := range map[string]struct{ config, version, want string }{
		"the service ends":      {"broken", "1.3.0", "exit code 3: the configuration is invalid"},
		"it is never ready":     {"never", "1.3.0", "never ready"},
		"it is another version": {"version: 1", "1.2.0", `version \"1.3.0\", and not \"1.2.0\"`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProduct(t, strings.Trim(tt.config, ": 1"), tt.config)
			p.args[argVersion], p.args[argTimeout] = tt.version, "5"
			for _, verb := range []string{"guard", "snapshot", "stop", "apply"} {
				p.run(0, verb)
			}
			p.run(exitFailed, "start")
			log := content(t, join(p.data, setupName, logName))
			if !strings.Contains(log, tt.want) || tt.config == "broken" && !strings.Contains(log, "the last word") {
				t.Errorf("the log does not say %q:\n%s", tt.want, log)
			}
			for _, verb := range []string{"start-rollback", "apply-rollback", "snapshot-rollback"} {
				p.run(0, verb)
			}
			p.exists(p.data, false)
			if r := p.record(); r.Installed || r.Source {
				t.Errorf("%+v is left", r)
			}
		})
	}
}

func TestGuardOnDisk(t *testing.T) {
	p := newProduct(t, "life", "version: 1\n")
	outside := put(t, join(scratch(t), "secret"), "precious")
	if err := os.MkdirAll(p.data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(outside, join(p.data, confName)); err != nil {
		t.Fatal(err)
	}
	p.run(exitFailed, "guard")
	p.exists(join(p.data, setupName), false)
	if err := (ntfs{}).Remove(join(p.data, confName)); err != nil {
		t.Fatal(err)
	}
	p.run(0, "guard")
	p.run(exitFailed, "guard", argData, p.install+`\data\.`)
	p.run(exitFailed, "guard", argData, `C:\windows\system32\`+p.name+`\.`)
	p.run(exitFailed, "guard", argConfig, join(p.data, "none.yaml"))
	p.run(exitFailed, "guard", argAccount, "LocalSystem")
	if got := content(t, outside); got != "precious" {
		t.Errorf("the file outside: %q", got)
	}
}
