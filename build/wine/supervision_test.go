//go:build wine && linux

package wine

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/status"
)

// load asks the gateway all the time and counts what goes wrong.
type load struct {
	m        *machine
	url      string
	end      atomic.Bool
	good     atomic.Int64
	mu       sync.Mutex
	failures []failure
	workers  sync.WaitGroup
}

// failure is a request that did not get its whole answer.
type failure struct {
	at   time.Time
	id   string // the path, by which it is found in the gateway's log
	what string
}

func (m *machine) load(url string) *load {
	l := &load{m: m, url: url}
	for range 3 {
		l.workers.Go(func() {
			client := http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
			for !l.end.Load() {
				l.ask(&client)
			}
			client.CloseIdleConnections()
		})
	}
	return l
}

func (l *load) ask(client *http.Client) {
	f := failure{at: time.Now(), id: rand.Text()}
	if f.what = l.get(client, f.id); f.what == "" {
		l.good.Add(1)
		return
	}
	f.what = fmt.Sprintf("%s, %v after its start", f.what, time.Since(f.at).Round(time.Millisecond))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, f)
}

// get says what went wrong with one request.
func (l *load) get(client *http.Client, id string) string {
	req, err := http.NewRequestWithContext(l.m.t.Context(), http.MethodGet, l.url+"/"+id, http.NoBody)
	if err != nil {
		return err.Error()
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Sprintf("no answer: %v", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end, or told
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return fmt.Sprintf("GET %s, %d bytes of the body: %v", resp.Status, len(body), err)
	case resp.StatusCode != http.StatusOK || string(body) != "hello from caddy":
		return fmt.Sprintf("GET %s, body %.300q", resp.Status, body)
	}
	return ""
}

// none wants that no request failed, and that there were some.
func (l *load) none(during string) {
	l.m.t.Helper()
	l.end.Store(true)
	l.workers.Wait()
	l.m.t.Logf("%s: %d requests, %d failed", during, l.good.Load(), len(l.failures))
	if l.good.Load() < 20 {
		l.m.t.Errorf("%s: only %d good requests", during, l.good.Load())
	}
	for i, f := range l.failures {
		if i == 3 {
			l.m.t.Errorf("%s: and %d more", during, len(l.failures)-i)
			break
		}
		l.m.t.Errorf("%s: %s\n%s", during, f.what, l.m.around(f))
	}
}

// around is what the gateway logged of a request, and the service a second before and after it came.
func (m *machine) around(f failure) string {
	var b strings.Builder
	files, _ := filepath.Glob(m.p.Path(`ProgramData\Holdfast\logs\*.log`))
	for _, file := range files {
		data, _ := os.ReadFile(file)
		access := filepath.Base(file) == "access.log"
		for line := range strings.Lines(string(data)) {
			var entry struct {
				Time time.Time `json:"timestamp"`
			}
			switch {
			case access && strings.Contains(line, f.id):
			case access || json.Unmarshal([]byte(line), &entry) != nil || entry.Time.Sub(f.at).Abs() > time.Second:
				continue
			}
			fmt.Fprintf(&b, "%s: %.400s\n", filepath.Base(file), strings.TrimSpace(line))
		}
	}
	return b.String()
}

// app is what the CLI tells of the app caddy.
func (m *machine) app() status.App {
	m.t.Helper()
	text := m.holdfast(0, "status", "caddy", "-o", "json")
	var a status.App
	// Wine may have a word of its own before or after it.
	if err := json.NewDecoder(strings.NewReader(text[max(0, strings.Index(text, "{")):])).Decode(&a); err != nil {
		m.t.Fatalf("no app: %v: %s", err, text)
	}
	return a
}

// kill ends a process of caddy hard and waits until as many as before are ready again.
func (m *machine) kill() {
	m.t.Helper()
	before := m.app()
	restarts := 0
	for _, i := range before.Instances {
		restarts += i.Restarts
	}
	pids := m.p.Processes("caddy.exe")
	if len(pids) == 0 {
		m.t.Fatalf("nothing to kill\n%s", m.logs())
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		m.t.Fatal(err)
	}
	m.until("the killed instance is back", func() bool {
		now, again := m.app(), 0
		for _, i := range now.Instances {
			again += i.Restarts
		}
		return again > restarts && now.Ready == before.Ready
	})
}

// TestSupervision walks through what an administrator does with apps that run.
func TestSupervision(t *testing.T) {
	m := newMachine(t)
	gateway, management := freePort(t), freePort(t)
	url := fmt.Sprintf("http://127.0.0.1:%d", gateway)
	m.holdfast(0, "service", "install")
	m.write(config, []byte(fmt.Sprintf(`version: 1
management: {address: "127.0.0.1:%d"}
listeners: {web: {address: "127.0.0.1:%d"}}
apps:
  caddy:
    command: ['%s', respond, --listen, "127.0.0.1:${port}", --body, "hello from caddy"]
    instances: 2
    restart: {backoff: 50ms, max_backoff: 100ms, max_restarts: 0}
    stop: {method: ctrl_c, grace: 10s}
    limits: {memory: 1GiB, cpu: 2}
routes:
  caddy: {app: caddy}
`, management, gateway, caddyExe)))
	m.holdfast(0, "service", "start")
	m.answers(url, "hello from caddy")
	m.until("both are ready", func() bool { return m.app().Ready == 2 })

	l := m.load(url)
	for range 3 {
		m.kill()
	}
	l.none("one of two killed, three times")
	m.wants(m.holdfast(0, "exits", "caddy", "--last", "1"), "Ended", "Then")

	m.wants(m.holdfast(0, "scale", "caddy", "1", "--wait"), "scaled caddy to 1")
	l = m.load(url)
	for range 3 {
		m.kill()
	}
	l.none("the only one killed, three times")

	l = m.load(url)
	before := m.app().Instances[0].PID
	m.wants(m.holdfast(0, "restart", "caddy", "--wait"), "restarted caddy")
	l.none("a restart")
	if now := m.app().Instances[0].PID; now == before {
		t.Errorf("it is still process %d", before)
	}

	l = m.load(url)
	m.holdfast(0, "scale", "caddy", "3", "--wait")
	l.none("more and fewer instances")
	m.holdfast(0, "service", "restart")
	m.until("the scaled number is kept", func() bool { a := m.app(); return a.Desired == 3 && a.Configured == 2 && a.Ready == 3 })

	m.holdfast(0, "maintenance", "on", "caddy", "--note", "new certificate")
	if code, _, header := m.get(url); code != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("in maintenance: %d %v", code, header)
	}
	m.holdfast(0, "maintenance", "off", "caddy")
	m.answers(url, "hello from caddy")

	m.wants(m.holdfast(0, "app", "calibrate", "caddy", "--grace", "5s"), "ctrl_c", "caddy cleanly")
	m.wants(m.holdfast(0, "top", "--once"), "caddy-1", "MEM")
	m.holdfast(0, "scale", "caddy", "--reset", "--wait")

	m.wants(m.holdfast(0, "add", "second", "--path", "/second", "--", caddyExe, "respond", "--listen", "127.0.0.1:${port}", "--body", "hello from the second"), "second")
	m.answers(url+"/second", "hello from the second")
	m.holdfast(0, "remove", "second", "--yes")
	m.wants(m.holdfast(0, "doctor"), "Holdfast itself")

	m.holdfast(0, "service", "stop")
	if left := m.p.Processes("caddy.exe"); len(left) > 0 {
		t.Errorf("stopped, and processes are left: %v", left)
	}
}
