package process

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// startWait is how long Start waits for Run to begin.
const startWait = 10 * time.Second

type launcherSystem struct {
	forks   chan func()   // to the forking thread
	ended   chan struct{} // Run has ended
	began   atomic.Bool
	nonce   uint32
	session int        // our own
	bufs    *sync.Pool // *[]byte, for reading what children write
	groups  func() *groups
	census  census
	kept    kept

	// mu is held from before a fork until the child is registered, and while a child is waited for:
	// so a child is never mistaken for an orphan, and a pid in children is never another process.
	mu       sync.Mutex
	children map[int]*Child    // started and not yet waited for
	trees    map[*Child]bool   // started and not yet known to be gone
	runs     map[uint32]*Child // trees by Child.run
	run      uint32            // number of starts that came to a fork
	starts   uint64            // number of starts
	ending   sync.WaitGroup    // Child.finish
	unmarked sync.Once         // told once that marks do not work
	noClone3 bool              // the system cannot start into a cgroup; used by the forking thread
	forkTID  atomic.Int64      // the forking thread
}

func (l *Launcher) prepare() {
	l.forks = make(chan func())
	l.ended = make(chan struct{})
	l.nonce = rand.Uint32() //nolint:gosec // it tells launchers apart and keeps no secret
	l.bufs = &sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}
	l.children = map[int]*Child{}
	l.trees = map[*Child]bool{}
	l.runs = map[uint32]*Child{}
	l.kept.prepare()
	l.groups = sync.OnceValue(func() *groups { return findGroups(thisHost(), l.owner) })
}

// Enforces tells whether limits of memory and of processor time will be in force for what is
// started, and why not, with the cure. The first call, or Run, takes up the cgroup that was
// delegated to Holdfast, and moves its own processes into a leaf of it.
func (l *Launcher) Enforces() (memory, cpu bool, why string) {
	g := l.groups()
	return g.memory, g.cpu, g.why
}

// Run forks and waits for children until ctx ends; then it kills what still runs and returns. It is
// called once. Start waits for it to begin.
func (l *Launcher) Run(ctx context.Context) error {
	if !l.began.CompareAndSwap(false, true) {
		return errors.New("process launcher: Run was called twice")
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("process launcher: become the parent of orphaned descendants (prctl PR_SET_CHILD_SUBREAPER): %w; Linux 3.4 or later is needed", err)
	}
	sid, err := unix.Getsid(0)
	if err != nil {
		return fmt.Errorf("process launcher: own session: %w", err)
	}
	l.mu.Lock()
	l.session = sid
	l.mu.Unlock()
	l.groups()
	chld := make(chan os.Signal, 1) // one pending signal stands for any number
	signal.Notify(chld, unix.SIGCHLD)
	defer signal.Stop(chld)

	noMore, endThread, stopReaper := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var forker, reaper sync.WaitGroup
	forker.Go(func() { l.fork(noMore, endThread) })
	reaper.Go(func() { l.reapLoop(chld, stopReaper) })

	<-ctx.Done()
	close(l.ended)
	<-noMore
	// The forking thread must not end before the children: its end is their parent-death signal,
	// which reaches them alone and not their descendants.
	l.killAll()
	close(endThread)
	forker.Wait()
	close(stopReaper)
	reaper.Wait()
	l.ending.Wait()
	return nil
}

// fork runs forks on one thread that ends with it: the kernel sends a parent-death signal when the
// thread that forked ends, and Go ends idle threads as it likes (Go issue 27505).
func (l *Launcher) fork(noMore chan<- struct{}, end <-chan struct{}) {
	runtime.LockOSThread() // and never unlock it
	if unix.Gettid() == os.Getpid() {
		// The first thread adopts orphans; in its list of children there shall be nobody else.
		var other sync.WaitGroup
		other.Go(func() { l.fork(noMore, end) })
		other.Wait()
		runtime.UnlockOSThread()
		return
	}
	l.forkTID.Store(int64(unix.Gettid()))
	for {
		select {
		case f := <-l.forks:
			f()
		case <-l.ended:
			close(noMore)
			<-end
			return
		}
	}
}

// onFork runs f on the forking thread.
func (l *Launcher) onFork(f func()) error {
	select {
	case <-l.ended:
		return ErrClosed
	default:
	}
	timer := time.NewTimer(startWait)
	defer timer.Stop()
	done := make(chan struct{})
	select {
	case l.forks <- func() { defer close(done); f() }:
		<-done
		return nil
	case <-l.ended:
	case <-timer.C:
	}
	return ErrClosed
}

func (l *Launcher) killAll() {
	l.mu.Lock()
	left := make([]*Child, 0, len(l.trees))
	for c := range l.trees {
		left = append(left, c)
	}
	l.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range left {
		wg.Go(func() { c.Kill() })
	}
	wg.Wait()
}

