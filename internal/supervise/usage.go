package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"holdfast/internal/status"
)

const (
	// sampleEvery is how often each instance's usage is measured.
	sampleEvery = 5 * time.Second
	// sampleBatch is how many are measured at once: the rest of the time is spread over the others, so
	// that measuring a large fleet does not come in bursts.
	sampleBatch = 10
	// firstAfter is how soon after its start a process is measured for the first time, with all that were
	// started meanwhile.
	firstAfter = 500 * time.Millisecond
	// recycleAgain is how soon an instance may be recycled once more: one that needs more than its bound
	// from the start is not restarted all the time.
	recycleAgain = time.Minute
	// freshFor is how long a measurement that somebody asked for counts as a new one.
	freshFor = time.Second
)

// sampler measures what instances use, and acts on their memory.
type sampler struct {
	s *Supervisor
	// measuring makes one measurement at a time of the two that may meet: the sampler's own and one
	// that was asked for.
	measuring sync.Mutex
	// refused is set once it was logged that nothing can be measured here.
	refused sync.Once
	// begun takes the instances whose process was started.
	begun chan *instance
}

func newSampler(s *Supervisor) *sampler {
	return &sampler{s: s, begun: make(chan *instance, 64)}
}

// soon has an instance that was started measured before its turn. When very many are started at once,
// some of them wait for theirs.
func (m *sampler) soon(i *instance) {
	select {
	case m.begun <- i:
	default:
	}
}

// run measures all instances every sampleEvery, some at a time, until ctx ends.
func (m *sampler) run(ctx context.Context) {
	timer, first := time.NewTimer(sampleEvery), time.NewTimer(firstAfter)
	defer timer.Stop()
	defer first.Stop()
	first.Stop()
	var round, begun []*instance
	for {
		select {
		case <-ctx.Done():
			return
		case i := <-m.begun:
			if begun = append(begun, i); len(begun) == 1 {
				first.Reset(firstAfter)
			}
			continue
		case <-first.C:
			m.first(begun)
			begun = nil
			continue
		case <-timer.C:
		}
		if len(round) == 0 {
			round = m.s.everyInstance(round[:0])
		}
		batches := max(1, (m.s.count()+sampleBatch-1)/sampleBatch)
		batch := round[:min(sampleBatch, len(round))]
		for _, i := range batch {
			m.watch(ctx, i)
		}
		round = round[len(batch):]
		timer.Reset(sampleEvery / time.Duration(batches))
	}
}

// first measures instances that nobody measured yet. What a start takes is no reason to act on it.
func (m *sampler) first(begun []*instance) {
	for _, i := range begun {
		if child := i.process(); child != nil && i.view().Usage == nil {
			m.measure(i, child, 0)
		}
	}
}

// watch measures an instance and acts on the memory it uses.
func (m *sampler) watch(ctx context.Context, i *instance) {
	child := i.process()
	if child == nil {
		return
	}
	u := m.measure(i, child, 0)
	if u == nil {
		return
	}
	limits := i.config().Limits
	memory, _, _ := m.s.options.Launcher.Enforces()
	switch {
	case limits.Memory != 0 && !memory && u.Memory > uint64(limits.Memory): //nolint:gosec // validated to be positive
		i.send(gaveUp{
			reason: status.ReasonMemoryLimit, pid: child.PID(),
			err: fmt.Errorf("it used %s of memory, and limits.memory is %s", mebibytes(u.Memory), limits.Memory),
		})
	case limits.MemoryRecycle != 0 && u.Memory > uint64(limits.MemoryRecycle): //nolint:gosec // validated to be positive
		app := i.view().App
		_ = m.s.ask(ctx, func(o *owner) error { // it fails only when all ends
			m.s.recycle(o, app, i)
			return nil
		})
	}
}

// measure is what the instance's process uses now, or was found to use up to age ago. It is nil when
// that cannot be measured.
func (m *sampler) measure(i *instance, child Child, age time.Duration) *status.Usage {
	m.measuring.Lock()
	defer m.measuring.Unlock()
	view := i.view()
	before, now := view.Usage, time.Now()
	if before != nil && age > 0 && now.Sub(before.Time) < age {
		return before
	}
	u, err := child.Usage()
	if err != nil {
		if !errors.Is(err, os.ErrProcessDone) {
			m.refused.Do(func() { m.s.options.Log.Warn("the use of an instance cannot be measured", zap.Error(err)) })
		}
		return nil
	}
	u.Time, u.CPU = now, 0
	since, used := view.StartedAt, 0.0
	if before != nil {
		since, used = before.Time, before.CPUSeconds
	}
	if span := now.Sub(since).Seconds(); span > 0 && !since.IsZero() {
		u.CPU = max(0, u.CPUSeconds-used) / span
	}
	i.setUsage(child, u)
	return &u
}

// Measure tells about an app whose usage was measured less than a second ago. The error is
// status.ErrNotFound.
func (s *Supervisor) Measure(ctx context.Context, id string) (status.App, error) {
	a, err := s.app(id)
	if err != nil {
		return status.App{}, err
	}
	s.mu.RLock()
	var instances []*instance
	for i := range a.all() {
		instances = append(instances, i)
	}
	s.mu.RUnlock()
	for _, i := range instances {
		if ctx.Err() != nil {
			return status.App{}, ctx.Err()
		}
		if child := i.process(); child != nil {
			s.sampler.measure(i, child, freshFor)
		}
	}
	return s.App(id)
}

// everyInstance appends all instances that there are.
func (s *Supervisor) everyInstance(out []*instance) []*instance {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, a := range s.apps {
		for i := range a.all() {
			out = append(out, i)
		}
	}
	return out
}

// count is how many instances there are.
func (s *Supervisor) count() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 0
	for _, a := range s.apps {
		n += len(a.instances) + len(a.extras)
	}
	return n
}

// mebibytes writes a number of bytes for people.
func mebibytes(n uint64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
