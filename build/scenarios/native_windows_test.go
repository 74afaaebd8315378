package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// prepare asks whether this machine is meant. Without that word nothing is done.
func prepare() (bool, error) {
	if os.Getenv("HOLDFAST_SCENARIOS") != "this-machine" {
		_, err := fmt.Fprintln(os.Stderr, "nothing was tested: the scenarios install, break and remove services on this very machine; set HOLDFAST_SCENARIOS=this-machine if that is what it is for")
		return false, err
	}
	dir := os.Getenv("HOLDFAST_PACKAGES")
	if dir == "" {
		return false, errors.New("HOLDFAST_PACKAGES names the folder with the packages; make it with: go run ./build/scenarios/packages")
	}
	made, err := filepath.Glob(filepath.Join(dir, "*", "*.msi"))
	if err != nil || len(made) == 0 {
		return false, errors.Join(err, fmt.Errorf("no packages in %s", dir))
	}
	for _, from := range made {
		if err := copyFile(from, pkg(filepath.Base(filepath.Dir(from)))); err != nil {
			return false, err
		}
	}
	return true, errors.Join(copyFile(filepath.Join(dir, "fleet", "fleet.mst"), fleet), copyFile(filepath.Join(dir, "caddy.exe"), caddy))
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

func tidy() {}

// fleet is a transform for the package 1.0.0 and all others of the product.
const fleet = `C:\packages\fleet.mst`

// native is the very machine.
type native struct{}

// fresh is the machine without any product of ours; it is left so, too.
func fresh(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, system: native{}}
	m.clean()
	t.Cleanup(m.clean)
	m.witness()
	return m
}

// clean removes what a test before left.
func (m *machine) clean() {
	m.t.Helper()
	made, err := filepath.Glob(pkg("*"))
	if err != nil {
		m.t.Fatal(err)
	}
	// The test's own context has ended when this runs as its cleanup.
	ctx := context.Background()
	for _, file := range made {
		if text, _, err := m.run(ctx, "msiexec", "/x", file, "/qn", "HF_PURGE=1"); err != nil {
			m.t.Fatalf("remove %s: %v\n%s", file, err, text)
		}
	}
	for _, product := range products {
		for _, dir := range []string{`C:\ProgramData\`, `C:\Program Files\`} {
			if err := os.RemoveAll(dir + product); err != nil {
				m.t.Fatal(err)
			}
		}
		if got := m.serviceState(ctx, product); got != "" {
			m.t.Fatalf("service %s is left, %s", product, got)
		}
	}
}

// installed is a Windows on which Holdfast 1.0.0 runs, with the seed as its configuration.
func installed(t *testing.T, properties ...string) *machine {
	t.Helper()
	m := fresh(t)
	m.install(properties...)
	return m
}

func (native) path(windows string) string { return windows }

func (native) run(ctx context.Context, name string, args ...string) (string, int, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	if name == "msiexec" {
		cmd.SysProcAttr = &syscall.SysProcAttr{CmdLine: msiexecLine(args)}
	}
	text, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return decode(text), exit.ExitCode(), nil
	}
	return decode(text), 0, err
}

// msiexecLine quotes as msiexec alone wants it: NAME="value"
// (learn.microsoft.com/windows/win32/msi/command-line-options).
func msiexecLine(args []string) string {
	line := []string{"msiexec"}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		switch {
		case ok:
			arg = name + `="` + strings.ReplaceAll(value, `"`, `""`) + `"`
		case strings.Contains(arg, " "):
			arg = `"` + arg + `"`
		}
		line = append(line, arg)
	}
	return strings.Join(line, " ")
}

func (native) failed(code int) bool { return code == 1603 }

// Windows cleans up, and knows what is installed after a removal that failed.
var systemNoise, forgotten []string

// removing are the deferred actions of a removal.
var removing = []string{"HfSnapshot", "HfStop", "HfRemove", "HfFail"}

// refused wants the log to name the property and say that its value is not allowed, or setup's first
// action to have ended the run. (Why it did is in the Event Log: Windows Installer does not log what a
// program writes.)
func (m *machine) refused(log, property string) {
	m.t.Helper()
	byPackage := strings.Contains(log, property+"=") && strings.Contains(log, "is not allowed")
	if !byPackage && !strings.Contains(log, "HfGuard returned actual error code") {
		m.t.Errorf("%s: not refused by a check:\n%s", property, tail(log, 20))
	}
}

func (native) dial(ctx context.Context, port int) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

func (native) listen(ctx context.Context, port int) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

func (native) processes(text string) []int {
	script := fmt.Sprintf(`Get-CimInstance Win32_Process | Where-Object { $_.ProcessId -ne $PID -and $_.CommandLine -like '*%s*' } | ForEach-Object { $_.ProcessId }`, text)
	out, err := exec.CommandContext(context.Background(), "powershell", "-NoProfile", "-Command", script).Output()
	if err != nil {
		panic(err) // no test can go on without
	}
	var found []int
	for _, field := range strings.Fields(string(out)) {
		if pid, err := strconv.Atoi(field); err == nil {
			found = append(found, pid)
		}
	}
	return found
}

func (native) kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}

// roots are the folders to look at: what a package may touch.
func (m *machine) roots() []string {
	roots := []string{`C:\windows\Installer`}
	for _, product := range products {
		roots = append(roots, `C:\Program Files\`+product, `C:\ProgramData\`+product)
	}
	return roots
}

// registryRoots are the keys to look at: the products' own, and where Windows keeps what is installed.
func (m *machine) registryRoots() []string {
	keys := []string{
		`HKLM\Software\Classes\Installer`,
		`HKLM\Software\Microsoft\Windows\CurrentVersion\Installer`,
		`HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall`,
		`HKLM\System\CurrentControlSet\Control\Session Manager\Environment`,
	}
	for _, product := range products {
		keys = append(keys,
			`HKLM\Software\`+product,
			`HKLM\Software\Policies\`+product,
			`HKLM\System\CurrentControlSet\Services\`+product,
			`HKLM\System\CurrentControlSet\Services\EventLog\Application\`+product)
	}
	return keys
}
