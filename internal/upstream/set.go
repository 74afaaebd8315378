// Package upstream knows where requests can go: pools of targets, the picker and the connections.
//
// A Pool belongs to an app (Set.Pool) or to the urls of a route (NewStatic). Supervision tells the
// Set which instances are ready, directly and before anything else hears of it; a request takes a
// Lease on one target (Balancer.Acquire) and gives it back with its outcome (Lease.Done). Picking takes
// no lock: the ready targets are an immutable list behind an atomic pointer. When there is none, but
// one is on its way, a request may wait in line for it (Balancer.Await).
//
// Routes to the same app share its pool. What each of them picks by, and what it holds against a
// target, is its Balancer's.
//
// Every target has its own connections (package wire), so that removing a target ends
// its connections and nobody else's. The package starts no goroutine but for a moment, by a timer
// while requests wait or targets are ejected; those of idle connections end with Close.
package upstream

import (
	"sync"

	"holdfast/internal/status"
)

// Set holds the pool of every app. Its methods may be called from any goroutine.
type Set struct {
	mu    sync.RWMutex
	pools map[string]*Pool
}

// NewSet returns a Set without pools.
func NewSet() *Set { return &Set{pools: map[string]*Pool{}} }

// Pool is the pool of app, made on demand. The same app has the same pool for as long as the Set
// lives, across any number of reloads.
func (s *Set) Pool(app string) *Pool {
	s.mu.RLock()
	p := s.pools[app]
	s.mu.RUnlock()
	if p != nil {
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p = s.pools[app]; p == nil {
		p = newPool(app)
		s.pools[app] = p
	}
	return p
}

// SetReady says whether requests may go to t. A target is known from its first SetReady on. An
// instance has one address at a time: making it ready at a new address removes the old one.
func (s *Set) SetReady(t status.Target, ready bool) { s.Pool(t.App).SetReady(t, ready) }

// Remove forgets t and closes its idle connections; requests in flight may finish.
func (s *Set) Remove(t status.Target) { s.Pool(t.App).Remove(t) }

// Expect says whether an app without a ready target will have one soon: requests may wait for it
// (Balancer.Await). It is said before the last target stops being ready, or those that wait are refused.
func (s *Set) Expect(app string, coming bool) { s.Pool(app).Expect(coming) }

// Maintain puts an app into maintenance: nothing is acquired, and what waits is refused. What is in
// flight goes on. Nil ends it.
func (s *Set) Maintain(app string, m *status.Maintenance) { s.Pool(app).Maintain(m) }

// Close closes the idle connections of every pool. The Set stays usable.
func (s *Set) Close() {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.pools {
		p.Close()
	}
}
