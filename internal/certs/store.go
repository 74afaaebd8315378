// Package certs has the certificates that listeners present and that Holdfast shows to upstreams: it
// reads them from files, folders and the Windows certificate store, makes, issues or obtains them
// itself, renews them, and keeps the last good one when a new one is bad.
//
// Handshakes read an immutable map behind an atomic pointer and never touch the disk. Store.Run owns
// every goroutine of the package: one that looks at all sources once a second, and one that speaks to an
// ACME authority.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"holdfast/internal/config"
)

const (
	// checkEvery is how often Run looks at the sources.
	checkEvery = time.Second
	// rereadEvery is how often what others write is read again while it cannot be used: a permission that
	// was given changes neither its time nor its size.
	rereadEvery = 10 * time.Second
)

// Options are what a Store needs of its surroundings; each may be left out.
type Options struct {
	Log     *zap.Logger
	Metrics prometheus.Registerer
	// DataDir is the folder in which certificates that Holdfast makes are kept. Without it self_signed,
	// acme and internal_ca cannot be used.
	DataDir string
	// Notify hears what happens to certificates. It is called from Run or Commit and must not block.
	Notify func(Notice)
}

// Happening is what happened to a certificate.
type Happening string

// The happenings.
const (
	// Reloaded: somebody else's new certificate is presented from now on.
	Reloaded Happening = "reloaded"
	// Rejected: it cannot be used, and the former one is still presented; once per change.
	Rejected Happening = "rejected"
	// Renewed: Holdfast's own new certificate is presented from now on.
	Renewed Happening = "renewed"
	// Failed: it could not be made, issued or obtained; there will be another try.
	Failed Happening = "failed"
	// Expiring: its end is near; once per certificate.
	Expiring Happening = "expiring"
)

// Notice tells of a happening.
type Notice struct {
	What        Happening
	Certificate string
	Source      Source
	// NotAfter is the end of what is presented; zero when nothing is.
	NotAfter time.Time
	// Err is why it was Rejected or Failed, and Next when Holdfast tries again.
	Err  error
	Next time.Time
}

// Store is the set of named certificates.
type Store struct {
	log        *zap.Logger
	expiry     *prometheus.GaugeVec
	notify     func(Notice)
	dir        string
	authority  *authority
	challenges challenges
	wake       chan struct{} // holds one when Run has something to do at once
	obtaining  atomic.Bool   // an ACME authority is being asked
	rootless   atomic.Bool   // it was told that the internal authority cannot be had

	mu      sync.Mutex // held while entries change
	warned  map[string]bool
	current atomic.Pointer[map[string]*entry]
}

// entry is one certificate; it is never modified once stored.
type entry struct {
	conf   config.Certificate
	kind   Source
	source source
	// pairs are the last good ones, the first for who asks for no name; none before the first one was
	// obtained.
	pairs []*pair
	index index
	// seen is how the source looked at the last try, good or bad, and next when the next one is due.
	seen any
	next time.Time
	// err is how the last try failed.
	err error
	// suspect is true after a first failure of files: whoever writes them may be between the two, so
	// they are read once more before anybody is told.
	suspect bool
}

// New returns a Store without certificates.
func New(o Options) *Store {
	s := &Store{
		log:    o.Log,
		notify: o.Notify,
		dir:    o.DataDir,
		wake:   make(chan struct{}, 1),
		warned: map[string]bool{},
		expiry: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "holdfast_tls_certificate_not_after_timestamp_seconds",
			Help: "End of the validity of the certificate that is served, as Unix time; of several under one name the earliest.",
		}, []string{"certificate"}),
	}
	s.authority = &authority{dir: s.file("ca")}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	if s.notify == nil {
		s.notify = func(Notice) {}
	}
	if o.Metrics != nil {
		o.Metrics.MustRegister(s.expiry)
	}
	s.current.Store(&map[string]*entry{})
	return s
}

