package process

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestKillEndsTheWholeTree(t *testing.T) {
	for _, tt := range []struct {
		name, role string
		leaves     bool
	}{
		{"leader alive", "family", false},
		{"leader gone", "orphans", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, o, tok := launch(t), output(t), token(t)
			c := start(t, l, Spec{Command: self(t, tt.role, tok), Output: o})
			waitLine(t, o, "family up")
			if tt.leaves {
				waitDone(t, c)
			}
			// The child, four escaped grandchildren, and the leader unless it has left.
			if got, want := len(bearing(t, tok)), 6; got != want && (!tt.leaves || got != want-1) {
				t.Fatalf("%d processes before Kill, want about %d", got, want)
			}
			tree := bearing(t, tok)
			if got := c.Kill(); got != 5 {
				t.Errorf("Kill ended %d orphans, want 5", got)
			}
			for _, pid := range tree {
				if p, ok := readProc(pid); ok {
					t.Errorf("left after Kill, if only as a zombie: %+v", p)
				}
			}
			if left := bearing(t, tok); len(left) > 0 {
				t.Errorf("left after Kill: %v", left)
			}
			if got := c.Kill(); got != 0 {
				t.Errorf("second Kill ended %d", got)
			}
			waitDone(t, c)
		})
	}
}

func TestKillSparesOtherInstances(t *testing.T) {
	l := launch(t)
	var kids []*Child
	var toks []string
	for i := range 3 {
		o := NewOutput(OutputOptions{})
		tok := token(t) + strconv.Itoa(i)
		kids = append(kids, start(t, l, Spec{ID: "shop-" + strconv.Itoa(i), Command: self(t, "orphans", tok), Output: o}))
		toks = append(toks, tok)
		waitLine(t, o, "family up")
		waitDone(t, kids[i])
	}
	kids[1].Kill()
	for i, want := range []int{5, 0, 5} {
		if got := len(bearing(t, toks[i])); got != want {
			t.Errorf("instance %d has %d processes, want %d", i, got, want)
		}
	}
}

func TestKillOutrunsForks(t *testing.T) {
	l, tok := launch(t), token(t)
	c := start(t, l, Spec{Command: self(t, "spawner", tok)})
	until(t, "ten escaped processes", func() bool { return len(bearing(t, tok)) > 10 })
	c.Kill()
	if left := bearing(t, tok); len(left) > 0 {
		t.Errorf("left after Kill: %v", left)
	}
}

func TestOrphansAreReapedAndForeignChildrenAreNot(t *testing.T) {
	l, o, tok := launch(t), output(t), token(t)
	// A foreign child that has ended and is not waited for stands before ours.
	foreign := command(t, "exit", "42")
	if err := foreign.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "end of the foreign child", func() bool { p, ok := readProc(foreign.Process.Pid); return ok && !p.living })

	c := start(t, l, Spec{Command: self(t, "orphans", tok), Output: o})
	waitDone(t, c)
	if got := c.Exit(); got.Code != 0 || got.PID != c.PID() {
		t.Errorf("exit = %+v", got)
	}
	orphans := bearing(t, tok)
	for _, pid := range orphans {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	until(t, "reaped orphans", func() bool {
		return !slices.ContainsFunc(orphans, func(pid int) bool { _, ok := readProc(pid); return ok })
	})
	var exit *exec.ExitError
	if err := foreign.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 42 {
		t.Errorf("foreign child: %v, want exit status 42", err)
	}
}

func TestExitStatusIsNeverStolen(t *testing.T) {
	l := launch(t)
	done := make(chan error)
	const each = 25
	for i := range 4 {
		go func() {
			for n := range each {
				code := i*each + n
				cmd := command(t, "exit", strconv.Itoa(code))
				var exit *exec.ExitError
				if err := cmd.Run(); code != 0 && (!errors.As(err, &exit) || exit.ExitCode() != code) {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for n := range each {
		c := start(t, l, Spec{ID: "a-" + strconv.Itoa(n), Command: self(t, "exit", strconv.Itoa(100+n))})
		waitDone(t, c)
		if got := c.Exit().Code; got != int64(100+n) {
			t.Errorf("code = %d, want %d", got, 100+n)
		}
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Errorf("os/exec beside a Launcher: %v", err)
		}
	}
}

func TestReapLeftovers(t *testing.T) {
	tok := token(t)
	cmd, lines := miniatureHoldfast(t, tok, 2)
	worker := waitWorker(t, lines)
	// Stopped first, so that neither sees the other's end: the two are killed in one instant.
	for _, sig := range []unix.Signal{unix.SIGSTOP, unix.SIGKILL} {
		_ = unix.Kill(cmd.Process.Pid, sig)
		_ = unix.Kill(worker, sig)
	}
	_ = cmd.Wait()
	until(t, "end of the direct children", func() bool { return len(bearing(t, tok)) <= 10 })
	if got := len(bearing(t, tok)); got == 0 {
		t.Fatal("nothing was left: the test proves nothing")
	}
	l := NewLauncher(LauncherOptions{Owner: tok})
	n, err := l.ReapLeftovers()
	if err != nil || n == 0 {
		t.Errorf("ReapLeftovers = %d, %v", n, err)
	}
	if left := bearing(t, tok); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if n, err := l.ReapLeftovers(); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}

// miniatureHoldfast is a guarded launcher; it returns once all its n families are up or as soon as
// it runs, for n = 0.
func miniatureHoldfast(t *testing.T, tok string, n int) (*exec.Cmd, <-chan string) {
	t.Helper()
	cmd := command(t, "holdfast", tok, strconv.Itoa(n))
	return cmd, startLines(t, cmd)
}

// startLines starts cmd and gives what it prints, line by line. Only cmd itself holds the pipe.
func startLines(t *testing.T, cmd *exec.Cmd) <-chan string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	lines := make(chan string, 64)
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = r.Close()
		<-read
	})
	return lines
}

func next(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case s := <-lines:
		return s
	case <-time.After(patience):
		t.Fatal("no line came")
		return ""
	}
}

// waitWorker reads until "up" and returns the worker's pid.
func waitWorker(t *testing.T, lines <-chan string) int {
	t.Helper()
	worker := 0
	for {
		s := next(t, lines)
		if v, ok := strings.CutPrefix(s, "worker "); ok {
			worker, _ = strconv.Atoi(v)
		}
		if s == "up" || s == "" {
			return worker
		}
	}
}
