package process

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"holdfast/internal/status"
)

// closeReaders is how long the pipes may take to end after the tree is gone.
const closeReaders = 250 * time.Millisecond

type system struct {
	launcher *Launcher
	run      uint32
	captures []*capture
	readers  sync.WaitGroup

	group     *group // nil without cgroups
	meter     meter
	reapedCPU atomic.Int64  // nanoseconds of the leader and of adopted descendants that have ended
	ownPeak   int64         // the most resident memory in KiB that we ourselves had by its start
	ends      chan struct{} // gets one when the leader or an adopted descendant was waited for

	killing sync.Mutex
}

// finish completes the exit once the leader has been waited for.
func (c *Child) finish(exit status.Exit, t totals) {
	for _, s := range c.captures {
		s.drain()
	}
	c.group.judge(&exit, &t)
	c.conclude(exit, t)
}

// changed lets Kill look again.
func (c *Child) changed() {
	select {
	case c.ends <- struct{}{}:
	default:
	}
}

// Signal asks the process to end. POSIX signals go to its whole process group, as a terminal's
// Ctrl-C does: a shell or npm in front of the real program does not pass them on. It returns
// os.ErrProcessDone when the leader has ended.
func (c *Child) Signal(s Stop) error {
	switch s {
	case Sigterm:
		return c.signalGroup(unix.SIGTERM)
	case CtrlC, CtrlBreak:
		return c.signalGroup(unix.SIGINT)
	case StdinClose:
		return c.closeStdin()
	default:
		return fmt.Errorf("instance %q: unknown stop method %q", c.spec.ID, s)
	}
}

func (c *Child) signalGroup(sig unix.Signal) error {
	c.launcher.mu.Lock()
	defer c.launcher.mu.Unlock()
	if c.launcher.children[c.pid] != c {
		return os.ErrProcessDone
	}
	if err := unix.Kill(-c.pid, sig); err != nil {
		return fmt.Errorf("instance %q: send %s: %w", c.spec.ID, unix.SignalName(sig), err)
	}
	return nil
}

// Kill ends the whole tree and returns when it is gone, but after five seconds at the latest: a
// process that hangs in the kernel or belongs to another user is logged and left. What the tree wrote
// is in the Output then, and the pipes are given back. It says how many processes besides the leader
// it had to end, and may be called again.
func (c *Child) Kill() int {
	c.killing.Lock()
	defer c.killing.Unlock()
	l := c.launcher
	select {
	case <-c.ended:
	default:
		c.killed.Store(true)
	}
	deadline := time.Now().Add(sweepTime)
	members := c.group.members()
	c.group.kill()
	killed, left, err := sweep(func() ([]proc, error) {
		found, err := l.members(c)
		if err != nil {
			_ = c.signalGroup(unix.SIGKILL) // no descriptor left to look around, for example
		}
		return found, err
	}, deadline, c.waitChange)
	l.reap() // what was just killed, without waiting for the signal that tells of it
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		left++
	}
	if left > 0 || err != nil {
		l.log.Error("processes of an instance cannot be killed", zap.String("instance", c.spec.ID),
			zap.Int("pid", c.pid), zap.Int("left", left), zap.Error(err))
	} else {
		l.mu.Lock()
		delete(l.trees, c)
		delete(l.runs, c.run)
		l.mu.Unlock()
		c.release()
		if err := c.group.remove(); err != nil {
			l.log.Warn("an instance's control group is left until the next start of Holdfast", zap.String("instance", c.spec.ID), zap.Error(err))
		}
	}
	orphans := map[int]bool{}
	for _, pid := range members {
		orphans[pid] = true
	}
	for _, p := range killed {
		orphans[p.pid] = true
	}
	delete(orphans, c.pid)
	return len(orphans)
}

// waitChange waits until something of the tree was waited for, d at most.
func (c *Child) waitChange(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.ends:
	case <-timer.C:
	}
}

// Close is Kill, and gives back the pipes even when something could not be killed. It may be called
// again.
func (c *Child) Close() error {
	c.Kill()
	c.killing.Lock()
	defer c.killing.Unlock()
	c.release()
	return nil
}

// release gives back the pipes once they have been read to their end. Called with killing held.
func (c *Child) release() {
	c.stopMeasuring()
	c.mu.Lock()
	stdin := c.stdin
	c.stdin = nil
	c.mu.Unlock()
	if stdin != nil {
		_ = stdin.Close() // nobody is left to read it
	}
	timer := time.NewTimer(closeReaders)
	defer timer.Stop()
	for _, s := range c.captures {
		select {
		case <-s.ended:
		case <-timer.C: // somebody outside the tree holds the pipe
			for _, s := range c.captures {
				s.close()
			}
		}
	}
	c.readers.Wait()
}
