package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

func stopSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

func systemRole(name string, args []string) int {
	switch name {
	case "ctrl": // PID EVENT: the helper
		pid, err := strconv.Atoi(args[0])
		if err != nil {
			return fail(err)
		}
		if err := SendConsoleEvent(pid, args[1]); err != nil {
			return fail(err)
		}
		return 0
	case "family": // prints its pids and waits
		_, _ = fmt.Fprintln(os.Stdout, "pid", os.Getpid())
		for _, flags := range []uint32{0, windows.DETACHED_PROCESS, windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NEW_CONSOLE} {
			if err := descendant(flags); err != nil {
				return fail(err)
			}
		}
		_, _ = fmt.Fprintln(os.Stdout, "family up")
		forever()
	case "parent": // of one that stays, and leaves
		if err := descendant(0); err != nil {
			return fail(err)
		}
		return 0
	case "breakaway": // tries to start a child outside the job
		if err := descendant(windows.CREATE_BREAKAWAY_FROM_JOB); err != nil {
			_, _ = fmt.Fprintln(os.Stdout, "refused")
			return 0
		}
		_, _ = fmt.Fprintln(os.Stdout, "family up")
		forever()
	case "holdfast": // a launcher of one family, whose lines it passes on
		return miniature()
	default:
		return fail(fmt.Errorf("no role %q", name))
	}
	return 0
}

func onWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

// descendant starts one that waits, and prints its pid.
func descendant(flags uint32) error {
	cmd := exec.Command(os.Args[0], "as", "stubborn")
	cmd.SysProcAttr = &windows.SysProcAttr{CreationFlags: flags}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(os.Stdout, "pid", cmd.Process.Pid)
	return nil
}

func miniature() int {
	l := NewLauncher(LauncherOptions{Owner: "miniature"})
	ended := make(chan error, 1)
	go func() { ended <- l.Run(context.Background()) }()
	exe, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	out := NewOutput(OutputOptions{})
	lines := out.Follow(100)
	if _, err := l.Start(Spec{ID: "x-1", Command: []string{exe, "as", "family"}, Dir: `C:\`, Env: os.Environ(), Output: out}); err != nil {
		return fail(err)
	}
	for {
		select {
		case line := <-lines.C():
			_, _ = fmt.Fprintln(os.Stdout, line.Text)
		case <-time.After(time.Minute):
			return fail(<-ended)
		}
	}
}

func openHandles(t *testing.T) int {
	t.Helper()
	var n uint32
	if err := consoleProc("GetProcessHandleCount", uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&n))); err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var created, exited, kernel, user windows.Filetime
	_ = windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &user)
	ticks := func(f windows.Filetime) int64 { return int64(f.HighDateTime)<<32 | int64(f.LowDateTime) }
	return time.Duration(100 * (ticks(kernel) + ticks(user)))
}
