package service

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// edited is a registration as an administrator may have made it of ours.
func edited(s scmService) scmService {
	s.Start, s.Account = StartDelayed, `NT AUTHORITY\NetworkService`
	s.Recovery = []recoveryAction{{doRestart, time.Minute}, {doRun, time.Second}, {doNothing, 0}}
	s.RecoveryCommand, s.Reset = "report.exe", time.Hour
	s.Dependencies, s.Privileges, s.Group, s.ErrorControl = []string{"Tcpip", "+NDIS"}, []string{"SeChangeNotifyPrivilege"}, "g", 0
	s.Security = "D:(A;;RPWP;;;BU)"
	return s
}

func TestRecordSurvivesAFile(t *testing.T) {
	f := installed(t, "paused")
	*f.svc = edited(*f.svc)
	r, err := scmRegistrar{machine: f}.record(shop(t))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got Record
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r, got, cmp.AllowUnexported(Record{})); d != "" || !got.Installed || got.State != "paused" {
		t.Errorf("%s: (-want +got):\n%s", data, d)
	}
}

func TestPlanRestore(t *testing.T) {
	tests := []struct {
		name   string
		before string // the recorded state; "" for no service
		change func(*fakeWindows)
		steps  []string
		end    string // "" for no service
		notes  string
	}{
		{name: "nothing changed", before: "running", end: "running"},
		{name: "never was", end: ""},
		{name: "new one that runs", change: func(f *fakeWindows) {
			want, _ := wantedService(Identity{Name: "Shop"}, exe)
			f.svc, f.state = &want, "running"
		}, steps: []string{"stop service Shop", "remove service Shop"}, end: ""},
		{name: "disarmed and stopped", before: "running", change: func(f *fakeWindows) {
			f.svc.Start, f.svc.Recovery, f.svc.OnFailure, f.state = startDisabled, nil, false, "stopped"
		}, steps: []string{"change start type", "change recovery of", "change recovery after failure exits", "start service Shop"}, end: "running"},
		{name: "source gone", before: "stopped", change: func(f *fakeWindows) { f.src = sourceMissing }, steps: []string{"register event source Shop"}, end: "stopped"},
		{name: "gone", before: "running", change: func(f *fakeWindows) { f.svc, f.state = nil, "" }, steps: []string{"create service Shop", "start service Shop"}, end: "running"},
		{name: "gone with its program", before: "running", change: func(f *fakeWindows) { f.svc, f.config = nil, false }, end: "", notes: `its program C:\Program Files\Holdfast\holdfast.exe is gone`},
		{name: "made anew by Windows Installer", before: "stopped", change: func(f *fakeWindows) {
			f.svc = &scmService{Command: f.svc.Command, Account: "LocalSystem", Start: StartManual}
		}, steps: []string{
			"change account", "change start type", "change display name", "change description", "change service SID", "change recovery of", "change recovery after failure exits",
			"change preshutdown timeout", "change access list", "change load group", "change dependencies", "change privileges",
		}, end: "stopped"},
		{name: "stopped then, started since", before: "stopped", change: func(f *fakeWindows) { f.state = "running" }, steps: []string{"stop service Shop"}, end: "stopped"},
		{name: "paused", before: "paused", change: func(f *fakeWindows) { f.state = "stopped" }, steps: []string{"start service Shop", "pause service Shop"}, end: "paused"},
		{name: "what the system has not told is not set", before: "stopped", change: func(f *fakeWindows) { f.svc.Preshutdown, f.svc.Unknown = 0, []string{"preshutdown timeout"} }, end: "stopped", notes: "keeps no preshutdown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := installed(t, tt.before)
				*f.svc = edited(*f.svc)
				if tt.before == "" {
					f.svc = nil
				}
				g := scmRegistrar{machine: f, pace: time.Second}
				r, err := g.record(shop(t))
				if err != nil {
					t.Fatal(err)
				}
				if tt.change != nil {
					tt.change(f)
				}
				p, err := g.restore(shop(t), r)
				if err == nil {
					err = p.Run(t.Context(), func(string) {})
				}
				if err != nil {
					t.Fatal(err)
				}
				got := texts(p)
				for i := range got {
					if i < len(tt.steps) && strings.HasPrefix(got[i], tt.steps[i]) {
						got[i] = tt.steps[i]
					}
				}
				if d := cmp.Diff(tt.steps, got); d != "" {
					t.Errorf("steps (-want +got):\n%s", d)
				}
				if !strings.Contains(strings.Join(p.Notes, "; "), tt.notes) {
					t.Errorf("notes %q, want %q", p.Notes, tt.notes)
				}
				if installed := f.svc != nil; installed != (tt.end != "") || installed && f.state != tt.end {
					t.Errorf("installed %t and %s, want %q", installed, f.state, tt.end)
				}
				if p, err = g.restore(shop(t), r); err != nil || len(p.Steps) > 0 {
					t.Errorf("a second time: %v, %q", err, texts(p))
				}
			})
		})
	}
}

