package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/windows"

	"holdfast/internal/status"
)

const (
	// sweepTime bounds how long a tree may take to die.
	sweepTime = 5 * time.Second
	// closeReaders is how long the pipes may take to end after the tree is gone.
	closeReaders = 250 * time.Millisecond
	// settleTime is how long the end of a leader waits for what it wrote last.
	settleTime = 50 * time.Millisecond
	// helperTime bounds the helper that sends a console event.
	helperTime = 10 * time.Second
)

type system struct {
	launcher *Launcher
	process  windows.Handle
	job      job
	captures []*capture
	readers  sync.WaitGroup
	meter    meter

	killing sync.Mutex
	closed  bool // job and process are given back
}

// wait holds a thread until the leader has ended.
func (c *Child) wait() {
	exit := status.Exit{}
	var code uint32
	if _, err := windows.WaitForSingleObject(c.process, windows.INFINITE); err != nil {
		exit = unknownExit(err)
	} else if err := windows.GetExitCodeProcess(c.process, &code); err != nil {
		exit = unknownExit(err)
	} else {
		exit.Code, exit.Text = int64(code), windowsCode(code)
	}
	exit.PID, exit.StartedAt, exit.EndedAt = c.pid, c.started, time.Now()
	close(c.ended)
	t := c.atEnd(&exit)
	c.settle()
	c.conclude(exit, t)
}

// settle waits until what the leader wrote has been read: to the end of the pipes, or, when a
// descendant holds them, until they are found empty twice.
func (c *Child) settle() {
	end := time.NewTimer(settleTime)
	defer end.Stop()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for _, s := range c.captures {
		for quiet := 0; quiet < 2; {
			select {
			case <-s.ended:
				quiet = 2
			case <-end.C:
				return
			case <-look.C:
				if n, err := c.job.active(); err == nil && n > 0 && s.empty() {
					quiet++
				}
			}
		}
		s.flush()
	}
}

// Signal asks the process to end: Sigterm and CtrlC are a Ctrl-C and CtrlBreak a Ctrl-Break to
// everything on its console, sent by a helper process, since it takes attaching to that console. It
// returns os.ErrProcessDone when the leader has ended.
func (c *Child) Signal(s Stop) error {
	switch s {
	case Sigterm, CtrlC:
		return c.console("c")
	case CtrlBreak:
		return c.console("break")
	case StdinClose:
		return c.closeStdin()
	default:
		return fmt.Errorf("instance %q: unknown stop method %q", c.spec.ID, s)
	}
}

func (c *Child) console(event string) error {
	select {
	case <-c.ended:
		return os.ErrProcessDone
	default:
	}
	if len(c.launcher.helper) == 0 {
		return fmt.Errorf("instance %q: no helper to send a console event", c.spec.ID)
	}
	ctx, cancel := context.WithTimeout(context.Background(), helperTime)
	defer cancel()
	args := append(c.launcher.helper[1:len(c.launcher.helper):len(c.launcher.helper)], strconv.Itoa(c.pid), event)
	cmd := exec.CommandContext(ctx, c.launcher.helper[0], args...) //nolint:gosec // our own executable
	cmd.SysProcAttr = &windows.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("instance %q: send %s to process %d: %w: %s", c.spec.ID, event, c.pid, err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// Kill terminates the job and returns when all in it is gone, but after five seconds at the latest.
// What the tree wrote is in the Output then, and the handles are given back. It says how many processes besides the leader it had to end, and may be called again.
func (c *Child) Kill() int {
	c.killing.Lock()
	defer c.killing.Unlock()
	if c.closed {
		return 0
	}
	select {
	case <-c.ended:
	default:
		c.killed.Store(true)
	}
	deadline := time.Now().Add(sweepTime)
	orphans := c.job.others(c.pid)
	left, err := c.job.terminate(deadline)
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		left++
	}
	if left > 0 || err != nil {
		c.launcher.log.Error("processes of an instance cannot be killed", zap.String("instance", c.spec.ID),
			zap.Int("pid", c.pid), zap.Int("left", left), zap.Error(err))
	} else {
		c.release()
	}
	return orphans
}

// Close is Kill, and gives back the job and the pipes even when something could not be killed. It
// may be called again.
func (c *Child) Close() error {
	c.Kill()
	c.killing.Lock()
	defer c.killing.Unlock()
	c.release()
	return nil
}

// release gives back the job and the process, and the pipes once they have been read to their end.
// Called with killing held.
func (c *Child) release() {
	if c.closed {
		return
	}
	c.closed = true
	c.stopMeasuring()
	c.job.close() // whatever would not die gets it from the kernel once more
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
		case <-timer.C: // somebody outside the job holds the pipe
			for _, s := range c.captures {
				s.close()
			}
		}
	}
	c.readers.Wait()
	c.launcher.mu.Lock()
	delete(c.launcher.trees, c)
	c.launcher.mu.Unlock()
	select {
	case <-c.done:
		_ = windows.CloseHandle(c.process)
	default: // it hangs in the kernel, and its handle is still waited on
	}
}
