package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeWindows is a machine in memory. A control takes effect after two looks.
type fakeWindows struct {
	svc       *scmService
	state     string // of the service
	next      string // the state that it is on its way to
	looks     int
	stuck     bool   // pending for ever
	args      string // of the last start
	startCode int    // the next start fails with it
	locked    int    // so many starts find the manager busy
	denied    bool
	src       source
	dir       folder
	config    bool
	did       []string
}

func (f *fakeWindows) service(string) (scmService, bool, error) {
	if f.denied {
		return scmService{}, false, ErrDenied
	}
	if f.svc == nil {
		return scmService{}, false, nil
	}
	return *f.svc, true, nil
}

func (f *fakeWindows) status(string) (Status, error) {
	if f.svc == nil {
		return Status{}, ErrNotInstalled
	}
	if f.next != "" && !f.stuck {
		if f.looks++; f.looks > 2 {
			f.state, f.next, f.looks = f.next, "", 0
		}
	}
	st := Status{State: f.state, PID: 42}
	if f.state == "stopped" {
		st.PID, st.ExitCode = 0, f.startCode
	}
	return st, nil
}

func (f *fakeWindows) do(what string) error {
	f.did = append(f.did, what)
	return nil
}

func (f *fakeWindows) create(_ string, s scmService, _ []scmField) error {
	f.svc, f.state = &s, "stopped"
	return f.do("create")
}

func (f *fakeWindows) change(_, field string, want scmService) error {
	f.svc = &want
	return f.do("change " + field)
}

func (f *fakeWindows) remove(string) error { f.svc = nil; return f.do("remove") }

func (f *fakeWindows) kill(string) error {
	f.state, f.next = "stopped", ""
	return f.do("kill")
}

func (f *fakeWindows) start(_ string, args ...string) error {
	if f.locked > 0 {
		f.locked--
		return errLocked
	}
	f.args = strings.Join(args, " ")
	f.state, f.next = "start_pending", "running"
	if f.startCode != 0 {
		f.next = "stopped"
	}
	return f.do("start")
}

func (f *fakeWindows) control(_ string, code uint32) error {
	to := map[uint32][2]string{
		controlStop: {"stop_pending", "stopped"}, controlPause: {"pause_pending", "paused"}, controlContinue: {"continue_pending", "running"},
	}[code]
	if to[0] != "" {
		f.state, f.next = to[0], to[1]
	}
	return f.do(fmt.Sprintf("control %d", code))
}

func (f *fakeWindows) exited(_ context.Context, pid int) error {
	return f.do(fmt.Sprintf("wait for process %d", pid))
}
func (f *fakeWindows) source(string) (source, error) { return f.src, nil }
func (f *fakeWindows) addSource(string) error        { f.src = sourceOurs; return f.do("add source") }

func (f *fakeWindows) removeSource(string) error             { f.src = sourceMissing; return f.do("remove source") }
func (f *fakeWindows) folder(string, string) (folder, error) { return f.dir, nil }
func (f *fakeWindows) fileExists(string) (bool, error)       { return f.config, nil }
func (f *fakeWindows) writeNew(string, []byte) error         { f.config = true; return f.do("write config") }

func (f *fakeWindows) protectFolder(string, string) error {
	f.dir.private = true
	return f.do("protect folder")
}

func (f *fakeWindows) makeFolder(_ string, sddl string) error {
	f.dir = ours
	return f.do("make folder")
}

var ours = folder{exists: true, trusted: true, private: true}

