package sign_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// authority is a throw-away certificate authority.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir(), key: newKey(t)}
	a.cert = a.issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, &a.key.PublicKey)
	writePEM(t, a.path("root.pem"), "CERTIFICATE", a.cert.Raw)
	return a
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

// root is the file with the authority's own certificate.
func (a *authority) root() string { return a.path("root.pem") }

// signer makes a certificate and its key as PEM files.
func (a *authority) signer(t *testing.T, name string, usage x509.ExtKeyUsage, notAfter time.Time) (cert, key string) {
	t.Helper()
	private := newKey(t)
	c := a.issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature, NotAfter: notAfter,
		ExtraExtensions: []pkix.Extension{extendedUsage(t, usage)},
	}, &private.PublicKey)
	cert, key = a.path(name+".pem"), a.path(name+".key")
	writePEM(t, cert, "CERTIFICATE", c.Raw)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, key, "PRIVATE KEY", der)
	return cert, key
}

func (a *authority) issue(t *testing.T, c *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.NotBefore = serial, time.Now().Add(-2*time.Hour)
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(time.Hour)
	}
	parent := a.cert
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, public, a.key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// extendedUsage is critical, as RFC 3161 wants it of timestamp servers.
func extendedUsage(t *testing.T, usage x509.ExtKeyUsage) pkix.Extension {
	t.Helper()
	last := 3 // id-kp-codeSigning
	if usage == x509.ExtKeyUsageTimeStamping {
		last = 8
	}
	// SEQUENCE { OBJECT IDENTIFIER 1.3.6.1.5.5.7.3.last }
	return pkix.Extension{Id: []int{2, 5, 29, 37}, Critical: true, Value: []byte{0x30, 10, 0x06, 8, 0x2b, 6, 1, 5, 5, 7, 3, byte(last)}}
}

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
