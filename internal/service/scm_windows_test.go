package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
)

// asService is the test binary started by the SCM: `run --name NAME --data DIR`.
func asService() (code int, ok bool) {
	if len(os.Args) != 6 || os.Args[1] != "run" {
		return 0, false
	}
	id, err := NewIdentity(os.Args[3])
	if err != nil {
		return ExitUsage, true
	}
	id = id.WithDataDir(os.Args[5])
	return Run(context.Background(), Options{
		Identity: id, Program: diarist{id.DataDir()}, StopTimeout: 3 * time.Second,
		ExitCode: func(error) int { return ExitListen },
	}), true
}

// diarist is a service that writes down what it is asked, and misbehaves as the file "role" says.
type diarist struct{ dir string }

func (d diarist) role() string {
	role, err := os.ReadFile(filepath.Join(d.dir, "role"))
	if err != nil {
		return ""
	}
	return string(role)
}

func (d diarist) note(text string) error {
	f, err := os.OpenFile(filepath.Join(d.dir, "diary"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, text)
	return errors.Join(err, f.Close())
}

func (d diarist) Run(ctx context.Context, s Starting) error {
	switch d.role() {
	case "bad":
		return errors.New("port 80 is taken")
	case "slow":
		s.Progress("a long one")
		slow := time.NewTimer(5 * time.Second) // the start that the test watches
		defer slow.Stop()
		<-slow.C
	}
	s.Ready()
	if d.role() == "called" {
		if err := d.note(s.StartID()); err != nil {
			return err
		}
	}
	if d.role() == "quits" {
		return nil
	}
	<-ctx.Done()
	if d.role() == "stubborn" {
		select {}
	}
	return d.note("end")
}

func (d diarist) Reload(context.Context) error { return d.note("reload") }
func (d diarist) Pause(context.Context) error  { return d.note("pause") }
func (d diarist) Resume(context.Context) error { return d.note("resume") }

// stage is one installed service of the test binary.
type stage struct {
	t   *testing.T
	id  Identity
	m   *Manager
	dir string
	// killed: Wine's service manager does not notice that a process was killed, so that nothing can
	// be asked of the service any more.
	killed bool
}

func newStage(t *testing.T, name, role string) *stage {
	t.Helper()
	id, err := NewIdentity(fmt.Sprintf("HfTest-%s-%d", name, os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(scratch(t), "data")
	id = id.WithDataDir(dir)
	s := &stage{t: t, id: id, m: NewManager(id), dir: dir}
	s.run(s.m.PlanInstall(t.Context(), Registration{Start: StartManual}))
	t.Cleanup(func() {
		if s.killed {
			host := windowsHost{}
			if err := errors.Join(host.remove(s.id.ServiceName()), host.removeSource(s.id.EventSource())); err != nil {
				t.Errorf("remove: %v", err)
			}
			return
		}
		p, err := s.m.PlanUninstall(context.Background())
		if err == nil {
			err = p.Run(context.Background(), func(string) {})
		}
		if err != nil {
			t.Errorf("uninstall: %v", err)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, "role"), []byte(role), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stage) run(p Plan, err error) {
	s.t.Helper()
	if err == nil {
		err = p.Run(s.t.Context(), func(text string) { s.t.Log(text) })
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) act(a Action) {
	s.t.Helper()
	s.run(s.m.Plan(s.t.Context(), a))
}

func (s *stage) expect(state string) Status {
	s.t.Helper()
	st, err := s.m.Query(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if st.State != state {
		s.t.Errorf("state: got %+v, want %s", st, state)
	}
	return st
}

// diary waits until the service has written all of want.
func (s *stage) diary(want ...string) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		got, _ := os.ReadFile(filepath.Join(s.dir, "diary"))
		if strings.Join(strings.Fields(string(got)), " ") == strings.Join(want, " ") {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("diary: got %q, want %q", got, want)
		}
	}
}

func TestServiceLife(t *testing.T) {
	s := newStage(t, "life", "")
	s.expect("stopped")
	// Recovery is left out: Wine keeps neither failure actions nor their flag.
	p, err := s.m.PlanInstall(t.Context(), Registration{Start: StartManual})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range p.Steps {
		t.Log("an install again would", step.Text)
		for _, settled := range []string{"create", "command", "account", "start type", "display name", "event source"} {
			if strings.Contains(step.Text, settled) {
				t.Errorf("an install again would %s", step.Text)
			}
		}
	}

	s.act(Start)
	if st := s.expect("running"); st.PID == 0 {
		t.Error("running without a process")
	}
	s.act(Start)
	s.act(Pause)
	s.expect("paused")
	s.act(Reload)
	s.diary("pause", "reload")
	s.act(Continue)
	s.expect("running")
	s.diary("pause", "reload", "resume")
	s.act(Restart)
	s.expect("running")
	s.act(Stop)
	if st := s.expect("stopped"); st.ExitCode != 0 {
		t.Errorf("an asked stop is no failure: %+v", st)
	}
	s.diary("pause", "reload", "resume", "end", "end")
}

func TestStartIsKnownByItsName(t *testing.T) {
	s := newStage(t, "called", "called")
	const id = "00112233445566778899aabbccddeeff"
	if err := (windowsHost{}).start(s.id.ServiceName(), StartArgument(id)); err != nil {
		t.Fatal(err)
	}
	s.diary(id)
	s.act(Start) // waits until it runs
	s.act(Stop)
}

func TestStartThatFailsHasItsExitCode(t *testing.T) {
	s := newStage(t, "bad", "bad")
	p, err := s.m.Plan(t.Context(), Start)
	if err == nil {
		err = p.Run(t.Context(), func(string) {})
	}
	if err == nil || !strings.Contains(err.Error(), "exit code 13 (a listener cannot be bound)") {
		t.Errorf("got %v", err)
	}
	if st := s.expect("stopped"); st.ExitCode != ExitListen {
		t.Errorf("%+v", st)
	}
}

func TestUnaskedEndIsAFailure(t *testing.T) {
	s := newStage(t, "quits", "quits")
	p, err := s.m.Plan(t.Context(), Start)
	if err != nil {
		t.Fatal(err)
	}
	_ = p.Run(t.Context(), func(string) {}) // it may be seen running, or not
	deadline := time.Now().Add(20 * time.Second)
	for {
		st, err := s.m.Query(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.State == "stopped" && st.ExitCode == ExitEnded {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", st)
		}
	}
}

func TestSlowStartShowsSignsOfLife(t *testing.T) {
	s := newStage(t, "slow", "slow")
	if err := (windowsHost{}).start(s.id.ServiceName()); err != nil {
		t.Fatal(err)
	}
	seen := map[uint32]bool{}
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		st, err := (windowsHost{}).status(s.id.ServiceName())
		if err != nil {
			t.Fatal(err)
		}
		if st.State == "running" {
			break
		}
		seen[st.checkpoint] = true
	}
	s.expect("running")
	if len(seen) < 3 {
		t.Errorf("checkpoints in 5 s of starting: %v", seen)
	}
}

func TestStopThatOverrunsIsCutShort(t *testing.T) {
	s := newStage(t, "stubborn", "stubborn")
	s.act(Start)
	began := time.Now()
	s.act(Stop)
	if st := s.expect("stopped"); st.ExitCode != 0 || time.Since(began) < 3*time.Second {
		t.Errorf("after %v: %+v", time.Since(began), st)
	}
}

func TestNothingOfOthersIsTouched(t *testing.T) {
	id, err := NewIdentity("RpcSs") // every Windows has it, and Wine too
	if err != nil {
		t.Fatal(err)
	}
	m := NewManager(id.WithDataDir(scratch(t)))
	if _, err := m.PlanInstall(t.Context(), Registration{}); !errors.Is(err, ErrForeign) {
		t.Errorf("install: got %v", err)
	}
	if _, err := m.PlanUninstall(t.Context()); !errors.Is(err, ErrForeign) {
		t.Errorf("uninstall: got %v", err)
	}
}

func TestActionsOnNothing(t *testing.T) {
	id, err := NewIdentity("HfTest-nobody")
	if err != nil {
		t.Fatal(err)
	}
	m := NewManager(id.WithDataDir(scratch(t)))
	if _, err := m.Plan(t.Context(), Start); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("got %v", err)
	}
	if st, err := m.Query(t.Context()); err != nil || st.Installed {
		t.Errorf("%+v, %v", st, err)
	}
}

// A console run must work where no SCM has started us.
func TestConsoleFallback(t *testing.T) {
	dir := scratch(t)
	if err := os.WriteFile(filepath.Join(dir, "role"), []byte("bad"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "run", "--name", "HfTest-console", "--data", dir)
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != ExitListen {
		t.Errorf("got %v, want exit code %d", err, ExitListen)
	}
}

// The numbers in scm.go are written down there so that its decisions can be tested on any system.
func TestNumbersAreTheSCMs(t *testing.T) {
	for ours, theirs := range map[uint32]uint32{
		scmStopped: uint32(svc.Stopped), scmStartPending: uint32(svc.StartPending), scmStopPending: uint32(svc.StopPending),
		scmRunning: uint32(svc.Running), scmContinuePending: uint32(svc.ContinuePending), scmPausePending: uint32(svc.PausePending),
		scmPaused: uint32(svc.Paused),
	} {
		if ours != theirs {
			t.Errorf("state %d is %d", ours, theirs)
		}
	}
	accepts := uint32(svc.AcceptStop | svc.AcceptPauseAndContinue | svc.AcceptShutdown | svc.AcceptParamChange | svc.AcceptPreShutdown)
	if ours := uint32(acceptStop | acceptPauseContinue | acceptShutdown | acceptParamChange | acceptPreshutdown); ours != accepts {
		t.Errorf("accepts %#x are %#x", ours, accepts)
	}
	for ours, theirs := range map[uint32]svc.Cmd{
		controlStop: svc.Stop, controlPause: svc.Pause, controlContinue: svc.Continue, controlInterrogate: svc.Interrogate,
		controlShutdown: svc.Shutdown, controlParamChange: svc.ParamChange, controlPreshutdown: svc.PreShutdown,
	} {
		if ours != uint32(theirs) {
			t.Errorf("control %d is %d", ours, theirs)
		}
	}
	if windows.ERROR_SERVICE_SPECIFIC_ERROR != 1066 {
		t.Error("ERROR_SERVICE_SPECIFIC_ERROR")
	}
}

// What Wine keeps of a registration comes back: account, start type, texts, state.
func TestRestoreOfARegistration(t *testing.T) {
	s := newStage(t, "record", "")
	host := windowsHost{}
	s.act(Start)
	before, err := s.m.Record(t.Context())
	if err != nil || before.State != "running" || before.Start != StartManual {
		t.Fatalf("%+v, %v", before, err)
	}
	check := func(what string) {
		t.Helper()
		s.run(s.m.PlanRestore(t.Context(), before))
		after, err := s.m.Record(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(before, after, cmp.AllowUnexported(Record{})); d != "" {
			t.Errorf("%s: (-before +after):\n%s", what, d)
		}
	}
	s.run(s.m.PlanDisarm(t.Context()))
	if now, err := s.m.Record(t.Context()); err != nil || now.Start != startDisabled {
		t.Errorf("disarmed: %+v, %v", now, err)
	}
	check("disarmed")

	s.act(Stop)
	changed := before.scmService
	changed.Account, changed.DisplayName, changed.Description = `NT AUTHORITY\NetworkService`, "another", "another"
	changed.Group = "group"
	for _, f := range keptFields(before.Unknown) {
		if err := host.change(s.id.ServiceName(), f.name, changed); err != nil {
			t.Errorf("change %s: %v", f.name, err)
		}
	}
	if now, err := s.m.Record(t.Context()); err != nil || now.Account != changed.Account || now.Description != "another" || now.Group != "group" {
		t.Errorf("changed: %+v, %v", now, err)
	}
	check("changed")

	s.run(s.m.PlanUninstall(t.Context()))
	check("removed")
}

func TestKillEndsWhatDoesNotStop(t *testing.T) {
	s := newStage(t, "kill", "stubborn")
	if err := s.m.Begin(t.Context(), "00112233445566778899aabbccddeeff"); err != nil {
		t.Fatal(err)
	}
	s.act(Start)
	pid := s.expect("running").PID
	s.killed = true
	if err := s.m.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	if err == nil {
		defer windows.CloseHandle(h) //nolint:errcheck // only looked at
		if state, err := windows.WaitForSingleObject(h, 0); err != nil || state != windows.WAIT_OBJECT_0 {
			t.Errorf("process %d still runs: %d, %v", pid, state, err)
		}
	}
}

func TestListsAsTheSCMWritesThem(t *testing.T) {
	for _, list := range [][]string{nil, {"Tcpip"}, {"Tcpip", "+NDIS", "数据"}} {
		if d := cmp.Diff(list, readList(writeList(list))); d != "" {
			t.Errorf("%q: (-want +got):\n%s", list, d)
		}
	}
	if got := readList(nil); got != nil {
		t.Errorf("no list: got %q", got)
	}
}
