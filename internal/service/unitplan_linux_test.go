package service

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeLinux is a machine in memory, with one unit.
type fakeLinux struct {
	files   map[string]string
	users   map[string]bool
	props   map[string]string // of a unit that nobody here wrote
	active  string
	enabled bool
	down    bool
	fail    error
	did     []string
}

func (f *fakeLinux) booted() bool { return !f.down }

func (f *fakeLinux) systemctl(_ context.Context, args ...string) (string, error) {
	if args[0] == "show" {
		if f.props != nil {
			return props(f.props), nil
		}
		p := map[string]string{"LoadState": "not-found", "ActiveState": "inactive", "MainPID": "0", "ExecMainStatus": "0"}
		for file := range f.files {
			if strings.HasSuffix(file, ".service") {
				p["LoadState"], p["FragmentPath"], p["ActiveState"], p["User"] = "loaded", file, f.active, "shop"
				p["UnitFileState"] = "disabled"
			}
		}
		if f.enabled {
			p["UnitFileState"] = "enabled"
		}
		return props(p), nil
	}
	f.did = append(f.did, strings.Join(args, " "))
	switch args[0] {
	case "enable", "disable":
		f.enabled = args[0] == "enable"
	case "start", "restart":
		f.active = "active"
	case "stop":
		f.active = "inactive"
	}
	return "", f.fail
}

func props(p map[string]string) string {
	var b strings.Builder
	for k, v := range p {
		b.WriteString(k + "=" + v + "\n")
	}
	return b.String()
}

func (f *fakeLinux) userExists(name string) (bool, error) { return f.users[name], nil }

func (f *fakeLinux) makeUser(_ context.Context, name, _ string) error {
	f.users[name] = true
	return nil
}

func (f *fakeLinux) folderExists(dir string) (bool, error) { _, ok := f.files[dir+"/"]; return ok, nil }
func (f *fakeLinux) makeFolder(dir, _ string) error        { f.files[dir+"/"] = ""; return nil }

func (f *fakeLinux) read(file string) (string, bool, error) {
	text, ok := f.files[file]
	return text, ok, nil
}
func (f *fakeLinux) write(file, content string) error { f.files[file] = content; return nil }
func (f *fakeLinux) remove(file string) error         { delete(f.files, file); return nil }

func freshLinux() *fakeLinux {
	return &fakeLinux{files: map[string]string{}, users: map[string]bool{"root": true}, active: "inactive"}
}

var elf = Registration{Executable: "/usr/local/bin/holdfast", Start: StartAuto, Description: "d"}

func TestUnitInstall(t *testing.T) {
	id := shop(t)
	file := filepath.Join(unitDir, "shop.service")
	tests := []struct {
		name    string
		machine func(*fakeLinux)
		r       func(*Registration)
		id      Identity
		steps   []string
		err     string
	}{
		{name: "fresh machine", steps: []string{"create system user shop", "write unit " + file, "let systemd read its units again", "start shop.service at boot"}},
		{name: "for a user, by hand", machine: func(f *fakeLinux) { f.users["www"] = true }, r: func(r *Registration) { r.Account, r.Start = "www", StartManual }, steps: []string{
			"write unit " + file, "let systemd read its units again",
		}},
		{name: "as root", r: func(r *Registration) { r.Account = "root" }, steps: []string{"write unit " + file, "let systemd read its units again", "start shop.service at boot"}},
		{name: "with a data folder", id: id.WithDataDir("/srv/shop"), steps: []string{
			"create system user shop", "create data folder /srv/shop for shop", "write unit " + file, "let systemd read its units again", "start shop.service at boot",
		}},
		{name: "an older unit of ours", machine: func(f *fakeLinux) { f.files[file], f.enabled, f.users["shop"] = unitMark+"\nold", true, true }, steps: []string{
			"change unit " + file, "let systemd read its units again",
		}},
		{name: "a unit of somebody else", machine: func(f *fakeLinux) { f.files[file] = "[Unit]\n" }, err: "belongs to another program"},
		{name: "a unit of the distribution", machine: func(f *fakeLinux) {
			f.props = map[string]string{"LoadState": "loaded", "FragmentPath": "/lib/systemd/system/shop.service"}
		}, err: "belongs to another program (/lib/systemd/system/shop.service)"},
		{name: "unknown user", r: func(r *Registration) { r.Account = "ann" }, err: "user ann does not exist"},
		{name: "no name for a user", r: func(r *Registration) { r.Account = "x; rm" }, err: "give the name of a user"},
		{name: "delayed", r: func(r *Registration) { r.Start = StartDelayed }, err: "no delayed start"},
		{name: "container", machine: func(f *fakeLinux) { f.down = true }, err: "holdfast run"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, r := freshLinux(), elf
			if tt.machine != nil {
				tt.machine(f)
			}
			if tt.r != nil {
				tt.r(&r)
			}
			if tt.id.Name == "" {
				tt.id = id
			}
			p, err := unitRegistrar{f}.install(t.Context(), tt.id, r)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.steps, texts(p)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if err := p.Run(t.Context(), func(string) {}); err != nil {
				t.Fatal(err)
			}
			if p, err = (unitRegistrar{f}).install(t.Context(), tt.id, r); err != nil || len(p.Steps) > 0 {
				t.Errorf("a second time: %v, %q", err, texts(p))
			}
		})
	}
}

