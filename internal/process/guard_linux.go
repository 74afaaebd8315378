package process

import (
	"fmt"
	"math"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// envGuardian tells the worker that it is one: "<pid of the guardian>".
	envGuardian = "HOLDFAST_GUARDIAN"
	// guardianFD is the worker's end of a pipe whose other end the guardian alone holds.
	guardianFD = 3
	// workerName is the worker's name in ps. It differs from the program's so that killall and pkill
	// reach the guardian only: a stop signal to both would count as two.
	workerName = "hf-worker"
)

// Guard is called first of all by a program that is to run a Launcher. In the process that the user
// started, the guardian, it starts the same program again as the worker, forwards signals to it, and
// returns with the worker's exit code and guarded set once the worker has ended and nothing below
// it is left; if a signal ended the worker, the same signal ends the guardian. In the worker it
// returns at once, with guarded unset: go on.
//
// The guardian hands down standard streams and environment, so the worker notifies systemd itself:
// the unit needs NotifyAccess=all, and KillMode=mixed, since with control-group a stop would reach
// the worker twice. The worker leads a process group of its own, so a terminal's Ctrl-C reaches it
// once, through the guardian.
func Guard() (code int, guarded bool, err error) {
	if isWorker() {
		work()
		return 0, false, nil
	}
	code, err = guard()
	if err != nil {
		return 0, false, fmt.Errorf("guardian: %w", err)
	}
	return code, true, nil
}

// isWorker believes the variable only from our own parent: it may have been handed down by mistake.
func isWorker() bool {
	parent, ok := os.LookupEnv(envGuardian)
	if !ok {
		return false
	}
	_ = os.Unsetenv(envGuardian) // a nested Holdfast must not take itself for a worker
	var st unix.Stat_t
	pipe := unix.Fstat(guardianFD, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO
	// A guardian that has died by now is not our parent any more, and its pipe is at its end.
	return pipe && (parent == strconv.Itoa(os.Getppid()) || atEnd(guardianFD))
}

func atEnd(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // a descriptor fits
	n, err := unix.Poll(p, 0)
	return err == nil && n == 1 && p[0].Revents&unix.POLLHUP != 0
}

// work prepares the worker. Its goroutine lives as long as the process.
func work() {
	// Whatever else was open when the user started us is not for the programs that we start.
	if unix.CloseRange(guardianFD, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) != nil {
		unix.CloseOnExec(guardianFD) // Linux before 5.11
	}
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // Launcher.Run says so if it fails
	_ = os.WriteFile("/proc/self/comm", []byte(workerName), 0o600)
	// A process group in the background may not write to a terminal set to tostop, unless it
	// ignores the signal.
	signal.Ignore(unix.SIGTTOU)
	_ = unix.SetNonblock(guardianFD, true)
	pipe := os.NewFile(guardianFD, "guardian")
	go func() {
		_, _ = pipe.Read(make([]byte, 1)) // nobody writes: it returns when the guardian is gone
		endWithGuardian()
	}()
}

// endWithGuardian kills everything below the worker and then the worker, at once: whoever kills the
// guardian without a word wants all of it gone.
func endWithGuardian() {
	syscall.ForkLock.Lock() // from here on this process starts no other
	_, _, _ = sweep(belowSelf, time.Now().Add(sweepTime), time.Sleep)
	waitAny(0) // the init of a container may be one that waits for nobody
	syscall.Exit(1)
}

func belowSelf() ([]proc, error) {
	kids, err := children(os.Getpid(), 0)
	if err != nil {
		return nil, err
	}
	return below(kids)
}

// guard is the guardian.
func guard() (code int, err error) {
	runtime.LockOSThread() // the parent-death signal belongs to the thread that forks
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("become the parent of orphaned descendants (prctl PR_SET_CHILD_SUBREAPER): %w; Linux 3.4 or later is needed", err)
	}
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, unix.SIGCHLD)
	for _, s := range []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGABRT} {
		// nohup stays in force. That a shell without job control starts its background programs with
		// SIGINT and SIGQUIT ignored is no wish that an explicit signal should have no effect.
		if s != unix.SIGHUP || !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	var alive [2]int
	if err := unix.Pipe2(alive[:], unix.O_CLOEXEC); err != nil {
		return 0, fmt.Errorf("make a pipe: %w", err)
	}
	worker, err := syscall.ForkExec("/proc/self/exe", os.Args, &syscall.ProcAttr{ //nolint:gosec // ourselves, as we were started
		Env:   workerEnv(),
		Files: []uintptr{0, 1, 2, uintptr(alive[0])},
		// A worker that somebody stopped must wake up when the guardian dies, or it could end nothing.
		Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGCONT},
	})
	if err != nil {
		return 0, fmt.Errorf("start the worker: %w", err)
	}
	_ = unix.Close(alive[0])
	shed()

	end := attend(worker, signals)
	_, _, _ = sweep(belowSelf, time.Now().Add(sweepTime), func(d time.Duration) {
		waitAny(worker)
		time.Sleep(d)
	})
	waitAny(worker)
	return endAs(end), nil
}

