//go:build e2e && linux

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/build/rig"
)

// reloads is how many times the configuration changes under load.
const reloads = 100

// revisionConfig is the configuration of one revision. Every revision changes the answer of
// /revision, every second one has a listener and a route more, and every third another balance.
func revisionConfig(n int, extra string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `
version: 1
management: {address: "{api}"}
listeners:
  web: {address: "{gateway}"}
`)
	if n%2 == 1 {
		fmt.Fprintf(&b, "  extra: {address: %q}\n", extra)
	}
	balance := "round_robin"
	if n%3 == 0 {
		balance = "least_conn"
	}
	fmt.Fprintf(&b, `
apps:
  web:
    command: ["{holdfast}", demo-app]
    instances: 2
routes:
  web: {app: web, balance: %s}
  site:
    match: {path_prefix: /site}
    strip_prefix: /site
    file_server: {root: site}
  fixed:
    match: {path: /fixed}
    respond: {body: "always the same"}
  revision:
    match: {path: /revision}
    respond: {body: "revision %d"}
`, balance, n)
	if n%2 == 1 {
		fmt.Fprintf(&b, "  more: {match: {path: /more}, respond: {body: \"only now and then\"}}\n")
	}
	return b.String()
}

// TestReloadsUnderLoad changes the configuration 100 times, asked for by SIGHUP, by the API or by
// the changed file alone, while requests, a WebSocket and an event stream go on. Nothing may fail,
// no connection may be dropped, and the app, which did not change, must not be restarted.
func TestReloadsUnderLoad(t *testing.T) {
	extra := rig.FreeAddress(t)
	h := rig.NewHome(t, binary, revisionConfig(0, extra))
	site := filepath.Join(h.Dir, "site")
	if err := os.Mkdir(site, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(site, "index.html"), []byte(strings.Repeat("static ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := h.StartReady()
	r.WaitHealthy("web")
	before := h.App("web")

	socket := rig.LongLived{}
	t.Cleanup(socket.Close)
	socket.OpenWebSocket(t, h)
	socket.OpenStream(t, h)
	const workers = 12
	l := rig.StartLoad(t, h.Gateway, workers, 10*time.Second, "/info", "/site/", "/fixed")

	begin := time.Now()
	for n := 1; n <= reloads; n++ {
		h.Write(revisionConfig(n, extra))
		switch n % 4 {
		case 0, 1:
			if err := r.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		case 2:
			r.ReloadByAPI()
		default: // by the changed file alone
		}
		want := fmt.Sprintf("revision %d", n)
		r.WaitFor(want, func() bool {
			_, body, err := h.Call("GET", "/revision")
			return err == nil && body == want
		})
		// Listeners follow one after the other: the one that goes may answer a moment longer.
		r.WaitFor(fmt.Sprintf("the listener that comes and goes at revision %d", n), func() bool {
			code, _, err := rig.Get2("http://" + extra + "/more")
			return (n%2 == 1) == (err == nil && code == http.StatusOK)
		})
	}
	took := time.Since(begin)

	got := l.Stop()
	t.Logf("%d reloads in %v: %v; %d WebSocket echoes, %d events", reloads, took.Round(time.Millisecond), got, socket.Echoes.Load(), socket.Events.Load())
	if got.Failed > 0 {
		t.Errorf("%d requests failed, such as %q", got.Failed, got.Examples)
	}
	if got.Dropped > 0 {
		t.Errorf("%d connections were dropped", got.Dropped)
	}
	if got.Requests < reloads*workers {
		t.Errorf("only %d requests: that is no load", got.Requests)
	}
	socket.Check(t)
	socket.Close()
	after := h.App("web")
	for i, was := range before.Instances {
		if is := after.Instances[i]; is.PID != was.PID || is.Restarts != 0 {
			t.Errorf("%s: process %d became %d after %d restarts, though its part never changed", is.ID, was.PID, is.PID, is.Restarts)
		}
	}
	if code := r.Stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// TestBadReloadChangesNothing keeps the last good configuration and says why.
func TestBadReloadChangesNothing(t *testing.T) {
	h := rig.NewHome(t, binary, revisionConfig(0, rig.FreeAddress(t)))
	if err := os.Mkdir(filepath.Join(h.Dir, "site"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := h.StartReady()
	r.WaitHealthy("web")
	before := h.App("web")
	h.Write(strings.Replace(revisionConfig(1, rig.FreeAddress(t)), "instances: 2", "instnaces: 3", 1))
	if err := r.Cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.WaitFor("the event config.rejected", func() bool { return len(h.Events("", "config.rejected")) > 0 })
	if text := h.Events("", "config.rejected")[0].Message; !strings.Contains(text, "instnaces") {
		t.Errorf("the event says %q, want the unknown key in it", text)
	}
	if _, body, err := h.Call("GET", "/revision"); err != nil || body != "revision 0" {
		t.Errorf("the gateway answers %q, %v; want the last good configuration's answer", body, err)
	}
	if after := h.App("web"); after.Instances[0].PID != before.Instances[0].PID {
		t.Errorf("instance 1 was restarted by a configuration that was refused")
	}
	r.Stop()
}
