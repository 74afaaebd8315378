package event

import "fmt"

// UpstreamEjected means that a target of a route is out of balancing because it failed.
type UpstreamEjected struct {
	About
	Route string `json:"route"`
	// Target is the app's instance, or the host of a URL.
	Target string `json:"target"`
	// Failures in a row, and For how long it is out.
	Failures int     `json:"failures"`
	For      Seconds `json:"for_seconds"`
}

// Type implements Body.
func (UpstreamEjected) Type() Type { return "upstream.ejected" }

// Severity implements Body.
func (UpstreamEjected) Severity() Severity { return Warning }

// Message implements Body.
func (b UpstreamEjected) Message() string {
	return fmt.Sprintf("route %s sends nothing to %s for %s: %s in a row", b.Route, b.Target, b.For, count(b.Failures, "failure"))
}

// UpstreamReturned ends an UpstreamEjected.
type UpstreamReturned struct {
	About
	Route  string `json:"route"`
	Target string `json:"target"`
}

// Type implements Body.
func (UpstreamReturned) Type() Type { return "upstream.returned" }

// Severity implements Body.
func (UpstreamReturned) Severity() Severity { return Info }

// Message implements Body.
func (b UpstreamReturned) Message() string {
	return fmt.Sprintf("route %s sends requests to %s again", b.Route, b.Target)
}
