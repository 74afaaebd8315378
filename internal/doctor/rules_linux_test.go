package doctor

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/port"
	"holdfast/internal/secret"
	"holdfast/internal/service"
	"holdfast/internal/status"
)

// The rules of both systems are tested here, where the paths of the tests are absolute.

// fake is a machine on which everything is in order until a test changes it.
type fake struct {
	files     map[string]File
	errs      map[string]error // of File, Read, Write, Disk and Tree, by path
	trees     map[string]Tree
	contents  map[string][]byte
	disks     map[string]Disk
	accounts  map[string]Account
	owners    map[int]port.Owner
	excluded  map[int]string
	rights    port.Rights
	listening map[int][]int
	strange   string // no address of this machine
	service   Service
	svcErr    error
	openFiles uint64
	openErr   error
	long      bool
	longErr   error
}

func (f *fake) File(path string) (File, error) {
	if err := f.errs[path]; err != nil {
		return File{}, err
	}
	file, ok := f.files[path]
	if !ok {
		return File{}, &fs.PathError{Op: "stat", Path: path, Err: fs.ErrNotExist}
	}
	return file, nil
}
func (f *fake) Tree(dir string) (Tree, error)       { return f.trees[dir], f.errs["tree "+dir] }
func (f *fake) Read(path string) ([]byte, error)    { return f.contents[path], f.errs["read "+path] }
func (f *fake) Write(dir string) error              { return f.errs["write "+dir] }
func (f *fake) Disk(path string) (Disk, error)      { return f.disks[path], f.errs["disk "+path] }
func (f *fake) Excluded(port int) string            { return f.excluded[port] }
func (f *fake) Rights() port.Rights                 { return f.rights }
func (f *fake) Listening(pid int) []int             { return f.listening[pid] }
func (f *fake) Has(host string) bool                { return host == "" || host != f.strange }
func (f *fake) OpenFiles(int) (uint64, error)       { return f.openFiles, f.openErr }
func (f *fake) LongPaths() (bool, error)            { return f.long, f.longErr }
func (f *fake) Owner(number int) (port.Owner, bool) { o, ok := f.owners[number]; return o, ok }
func (f *fake) Account(name string) (Account, error) {
	a, ok := f.accounts[name]
	if !ok {
		return a, errors.New("unknown user " + name)
	}
	return a, nil
}
func (f *fake) Service(context.Context) (Service, error) { return f.service, f.svcErr }

const day = 24 * time.Hour

func now() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

// world is a machine and an installation on it, both in order.
type world struct {
	m fake
	s Subject
	c *config.Config
}

func newWorld(t *testing.T, system string) *world {
	t.Helper()
	id, err := service.NewIdentity("Holdfast")
	if err != nil {
		t.Fatal(err)
	}
	id = id.WithDataDir("/srv/holdfast")
	c := config.Default()
	c.Listeners = map[string]config.Listener{"web": {Address: ":8080"}}
	c.Apps = map[string]config.App{"shop": {
		Command: []string{"/opt/shop/server", "--token=hunter2"}, Directory: "/opt/shop", Port: 3000, Instances: 2,
		Env: map[string]secret.Value{"TOKEN": secret.New("hunter2")},
	}}
	w := &world{c: &c}
	w.m = fake{
		files: map[string]File{
			"/": {Folder: true, Mode: 0o755}, "/srv": {Folder: true, Mode: 0o755}, "/opt": {Folder: true, Mode: 0o755}, "/opt/shop": {Folder: true, Mode: 0o755},
			"/srv/holdfast": {Folder: true, Mode: 0o750, UID: 998, GID: 998}, "/srv/holdfast/holdfast.yaml": {Mode: 0o640, UID: 998, GID: 998},
			"/srv/holdfast/logs": {Folder: true, Mode: 0o750, UID: 998}, "/opt/shop/server": {Mode: 0o755},
		},
		errs:     map[string]error{},
		trees:    map[string]Tree{"/srv/holdfast": {Bytes: 1, Newest: "state/apps.json", Written: now().Add(-time.Hour)}},
		contents: map[string][]byte{},
		disks:    map[string]Disk{"/srv/holdfast": {Free: 100 << 30, Total: 200 << 30}, "/srv/holdfast/logs": {Free: 100 << 30, Total: 200 << 30}},
		accounts: map[string]Account{"holdfast": {"holdfast", 998, []int{998}}, `NT AUTHORITY\LocalService`: {}},
		owners:   map[int]port.Owner{}, excluded: map[int]string{}, rights: port.Rights{From: 1024}, listening: map[int][]int{},
		openFiles: 65536,
	}
	account, start := "holdfast", service.StartAuto
	if system == "windows" {
		account, w.m.rights = `NT AUTHORITY\LocalService`, port.Rights{Own: true, Programs: true}
	}
	w.m.service = Service{Status: service.Status{Name: "Holdfast", Installed: true, State: "running", PID: 700, Account: account, Start: start, Command: `"/opt/holdfast" run`}, Source: true}
	w.s = Subject{
		System: system, Identity: id, Snapshot: &config.Snapshot{Config: w.c}, Version: "1.2.3", Account: "root", Admin: true, Program: "holdfast",
		Running: &Running{Version: "1.2.3", Ready: true, Revision: 4, Applied: true, Instances: []Instance{{"shop-1", 801, 3000}, {"shop-2", 802, 3001}}},
		Began:   now(), Now: now, Command: func(rest string) string { return "holdfast " + rest },
	}
	own := port.Owner{PID: 710, Program: "holdfast"}
	w.m.owners[8080], w.m.owners[9180] = own, own
	w.m.owners[3000], w.m.owners[3001] = port.Owner{PID: 801, Program: "server"}, port.Owner{PID: 802, Program: "server"}
	w.m.listening[801], w.m.listening[802] = []int{3000}, []int{3001}
	return w
}

