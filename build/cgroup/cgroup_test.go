//go:build cgroup && linux

package cgroup

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bootTime bounds the kernel's whole life; a busy machine takes a tenth of it.
const bootTime = 10 * time.Minute

func TestLimitsOnARealKernel(t *testing.T) {
	kernel, err := exec.LookPath("linux.uml")
	if err != nil {
		t.Fatalf("%v: apt-get install user-mode-linux", err)
	}
	// Not below /run or /dev, which are other file systems in there.
	dir := workDir(t)
	build(t, "build", "-o", filepath.Join(dir, "init"), "./build/cgroup/init")
	build(t, "test", "-c", "-tags", "cgroup", "-o", filepath.Join(dir, "process.test"), "./internal/process")

	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, kernel, "mem=512M", "rootfstype=hostfs", "rootflags=/", "ro", "uml_dir="+dir, "umid=cgroup",
		"con=null", "con0=null,fd:1", "panic=-1", "quiet", "loglevel=1", "init="+filepath.Join(dir, "init"),
		"--", filepath.Join(dir, "process.test"), "-test.v", "-test.run=^TestCgroup")
	// Its memory is a file that it maps executable: not every /tmp allows that.
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var log []string
	passed, end := 0, ""
	for s := bufio.NewScanner(out); s.Scan(); {
		line := strings.TrimRight(s.Text(), "\r ")
		log = append(log, line)
		if code, ok := strings.CutPrefix(line, "init: exit "); ok {
			end = code
		}
		if name, ok := strings.CutPrefix(strings.TrimLeft(line, " "), "--- PASS: "); ok {
			passed++
			name, _, _ = strings.Cut(name, " ")
			t.Run(strings.TrimPrefix(name, "TestCgroup"), func(*testing.T) {}) // so that it is counted
		}
	}
	err = cmd.Wait()
	if end != "0" || passed == 0 {
		t.Errorf("%d tests passed, exit code %q, kernel: %v\n%s", passed, end, err, strings.Join(log, "\n"))
	}
}

func build(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func workDir(t *testing.T) string {
	t.Helper()
	out, err := filepath.Abs(filepath.Join("..", "out"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(out, "cgroup") //nolint:usetesting // t.TempDir may be below /run or forbid execution
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	// Users who are not root must reach the programs in it.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
