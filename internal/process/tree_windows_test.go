package process

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/windows"
)

// watch opens the processes that a family names, so that their end can be waited for and no other
// process can take over their ids.
func watch(t *testing.T, lines []string) []windows.Handle {
	t.Helper()
	var handles []windows.Handle
	for _, line := range lines {
		v, ok := strings.CutPrefix(line, "pid ")
		if !ok {
			continue
		}
		pid, err := strconv.ParseUint(v, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		h, err := windows.OpenProcess(windows.SYNCHRONIZE|windows.PROCESS_TERMINATE, false, uint32(pid))
		if err != nil {
			t.Fatalf("process %d: %v", pid, err)
		}
		t.Cleanup(func() {
			_ = windows.TerminateProcess(h, 1)
			_ = windows.CloseHandle(h)
		})
		handles = append(handles, h)
	}
	return handles
}

func ended(h windows.Handle) bool {
	r, err := windows.WaitForSingleObject(h, 0)
	return err == nil && r == windows.WAIT_OBJECT_0
}

func TestKillEndsTheJob(t *testing.T) {
	l, o := launch(t), output(t)
	c := start(t, l, Spec{Command: self(t, "family"), Output: o})
	waitLine(t, o, "family up")
	handles := watch(t, texts(o))
	if len(handles) != 4 || slices.ContainsFunc(handles, ended) {
		t.Fatalf("%d of 4 processes, or one has ended", len(handles))
	}
	c.Kill()
	for i, h := range handles {
		if !ended(h) {
			t.Errorf("process %d of the tree lives after Kill", i)
		}
	}
	waitDone(t, c)
	if got := c.Exit(); got.Code != killedCode || got.Text != "killed by Holdfast" {
		t.Errorf("exit = %+v", got)
	}
}

func TestOrphanIsKilled(t *testing.T) {
	l, o := launch(t), output(t)
	c := start(t, l, Spec{Command: self(t, "parent"), Output: o})
	waitDone(t, c)
	handles := watch(t, texts(o))
	if len(handles) != 1 || ended(handles[0]) {
		t.Fatalf("orphans: %d, want one that lives", len(handles))
	}
	if got := c.Kill(); got < 1 {
		t.Errorf("Kill ended %d orphans", got)
	}
	if !ended(handles[0]) {
		t.Error("the orphan lives after Kill")
	}
}

func TestJobCannotBeLeft(t *testing.T) {
	l, o := launch(t), output(t)
	c := start(t, l, Spec{Command: self(t, "breakaway"), Output: o})
	until(t, "an outcome", func() bool { return slices.Contains(texts(o), "refused") || slices.Contains(texts(o), "family up") })
	handles := watch(t, texts(o))
	c.Kill()
	for _, h := range handles {
		if !ended(h) {
			t.Error("a process left its job")
		}
	}
}

func TestNothingOutlivesAKilledLauncher(t *testing.T) {
	for range 5 {
		argv := self(t, "holdfast")
		cmd := exec.Command(argv[0], argv[1:]...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var lines []string
		for s := bufio.NewScanner(out); s.Scan(); {
			lines = append(lines, s.Text())
			if s.Text() == "family up" {
				break
			}
		}
		handles := watch(t, lines)
		if len(handles) != 4 || slices.ContainsFunc(handles, ended) {
			t.Fatalf("%d of 4 processes, or one has ended: %q", len(handles), lines)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		for i, h := range handles {
			until(t, "end of process "+strconv.Itoa(i), func() bool { return ended(h) })
		}
	}
}

func TestCtrlC(t *testing.T) {
	for _, stop := range []Stop{CtrlC, Sigterm} {
		t.Run(string(stop), func(t *testing.T) {
			l, o := launch(t), output(t)
			c := start(t, l, Spec{Command: self(t, "polite"), Output: o})
			waitLine(t, o, "up")
			if err := c.Signal(stop); err != nil {
				t.Fatal(err)
			}
			waitDone(t, c)
			if got := c.Exit(); got.Code != 7 || !slices.Contains(got.LastLines, "got interrupt") {
				t.Errorf("exit = %+v", got)
			}
		})
	}
}

func TestCtrlBreak(t *testing.T) {
	l, o := launch(t), output(t)
	c := start(t, l, Spec{Command: self(t, "polite"), Output: o})
	waitLine(t, o, "up")
	err := c.Signal(CtrlBreak)
	if onWine() {
		// Wine cannot send it; the error must say so, and the child must live.
		if err == nil {
			t.Error("Wine can send Ctrl-Break now: remove this exception")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	waitDone(t, c)
	if got := c.Exit(); got.Code != 7 {
		t.Errorf("exit = %+v", got)
	}
}

func TestStubbornProgramIsKilled(t *testing.T) {
	l, o := launch(t), output(t)
	c := start(t, l, Spec{Command: self(t, "stubborn"), Output: o})
	waitLine(t, o, "up")
	if err := c.Signal(CtrlC); err != nil {
		t.Error(err)
	}
	c.Kill()
	waitDone(t, c)
	if got := c.Exit(); got.Code != killedCode {
		t.Errorf("exit = %+v", got)
	}
}

func TestBatchScript(t *testing.T) {
	l, o := launch(t), output(t)
	dir := tempDir(t)
	script := "@echo off\r\necho [%~1] [%~2]\r\nexit /b 6\r\n"
	if err := os.WriteFile(filepath.Join(dir, "run me.cmd"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t, l, Spec{Command: []string{`.\run me.cmd`, "one", "two words"}, Dir: dir, Output: o})
	waitDone(t, c)
	got := c.Exit()
	if got.Code != 6 || !slices.Contains(got.LastLines, "[one] [two words]") {
		t.Errorf("exit = %+v", got)
	}
}

func TestEnvironmentBlock(t *testing.T) {
	block := environment([]string{"b=1", "PATH=x", "A=ü", "Path=y", "=C:=C:\\x", "broken"}, `C:\windows`)
	var got []string
	for len(block) > 1 {
		i := slices.Index(block, 0)
		got = append(got, windows.UTF16ToString(block[:i]))
		block = block[i+1:]
	}
	want := []string{`=C:=C:\x`, "A=ü", "b=1", "Path=y", `SYSTEMROOT=C:\windows`}
	if !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if got := environment(nil, ""); len(got) != 2 {
		t.Errorf("empty block: %v", got)
	}
}