func TestUnitLife(t *testing.T) {
	f, g, id := freshLinux(), unitRegistrar{}, shop(t)
	g.machine = f
	run := func(p Plan, err error) {
		t.Helper()
		if err == nil {
			err = p.Run(t.Context(), func(string) {})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.act(t.Context(), id, Start); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("got %v", err)
	}
	run(g.install(t.Context(), id, elf))
	for _, a := range []Action{Reload, Pause, Continue} {
		if _, err := g.act(t.Context(), id, a); err == nil {
			t.Errorf("%s of a stopped service was planned", a)
		}
	}
	for _, a := range []Action{Start, Start, Reload, Restart, Stop, Stop, Start} {
		run(g.act(t.Context(), id, a))
	}
	st, err := g.query(t.Context(), id)
	if err != nil || st.State != "running" || st.Account != "shop" || st.Start != StartAuto || st.Command != "/usr/local/bin/holdfast run --name Shop" {
		t.Errorf("%+v, %v", st, err)
	}
	run(g.uninstall(t.Context(), id))
	run(g.uninstall(t.Context(), id))
	want := []string{
		"daemon-reload", "enable shop.service", "start shop.service", "reload shop.service", "restart shop.service", "stop shop.service",
		"start shop.service", "stop shop.service", "disable shop.service", "daemon-reload",
	}
	if d := cmp.Diff(want, f.did); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if len(f.files) > 0 {
		t.Errorf("left behind: %v", f.files)
	}
}

func TestUnitStartFailureSaysWhereToLook(t *testing.T) {
	f := freshLinux()
	f.files[filepath.Join(unitDir, "shop.service")] = unitMark
	p, err := unitRegistrar{f}.act(t.Context(), shop(t), Start)
	if err != nil {
		t.Fatal(err)
	}
	f.fail = errors.New("exit status 1")
	if err := p.Run(t.Context(), func(string) {}); err == nil || !strings.Contains(err.Error(), "journalctl -u shop.service") {
		t.Errorf("got %v", err)
	}
}

func TestUnitFile(t *testing.T) {
	id := shop(t)
	golden(t, filepath.Join("testdata", "shop.service"), unitFile(id, elf, "shop"))
	r := elf
	r.Executable, r.Description = `/opt/100% "pure"/$x/holdfast`, "one\nUser=root"
	got := unitFile(id.WithDataDir("/srv/a b"), r, "root")
	golden(t, filepath.Join("testdata", "quoted.service"), got)
	if strings.Contains(got, "\nUser=root\nUser") || strings.Count(got, "\nUser=") != 1 {
		t.Errorf("a description became a setting:\n%s", got)
	}
}

func TestUnixUser(t *testing.T) {
	for name, want := range map[string]string{
		"Shop": "shop", "my-shop": "my-shop", "7up": "hf-" + shortHash("7up"), "a.b": "hf-" + shortHash("a.b"),
		strings.Repeat("x", 40): "hf-" + shortHash(strings.Repeat("x", 40)),
	} {
		if got, err := unixUser(Identity{Name: name}, ""); got != want || err != nil {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, want)
		}
	}
}
