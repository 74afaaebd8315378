package process

import (
	"sync/atomic"

	"holdfast/internal/status"
)

// Follower is a subscription to the lines of an Output from its start on.
type Follower struct {
	out     *Output
	lines   chan status.Line
	dropped atomic.Uint64
}

// Follow subscribes to the lines to come; up to buffer of them (at least 1) wait for a slow reader,
// the rest are dropped and counted. For the past as well, Follow first, then Tail, and leave out
// the lines whose Seq was seen already.
func (o *Output) Follow(buffer int) *Follower {
	f := &Follower{out: o, lines: make(chan status.Line, max(1, buffer))}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		close(f.lines)
		return f
	}
	o.followers[f] = struct{}{}
	return f
}

// C gives the lines. It is closed by Close, and when the Output is closed.
func (f *Follower) C() <-chan status.Line { return f.lines }

// Dropped counts the lines that did not fit into the buffer.
func (f *Follower) Dropped() uint64 { return f.dropped.Load() }

// Close ends the subscription. It may be called again.
func (f *Follower) Close() {
	f.out.mu.Lock()
	defer f.out.mu.Unlock()
	f.out.drop(f)
}

// offer is called with the Output's mu held.
func (f *Follower) offer(l status.Line) {
	select {
	case f.lines <- l:
	default:
		f.dropped.Add(1)
	}
}

// drop is called with mu held.
func (o *Output) drop(f *Follower) {
	if _, ok := o.followers[f]; ok {
		delete(o.followers, f)
		close(f.lines)
	}
}
