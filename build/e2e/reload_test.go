//go:build e2e && linux

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"holdfast/internal/service"
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
	extra := freeAddress(t)
	h := newHome(t, revisionConfig(0, extra))
	site := filepath.Join(h.dir, "site")
	if err := os.Mkdir(site, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(site, "index.html"), []byte(strings.Repeat("static ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := h.startReady()
	r.waitHealthy("web")
	before := h.app("web")

	socket := longLived{}
	t.Cleanup(socket.close)
	socket.openWebSocket(t, h)
	socket.openStream(t, h)
	const workers = 12
	l := startLoad(t, h.gateway, workers, 10*time.Second, "/info", "/site/", "/fixed")

	begin := time.Now()
	for n := 1; n <= reloads; n++ {
		h.write(revisionConfig(n, extra))
		switch n % 4 {
		case 0, 1:
			if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		case 2:
			r.reloadByAPI()
		default: // by the changed file alone
		}
		want := fmt.Sprintf("revision %d", n)
		r.waitFor(want, func() bool {
			_, body, err := h.call("GET", "/revision")
			return err == nil && body == want
		})
		// Listeners follow one after the other: the one that goes may answer a moment longer.
		r.waitFor(fmt.Sprintf("the listener that comes and goes at revision %d", n), func() bool {
			code, _, err := get2("http://" + extra + "/more")
			return (n%2 == 1) == (err == nil && code == http.StatusOK)
		})
	}
	took := time.Since(begin)

	got := l.stop()
	t.Logf("%d reloads in %v: %v; %d WebSocket echoes, %d events", reloads, took.Round(time.Millisecond), got, socket.echoes.Load(), socket.events.Load())
	if got.failed > 0 {
		t.Errorf("%d requests failed, such as %q", got.failed, got.examples)
	}
	if got.dropped > 0 {
		t.Errorf("%d connections were dropped", got.dropped)
	}
	if got.requests < reloads*workers {
		t.Errorf("only %d requests: that is no load", got.requests)
	}
	socket.check(t)
	socket.close()
	after := h.app("web")
	for i, was := range before.Instances {
		if is := after.Instances[i]; is.PID != was.PID || is.Restarts != 0 {
			t.Errorf("%s: process %d became %d after %d restarts, though its part never changed", is.ID, was.PID, is.PID, is.Restarts)
		}
	}
	if code := r.stop(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

// TestBadReloadChangesNothing keeps the last good configuration and says why.
func TestBadReloadChangesNothing(t *testing.T) {
	h := newHome(t, revisionConfig(0, freeAddress(t)))
	if err := os.Mkdir(filepath.Join(h.dir, "site"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := h.startReady()
	r.waitHealthy("web")
	before := h.app("web")
	h.write(strings.Replace(revisionConfig(1, freeAddress(t)), "instances: 2", "instnaces: 3", 1))
	if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.waitFor("the event config.rejected", func() bool { return len(h.events("", "config.rejected")) > 0 })
	if text := h.events("", "config.rejected")[0].Message; !strings.Contains(text, "instnaces") {
		t.Errorf("the event says %q, want the unknown key in it", text)
	}
	if _, body, err := h.call("GET", "/revision"); err != nil || body != "revision 0" {
		t.Errorf("the gateway answers %q, %v; want the last good configuration's answer", body, err)
	}
	if after := h.app("web"); after.Instances[0].PID != before.Instances[0].PID {
		t.Errorf("instance 1 was restarted by a configuration that was refused")
	}
	r.stop()
}

// reloadByAPI posts to the local socket, as the CLI does.
func (r *holdfast) reloadByAPI() {
	r.t.Helper()
	id, err := service.NewIdentity("Holdfast")
	if err != nil {
		r.t.Fatal(err)
	}
	endpoint := id.WithDataDir(r.dir).Endpoint()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", endpoint)
		},
	}}
	resp, err := client.Post("http://localhost/api/v1/config/reload", "application/json", nil)
	if err != nil {
		r.t.Fatalf("reload by the API: %v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("reload by the API: %s", resp.Status)
	}
}

// get2 is a GET without any state.
func get2(url string) (int, string, error) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode, resp.Status, nil
}

// longLived are connections that must outlive every reload.
type longLived struct {
	echoes, events atomic.Int64
	failure        atomic.Pointer[error]
	closers        []func()
}

// close ends both connections.
func (l *longLived) close() {
	for _, c := range l.closers {
		c()
	}
	l.closers = nil
}

func (l *longLived) fail(err error) { l.failure.CompareAndSwap(nil, &err) }

// check wants both connections alive: they answer after the last reload, too.
func (l *longLived) check(t *testing.T) {
	t.Helper()
	echoes, events := l.echoes.Load(), l.events.Load()
	waitFor(t, "one more echo and one more event after the last reload", func() bool {
		return l.failure.Load() != nil || l.echoes.Load() > echoes && l.events.Load() > events
	})
	if err := l.failure.Load(); err != nil {
		t.Errorf("a long-lived connection: %v", *err)
	}
}

// openWebSocket echoes a message every 20 ms until close.
func (l *longLived) openWebSocket(t *testing.T, h *home) {
	t.Helper()
	conn, resp, err := websocket.Dial(t.Context(), "ws://"+h.gateway+"/ws", nil)
	if err != nil {
		t.Fatalf("open a WebSocket through the gateway: %v", err)
	}
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := conn.Write(ctx, websocket.MessageText, []byte("still there?"))
			if err == nil {
				_, _, err = conn.Read(ctx)
			}
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				l.fail(fmt.Errorf("WebSocket after %d echoes: %w", l.echoes.Load(), err))
				return
			}
			l.echoes.Add(1)
		}
	}()
	l.closers = append(l.closers, func() {
		cancel()
		<-done
		_ = conn.CloseNow()
	})
}

// openStream reads server-sent events until close.
func (l *longLived) openStream(t *testing.T, h *home) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+h.gateway+"/sse", nil)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	resp, err := client.Do(req) //nolint:bodyclose // closed by the goroutine below
	if err != nil {
		cancel()
		t.Fatalf("open a stream through the gateway: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = resp.Body.Close() }()
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "data:") {
				l.events.Add(1)
			}
		}
		if ctx.Err() == nil {
			l.fail(fmt.Errorf("event stream after %d events: ended: %w", l.events.Load(), lines.Err()))
		}
	}()
	l.closers = append(l.closers, func() {
		cancel()
		<-done
	})
}
