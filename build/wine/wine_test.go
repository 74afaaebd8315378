//go:build wine && linux

package wine

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	holdfastExe = `C:\Program Files\Holdfast\holdfast.exe`
	caddyExe    = `C:\caddy\caddy.exe`
	patience    = time.Minute
)

// What is built, and where prefixes are kept: git ignores it.
var (
	out           = filepath.Join("..", "out")
	builtHoldfast = filepath.Join(out, "holdfast.exe")
	builtCaddy    = filepath.Join(out, "caddy.exe")
)

// machine is a Windows with Holdfast and a program that nobody here wrote on its disk.
type machine struct {
	t *testing.T
	p *Prefix
}

// TestMain builds what the machines get, once for all tests.
func TestMain(m *testing.M) { os.Exit(testMain(m)) } //nolint:forbidigo // this is the main of a program

func testMain(m *testing.M) int {
	ctx := context.Background()
	if err := Build(ctx, filepath.Join("..", ".."), "./cmd/holdfast", builtHoldfast); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := BuildCaddy(ctx, "app", out); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// newMachine is a machine of the test's own; the tests run beside each other.
func newMachine(t *testing.T) *machine {
	t.Helper()
	t.Parallel()
	p, err := New(t.Context(), filepath.Join(out, "wine"), filepath.Join(t.TempDir(), "prefix"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the prefix: %v", err)
		}
	})
	m := &machine{t, p}
	m.copy(builtHoldfast, `Program Files\Holdfast\holdfast.exe`)
	m.copy(builtCaddy, `caddy\caddy.exe`)
	return m
}

func (m *machine) copy(from, to string) {
	m.t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(to, data)
}

func (m *machine) write(to string, data []byte) {
	m.t.Helper()
	path := m.p.Path(to)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o755); err != nil {
		m.t.Fatal(err)
	}
}

// holdfast runs the CLI and wants its exit code.
func (m *machine) holdfast(code int, args ...string) string {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := m.p.Command(ctx, holdfastExe, args...)
	text, err := m.p.Output(cmd)
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		m.t.Fatalf("holdfast %s: %v, want exit code %d\n%s\n%s", strings.Join(args, " "), err, code, text, m.logs())
	}
	return text
}

// logs are what the service wrote, for a failure.
func (m *machine) logs() string {
	var b strings.Builder
	files, _ := filepath.Glob(m.p.Path(`ProgramData\Holdfast\logs\*`))
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil {
			fmt.Fprintf(&b, "--- %s\n%s", f, data)
		}
	}
	return b.String()
}

// until waits for something to come true.
func (m *machine) until(what string, is func() bool) {
	m.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if <-tick.C; time.Now().After(deadline) {
			m.t.Fatalf("not within %v: %s\n%s", patience, what, m.logs())
		}
	}
}

// get is the gateway's answer; 0 says that there is none.
func (m *machine) get(url string) (code int, body string, header http.Header) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		m.t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", nil
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "", nil
	}
	return resp.StatusCode, string(data), resp.Header
}

func (m *machine) answers(url, body string) {
	m.t.Helper()
	m.until(fmt.Sprintf("%s answers %q", url, body), func() bool {
		code, got, _ := m.get(url)
		return code == http.StatusOK && strings.Contains(got, body)
	})
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only its port was wanted
	return l.Addr().(*net.TCPAddr).Port
}

// sixLines is the configuration: Caddy as an app and, as the grandchild of a shell, once more.
func sixLines(gateway, management int, more string) []byte {
	return []byte(fmt.Sprintf(`version: 1
management: {address: "127.0.0.1:%d"}
listeners: {web: {address: "127.0.0.1:%d"}}
apps:
  caddy:
    command: ['%s', respond, --listen, "127.0.0.1:${port}", --body, "hello from caddy"]
    stop: {method: ctrl_c, grace: 5s}
  shell:
    command: ['C:\windows\system32\cmd.exe', /c, '%s', respond, --listen, "127.0.0.1:${port}", --body, "hello from a grandchild"]
    stop: {method: ctrl_c, grace: 5s}
routes:
  caddy: {match: {path_prefix: /}, app: caddy}
  shell: {match: {path_prefix: /shell}, app: shell}
%s`, management, gateway, caddyExe, caddyExe, more))
}

const config = `ProgramData\Holdfast\holdfast.yaml`

