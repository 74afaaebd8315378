package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// rootLife is how long a root is valid.
	rootLife = 10 * 365 * 24 * time.Hour
	// crossLife is how long those who know only the former root have to learn the new one.
	crossLife = 90 * 24 * time.Hour
	// maxFormer bounds the former roots, which everybody has to learn.
	maxFormer = 100
	// backdate is by how much the clocks of others may be behind ours.
	backdate = 5 * time.Minute
)

// The bounds of what the internal authority issues.
const (
	MinLifetime = time.Minute
	MaxLifetime = 365 * 24 * time.Hour
)

// authority is the internal certificate authority. Its root signs what it issues: an intermediate would
// lie beside the root, in the same folder under the same account, and protect nothing. The root's path
// length is 1 and not 0 for the sake of rotation: the former root signs the new one's key once (a cross
// certificate, sent after each leaf), so that who knows only the former root still trusts new leaves.
//
// The root is made at the first use. Who verifies reads an immutable state behind an atomic pointer.
type authority struct {
	dir string // empty: there is no authority

	mu      sync.Mutex // held while the state changes
	current atomic.Pointer[authorityState]
}

// authorityState is never modified once stored.
type authorityState struct {
	root   *x509.Certificate
	key    *ecdsa.PrivateKey
	former []formerRoot
	// issuedUntil is when the last of what the root has issued ends, or later.
	issuedUntil time.Time
	// roots are the root and the former ones that are still trusted, until the moment of turn.
	roots []*x509.Certificate
	turn  time.Time
}

// formerRoot is one that was replaced.
type formerRoot struct {
	cert *x509.Certificate
	// cross is the next root's key, signed by this one.
	cross *x509.Certificate
	// until is when the last certificate that it issued has ended.
	until time.Time
}

// state is what is in force, made or read from the folder at the first use.
func (a *authority) state(now time.Time) (*authorityState, error) {
	if s := a.current.Load(); s != nil && now.Before(s.turn) {
		return s, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.locked(now)
}

// locked is state with a.mu held.
func (a *authority) locked(now time.Time) (*authorityState, error) {
	s := a.current.Load()
	if s != nil && now.Before(s.turn) {
		return s, nil
	}
	if a.dir == "" {
		return nil, errNoData
	}
	var next authorityState
	var err error
	switch {
	case s != nil:
		next = *s
	default:
		next, err = a.read()
		if errors.Is(err, errNoRoot) {
			next, err = a.create(now)
		}
		if err != nil {
			return nil, fmt.Errorf("internal CA: %w", err)
		}
	}
	state := a.publish(next, now)
	_ = a.publishFile(state.roots) // the next start, or the next turn, tries again; who asks us gets them anyway
	return state, nil
}

func (a *authority) create(now time.Time) (authorityState, error) {
	root, key, err := newRoot(now)
	if err != nil {
		return authorityState{}, err
	}
	s := authorityState{root: root, key: key}
	// The root comes first: a state without a root would be one that was lost.
	if err := a.writeRoot(s); err != nil {
		return s, err
	}
	if err := a.writeState(s); err != nil {
		return s, err
	}
	return s, a.publishFile([]*x509.Certificate{root})
}

// publish serves next from now on.
func (a *authority) publish(next authorityState, now time.Time) *authorityState {
	next.roots = []*x509.Certificate{next.root}
	next.turn = next.root.NotAfter
	if !now.Before(next.turn) {
		next.turn = now.Add(rootLife) // it has ended: nothing turns any more by itself
	}
	for _, f := range next.former {
		if now.Before(f.until) {
			next.roots = append(next.roots, f.cert)
			if f.until.Before(next.turn) {
				next.turn = f.until
			}
		}
	}
	a.current.Store(&next)
	return &next
}

// newRoot makes a root with a name of its own, so that nobody takes two roots for the same.
func newRoot(now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails
	template := &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"Holdfast"}, CommonName: "Holdfast internal CA " + now.UTC().Format(time.DateOnly) + " " + hex.EncodeToString(id[:])},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(rootLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLen: 1,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	root, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, nil, fmt.Errorf("root: %w", err)
	}
	return root, key, nil
}

// sign makes a certificate; a random serial number is filled in.
func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// newKey makes a private key.
func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return key, nil
}

// order is a certificate that is wanted.
type order struct {
	names    subjects
	public   crypto.PublicKey
	lifetime time.Duration
	usage    []x509.ExtKeyUsage
}

