//go:build e2e && linux

package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/build/rig"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// misbehaving has one well-behaved app, on which a load runs all the time, and one app for every
// way to misbehave; each is started by its own test.
const misbehaving = `
version: 1
management: {address: "{api}"}
listeners:
  web: {address: "{gateway}"}
apps:
  steady:
    command: ["{holdfast}", demo-app]
  flood:
    command: [yes, "a line of one hundred bytes, again and again, as fast as anybody reads it, until somebody ends it"]
    port: none
    autostart: false
    output: {file: {max_size: 1MiB, max_files: 2}}
  flooder:
    command: ["{holdfast}", demo-app]
    autostart: false
    output: {file: {max_size: 1MiB, max_files: 2}}
  holder:
    command: [sh, -c, "echo working; setsid sleep 600 & sleep 0.2; echo failing >&2; exit 7"]
    port: none
    autostart: false
    restart: {backoff: 50ms, max_backoff: 100ms, max_restarts: 0}
  deaf:
    command: [sh, -c, "trap '' TERM INT HUP QUIT USR1 USR2; echo deaf; while :; do sleep 1; done"]
    port: none
    autostart: false
    stop: {grace: 500ms}
  plain:
    command: ["{dir}/not-executable"]
    port: none
    autostart: false
  taken:
    command: ["{holdfast}", demo-app]
    port: {port}
    autostart: false
routes:
  steady: {app: steady}
  flooder: {match: {path_prefix: /flooder}, strip_prefix: /flooder, app: flooder, timeout: 2m}
`

// residentLimitKiB bounds guardian and worker together, whatever the children do.
const residentLimitKiB = 160 << 10

