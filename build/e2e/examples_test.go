//go:build e2e && linux

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/build/rig"
	"holdfast/internal/event"
	"holdfast/internal/status"
)

// Every instance of every example is killed so often.
const killsPerInstance = 20

// The restart settings under which the examples run: short, so that 20 kills take seconds, and
// without a stable run or a crash loop, so that every delay is known. The rest of their files is as
// it is.
const (
	exampleBackoff    = 50 * time.Millisecond
	exampleMaxBackoff = 200 * time.Millisecond
)

// TestExamplesSurviveKills runs the examples, each with a program that nobody here wrote.
func TestExamplesSurviveKills(t *testing.T) {
	for _, app := range []string{"python", "node", "nginx", "caddy"} {
		t.Run(app, func(t *testing.T) {
			t.Parallel()
			h := rig.NewHome(t, binary, "version: 1\n") // not used: --config names the example
			examples := filepath.Join(h.Dir, "examples")
			if err := os.CopyFS(examples, os.DirFS("../../configs/examples")); err != nil {
				t.Fatal(err)
			}
			// A plain Debian PATH: Debian's programs, not what else this machine may have.
			h.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
			restart := "apps." + app + ".restart."
			r := h.Start("--config", filepath.Join(examples, app+".yaml"), "run",
				"--set", "management.address="+h.API,
				"--set", "listeners.web.address="+h.Gateway,
				"--set", restart+"backoff="+exampleBackoff.String(),
				"--set", restart+"max_backoff="+exampleMaxBackoff.String(),
				"--set", restart+"reset_after=1h",
				"--set", restart+"max_restarts=0",
			)
			r.WaitReady()
			r.WaitHealthy(app)
			if code, _, err := h.Call("GET", "/"); err != nil || code != http.StatusOK {
				t.Fatalf("GET /: %d %v", code, err)
			}
			killInTurns(t, r, app)
			checkBackoff(t, r, app)

			family := rig.Tree(r.Cmd.Process.Pid)
			if code := r.Stop(); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			if left := rig.Living(family); len(left) > 0 {
				rig.KillAll(left)
				t.Errorf("left after the stop: %v", left)
			}
		})
	}
}

// killInTurns kills each instance 20 times, one after the other, under load. Each comes back, with
// nothing left of its former tree, and the gateway goes on answering from the other one.
func killInTurns(t *testing.T, r *rig.Holdfast, app string) {
	t.Helper()
	const workers = 2
	l := rig.StartLoad(t, r.Gateway, workers, 10*time.Second, "/")
	kills := 0
	for n := 1; n <= killsPerInstance; n++ {
		for _, was := range r.App(app).Instances {
			family := rig.Tree(was.PID)
			if was.PID == 0 || len(family) == 0 {
				t.Fatalf("%s has no process before kill %d: %+v", was.ID, n, was)
			}
			answered := l.SoFar()
			if err := syscall.Kill(was.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			kills++
			r.WaitFor("the gateway to answer from the other instance", func() bool {
				now := l.SoFar()
				return now.Requests-now.Failed >= answered.Requests-answered.Failed+workers
			})
			var is status.Instance
			r.WaitFor(was.ID+" to be back", func() bool {
				is = r.Instance(app, was.ID)
				return is.Ready && is.PID != was.PID && is.Restarts == n
			})
			if left := rig.Living(family); len(left) > 0 {
				t.Fatalf("%s is back as %d and these of its former tree are left: %v", was.ID, is.PID, left)
			}
			if is.LastExit == nil || is.LastExit.Signal != "SIGKILL" {
				t.Errorf("%s: last exit %+v, want SIGKILL", was.ID, is.LastExit)
			}
		}
	}
	got := l.Stop()
	t.Logf("%d kills: %v", kills, got)
	// What a killed program was answering at that moment is lost, and nothing else.
	if got.Failed > kills {
		t.Errorf("%d of %d requests failed after %d kills, such as %q", got.Failed, got.Requests, kills, got.Examples)
	}
}

// checkBackoff reads every delay from the events: none before the first restart, then 50, 100 and
// 200 ms for good, less up to 10 % of jitter.
func checkBackoff(t *testing.T, r *rig.Holdfast, app string) {
	t.Helper()
	ended := make(map[string]time.Time)
	count := make(map[string]int)
	checked := 0
	for _, e := range r.Events(app, "") {
		switch e.Type {
		case event.InstanceExited{}.Type():
			ended[e.Instance] = e.Time
			count[e.Instance]++
		case event.InstanceStarted{}.Type():
			end, ok := ended[e.Instance]
			if !ok {
				continue // the first start
			}
			delete(ended, e.Instance)
			checked++
			want := time.Duration(0)
			if n := count[e.Instance]; n > 1 {
				want = min(exampleBackoff<<min(n-2, 10), exampleMaxBackoff)
			}
			// Too early is wrong; a loaded machine may be late.
			if got := e.Time.Sub(end); got < want*9/10 || got > want+3*time.Second {
				t.Errorf("%s: restart %d came after %v, want %v", e.Instance, count[e.Instance], got, want)
			}
		default:
		}
	}
	if want := 2 * killsPerInstance; checked != want {
		t.Errorf("%d restarts in the events, want %d", checked, want)
	}
}

// TestMultiExample runs the example with TLS, several apps and every kind of route.
func TestMultiExample(t *testing.T) {
	h := rig.NewHome(t, binary, "version: 1\n")
	examples := filepath.Join(h.Dir, "examples")
	if err := os.CopyFS(examples, os.DirFS("../../configs/examples")); err != nil {
		t.Fatal(err)
	}
	writeCertificate(t, filepath.Join(examples, "multi"))
	h.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	secure := rig.FreeAddress(t)
	r := h.Start("--config", filepath.Join(examples, "multi.yaml"), "run",
		"--set", "management.address="+h.API,
		"--set", "listeners.web.address="+h.Gateway,
		"--set", "listeners.secure.address="+secure)
	r.WaitReady()
	r.WaitHealthy("backend", "api")
	client := insecureClient(t)
	for _, want := range []struct {
		method, path string
		code         int
		has          string
	}{
		{"GET", "/", http.StatusOK, "<"},
		{"GET", "/api/", http.StatusOK, "<"},
		{"POST", "/api/", http.StatusMethodNotAllowed, "read-only"},
		{"GET", "/old-api", http.StatusMovedPermanently, ""},
	} {
		req, err := http.NewRequest(want.method, "https://"+secure+want.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "localhost"
		code, body, header := do(t, client, req)
		if code != want.code || !strings.Contains(body, want.has) {
			t.Errorf("%s %s: %d %.100q, want %d with %q", want.method, want.path, code, body, want.code, want.has)
		}
		if want.code == http.StatusMovedPermanently && header.Get("Location") != "https://localhost:8443/api/" {
			t.Errorf("the old address leads to %q", header.Get("Location"))
		}
	}
	req, err := http.NewRequest("GET", "http://"+h.Gateway+"/x?y=z", nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, header := do(t, client, req); code != http.StatusPermanentRedirect || !strings.HasPrefix(header.Get("Location"), "https://") {
		t.Errorf("plain http: %d to %q, want a 308 to https", code, header.Get("Location"))
	}
	r.Stop()
}
