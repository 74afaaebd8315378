package health

import (
	"context"
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	// grid is what the turns of checks are rounded to. Those of one slot begin together: to wake the
	// process costs as much as a check.
	grid = 50 * time.Millisecond
	// offsets is how many slots there are for instances: a minute's, so that every usual period is
	// filled evenly.
	offsets = uint64(time.Minute / grid)
	// golden is 2^64 divided by the golden ratio: multiples of it fall apart evenly, however many there
	// are (Knuth, The Art of Computer Programming, vol. 3, 6.4).
	golden = 0x9E3779B97F4A7C15
)

// pace spreads checks over their period. All turns are counted from one moment on the monotonic
// clock: a clock that jumps changes nothing.
type pace struct {
	began time.Time
	given atomic.Uint64
}

// offset gives the next instance its place on the grid.
func (p *pace) offset() time.Duration {
	slot, _ := bits.Mul64(p.given.Add(1)*golden, offsets)
	return time.Duration(slot) * grid //nolint:gosec // below offsets
}

// turn is when a probe is checked: every period, at its phase. Probes of one offset have their turns
// at the same moments where their periods allow.
type turn struct {
	began         time.Time
	period, phase time.Duration
}

func (p *pace) turn(offset, period time.Duration) turn {
	return turn{began: p.began, period: period, phase: offset % period}
}

// next is how long it is from now to the next check; never 0, and a turn that was missed is not made
// up for.
func (t turn) next(now time.Time) time.Duration {
	since := (now.Sub(t.began) - t.phase) % t.period
	if since < 0 {
		since += t.period
	}
	return t.period - since
}

// pause is a timer that is used again and again.
type pause struct{ timer *time.Timer }

func newPause() pause {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return pause{timer}
}

// sleep waits for d or for the end of ctx, whose error it returns.
func (p pause) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	p.timer.Reset(d)
	select {
	case <-ctx.Done():
		p.timer.Stop()
		return ctx.Err()
	case <-p.timer.C:
		return nil
	}
}
