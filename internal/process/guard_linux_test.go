package process

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestNothingOutlivesAKilledHoldfast kills the guardian or the worker at a random moment, from
// before the worker has begun until its families are up.
func TestNothingOutlivesAKilledHoldfast(t *testing.T) {
	tok := token(t)
	cmd, lines := miniatureHoldfast(t, tok, 2)
	begun := time.Now()
	waitWorker(t, lines)
	whole := time.Since(begun)
	_ = cmd.Process.Kill()
	until(t, "end of all", func() bool { return len(bearing(t, tok)) == 0 })

	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	for i := range rounds {
		victim := []string{"guardian", "worker"}[i%2]
		moment := time.Duration(rand.Int64N(int64(whole * 5 / 4)))
		tok := tok + "-" + strconv.Itoa(i)
		cmd, lines := miniatureHoldfast(t, tok, 2)
		timer := time.NewTimer(moment)
		pid := cmd.Process.Pid
		if victim == "worker" {
			pid, _ = strconv.Atoi(strings.TrimPrefix(next(t, lines), "worker "))
		}
		<-timer.C
		_ = unix.Kill(pid, unix.SIGKILL)
		killed := time.Now()
		until(t, fmt.Sprintf("end of all after a kill of the %s at %s", victim, moment), func() bool { return len(bearing(t, tok)) == 0 })
		t.Logf("%s killed at %s: all gone within %s", victim, moment.Round(time.Millisecond), time.Since(killed).Round(time.Millisecond))
		_ = cmd.Wait()
	}
}

func TestGuardianForwardsSignalsAndExit(t *testing.T) {
	for _, tt := range []struct {
		name    string
		signals []unix.Signal
		code    int
	}{
		{"term twice", []unix.Signal{unix.SIGTERM, unix.SIGTERM}, 0},
		{"all of them", []unix.Signal{unix.SIGHUP, unix.SIGUSR1, unix.SIGQUIT, unix.SIGINT, unix.SIGUSR2, unix.SIGTERM}, 41},
		{"worker killed", []unix.Signal{unix.SIGHUP}, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := command(t, "signalled", token(t), strconv.Itoa(len(tt.signals)), strconv.Itoa(tt.code))
			lines := startLines(t, cmd)
			if got := next(t, lines); got == "worker "+strconv.Itoa(cmd.Process.Pid) {
				t.Fatalf("the worker is the guardian: %s", got)
			}
			for _, sig := range tt.signals {
				if got, want := signalUntilHeard(t, cmd, sig, lines), "got "+sig.String(); got != want {
					t.Errorf("worker: %q, want %q", got, want)
				}
			}
			err := cmd.Wait()
			var exit *exec.ExitError
			switch {
			case tt.code == 0:
				if err != nil {
					t.Errorf("exit: %v", err)
				}
			case !errors.As(err, &exit):
				t.Errorf("exit: %v", err)
			case tt.code > 0:
				if exit.ExitCode() != tt.code {
					t.Errorf("exit code %d, want %d", exit.ExitCode(), tt.code)
				}
			default:
				if ws, ok := exit.Sys().(syscall.WaitStatus); !ok || ws.Signal() != unix.SIGKILL {
					t.Errorf("ended with %v, want SIGKILL", err)
				}
			}
		})
	}
}

