package event

import "fmt"

// CircuitOpened means that a route's upstream fails and is not asked for a while.
type CircuitOpened struct {
	About
	Route string `json:"route"`
	// Strategy is error_ratio, error_count or slow_ratio.
	Strategy string `json:"strategy"`
	// Requests ended within the window; so many of them were Bad: errors, or slow.
	Requests int64 `json:"requests"`
	Bad      int64 `json:"bad"`
	// Again is true when the request that was let through to try was bad.
	Again bool `json:"again,omitempty"`
	// OpenFor is how long it is not asked.
	OpenFor Seconds `json:"open_for_seconds"`
}

// Type implements Body.
func (CircuitOpened) Type() Type { return "circuit.opened" }

// Severity implements Body.
func (CircuitOpened) Severity() Severity { return Warning }

// Message implements Body.
func (b CircuitOpened) Message() string {
	bad := "failed"
	if b.Strategy == "slow_ratio" {
		bad = "were slow"
	}
	what := fmt.Sprintf("%d of %s %s", b.Bad, count(int(b.Requests), "request"), bad)
	if b.Again {
		what = "a request to try " + map[bool]string{true: "was slow", false: "failed"}[b.Strategy == "slow_ratio"]
	}
	return fmt.Sprintf("the circuit breaker of route %s opened for %s: %s", b.Route, b.OpenFor, what)
}

// CircuitHalfOpen means that requests are let through to try whether the upstream is well again.
type CircuitHalfOpen struct {
	About
	Route string `json:"route"`
}

// Type implements Body.
func (CircuitHalfOpen) Type() Type { return "circuit.half_open" }

// Severity implements Body.
func (CircuitHalfOpen) Severity() Severity { return Info }

// Message implements Body.
func (b CircuitHalfOpen) Message() string {
	return fmt.Sprintf("the circuit breaker of route %s lets requests through to try", b.Route)
}

// CircuitClosed ends a CircuitOpened.
type CircuitClosed struct {
	About
	Route string `json:"route"`
}

// Type implements Body.
func (CircuitClosed) Type() Type { return "circuit.closed" }

// Severity implements Body.
func (CircuitClosed) Severity() Severity { return Info }

// Message implements Body.
func (b CircuitClosed) Message() string {
	return fmt.Sprintf("the circuit breaker of route %s closed: its upstream answers well", b.Route)
}
