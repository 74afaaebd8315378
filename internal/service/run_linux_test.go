package service

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary plays a service when this variable says how.
const playAs = "HOLDFAST_TEST_SERVICE"

// asService tells whether this process is to be a service, and its exit code.
func asService() (code int, ok bool) {
	if role := os.Getenv(playAs); role != "" {
		return play(role), true
	}
	return 0, false
}

// player is a service that prints what it is told to do.
type player struct{ role string }

func (p player) Run(ctx context.Context, s Starting) error {
	s.Progress("curtain")
	if p.role == "bad" {
		return errors.New("no stage")
	}
	_, _ = fmt.Fprintln(os.Stdout, "env", os.Getenv("NOTIFY_SOCKET")+os.Getenv("WATCHDOG_USEC")+os.Getenv("WATCHDOG_PID"))
	s.Ready()
	<-ctx.Done()
	if p.role == "stubborn" {
		select {}
	}
	return nil
}

func (player) Reload(context.Context) error { return utter("reload") }
func (player) Pause(context.Context) error  { return utter("pause") }
func (player) Resume(context.Context) error { return utter("resume") }

func utter(text string) error {
	_, err := fmt.Fprintln(os.Stdout, text)
	return err
}

func play(role string) int {
	id, err := NewIdentity("Player")
	if err != nil {
		panic(err)
	}
	return Run(context.Background(), Options{
		Identity: id, Program: player{role}, Console: os.Stdout, ExitCode: func(error) int { return ExitListen },
	})
}

// actor is the test binary as a service.
type actor struct {
	cmd   *exec.Cmd
	lines chan string
}

func start(t *testing.T, role string, env ...string) *actor {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), playAs+"="+role)
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal, as under a service manager
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &actor{cmd: cmd, lines: make(chan string, 100)}
	go func() {
		defer close(a.lines)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			a.lines <- sc.Text()
		}
	}()
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			for range a.lines {
			}
			_ = cmd.Wait()
		}
	})
	return a
}

func (a *actor) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := a.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

func (a *actor) expect(t *testing.T, want string) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case line, ok := <-a.lines:
			if !ok {
				t.Fatalf("ended without saying %q", want)
			}
			if strings.Contains(line, want) {
				return
			}
		case <-timeout:
			t.Fatalf("did not say %q", want)
		}
	}
}

func (a *actor) exit(t *testing.T) int {
	t.Helper()
	for range a.lines {
	}
	_ = a.cmd.Wait()
	return a.cmd.ProcessState.ExitCode()
}

func TestConsole(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String()+" stops", func(t *testing.T) {
			a := start(t, "good")
			a.expect(t, "Player is starting: curtain")
			a.expect(t, "Player is running; Ctrl-C stops it")
			a.signal(t, sig)
			a.expect(t, "Player is stopping; Ctrl-C again ends it at once")
			a.expect(t, "Player has stopped.")
			if code := a.exit(t); code != ExitOK {
				t.Errorf("exit code %d", code)
			}
		})
	}
	t.Run("the second Ctrl-C ends at once", func(t *testing.T) {
		a := start(t, "stubborn")
		a.expect(t, "running")
		a.signal(t, syscall.SIGINT)
		a.expect(t, "stopping")
		a.signal(t, syscall.SIGINT)
		if code := a.exit(t); code != ExitForced {
			t.Errorf("exit code %d, want %d", code, ExitForced)
		}
	})
	t.Run("SIGHUP reloads", func(t *testing.T) {
		a := start(t, "good")
		a.expect(t, "running")
		a.signal(t, syscall.SIGHUP)
		a.expect(t, "reload")
		a.expect(t, "running")
		a.signal(t, syscall.SIGTERM)
		if code := a.exit(t); code != ExitOK {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("a failed start has its code and a cure", func(t *testing.T) {
		a := start(t, "bad")
		a.expect(t, "Player did not start: no stage")
		a.expect(t, "Free the address")
		if code := a.exit(t); code != ExitListen {
			t.Errorf("exit code %d, want %d", code, ExitListen)
		}
	})
}

// systemdSocket is systemd's end of sd_notify.
func systemdSocket(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// hear reads datagrams until one has all of want.
func hear(t *testing.T, conn *net.UnixConn, want ...string) {
	t.Helper()
	buf := make([]byte, 4096)
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
next:
	for {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("waiting for %q: %v", want, err)
		}
		text := string(buf[:n])
		for _, w := range want {
			if !strings.Contains("\n"+text, "\n"+w) {
				continue next
			}
		}
		return
	}
}

func TestSystemd(t *testing.T) {
	sockets := map[string]string{
		"path":     filepath.Join(t.TempDir(), "notify"),
		"abstract": fmt.Sprintf("@holdfast-test-%d", os.Getpid()),
	}
	for kind, path := range sockets {
		t.Run(kind, func(t *testing.T) {
			conn := systemdSocket(t, path)
			// WATCHDOG_PID is our own process: to the actor, its parent, as a guardian would be.
			a := start(t, "good", "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=200000", fmt.Sprintf("WATCHDOG_PID=%d", os.Getpid()))
			hear(t, conn, "EXTEND_TIMEOUT_USEC=", "STATUS=Starting")
			hear(t, conn, "READY=1", "STATUS=Serving")
			if line := <-a.lines; line != "env " {
				t.Errorf("apps would inherit systemd's variables: %q", line)
			}
			hear(t, conn, "WATCHDOG=1")
			hear(t, conn, "WATCHDOG=1")
			a.signal(t, syscall.SIGHUP)
			hear(t, conn, "RELOADING=1", "MONOTONIC_USEC=")
			hear(t, conn, "READY=1")
			a.signal(t, syscall.SIGTERM)
			hear(t, conn, "STOPPING=1")
			if code := a.exit(t); code != ExitOK {
				t.Errorf("exit code %d", code)
			}
		})
	}
	t.Run("failure", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "notify")
		conn := systemdSocket(t, path)
		a := start(t, "bad", "NOTIFY_SOCKET="+path)
		hear(t, conn, "STATUS=Failed: no stage (exit code 13)")
		hear(t, conn, "BARRIER=1") // reading it gives the pipe back
		if code := a.exit(t); code != ExitListen {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		a := start(t, "good", "NOTIFY_SOCKET="+filepath.Join(t.TempDir(), "gone"))
		a.expect(t, "running")
		a.signal(t, syscall.SIGTERM)
		if code := a.exit(t); code != ExitOK {
			t.Errorf("exit code %d", code)
		}
	})
}

// A closed terminal sends SIGHUP too; a service without its terminal must not run on unseen.
func TestHangupMeansReloadUnlessTheTerminalIsGone(t *testing.T) {
	if got := signalDecoder(false)(syscall.SIGHUP); got != reload {
		t.Errorf("without a terminal: got %v", got)
	}
	if hasTerminal() {
		t.Log("this session has a terminal: it is not gone")
		return
	}
	decode := signalDecoder(true)
	if got := decode(syscall.SIGHUP); got != stop {
		t.Errorf("terminal gone: got %v", got)
	}
	if got := decode(syscall.SIGTERM); got != force {
		t.Errorf("second wish: got %v", got)
	}
}