func TestSourceThatWasNotThere(t *testing.T) {
	f := installed(t, "stopped")
	f.svc, f.src = nil, sourceMissing
	g := scmRegistrar{machine: f}
	r, err := g.record(shop(t))
	if err != nil || r.Source {
		t.Fatalf("%+v, %v", r, err)
	}
	f.src = sourceOurs
	p, err := g.restore(shop(t), r)
	if err == nil {
		err = p.Run(t.Context(), func(string) {})
	}
	if err != nil || f.src != sourceMissing {
		t.Errorf("%v, source %d", err, f.src)
	}
	f.src = sourceForeign
	if p, err := g.restore(shop(t), r); err != nil || len(p.Steps) > 0 {
		t.Errorf("another program's source: %v, %q", err, texts(p))
	}
}

func TestForget(t *testing.T) {
	f := installed(t, "stopped")
	f.svc = nil
	g := scmRegistrar{machine: f}
	for _, want := range [][]string{{"remove event source Shop"}, nil} {
		p, err := g.forget(shop(t))
		if err == nil {
			err = p.Run(t.Context(), func(string) {})
		}
		if d := cmp.Diff(want, texts(p)); d != "" || err != nil || f.src != sourceMissing {
			t.Errorf("%v, source %d (-want +got):\n%s", err, f.src, d)
		}
	}
}

func TestDisarm(t *testing.T) {
	f := installed(t, "running")
	g := scmRegistrar{machine: f}
	p, err := g.disarm(shop(t))
	if err == nil {
		err = p.Run(t.Context(), func(string) {})
	}
	if err != nil || f.svc.Start != startDisabled || len(f.svc.Recovery) > 0 || f.svc.OnFailure || f.state != "running" {
		t.Errorf("%v: %+v", err, f.svc)
	}
	if p, err = g.disarm(shop(t)); err != nil || len(p.Steps) > 0 {
		t.Errorf("a second time: %v, %q", err, texts(p))
	}
	f.svc = nil
	if p, err = g.disarm(shop(t)); err != nil || len(p.Steps) > 0 {
		t.Errorf("without a service: %v, %q", err, texts(p))
	}
}

func TestBeginWaitsForABusyManager(t *testing.T) {
	f := installed(t, "stopped")
	f.locked = 3
	g := scmRegistrar{machine: f, pace: time.Millisecond}
	if err := g.begin(t.Context(), shop(t), "x"); err != nil || f.state != "start_pending" {
		t.Errorf("begin: %v, %s", err, f.state)
	}
	f.locked = 1 << 30
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.begin(ended, shop(t), "x"); !errors.Is(err, errLocked) {
		t.Errorf("got %v, want errLocked", err)
	}
}

func TestBeginAndKill(t *testing.T) {
	f := installed(t, "stopped")
	g := scmRegistrar{machine: f}
	if err := g.begin(t.Context(), shop(t), "00ff"); err != nil || f.args != "--start-id=00ff" {
		t.Errorf("begin: %v, %q", err, f.args)
	}
	if err := g.kill(t.Context(), shop(t)); err != nil || f.state != "stopped" {
		t.Errorf("kill: %v, %s", err, f.state)
	}
	if d := cmp.Diff([]string{"start", "kill", "wait for process 42"}, f.did); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	f.svc = nil
	if err := g.kill(t.Context(), shop(t)); err != nil {
		t.Errorf("kill what is gone: %v", err)
	}
}

// Whoever has the name of another program's service touches nothing of it.
func TestForeignServicesAreLeftAlone(t *testing.T) {
	f := installed(t, "running")
	r, err := scmRegistrar{machine: f}.record(shop(t))
	if err != nil {
		t.Fatal(err)
	}
	f.svc.Command = `C:\Windows\System32\spoolsv.exe`
	g := scmRegistrar{machine: f}
	_, recorded := g.record(shop(t))
	_, restored := g.restore(shop(t), r)
	_, removed := g.restore(shop(t), Record{})
	_, disarmed := g.disarm(shop(t))
	for what, err := range map[string]error{
		"record": recorded, "restore": restored, "remove": removed, "disarm": disarmed,
		"begin": g.begin(t.Context(), shop(t), "x"), "kill": g.kill(t.Context(), shop(t)),
	} {
		if !errors.Is(err, ErrForeign) {
			t.Errorf("%s: got %v, want ErrForeign", what, err)
		}
	}
	if len(f.did) > 0 {
		t.Errorf("did %q", f.did)
	}
}
