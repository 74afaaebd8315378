package daemon

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"go.uber.org/zap"
)

// stackDump bounds the dump of all goroutines when a stage does not stop.
const stackDump = 1 << 20

// stage is one running part.
type stage struct {
	name  string
	grace func() time.Duration
	end   context.CancelFunc
	done  chan struct{}
	err   error
}

// runner runs stages: they start in order and stop in reverse.
type runner struct {
	log    *zap.Logger
	stages []*stage
	// failed has the first stage that returned unasked.
	failed chan *stage
}

func newRunner(log *zap.Logger) *runner {
	return &runner{log: log, failed: make(chan *stage, 1)}
}

// start runs a stage in a goroutine that stop waits for.
func (r *runner) start(name string, grace time.Duration, run func(context.Context) error) {
	r.startFor(name, func() time.Duration { return grace }, run)
}

// startFor is start for a stage whose grace is known only when it is to stop.
func (r *runner) startFor(name string, grace func() time.Duration, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &stage{name: name, grace: grace, end: cancel, done: make(chan struct{})}
	r.stages = append(r.stages, s)
	go func() {
		defer close(s.done)
		s.err = run(ctx)
		if ctx.Err() == nil {
			select {
			case r.failed <- s:
			default:
			}
		}
	}()
}

// wait returns nil when ctx ends, or an error when a stage ends before.
func (r *runner) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case s := <-r.failed:
		<-s.done
		if s.err == nil {
			return fmt.Errorf("%s ended unasked", s.name)
		}
		return fmt.Errorf("%s: %w", s.name, s.err)
	}
}

// stop ends the stages in reverse order. One that overruns its grace is left behind, with the stacks
// of all goroutines in the log.
func (r *runner) stop() error {
	var errs []error
	for n := len(r.stages) - 1; n >= 0; n-- {
		s := r.stages[n]
		s.end()
		grace := s.grace()
		timer := time.NewTimer(grace)
		select {
		case <-s.done:
			if s.err != nil && !errors.Is(s.err, context.Canceled) {
				errs = append(errs, fmt.Errorf("%s: %w", s.name, s.err))
			}
		case <-timer.C:
			stacks := make([]byte, stackDump)
			stacks = stacks[:runtime.Stack(stacks, true)]
			r.log.Error("a stage did not stop within its grace", zap.String("stage", s.name), zap.Duration("grace", grace), zap.ByteString("stacks", stacks))
			errs = append(errs, fmt.Errorf("%s did not stop within %v", s.name, grace))
		}
		timer.Stop()
	}
	return errors.Join(errs...)
}
