package wine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Prefix is one Windows installation of its own: its services, registry and drive C.
type Prefix struct {
	// Dir is the prefix's folder.
	Dir string

	network *Network // nil: the machine's own
}

// New makes a fresh prefix in dir, which must not exist. cache holds the template that it copies,
// made when it is missing (about 20 s); it may be shared by processes that run beside each other.
func New(ctx context.Context, cache, dir string) (*Prefix, error) {
	from, err := Template(ctx, cache)
	if err != nil {
		return nil, err
	}
	return Copy(ctx, from, dir, nil)
}

// Copy makes a prefix in dir, which must not exist, from another one whose Windows does not run, and
// starts it in network; nil is the machine's own.
func Copy(ctx context.Context, from, dir string, network *Network) (*Prefix, error) {
	dir, err := filepath.Abs(dir) // Wine takes no other
	if err != nil {
		return nil, fmt.Errorf("wine: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return nil, err
	}
	if err := copyPrefix(from, dir); err != nil {
		return nil, fmt.Errorf("wine: %w", err)
	}
	p := &Prefix{dir, network}
	return p, p.boot(ctx)
}

// boot starts Windows and its services. A wineserver that stays keeps them alive between commands.
func (p *Prefix) boot(ctx context.Context) error {
	if err := p.server(ctx, "-p"); err != nil {
		return err
	}
	if out, err := p.Run(ctx, "cmd", "/c", "exit"); err != nil {
		return fmt.Errorf("wine: first command: %w: %s", err, out)
	}
	return nil
}

// Reboot ends every process of this prefix as a loss of power would, and starts Windows again.
func (p *Prefix) Reboot(ctx context.Context) error {
	if err := p.Halt(ctx); err != nil {
		return err
	}
	return p.boot(ctx)
}

// Halt ends every process of this prefix as a loss of power would. It can be copied then.
func (p *Prefix) Halt(ctx context.Context) error {
	if err := p.server(ctx, "-k"); err != nil {
		return err
	}
	return p.server(ctx, "-w")
}

// Run runs a Windows program to its end and gives what it wrote.
func (p *Prefix) Run(ctx context.Context, name string, args ...string) (string, error) {
	return p.Output(p.Command(ctx, name, args...))
}

// Output runs a command to its end and gives what it wrote.
func (p *Prefix) Output(cmd *exec.Cmd) (string, error) { return p.network.run(cmd) }

// Command is a Windows program with its arguments, to be run in this prefix. A killed command
// leaves the prefix running.
func (p *Prefix) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "wine", append([]string{name}, args...)...) //nolint:gosec // tests choose what they run
	cmd.Env = p.env()
	return cmd
}

func (p *Prefix) env() []string {
	var env []string
	for _, kv := range os.Environ() {
		key, _, _ := strings.Cut(kv, "=")
		switch key {
		case "DISPLAY", "WINEPREFIX", "WINEDEBUG", "WINEARCH", "WINEDLLOVERRIDES", "GOOS", "LC_ALL":
		default:
			env = append(env, kv)
		}
	}
	// A locale that names files in UTF-8, as every real machine has one.
	return append(env, "WINEPREFIX="+p.Dir, "WINEDEBUG=-all", "WINEARCH=win64", "WINEDLLOVERRIDES=mscoree,mshtml=", "LC_ALL=C.UTF-8")
}

// Path is the folder of a Windows path on drive C: Path(`windows\temp`).
func (p *Prefix) Path(windows string) string {
	return filepath.Join(p.Dir, "drive_c", filepath.FromSlash(strings.ReplaceAll(windows, `\`, "/")))
}

// Close ends every process of this prefix, and of no other, and removes it.
func (p *Prefix) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	killed := p.server(ctx, "-k")
	_ = p.server(ctx, "-w") // fails when there is nothing left to wait for
	return errors.Join(killed, os.RemoveAll(p.Dir))
}

// server speaks to the wineserver of this prefix.
func (p *Prefix) server(ctx context.Context, arg string) error {
	cmd := exec.CommandContext(ctx, "wineserver", arg) //nolint:gosec // arg is ours
	cmd.Env = p.env()
	if out, err := p.Output(cmd); err != nil {
		return fmt.Errorf("wineserver %s: %w: %s", arg, err, out)
	}
	return nil
}

// Template makes the prefix that all others are copies of, once per cache, and gives its folder.
func Template(ctx context.Context, cache string) (string, error) {
	cache, err := filepath.Abs(cache)
	if err != nil {
		return "", fmt.Errorf("wine: %w", err)
	}
	dir, err := template(ctx, cache)
	if err != nil {
		return "", fmt.Errorf("wine: template: %w", err)
	}
	return dir, nil
}

func template(ctx context.Context, cache string) (string, error) {
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the cache is a folder of the build
	if err != nil {
		return "", err
	}
	defer lock.Close() //nolint:errcheck // also gives the lock back
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	done := filepath.Join(cache, "windows10")
	if _, err := os.Stat(done); err == nil {
		return done, nil
	}
	unfinished := &Prefix{Dir: done + ".unfinished"}
	if err := os.RemoveAll(unfinished.Dir); err != nil {
		return "", err
	}
	if out, err := unfinished.Run(ctx, "wineboot", "-i"); err != nil {
		return "", fmt.Errorf("wineboot: %w: %s", err, out)
	}
	if out, err := unfinished.Run(ctx, "winecfg", "-v", "win10"); err != nil { // Wine 8 begins as Windows 7
		return "", fmt.Errorf("winecfg: %w: %s", err, out)
	}
	if err := unfinished.server(ctx, "-w"); err != nil {
		return "", err
	}
	if err := os.WriteFile(unfinished.Path(`windows\system32\bcryptprimitives.dll`), prngShim(), 0o600); err != nil {
		return "", err
	}
	return done, os.Rename(unfinished.Dir, done)
}