// file is a path in the data folder; empty when there is none.
func (s *Store) file(parts ...string) string {
	if s.dir == "" {
		return ""
	}
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// Get is the certificate of that name, the first when there are several. The error names it when there
// is none.
func (s *Store) Get(name string) (*tls.Certificate, error) {
	e := (*s.current.Load())[name]
	switch {
	case e == nil:
		return nil, notConfigured(name)
	case len(e.pairs) == 0:
		return nil, e.missing(name)
	default:
		return &e.pairs[0].Certificate, nil
	}
}

func notConfigured(name string) error { return fmt.Errorf("certificate %q: not configured", name) }

// missing says why there is nothing to present.
func (e *entry) missing(name string) error {
	if e.err != nil {
		return fmt.Errorf("certificate %q: there is none yet: %w", name, e.err)
	}
	return fmt.Errorf("certificate %q: there is none yet", name)
}

// Roots are the internal authority's root, which is made at the first use, and the former ones that are
// still trusted. It is the same slice until that changes, which nobody may modify; none when the
// authority cannot be had.
func (s *Store) Roots() []*x509.Certificate {
	state, err := s.authority.state(wall())
	if err != nil {
		if !s.rootless.Swap(true) {
			s.log.Error("internal CA: no root is trusted", zap.Error(err))
		}
		return nil
	}
	s.rootless.Store(false)
	return state.roots
}

// wall is the time of the clock on the wall, by which certificates end.
func wall() time.Time { return time.Now().Round(0) }

// A Change is a set of certificates that was read and waits to be served.
type Change struct {
	store   *Store
	entries map[string]*entry
	kept    map[string]bool
}

// Prepare reads, makes or issues the certificates of want without serving anything yet. One that cannot
// be had is an error, all of them joined, unless the Store already serves a good one of the same
// configuration: that one is kept, and Notify hears of it at Commit. A certificate of an ACME authority
// may come later.
func (s *Store) Prepare(want map[string]config.Certificate) (*Change, error) {
	old, now := *s.current.Load(), wall()
	c := &Change{store: s, entries: make(map[string]*entry, len(want)), kept: map[string]bool{}}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(want)) {
		conf := want[name]
		had := old[name]
		if had != nil && !reflect.DeepEqual(had.conf, conf) {
			had = nil
		}
		e := &entry{conf: conf}
		if had != nil {
			if !had.due(now) && (had.err == nil || had.kind.Renewed()) {
				c.entries[name], c.kept[name] = had, true
				continue
			}
			e.kind, e.source = had.kind, had.source
		} else {
			e.kind, e.source = s.sourceOf(name, conf)
		}
		e.load(had, now)
		if e.err != nil && had == nil {
			errs = append(errs, fmt.Errorf("certificate %q: %w", name, e.err))
			continue
		}
		c.entries[name] = e
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// due reports whether there is a cue to load.
func (e *entry) due(now time.Time) bool {
	return !e.next.IsZero() && !now.Before(e.next) || e.source.look(now) != e.seen
}

// load fills e from its source; what had presents stays when that fails.
func (e *entry) load(had *entry, now time.Time) {
	e.seen = e.source.look(now)
	e.pairs, e.next, e.err = e.source.load(now)
	if e.err != nil && e.next.IsZero() && !e.kind.Renewed() {
		e.next = now.Add(rereadEvery)
	}
	if e.err != nil && had != nil {
		e.pairs, e.index = had.pairs, had.index
		return
	}
	e.index = newIndex(e.pairs)
	if e.conf.ACME != nil {
		e.index.waiting = e.conf.ACME.Names
		for _, p := range e.pairs {
			e.index.waiting = without(e.index.waiting, p.names)
		}
	}
}

// Commit serves the change from the next handshake on. Certificates that are gone can be had until Forget:
// handshakes that still go by the former configuration ask for them.
func (c *Change) Commit() {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.current.Load()
	next := maps.Clone(c.entries)
	for name, e := range old {
		if next[name] == nil {
			next[name] = e
		}
	}
	for name := range c.kept {
		if now := old[name]; now != nil && now.source == c.entries[name].source {
			next[name] = now // Run may have renewed it meanwhile
		}
	}
	s.swap(next)
	s.prod()
}

// Forget ends what is not in the change that was committed.
func (c *Change) Forget() {
	s := c.store
	s.mu.Lock()
	defer s.mu.Unlock()
	next := maps.Clone(*s.current.Load())
	maps.DeleteFunc(next, func(name string, _ *entry) bool { return c.entries[name] == nil })
	s.swap(next)
}

// prod has Run look at once.
func (s *Store) prod() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Apply is Prepare, Commit and Forget.
func (s *Store) Apply(want map[string]config.Certificate) error {
	c, err := s.Prepare(want)
	if err != nil {
		return err
	}
	c.Commit()
	c.Forget()
	return nil
}

// Run keeps the certificates up to date until ctx ends; it returns nil.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	var issuing sync.WaitGroup
	defer issuing.Wait()
	for {
		s.refresh(wall())
		s.obtain(ctx, &issuing)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.wake:
		}
	}
}

