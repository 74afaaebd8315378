package supervise

import (
	"slices"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// history is what the restart policy remembers of one instance.
type history struct {
	// inARow counts restarts since the last stable run.
	inARow int
	// restarts are the monotonic times of the restarts within the window, oldest first; never more
	// than max_restarts of them.
	restarts []time.Duration
	// looping is set by a crash loop and cleared by a stable run.
	looping bool
	// told is set once the crash loop was published.
	told bool
}

// decision is what happens after an end.
type decision struct {
	// restart is false when the instance stays down.
	restart bool
	// delay until the restart; 0 means at once.
	delay time.Duration
	// crashLoop is true when there were too many restarts within the window.
	crashLoop bool
}

// decide applies the policy to the end, at the monotonic time now, of a process that ran for so long.
// random is in [0, 1) and takes off up to a tenth of the delay, so that many instances that fail
// together do not come back together. The times in exit are the wall clock's and decide nothing.
func (h *history) decide(policy config.Restart, exit status.Exit, ran, now time.Duration, random float64) decision {
	if !wanted(policy, exit) {
		return decision{}
	}
	h.settle(policy, exit, ran)
	h.restarts = slices.DeleteFunc(h.restarts, func(t time.Duration) bool {
		return now-t > policy.Window.D()
	})
	if h.looping || (policy.MaxRestarts > 0 && len(h.restarts) >= policy.MaxRestarts) {
		h.looping = true
		return decision{restart: true, delay: policy.Window.D(), crashLoop: true}
	}
	delay := backoff(policy, h.inARow)
	h.inARow++
	if policy.MaxRestarts > 0 {
		h.restarts = append(h.restarts, now)
	}
	return decision{restart: true, delay: delay - time.Duration(float64(delay)*random/10)}
}

// settle forgets the past after a stable run.
func (h *history) settle(policy config.Restart, exit status.Exit, ran time.Duration) {
	if exit.Reason != status.ReasonStartFailed && ran >= policy.ResetAfter.D() {
		*h = history{}
	}
}

// wanted reports whether the policy wants a restart after exit at all.
func wanted(policy config.Restart, exit status.Exit) bool {
	if slices.Contains(policy.NoRestartCodes, exit.Code) {
		return false
	}
	switch policy.Policy {
	case config.RestartNever:
		return false
	case config.RestartOnFailure:
		return exit.Code != 0 || exit.Reason != status.ReasonExit
	case config.RestartAlways:
		return true
	}
	return true
}

// backoff is the delay before restart n in a row, n counting from 0: none, backoff, twice that, and
// so on up to max_backoff.
func backoff(policy config.Restart, n int) time.Duration {
	if n == 0 {
		return 0
	}
	delay := policy.Backoff.D()
	for range n - 1 {
		if delay >= policy.MaxBackoff.D() {
			break
		}
		delay *= 2
	}
	return min(delay, policy.MaxBackoff.D())
}
