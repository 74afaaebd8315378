//go:build wine

package scenarios

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/build/wine"
)

var (
	root        = filepath.Join("..", "..")
	packagesDir string
)

// prepare makes the packages, or takes those that HOLDFAST_PACKAGES names.
func prepare() (ready bool, err error) {
	if first.dir, err = os.MkdirTemp("", "holdfast-scenarios-"); err != nil {
		return false, err
	}
	if dir := os.Getenv("HOLDFAST_PACKAGES"); dir != "" {
		packagesDir = dir
		return true, nil
	}
	// Ours for this run, whoever makes new ones meanwhile.
	packagesDir = filepath.Join(first.dir, "packages")
	cmd := exec.CommandContext(context.Background(), "go", "run", "./build/scenarios/packages", "-out", filepath.Join("build", "out", "packages"), "-take", packagesDir)
	cmd.Dir = root
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return true, cmd.Run()
}

// wineSystem is a Windows of Wine's.
type wineSystem struct {
	p   *wine.Prefix
	net *wine.Network
}

// fresh is a Windows on which nothing was ever installed.
func fresh(t *testing.T) *machine {
	t.Helper()
	t.Parallel()
	from, err := wine.Template(t.Context(), filepath.Join(root, "build", "out", "wine"))
	if err != nil {
		t.Fatal(err)
	}
	return newMachine(t, from, filepath.Join(t.TempDir(), "prefix"))
}

func newMachine(t *testing.T, from, dir string) *machine {
	t.Helper()
	m := startMachine(t, from, dir)
	s := m.system.(*wineSystem)
	t.Cleanup(func() {
		if err := s.p.Close(); err != nil {
			t.Errorf("close the prefix: %v", err)
		}
		s.net.Close()
	})
	m.witness()
	return m
}

// startMachine leaves it to the caller to end it.
func startMachine(t *testing.T, from, dir string) *machine {
	t.Helper()
	network, err := wine.NewNetwork()
	if err != nil {
		t.Fatal(err)
	}
	p, err := wine.Copy(t.Context(), from, dir, network)
	if err != nil {
		t.Fatal(err)
	}
	s := &wineSystem{p, network}
	if err := s.addPackages(); err != nil {
		t.Fatal(err)
	}
	return &machine{t: t, system: s}
}

// addPackages puts every package on the disk, and the program that nobody here wrote.
func (s *wineSystem) addPackages() error {
	made, err := filepath.Glob(filepath.Join(packagesDir, "*", "*.msi"))
	if err != nil || len(made) == 0 {
		return errors.Join(err, fmt.Errorf("no packages in %s", packagesDir))
	}
	for _, from := range made {
		if err := place(from, s.path(pkg(filepath.Base(filepath.Dir(from))))); err != nil {
			return err
		}
	}
	return place(filepath.Join(packagesDir, "caddy.exe"), s.path(caddy))
}

