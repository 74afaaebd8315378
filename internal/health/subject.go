package health

import (
	"sync"
	"time"

	"holdfast/internal/status"
)

// historyLength is how many results are kept of an instance, those of all its probes together.
const historyLength = 10

// subject is what the probes of one instance have in common.
type subject struct {
	// offset is when its probes have their turns, so that equal checks of two probes coincide.
	offset time.Duration

	mu     sync.Mutex
	ring   []status.ProbeResult // grows to historyLength
	next   int                  // where the next one goes, once the ring is full
	checks map[checkKey]*outcome
}

// checkKey is what makes two checks of one instance the same.
type checkKey struct {
	address, request string
	timeout          time.Duration
}

// outcome is the newest result of a check; mu is held while it is made.
type outcome struct {
	mu    sync.Mutex
	began time.Time
	took  time.Duration
	err   error
}

// outcome is where the result of a check is shared.
func (s *subject) outcome(key checkKey) *outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.checks[key]
	if o == nil {
		if s.checks == nil {
			s.checks = make(map[checkKey]*outcome, 2)
		}
		o = &outcome{}
		s.checks[key] = o
	}
	return o
}

// of returns the result of a check that began less than fresh before now, which another probe may
// have made already or be making: liveness and readiness mostly ask the same. One that was cut short
// (false) is nobody else's.
func (o *outcome) of(now time.Time, fresh time.Duration, check func() (bool, error)) (time.Duration, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.began.IsZero() || now.Sub(o.began) >= fresh {
		o.began = now
		valid, err := check()
		o.took, o.err = time.Since(now), err
		if !valid {
			o.began = time.Time{}
		}
	}
	return o.took, o.err
}

func (s *subject) add(kind Kind, took time.Duration, err error) {
	r := status.ProbeResult{Time: time.Now(), Probe: string(kind), Seconds: took.Seconds()}
	if err != nil {
		r.Error = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ring) < historyLength {
		s.ring = append(s.ring, r)
		return
	}
	s.ring[s.next] = r
	s.next = (s.next + 1) % historyLength
}

// results are a copy, oldest first.
func (s *subject) results() []status.ProbeResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(append([]status.ProbeResult(nil), s.ring[s.next:]...), s.ring[:s.next]...)
}
