package process

import (
	"fmt"
	"sync"
	"time"

	"holdfast/internal/status"
)

// usageAge is for how long what is read of the whole machine serves for measuring further trees.
const usageAge = 500 * time.Millisecond

// measured keeps what Child.Usage said last.
type measured struct {
	mu   sync.Mutex // held while measuring
	last status.Usage
}

// totals are what the system tells about a process that has ended.
type totals struct {
	cpu  time.Duration // of it and of the descendants that it waited for
	peak uint64        // most resident memory in bytes, 0 when unknown
}

// Usage measures what the whole tree uses now; Usage.CPU is left to the caller, who knows the
// measurement before. Once the tree is gone, its error wraps os.ErrProcessDone.
func (c *Child) Usage() (status.Usage, error) {
	c.measured.mu.Lock()
	defer c.measured.mu.Unlock()
	u, err := c.measure(time.Now())
	if err != nil {
		return status.Usage{}, fmt.Errorf("instance %q: usage: %w", c.spec.ID, err)
	}
	// A process that ends between two looks must not make a counter run backwards.
	u.CPUSeconds = max(u.CPUSeconds, c.measured.last.CPUSeconds)
	u.PeakMemory = max(u.PeakMemory, u.Memory, c.measured.last.PeakMemory)
	c.measured.last = u
	return u, nil
}

// usageAtEnd is the newest measurement with the totals of the end; nil when neither is known.
func (c *Child) usageAtEnd(t totals, at time.Time) *status.Usage {
	c.measured.mu.Lock()
	defer c.measured.mu.Unlock()
	u := c.measured.last
	if u.Time.IsZero() {
		if t == (totals{}) {
			return nil
		}
		u.Time = at
	}
	u.CPUSeconds = max(u.CPUSeconds, t.cpu.Seconds())
	u.PeakMemory = max(u.PeakMemory, t.peak)
	return &u
}
