//go:build wine || windows

package scenarios

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// patience is how long anything may take that a test waits for; none needs it.
	patience = time.Minute
	// gatewayPort is where an installation without HF_PORT listens.
	gatewayPort = 8080
)

// system is what differs between Wine and a real Windows.
type system interface {
	// path is where Go finds a Windows path.
	path(windows string) string
	// run runs a program to its end: what it wrote, and its exit code.
	run(ctx context.Context, name string, args ...string) (text string, code int, err error)
	// failed tells how 1603 looks from here, a failed installation
	// (learn.microsoft.com/windows/win32/msi/error-codes).
	failed(code int) bool
	// dial connects to a port of this Windows' loopback; listen takes one.
	dial(ctx context.Context, port int) (net.Conn, error)
	listen(ctx context.Context, port int) (net.Listener, error)
	// processes are those whose command line has the text in it.
	processes(text string) []int
	kill(pid int) error
}

// machine is a Windows under test.
type machine struct {
	t *testing.T
	system

	runs int    // of msiexec
	log  string // of the last one
	gone string // what setup and service wrote during the last one, where it is gone
}

// pkg is the Windows path of a package: "1.0.0", "shop-2.1.0".
func pkg(name string) string { return `C:\packages\` + name + `.msi` }

// msiexec runs Windows Installer without a user interface, wants it to succeed, and gives its log.
func (m *machine) msiexec(args ...string) string {
	m.t.Helper()
	text, code := m.tryMsiexec(args...)
	if code != 0 {
		m.t.Fatalf("msiexec %s: exit code %d, want 0 (run %d)", strings.Join(args, " "), code, m.runs)
	}
	return text
}

// fails runs Windows Installer and wants it to fail as an installation does that was taken back: 1603.
func (m *machine) fails(args ...string) string {
	m.t.Helper()
	text, code := m.tryMsiexec(args...)
	if !m.failed(code) {
		m.t.Fatalf("msiexec %s: exit code %d, want that of 1603 (run %d)", strings.Join(args, " "), code, m.runs)
	}
	return text
}

func (m *machine) tryMsiexec(args ...string) (log string, code int) {
	m.t.Helper()
	m.runs++
	m.log = fmt.Sprintf(`C:\logs\msiexec-%d.log`, m.runs)
	if err := os.MkdirAll(m.path(`C:\logs`), 0o755); err != nil {
		m.t.Fatal(err)
	}
	began := time.Now()
	args = append(args, "/qn", "/l*v", m.log)
	watcher := m.watch()
	text, code, err := m.run(m.t.Context(), "msiexec", args...)
	m.gone = watcher.end(m)
	if err != nil {
		m.t.Fatalf("msiexec %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	m.t.Logf("%5.1f s  msiexec %s: %d", time.Since(began).Seconds(), strings.Join(args, " "), code)
	if !m.exists(m.log) {
		m.t.Fatalf("msiexec %s: exit code %d and no log: it did not begin: %q", strings.Join(args, " "), code, text)
	}
	return m.read(m.log), code
}

// ok runs a program that must succeed.
func (m *machine) ok(name string, args ...string) string {
	m.t.Helper()
	text, code, err := m.run(m.t.Context(), name, args...)
	if err != nil || code != 0 {
		m.t.Fatalf("%s %s: exit code %d, %v\n%s", name, strings.Join(args, " "), code, err, text)
	}
	return text
}

// read is the text of a file; what Windows wrote as UTF-16 is decoded.
func (m *machine) read(windows string) string {
	m.t.Helper()
	data, err := os.ReadFile(m.path(windows))
	if err != nil {
		m.t.Fatal(err)
	}
	return decode(data)
}

func (m *machine) write(windows, text string) {
	m.t.Helper()
	path := m.path(windows)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) copyFile(from, to string) {
	m.t.Helper()
	data, err := os.ReadFile(m.path(from))
	if err != nil {
		m.t.Fatal(err)
	}
	m.write(to, string(data))
}

func (m *machine) remove(windows string) {
	m.t.Helper()
	if err := os.Remove(m.path(windows)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) exists(windows string) bool {
	m.t.Helper()
	_, err := os.Lstat(m.path(windows))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.t.Fatal(err)
	}
	return err == nil
}

// has wants files to be there.
func (m *machine) has(files ...string) {
	m.t.Helper()
	for _, file := range files {
		if !m.exists(file) {
			m.t.Errorf("%s is not there", file)
		}
	}
}

// lacks wants files not to be there, and tells what is there instead.
func (m *machine) lacks(files ...string) {
	m.t.Helper()
	for _, file := range files {
		if m.exists(file) {
			m.t.Errorf("%s is there:\n%s", file, m.list(file))
		}
	}
}

// list is what is at a path and below it: when each was changed last, how large it is, its name.
func (m *machine) list(windows string) string {
	m.t.Helper()
	const most = 50
	top := m.path(windows)
	var lines []string
	_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			lines = append(lines, err.Error())
			return nil
		}
		info, err := entry.Info()
		if err != nil { // gone meanwhile
			lines = append(lines, err.Error())
			return nil
		}
		size := "folder"
		if !entry.IsDir() {
			size = strconv.FormatInt(info.Size(), 10)
		}
		name := windows + strings.ReplaceAll(strings.TrimPrefix(path, top), string(filepath.Separator), `\`)
		lines = append(lines, fmt.Sprintf("%s %10s %s", info.ModTime().Format("15:04:05.000"), size, name))
		return nil
	})
	if more := len(lines) - most; more > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// until waits for something to come true.
func (m *machine) until(what string, is func() bool) {
	m.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if <-tick.C; time.Now().After(deadline) {
			m.t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// get is an answer of this Windows; code 0 says that there is none.
func (m *machine) get(port int, path string) (code int, body string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), http.NoBody)
	if err != nil {
		m.t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return m.dial(ctx, port) },
	}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close() //nolint:errcheck // read to the end
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(data)
}

// answers waits for a 200 with this text in it.
func (m *machine) answers(port int, path, body string) {
	m.t.Helper()
	var code int
	var got string
	m.until(fmt.Sprintf("port %d answers %s with %q", port, path, body), func() bool {
		code, got = m.get(port, path)
		return code == http.StatusOK && strings.Contains(got, body)
	})
}

// silent wants nobody to listen on the port.
func (m *machine) silent(port int) {
	m.t.Helper()
	conn, err := m.dial(m.t.Context(), port)
	if err == nil {
		_ = conn.Close()
		m.t.Errorf("somebody listens on port %d", port)
	}
}

// wants wants each part in a text.
func (m *machine) wants(text string, parts ...string) {
	m.t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			m.t.Errorf("lacks %q:\n%s", part, tail(text, 40))
		}
	}
}
