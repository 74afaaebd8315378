// Package policy decides what a route's traffic may do: which requests come through (Limiter), whether an
// upstream is asked at all (Breaker), and whether one is asked again (Budget, Backoff). The words and their
// meaning are Sentinel's (sentinelguard.io).
//
// Decisions are pure: nothing here waits, starts a goroutine, looks at a clock or knows HTTP. Whoever asks
// says what time it is; times must come from one clock with a monotonic part, and may be out of order by
// what a goroutine takes to be scheduled. Everything is safe for concurrent use, bounded in memory, and
// asks for no memory on the way of a request whose key is known.
package policy
