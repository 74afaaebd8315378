package certs

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
)

// State is how a certificate is.
type State string

// The states.
const (
	Valid       State = "valid"
	Ending      State = "expiring"
	Expired     State = "expired"
	NotYetValid State = "not_yet_valid"
	// Pending: there is none yet.
	Pending State = "pending"
)

// States lists every State.
func States() []State { return []State{Valid, Ending, Expired, NotYetValid, Pending} }

// Info describes a certificate that is presented.
type Info struct {
	// Name is the entry of the configuration; of a folder there are several, told apart by File.
	Name   string
	File   string
	Source Source
	State  State
	// Names are the host names and addresses it is made for; those that are wanted while there is none.
	Names  []string
	Issuer string
	Serial string
	// Fingerprint is the SHA-256 of the certificate.
	Fingerprint string
	// Key is the kind of its key: "ECDSA P-256".
	Key                 string
	NotBefore, NotAfter time.Time
	// Renewal is when Holdfast renews it, or tries again; zero when others renew it.
	Renewal time.Time
	// Err is why the newest one could not be had; nil when it could.
	Err error
}

// List describes every certificate by name.
func (s *Store) List() []Info {
	now := wall()
	var out []Info
	all := *s.current.Load()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		e := all[name]
		common := Info{Name: name, Source: e.kind, Err: e.err}
		if e.kind.Renewed() {
			common.Renewal = e.retry()
		}
		if a, ok := e.source.(*acmeSource); ok {
			common.Names = a.conf.Names
		}
		if len(e.pairs) == 0 {
			common.State = Pending
			out = append(out, common)
		}
		for _, p := range e.pairs {
			out = append(out, describePair(common, p, now))
		}
	}
	return out
}

func describePair(i Info, p *pair, now time.Time) Info {
	sum := sha256.Sum256(p.Leaf.Raw)
	i.File, i.Names, i.Issuer = p.file, p.names, nameOf(p.Leaf.Issuer.CommonName, p.Leaf.Issuer.String())
	i.Serial, i.Fingerprint, i.Key = p.Leaf.SerialNumber.Text(16), hex.EncodeToString(sum[:]), keyKind(p.Leaf)
	i.NotBefore, i.NotAfter = p.Leaf.NotBefore, p.Leaf.NotAfter
	switch {
	case now.Before(p.Leaf.NotBefore):
		i.State = NotYetValid
	case now.After(p.Leaf.NotAfter):
		i.State = Expired
	case !now.Before(p.warn):
		i.State = Ending
	default:
		i.State = Valid
	}
	return i
}

func nameOf(common, whole string) string {
	if common != "" {
		return common
	}
	return whole
}

func keyKind(c *x509.Certificate) string {
	switch key := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	default:
		return c.PublicKeyAlgorithm.String()
	}
}

// Root is a root of the internal authority.
type Root struct {
	PEM                 string
	Subject             string
	NotBefore, NotAfter time.Time
	// Former is true for one that was replaced; it is trusted Until then.
	Former bool
	Until  time.Time
}

// Authority are the internal authority's root and the former ones that are still trusted.
func (s *Store) Authority() ([]Root, error) {
	state, err := s.authority.state(wall())
	if err != nil {
		return nil, err
	}
	var out []Root
	for i, c := range state.roots {
		r := Root{PEM: string(pemOf(c)), Subject: c.Subject.CommonName, NotBefore: c.NotBefore, NotAfter: c.NotAfter, Former: i > 0}
		if r.Former {
			for _, f := range state.former {
				if f.cert.Equal(c) {
					r.Until = f.until
				}
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// RotateRoot gives the internal authority a new root, which signs from now on. What the former one has
// signed stays trusted until it ends, unless distrust says that it must not be.
func (s *Store) RotateRoot(distrust bool) error {
	if err := s.authority.rotate(wall(), distrust); err != nil {
		return err
	}
	s.log.Warn("internal CA: there is a new root", zap.Bool("former_distrusted", distrust))
	s.refresh(wall()) // who learns the new root from here on meets certificates by it
	if err := s.authority.publishFile(s.Roots()); err != nil {
		return fmt.Errorf("internal CA: there is a new root, which signs from now on, but the file of what to trust is still the former one: %w; get it with: holdfast cert root", err)
	}
	return nil
}
