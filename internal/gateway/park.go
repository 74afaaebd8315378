package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"holdfast/internal/status"
	"holdfast/internal/upstream"
)

// outcome is how the waiting of a request ended; it is a label of the metrics.
type outcome string

const (
	waitServed  outcome = "served"
	waitTimeout outcome = "timeout"
	waitRefused outcome = "refused"
	waitGone    outcome = "gone"
)

var (
	errPaused      = errors.New("the gateway was paused")
	errStopping    = fmt.Errorf("the gateway stops: %w", status.ErrNotReady)
	errParkedLong  = fmt.Errorf("parked for the route's parking.timeout: %w", status.ErrNotReady)
	errParkingFull = fmt.Errorf("as many requests are parked as the route's parking.max_requests: %w", status.ErrNotReady)
)

// park waits for a target, as long as the route allows. Nothing of the request was sent, or it may be
// repeated. The route's timeout stands still meanwhile; a client that leaves ends the wait, as far as
// net/http notices: over HTTP/1 it does not while a body is unread.
func (x *exchange) park(ctx context.Context) (upstream.Lease, error) {
	p, c := x.proxy, x.call
	if !p.pool.Promising() {
		return p.balancer.Acquire(x.choice) // which knows why not
	}
	if !c.series.park(p.parking.MaxRequests) {
		x.waited = waitRefused
		return upstream.Lease{}, errParkingFull
	}
	defer c.series.unpark()
	began := time.Now()
	if x.parkBy.IsZero() {
		x.parkBy = began.Add(p.parking.Timeout.D())
	}
	x.clock.pause()
	defer c.unhurried()()
	bounded, done := context.WithDeadlineCause(ctx, x.parkBy, errParkedLong)
	defer done()
	wait, sendAway := context.WithCancelCause(bounded)
	defer sendAway(nil)
	c.g.parked.enter(x, sendAway)
	defer c.g.parked.leave(x)

	lease, err := p.balancer.Await(wait, &x.place, x.choice)
	c.parked += time.Since(began)
	switch {
	case err == nil:
		x.waited, x.granted = waitServed, true
		x.clock.resume()
	case c.r.Context().Err() != nil:
		x.waited = waitGone
	case errors.Is(err, errParkedLong):
		x.waited = waitTimeout
	default:
		x.waited = waitRefused
	}
	return lease, err
}

// unhurried takes the listener's bound on reading off a request whose body is unread while it waits; the
// client could send it all and is not to blame. What it returns puts the bound back, later by the wait.
func (c *call) unhurried() func() {
	limit := c.site.settings.read
	if limit <= 0 || c.r.ContentLength == 0 {
		return func() {}
	}
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Time{}) // fails when the connection is gone, which shows soon enough
	return func() { _ = control.SetReadDeadline(c.start.Add(limit + c.parked + c.queued)) }
}

// lot is where all parked requests of a gateway can be reached, to be sent away at once.
type lot struct {
	mu     sync.Mutex
	closed error // why requests are sent away; nil: they are not
	inside map[*exchange]context.CancelCauseFunc
}

// enter lets a request in; sendAway is called when it has to leave, which may be at once.
func (l *lot) enter(x *exchange, sendAway context.CancelCauseFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed != nil {
		sendAway(l.closed)
		return
	}
	if l.inside == nil {
		l.inside = map[*exchange]context.CancelCauseFunc{}
	}
	l.inside[x] = sendAway
}

func (l *lot) leave(x *exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.inside, x)
}

// close sends everybody away. A gateway that stops stays closed.
func (l *lot) close(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed == nil || why == errStopping { //nolint:errorlint // one of our own two
		l.closed = why
	}
	for _, sendAway := range l.inside {
		sendAway(l.closed)
	}
}

func (l *lot) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed == errPaused { //nolint:errorlint // one of our own two
		l.closed = nil
	}
}
