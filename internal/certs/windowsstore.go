package certs

import (
	"crypto"
	"crypto/sha1" //nolint:gosec // Windows' own name for a certificate
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast/internal/config"
)

// windowsStore is a certificate of a Windows certificate store. Only finding it is ours: its key stays
// with the system, which signs.
type windowsStore struct {
	conf config.WindowsStore
	open func(config.WindowsStore) (systemStore, error)
}

func newWindowsStore(conf config.WindowsStore) *windowsStore {
	return &windowsStore{conf, openSystemStore}
}

// systemStore is an open certificate store.
type systemStore interface {
	// certificates are all that are in it, up to a bound.
	certificates() ([]stored, error)
	// signer has the private key of the i-th sign, and chain are the authorities' certificates between it
	// and a root, as far as the system knows them.
	signer(i int) (crypto.Signer, error)
	chain(i int) [][]byte
	close()
}

// stored is a certificate of a store.
type stored struct {
	leaf *x509.Certificate
	// keyed says that the system knows of a private key.
	keyed bool
}

// storeEvery is how often the store is looked at: nothing tells of a change cheaply.
const storeEvery = time.Minute

func (*windowsStore) look(time.Time) any { return nil }

func (*windowsStore) renew() {}

func (w *windowsStore) load(now time.Time) ([]*pair, time.Time, error) {
	next := now.Add(storeEvery)
	place := string(w.conf.Location) + `\` + w.conf.Store
	store, err := w.open(w.conf)
	if err != nil {
		return nil, next, fmt.Errorf("windows_store %s: %w", place, err)
	}
	defer store.close()
	all, err := store.certificates()
	if err != nil {
		return nil, next, fmt.Errorf("windows_store %s: %w", place, err)
	}
	i, err := pick(all, w.conf, now)
	if err != nil {
		return nil, next, fmt.Errorf("windows_store %s: %w", place, err)
	}
	key, err := store.signer(i)
	if err != nil {
		return nil, next, fmt.Errorf("windows_store %s: private key of %s: %w; give Holdfast's account the right to read it (certlm.msc, All Tasks, Manage Private Keys)", place, describe(all[i].leaf), err)
	}
	p, err := newPair(FromWindowsStore, tls.Certificate{
		Certificate: append([][]byte{all[i].leaf.Raw}, store.chain(i)...), PrivateKey: key, Leaf: all[i].leaf,
	})
	if err != nil {
		return nil, next, err
	}
	return []*pair{p}, next, nil
}

// pick is the certificate that is meant: of those that match and have a private key, the one that is
// valid and ends last.
func pick(all []stored, want config.WindowsStore, now time.Time) (int, error) {
	best, reasons := -1, []string{}
	for i, c := range all {
		if !matches(c.leaf, want) {
			continue
		}
		switch {
		case !c.keyed:
			reasons = append(reasons, describe(c.leaf)+" has no private key here")
		case now.Before(c.leaf.NotBefore):
			reasons = append(reasons, describe(c.leaf)+" is valid from "+c.leaf.NotBefore.Format(time.DateOnly)+" on")
		case now.After(c.leaf.NotAfter):
			reasons = append(reasons, describe(c.leaf)+" expired on "+c.leaf.NotAfter.Format(time.DateOnly))
		case best < 0 || c.leaf.NotAfter.After(all[best].leaf.NotAfter):
			best = i
		}
	}
	what := "subject " + want.Subject
	if want.Thumbprint != "" {
		what = "thumbprint " + want.Thumbprint
	}
	switch {
	case best >= 0:
		return best, nil
	case len(reasons) > 0:
		return -1, fmt.Errorf("no certificate with %s can be used: %s", what, strings.Join(reasons, "; "))
	default:
		return -1, fmt.Errorf("no certificate has %s; look with certlm.msc (LocalMachine) or certmgr.msc (CurrentUser)", what)
	}
}

// matches compares by thumbprint, or by the DNS names and the common name. A wildcard of the certificate
// matches as it does for clients.
func matches(leaf *x509.Certificate, want config.WindowsStore) bool {
	if want.Thumbprint != "" {
		return thumbprint(leaf) == strings.ToLower(strings.NewReplacer(" ", "", ":", "", "\u200e", "").Replace(want.Thumbprint))
	}
	for _, name := range leaf.DNSNames {
		if strings.EqualFold(name, want.Subject) {
			return true
		}
	}
	return strings.EqualFold(leaf.Subject.CommonName, want.Subject) || len(leaf.DNSNames) > 0 && leaf.VerifyHostname(want.Subject) == nil
}

func thumbprint(leaf *x509.Certificate) string {
	sum := sha1.Sum(leaf.Raw) //nolint:gosec // Windows' own name for a certificate
	return hex.EncodeToString(sum[:])
}

func describe(leaf *x509.Certificate) string {
	return fmt.Sprintf("%s (%s)", leaf.Subject.CommonName, thumbprint(leaf)[:8])
}

// errElsewhere is the answer of systems without such a store.
var errElsewhere = errors.New("windows_store works on Windows only")