// shed gives back what starting has touched; from now on the guardian only waits. Most of it is the
// program's own file, which every package's start-up code has paged in: it leaves our resident set
// and is paged in again where it is still needed.
func shed() {
	defer debug.FreeOSMemory()
	maps, err := readSmall("/proc/self/smaps")
	if err != nil {
		return
	}
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for _, m := range cleanMappings(string(maps), exe) {
		// Without effect on contents: no page of it was ever written.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m[0], m[1]-m[0], unix.MADV_DONTNEED)
	}
}

// cleanMappings are the address ranges of smaps that map path read-only and hold no page of their
// own (a relocated one, for example): proc_pid_smaps(5).
func cleanMappings(smaps, path string) (ranges [][2]uintptr) {
	var at [2]uintptr
	candidate := false
	for line := range strings.Lines(smaps) {
		f := strings.Fields(line)
		switch {
		case len(f) >= 6 && strings.Contains(f[0], "-"):
			from, to, _ := strings.Cut(f[0], "-")
			a, err1 := strconv.ParseUint(from, 16, 64)
			b, err2 := strconv.ParseUint(to, 16, 64)
			at = [2]uintptr{uintptr(a), uintptr(b)}
			candidate = err1 == nil && err2 == nil && !strings.Contains(f[1], "w") && strings.HasSuffix(strings.TrimSpace(line), " "+path)
		case candidate && len(f) == 3 && f[0] == "Anonymous:" && f[1] == "0":
			ranges = append(ranges, at)
		}
	}
	return ranges
}

// workerEnv is our own environment. systemd names the guardian as the process that must feed the
// watchdog; without WATCHDOG_PID the worker may: sd_watchdog_enabled(3).
func workerEnv() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "WATCHDOG_PID=") || strings.HasPrefix(kv, envGuardian+"=")
	})
	return append(env, envGuardian+"="+strconv.Itoa(os.Getpid()))
}

// attend forwards signals until the worker ends. timeout(1), for one, sends its signal to the
// process and to the process group: within echo a second one is the same wish and not a second. A
// hang-up always goes on: what it asks for may be read again at no harm, and must not be missed.
func attend(worker int, signals <-chan os.Signal) unix.WaitStatus {
	const echo = 50 * time.Millisecond
	sent := map[os.Signal]time.Time{}
	for {
		s := <-signals
		if s == unix.SIGCHLD {
			if end, ended := waitAny(worker); ended {
				return end
			}
			continue
		}
		if sig, ok := s.(syscall.Signal); ok && (s == unix.SIGHUP || time.Since(sent[s]) > echo) {
			sent[s] = time.Now()
			_ = unix.Kill(worker, sig) // it is ours and not waited for: it is there, dead or alive
		}
	}
}

// waitAny waits for whatever has ended, and tells of the worker.
func waitAny(worker int) (end unix.WaitStatus, ended bool) {
	for {
		var ws unix.WaitStatus
		pid, err := retryEINTR(func() (int, error) { return unix.Wait4(-1, &ws, unix.WNOHANG, nil) })
		if pid <= 0 || err != nil {
			return end, ended
		}
		if pid == worker {
			end, ended = ws, true
		}
	}
}

// endAs is the exit code for the worker's end. A signal that ends programs without more ado ends
// the guardian as well, so that a shell or systemd sees what happened.
func endAs(end unix.WaitStatus) int {
	if !end.Signaled() {
		return end.ExitStatus()
	}
	sig := end.Signal()
	switch sig { //nolint:exhaustive // the others would write a core or a stack of the guardian
	case unix.SIGKILL, unix.SIGTERM, unix.SIGINT, unix.SIGHUP:
		signal.Reset(sig)
		_ = unix.Kill(os.Getpid(), sig)
		time.Sleep(time.Second) // the signal is on its way
	default:
	}
	return 128 + int(sig)
}
