package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func stopSignals() []os.Signal {
	return []os.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM, unix.SIGPIPE}
}

func systemRole(name string, args []string) int {
	switch name {
	case "family": // TOKEN: a child, escaped grandchildren in many disguises, then waits
		return family(args[0], true)
	case "orphans": // the same, but leaves at once
		return family(args[0], false)
	case "escape": // TOKEN [wipe]: leaves a "stubborn" one in a session of its own and ends
		return escape(args[0], args[1:])
	case "spawner": // forks children in new sessions for ever
		for {
			cmd := again(true, "escape", args...)
			cmd.Env = []string{"GORACE=" + noRaceSleep}
			if cmd.Run() != nil {
				return 1
			}
		}
	case "die": // by a signal
		sig, _ := strconv.Atoi(args[0])
		_ = unix.Kill(os.Getpid(), unix.Signal(sig))
		forever()
	case "holdfast": // TOKEN N: a guarded launcher of N families
		return miniature(args)
	case "starved":
		return starved()
	case "enforces": // prints what a Launcher says, and the cgroup it is in
		memory, cpu, why := NewLauncher(LauncherOptions{Owner: args[0]}).Enforces()
		own, _ := os.ReadFile("/proc/self/cgroup")
		_, _ = fmt.Fprintf(os.Stdout, "%v %v %q %s", memory, cpu, why, own)
		return 0
	case "first": // says whether a Launcher that is begun by the first thread forks with it
		return first()
	case "signalled": // guarded; prints what reaches the worker
		return signalled(args)
	default:
		return fail(fmt.Errorf("no role %q", name))
	}
	return 0
}

func family(token string, stay bool) int {
	if err := again(false, "wait", token).Start(); err != nil {
		return fail(err)
	}
	for _, disguise := range [][]string{{"plain"}, {"bare"}, {"quiet"}, {"quiet", "bare"}} {
		cmd := again(slices.Contains(disguise, "quiet"), "escape", token)
		if slices.Contains(disguise, "bare") {
			cmd.Env = []string{"GORACE=" + noRaceSleep}
		}
		if err := cmd.Run(); err != nil {
			return fail(err)
		}
	}
	_, _ = fmt.Fprintln(os.Stdout, "family up")
	if stay {
		forever()
	}
	return 0
}

func escape(token string, _ []string) int {
	cmd := again(false, "stubborn", token)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = os.Environ()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fail(err)
	}
	return 0
}

// bearing are the living processes that have token as an argument.
func bearing(t *testing.T, token string) []int {
	t.Helper()
	all, err := pids("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, pid := range all {
		data, err := readSmall("/proc/" + strconv.Itoa(pid) + "/cmdline")
		if err != nil || !slices.Contains(strings.Split(string(data), "\x00"), token) {
			continue
		}
		if p, ok := readProc(pid); ok && p.living {
			found = append(found, pid)
		}
	}
	return found
}

func token(t *testing.T) string {
	t.Helper()
	tok := fmt.Sprintf("token-%d-%p", os.Getpid(), t)
	t.Cleanup(func() {
		for _, pid := range bearing(t, tok) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	})
	return tok
}

func miniature(args []string) int {
	if code, guarded, err := Guard(); err != nil {
		return fail(err)
	} else if guarded {
		return code
	}
	n, _ := strconv.Atoi(args[1])
	l := NewLauncher(LauncherOptions{Owner: args[0]})
	ctx := context.Background()
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	if left, err := l.ReapLeftovers(); err != nil {
		return fail(err)
	} else if left > 0 {
		_, _ = fmt.Fprintln(os.Stdout, "leftovers", left)
	}
	_, _ = fmt.Fprintln(os.Stdout, "worker", os.Getpid())
	exe, _ := os.Executable()
	var outs []*Output
	for i := range n {
		outs = append(outs, NewOutput(OutputOptions{Instance: "x"}))
		if _, err := l.Start(Spec{ID: "x-" + strconv.Itoa(i), Command: []string{exe, "as", "family", args[0]}, Dir: "/", Env: os.Environ(), Output: outs[i]}); err != nil {
			return fail(err)
		}
	}
	for _, o := range outs {
		for !slices.Contains(texts(o), "family up") {
			time.Sleep(time.Millisecond)
		}
	}
	_, _ = fmt.Fprintln(os.Stdout, "up")
	return fail(<-ended)
}

func signalled(args []string) int {
	if code, guarded, err := Guard(); err != nil {
		return fail(err)
	} else if guarded {
		return code
	}
	c := make(chan os.Signal, 8)
	signal.Notify(c, stopSignals()...)
	_, _ = fmt.Fprintln(os.Stdout, "worker", os.Getpid())
	want, _ := strconv.Atoi(args[1])
	for range want {
		_, _ = fmt.Fprintln(os.Stdout, "got", <-c)
	}
	code, _ := strconv.Atoi(args[2])
	if code < 0 {
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		forever()
	}
	return code
}

// command is this binary in a role, outside of any Launcher.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	argv := self(t, name, args...)
	return exec.Command(argv[0], argv[1:]...)
}

func openHandles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

// onFirst keeps main on the first thread, as only initialisation can: runtime.LockOSThread.
var onFirst = func() bool {
	first := len(os.Args) > 2 && os.Args[2] == "first"
	if first {
		runtime.LockOSThread()
	}
	return first
}()

func first() int {
	if !onFirst || unix.Gettid() != os.Getpid() {
		return fail(fmt.Errorf("main runs on thread %d of process %d", unix.Gettid(), os.Getpid()))
	}
	l := NewLauncher(LauncherOptions{Owner: "first"})
	noMore, end := make(chan struct{}), make(chan struct{})
	go func() {
		if err := l.onFork(func() {
			if unix.Gettid() == os.Getpid() {
				_, _ = fmt.Fprintln(os.Stdout, "the first thread forks")
			} else {
				_, _ = fmt.Fprintln(os.Stdout, "another thread forks")
			}
		}); err != nil {
			_, _ = fmt.Fprintln(os.Stdout, err)
		}
		close(l.ended)
		<-noMore
		close(end)
	}()
	l.fork(noMore, end)
	return 0
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var ru unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &ru)
	return cpuTime(ru)
}