func TestMisbehavingChildren(t *testing.T) {
	squatter, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = squatter.Close() }()
	port := squatter.Addr().(*net.TCPAddr).Port
	h := rig.NewHome(t, binary, strings.ReplaceAll(misbehaving, "{port}", strconv.Itoa(port)))
	if err := os.WriteFile(filepath.Join(h.Dir, "not-executable"), []byte("#!/bin/sh\nexec sleep 600\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := h.StartReady()
	r.WaitHealthy("steady")
	resident := rig.WatchResident(t, r)
	// An answer later than this is a stall.
	l := rig.StartLoad(t, h.Gateway, 4, 3*time.Second, "/info")

	m := misbehaviour{r, port}
	t.Run("floods stdout for ever", m.flood)
	t.Run("writes a gigabyte to stdout", m.gigabyte)
	t.Run("leaves a grandchild that holds the pipe", m.pipeHolder)
	t.Run("ignores every stop signal", m.deaf)
	t.Run("is not executable", m.notExecutable)
	t.Run("finds its port taken", m.portTaken)

	got := l.Stop()
	t.Logf("the well-behaved app meanwhile: %v; resident memory at most %d MiB", got, resident.Peak()>>10)
	if got.Failed > 0 {
		t.Errorf("the well-behaved app: %d requests failed, such as %q", got.Failed, got.Examples)
	}
	if steady := h.App("steady"); steady.Instances[0].Restarts != 0 {
		t.Errorf("the well-behaved app was restarted %d times", steady.Instances[0].Restarts)
	}
	if peak := resident.Peak(); peak == 0 || peak > residentLimitKiB {
		t.Errorf("resident memory reached %d KiB, want at most %d and a measurement", peak, residentLimitKiB)
	}
	if code := r.Stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// misbehaviour is a run with a child of every kind; port is the one that a stranger holds.
type misbehaviour struct {
	*rig.Holdfast
	port int
}

// flood: `yes` writes gigabytes a second if it is let. It runs on, and its log stays within its
// bounds.
func (r misbehaviour) flood(t *testing.T) {
	r.Act(t, "start", "flood")
	r.WaitFor("the flood's log to be rotated twice", func() bool { return len(r.LogFiles("flood-1")) >= 3 })
	rig.Pause(2 * time.Second) // the flood itself, not a wait
	if i := r.Instance("flood", "flood-1"); i.State != status.Running || i.Restarts != 0 {
		t.Errorf("flood-1 is %s after %d restarts, want running", i.State, i.Restarts)
	}
	files := r.LogFiles("flood-1")
	size := int64(0)
	for _, n := range files {
		size += n
	}
	if limit := int64(4 << 20); size == 0 || size > limit {
		t.Errorf("its log takes %d bytes (%v), want at most %d", size, files, limit)
	}
	r.Act(t, "stop", "flood")
	r.One(t, "flood", "instance.stopped")
	t.Logf("%s lines dropped", r.Metric(`holdfast_log_lines_dropped_total{app="flood"`))
}

// gigabyte: 1 GB on stdout, and the program says how fast it was taken.
func (r misbehaviour) gigabyte(t *testing.T) {
	r.Act(t, "start", "flooder")
	r.WaitHealthy("flooder")
	code, body, err := r.Call("POST", "/flooder/spew?mb=1000")
	if err != nil || code != 200 {
		t.Fatalf("POST spew: %d %q %v", code, body, err)
	}
	t.Logf("%s", strings.TrimSpace(body))
	r.Act(t, "stop", "flooder")
}

// pipeHolder: the exit is seen when the leader ends, not when the pipe closes; the grandchild goes
// with its instance.
func (r misbehaviour) pipeHolder(t *testing.T) {
	r.Act(t, "start", "holder")
	exited := r.One(t, "holder", "instance.exited")
	if !strings.Contains(exited.Message, "exit code 7") {
		t.Errorf("the event says %q, want the exit code in it", exited.Message)
	}
	r.WaitFor("three restarts", func() bool { return r.Instance("holder", "holder-1").Restarts >= 3 })
	i := r.Instance("holder", "holder-1")
	if len(i.Exits) == 0 || i.Exits[0].Code != 7 || !strings.Contains(strings.Join(i.Exits[0].LastLines, "\n"), "failing") {
		t.Errorf("exits %+v, want code 7 and the last lines", i.Exits)
	}
	r.Act(t, "stop", "holder")
	rig.WaitFor(t, "the grandchildren that held the pipe to end", func() bool { return r.Count("sleep", "600") == 0 })
}

// deaf: asked, waited for, killed; the event says so.
func (r misbehaviour) deaf(t *testing.T) {
	r.Act(t, "start", "deaf")
	r.WaitFor("deaf-1 to run", func() bool { return r.Instance("deaf", "deaf-1").State == status.Running })
	pid := r.Instance("deaf", "deaf-1").PID
	family := rig.Tree(pid)
	r.Act(t, "stop", "deaf")
	r.WaitFor("deaf-1 to be stopped", func() bool { return r.Instance("deaf", "deaf-1").State == status.Stopped })
	if left := rig.Living(family); len(left) > 0 {
		t.Errorf("left after the stop: %v", left)
	}
	stopped := r.One(t, "deaf", "instance.stopped")
	if stopped.Severity != event.Warning || !strings.Contains(stopped.Message, "killed") {
		t.Errorf("the event is %s %q, want a warning that it was killed", stopped.Severity, stopped.Message)
	}
	if exit := r.Instance("deaf", "deaf-1").LastExit; exit == nil || exit.Signal != "SIGKILL" || exit.Graceful {
		t.Errorf("last exit %+v, want SIGKILL and not graceful", exit)
	}
}

// notExecutable: told with the cure, tried again later.
func (r misbehaviour) notExecutable(t *testing.T) {
	_, _, _ = r.CLI("start", "plain") // whether it waits for success is the CLI's choice
	failed := r.One(t, "plain", "instance.start_failed")
	if failed.Severity != event.Error || !strings.Contains(failed.Message, "not-executable") || !strings.Contains(failed.Message, "chmod") {
		t.Errorf("the event is %s %q, want an error with the file and the cure", failed.Severity, failed.Message)
	}
	r.WantDown(t, "plain", "plain-1")
	r.Act(t, "stop", "plain")
}

// portTaken: the stranger on the port is never taken for the app.
func (r misbehaviour) portTaken(t *testing.T) {
	_, _, _ = r.CLI("start", "taken")
	failed := r.One(t, "taken", "instance.start_failed")
	if failed.Severity != event.Error || !strings.Contains(failed.Message, strconv.Itoa(r.port)) {
		t.Errorf("the event is %s %q, want an error with port %d", failed.Severity, failed.Message, r.port)
	}
	r.WantDown(t, "taken", "taken-1")
	if ready := r.Events("taken", "instance.ready"); len(ready) > 0 {
		t.Errorf("it was called ready: somebody else answered on its port")
	}
	r.Act(t, "stop", "taken")
}
