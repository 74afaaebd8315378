//go:build linux

package rig

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

// Patience is how long a test waits for what must happen; a loaded machine is slow.
const Patience = 30 * time.Second

// Home is a data folder with its addresses, in which Holdfast is started once or many times.
type Home struct {
	binary       string
	t            *testing.T
	Dir          string
	Mark         string
	Gateway, API string // host:port
	Client       *http.Client
	Env          []string // added to every run
}

// NewHome makes a data folder. {gateway}, {api} and {holdfast} in the configuration become the
// test's own addresses and the binary.
func NewHome(t *testing.T, binary, config string) *Home {
	t.Helper()
	h := &Home{
		binary:  binary,
		t:       t,
		Dir:     t.TempDir(),
		Mark:    rand.Text(),
		Gateway: FreeAddress(t),
		API:     FreeAddress(t),
		Client:  &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second},
	}
	h.Write(config)
	t.Cleanup(func() {
		left := Marked(h.Mark)
		KillAll(left)
		if len(left) > 0 {
			t.Errorf("processes left at the end of the test: %v", left)
		}
		if t.Failed() {
			h.showLogs()
		}
	})
	return h
}

// Write replaces the configuration in one step, so that no half of it is ever read.
func (h *Home) Write(config string) {
	h.t.Helper()
	text := strings.NewReplacer("{gateway}", h.Gateway, "{api}", h.API, "{holdfast}", h.binary, "{dir}", h.Dir).Replace(config)
	fresh := filepath.Join(h.Dir, "holdfast.yaml.new")
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(fresh, filepath.Join(h.Dir, "holdfast.yaml")); err != nil {
		h.t.Fatal(err)
	}
}

// showLogs prints the end of every log file of a failed test.
func (h *Home) showLogs() {
	files, _ := filepath.Glob(filepath.Join(h.Dir, "logs", "*.log"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil {
			h.t.Logf("%s:\n%s", filepath.Base(file), data[max(0, len(data)-4096):])
		}
	}
}

// Holdfast is one run of the binary.
type Holdfast struct {
	*Home
	Cmd    *exec.Cmd
	Output *Tail
	Done   chan struct{} // closed when it has ended and was waited for
}

// Start runs `holdfast run` and does not wait for it to be ready.
func (h *Home) Start(args ...string) *Holdfast {
	h.t.Helper()
	if len(args) == 0 {
		args = []string{"run"}
	}
	r := &Holdfast{Home: h, Output: &Tail{}, Done: make(chan struct{})}
	r.Cmd = exec.Command(h.binary, append([]string{"--data", h.Dir}, args...)...)
	r.Cmd.Dir = h.Dir
	r.Cmd.Env = append(append(os.Environ(), markName+"="+h.Mark), h.Env...)
	r.Cmd.Stdout, r.Cmd.Stderr = r.Output, r.Output
	// A child that escaped must not hold the test's pipe, and with it Wait, for ever.
	r.Cmd.WaitDelay = time.Second
	r.Cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.Cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		defer close(r.Done)
		_ = r.Cmd.Wait() // the exit code is in cmd.ProcessState
	}()
	h.t.Cleanup(func() {
		select {
		case <-r.Done:
		default:
			r.Stop()
		}
		if h.t.Failed() {
			h.t.Logf("its console:\n%s", r.Output)
		}
	})
	return r
}

// StartReady runs `holdfast run` and waits until it says that it is ready.
func (h *Home) StartReady() *Holdfast {
	h.t.Helper()
	r := h.Start()
	r.WaitReady()
	return r
}