// down makes Holdfast one that does not run.
func (w *world) down() {
	w.s.Running, w.s.NotRunning = nil, errors.New("not running")
	w.m.service.State, w.m.service.PID = "stopped", 0
	clear(w.m.owners)
}

func TestInOrder(t *testing.T) {
	for _, system := range []string{"linux", "windows"} {
		w := newWorld(t, system)
		r := Examine(t.Context(), &w.m, w.s)
		for _, f := range r.Findings {
			if f.Level != OK || f.Fix != "" {
				t.Errorf("%s: %+v", system, f)
			}
		}
		if !r.OK || r.Failures+r.Warnings+r.Unseen != 0 || len(r.Findings) < 10 {
			t.Errorf("%s: %+v", system, r)
		}
	}
}

// TestFindings changes one thing at a time: exactly what follows from it is told.
func TestFindings(t *testing.T) {
	for _, tt := range []struct {
		name, system string
		change       func(w *world)
		want         []string // each finding that is not ok, as "level check: found -> fix"
	}{
		{"configuration with an error", "linux", func(w *world) {
			w.s.Snapshot = nil
			w.s.Problems = config.Problems{{Code: "HF204", Severity: config.Error, Message: `unknown key "instancs"`, Hint: `did you mean "instances"?`, File: "/etc/h.yaml", Line: 3, Column: 5}}
		}, []string{
			`fail configuration: /etc/h.yaml:3:5: unknown key "instancs" [HF204] -> did you mean "instances"?`,
			"unseen ports: not looked at: the configuration has errors -> holdfast check", "unseen paths: not looked at: the configuration has errors -> holdfast check",
		}},
		{"configuration with a warning", "linux", func(w *world) {
			w.s.Problems = config.Problems{{Code: "HF316", Severity: config.Warning, Message: "command: the file /x is not there", Hint: "create it"}}
		}, []string{"warn configuration: command: the file /x is not there [HF316] -> create it"}},
		{"another one's service", "linux", func(w *world) { w.m.service.ConfigFile, w.s.Admin = "/etc/holdfast/holdfast.yaml", false }, []string{
			"warn configuration: this account's own installation is looked at; the service of this machine reads /etc/holdfast/holdfast.yaml -> sudo holdfast doctor",
		}},
		{"slow disk", "linux", func(w *world) { w.s.Loading = 3100 * time.Millisecond }, []string{"warn configuration: reading it took 3.1s -> look at what"}},

		{"down", "linux", func(w *world) { w.down() }, []string{"warn running: Holdfast does not run: the service is stopped -> holdfast service start"}},
		{"down, for an ordinary user", "linux", func(w *world) { w.down(); w.s.Admin = false }, []string{"warn running: Holdfast does not run: the service is stopped -> sudo holdfast service start"}},
		{"failed", "linux", func(w *world) { w.down(); w.m.service.State, w.m.service.ExitCode = "failed", 3 }, []string{"fail running: the service has failed: exit code 3; See every problem with its cure: holdfast check. -> holdfast service start"}},
		{"hangs", "windows", func(w *world) { w.down(); w.m.service.State, w.m.service.PID = "running", 700 }, []string{"fail running: the service manager says that it runs (process 700), but nobody answers at -> holdfast service restart"}},
		{"does not answer to me", "linux", func(w *world) {
			w.down()
			w.s.Admin, w.s.Denied = false, true
			w.m.owners[8080] = port.Owner{User: "holdfast"}
			w.m.owners[3000] = port.Owner{User: "holdfast"}
		}, []string{
			"unseen running: somebody holds /srv/holdfast/holdfast.sock and does not answer to this account -> sudo holdfast doctor",
			`unseen ports: listener "web": port 8080 is held by a program of user holdfast, which may be this Holdfast -> sudo holdfast doctor`,
			`unseen ports: app "shop": port 3000 of shop-1 is held by a program of user holdfast, which may be the instance -> sudo holdfast doctor`,
		}},
		{"not ready", "linux", func(w *world) { w.s.Running.Ready, w.s.Running.Reasons = false, []string{"starting"} }, []string{"warn running: Holdfast 1.2.3 answers and is not ready: starting -> holdfast status"}},
		{"older version runs", "windows", func(w *world) { w.s.Running.Version = "1.2.2"; w.s.Admin = false }, []string{"warn running: Holdfast 1.2.2 runs, and this binary is 1.2.3 -> holdfast service restart (in a console that was started as administrator)"}},
		{"refused configuration", "linux", func(w *world) { w.s.Running.Applied = false }, []string{"fail running: the configuration files have errors and are not in force; revision 4 runs on -> holdfast reload"}},
		{"reads another file", "linux", func(w *world) { w.s.Running.File = "/etc/other dir/h.yaml" }, []string{`warn running: the Holdfast that answers reads another file, /etc/other dir/h.yaml -> holdfast doctor --config "/etc/other dir/h.yaml"`}},
		{"apps that are not well", "linux", func(w *world) {
			w.s.Running.Apps = []App{{"shop", status.Down, "exit code 3"}, {"blog", status.Degraded, "1 of 2"}}
		}, []string{`fail running: app "shop" is down: exit code 3 -> holdfast status shop`, `warn running: app "blog" is degraded: 1 of 2 -> holdfast status blog`}},
		{"leftovers", "linux", func(w *world) { w.down(); w.s.Leftovers = func() ([]int, error) { return []int{41, 42}, nil } }, []string{
			"warn running: Holdfast does not run", "warn running: 2 processes of an earlier run still there: 41 42 -> kill 41 42 (a start of Holdfast ends them, too)",
		}},
		{"leftovers unknown", "linux", func(w *world) { w.down(); w.s.Leftovers = func() ([]int, error) { return nil, errors.New("no /proc") } }, []string{"warn running: Holdfast does not run", "unseen running: processes of an earlier run: no /proc"}},

		{"no service", "linux", func(w *world) { w.m.service = Service{}; w.s.Account = "holdfast" }, []string{"warn service: it is not registered as a service, so that it does not start with the machine -> holdfast service install"}},
		{"no service, nor source", "windows", func(w *world) { w.m.service = Service{} }, []string{"warn service: it is not registered as a service", "warn service: event source Holdfast is not registered"}},
		{"foreign service", "windows", func(w *world) { w.m.svcErr = service.ErrForeign }, []string{"fail service: belongs to another program -> holdfast service install --name OTHER"}},
		{"service manager says no", "linux", func(w *world) { w.m.svcErr = errors.New("no bus"); w.s.Admin = false; w.s.Account = "holdfast" }, []string{"unseen service: the service: no bus -> sudo holdfast doctor"}},
		{"manual start", "linux", func(w *world) { w.m.service.Start = service.StartManual }, []string{"warn service: service Holdfast does not start with the machine -> holdfast service install --start auto"}},
		{"disabled", "windows", func(w *world) { w.m.service.Start = "disabled" }, []string{"fail service: service Holdfast is disabled -> holdfast service install --start auto"}},
		{"unquoted", "windows", func(w *world) { w.m.service.Command = `C:\Program Files\Holdfast\holdfast.exe run` }, []string{"fail service: the service's program has a space in its path and is not quoted"}},
		{"every right", "windows", func(w *world) { w.m.service.Account = "LocalSystem" }, []string{"warn service: the service runs as LocalSystem, and so does every app: each of them has every right on this machine -> holdfast service install --account LocalService"}},
		{"differs, with choices kept", "windows", func(w *world) {
			w.m.service.Account, w.m.service.Start = `CORP\shop$`, service.StartDelayed
			w.m.service.Differences = []string{"an installation by this version would change recovery of service Holdfast: a -> b"}
		}, []string{`warn service: an installation by this version would change recovery of service Holdfast: a -> b -> holdfast service install --account "CORP\shop$" --start delayed`}},
		{"source is missing", "windows", func(w *world) { w.m.service.Source = false }, []string{"warn service: event source Holdfast is not registered: entries in the Application log lack their wording -> holdfast service install"}},

		{"port held", "linux", func(w *world) { w.down(); w.m.owners[8080] = port.Owner{PID: 812, Program: "nginx"} }, []string{
			"warn running", `fail ports: listener "web": port 8080 is held by nginx (process 812) -> kill 812 or change listeners.web.address`,
		}},
		{"port held by somebody", "linux", func(w *world) { w.down(); w.m.owners[9180] = port.Owner{User: "www"} }, []string{
			"warn running", `fail ports: the management API: port 9180 is held by a program of user www -> sudo ss -ltnp names the program: stop it or change management.address`,
		}},
		{"port held by IIS", "windows", func(w *world) { w.down(); w.m.owners[8080] = port.Owner{PID: 4, Program: "http.sys"} }, []string{
			"warn running", `fail ports: listener "web": port 8080 is held by http.sys (IIS or another Windows web service; netsh http show servicestate) -> iisreset /stop`,
		}},
		{"port of an app held", "windows", func(w *world) {
			w.m.owners[3001] = port.Owner{PID: 99, Program: "node.exe"}
			delete(w.m.listening, 802)
		}, []string{
			`fail ports: app "shop": port 3001 of shop-2 is held by node.exe (process 99) -> taskkill /PID 99 or change apps.shop.port (auto picks a free one)`,
		}},
		{"excluded", "windows", func(w *world) { w.down(); w.m.excluded[3000] = "Windows reserves the ports 3000 to 3099" }, []string{
			"warn running", `fail ports: app "shop": port 3000 of shop-1 cannot be had: Windows reserves the ports 3000 to 3099 -> change apps.shop.port, or do as it says`,
		}},
		{"not bound while it runs", "linux", func(w *world) { delete(w.m.owners, 8080) }, []string{`warn ports: listener "web": port 8080 is free although Holdfast runs -> holdfast reload`}},
		{"low port without a service", "linux", func(w *world) {
			w.down()
			w.m.service, w.s.Account, w.s.Admin = Service{}, "holdfast", false
			w.c.Listeners["web"] = config.Listener{Address: ":80"}
		}, []string{
			"warn running", "warn service", `fail ports: listener "web": port 80: ports below 1024 need a right that this account does not have (CAP_NET_BIND_SERVICE) -> sudo holdfast service install, or change listeners.web.address to a port from 1024 on`,
		}},
		{"low port with the service", "linux", func(w *world) { w.down(); w.c.Listeners["web"] = config.Listener{Address: ":80"} }, []string{"warn running"}},
		{"strange address", "linux", func(w *world) {
			w.c.Listeners["web"], w.m.strange = config.Listener{Address: "192.0.2.1:80"}, "192.0.2.1"
		}, []string{`fail ports: listener "web": 192.0.2.1 is not an address of this machine -> ip address shows this machine's addresses; change listeners.web.address`}},

		{"world-writable data", "linux", func(w *world) { w.m.files["/srv/holdfast"] = File{Folder: true, Mode: 0o777, UID: 998} }, []string{"fail rights: data folder /srv/holdfast may be changed by every account of this machine -> chmod o-w /srv/holdfast"}},
		{"world-writable configuration", "linux", func(w *world) { w.m.files["/srv/holdfast/holdfast.yaml"] = File{Mode: 0o666} }, []string{"fail rights: configuration /srv/holdfast/holdfast.yaml may be changed by every account"}},
		{"modes mean nothing", "windows", func(w *world) { w.m.files["/srv/holdfast"] = File{Folder: true, Mode: 0o777} }, nil},
		{"data of another account", "linux", func(w *world) { w.m.files["/srv/holdfast"] = File{Folder: true, Mode: 0o750} }, []string{"fail rights: data folder /srv/holdfast cannot be written by holdfast, whom the service runs as: see /srv/holdfast -> sudo chown -R holdfast /srv/holdfast"}},
		{"closed on the way", "linux", func(w *world) { w.m.files["/srv"] = File{Folder: true, Mode: 0o700} }, []string{"fail rights: data folder /srv/holdfast cannot be written by holdfast, whom the service runs as: see /srv ->"}},
		{"account is gone", "linux", func(w *world) { clear(w.m.accounts) }, []string{"fail rights: account holdfast of the service: unknown user holdfast -> holdfast service install"}},
		{"not mine to write", "linux", func(w *world) {
			w.m.service, w.s.Account = Service{}, "ann"
			w.m.errs["write /srv/holdfast"] = &fs.PathError{Op: "access", Path: "x", Err: fs.ErrPermission}
		}, []string{"warn service", "fail rights: data folder /srv/holdfast cannot be written by ann -> sudo chown -R ann /srv/holdfast"}},
		{"not mine to write", "windows", func(w *world) {
			w.m.service, w.s.Account = Service{Source: true}, `PC\ann`
			w.m.errs["write /srv/holdfast"] = fs.ErrPermission
		}, []string{"warn service", `fail rights: data folder /srv/holdfast cannot be written by PC\ann -> icacls /srv/holdfast /grant "PC\ann:(OI)(CI)M"`}},
		{"data is a file", "linux", func(w *world) { w.m.files["/srv/holdfast"] = File{Mode: 0o640} }, []string{"fail rights: data folder /srv/holdfast is not a folder -> move it away"}},
		{"data cannot be looked at", "linux", func(w *world) {
			w.m.errs["/srv/holdfast"] = &fs.PathError{Op: "stat", Path: "/srv/holdfast", Err: fs.ErrPermission}
			w.m.disks["/srv"] = Disk{Free: 100 << 30}
		}, []string{"unseen rights: data folder /srv/holdfast: permission denied"}},
		{"data cannot be made", "linux", func(w *world) {
			w.m.service, w.s.Account, w.s.Admin = Service{}, "ann", false
			delete(w.m.files, "/srv/holdfast")
			w.m.disks["/srv"], w.m.errs["write /srv"] = Disk{Free: 100 << 30}, fs.ErrPermission
		}, []string{"warn service", "fail rights: data folder /srv/holdfast is not there, and ann may not make it in /srv -> sudo install -d -o ann /srv/holdfast"}},

		{"program of root alone", "linux", func(w *world) { w.m.files["/opt/shop/server"] = File{Mode: 0o700} }, []string{"fail paths: app shop: program /opt/shop/server is closed to holdfast, whom Holdfast runs as: see /opt/shop/server -> sudo setfacl -m u:holdfast:rx /opt/shop/server"}},
		{"program that all may change", "linux", func(w *world) { w.m.files["/opt/shop/server"] = File{Mode: 0o757} }, []string{"fail paths: app shop: program /opt/shop/server may be changed by every account"}},
		{"directory behind a closed one", "linux", func(w *world) { w.m.files["/opt"] = File{Folder: true, Mode: 0o700} }, []string{"fail paths: app shop: program /opt/shop/server is closed to holdfast, whom Holdfast runs as: see /opt -> sudo setfacl -m u:holdfast:x /opt", "fail paths: app shop: directory /opt/shop is closed to holdfast"}},
		{"program that I may not run", "linux", func(w *world) {
			w.m.service, w.s.Account = Service{}, "holdfast"
			w.m.files["/opt/shop/server"] = File{Mode: 0o700}
		}, []string{"warn service", "fail paths: app shop: program /opt/shop/server is closed to holdfast"}},
		{"data of who runs it", "linux", func(w *world) {
			w.down()
			w.m.service, w.s.Account, w.s.Denied = Service{}, "holdfast", true
			w.m.errs["write /srv/holdfast"] = fs.ErrPermission
		}, []string{"unseen running", "warn service", "unseen rights: data folder /srv/holdfast is not for this account"}},
		{"long paths off", "windows", func(w *world) { w.long() }, []string{"warn paths: paths of 241 characters are used (C:\\aaa"}},
		{"long paths on", "windows", func(w *world) { w.long(); w.m.long = true }, nil},
		{"long paths unknown", "windows", func(w *world) { w.long(); w.m.longErr = errors.New("no registry") }, []string{"unseen paths: whether this machine allows long paths: no registry"}},

		{"certificate expired", "linux", func(w *world) { w.certificate(t, now().Add(-90*day), now().Add(-day)) }, []string{`fail certificates: certificate "shop" expired on 2026-04-30 -> renew it: put the new one into /etc/shop.pem`}},
		{"certificate expires soon", "linux", func(w *world) { w.certificate(t, now().Add(-80*day), now().Add(10*day)) }, []string{`warn certificates: certificate "shop" expires on 2026-05-11`}},
		{"certificate of the future", "windows", func(w *world) { w.certificate(t, now().Add(day), now().Add(90*day)) }, []string{`fail certificates: certificate "shop" is valid from 2026-05-02T12:00:00Z on, and this machine's clock says 2026-05-01T12:00:00Z -> w32tm /resync`}},
		{"good certificate, open key", "linux", func(w *world) {
			w.certificate(t, now().Add(-day), now().Add(80*day))
			w.m.files["/etc/shop.key"] = File{Mode: 0o644}
		}, []string{"fail certificates: the private key /etc/shop.key may be read by every account of this machine -> chmod o= /etc/shop.key"}},
		{"no certificate in it", "linux", func(w *world) { w.certificate(t, now(), now()); w.m.contents["/etc/shop.pem"] = []byte("hunter2") }, []string{`fail certificates: certificate "shop": /etc/shop.pem: it holds no certificate -> holdfast check`}},
		{"certificate closed to me", "linux", func(w *world) {
			w.certificate(t, now(), now())
			w.m.errs["read /etc/shop.pem"], w.s.Admin = fs.ErrPermission, false
		}, []string{`unseen certificates: certificate "shop": /etc/shop.pem: permission denied -> sudo holdfast doctor`}},

		{"changed files refused", "linux", func(w *world) {
			w.certificate(t, now().Add(-day), now().Add(80*day))
			w.s.Running.Certificates = []Certificate{{Name: "shop", NotAfter: now().Add(5 * day), Error: "key_file: permission denied"}, {Name: "other", Error: "x"}}
		}, []string{`fail certificates: certificate "shop": the files cannot be used, and the former one, which ends on 2026-05-06, is still presented: key_file: permission denied -> holdfast cert ls`}},
		{"open key in a folder", "linux", func(w *world) {
			w.presents(config.Certificate{Folder: "/pairs"}, Certificate{File: "a.b.crt", NotBefore: now(), NotAfter: now().Add(90 * day)})
			w.m.files["/pairs/a.b.key"] = File{Mode: 0o604}
		}, []string{"fail certificates: the private key /pairs/a.b.key may be read by every account of this machine -> chmod o= /pairs/a.b.key"}},
		{"short life", "linux", func(w *world) { w.certificate(t, now().Add(-4*time.Hour), now().Add(20*time.Hour)) }, nil},
		{"short life ends", "linux", func(w *world) { w.certificate(t, now().Add(-17*time.Hour), now().Add(7*time.Hour)) }, []string{`warn certificates: certificate "shop" expires on 2026-05-01`}},
		{"internal CA", "linux", func(w *world) {
			w.presents(config.Certificate{InternalCA: &config.InternalCA{Lifetime: config.Duration(24 * time.Hour)}}, Certificate{NotBefore: now().Add(-15 * time.Hour), NotAfter: now().Add(9 * time.Hour)})
		}, nil},
		{"internal CA not renewed", "linux", func(w *world) {
			w.presents(config.Certificate{InternalCA: &config.InternalCA{Lifetime: config.Duration(24 * time.Hour)}}, Certificate{NotBefore: now().Add(-17 * time.Hour), NotAfter: now().Add(7 * time.Hour)})
		}, []string{`warn certificates: certificate "shop" expires on 2026-05-01 -> holdfast cert renew shop`}},
		{"not issued yet", "linux", func(w *world) { w.presents(config.Certificate{ACME: &config.ACME{}}, Certificate{}) }, []string{`warn certificates: certificate "shop" was not issued yet`}},
		{"refused by the authority", "linux", func(w *world) {
			w.presents(config.Certificate{ACME: &config.ACME{}}, Certificate{Error: "no route to host"})
		}, []string{`fail certificates: certificate "shop" could not be had, and TLS handshakes for it fail: no route to host -> holdfast cert ls`}},
		{"no successor", "linux", func(w *world) {
			w.presents(config.Certificate{ACME: &config.ACME{}}, Certificate{NotBefore: now().Add(-61 * day), NotAfter: now().Add(29 * day), Error: "no route to host"})
		}, []string{`fail certificates: certificate "shop", which ends on 2026-05-30, has no successor: no route to host`}},
		{"one of a folder", "windows", func(w *world) {
			w.presents(config.Certificate{Folder: "C:\\pairs"}, Certificate{File: "a.crt", NotBefore: now().Add(-90 * day), NotAfter: now().Add(-day)}, Certificate{File: "b.crt", NotBefore: now(), NotAfter: now().Add(90 * day)})
		}, []string{`fail certificates: certificate "shop/a.crt" expired on 2026-04-30 -> renew it: put the new pair into C:\pairs`}},
		{"not known to who runs", "linux", func(w *world) {
			w.presents(config.Certificate{SelfSigned: &config.SelfSigned{}})
		}, []string{`unseen certificates: certificate "shop" is not known to the Holdfast that runs -> holdfast reload`}},
		{"root ends", "linux", func(w *world) { w.root(t, now().Add(100*day)) }, []string{`warn certificates: the internal CA's root ends on 2026-08-09 -> holdfast cert root --rotate`}},
		{"root ended", "linux", func(w *world) { w.root(t, now().Add(-day)) }, []string{`fail certificates: the internal CA's root ended on 2026-04-30: it issues nothing any more -> holdfast cert root --rotate`}},
		{"good root", "linux", func(w *world) { w.root(t, now().Add(1000*day)) }, nil},

		{"clock of 1980", "linux", func(w *world) { w.s.Now = func() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) } }, []string{"fail clock: the clock says 1980-01-01T00:00:00Z -> sudo timedatectl set-ntp true"}},
		{"clock behind a file", "windows", func(w *world) {
			w.m.trees["/srv/holdfast"] = Tree{Newest: "logs/holdfast.log", Written: now().Add(2 * time.Hour)}
		}, []string{"fail clock: /srv/holdfast/logs/holdfast.log was written 2h0m0s later than this machine's clock says: the clock is, or was, wrong -> w32tm /resync"}},

		{"full", "linux", func(w *world) { w.m.disks["/srv/holdfast"] = Disk{Free: 1 << 20} }, []string{"fail disk: the volume of the data folder /srv/holdfast has 1.0 MiB left -> du -xh /srv/holdfast"}},
		{"logs may fill it", "windows", func(w *world) { w.m.disks["/srv/holdfast/logs"] = Disk{Free: 1 << 30} }, []string{"warn disk: the volume of the logs folder /srv/holdfast/logs has 1.0 GiB left, and the logs may take 1.1 GiB more -> lower max_size"}},
		{"read-only", "linux", func(w *world) { w.m.disks["/srv/holdfast"] = Disk{Free: 1 << 40, ReadOnly: true} }, []string{"fail disk: the volume of the data folder /srv/holdfast is mounted read-only -> sudo mount -o remount,rw /srv/holdfast"}},
		{"no inodes", "linux", func(w *world) { w.m.disks["/srv/holdfast"] = Disk{Free: 1 << 40, Files: 1000, FreeFiles: 3} }, []string{"fail disk: the volume of the data folder /srv/holdfast has 3 of 1000 inodes left -> df -i /srv/holdfast"}},
		{"disk unknown", "linux", func(w *world) { w.m.errs["disk /srv/holdfast"] = errors.New("stale") }, []string{"unseen disk: the volume of the data folder /srv/holdfast: stale"}},

		{"few descriptors", "linux", func(w *world) { w.m.openFiles = 1024 }, []string{"warn limits: 1024 files may be open, and a thousand requests at once over 2 instances need about 4128 -> LimitNOFILE=65536 in the unit (holdfast service install)"}},
		{"descriptors unknown", "linux", func(w *world) { w.m.openErr = errors.New("no /proc") }, []string{"unseen limits: the limit of open files: no /proc"}},
		{"limits not enforced", "linux", func(w *world) {
			w.bound()
			w.s.Delegation = func() (string, error) { return "", errors.New("no control group was delegated") }
		}, []string{"warn limits: limits of 1 app are not enforced by the system: no control group was delegated -> Delegate=yes in the unit"}},
		{"limits enforced", "windows", func(w *world) { w.bound(); w.s.Delegation = func() (string, error) { return "job objects", nil } }, nil},
	} {
		t.Run(tt.system+" "+tt.name, func(t *testing.T) {
			w := newWorld(t, tt.system)
			tt.change(w)
			r := Examine(t.Context(), &w.m, w.s)
			var got []string
			for _, f := range r.Findings {
				if f.Level != OK {
					got = append(got, string(f.Level)+" "+f.Check+": "+f.Found+" -> "+f.Fix)
				}
				if f.Level != OK && f.Level != Unseen && f.Fix == "" {
					t.Errorf("no fix: %+v", f)
				}
			}
			if len(got) != len(tt.want) {
				t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			for i, want := range tt.want {
				if !follows(got[i], want) {
					t.Errorf("got  %s\nwant %s", got[i], want)
				}
			}
			failed := slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level == Fail })
			if r.OK == failed || r.Failures+r.Warnings+r.Unseen != len(got) {
				t.Errorf("the sums are wrong: %+v", r)
			}
			told, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(told, []byte("hunter2")) {
				t.Errorf("a secret is told: %s", told)
			}
		})
	}
}

