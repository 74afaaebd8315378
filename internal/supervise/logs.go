package supervise

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"holdfast/internal/process"
	"holdfast/internal/status"
)

// Tail returns the newest n lines that are in memory of one instance or, when instance is empty, of
// all instances of the app, oldest first. The error is status.ErrNotFound.
func (s *Supervisor) Tail(app, instance string, n int) ([]status.Line, error) {
	outputs, err := s.outputs(app, instance)
	if err != nil {
		return nil, err
	}
	var lines []status.Line
	for _, o := range outputs {
		lines = append(lines, o.Tail(n)...)
	}
	slices.SortStableFunc(lines, func(a, b status.Line) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Instance, b.Instance))
	})
	return lines[max(0, len(lines)-n):], nil
}

// Follow delivers the lines to come of one instance, or of all instances that the app has now. Up to
// buffer lines of each wait for a slow reader; the rest are dropped and counted. The error is
// status.ErrNotFound.
func (s *Supervisor) Follow(app, instance string, buffer int) (*Followed, error) {
	outputs, err := s.outputs(app, instance)
	if err != nil {
		return nil, err
	}
	f := &Followed{lines: make(chan status.Line), end: make(chan struct{})}
	for _, o := range outputs {
		source := o.Follow(buffer)
		f.sources = append(f.sources, source)
		f.pumps.Go(func() { f.pump(source) })
	}
	go func() {
		f.pumps.Wait()
		close(f.lines)
	}()
	return f, nil
}

// Followed is a running delivery of lines from one or more instances.
type Followed struct {
	lines   chan status.Line
	sources []*process.Follower
	pumps   sync.WaitGroup
	once    sync.Once
	end     chan struct{}
}

// C has the lines; it is closed when there will be no more.
func (f *Followed) C() <-chan status.Line { return f.lines }

// Dropped counts the lines that were lost because C was not read in time.
func (f *Followed) Dropped() uint64 {
	var n uint64
	for _, source := range f.sources {
		n += source.Dropped()
	}
	return n
}

// Close ends the delivery and returns when its goroutines have ended; it may be called twice.
func (f *Followed) Close() {
	f.once.Do(func() {
		close(f.end)
		for _, source := range f.sources {
			source.Close()
		}
	})
	f.pumps.Wait()
}

func (f *Followed) pump(source *process.Follower) {
	for line := range source.C() {
		select {
		case f.lines <- line:
		case <-f.end:
			return
		}
	}
}

func (s *Supervisor) outputs(id, instance string) ([]*process.Output, error) {
	a, err := s.app(id)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var outputs []*process.Output
	for i := range a.all() {
		if instance == "" || i.view().ID == instance {
			outputs = append(outputs, i.output)
		}
	}
	if len(outputs) == 0 && instance != "" {
		return nil, fmt.Errorf("instance %q of app %q: %w", instance, id, status.ErrNotFound)
	}
	return outputs, nil
}
