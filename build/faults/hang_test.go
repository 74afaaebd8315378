//go:build faults && linux

package faults

import (
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/build/rig"
	"holdfast/internal/status"
)

// TestHungChildren stops a program that nobody here wrote and one of ours: liveness restarts both.
func TestHungChildren(t *testing.T) {
	h := newHome(t, head+`
apps:
  python:
    command: [python3, -m, http.server, "${port}", --bind, 127.0.0.1]
    liveness_probe: {http_get: {path: /}, period: 500ms, timeout: 500ms, failure_threshold: 2}
    stop: {grace: 1s, drain: 1s}
  demo:
    command: ["{holdfast}", demo-app]
    instances: 2
    liveness_probe: {http_get: {path: /healthz}, period: 500ms, timeout: 500ms, failure_threshold: 2}
    stop: {grace: 1s, drain: 1s}
routes:
  python: {match: {path_prefix: /python}, strip_prefix: /python, app: python}
  demo: {app: demo}
`)
	r := h.StartReady()
	r.WaitHealthy("python", "demo")
	l := rig.StartLoad(t, h.Gateway, 2, 10*time.Second, "/info")
	rounds, wedged, longest := pick(3, 30), 0, time.Duration(0)
	for range rounds {
		for app, id := range map[string]string{"python": "python-1", "demo": "demo-2"} {
			hung := h.Instance(app, id).PID
			if err := syscall.Kill(hung, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			healed := func() bool {
				i := h.Instance(app, id)
				return i.PID != 0 && i.PID != hung && i.Ready
			}
			for !healed() && time.Since(began) < rig.Patience {
				rig.Pause(20 * time.Millisecond)
			}
			if !healed() {
				wedged++
			}
			longest = max(longest, time.Since(began))
		}
	}
	got := l.Stop()
	row(t, "hung children (SIGSTOP)", wedged == 0, "0 wedged", "%d stopped: %d wedged, the last one ready again after at most %v", 2*rounds, wedged, longest.Round(10*time.Millisecond))
	row(t, "hung instance, the other serves", got.Failed == 0, "0 failed", "%v", got)
	r.Stop()
}

// TestStoppedWorker stops the worker under its guardian: whoever asks is told, and the guardian can
// still end everything.
func TestStoppedWorker(t *testing.T) {
	h := newHome(t, head+"apps:\n  web: {command: [\"{holdfast}\", demo-app]}\nroutes:\n  web: {app: web}\n")
	r := h.StartReady()
	r.WaitHealthy("web")
	w, ok := r.Worker()
	if !ok {
		t.Fatal("no worker")
	}
	if err := syscall.Kill(w.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	rig.Pause(time.Second)
	if err := syscall.Kill(w.PID, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r.WaitHealthy("web")
	again := time.Since(began)
	pid := h.Instance("web", "web-1").PID
	if err := syscall.Kill(w.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began = time.Now()
	_ = r.Cmd.Process.Kill()
	<-r.Done
	left := rig.Marked(h.Mark)
	for len(left) > 0 && time.Since(began) < 5*time.Second {
		rig.Pause(time.Millisecond)
		left = rig.Marked(h.Mark)
	}
	ended := time.Since(began)
	rig.KillAll(left)
	row(t, "stopped worker (SIGSTOP)", len(left) == 0 && pid != 0, "goes on when continued; the guardian's end takes it along",
		"healthy %v after a stop of 1 s; killed with its guardian: %d left after %v", again.Round(time.Millisecond), len(left), ended.Round(time.Millisecond))
}

// TestStolenPort takes the port of an instance that has ended, as another program may.
func TestStolenPort(t *testing.T) {
	address := rig.FreeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	h := newHome(t, head+`
apps:
  fixed:
    command: ["{holdfast}", demo-app]
    port: `+port+`
    restart: {backoff: 200ms, max_backoff: 200ms, max_restarts: 0, reset_after: 1h}
  auto:
    command: ["{holdfast}", demo-app]
    restart: {backoff: 200ms, max_backoff: 200ms, max_restarts: 0, reset_after: 1h}
routes:
  fixed: {match: {path_prefix: /fixed}, strip_prefix: /fixed, app: fixed}
  auto: {app: auto}
`)
	r := h.StartReady()
	r.WaitHealthy("fixed", "auto")
	thieves := make(map[string]net.Listener)
	for _, app := range []string{"fixed", "auto"} {
		i := h.Instance(app, app+"-1")
		for thieves[app] == nil {
			// The first restart is at once: the port is taken during a delay.
			_ = syscall.Kill(h.Instance(app, app+"-1").PID, syscall.SIGKILL)
			for began := time.Now(); thieves[app] == nil && time.Since(began) < 150*time.Millisecond; {
				if l, err := net.Listen("tcp4", "127.0.0.1:"+strconv.Itoa(i.Port)); err == nil {
					thieves[app] = l
				}
			}
			rig.Pause(300 * time.Millisecond)
		}
	}
	r.WaitHealthy("auto") // on another port
	var why string
	r.WaitFor("the thief to be told", func() bool {
		i := h.Instance("fixed", "fixed-1")
		why = i.Why
		return i.State == status.Backoff && strings.Contains(why, port)
	})
	if code, _, err := h.Call("GET", "/fixed/info"); err == nil && code == 200 {
		t.Error("the thief is taken for the app")
	}
	_ = thieves["fixed"].Close()
	r.WaitHealthy("fixed")
	_ = thieves["auto"].Close()
	row(t, "stolen port", true, "auto moves on, fixed says who and returns", "%q", why)
	r.Stop()
}