// follows tells whether text begins as want says, on both sides of its last arrow.
func follows(text, want string) bool {
	i := strings.LastIndex(want, " -> ")
	if i < 0 {
		return strings.HasPrefix(text, strings.TrimSuffix(want, " ->"))
	}
	j := strings.LastIndex(text, " -> ")
	return strings.HasPrefix(text, want[:i]) && strings.HasPrefix(text[j:], want[i:])
}

func (w *world) long() {
	app := w.c.Apps["shop"]
	app.Directory = `C:\` + strings.Repeat("a", 238)
	w.c.Apps["shop"] = app
}

func (w *world) bound() {
	app := w.c.Apps["shop"]
	app.Limits.Memory = 1 << 30
	w.c.Apps["shop"] = app
}

// presents has the running Holdfast present certificates as "shop".
func (w *world) presents(c config.Certificate, presented ...Certificate) {
	w.c.Certificates = map[string]config.Certificate{"shop": c}
	for _, p := range presented {
		p.Name = "shop"
		w.s.Running.Certificates = append(w.s.Running.Certificates, p)
	}
}

// root gives the internal authority one.
func (w *world) root(t *testing.T, until time.Time) {
	t.Helper()
	w.certificate(t, now().Add(-day), until)
	file := "/srv/holdfast/ca/roots.pem"
	w.m.contents[file], w.m.files[file] = w.m.contents["/etc/shop.pem"], File{Mode: 0o644}
	w.c.Certificates = nil
}

// TestKeptCertificates looks at what is in the data folder while Holdfast is down.
func TestKeptCertificates(t *testing.T) {
	for _, tt := range []struct {
		name string
		file string
		conf config.Certificate
		left time.Duration
		want Finding
	}{
		{"self-signed", "self-signed/shop.pem", config.Certificate{SelfSigned: &config.SelfSigned{}}, 80 * day, Finding{Level: OK, Found: `certificate "shop" is valid until 2026-07-20`}},
		{"obtained, ended", "acme/shop.pem", config.Certificate{ACME: &config.ACME{}}, -day, Finding{Level: Fail, Found: `certificate "shop" expired on 2026-04-30`, Fix: "holdfast run"}},
		{"none yet", "elsewhere.pem", config.Certificate{ACME: &config.ACME{}}, day, Finding{Level: OK, Found: `certificate "shop" is had at the start`}},
		{"internal CA", "elsewhere.pem", config.Certificate{InternalCA: &config.InternalCA{}}, day, Finding{Level: OK, Found: `certificate "shop" is issued at the start`}},
		{"folder", "elsewhere.pem", config.Certificate{Folder: "/pairs"}, day, Finding{Level: Unseen, Found: `certificate "shop" is looked at by Holdfast while it runs`, Fix: "holdfast run"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, "linux")
			w.certificate(t, now().Add(-10*day), now().Add(tt.left))
			file := "/srv/holdfast/" + tt.file
			w.m.contents[file], w.m.files[file] = w.m.contents["/etc/shop.pem"], File{Mode: 0o600}
			w.c.Certificates = map[string]config.Certificate{"shop": tt.conf}
			w.down()
			tt.want.Check = "certificates"
			found := Examine(t.Context(), &w.m, w.s).Findings
			if !slices.Contains(found, tt.want) {
				t.Errorf("%+v is not in %+v", tt.want, found)
			}
		})
	}
}

func (w *world) certificate(t *testing.T, from, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until}, &x509.Certificate{}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	w.c.Certificates = map[string]config.Certificate{"shop": {CertFile: "/etc/shop.pem", KeyFile: "/etc/shop.key"}}
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("hunter2")})
	w.m.contents["/etc/shop.pem"] = append(private, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	w.m.files["/etc/shop.key"] = File{Mode: 0o600}
}

// TestClockJump sets the wall clock while the command runs.
func TestClockJump(t *testing.T) {
	w := newWorld(t, "linux")
	began := time.Now()
	w.s.Began = began.Add(-time.Hour).Round(0) // as if it had been set since
	w.s.Now = func() time.Time { return began }
	w.m.trees = nil
	// Without a monotonic part on one side both clocks agree: the hour has passed.
	if r := Examine(t.Context(), &w.m, w.s); strings.Contains(clockLine(r), "was set by") {
		t.Errorf("told: %s", clockLine(r))
	}
	if jumped(time.Second, time.Second+clockJump/2) || !jumped(0, time.Hour) || !jumped(time.Hour, 0) {
		t.Error("jumps are told wrongly")
	}
}

func clockLine(r Report) string {
	for _, f := range r.Findings {
		if f.Check == "clock" {
			return f.Found
		}
	}
	return ""
}
