//go:build faults && linux

package faults

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/build/rig"
)

// web is one app behind the gateway.
const web = head + `
apps:
  web:
    command: ["{holdfast}", demo-app]
    restart: {backoff: 100ms, max_backoff: 1s, max_restarts: 0}
routes:
  web: {app: web}
`

// TestDiskFull fills the disk that data and logs are on.
func TestDiskFull(t *testing.T) {
	h := newHome(t, web)
	disk := filepath.Join(h.Dir, "data")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=8m,mode=700"); err != nil {
		t.Fatalf("mount a small disk: %v; run this as root", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	config, err := os.ReadFile(filepath.Join(h.Dir, "holdfast.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	h.Dir = disk
	h.Write(string(config))
	r := h.StartReady()
	r.WaitHealthy("web")
	l := rig.StartLoad(t, h.Gateway, 4, 5*time.Second, "/info")
	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	rig.Pause(pick(2*time.Second, 20*time.Second))
	restarted := h.Instance("web", "web-1").PID
	_ = syscall.Kill(restarted, syscall.SIGKILL)
	r.WaitFor("a restart on a full disk", func() bool {
		i := h.Instance("web", "web-1")
		return i.Ready && i.PID != restarted
	})
	_, problem, code := h.CLI("scale", "web", "2")
	fill(t, filler)
	told := strings.Contains(r.Output.String(), "no space left on device")
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	var saved bool
	r.WaitFor("writes to succeed again", func() bool {
		_, _, code := h.CLI("scale", "web", "2")
		saved = code == 0
		return saved
	})
	r.WaitHealthy("web")
	got := l.Stop()
	// The only instance is killed once: its requests wait, and those that were in its hands may break.
	row(t, "disk full", got.Failed <= 4 && (told || code != 0), "keeps serving, says so, recovers",
		"%v with one kill; told: %v; a write that must last: exit code %d, %s", got, told, code, strings.TrimSpace(firstLine(problem)))
	r.Stop()
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// fill writes until there is no room.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for size := 64 << 10; size > 0; size /= 2 {
		for {
			if _, err := f.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
}

// TestWriteErrors has the system refuse every write to the log files for a while (strace -e inject).
func TestWriteErrors(t *testing.T) {
	h := newHome(t, web)
	r := h.StartReady()
	r.WaitHealthy("web")
	w, ok := r.Worker()
	if !ok {
		t.Fatal("no worker")
	}
	l := rig.StartLoad(t, h.Gateway, 2, 10*time.Second, "/info")
	args := []string{"-f", "-qq", "-o", "/dev/null", "-e", "trace=write,fsync,fdatasync", "-e", "inject=write,fsync,fdatasync:error=EIO", "-p", strconv.Itoa(w.PID)}
	logs := 0
	err := filepath.WalkDir(filepath.Join(h.Dir, "logs"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			args = append(args, "-P", path)
			logs++
		}
		return err
	})
	if err != nil || logs == 0 {
		t.Fatalf("%d log files: %v", logs, err)
	}
	tracer := exec.Command("strace", args...)
	if err := tracer.Start(); err != nil {
		t.Fatal(err)
	}
	rig.Pause(pick(3*time.Second, 30*time.Second))
	victim := h.Instance("web", "web-1").PID
	before := l.SoFar()
	_ = syscall.Kill(victim, syscall.SIGKILL)
	r.WaitFor("a restart while no log can be written", func() bool {
		i := h.Instance("web", "web-1")
		return i.Ready && i.PID != victim
	})
	_ = tracer.Process.Signal(syscall.SIGTERM)
	_ = tracer.Wait()
	r.WaitHealthy("web")
	got := l.Stop()
	told := strings.Contains(r.Output.String(), "input/output error")
	row(t, "write errors (EIO on every log)", before.Failed == 0 && before.Requests > 100 && told, "keeps serving, restarts, says so",
		"%v before a kill, %v in all; told: %v", before, got, told)
	r.Stop()
}

// TestReadErrors has the system refuse to read the configuration (strace -e inject): what runs stays,
// the reload says why, and the next one works.
func TestReadErrors(t *testing.T) {
	h := newHome(t, web)
	r := h.StartReady()
	r.WaitHealthy("web")
	w, ok := r.Worker()
	if !ok {
		t.Fatal("no worker")
	}
	l := rig.StartLoad(t, h.Gateway, 2, 10*time.Second, "/info")
	pid := h.Instance("web", "web-1").PID
	tracer := exec.Command("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=read,pread64", "-e", "inject=read,pread64:error=EIO",
		"-p", strconv.Itoa(w.PID), "-P", filepath.Join(h.Dir, "holdfast.yaml"))
	if err := tracer.Start(); err != nil {
		t.Fatal(err)
	}
	refused := ""
	r.WaitFor("a reload that is refused", func() bool {
		out, text, code := h.CLI("reload")
		refused = out + text
		return code != 0 && l.SoFar().Requests > 100
	})
	_ = tracer.Process.Signal(syscall.SIGTERM)
	_ = tracer.Wait()
	_, text, code := h.CLI("reload")
	got := l.Stop()
	told := strings.Contains(refused, "cannot be read") && strings.Contains(refused, "input/output error")
	same := h.Instance("web", "web-1").PID == pid
	row(t, "read errors (EIO on the configuration)", got.Failed == 0 && told && same && code == 0, "keeps what runs, says so, recovers",
		"%v; told: %v; restarted: %v; the next reload ended with %d", got, told, !same, code)
	if !told || code != 0 {
		t.Logf("refused: %s\nafterwards: %s", refused, text)
	}
	r.Stop()
}

// TestLogFlood lets a program write as fast as it can.
func TestLogFlood(t *testing.T) {
	h := newHome(t, head+`
apps:
  steady: {command: ["{holdfast}", demo-app]}
  flood:
    command: ["{holdfast}", demo-app]
    output: {file: {max_size: 1MiB, max_files: 2}}
routes:
  steady: {app: steady}
  flood: {match: {path_prefix: /flood}, strip_prefix: /flood, app: flood, timeout: 5m}
`)
	r := h.StartReady()
	r.WaitHealthy("steady", "flood")
	rig.Pause(time.Second)
	idle := r.ResidentKiB()
	resident := rig.WatchResident(t, r)
	began, size := time.Now(), pick(1000, 6000)
	pids := r.PIDs()
	cpu := rig.CPU(pids...)
	code, body, err := h.Call("POST", fmt.Sprintf("/flood/spew?mb=%d", size))
	if err != nil || code != 200 {
		t.Fatalf("spew: %d %q %v", code, body, err)
	}
	rate := float64(size) / time.Since(began).Seconds()
	growth := float64(resident.Peak()-idle) / 1024
	// Where others use the processors, too, its own share tells what it can take.
	own := float64(size) / (rig.CPU(pids...) - cpu).Seconds()
	row(t, "log flood", growth < 32 && max(rate, own) >= 100, "below 32 MB of growth, the child unblocked at 100 MB/s",
		"%d MB taken at %.0f MB/s, %.0f MB a second of its own processor time, resident +%.1f MB", size, rate, own, growth)
	r.Stop()
}

// TestDescriptors gives Holdfast few descriptors and takes all of them.
func TestDescriptors(t *testing.T) {
	h := newHome(t, strings.Replace(web, "restart:", "liveness_probe: {http_get: {path: /healthz}, period: 200ms, timeout: 500ms, failure_threshold: 2}\n    restart:", 1))
	r := h.StartReady()
	r.WaitHealthy("web")
	w, ok := r.Worker()
	if !ok {
		t.Fatal("no worker")
	}
	open, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(w.PID), "fd"))
	if err != nil {
		t.Fatal(err)
	}
	limit := len(open) + 30
	if out, err := exec.Command("prlimit", "--pid", strconv.Itoa(w.PID), fmt.Sprintf("--nofile=%d:%d", limit, limit)).CombinedOutput(); err != nil {
		t.Fatalf("prlimit: %v\n%s", err, out)
	}
	pid := h.Instance("web", "web-1").PID
	l := rig.StartLoad(t, h.Gateway, 200, time.Second, "/slow?ms=500")
	rig.Pause(pick(4*time.Second, 30*time.Second))
	under := l.Stop()
	var healthy bool
	r.WaitFor("Holdfast to answer again", func() bool {
		code, _, err := h.Call("GET", "/info")
		healthy = err == nil && code == 200
		return healthy
	})
	same := h.Instance("web", "web-1").PID == pid
	row(t, "descriptors used up", same && healthy, "the program is left alone, and it serves again afterwards",
		"limit %d, 200 connections: %d of %d requests failed meanwhile; restarted: %v", limit, under.Failed, under.Requests, !same)
	r.Stop()
}

// TestForkBomb bounds what a program forks by its user's limit of processes.
func TestForkBomb(t *testing.T) {
	const limit = 200
	h := newHome(t, strings.Replace(web, "apps:", `apps:
  bomb:
    command: [setpriv, "--reuid=54321", "--regid=54321", --clear-groups, prlimit, "--nproc=200", perl, -e, "while (1) { defined(fork) or select(undef, undef, undef, 0.1) }"]
    port: none
    autostart: false
    stop: {grace: 500ms}`, 1))
	r := h.StartReady()
	r.WaitHealthy("web")
	l := rig.StartLoad(t, h.Gateway, 2, 10*time.Second, "/info")
	_, _, _ = h.CLI("start", "bomb")
	peak := 0
	for began := time.Now(); time.Since(began) < pick(3*time.Second, 30*time.Second); {
		peak = max(peak, owned(54321))
		rig.Pause(50 * time.Millisecond)
	}
	began := time.Now()
	_, _, _ = h.CLI("stop", "bomb")
	r.WaitFor("the bomb to be gone", func() bool { return owned(54321) == 0 })
	gone := time.Since(began)
	got := l.Stop()
	row(t, "fork bomb", peak > 10 && peak <= limit && got.Failed == 0, "bounded, ended whole, 0 failed",
		"at most %d processes (limit %d), all gone %v after the stop; %v", peak, limit, gone.Round(time.Millisecond), got)
	r.Stop()
}

// owned counts the processes of a user, zombies aside.
func owned(uid int) int {
	files, _ := filepath.Glob("/proc/[0-9]*/status")
	n := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) || bytes.Contains(data, []byte("\nState:\tZ")) {
			continue
		}
		if bytes.Contains(data, fmt.Appendf(nil, "\nUid:\t%d\t", uid)) {
			n++
		}
	}
	return n
}