// issue makes a certificate, never one that outlives the root, and returns it with what has to be sent
// after it.
func (a *authority) issue(o order, now time.Time) (chain []*x509.Certificate, s *authorityState, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s, err = a.locked(now); err != nil {
		return nil, nil, err
	}
	end := now.Add(o.lifetime)
	if end.After(s.root.NotAfter) {
		end = s.root.NotAfter
	}
	if !now.Before(end) {
		return nil, nil, fmt.Errorf("internal CA: its root ended on %s; make a new one with: holdfast cert root --rotate", s.root.NotAfter.Format(time.DateOnly))
	}
	if end.After(s.issuedUntil) {
		// Before it is issued, and rounded up so that not every one is written.
		next := *s
		next.issuedUntil = end.Add(time.Hour).Truncate(time.Hour)
		if err := a.writeState(next); err != nil {
			return nil, nil, fmt.Errorf("internal CA: %w", err)
		}
		s = a.publish(next, now)
	}
	template := &x509.Certificate{
		NotBefore: now.Add(-backdate), NotAfter: end,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature, ExtKeyUsage: o.usage,
	}
	o.names.put(template)
	leaf, err := sign(template, s.root, o.public, s.key)
	if err != nil {
		return nil, nil, fmt.Errorf("internal CA: %w", err)
	}
	return append([]*x509.Certificate{leaf}, s.crosses(now)...), s, nil
}

// crosses are what who knows only a former root needs.
func (s *authorityState) crosses(now time.Time) []*x509.Certificate {
	if n := len(s.former); n > 0 {
		if cross := s.former[n-1].cross; cross != nil && now.Before(cross.NotAfter) {
			return []*x509.Certificate{cross}
		}
	}
	return nil
}

// rotate replaces the root. The former one stays trusted until what it has issued has ended, unless it is
// distrusted; its key is gone.
func (a *authority) rotate(now time.Time, distrust bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, err := a.locked(now)
	if err != nil {
		return err
	}
	root, key, err := newRoot(now)
	if err != nil {
		return fmt.Errorf("internal CA: %w", err)
	}
	next := authorityState{root: root, key: key}
	if trusted := len(s.roots) - 1; trusted >= maxFormer && !distrust {
		return fmt.Errorf("internal CA: %d former roots are still trusted, which is as many as can be: wait until the first of them ends (holdfast cert root tells), or forget them all with --distrust", trusted)
	}
	if !distrust {
		for _, f := range s.former {
			if now.Before(f.until) {
				next.former = append(next.former, formerRoot{cert: f.cert, until: f.until})
			}
		}
		former := formerRoot{cert: s.root, until: s.issuedUntil}
		if s.root.NotAfter.After(now) {
			template := &x509.Certificate{
				Subject: root.Subject, SubjectKeyId: root.SubjectKeyId,
				NotBefore: now.Add(-backdate), NotAfter: earliest(now.Add(crossLife), s.root.NotAfter),
				IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
				KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
			}
			if former.cross, err = sign(template, s.root, root.PublicKey, s.key); err != nil {
				return fmt.Errorf("internal CA: cross certificate: %w", err)
			}
		}
		next.former = append(next.former, former)
	}
	// The state comes first: after a crash in between the former root is still the root, which read
	// understands.
	if err := a.writeState(next); err != nil {
		return fmt.Errorf("internal CA: %w", err)
	}
	if err := a.writeRoot(next); err != nil {
		return fmt.Errorf("internal CA: %w", err)
	}
	a.publish(next, now)
	return nil
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// internalCA is a certificate that the authority issues and renews; it lives in memory alone.
type internalCA struct {
	authority *authority
	names     []string
	lifetime  time.Duration
	asked     atomic.Int64 // times that a renewal was asked for
}

// A certificate is renewed when this share of its life is over, at a moment by chance, so that not all
// are renewed at once; the end is told to be near when two thirds are over.
const (
	renewFrom = 0.60
	renewTo   = 0.65
)

func (c *internalCA) renew() { c.asked.Add(1) }

// look sees another root.
func (c *internalCA) look(now time.Time) any {
	type seen struct {
		root  *x509.Certificate
		asked int64
	}
	v := seen{asked: c.asked.Load()}
	if s, err := c.authority.state(now); err == nil {
		v.root = s.root
	}
	return v
}

func (c *internalCA) load(now time.Time) ([]*pair, time.Time, error) {
	retry := now.Add(min(time.Minute, c.lifetime/20))
	names, err := parseSubjects(c.names)
	if err != nil {
		return nil, retry, err
	}
	key, err := newKey()
	if err != nil {
		return nil, retry, err
	}
	chain, _, err := c.authority.issue(order{names, key.Public(), c.lifetime, bothUses()}, now)
	if err != nil {
		return nil, retry, err
	}
	cert := tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, one := range chain {
		cert.Certificate = append(cert.Certificate, one.Raw)
	}
	p, err := newPair(FromInternalCA, cert)
	if err != nil {
		return nil, retry, err
	}
	return []*pair{p}, renewAt(now, chain[0].NotAfter), nil
}

// bothUses are for what is presented to clients and to upstreams.
func bothUses() []x509.ExtKeyUsage {
	return []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
}
