package daemon

import (
	"holdfast/internal/event"
	"holdfast/internal/gateway"
	"holdfast/internal/policy"
)

// circuitEvent tells of a circuit breaker's new state.
func circuitEvent(c gateway.BreakerChange) event.Body {
	about := event.About{App: c.App}
	switch c.To {
	case policy.HalfOpen:
		return event.CircuitHalfOpen{About: about, Route: c.Route}
	case policy.Closed:
		return event.CircuitClosed{About: about, Route: c.Route}
	case policy.Open:
	}
	return event.CircuitOpened{
		About: about, Route: c.Route, Strategy: string(c.Strategy), Requests: c.Requests, Bad: c.Bad,
		Again: c.From == policy.HalfOpen, OpenFor: event.Seconds(c.OpenFor),
	}
}
