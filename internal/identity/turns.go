package identity

import (
	"context"
	"errors"
	"hash/maphash"
)

// ErrBusy says that too many passwords are being checked to check one more.
var ErrBusy = errors.New("too many passwords are being checked")

// hashesAtOnce is how many passwords are checked at the same time: each takes as much memory as its hash
// says, 64 MiB where it was made by Holdfast and 256 MiB at most.
const hashesAtOnce = 2

// Turns bound how many passwords are checked at once. They are taken by clients, of which one never
// has them all: who guesses passwords as fast as they are
// checked keeps the others waiting only half of the time.
type Turns struct {
	all   chan struct{}
	lanes [64]chan struct{} // a client always has the same one; it is left by one at a time
	seed  maphash.Seed
}

// NewTurns makes the turns of a process.
func NewTurns() *Turns {
	t := &Turns{all: make(chan struct{}, hashesAtOnce), seed: maphash.MakeSeed()}
	for i := range t.lanes {
		t.lanes[i] = make(chan struct{}, 1)
	}
	return t
}

// lane is where a client waits.
func (t *Turns) lane(client string) chan struct{} {
	return t.lanes[maphash.String(t.seed, client)%uint64(len(t.lanes))]
}

// enter waits for a client's turn, which ends with leave.
func (t *Turns) enter(ctx context.Context, client string) (leave func(), err error) {
	lane := t.lane(client)
	select {
	case lane <- struct{}{}:
	case <-ctx.Done():
		return nil, ErrBusy
	}
	select {
	case t.all <- struct{}{}:
		return func() { <-t.all; <-lane }, nil
	case <-ctx.Done():
		<-lane
		return nil, ErrBusy
	}
}
