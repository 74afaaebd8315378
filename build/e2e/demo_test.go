//go:build e2e && linux

package e2e

import (
	"errors"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"holdfast/build/rig"
)

// TestDemo does what a newcomer does: start it, read what it says, follow it, press Ctrl-C.
func TestDemo(t *testing.T) {
	h := rig.NewHome(t, binary, "version: 1\n") // not used: the demo makes its own folder
	r := h.Start("demo", "--port", "0", "--management-port", "0")
	r.WaitFor("the text that says what to try", func() bool { return strings.Contains(r.Output.String(), "removes the folder") })
	text := r.Output.String()
	web := regexp.MustCompile(`http://(\S+)/ +the demo program`).FindStringSubmatch(text)
	api := regexp.MustCompile(`http://(\S+)/metrics`).FindStringSubmatch(text)
	dir := regexp.MustCompile(`--data (\S+) status`).FindStringSubmatch(text)
	if web == nil || api == nil || dir == nil {
		t.Fatalf("the text names no URLs and no folder:\n%s", text)
	}
	h.Gateway, h.API = web[1], api[1]
	r.WaitHealthy("demo")

	if code, body, err := h.Call("GET", "/site/"); err != nil || code != http.StatusOK || !strings.Contains(body, "file_server") {
		t.Errorf("the static site: %d %v", code, err)
	}
	asset := regexp.MustCompile(`assets/site\.[0-9a-f]+\.css`)
	if _, body, _ := h.Call("GET", "/site/"); asset.FindString(body) != "" {
		resp, err := h.Client.Get("http://" + h.Gateway + "/site/" + asset.FindString(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("the hashed style sheet has Cache-Control %q", got)
		}
	}

	// The commands that it suggests.
	for _, act := range []string{"/fork", "/crash"} {
		if code, body, err := h.Call("POST", act); err != nil || code != http.StatusOK {
			t.Errorf("curl -X POST %s: %d %q %v", act, code, body, err)
		}
	}
	r.WaitFor("the crash to be told", func() bool { return len(h.Events("demo", "instance.exited")) == 1 })
	if message := h.Events("demo", "instance.exited")[0].Message; !strings.Contains(message, "exit code 3") {
		t.Errorf("the event says %q, want exit code 3 in it", message)
	}
	r.WaitHealthy("demo")
	h.Dir = dir[1]
	if out, problem, code := h.CLI("status"); code != 0 || !strings.Contains(out, "demo") {
		t.Errorf("holdfast --data DIR status: exit code %d\n%s%s", code, out, problem)
	}

	if err := r.Cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-r.Done
	if code := r.Cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d after Ctrl-C, want 0:\n%s", code, r.Output)
	}
	if left := rig.Marked(h.Mark); len(left) > 0 {
		t.Errorf("left after Ctrl-C: %v", left)
	}
	if _, err := os.Stat(dir[1]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder %s is still there: %v", dir[1], err)
	}
}

// TestDemoHangIsHealed waits for the liveness probe.
func TestDemoHangIsHealed(t *testing.T) {
	h := rig.NewHome(t, binary, `
version: 1
management: {address: "{api}"}
listeners:
  web: {address: "{gateway}"}
apps:
  web:
    command: ["{holdfast}", demo-app]
    liveness_probe: {http_get: {path: /healthz}, period: 200ms, timeout: 200ms, failure_threshold: 2}
    stop: {grace: 1s}
routes:
  web: {app: web}
`)
	r := h.StartReady()
	r.WaitHealthy("web")
	hung := r.Instance("web", "web-1").PID
	if code, _, err := h.Call("POST", "/hang"); err != nil || code != http.StatusOK {
		t.Fatalf("POST /hang: %d %v", code, err)
	}
	r.WaitFor("a new process", func() bool {
		i := r.Instance("web", "web-1")
		return i.PID != 0 && i.PID != hung && i.Ready
	})
	if code, _, err := h.Call("GET", "/healthz"); err != nil || code != http.StatusOK {
		t.Errorf("after the restart: %d %v", code, err)
	}
	if message := r.One(t, "web", "instance.exited").Message; !strings.Contains(message, "liveness probe") {
		t.Errorf("the event says %q, want the probe in it", message)
	}
	r.Stop()
}
