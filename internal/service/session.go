package service

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"
)

var (
	errEnded      = errors.New("the program ended although nobody asked it to")
	errStartStall = errors.New("the start made no progress")
	errStopStall  = errors.New("the stop took too long")
	errForced     = errors.New("ended at once, on request")
)

// session is one life of a service, from the first report to the last. It belongs to serve.
type session struct {
	o     Options
	m     manager
	work  *work
	last  report
	queue []control // waits for the control in hand; each kind at most once
	busy  control   // the control in hand, or ignored

	deadline *time.Timer // of the start's stage, then of the stop
	asked    bool        // somebody wanted the end
	stalled  bool        // the start ran out of time
	ready    bool        // Running was reported
	over     bool        // the program has ended
	err      error       // with this error
}

// serve runs o.Program and tells m about it, until the program has ended or has to be given up.
// Every request is decoded and heard at once, whatever the program is doing: the loop only listens,
// the work is done elsewhere.
func serve[R any](ctx context.Context, o Options, m manager, requests <-chan R, decode func(R) control) ending {
	s := &session{o: o, m: m, deadline: time.NewTimer(o.StartTimeout)}
	defer s.deadline.Stop()
	alive := time.NewTicker(m.every())
	defer alive.Stop()

	s.enter(starting)
	s.work = begin(ctx, o.Program, o.startID)
	defer s.work.end()
	ready, cancelled := s.work.ready, ctx.Done()

	for !s.over || s.busy != ignored {
		select {
		case r := <-requests:
			c := decode(r)
			if c == force {
				return ending{code: ExitForced, err: errForced, asked: true, ready: s.ready}
			}
			s.hear(c)
		case stage := <-s.work.stages:
			s.progressed(stage)
		case <-ready:
			ready = nil
			s.started()
		case err := <-s.work.carried:
			s.carried(err)
		case <-alive.C:
			s.stillHere()
		case <-s.deadline.C:
			if s.last.state == stopping {
				return s.overrun()
			}
			s.giveUpStart()
		case <-cancelled:
			cancelled = nil
			s.hear(stop)
		case err := <-s.work.done:
			s.over, s.err = true, err
			s.leave()
		}
	}
	return s.ended()
}

// hear takes what was asked for. Reload, pause and continue wait for their turn.
func (s *session) hear(c control) {
	switch c {
	case stop:
		s.o.Log.Infow("stop requested")
		s.asked = s.asked || s.last.state != stopping
		s.leave()
	case reload, pause, resume:
		s.o.Log.Infow("control requested", "control", c)
		if !slices.Contains(s.queue, c) {
			s.queue = append(s.queue, c)
		}
		s.next()
	case interrogate:
		s.m.report(s.last)
	case ignored, force: // force never gets here
	}
}

// next begins what waits first, as soon as the program is ready for it.
func (s *session) next() {
	for s.busy == ignored && len(s.queue) > 0 && !s.last.state.pending() {
		c := s.queue[0]
		s.queue = s.queue[1:]
		switch {
		case c == pause && s.last.state == running:
			s.enter(pausing)
		case c == resume && s.last.state == paused:
			s.enter(resuming)
		case c == reload:
			s.last.reloading = true
			s.tell()
		default: // it is as it should be
			continue
		}
		s.busy = c
		s.work.carry(c)
	}
}

// carried hears how the control in hand went. A pause or continue that failed leaves things as
// they were.
func (s *session) carried(err error) {
	c := s.busy
	s.busy = ignored
	if err != nil {
		s.o.Log.Errorw("control failed", "control", c, "error", err)
	}
	s.last.reloading = false
	switch {
	case s.last.state == stopping:
		return
	case c == reload:
		s.tell()
	case c == pause && err == nil, c == resume && err != nil:
		s.enter(paused)
	default:
		s.enter(running)
	}
	s.next()
}

// progressed gives the start more time for its next stage.
func (s *session) progressed(stage string) {
	if s.last.state != starting {
		return
	}
	s.deadline.Reset(s.o.StartTimeout)
	s.last.stage = stage
	s.last.checkpoint++
	s.tell()
}

func (s *session) started() {
	if s.last.state != starting {
		return
	}
	s.deadline.Stop()
	s.ready = true
	s.enter(running)
	s.o.Log.Infow("service running")
	s.next()
}

// stillHere repeats what was said: no news, but alive.
func (s *session) stillHere() {
	if s.last.state.pending() {
		s.last.checkpoint++
	}
	r := s.last
	r.again = true
	s.m.report(r)
}

// giveUpStart ends a start that hangs; the stacks show where.
func (s *session) giveUpStart() {
	s.o.Log.Errorw("start made no progress", "stage", s.last.stage, "timeout", s.o.StartTimeout, "stacks", stacks())
	s.stalled = true
	s.leave()
}

// leave asks the program to end, once; from then on the stop's time runs.
func (s *session) leave() {
	if s.last.state == stopping {
		return
	}
	s.queue = nil
	s.deadline.Reset(s.o.StopTimeout)
	s.enter(stopping)
	s.work.end()
}

// overrun gives the program up: it would not end.
func (s *session) overrun() ending {
	s.o.Log.Errorw("stop overran; ending at once", "timeout", s.o.StopTimeout, "stacks", stacks())
	return ending{
		code: ExitStopTimeout, asked: s.asked, ready: s.ready,
		err: fmt.Errorf("%w: more than %v", errStopStall, s.o.StopTimeout),
	}
}

// ended weighs how the program ended. Only an end that was asked for can be a good one.
func (s *session) ended() ending {
	e := ending{asked: s.asked, ready: s.ready, err: s.err}
	if errors.Is(e.err, context.Canceled) && (s.asked || s.stalled) {
		e.err = nil
	}
	switch {
	case s.stalled:
		e.asked = false
		e.code = ExitStartTimeout
		e.err = fmt.Errorf("%w for %v at %q", errStartStall, s.o.StartTimeout, s.last.stage)
	case e.err == nil && s.asked:
		e.code = ExitOK
	case e.err == nil:
		e.code, e.err = ExitEnded, errEnded
	default:
		if e.code = s.o.ExitCode(e.err); e.code == ExitOK {
			e.code = ExitFailed
		}
	}
	return e
}

func (s *session) enter(next state) {
	s.last = report{state: next, stage: s.last.stage, since: time.Now()}
	if next.pending() {
		s.last.checkpoint = 1
	}
	s.tell()
}

func (s *session) tell() { s.m.report(s.last) }

// stacks are those of all goroutines, at most 1 MiB.
func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}
