//go:build e2e && linux

package e2e

import (
	"bufio"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

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
	h := newHome(t, strings.ReplaceAll(misbehaving, "{port}", strconv.Itoa(port)))
	if err := os.WriteFile(filepath.Join(h.dir, "not-executable"), []byte("#!/bin/sh\nexec sleep 600\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := h.startReady()
	r.waitHealthy("steady")
	resident := watchResident(t, r)
	// An answer later than this is a stall.
	l := startLoad(t, h.gateway, 4, 3*time.Second, "/info")

	m := misbehaviour{r, port}
	t.Run("floods stdout for ever", m.flood)
	t.Run("writes a gigabyte to stdout", m.gigabyte)
	t.Run("leaves a grandchild that holds the pipe", m.pipeHolder)
	t.Run("ignores every stop signal", m.deaf)
	t.Run("is not executable", m.notExecutable)
	t.Run("finds its port taken", m.portTaken)

	got := l.stop()
	t.Logf("the well-behaved app meanwhile: %v; resident memory at most %d MiB", got, resident.peak()>>10)
	if got.failed > 0 {
		t.Errorf("the well-behaved app: %d requests failed, such as %q", got.failed, got.examples)
	}
	if steady := h.app("steady"); steady.Instances[0].Restarts != 0 {
		t.Errorf("the well-behaved app was restarted %d times", steady.Instances[0].Restarts)
	}
	if peak := resident.peak(); peak == 0 || peak > residentLimitKiB {
		t.Errorf("resident memory reached %d KiB, want at most %d and a measurement", peak, residentLimitKiB)
	}
	if code := r.stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// misbehaviour is a run with a child of every kind; port is the one that a stranger holds.
type misbehaviour struct {
	*holdfast
	port int
}

// act runs start, stop or restart through the CLI and wants it to succeed.
func (r *holdfast) act(t *testing.T, action, app string) {
	t.Helper()
	if out, problem, code := r.cli(action, app); code != 0 {
		t.Fatalf("holdfast %s %s: exit code %d\n%s%s", action, app, code, out, problem)
	}
}

// one wants exactly the given event about an app and returns the newest.
func (r *holdfast) one(t *testing.T, app string, kind event.Type) event.Event {
	t.Helper()
	r.waitFor("the event "+string(kind)+" of "+app, func() bool { return len(r.events(app, kind)) > 0 })
	all := r.events(app, kind)
	return all[len(all)-1]
}

// flood: `yes` writes gigabytes a second if it is let. It runs on, and its log stays within its
// bounds.
func (r misbehaviour) flood(t *testing.T) {
	r.act(t, "start", "flood")
	r.waitFor("the flood's log to be rotated twice", func() bool { return len(r.logFiles("flood-1")) >= 3 })
	pause(2 * time.Second) // the flood itself, not a wait
	if i := r.instance("flood", "flood-1"); i.State != status.Running || i.Restarts != 0 {
		t.Errorf("flood-1 is %s after %d restarts, want running", i.State, i.Restarts)
	}
	files := r.logFiles("flood-1")
	size := int64(0)
	for _, n := range files {
		size += n
	}
	if limit := int64(4 << 20); size == 0 || size > limit {
		t.Errorf("its log takes %d bytes (%v), want at most %d", size, files, limit)
	}
	r.act(t, "stop", "flood")
	r.one(t, "flood", "instance.stopped")
	t.Logf("%s lines dropped", r.metric(`holdfast_log_lines_dropped_total{app="flood"`))
}

// logFiles are the sizes of the files of an instance's output.
func (r *holdfast) logFiles(instance string) map[string]int64 {
	files := make(map[string]int64)
	_ = filepath.WalkDir(filepath.Join(r.dir, "logs"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), instance) {
			return nil // rotated away meanwhile
		}
		if info, err := d.Info(); err == nil {
			files[d.Name()] = info.Size()
		}
		return nil
	})
	return files
}

// metric is the value of the first series whose name and labels begin so; "no" without one.
func (r *holdfast) metric(series string) string {
	resp, err := r.client.Get("http://" + r.api + "/metrics")
	if err != nil {
		return "no"
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), series) {
			return lines.Text()[strings.LastIndexByte(lines.Text(), ' ')+1:]
		}
	}
	return "no"
}

// gigabyte: 1 GB on stdout, and the program says how fast it was taken.
func (r misbehaviour) gigabyte(t *testing.T) {
	r.act(t, "start", "flooder")
	r.waitHealthy("flooder")
	code, body, err := r.call("POST", "/flooder/spew?mb=1000")
	if err != nil || code != 200 {
		t.Fatalf("POST spew: %d %q %v", code, body, err)
	}
	t.Logf("%s", strings.TrimSpace(body))
	r.act(t, "stop", "flooder")
}

