package identity

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// CertificateRules are what a client certificate must be like.
type CertificateRules struct {
	// CAFile has the authorities, PEM; empty: Authorities are asked for them.
	CAFile      string
	Authorities func() []*x509.Certificate
	// CRLFile is a revocation list of one of them, PEM or DER; empty: none.
	CRLFile             string
	Names               []string // one of its DNS names, URIs or e-mail addresses; empty: any
	OrganizationalUnits []string // one of its OUs; empty: any
	MaxLifetime         time.Duration
	// Read reads a file of bounded size (required).
	Read func(path string) ([]byte, error)
	// OnError hears of files that cannot be read; the last good content counts on.
	OnError func(error)
}

// CertificateError says why a client certificate is refused, in words that its holder may read.
type CertificateError struct{ text string }

func (e *CertificateError) Error() string { return e.text }

func refused(text string) error { return &CertificateError{text} }

// lookEvery is how often the files are looked at.
const lookEvery = time.Second

// ClientCertificates checks certificates of TLS clients. It does so for every request, so that an
// authority that was removed, or a certificate that was revoked, counts for connections and sessions that
// began before. What was checked is remembered as long as nothing changes.
type ClientCertificates struct {
	rules CertificateRules
	trust atomic.Pointer[trust]

	mu     sync.Mutex // held while files are looked at
	looked time.Time
}

// trust is what counts at one time. It is immutable but for what is remembered.
type trust struct {
	ca, crl     fs.FileInfo
	authorities []*x509.Certificate
	roots       *x509.CertPool
	revoked     *x509.RevocationList

	known sync.Map // digest -> *verdict
	count atomic.Int64
}

type verdict struct {
	subject string
	err     error
	until   time.Time
}

// NewClientCertificates reads the files. It fails when they are not readable.
func NewClientCertificates(rules CertificateRules) (*ClientCertificates, error) {
	if rules.OnError == nil {
		rules.OnError = func(error) {}
	}
	c := &ClientCertificates{rules: rules}
	t, err := c.read()
	if err != nil {
		return nil, err
	}
	c.trust.Store(t)
	return c, nil
}

// Verify checks the chain that a client has shown, the leaf first, and returns the leaf's subject. It
// fails with a *CertificateError.
func (c *ClientCertificates) Verify(chain []*x509.Certificate, now time.Time) (string, error) {
	if len(chain) == 0 {
		return "", refused("A client certificate is needed here.")
	}
	t := c.current(now)
	h := sha256.New()
	for _, cert := range chain {
		h.Write(cert.Raw)
	}
	id := digest(h.Sum(nil))
	if known, ok := t.known.Load(id); ok {
		if v, _ := known.(*verdict); now.Before(v.until) {
			return v.subject, v.err
		}
	}
	v := c.verify(t, chain, now)
	if t.count.Add(1) > maxKnown { // strangers can make up certificates
		t.known.Clear()
		t.count.Store(0)
	}
	t.known.Store(id, v)
	return v.subject, v.err
}

// verify is a verdict with the time until which it stands.
func (c *ClientCertificates) verify(t *trust, chain []*x509.Certificate, now time.Time) *verdict {
	leaf := chain[0]
	v := &verdict{subject: leaf.Subject.String(), until: now.Add(time.Minute)}
	if until := leaf.NotAfter; until.After(now) && until.Before(v.until) {
		v.until = until
	}
	if t.revoked != nil && t.revoked.NextUpdate.After(now) && t.revoked.NextUpdate.Before(v.until) {
		v.until = t.revoked.NextUpdate
	}
	v.err = c.examine(t, chain, now)
	return v
}

func (c *ClientCertificates) examine(t *trust, chain []*x509.Certificate, now time.Time) error {
	leaf := chain[0]
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	switch {
	case now.After(leaf.NotAfter):
		return refused("The client certificate has ended.")
	case now.Before(leaf.NotBefore):
		return refused("The client certificate is not valid yet.")
	case err != nil:
		return refused("The client certificate is not from an authority that is trusted here, or not for clients.")
	}
	if t.revoked != nil {
		if now.After(t.revoked.NextUpdate) {
			return refused("The list of revoked certificates is out of date.")
		}
		for _, cert := range chains[0] {
			if revokes(t.revoked, cert) {
				return refused("The client certificate was revoked.")
			}
		}
	}
	if longest := c.rules.MaxLifetime; longest > 0 && leaf.NotAfter.Sub(leaf.NotBefore) > longest {
		return refused("The client certificate is valid for longer than is allowed here.")
	}
	if len(c.rules.Names) > 0 && !slices.ContainsFunc(c.rules.Names, func(want string) bool { return hasName(leaf, want) }) {
		return refused("The client certificate has none of the names that are allowed here.")
	}
	if units := c.rules.OrganizationalUnits; len(units) > 0 &&
		!slices.ContainsFunc(leaf.Subject.OrganizationalUnit, func(ou string) bool { return slices.Contains(units, ou) }) {
		return refused("The client certificate is of none of the units that are allowed here.")
	}
	return nil
}