// place makes a second name for a file that nobody changes, or a copy elsewhere.
func place(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.Remove(to); err != nil && !os.IsNotExist(err) {
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

func (s *wineSystem) path(windows string) string {
	rest, ok := strings.CutPrefix(windows, `C:\`)
	if !ok {
		panic("not on drive C: " + windows) // a mistake of the test
	}
	return s.p.Path(rest)
}

func (s *wineSystem) run(ctx context.Context, name string, args ...string) (string, int, error) {
	for range 2 { // Wine sometimes ends before the program begins: with 1, at once, and without a word
		began := time.Now()
		text, code, err := s.once(ctx, name, args)
		if code != 1 || text != "" || err != nil || time.Since(began) > notBegun {
			return text, code, err
		}
	}
	return s.once(ctx, name, args)
}

// notBegun is less than any program under Wine takes; one that a loss of power ends has begun.
const notBegun = 150 * time.Millisecond

func (s *wineSystem) once(ctx context.Context, name string, args []string) (string, int, error) {
	text, err := s.p.Output(s.p.Command(ctx, name, args...))
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() >= 0 {
		return text, exit.ExitCode(), nil
	}
	return text, 0, err
}

// failed: Linux tells the low byte alone, and Wine ends with 1627 where Windows says 1603 when one of
// the package's own programs has failed.
func (s *wineSystem) failed(code int) bool { return code == 1603&0xff || code == 1627&0xff }

func (s *wineSystem) dial(ctx context.Context, port int) (net.Conn, error) {
	return s.net.Dial(ctx, port)
}

func (s *wineSystem) listen(ctx context.Context, port int) (net.Listener, error) {
	return s.net.Listen(ctx, port)
}

func (s *wineSystem) processes(text string) []int { return s.p.Processes(text) }

func (s *wineSystem) kill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }

// roots are the folders to look at: the whole disk.
func (m *machine) roots() []string { return []string{`C:\`} }

// windowsOwn are keys of HKLM\Software that belong to Windows and Wine alone; to look at all of them
// takes long.
var windowsOwn = []string{"borland", "classes", "clients", "khronos", "microsoft", "policies", "registered applications", "wine", "wow6432node"}

// registryRoots are the keys to look at: every other key of HKLM\Software, and where Windows keeps
// what is installed.
func (m *machine) registryRoots() []string {
	m.t.Helper()
	keys := []string{
		`HKLM\Software\Classes\Installer`,
		`HKLM\Software\Microsoft\Windows\CurrentVersion`,
		`HKLM\Software\Policies`,
		`HKLM\System\CurrentControlSet`,
	}
	for line := range strings.Lines(m.ok("reg", "query", `HKLM\Software`)) {
		name, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(line)), `hkey_local_machine\software\`)
		if ok && !slices.Contains(windowsOwn, name) {
			keys = append(keys, `HKLM\Software\`+name)
		}
	}
	return keys
}

// reboot is a loss of power, and the next start.
func (m *machine) reboot() {
	m.t.Helper()
	if err := m.system.(*wineSystem).p.Reboot(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
}

// systemNoise is what Wine changes by itself, or leaves behind: it does not remove keys of its Windows
// Installer that have become empty, nor the separator that it put into PATH, and each reinstallation
// adds the package's folder to the sources once more.
var systemNoise = []string{
	`key *\Software\Classes\Installer*`,
	`key *\CurrentVersion\Installer*`,
	`registry *\Session Manager\Environment "PATH"`,
	`registry *\Classes\Installer\Products\*\SourceList*`,
	`* *\Control\Video*`,
	`registry *\Software\Microsoft\Windows\CurrentVersion "Users"`,
}

// removing are the deferred actions of a removal at which a failure can be looked at: after RemoveFiles
// Wine's way back ends.
var removing = []string{"HfSnapshot", "HfStop", "HfRemove"}

// forgotten is where Wine keeps that a product is installed.
var forgotten = []string{
	`* *\Classes\Installer*`,
	`* *\CurrentVersion\Installer*`,
	`* *\CurrentVersion\Uninstall*`,
	`* C:\windows\Installer*`,
}

// refused wants one of the package's checks to have ended the run, or its setup program's first
// action, before anything was done. Wine logs no messages: the name of the action has to do.
func (m *machine) refused(log, property string) {
	m.t.Helper()
	if !regexp.MustCompile(`: (HfBad\w*|HfMoved\w*|HfGuard)\. Return value 0`).MatchString(log) {
		m.t.Errorf("%s: not refused by a check:\n%s", property, tail(log, 20))
	}
}

// first is the disk of a machine on which Holdfast 1.0.0 was installed once, for all tests to copy.
var first struct {
	dir    string // of this run
	once   sync.Once
	prefix string // "": it could not be made
}

// installed is a Windows on which Holdfast 1.0.0 runs, with the seed as its configuration.
func installed(t *testing.T) *machine {
	t.Helper()
	t.Parallel()
	first.once.Do(func() { makeFirst(t) })
	if first.prefix == "" {
		t.Fatal("the machine to copy could not be made: see the first test that needed it")
	}
	m := newMachine(t, first.prefix, filepath.Join(t.TempDir(), "prefix"))
	m.answers(gatewayPort, "/", greeting)
	return m
}

func makeFirst(t *testing.T) {
	t.Helper()
	from, err := wine.Template(t.Context(), filepath.Join(root, "build", "out", "wine"))
	if err != nil {
		t.Fatal(err)
	}
	prefix := filepath.Join(first.dir, "prefix")
	m := startMachine(t, from, prefix)
	s := m.system.(*wineSystem)
	t.Cleanup(s.net.Close)
	defer func() {
		if t.Failed() {
			t.Log(m.evidence())
		}
		if err := s.p.Halt(context.Background()); err != nil { // also when the test has ended already
			t.Error(err)
		}
	}()
	m.install()
	first.prefix = prefix
}

// tidy removes what all tests had in common.
func tidy() { _ = os.RemoveAll(first.dir) }