// pipeHolder: the exit is seen when the leader ends, not when the pipe closes; the grandchild goes
// with its instance.
func (r misbehaviour) pipeHolder(t *testing.T) {
	r.act(t, "start", "holder")
	exited := r.one(t, "holder", "instance.exited")
	if !strings.Contains(exited.Message, "exit code 7") {
		t.Errorf("the event says %q, want the exit code in it", exited.Message)
	}
	r.waitFor("three restarts", func() bool { return r.instance("holder", "holder-1").Restarts >= 3 })
	i := r.instance("holder", "holder-1")
	if len(i.Exits) == 0 || i.Exits[0].Code != 7 || !strings.Contains(strings.Join(i.Exits[0].LastLines, "\n"), "failing") {
		t.Errorf("exits %+v, want code 7 and the last lines", i.Exits)
	}
	r.act(t, "stop", "holder")
	waitFor(t, "the grandchildren that held the pipe to end", func() bool { return r.count("sleep", "600") == 0 })
}

// deaf: asked, waited for, killed; the event says so.
func (r misbehaviour) deaf(t *testing.T) {
	r.act(t, "start", "deaf")
	r.waitFor("deaf-1 to run", func() bool { return r.instance("deaf", "deaf-1").State == status.Running })
	pid := r.instance("deaf", "deaf-1").PID
	family := tree(pid)
	r.act(t, "stop", "deaf")
	r.waitFor("deaf-1 to be stopped", func() bool { return r.instance("deaf", "deaf-1").State == status.Stopped })
	if left := living(family); len(left) > 0 {
		t.Errorf("left after the stop: %v", left)
	}
	stopped := r.one(t, "deaf", "instance.stopped")
	if stopped.Severity != event.Warning || !strings.Contains(stopped.Message, "killed") {
		t.Errorf("the event is %s %q, want a warning that it was killed", stopped.Severity, stopped.Message)
	}
	if exit := r.instance("deaf", "deaf-1").LastExit; exit == nil || exit.Signal != "SIGKILL" || exit.Graceful {
		t.Errorf("last exit %+v, want SIGKILL and not graceful", exit)
	}
}

// notExecutable: told with the cure, tried again later.
func (r misbehaviour) notExecutable(t *testing.T) {
	_, _, _ = r.cli("start", "plain") // whether it waits for success is the CLI's choice
	failed := r.one(t, "plain", "instance.start_failed")
	if failed.Severity != event.Error || !strings.Contains(failed.Message, "not-executable") || !strings.Contains(failed.Message, "chmod") {
		t.Errorf("the event is %s %q, want an error with the file and the cure", failed.Severity, failed.Message)
	}
	r.wantDown(t, "plain", "plain-1")
	r.act(t, "stop", "plain")
}

// portTaken: the stranger on the port is never taken for the app.
func (r misbehaviour) portTaken(t *testing.T) {
	_, _, _ = r.cli("start", "taken")
	failed := r.one(t, "taken", "instance.start_failed")
	if failed.Severity != event.Error || !strings.Contains(failed.Message, strconv.Itoa(r.port)) {
		t.Errorf("the event is %s %q, want an error with port %d", failed.Severity, failed.Message, r.port)
	}
	r.wantDown(t, "taken", "taken-1")
	if ready := r.events("taken", "instance.ready"); len(ready) > 0 {
		t.Errorf("it was called ready: somebody else answered on its port")
	}
	r.act(t, "stop", "taken")
}

// wantDown wants an instance that waits for its next try and says why.
func (r *holdfast) wantDown(t *testing.T, app, id string) {
	t.Helper()
	r.waitFor(id+" to wait for its next try", func() bool {
		s := r.instance(app, id).State
		return s == status.Backoff || s == status.CrashLoop
	})
	if i := r.instance(app, id); i.Ready || i.Why == "" || i.NextTry.IsZero() {
		t.Errorf("%s: ready %v, why %q, next try %v; want not ready, a reason and a time", id, i.Ready, i.Why, i.NextTry)
	}
	if a := r.app(app); a.Condition != status.Down {
		t.Errorf("app %s is %s, want down", app, a.Condition)
	}
}

// count is how many marked processes run a command with these arguments.
func (r *holdfast) count(argv ...string) int {
	want := strings.Join(argv, "\x00") + "\x00"
	n := 0
	for _, p := range marked(r.mark) {
		line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid), "cmdline"))
		if err == nil && string(line) == want {
			n++
		}
	}
	return n
}

// resident samples the resident memory of a run until the test ends.
type resident struct{ samples chan int }

// watchResident begins to sample.
func watchResident(t *testing.T, r *holdfast) *resident {
	t.Helper()
	w := &resident{samples: make(chan int, 1)}
	w.samples <- 0
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				now := r.residentKiB()
				w.samples <- max(now, <-w.samples)
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
	})
	return w
}

// peak is the largest sample so far, in KiB.
func (w *resident) peak() int {
	v := <-w.samples
	w.samples <- v
	return v
}