func revokes(list *x509.RevocationList, cert *x509.Certificate) bool {
	return bytes.Equal(list.RawIssuer, cert.RawIssuer) && slices.ContainsFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool {
		return e.SerialNumber.Cmp(cert.SerialNumber) == 0
	})
}

// hasName reports whether a certificate has a name, exactly: a wildcard in it is a name like any other.
func hasName(cert *x509.Certificate, want string) bool {
	if slices.ContainsFunc(cert.DNSNames, func(name string) bool { return strings.EqualFold(name, want) }) || slices.Contains(cert.EmailAddresses, want) {
		return true
	}
	for _, u := range cert.URIs {
		if u.String() == want {
			return true
		}
	}
	return false
}

// current is what counts now; changed files are read again.
func (c *ClientCertificates) current(now time.Time) *trust {
	t := c.trust.Load()
	if !c.mu.TryLock() {
		return t // somebody is looking
	}
	defer c.mu.Unlock()
	t = c.trust.Load()
	if now.Sub(c.looked) < lookEvery && !c.rotated(t) {
		return t
	}
	c.looked = now
	if !c.changed(t) {
		return t
	}
	next, err := c.read()
	if err != nil {
		c.rules.OnError(err)
		return t
	}
	c.trust.Store(next)
	return next
}

// rotated reports whether there are other authorities than those of a file: a look that costs nothing, so
// that one that is distrusted counts no more at once.
func (c *ClientCertificates) rotated(t *trust) bool {
	if c.rules.CAFile != "" {
		return false
	}
	now := c.rules.Authorities()
	return len(now) != len(t.authorities) || len(now) > 0 && now[0] != t.authorities[0]
}

func (c *ClientCertificates) changed(t *trust) bool {
	if c.rules.CAFile == "" && !slices.EqualFunc(t.authorities, c.rules.Authorities(), (*x509.Certificate).Equal) {
		return true
	}
	return altered(t.ca, c.rules.CAFile) || altered(t.crl, c.rules.CRLFile)
}

func altered(seen fs.FileInfo, path string) bool {
	if path == "" {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && (seen == nil || !info.ModTime().Equal(seen.ModTime()) || info.Size() != seen.Size())
}

func (c *ClientCertificates) read() (*trust, error) {
	t := &trust{roots: x509.NewCertPool()}
	if path := c.rules.CAFile; path != "" {
		t.ca, _ = os.Stat(path) // before it is read, so that no change is missed
		data, err := c.rules.Read(path)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		if t.authorities, err = ParseAuthorities(data); err != nil {
			return nil, fmt.Errorf("ca_file %s: %w", path, err)
		}
	} else {
		t.authorities = c.rules.Authorities()
	}
	for _, a := range t.authorities {
		t.roots.AddCert(a)
	}
	if path := c.rules.CRLFile; path != "" {
		t.crl, _ = os.Stat(path)
		data, err := c.rules.Read(path)
		if err != nil {
			return nil, fmt.Errorf("crl_file: %w", err)
		}
		if t.revoked, err = parseRevoked(data, t.authorities); err != nil {
			return nil, fmt.Errorf("crl_file %s: %w", path, err)
		}
	}
	return t, nil
}

// ParseAuthorities reads the certificates of a PEM file; there must be one at least.
func ParseAuthorities(data []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("it has a %s, not only certificates", strings.ToLower(block.Type))
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, cert)
	}
	if len(out) == 0 {
		return nil, errors.New("it has no certificate in PEM form")
	}
	return out, nil
}

// parseRevoked reads a revocation list, which one of the authorities must have signed.
func parseRevoked(data []byte, authorities []*x509.Certificate) (*x509.RevocationList, error) {
	if block, _ := pem.Decode(data); block != nil {
		data = block.Bytes
	}
	list, err := x509.ParseRevocationList(data)
	if err != nil {
		return nil, errors.New("it is not a revocation list")
	}
	if !slices.ContainsFunc(authorities, func(a *x509.Certificate) bool { return list.CheckSignatureFrom(a) == nil }) {
		return nil, errors.New("none of the authorities has signed it")
	}
	return list, nil
}