func TestServiceFromInstallToUninstall(t *testing.T) {
	m := newMachine(t)
	gateway, management := freePort(t), freePort(t)
	url := fmt.Sprintf("http://127.0.0.1:%d", gateway)

	m.wants(m.holdfast(5, "service", "status"), "not installed", "Next: holdfast service install")
	m.wants(m.holdfast(0, "service", "install", "--dry-run"), "would create service Holdfast", `account: NT AUTHORITY\LocalService`)
	m.wants(m.holdfast(5, "service", "status", "-o", "json"), `"installed": false`)
	m.wants(m.holdfast(0, "service", "install"), "create service Holdfast", "register event source Holdfast", "Next: holdfast service start")
	m.wants(m.holdfast(0, "service", "install"), "unchanged: event source Holdfast")
	m.write(config, sixLines(gateway, management, ""))

	m.wants(m.holdfast(0, "service", "start"), "start service Holdfast")
	m.wants(m.holdfast(0, "service", "status", "-o", "json"), `"state": "running"`)
	m.answers(url, "hello from caddy")
	m.answers(url+"/shell", "hello from a grandchild")
	m.wants(m.holdfast(0, "service", "start"), "unchanged: service Holdfast is running")

	apps := m.p.Processes("caddy.exe")
	m.holdfast(0, "service", "pause")
	if code, _, header := m.get(url); code != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
		t.Errorf("paused: got %d, %v, want 503 with Retry-After", code, header)
	}
	if got := m.p.Processes("caddy.exe"); fmt.Sprint(got) != fmt.Sprint(apps) {
		t.Errorf("a pause changed the apps from %v to %v", apps, got)
	}
	m.holdfast(0, "service", "continue")
	m.answers(url, "hello from caddy")

	m.write(config, sixLines(gateway, management, "  new: {match: {path_prefix: /new}, respond: {status: 200, body: reloaded}}\n"))
	m.holdfast(0, "service", "reload")
	m.answers(url+"/new", "reloaded")
	m.write(config, []byte("version: one\n"))
	m.holdfast(0, "service", "reload")
	m.answers(url+"/new", "reloaded")
	m.write(config, sixLines(gateway, management, ""))
	m.holdfast(0, "service", "restart")
	m.answers(url, "hello from caddy")

	m.holdfast(0, "service", "stop")
	m.wants(m.holdfast(5, "service", "status"), "stopped")
	if code, _, _ := m.get(url); code != 0 {
		t.Errorf("stopped, and still answering %d", code)
	}
	if left := m.p.Processes("caddy.exe"); len(left) > 0 {
		t.Errorf("stopped, and processes are left: %v", left)
	}

	m.wants(m.holdfast(0, "service", "uninstall"), "remove service Holdfast", "remove event source Holdfast", "kept in")
	m.wants(m.holdfast(5, "service", "status"), "not installed")
	if _, err := os.Stat(m.p.Path(config)); err != nil {
		t.Errorf("the configuration was not kept: %v", err)
	}
}

func TestStartThatFailsSaysWhy(t *testing.T) {
	m := newMachine(t)
	m.holdfast(0, "service", "install")
	m.write(config, []byte("version: one\n"))
	m.wants(m.holdfast(1, "service", "start"), "exit code 3", "holdfast check")
	m.wants(m.holdfast(5, "service", "status", "-o", "json"), `"exit_code": 3`)
}

// A service killed hard must leave nothing behind, and the next start must find all ports free.
// Wine's service manager does not notice that a process was killed, so that recovery cannot be seen;
// a restart of the machine brings the service back instead, as one that starts by itself.
func TestKilledHardItLeavesNoChild(t *testing.T) {
	const rounds = 20
	m := newMachine(t)
	gateway, management := freePort(t), freePort(t)
	url := fmt.Sprintf("http://127.0.0.1:%d", gateway)
	m.holdfast(0, "service", "install")
	m.write(config, sixLines(gateway, management, ""))
	m.holdfast(0, "service", "start")
	for round := range rounds {
		m.answers(url, "hello from caddy")
		m.answers(url+"/shell", "hello from a grandchild")
		if n := len(m.p.Processes("caddy.exe")); n < 3 {
			t.Fatalf("round %d: %d app processes run, want two and a shell", round+1, n)
		}
		killed := m.p.Processes("holdfast.exe")
		if len(killed) == 0 {
			t.Fatalf("round %d: no service process", round+1)
		}
		for _, pid := range killed {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		m.until("no child is left", func() bool { return len(m.p.Processes("caddy.exe")) == 0 })
		t.Logf("round %d: nothing left %v after the kill", round+1, time.Since(began).Round(time.Millisecond))
		if err := m.p.Reboot(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	m.answers(url, "hello from caddy")
}

func (m *machine) wants(text string, parts ...string) {
	m.t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			m.t.Errorf("lacks %q:\n%s", part, text)
		}
	}
}
