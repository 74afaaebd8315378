package supervise

import (
	"slices"
	"sync"
)

// crowded is when an inbox begins to let newer inputs replace older ones of their kind.
const crowded = 32

// inbox holds what was sent to an instance. Sending never waits, so that an instance whose process
// cannot be started or ended in time keeps nobody else; the newest word counts, so that it is bounded
// all the same: a crowded inbox has at most one input of each kind from each side.
type inbox struct {
	mu    sync.Mutex
	queue []input
	// left is set once the instance was told to leave for good.
	left bool
	// wake has an element while the queue is not empty.
	wake chan struct{}
}

func (b *inbox) put(in input) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, leaves := in.(leaveInput); leaves {
		// What was wished before is moot: one that had to wait until now does not start a process only
		// to end it.
		b.left = true
		b.queue = slices.DeleteFunc(b.queue, dismiss)
	} else if b.left && dismiss(in) {
		return // it must not come back to life
	}
	q := b.queue
	if len(q) >= crowded {
		if n := slices.IndexFunc(q, func(old input) bool { return replaces(in, old) }); n >= 0 {
			if s, ok := q[n].(settle); ok {
				close(s.done)
			}
			q = slices.Delete(q, n, n+1)
		}
	}
	b.queue = append(q, in)
	b.ring()
}

// dismiss reports whether an input is a wish, which no longer counts for an instance that leaves, and
// tells whoever waits for it.
func dismiss(in input) bool {
	switch in := in.(type) {
	case settle:
		close(in.done)
		return true
	case startInput, stopInput, restartInput, maintainInput:
		return true
	}
	return false
}

// take removes the oldest input.
func (b *inbox) take() (input, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queue
	if len(q) == 0 {
		return nil, false
	}
	in := q[0]
	if q = slices.Delete(q, 0, 1); len(q) == 0 {
		q = nil // an idle instance holds no queue
	} else {
		b.ring()
	}
	b.queue = q
	return in, true
}

func (b *inbox) ring() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// replaces reports whether a newer input makes an older one needless. That an instance is to leave is
// never forgotten.
func replaces(in, old input) bool {
	if _, leaves := old.(leaveInput); leaves {
		return false
	}
	_, newTold := in.(told)
	_, oldTold := old.(told)
	return newTold == oldTold && in.kind() == old.kind()
}
