package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"holdfast/internal/config"
)

// Source is where a certificate comes from, by the name of its key in the configuration.
type Source string

// The sources.
const (
	FromFiles        Source = "files"
	FromFolder       Source = "folder"
	FromWindowsStore Source = "windows_store"
	FromSelfSigned   Source = "self_signed"
	FromACME         Source = "acme"
	FromInternalCA   Source = "internal_ca"
)

// Sources lists every Source.
func Sources() []Source {
	return []Source{FromFiles, FromFolder, FromWindowsStore, FromSelfSigned, FromACME, FromInternalCA}
}

// Renewed reports whether it is Holdfast itself that renews what comes from there.
func (s Source) Renewed() bool { return s == FromSelfSigned || s == FromACME || s == FromInternalCA }

// A source has the certificates of one entry of the configuration. Its methods may be called from
// several goroutines.
type source interface {
	// look is how what it reads from looks now, as a comparable value: a change in it is the cue to load.
	look(now time.Time) any
	// load has what is presented from now on, and when to load again without a cue (zero: never). With an
	// error that is the moment of the next try. No pairs and no error means: none yet.
	load(now time.Time) (pairs []*pair, next time.Time, err error)
	// renew makes the next load a renewal; it does nothing where others renew.
	renew()
}

// sourceOf makes the source that conf describes.
func (s *Store) sourceOf(name string, conf config.Certificate) (kind Source, src source) {
	switch {
	case conf.Folder != "":
		return FromFolder, folder{conf.Folder}
	case conf.WindowsStore != nil:
		return FromWindowsStore, newWindowsStore(*conf.WindowsStore)
	case conf.SelfSigned != nil:
		return FromSelfSigned, &selfSigned{names: conf.SelfSigned.Names, file: s.file("self-signed", name+".pem")}
	case conf.ACME != nil:
		return FromACME, newACME(*conf.ACME, s.file("acme"), name, &s.challenges)
	case conf.InternalCA != nil:
		return FromInternalCA, &internalCA{authority: s.authority, names: conf.InternalCA.Names, lifetime: conf.InternalCA.Lifetime.D()}
	default:
		return FromFiles, files{conf.CertFile, conf.KeyFile}
	}
}

// errNoData refuses what has to be kept somewhere.
var errNoData = errors.New("there is no data folder to keep it in")

// pair is a certificate with its key, as it is presented.
type pair struct {
	tls.Certificate
	// file is what a folder's pair was read from.
	file string
	// warn is when its end is near.
	warn time.Time
	// names are what it is made for, as in the certificate.
	names []string
}

// soon is how long before its end a certificate that others renew is told of, unless it lives so short
// that a third of its life is less.
const soon = 14 * 24 * time.Hour

// newPair takes over what is presented.
func newPair(kind Source, c tls.Certificate) (*pair, error) {
	if c.Leaf == nil {
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		c.Leaf = leaf
	}
	p := &pair{Certificate: c, names: namesOf(c.Leaf)}
	third := c.Leaf.NotAfter.Sub(c.Leaf.NotBefore) / 3
	switch kind {
	case FromInternalCA:
		third -= backdate / 3
	case FromACME:
	case FromFiles, FromFolder, FromWindowsStore, FromSelfSigned:
		third = min(third, soon)
	}
	p.warn = c.Leaf.NotAfter.Add(-third)
	return p, nil
}

// namesOf are the names and addresses that a certificate is made for.
func namesOf(leaf *x509.Certificate) []string {
	names := append([]string{}, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	names = append(names, leaf.EmailAddresses...)
	for _, uri := range leaf.URIs {
		names = append(names, uri.String())
	}
	if len(names) == 0 && leaf.Subject.CommonName != "" {
		names = append(names, leaf.Subject.CommonName)
	}
	return names
}
