package gateway

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/policy"
	"holdfast/internal/upstream"
)

var errTryTimeout = errors.New("no answer within the route's try_timeout")

// retry is what a route repeats beyond what every route does (exchange.roundTrip).
type retry struct {
	conf                    config.Retry
	connect, reset, timeout bool
	statuses                statusSet
	budget                  *policy.Budget
	chance                  func() float64
}

func (b *build) newRetry() (*retry, error) {
	if b.conf.Retry == nil {
		return nil, nil //nolint:nilnil // most routes have none
	}
	conf := *b.conf.Retry
	budget, err := keep(b, "retry", conf, func() (*policy.Budget, error) { return policy.NewBudget(conf.Budget, time.Now()), nil })
	if err != nil {
		return nil, err
	}
	r := &retry{
		conf: conf, budget: budget, chance: rand.Float64, connect: slices.Contains(conf.On, "connect_failure"),
		reset: slices.Contains(conf.On, "reset"), timeout: slices.Contains(conf.On, "timeout"),
	}
	for _, word := range conf.On {
		r.statuses.add(word)
	}
	return r, nil
}

// equip gives a proxy what is configured beside its target.
func (b *build) equip(core responder) error {
	p, ok := core.(*proxy)
	if !ok {
		return nil
	}
	var err error
	p.tryTimeout = b.conf.TryTimeout.D()
	p.retry, err = b.newRetry()
	return err
}

// sentAgain reports whether the request may be sent again by the route's retry although it was sent.
func (x *exchange) sentAgain() bool {
	if x.body != nil || x.websocket {
		return false
	}
	switch x.call.r.Method {
	case http.MethodPut, http.MethodDelete:
		return x.proxy.retry.conf.Idempotent
	default:
		return x.safe()
	}
}

// again waits for the next try of the route's retry; false: there is none.
func (x *exchange) again(ctx context.Context) bool {
	wait, ok := x.permit()
	return ok && rest(ctx, wait)
}

// permit reports whether there may be a next try of the route's retry, and how long to wait before it. That
// must be left of the route's timeout, or it would only make the failure later.
func (x *exchange) permit() (wait time.Duration, ok bool) {
	r := x.proxy.retry
	if x.retries >= r.conf.Attempts {
		return 0, false
	}
	wait = policy.Backoff(r.conf, x.retries, r.chance())
	if limit := x.proxy.timeout; limit > 0 && time.Since(x.began)-x.call.parked+wait >= limit {
		return 0, false
	}
	if !r.budget.Repeat(time.Now()) {
		x.call.series.unretried()
		return 0, false
	}
	x.retries++
	return wait, true
}

// againAfter is again for a try that failed, with the reason for the metrics.
func (x *exchange) againAfter(ctx context.Context, timedOut bool) (reason string, ok bool) {
	r := x.proxy.retry
	switch {
	case r == nil:
		return "", false
	case timedOut:
		ok = r.timeout && (x.sentAgain() || !x.out.Sent && x.replayable())
		reason = "timeout"
	default:
		ok = r.reset && x.sentAgain() && !x.out.Answered
		reason = "reset"
	}
	return reason, ok && x.again(ctx)
}

// statusError is an answer that was thrown away.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("answered with status %d", int(e)) }

// throwAway reports whether an answer, of which the client has seen nothing, is to be thrown away and asked
// for again; it has waited then.
func (x *exchange) throwAway(ctx context.Context, res *http.Response) bool {
	r := x.proxy.retry
	if r == nil || !r.statuses.has(res.StatusCode) || !x.sentAgain() {
		return false
	}
	wait, ok := x.permit()
	if !ok {
		return false
	}
	_ = res.Body.Close()
	x.lease.Answered(res.StatusCode)
	x.lease.Done(nil)
	x.leased, x.blamed = false, true
	rest(ctx, wait) // who left meanwhile is noticed with the next try
	return true
}

// tryClock ends one try that takes too long.
type tryClock struct {
	patience
	over *atomic.Bool // decided: by the answer's header or by the time; nil: no bound
}

// begin starts the clock of a try; expired is called unless end comes first.
func (t *tryClock) begin(limit time.Duration, expired func()) {
	if limit <= 0 {
		return
	}
	over := &atomic.Bool{} // of this try: the time of one before may come late
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = over
	t.start(limit, func() {
		if over.CompareAndSwap(false, true) {
			expired()
		}
	})
}

// end stops the clock. False: the time was over before.
func (t *tryClock) end() bool {
	if t.over == nil {
		return true
	}
	t.stop()
	return t.over.CompareAndSwap(false, true)
}

// connectAgain reports whether all targets, of which none could be connected to, are to be tried again.
func (x *exchange) connectAgain(ctx context.Context, last error) bool {
	r := x.proxy.retry
	return r != nil && r.connect && upstream.IsConnectError(last) && x.replayable() && x.again(ctx)
}