// refresh loads what changed or is due since the last look, and tells what ends soon.
func (s *Store) refresh(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.current.Load()
	var next map[string]*entry
	for name, e := range old {
		if !e.due(now) {
			continue
		}
		if next == nil {
			next = maps.Clone(old)
		}
		fresh := &entry{conf: e.conf, kind: e.kind, source: e.source}
		fresh.load(e, now)
		if fresh.err != nil && !e.kind.Renewed() && fresh.seen != e.seen {
			fresh.suspect, fresh.next = true, now.Add(checkEvery*3/4)
		}
		next[name] = fresh
	}
	if next != nil {
		s.swap(next)
	}
	s.warn(now)
}

// swap publishes next and tells what is new in it; s.mu is held.
func (s *Store) swap(next map[string]*entry) {
	old := *s.current.Load()
	s.current.Store(&next)
	for name := range old {
		if next[name] == nil {
			s.expiry.DeleteLabelValues(name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next)) {
		s.tell(name, old[name], next[name])
	}
}

// tell tells what is new in an entry.
func (s *Store) tell(name string, had, e *entry) {
	end := e.notAfter()
	switch {
	case had == e:
	case e.err != nil && e.suspect:
	case e.err != nil:
		if had.told(e) {
			return
		}
		if len(e.pairs) > 0 {
			s.log.Error("certificate: the last good one stays", zap.String("certificate", name), zap.Error(e.err), zap.Time("not_after", end))
		} else {
			s.log.Error("certificate: there is none yet", zap.String("certificate", name), zap.Error(e.err), zap.Time("next_try", e.retry()))
		}
		what := Rejected
		if e.kind.Renewed() {
			what = Failed
		}
		s.notify(Notice{What: what, Certificate: name, Source: e.kind, NotAfter: end, Err: e.err, Next: e.retry()})
	case len(e.index.waiting) > 0:
		if len(e.pairs) == 0 {
			s.expiry.DeleteLabelValues(name)
		} else {
			s.expiry.WithLabelValues(name).Set(float64(end.Unix()))
		}
		if had == nil || had.source != e.source {
			s.log.Warn("certificate: TLS handshakes for these names fail until it is issued", zap.String("certificate", name), zap.Strings("names", e.index.waiting))
		}
	case had != nil && samePairs(had.pairs, e.pairs) && (had.err == nil || had.suspect):
	default:
		s.expiry.WithLabelValues(name).Set(float64(end.Unix()))
		s.log.Info("certificate loaded", zap.String("certificate", name), zap.String("source", string(e.kind)), zap.Time("not_after", end))
		what := Reloaded
		if e.kind.Renewed() {
			if had == nil || had.source != e.source {
				return // made or read at the start
			}
			what = Renewed
		}
		s.notify(Notice{What: what, Certificate: name, Source: e.kind, NotAfter: end})
	}
}

// told reports whether somebody has heard of the error of next already, because e had the same.
func (e *entry) told(next *entry) bool {
	return e != nil && e.err != nil && !e.suspect && e.err.Error() == next.err.Error() && (e.kind.Renewed() || e.seen == next.seen)
}

// retry is when it is made, issued or obtained next.
func (e *entry) retry() time.Time {
	if a, ok := e.source.(*acmeSource); ok {
		return a.nextTry()
	}
	return e.next
}

// notAfter is the earliest end; zero without a certificate.
func (e *entry) notAfter() time.Time {
	var end time.Time
	for _, p := range e.pairs {
		if end.IsZero() || p.Leaf.NotAfter.Before(end) {
			end = p.Leaf.NotAfter
		}
	}
	return end
}

func samePairs(a, b []*pair) bool {
	return slices.EqualFunc(a, b, func(a, b *pair) bool {
		return a == b || slices.EqualFunc(a.Certificate.Certificate, b.Certificate.Certificate, slices.Equal[[]byte])
	})
}

// warn tells once of each certificate that its end is near; s.mu is held.
func (s *Store) warn(now time.Time) {
	near := map[string]bool{}
	for name, e := range *s.current.Load() {
		for _, p := range e.pairs {
			if now.Before(p.warn) {
				continue
			}
			id := name + " " + string(p.Leaf.Raw)
			near[id] = true
			if s.warned[id] {
				continue
			}
			s.log.Warn("certificate: its end is near", zap.String("certificate", name), zap.String("file", p.file), zap.Time("not_after", p.Leaf.NotAfter))
			s.notify(Notice{What: Expiring, Certificate: name, Source: e.kind, NotAfter: p.Leaf.NotAfter, Err: e.err, Next: e.retry()})
		}
	}
	s.warned = near
}