// WaitReady waits until a run says that it is ready.
func (r *Holdfast) WaitReady() {
	r.t.Helper()
	r.WaitFor("/readyz to be good", func() bool {
		resp, err := r.Client.Get("http://" + r.API + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// WaitFor polls until it holds; it fails at once when Holdfast ended.
func (r *Holdfast) WaitFor(what string, holds func() bool) {
	r.t.Helper()
	WaitFor(r.t, what, func() bool {
		if holds() {
			return true
		}
		select {
		case <-r.Done:
			r.t.Fatalf("holdfast ended (%v) while the test waited for %s:\n%s", r.Cmd.ProcessState, what, r.Output)
		default:
		}
		return false
	})
}

// WaitFor polls until it holds.
func WaitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited %v for %s", Patience, what)
		case <-tick.C:
		}
	}
}

// Stop asks Holdfast to end and returns its exit code; it is killed when it does not.
func (r *Holdfast) Stop() int {
	r.t.Helper()
	_ = r.Cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case <-r.Done:
	case <-timer.C:
		r.t.Errorf("holdfast did not stop within %v", Patience)
		KillAll(Marked(r.Mark))
		<-r.Done
	}
	return r.Cmd.ProcessState.ExitCode()
}

// Worker is the process that does the work: the guardian's only child, of the same program.
func (r *Holdfast) Worker() (Process, bool) {
	for _, p := range allProcesses() {
		if p.parent != r.Cmd.Process.Pid {
			continue
		}
		if exe, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(p.PID), "exe")); err == nil && exe == r.binary {
			return p, true
		}
	}
	return Process{}, false
}

// PIDs are guardian and worker; only the guardian while there is no worker.
func (r *Holdfast) PIDs() []int {
	pids := []int{r.Cmd.Process.Pid}
	if w, ok := r.Worker(); ok {
		pids = append(pids, w.PID)
	}
	return pids
}

// ResidentKiB is the resident memory of guardian and worker together; 0 when either is missing.
func (r *Holdfast) ResidentKiB() int {
	w, ok := r.Worker()
	if !ok {
		return 0
	}
	return residentKiB(r.Cmd.Process.Pid) + residentKiB(w.PID)
}

// get reads a JSON answer of the management API.
func get[T any](h *Home, path string) (T, error) {
	var v T
	resp, err := h.Client.Get("http://" + h.API + path)
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

// App is the present state of one app; the zero App while the API does not answer.
func (h *Home) App(id string) status.App {
	app, err := get[status.App](h, "/api/v1/apps/"+id)
	if err != nil {
		return status.App{}
	}
	return app
}

// Instance is the present state of one instance.
func (h *Home) Instance(app, id string) status.Instance {
	for _, i := range h.App(app).Instances {
		if i.ID == id {
			return i
		}
	}
	return status.Instance{}
}

// Events lists the events about an app, oldest first; every app for "".
func (h *Home) Events(app string, kind event.Type) []event.Event {
	h.t.Helper()
	answer, err := get[list[event.Event]](h, "/api/v1/events?sort=id&limit=500&app="+app+"&type="+string(kind))
	if err != nil {
		h.t.Fatal(err)
	}
	return answer.Data
}

// WaitHealthy waits until every instance of the apps is ready.
func (r *Holdfast) WaitHealthy(apps ...string) {
	r.t.Helper()
	for _, id := range apps {
		r.WaitFor("app "+id+" to be healthy", func() bool { return r.App(id).Condition == status.Healthy })
	}
}

// Call makes one request to the gateway and returns its status and body.
func (h *Home) Call(method, path string) (int, string, error) {
	req, err := http.NewRequest(method, "http://"+h.Gateway+path, nil)
	if err != nil {
		return 0, "", err
	}
	client := *h.Client
	client.Timeout = Patience
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// CLI runs another holdfast command on the same data folder.
func (h *Home) CLI(args ...string) (stdout, stderr string, code int) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, h.binary, append([]string{"--data", h.Dir}, args...)...)
	cmd.Env = append(append(os.Environ(), markName+"="+h.Mark), h.Env...)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		h.t.Fatalf("holdfast %v: %v", args, err)
	}
	return out.String(), problem.String(), cmd.ProcessState.ExitCode()
}

// FreeAddress is a loopback address on which nobody listens now.
func FreeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// Tail keeps the last 16 KiB that were written to it.
type Tail struct {
	mu   sync.Mutex
	data []byte
}

func (b *Tail) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data = append(b.data, p...)
	if extra := len(b.data) - 16<<10; extra > 0 {
		b.data = b.data[extra:]
	}
	return len(p), nil
}

func (b *Tail) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.data)
}