func shop(t *testing.T) Identity {
	t.Helper()
	id, err := NewIdentity("Shop")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

var exe = Registration{Executable: `C:\Program Files\Holdfast\holdfast.exe`, Start: StartAuto, Description: "d"}

// installed is a machine on which everything is as it should be.
func installed(t *testing.T, state string) *fakeWindows {
	t.Helper()
	want, err := wantedService(shop(t), exe)
	if err != nil {
		t.Fatal(err)
	}
	return &fakeWindows{svc: &want, state: state, src: sourceOurs, dir: ours, config: true}
}

func texts(p Plan) []string {
	var out []string
	for _, s := range p.Steps {
		out = append(out, s.Text)
	}
	return out
}

func TestPlanInstall(t *testing.T) {
	dir := shop(t).DataDir()
	all := `SYSTEM, Administrators and NT SERVICE\Shop`
	tests := []struct {
		name    string
		machine func(*fakeWindows)
		r       func(*Registration)
		fresh   bool
		steps   []string
		same    int
		err     string
	}{
		{name: "fresh machine", fresh: true, steps: []string{"create service Shop", "register event source Shop", "create data folder " + dir + " for " + all}},
		{name: "fresh machine with a configuration to begin with", fresh: true, r: func(r *Registration) { r.Config = []byte("version: 1") }, steps: []string{
			"create service Shop", "register event source Shop", "create data folder " + dir + " for " + all, "write a first configuration " + shop(t).ConfigFile(),
		}},
		{name: "again", same: 4},
		{name: "other account and start type", r: func(r *Registration) { r.Account, r.Start = "NetworkService", StartDelayed }, same: 3, steps: []string{
			`change account of service Shop: NT AUTHORITY\LocalService -> NT AUTHORITY\NetworkService`, "change start type of service Shop: auto -> delayed",
		}},
		{name: "what somebody turned off is turned on", machine: func(f *fakeWindows) { f.svc.Recovery, f.svc.OnFailure, f.svc.Start = nil, false, "disabled" }, same: 3, steps: []string{
			"change start type of service Shop: disabled -> auto",
			"change recovery of service Shop: restart never, counted anew after 24h0m0s -> restart after 5s, 10s, 30s, counted anew after 24h0m0s",
			"change recovery after failure exits of service Shop: off -> on",
		}},
		{name: "moved binary", machine: func(f *fakeWindows) { f.svc.Command = `"D:\old\holdfast.exe" run --name shop` }, same: 3, steps: []string{
			`change command of service Shop: "D:\old\holdfast.exe" run --name shop -> "C:\Program Files\Holdfast\holdfast.exe" run --name Shop`,
		}},
		{name: "command without quotes", machine: func(f *fakeWindows) { f.svc.Command = `C:\Program Files\Holdfast\holdfast.exe run --name Shop` }, same: 3, steps: []string{
			`change command of service Shop: C:\Program Files\Holdfast\holdfast.exe run --name Shop -> "C:\Program Files\Holdfast\holdfast.exe" run --name Shop`,
		}},
		{name: "loose folder", machine: func(f *fakeWindows) { f.dir.private = false }, same: 3, steps: []string{"restrict data folder " + dir + " to " + all}},
		{name: "name of another service", machine: func(f *fakeWindows) { f.svc.Command = `C:\Windows\System32\spoolsv.exe` }, err: "belongs to another program"},
		{name: "name of another Holdfast", machine: func(f *fakeWindows) { f.svc.Command = `"C:\x\holdfast.exe" run --name Other` }, err: "belongs to another program"},
		{name: "source of another program", machine: func(f *fakeWindows) { f.src = sourceForeign }, err: "event source Shop belongs to another program"},
		{name: "folder of an ordinary user", machine: func(f *fakeWindows) { f.dir = folder{exists: true, owner: `PC\eve`} }, err: `was made by PC\eve`},
		{name: "link instead of a folder", machine: func(f *fakeWindows) { f.dir = folder{exists: true, link: true} }, err: "is a link"},
		{name: "no rights", machine: func(f *fakeWindows) { f.denied = true }, err: "access denied"},
		{name: "LocalSystem", r: func(r *Registration) { r.Account = "LocalSystem" }, err: "every right on this machine"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := installed(t, "stopped")
			if tt.fresh {
				f = &fakeWindows{}
			}
			if tt.machine != nil {
				tt.machine(f)
			}
			r := exe
			if tt.r != nil {
				tt.r(&r)
			}
			g := scmRegistrar{machine: f}
			p, err := g.install(t.Context(), shop(t), r)
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
				t.Errorf("steps (-want +got):\n%s", d)
			}
			if len(p.Unchanged) != tt.same {
				t.Errorf("unchanged: got %q, want %d", p.Unchanged, tt.same)
			}
			if len(f.did) > 0 {
				t.Errorf("planning did %q", f.did)
			}
			// Carried out, nothing is left to do.
			if err := p.Run(t.Context(), func(string) {}); err != nil {
				t.Fatal(err)
			}
			if p, err = g.install(t.Context(), shop(t), r); err != nil || len(p.Steps) > 0 {
				t.Errorf("a second time: %v, %q", err, texts(p))
			}
		})
	}
}

