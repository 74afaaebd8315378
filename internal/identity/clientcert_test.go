package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority issues certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert, a.key = a.issue(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: begin.Add(-time.Hour), NotAfter: begin.Add(1000 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	})
	return a
}

func (a *authority) issue(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// client is a certificate of a client, after edit.
func (a *authority) client(serial int64, edit func(*x509.Certificate)) []*x509.Certificate {
	a.t.Helper()
	uri, err := url.Parse("spiffe://shop.example/worker")
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "worker", OrganizationalUnit: []string{"shop", "night"}},
		DNSNames: []string{"worker.shop.example"}, EmailAddresses: []string{"worker@shop.example"}, URIs: []*url.URL{uri},
		NotBefore: begin.Add(-time.Minute), NotAfter: begin.Add(23 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if edit != nil {
		edit(template)
	}
	cert, _ := a.issue(template)
	return []*x509.Certificate{cert}
}

func (a *authority) revoke(until time.Time, serials ...int64) []byte {
	a.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: begin.Add(-time.Hour), NextUpdate: until}
	for _, s := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(s), RevocationTime: begin})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

var begin = time.Unix(at, 0)

func write(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestClientCertificates(t *testing.T) {
	dir := t.TempDir()
	ours, other := newAuthority(t, "ours"), newAuthority(t, "other")
	ca := write(t, dir, "ca.pem", ours.pem())
	crl := write(t, dir, "crl.pem", ours.revoke(begin.Add(time.Hour), 66))
	stale := write(t, dir, "stale.pem", ours.revoke(begin.Add(-time.Second), 66))
	inner, innerKey := ours.issue(&x509.Certificate{
		SerialNumber: big.NewInt(50), Subject: pkix.Name{CommonName: "inner"}, NotBefore: begin.Add(-time.Hour), NotAfter: begin.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	below := &authority{t, inner, innerKey}
	for name, tt := range map[string]struct {
		chain []*x509.Certificate
		rules CertificateRules
		want  string // a part of the error; empty: good
	}{
		"good":                    {ours.client(2, nil), CertificateRules{}, ""},
		"none":                    {nil, CertificateRules{}, "is needed"},
		"another authority":       {other.client(2, nil), CertificateRules{}, "not from an authority"},
		"signs itself":            {[]*x509.Certificate{other.cert}, CertificateRules{}, "not from an authority"},
		"an authority below":      {append(below.client(2, nil), inner), CertificateRules{}, ""},
		"below, but not shown":    {below.client(2, nil), CertificateRules{}, "not from an authority"},
		"a server's":              {ours.client(2, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), CertificateRules{}, "not for clients"},
		"ended":                   {ours.client(2, func(c *x509.Certificate) { c.NotAfter = begin.Add(-time.Second) }), CertificateRules{}, "has ended"},
		"not yet":                 {ours.client(2, func(c *x509.Certificate) { c.NotBefore = begin.Add(time.Second) }), CertificateRules{}, "not valid yet"},
		"revoked":                 {ours.client(66, nil), CertificateRules{CRLFile: crl}, "revoked"},
		"not revoked":             {ours.client(67, nil), CertificateRules{CRLFile: crl}, ""},
		"list out of date":        {ours.client(67, nil), CertificateRules{CRLFile: stale}, "out of date"},
		"name":                    {ours.client(2, nil), CertificateRules{Names: []string{"x", "Worker.Shop.example"}}, ""},
		"mail":                    {ours.client(2, nil), CertificateRules{Names: []string{"worker@shop.example"}}, ""},
		"URI":                     {ours.client(2, nil), CertificateRules{Names: []string{"spiffe://shop.example/worker"}}, ""},
		"none of the names":       {ours.client(2, nil), CertificateRules{Names: []string{"worker"}}, "none of the names"},
		"wildcard is no pattern":  {ours.client(2, func(c *x509.Certificate) { c.DNSNames = []string{"*.shop.example"} }), CertificateRules{Names: []string{"worker.shop.example"}, OrganizationalUnits: nil}, "none of the names"},
		"unit":                    {ours.client(2, nil), CertificateRules{OrganizationalUnits: []string{"night"}}, ""},
		"none of the units":       {ours.client(2, nil), CertificateRules{OrganizationalUnits: []string{"nigh"}}, "none of the units"},
		"short enough":            {ours.client(2, nil), CertificateRules{MaxLifetime: 24 * time.Hour}, ""},
		"valid for too long":      {ours.client(2, func(c *x509.Certificate) { c.NotAfter = begin.Add(48 * time.Hour) }), CertificateRules{MaxLifetime: 24 * time.Hour}, "for longer"},
		"an authority as clients": {[]*x509.Certificate{ours.cert}, CertificateRules{}, ""}, // without any usage it is for all
	} {
		t.Run(name, func(t *testing.T) {
			tt.rules.CAFile, tt.rules.Read = ca, os.ReadFile
			if name == "wildcard is no pattern" {
				tt.chain = ours.client(2, func(c *x509.Certificate) {
					c.DNSNames, c.URIs, c.EmailAddresses = []string{"*.shop.example"}, nil, nil
				})
			}
			c, err := NewClientCertificates(tt.rules)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time it is known
				subject, err := c.Verify(tt.chain, begin)
				if tt.want == "" && (err != nil || subject == "") || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Fatalf("%q %v, want %q", subject, err, tt.want)
				}
			}
		})
	}
}

// What changes on disk counts for those who were let in before.
func TestClientCertificatesChange(t *testing.T) {
	dir := t.TempDir()
	ours, other := newAuthority(t, "ours"), newAuthority(t, "a longer name")
	ca := write(t, dir, "ca.pem", ours.pem())
	crl := write(t, dir, "crl.pem", ours.revoke(begin.Add(time.Hour)))
	var told []error
	c, err := NewClientCertificates(CertificateRules{CAFile: ca, CRLFile: crl, Read: os.ReadFile, OnError: func(err error) { told = append(told, err) }})
	if err != nil {
		t.Fatal(err)
	}
	mine, now := ours.client(7, nil), begin
	check := func(want string) {
		t.Helper()
		now = now.Add(lookEvery)
		if _, err := c.Verify(mine, now); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Fatalf("%v, want %q", err, want)
		}
	}
	check("")
	write(t, dir, "crl.pem", ours.revoke(begin.Add(time.Hour), 7))
	check("revoked")
	write(t, dir, "crl.pem", []byte("nonsense"))
	check("revoked") // the last good list counts on
	if len(told) == 0 {
		t.Error("nobody was told of a broken list")
	}
	write(t, dir, "crl.pem", ours.revoke(begin.Add(time.Hour), 8, 9))
	check("")
	write(t, dir, "ca.pem", other.pem())
	write(t, dir, "crl.pem", other.revoke(begin.Add(time.Hour)))
	check("not from an authority")
	write(t, dir, "ca.pem", append(other.pem(), ours.pem()...))
	check("")

	// Without a file the internal authority's roots count, as they are now.
	roots := []*x509.Certificate{ours.cert}
	c, err = NewClientCertificates(CertificateRules{Authorities: func() []*x509.Certificate { return roots }, Read: os.ReadFile})
	if err != nil {
		t.Fatal(err)
	}
	check("")
	roots = []*x509.Certificate{other.cert}
	if _, err := c.Verify(mine, now); err == nil { // at once, not with the next look at files
		t.Error("a root that was taken away counts on")
	}
	check("not from an authority")
}

func TestClientCertificateFiles(t *testing.T) {
	dir := t.TempDir()
	ours, other := newAuthority(t, "ours"), newAuthority(t, "other")
	ca := write(t, dir, "ca.pem", ours.pem())
	for name, rules := range map[string]CertificateRules{
		"no file":             {CAFile: filepath.Join(dir, "absent")},
		"empty":               {CAFile: write(t, dir, "empty", nil)},
		"a key":               {CAFile: write(t, dir, "key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))},
		"list of another":     {CAFile: ca, CRLFile: write(t, dir, "crl", other.revoke(begin.Add(time.Hour)))},
		"list that is none":   {CAFile: ca, CRLFile: ca},
		"list that is absent": {CAFile: ca, CRLFile: filepath.Join(dir, "absent")},
	} {
		rules.Read = os.ReadFile
		if _, err := NewClientCertificates(rules); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
