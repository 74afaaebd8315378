package process

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExitIsTold(t *testing.T) {
	l := launch(t)
	o := output(t)
	o.Note("before")
	first := start(t, l, Spec{Command: self(t, "say", "a line of the first run"), Output: o})
	waitDone(t, first)
	c := start(t, l, Spec{Command: self(t, "say", "one", "two \x1b[31mred\x1b[0m", "no end"), Output: o})
	waitDone(t, c)
	got := c.Exit()
	if want := []string{"one", "two red", "no end"}; !cmp.Equal(got.LastLines, want) {
		t.Errorf("last lines %q, want %q", got.LastLines, want)
	}
	if got.Code != 0 || got.Text != "exit code 0" || got.PID != c.PID() || got.PID == 0 || got.StartedAt.IsZero() || got.EndedAt.Before(got.StartedAt) {
		t.Errorf("exit = %+v", got)
	}
	bad := start(t, l, Spec{Command: self(t, "exit", "42")})
	waitDone(t, bad)
	if got := bad.Exit(); got.Code != 42 || got.Text != "exit code 42" {
		t.Errorf("exit = %+v", got)
	}
}

func TestEndIsNotDelayedByAHolderOfThePipe(t *testing.T) {
	l, o := launch(t), output(t)
	c := start(t, l, Spec{Command: self(t, "holder", "x"), Output: o})
	waitDone(t, c)
	if got := c.Exit(); got.Code != 5 || !slices.Contains(got.LastLines, "leaving") {
		t.Errorf("exit = %+v", got)
	}
	if got := c.Kill(); got != 1 {
		t.Errorf("Kill ended %d orphans, want the holder", got)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestStdin(t *testing.T) {
	l := launch(t)
	t.Run("null device by default", func(t *testing.T) {
		o := output(t)
		c := start(t, l, Spec{Command: self(t, "reader"), Output: o})
		waitDone(t, c)
		if err := c.Signal(StdinClose); err == nil {
			t.Error("StdinClose without a held stdin: no error")
		}
	})
	t.Run("held open for stdin_close", func(t *testing.T) {
		o := output(t)
		c := start(t, l, Spec{Command: self(t, "reader"), Output: o, Stop: StdinClose})
		waitLine(t, o, "up")
		select {
		case <-c.Done():
			t.Fatal("ended before its stdin was closed")
		default:
		}
		for range 2 {
			if err := c.Signal(StdinClose); err != nil {
				t.Error(err)
			}
		}
		waitDone(t, c)
		if got := c.Exit(); got.Code != 3 || !slices.Contains(got.LastLines, "read 0") {
			t.Errorf("exit = %+v", got)
		}
	})
}

func TestSignalAfterTheEnd(t *testing.T) {
	l := launch(t)
	c := start(t, l, Spec{Command: self(t, "exit", "0")})
	waitDone(t, c)
	for _, s := range []Stop{Sigterm, CtrlC, CtrlBreak} {
		if err := c.Signal(s); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("%s: %v, want os.ErrProcessDone", s, err)
		}
	}
	if err := c.Signal("shout"); err == nil {
		t.Error("unknown method: no error")
	}
}

func TestEnvironmentIsExactlyWhatWasGiven(t *testing.T) {
	l, o := launch(t), output(t)
	t.Setenv("NOT_FOR_CHILDREN", "1")
	env := []string{"B=2", "A=größer", "HOLDFAST_INSTANCE=somebody/else"}
	if runtime.GOOS == "windows" {
		env = append(env, "SYSTEMROOT="+os.Getenv("SYSTEMROOT"))
	}
	c := start(t, l, Spec{Command: self(t, "env"), Env: env, Output: o})
	waitDone(t, c)
	got := c.Exit().LastLines
	slices.Sort(got)
	got = slices.DeleteFunc(got, func(s string) bool {
		return strings.HasPrefix(strings.ToUpper(s), "SYSTEMROOT=") || strings.HasPrefix(strings.ToUpper(s), "SYSTEMDRIVE=") || runtime.GOOS == "windows" && strings.HasPrefix(s, "WINE")
	})
	if want := []string{"A=größer", "B=2", "HOLDFAST_INSTANCE=" + t.Name() + "/shop-1"}; !cmp.Equal(got, want) {
		t.Errorf("environment: %s", cmp.Diff(want, got))
	}
}

func TestArgumentsArriveAsGiven(t *testing.T) {
	l, o := launch(t), output(t)
	args := []string{"", "two words", `a"b`, `back\slash\`, `\"`, "größe 中文", "%PATH%", "$HOME", "*", "'q'", "tab\tbed"}
	c := start(t, l, Spec{Command: self(t, "args", args...), Output: o})
	waitDone(t, c)
	var want []string
	for _, a := range args {
		want = append(want, strings.TrimSpace(strconvQuote(a)))
	}
	if got := c.Exit().LastLines; !cmp.Equal(got, want) {
		t.Errorf("arguments: %s", cmp.Diff(want, got))
	}
}

func TestFolderWithAnyName(t *testing.T) {
	l, o := launch(t), output(t)
	dir := filepath.Join(tempDir(t), "größe 中文 (x86) & co")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c := start(t, l, Spec{Command: self(t, "say", "hello"), Dir: dir, Output: o})
	waitDone(t, c)
	if got := c.Exit(); got.Code != 0 {
		t.Errorf("exit = %+v", got)
	}
}

func TestStartWithoutRun(t *testing.T) {
	l := NewLauncher(LauncherOptions{Owner: t.Name()})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
	_, err := l.Start(Spec{ID: "x-1", Command: self(t, "exit", "0"), Dir: tempDir(t), Env: os.Environ()})
	if !errors.Is(err, ErrClosed) {
		t.Errorf("after Run: %v, want ErrClosed", err)
	}
}

func TestRunEndsWhatStillRuns(t *testing.T) {
	l := NewLauncher(LauncherOptions{Owner: t.Name()})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	o := output(t)
	c := start(t, l, Spec{Command: self(t, "stubborn"), Output: o})
	waitLine(t, o, "up")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	select {
	case <-c.Done():
	default:
		t.Error("Run returned before its child had ended")
	}
}

// TestKillGivesEverythingBack counts on Kill alone: whoever restarts a program need not Close.
func TestKillGivesEverythingBack(t *testing.T) {
	l, o := launch(t), output(t)
	var before int
	for i := range 30 {
		c, err := l.Start(Spec{ID: "shop-1", Command: self(t, "say", "x"), Dir: tempDir(t), Env: os.Environ(), Output: o, Stop: StdinClose})
		if err != nil {
			t.Fatal(err)
		}
		waitDone(t, c)
		c.Kill()
		if i == 9 {
			before = openHandles(t)
		}
	}
	if after := openHandles(t); after > before+5 {
		t.Errorf("%d descriptors or handles after 30 runs, %d after 10", after, before)
	}
}
