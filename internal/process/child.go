package process

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/status"
)

// LastLines is how many of its last lines Child.Exit keeps.
const LastLines = 50

// Child is one started process and its tree. All methods are safe for concurrent use.
type Child struct {
	spec    Spec
	pid     int
	started time.Time
	output  *Output
	// firstSeq is the output's next line when the process started: what came before is not its own.
	firstSeq uint64

	ended chan struct{} // the leader was waited for
	done  chan struct{} // and what it had written was read

	killed atomic.Bool // Kill began while the leader was alive

	measured measured

	mu    sync.Mutex
	exit  status.Exit
	stdin *os.File // our end, for StdinClose

	system // the operating system's side
}

// PID is the process id of the leader.
func (c *Child) PID() int { return c.pid }

// Done is closed when the leader has ended and what it had written by then is in its Output. Its
// descendants may still run; Kill ends them.
func (c *Child) Done() <-chan struct{} { return c.done }

// Exit tells how the leader ended, once Done is closed; before that it is zero. Graceful is left to
// the caller, who knows it, and so is Reason unless it is ReasonMemoryLimit.
func (c *Child) Exit() status.Exit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.exit
}

// conclude publishes the exit: what was written is in the Output.
func (c *Child) conclude(exit status.Exit, t totals) {
	exit.Usage = c.usageAtEnd(t, exit.EndedAt)
	if c.killed.Load() && (exit.Signal == "SIGKILL" || exit.Code == killedCode) {
		exit.Text, exit.Reason = "killed by Holdfast", ""
	}
	if c.output != nil {
		exit.LastLines = c.output.lastOwn(LastLines, c.firstSeq)
	}
	c.mu.Lock()
	c.exit = exit
	c.mu.Unlock()
	close(c.done)
}

// closeStdin is the stop method StdinClose.
func (c *Child) closeStdin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spec.Stop != StdinClose {
		return fmt.Errorf("instance %q: its standard input is not held open: start it with the stop method stdin_close", c.spec.ID)
	}
	if c.stdin == nil {
		return nil
	}
	err := c.stdin.Close()
	c.stdin = nil
	return err
}
