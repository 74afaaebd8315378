//go:build e2e && linux

package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/status"
)

// patience is how long a test waits for what must happen; a loaded machine is slow.
const patience = 30 * time.Second

// home is a data folder with its addresses, in which Holdfast is started once or many times.
type home struct {
	t            *testing.T
	dir          string
	mark         string
	gateway, api string // host:port
	client       *http.Client
	env          []string // added to every run
}

// newHome makes a data folder. {gateway}, {api} and {holdfast} in the configuration become the
// test's own addresses and the binary.
func newHome(t *testing.T, config string) *home {
	t.Helper()
	h := &home{
		t:       t,
		dir:     t.TempDir(),
		mark:    rand.Text(),
		gateway: freeAddress(t),
		api:     freeAddress(t),
		client:  &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second},
	}
	h.write(config)
	t.Cleanup(func() {
		left := marked(h.mark)
		killAll(left)
		if len(left) > 0 {
			t.Errorf("processes left at the end of the test: %v", left)
		}
		if t.Failed() {
			h.showLogs()
		}
	})
	return h
}

// write replaces the configuration in one step, so that no half of it is ever read.
func (h *home) write(config string) {
	h.t.Helper()
	text := strings.NewReplacer("{gateway}", h.gateway, "{api}", h.api, "{holdfast}", binary, "{dir}", h.dir).Replace(config)
	fresh := filepath.Join(h.dir, "holdfast.yaml.new")
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(fresh, filepath.Join(h.dir, "holdfast.yaml")); err != nil {
		h.t.Fatal(err)
	}
}

// showLogs prints the end of every log file of a failed test.
func (h *home) showLogs() {
	files, _ := filepath.Glob(filepath.Join(h.dir, "logs", "*.log"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil {
			h.t.Logf("%s:\n%s", filepath.Base(file), data[max(0, len(data)-4096):])
		}
	}
}

// holdfast is one run of the binary.
type holdfast struct {
	*home
	cmd    *exec.Cmd
	output *tail
	done   chan struct{} // closed when it has ended and was waited for
}

// start runs `holdfast run` and does not wait for it to be ready.
func (h *home) start(args ...string) *holdfast {
	h.t.Helper()
	if len(args) == 0 {
		args = []string{"run"}
	}
	r := &holdfast{home: h, output: &tail{}, done: make(chan struct{})}
	r.cmd = exec.Command(binary, append([]string{"--data", h.dir}, args...)...)
	r.cmd.Dir = h.dir
	r.cmd.Env = append(append(os.Environ(), markName+"="+h.mark), h.env...)
	r.cmd.Stdout, r.cmd.Stderr = r.output, r.output
	// A child that escaped must not hold the test's pipe, and with it Wait, for ever.
	r.cmd.WaitDelay = time.Second
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		defer close(r.done)
		_ = r.cmd.Wait() // the exit code is in cmd.ProcessState
	}()
	h.t.Cleanup(func() {
		select {
		case <-r.done:
		default:
			r.stop()
		}
		if h.t.Failed() {
			h.t.Logf("its console:\n%s", r.output)
		}
	})
	return r
}

// startReady runs `holdfast run` and waits until it says that it is ready.
func (h *home) startReady() *holdfast {
	h.t.Helper()
	r := h.start()
	r.waitReady()
	return r
}

func (r *holdfast) waitReady() {
	r.t.Helper()
	r.waitFor("/readyz to be good", func() bool {
		resp, err := r.client.Get("http://" + r.api + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// waitFor polls until it holds; it fails at once when Holdfast ended.
func (r *holdfast) waitFor(what string, holds func() bool) {
	r.t.Helper()
	waitFor(r.t, what, func() bool {
		if holds() {
			return true
		}
		select {
		case <-r.done:
			r.t.Fatalf("holdfast ended (%v) while the test waited for %s:\n%s", r.cmd.ProcessState, what, r.output)
		default:
		}
		return false
	})
}

// waitFor polls until it holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited %v for %s", patience, what)
		case <-tick.C:
		}
	}
}

// stop asks Holdfast to end and returns its exit code; it is killed when it does not.
func (r *holdfast) stop() int {
	r.t.Helper()
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-r.done:
	case <-timer.C:
		r.t.Errorf("holdfast did not stop within %v", patience)
		killAll(marked(r.mark))
		<-r.done
	}
	return r.cmd.ProcessState.ExitCode()
}

// worker is the process that does the work: the guardian's only child, of the same program.
func (r *holdfast) worker() (process, bool) {
	for _, p := range allProcesses() {
		if p.parent != r.cmd.Process.Pid {
			continue
		}
		if exe, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(p.pid), "exe")); err == nil && exe == binary {
			return p, true
		}
	}
	return process{}, false
}

// residentKiB is the resident memory of guardian and worker together; 0 when either is missing.
func (r *holdfast) residentKiB() int {
	w, ok := r.worker()
	if !ok {
		return 0
	}
	return residentKiB(r.cmd.Process.Pid) + residentKiB(w.pid)
}

// get reads a JSON answer of the management API.
func get[T any](h *home, path string) (T, error) {
	var v T
	resp, err := h.client.Get("http://" + h.api + path)
	if err != nil {
		return v, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1024))
		return v, fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	return v, json.NewDecoder(resp.Body).Decode(&v)
}

// list is the form of every list of the management API.
type list[T any] struct {
	Data  []T `json:"data"`
	Total int `json:"total"`
}

// app is the present state of one app; the zero App while the API does not answer.
func (h *home) app(id string) status.App {
	app, err := get[status.App](h, "/api/v1/apps/"+id)
	if err != nil {
		return status.App{}
	}
	return app
}

// instance is the present state of one instance.
func (h *home) instance(app, id string) status.Instance {
	for _, i := range h.app(app).Instances {
		if i.ID == id {
			return i
		}
	}
	return status.Instance{}
}

// events lists the events about an app, oldest first; every app for "".
func (h *home) events(app string, kind event.Type) []event.Event {
	h.t.Helper()
	answer, err := get[list[event.Event]](h, "/api/v1/events?sort=id&limit=500&app="+app+"&type="+string(kind))
	if err != nil {
		h.t.Fatal(err)
	}
	return answer.Data
}

// waitHealthy waits until every instance of the apps is ready.
func (r *holdfast) waitHealthy(apps ...string) {
	r.t.Helper()
	for _, id := range apps {
		r.waitFor("app "+id+" to be healthy", func() bool { return r.app(id).Condition == status.Healthy })
	}
}

// call makes one request to the gateway and returns its status and body.
func (h *home) call(method, path string) (int, string, error) {
	req, err := http.NewRequest(method, "http://"+h.gateway+path, nil)
	if err != nil {
		return 0, "", err
	}
	client := *h.client
	client.Timeout = patience
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// cli runs another holdfast command on the same data folder.
func (h *home) cli(args ...string) (stdout, stderr string, code int) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"--data", h.dir}, args...)...)
	cmd.Env = append(append(os.Environ(), markName+"="+h.mark), h.env...)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		h.t.Fatalf("holdfast %v: %v", args, err)
	}
	return out.String(), problem.String(), cmd.ProcessState.ExitCode()
}

// freeAddress is a loopback address on which nobody listens now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// tail keeps the last 16 KiB that were written to it.
type tail struct {
	mu   sync.Mutex
	data []byte
}

func (b *tail) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data = append(b.data, p...)
	if extra := len(b.data) - 16<<10; extra > 0 {
		b.data = b.data[extra:]
	}
	return len(p), nil
}

func (b *tail) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.data)
}
