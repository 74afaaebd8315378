package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
)

// Request asks the internal authority for a certificate.
type Request struct {
	// CSR is a PKCS #10 request in PEM form: its public key and names count, nothing else.
	CSR []byte
	// Client makes a certificate for clients; otherwise it is for servers.
	Client bool
	// Lifetime is how long it is valid (default 24h).
	Lifetime time.Duration
}

// Issued is what the authority made of a Request.
type Issued struct {
	// Chain is the certificate and what has to be sent after it, Roots what to trust; both PEM.
	Chain, Roots string
	Names        []string
	Serial       string
	NotAfter     time.Time
}

// ErrRequest says that a Request asks for what cannot be.
var ErrRequest = errors.New("the request for a certificate is not valid")

// defaultIssued is how long an issued certificate is valid.
const defaultIssued = 24 * time.Hour

// Issue makes a certificate for somebody else, whose key Holdfast never sees.
func (s *Store) Issue(r Request) (Issued, error) {
	if r.Lifetime == 0 {
		r.Lifetime = defaultIssued
	}
	if r.Lifetime < MinLifetime || r.Lifetime > MaxLifetime {
		return Issued{}, fmt.Errorf("%w: lifetime %s: it is from %s to %s", ErrRequest, r.Lifetime, MinLifetime, MaxLifetime)
	}
	csr, names, err := parseCSR(r.CSR)
	if err != nil {
		return Issued{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	usage := x509.ExtKeyUsageServerAuth
	if r.Client {
		usage = x509.ExtKeyUsageClientAuth
	}
	now := wall()
	chain, state, err := s.authority.issue(order{names, csr.PublicKey, r.Lifetime, []x509.ExtKeyUsage{usage}}, now)
	if err != nil {
		return Issued{}, err
	}
	out := Issued{Names: namesOf(chain[0]), Serial: chain[0].SerialNumber.Text(16), NotAfter: chain[0].NotAfter}
	for _, c := range chain {
		out.Chain += string(pemOf(c))
	}
	for _, c := range state.roots {
		out.Roots += string(pemOf(c))
	}
	s.log.Info("internal CA: certificate issued", zap.Strings("names", out.Names), zap.String("serial", out.Serial),
		zap.Bool("client", r.Client), zap.Time("not_after", out.NotAfter))
	return out, nil
}

// parseCSR reads a request and checks that whoever made it has the key.
func parseCSR(data []byte) (*x509.CertificateRequest, subjects, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE REQUEST" {
		return nil, subjects{}, errors.New("csr: it is no PEM block CERTIFICATE REQUEST")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, subjects{}, fmt.Errorf("csr: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, subjects{}, fmt.Errorf("csr: its signature is not by its key: %w", err)
	}
	if err := goodKey(csr.PublicKey); err != nil {
		return nil, subjects{}, fmt.Errorf("csr: %w", err)
	}
	asked := slices.Clone(csr.DNSNames)
	for _, ip := range csr.IPAddresses {
		asked = append(asked, ip.String())
	}
	asked = append(asked, csr.EmailAddresses...)
	for _, u := range csr.URIs {
		asked = append(asked, u.String())
	}
	names, err := parseSubjects(asked)
	if err != nil {
		return nil, subjects{}, fmt.Errorf("csr: %w", err)
	}
	if csr.Subject.CommonName != "" && slices.Contains(asked, csr.Subject.CommonName) {
		names.common = csr.Subject.CommonName
	}
	return csr, names, nil
}

// goodKey refuses keys that are too weak, and kinds that TLS does not know.
func goodKey(public crypto.PublicKey) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 || bits > 8192 {
			return fmt.Errorf("an RSA key has 2048 to 8192 bits, this one has %d", bits)
		}
		return nil
	case *ecdsa.PublicKey:
		if key.Params().BitSize < 256 {
			return fmt.Errorf("the curve %s is too weak", key.Params().Name)
		}
		return nil
	case ed25519.PublicKey:
		return nil
	default:
		return fmt.Errorf("a key of the kind %T cannot be used", public)
	}
}

// NewRequest makes a key, as PEM, and a Request's CSR for names.
func NewRequest(names []string) (key, csr []byte, err error) {
	wanted, err := parseSubjects(names)
	if err != nil {
		return nil, nil, err
	}
	private, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	var template x509.Certificate
	wanted.put(&template)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: template.Subject, DNSNames: template.DNSNames, IPAddresses: template.IPAddresses,
		EmailAddresses: template.EmailAddresses, URIs: template.URIs,
	}, private)
	if err != nil {
		return nil, nil, fmt.Errorf("make request: %w", err)
	}
	key, err = pemOfKey(private)
	return key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), err
}

// Renew has the certificate of that name made, issued or obtained anew, soon. ok is false when there is
// none of this name; others than self_signed, acme and internal_ca are renewed by others.
func (s *Store) Renew(name string) (kind Source, ok bool) {
	e := (*s.current.Load())[name]
	if e == nil {
		return "", false
	}
	e.source.renew()
	s.prod()
	return e.kind, true
}
