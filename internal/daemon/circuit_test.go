package daemon

import (
	"testing"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/gateway"
	"holdfast/internal/policy"
)

func TestCircuitEvents(t *testing.T) {
	for _, tt := range []struct {
		change  gateway.BreakerChange
		kind    event.Type
		message string
	}{
		{
			gateway.BreakerChange{Route: "shop", To: policy.Open, Strategy: "error_ratio", OpenFor: 30 * time.Second, Requests: 20, Bad: 11},
			"circuit.opened", "the circuit breaker of route shop opened for 30s: 11 of 20 requests failed",
		},
		{
			gateway.BreakerChange{Route: "shop", From: policy.HalfOpen, To: policy.Open, Strategy: "slow_ratio", OpenFor: time.Minute, Requests: 1, Bad: 1},
			"circuit.opened", "the circuit breaker of route shop opened for 1m0s: a request to try was slow",
		},
		{
			gateway.BreakerChange{Route: "shop", From: policy.Open, To: policy.HalfOpen},
			"circuit.half_open", "the circuit breaker of route shop lets requests through to try",
		},
		{
			gateway.BreakerChange{Route: "shop", From: policy.HalfOpen, To: policy.Closed},
			"circuit.closed", "the circuit breaker of route shop closed: its upstream answers well",
		},
	} {
		if body := circuitEvent(tt.change); body.Type() != tt.kind || body.Message() != tt.message {
			t.Errorf("%s: %s", body.Type(), body.Message())
		}
	}
}
