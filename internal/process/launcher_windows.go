package process

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/windows"
)

type launcherSystem struct {
	began atomic.Bool
	bufs  *sync.Pool

	jobs     jobSystem
	enforced func() enforced
	threads  threadCount

	mu     sync.Mutex
	closed bool
	trees  map[*Child]bool // started and not yet closed
	ending sync.WaitGroup  // one waiting goroutine per child
}

func (l *Launcher) prepare() {
	l.bufs = &sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}
	l.trees = map[*Child]bool{}
	l.jobs = windowsJobs{}
	l.enforced = sync.OnceValue(func() enforced { return tryLimits(l.jobs) })
	if len(l.helper) == 0 {
		if exe, err := os.Executable(); err == nil {
			l.helper = []string{exe, "internal-ctrl"}
		}
	}
}

// Run waits for ctx to end; then it kills what still runs and returns. It is called once.
func (l *Launcher) Run(ctx context.Context) error {
	if !l.began.CompareAndSwap(false, true) {
		return errors.New("process launcher: Run was called twice")
	}
	// A process started with CREATE_NEW_PROCESS_GROUP ignores Ctrl-C, and so would its children.
	_ = consoleProc("SetConsoleCtrlHandler", 0, 0) // without it Ctrl-C may be lost, the grace period ends it
	<-ctx.Done()
	l.mu.Lock()
	l.closed = true
	var wg sync.WaitGroup
	for c := range l.trees {
		wg.Go(func() { c.Kill() })
	}
	l.mu.Unlock()
	wg.Wait()
	l.ending.Wait()
	return nil
}

// Enforces tells whether limits of memory and of processor time will be in force for what is
// started, and why not, with the cure.
func (l *Launcher) Enforces() (memory, cpu bool, why string) {
	e := l.enforced()
	return e.memory, e.cpu, e.why
}

// ReapLeftovers finds nothing: the kernel ends a job with the process that held it.
func (l *Launcher) ReapLeftovers() (int, error) { return 0, nil }

// consoleProc calls a function of kernel32 that returns a BOOL.
func consoleProc(name string, args ...uintptr) error {
	r, _, err := windows.NewLazySystemDLL("kernel32.dll").NewProc(name).Call(args...)
	if r == 0 {
		return err
	}
	return nil
}