// Two hang-ups in a row, as of somebody who mends a file twice, are two: the second asks for what the
// first one may have come too early for.
func TestGuardianForwardsEveryHangup(t *testing.T) {
	cmd := command(t, "signalled", token(t), "2", "0")
	lines := startLines(t, cmd)
	next(t, lines) // the worker is up
	for range 2 {
		if err := cmd.Process.Signal(unix.SIGHUP); err != nil {
			t.Fatal(err)
		}
		if got, want := next(t, lines), "got "+unix.SIGHUP.String(); got != want {
			t.Errorf("worker: %q, want %q", got, want)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
}

// A shell without job control starts its background programs with SIGINT and SIGQUIT ignored; nohup
// ignores SIGHUP. The first must not make Ctrl-C's signal useless, the second must stay in force.
func TestGuardianOfAProgramThatWasStartedWithSignalsIgnored(t *testing.T) {
	argv := self(t, "signalled", token(t), "1", "0")
	cmd := exec.Command("sh", append([]string{"-c", `trap "" INT QUIT HUP; exec "$@"`, "sh"}, argv...)...)
	lines := startLines(t, cmd)
	next(t, lines) // the worker is up
	if err := cmd.Process.Signal(unix.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if got, want := signalUntilHeard(t, cmd, unix.SIGINT, lines), "got "+unix.SIGINT.String(); got != want {
		t.Errorf("worker: %q, want %q", got, want)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
}

// signalUntilHeard sends a signal again until the worker says that it got it: one that follows its
// like too closely is taken for an echo.
func signalUntilHeard(t *testing.T, cmd *exec.Cmd, sig unix.Signal, lines <-chan string) string {
	t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for end := time.After(patience); ; {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		select {
		case line := <-lines:
			return line
		case <-again.C:
		case <-end:
			t.Fatalf("the worker did not hear %s", sig)
		}
	}
}

// TestTimeoutStopsOnce runs a guarded program under timeout(1), which sends its signal to the
// program and, the program being in its process group, once more.
func TestTimeoutStopsOnce(t *testing.T) {
	argv := self(t, "signalled", token(t), "2", "0")
	cmd := exec.Command("timeout", append([]string{"--signal=TERM", "2"}, argv...)...)
	lines := startLines(t, cmd)
	worker, err := strconv.Atoi(strings.TrimPrefix(next(t, lines), "worker "))
	if err != nil {
		t.Fatal(err)
	}
	if got := next(t, lines); got != "got terminated" {
		t.Errorf("worker: %q", got)
	}
	p, ok := readProc(worker)
	if !ok {
		t.Fatal("the worker is gone: it got a second signal")
	}
	if err := unix.Kill(p.parent, unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if got := next(t, lines); got != "got "+unix.SIGUSR1.String() {
		t.Errorf("worker: %q, want the second signal to be another", got)
	}
}

func TestGuardianSharesItsProcessGroupWithNobody(t *testing.T) {
	cmd := command(t, "signalled", token(t), "1", "0")
	lines := startLines(t, cmd)
	worker, err := strconv.Atoi(strings.TrimPrefix(next(t, lines), "worker "))
	if err != nil {
		t.Fatal(err)
	}
	pgid, err := unix.Getpgid(worker)
	if err != nil || pgid != worker {
		t.Errorf("process group of worker %d = %d, %v", worker, pgid, err)
	}
	if name, err := readSmall("/proc/" + strconv.Itoa(worker) + "/comm"); err != nil || strings.TrimSpace(string(name)) != workerName {
		t.Errorf("worker's name %q, %v", name, err)
	}
	_ = cmd.Process.Signal(unix.SIGTERM)
	next(t, lines)
}

func TestCleanMappings(t *testing.T) {
	const smaps = `00400000-00410000 r-xp 00000000 fe:00 12 /opt/hold fast/holdfast
Rss:                 100 kB
Anonymous:             0 kB
00410000-00420000 r--p 00010000 fe:00 12 /opt/hold fast/holdfast
Anonymous:             4 kB
00420000-00430000 rw-p 00020000 fe:00 12 /opt/hold fast/holdfast
Anonymous:             0 kB
7f0000000000-7f0000001000 r--p 00000000 fe:00 13 /lib/libc.so.6
Anonymous:             0 kB
7f0000002000-7f0000003000 r--p 00000000 00:00 0
Anonymous:             0 kB
`
	got := cleanMappings(smaps, "/opt/hold fast/holdfast")
	if len(got) != 1 || got[0] != [2]uintptr{0x400000, 0x410000} {
		t.Errorf("%x", got)
	}
}