func (l *Launcher) reapLoop(chld <-chan os.Signal, stop <-chan struct{}) {
	for {
		l.reap()
		select {
		case <-chld:
		case <-stop:
			l.reap()
			return
		}
	}
}

// reap waits for every child of ours that has ended: those that were started, whose status goes to
// their Child, and adopted ones. Children of somebody else in this process are left alone.
func (l *Launcher) reap() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		pid := peek()
		if pid <= 0 {
			break
		}
		if c := l.children[pid]; c != nil {
			l.collect(pid, c)
		} else if run, ours := l.runOf(pid); ours {
			l.bury(pid, run)
		} else {
			l.reapBehind()
			break
		}
	}
}

// bury waits for an adopted child that has ended. Called with mu held.
func (l *Launcher) bury(pid int, run uint32) {
	var ru unix.Rusage
	got, err := unix.Wait4(pid, nil, unix.WNOHANG, &ru) // the next round tries again
	if c := l.runs[run]; c != nil && got == pid && err == nil {
		c.reapedCPU.Add(int64(cpuTime(ru)))
		c.changed()
	}
}

func cpuTime(ru unix.Rusage) time.Duration {
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// reapBehind asks for our children one by one, since another's ended child stands in front of them.
func (l *Launcher) reapBehind() {
	for pid, c := range l.children {
		l.collect(pid, c)
	}
	kids, err := children(os.Getpid(), int(l.forkTID.Load()))
	if err != nil {
		l.log.Warn("read the list of child processes", zap.Error(err))
	}
	for _, pid := range kids {
		if l.children[pid] != nil {
			continue
		}
		if p, ok := readProc(pid); ok && !p.living {
			if run, ours := l.runOf(pid); ours {
				l.bury(pid, run)
			}
		}
	}
}

// collect waits for one started child if it has ended. Called with mu held.
func (l *Launcher) collect(pid int, c *Child) {
	var ws unix.WaitStatus
	var ru unix.Rusage
	got, err := retryEINTR(func() (int, error) { return unix.Wait4(pid, &ws, unix.WNOHANG, &ru) })
	if got == 0 && err == nil {
		return
	}
	t := totals{cpu: time.Duration(c.reapedCPU.Add(int64(cpuTime(ru))))}
	// Before its first instruction a child shares our own memory, which counts as its peak: getrusage(2).
	if ru.Maxrss > c.ownPeak {
		t.peak = uint64(ru.Maxrss) << 10 //nolint:gosec // positive
	}
	delete(l.children, pid)
	exit := exitOf(ws)
	if err != nil {
		exit = unknownExit(err)
	}
	exit.PID, exit.StartedAt, exit.EndedAt = pid, c.started, time.Now()
	close(c.ended)
	c.changed()
	l.ending.Go(func() { c.finish(exit, t) })
}

// peek is a child that has ended, without waiting for it; 0 when there is none.
func peek() int {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0
		}
		// si_pid follows three ints, aligned as a pointer: sigaction(2), siginfo_t.
		offset := (3*unsafe.Sizeof(info.Signo) + unsafe.Alignof(uintptr(0)) - 1) &^ (unsafe.Alignof(uintptr(0)) - 1)
		return int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), offset))) //nolint:gosec // x/sys hides the field
	}
}

// runOf tells which start a child of this process stems from, and whether it stems from one of ours.
// Whoever is in our own session does not: every child leads another, and none can come back. So a
// child of somebody else in this process is known even when its fork met with one of ours and it
// inherited the mark. Called with mu held.
func (l *Launcher) runOf(pid int) (run uint32, ours bool) {
	p, ok := readProc(pid)
	if !ok || p.session == l.session {
		return 0, false
	}
	if m := readMark(pid); m.valid() {
		return m.run(), m.sameLauncher(newMark(l.owner, l.nonce, 0))
	}
	env := readEnvMark(pid)
	for c := range l.trees {
		if p.session == c.pid || env == l.owner+"/"+c.spec.ID {
			return c.run, true
		}
	}
	return 0, false
}

// members are the living processes of a tree: the leader, the adopted children that stem from it,
// and all their descendants.
func (l *Launcher) members(c *Child) ([]proc, error) {
	// What the forking thread has started is registered; nobody is adopted by it, since adopted
	// children go to the first thread that lives: kernel/exit.c, find_new_reaper.
	kids, err := children(os.Getpid(), int(l.forkTID.Load()))
	if err != nil {
		return nil, fmt.Errorf("list child processes: %w", err)
	}
	var roots []int
	l.mu.Lock()
	if l.children[c.pid] == c {
		roots = append(roots, c.pid)
	}
	for _, pid := range kids {
		if l.children[pid] == nil {
			if run, ours := l.runOf(pid); ours && run == c.run {
				roots = append(roots, pid)
			}
		}
	}
	l.mu.Unlock()
	return below(roots)
}
