//go:build linux

package rig

import (
	"testing"
	"time"
)

// Resident samples the resident memory of a run until the test ends.
type Resident struct{ samples chan int }

// WatchResident begins to sample.
func WatchResident(t *testing.T, r *Holdfast) *Resident {
	t.Helper()
	w := &Resident{samples: make(chan int, 1)}
	w.samples <- 0
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				now := r.ResidentKiB()
				w.samples <- max(now, <-w.samples)
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-done
	})
	return w
}

// Peak is the largest sample so far, in KiB.
func (w *Resident) Peak() int {
	v := <-w.samples
	w.samples <- v
	return v
}