func TestWindowsAccount(t *testing.T) {
	for in, want := range map[string]string{
		"": `NT AUTHORITY\LocalService`, "localservice": `NT AUTHORITY\LocalService`, `nt authority\networkservice`: `NT AUTHORITY\NetworkService`,
		`nt service\shop`: `NT SERVICE\Shop`, `CORP\web$`: `CORP\web$`,
		`NT SERVICE\Other`: "", "SYSTEM": "", `NT AUTHORITY\SYSTEM`: "", `CORP\ann`: "", "ann": "", `\x$`: "", `CORP\$`: "", `A\B\c$`: "", `.\web$`: "", `NT AUTHORITY\web$`: "",
	} {
		got, err := WindowsAccount(shop(t), in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for want, args := range map[string][]string{
		`"C:\a.exe" run`:                   {`C:\a.exe`, "run"},
		`"C:\a b\c.exe" --data "D:\x y\\"`: {`C:\a b\c.exe`, "--data", `D:\x y\`},
		`"x" "" "a\"b" "c\\\"d"`:           {"x", "", `a"b`, `c\"d`},
	} {
		if got := commandLine(args); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestPlanActions(t *testing.T) {
	tests := []struct {
		name   string
		state  string
		action Action
		before func(*fakeWindows)
		did    []string
		end    string
		err    string
	}{
		{name: "start", state: "stopped", action: Start, did: []string{"start"}, end: "running"},
		{name: "start what runs", state: "running", action: Start, end: "running"},
		{name: "start what starts", state: "start_pending", action: Start, before: func(f *fakeWindows) { f.next = "running" }, end: "running"},
		{name: "start fails", state: "stopped", action: Start, before: func(f *fakeWindows) { f.startCode = ExitConfig }, did: []string{"start"}, end: "stopped", err: "exit code 3 (the configuration is invalid). See every problem"},
		{name: "start hangs", state: "stopped", action: Start, before: func(f *fakeWindows) { f.stuck = true }, did: []string{"start"}, end: "start_pending", err: "start_pending for 1m0s without progress"},
		{name: "stop", state: "running", action: Stop, did: []string{"control 1", "wait for process 42"}, end: "stopped"},
		{name: "stop what is stopped", state: "stopped", action: Stop, end: "stopped"},
		{name: "restart", state: "running", action: Restart, did: []string{"control 1", "wait for process 42", "start"}, end: "running"},
		{name: "restart what is stopped", state: "stopped", action: Restart, did: []string{"start"}, end: "running"},
		{name: "pause", state: "running", action: Pause, did: []string{"control 2"}, end: "paused"},
		{name: "pause what is stopped", state: "stopped", action: Pause, end: "stopped", err: "start it first"},
		{name: "continue", state: "paused", action: Continue, did: []string{"control 3"}, end: "running"},
		{name: "continue what runs", state: "running", action: Continue, end: "running"},
		{name: "reload", state: "paused", action: Reload, did: []string{"control 6"}, end: "paused"},
		{name: "reload what is stopped", state: "stopped", action: Reload, end: "stopped", err: "start it first"},
		{name: "not installed", action: Start, before: func(f *fakeWindows) { f.svc = nil }, err: "holdfast service install"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := installed(t, tt.state)
				if tt.before != nil {
					tt.before(f)
				}
				p, err := scmRegistrar{machine: f, pace: time.Second}.act(t.Context(), shop(t), tt.action)
				if err == nil {
					err = p.Run(t.Context(), func(string) {})
				}
				if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error: got %v, want %q", err, tt.err)
				}
				if d := cmp.Diff(tt.did, f.did); d != "" {
					t.Errorf("(-want +got):\n%s", d)
				}
				if f.state != tt.end {
					t.Errorf("got %s, want %s", f.state, tt.end)
				}
			})
		})
	}
}

func TestPlanUninstall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := installed(t, "running")
		g := scmRegistrar{machine: f, pace: time.Second}
		p, err := g.uninstall(t.Context(), shop(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(t.Context(), func(string) {}); err != nil {
			t.Fatal(err)
		}
		want := []string{"control 1", "wait for process 42", "remove", "remove source"}
		if d := cmp.Diff(want, f.did); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "kept in "+shop(t).DataDir()) {
			t.Errorf("notes: %q", p.Notes)
		}
		if p, err = g.uninstall(t.Context(), shop(t)); err != nil || len(p.Steps) > 0 || len(p.Unchanged) != 1 {
			t.Errorf("a second time: %v, %+v", err, p)
		}
	})
}

func TestQuery(t *testing.T) {
	f := installed(t, "running")
	st, err := scmRegistrar{machine: f}.query(t.Context(), shop(t))
	if err != nil || !st.Installed || st.State != "running" || st.PID != 42 || st.Account != `NT AUTHORITY\LocalService` || st.DataDir == "" {
		t.Errorf("%+v, %v", st, err)
	}
	f.svc = nil
	if st, err = (scmRegistrar{machine: f}).query(t.Context(), shop(t)); err != nil || st.Installed || st.State != "not_installed" {
		t.Errorf("%+v, %v", st, err)
	}
	if _, err := (scmRegistrar{machine: f}).act(t.Context(), shop(t), Stop); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("got %v", err)
	}
}

func TestStatusOf(t *testing.T) {
	tests := []struct {
		state, win32, specific uint32
		want                   Status
	}{
		{4, 0, 0, Status{Installed: true, State: "running"}},
		{1, 1077, 0, Status{Installed: true, State: "stopped"}},
		{1, 1066, 13, Status{Installed: true, State: "stopped", ExitCode: 13, Detail: "ended with exit code 13: a listener cannot be bound"}},
		{1, 1067, 0, Status{Installed: true, State: "stopped", ExitCode: 1067, Detail: "ended with exit code 1067: the process ended without telling the service manager"}},
		{9, 0, 0, Status{Installed: true, State: "state 9"}},
	}
	for _, tt := range tests {
		if got := statusOf(tt.state, tt.win32, tt.specific); got != tt.want {
			t.Errorf("got %+v, want %+v", got, tt.want)
		}
	}
}
