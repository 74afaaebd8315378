// Package certs holds the certificates that listeners present: it reads them from their files,
// rereads them when a file changes, and keeps the last good pair when a new one is bad.
//
// Handshakes read an immutable map behind an atomic pointer and never touch the disk. Store.Run
// owns the one goroutine's worth of work there is: it looks at the files' times and sizes once a
// second.
package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"holdfast/internal/config"
)

// checkEvery is how often Run looks at the files.
const checkEvery = time.Second

// Options are what a Store needs of its surroundings; each may be left out.
type Options struct {
	Log     *zap.Logger
	Metrics prometheus.Registerer
	// OnReload hears of every new pair that is served from now on, with its end of validity, and
	// OnError of every pair that could not be read, once per change of its files. Both are called
	// from Run or Commit and must not block.
	OnReload func(name string, notAfter time.Time)
	OnError  func(name string, err error)
}

// Store is the set of named certificates.
type Store struct {
	log      *zap.Logger
	expiry   *prometheus.GaugeVec
	onReload func(string, time.Time)
	onError  func(string, error)

	mu      sync.Mutex // held while entries change
	current atomic.Pointer[map[string]*entry]
}

// entry is one certificate; it is never modified once stored.
type entry struct {
	conf config.Certificate
	// pair is the last good one.
	pair *tls.Certificate
	// seen is the state of the files at the last try, good or bad.
	seen stamp
	// suspect is true after a first failure: whoever writes the files may be between the two, so
	// they are read once more before anybody is told.
	suspect bool
}

// New returns a Store without certificates.
func New(o Options) *Store {
	s := &Store{
		log:      o.Log,
		onReload: o.OnReload,
		onError:  o.OnError,
		expiry: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_tls_certificate_not_after_timestamp_seconds",
			Help: "End of the validity of the certificate that is served, as Unix time.",
		}, []string{"certificate"}),
	}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	if s.onReload == nil {
		s.onReload = func(string, time.Time) {}
	}
	if s.onError == nil {
		s.onError = func(string, error) {}
	}
	if o.Metrics != nil {
		o.Metrics.MustRegister(s.expiry)
	}
	s.current.Store(&map[string]*entry{})
	return s
}

// Get is the certificate of that name. The error names it when there is none.
func (s *Store) Get(name string) (*tls.Certificate, error) {
	if e := (*s.current.Load())[name]; e != nil {
		return e.pair, nil
	}
	return nil, fmt.Errorf("certificate %q: not configured", name)
}

// A Change is a set of certificates that was read and waits to be served.
type Change struct {
	store   *Store
	entries map[string]*entry
	bad     map[string]error
}

// Prepare reads the files of want without serving anything yet. A pair that cannot be read is an
// error, all of them joined, unless the Store already serves a good pair from the same files: that
// one is kept, and OnError hears of it at Commit.
func (s *Store) Prepare(want map[string]config.Certificate) (*Change, error) {
	old := *s.current.Load()
	c := &Change{store: s, entries: make(map[string]*entry, len(want)), bad: map[string]error{}}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		conf := want[name]
		had := old[name]
		if had != nil && !reflect.DeepEqual(had.conf, conf) {
			had = nil
		}
		now := look(conf)
		if had != nil && had.seen == now {
			c.entries[name] = had
			continue
		}
		pair, err := load(name, conf)
		switch {
		case err == nil:
			c.entries[name] = &entry{conf: conf, pair: pair, seen: now}
		case had != nil:
			c.entries[name] = &entry{conf: conf, pair: had.pair, seen: now}
			c.bad[name] = err
		default:
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// Commit serves the change from the next handshake on.
func (c *Change) Commit() {
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	c.store.swap(c.entries, c.bad)
}

// Apply is Prepare and Commit.
func (s *Store) Apply(want map[string]config.Certificate) error {
	c, err := s.Prepare(want)
	if err != nil {
		return err
	}
	c.Commit()
	return nil
}

// Run rereads changed files until ctx ends; it returns nil.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.refresh()
		}
	}
}

// refresh rereads the pairs whose files changed since the last look.
func (s *Store) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.current.Load()
	var next map[string]*entry
	bad := map[string]error{}
	for name, e := range old {
		now := look(e.conf)
		if now == e.seen && !e.suspect {
			continue
		}
		if next == nil {
			next = maps.Clone(old)
		}
		pair, err := load(name, e.conf)
		settled := now == e.seen
		if err != nil {
			pair = e.pair
			if settled {
				bad[name] = err
			}
		}
		next[name] = &entry{conf: e.conf, pair: pair, seen: now, suspect: err != nil && !settled}
	}
	if next != nil {
		s.swap(next, bad)
	}
}

// swap publishes next and tells what is new in it; s.mu is held.
func (s *Store) swap(next map[string]*entry, bad map[string]error) {
	old := *s.current.Load()
	s.current.Store(&next)
	for name := range old {
		if next[name] == nil {
			s.expiry.DeleteLabelValues(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next)) {
		e := next[name]
		if err := bad[name]; err != nil {
			s.log.Error("certificate not reloaded, the last good one stays", zap.String("certificate", name), zap.Error(err))
			s.onError(name, err)
			continue
		}
		if had := old[name]; had != nil && had.pair == e.pair {
			continue
		}
		s.expiry.WithLabelValues(name).Set(float64(e.pair.Leaf.NotAfter.Unix()))
		s.log.Info("certificate loaded", zap.String("certificate", name), zap.Time("not_after", e.pair.Leaf.NotAfter))
		s.onReload(name, e.pair.Leaf.NotAfter)
	}
}
