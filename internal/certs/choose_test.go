package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
)

// made is a self-signed pair with names, in PEM form.
type made struct {
	names  []string
	rsa    bool
	before time.Time // of its validity; the zero value is an hour ago
	after  time.Time // the zero value is in a year
}

func (m made) pem(tb testing.TB) (cert, key []byte) {
	tb.Helper()
	var private crypto.Signer
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if m.rsa {
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: m.names[0]},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	if !m.before.IsZero() {
		template.NotBefore = m.before
	}
	if !m.after.IsZero() {
		template.NotAfter = m.after
	}
	for _, name := range m.names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		tb.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// put writes a pair into a folder.
func put(t *testing.T, dir, name, ext string, m made) {
	t.Helper()
	cert, key := m.pem(t)
	write(t, filepath.Join(dir, name+ext), cert)
	write(t, filepath.Join(dir, name+".key"), key)
}

// modern is a client that takes ECDSA and RSA, old one that takes RSA alone.
func modern(server string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName: server, SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.PSSWithSHA256, tls.PKCS1WithSHA256},
		SupportedCurves:  []tls.CurveID{tls.CurveP256, tls.X25519}, SupportedPoints: []uint8{0},
		CipherSuites: []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
	}
}

func old(server string) *tls.ClientHelloInfo {
	h := modern(server)
	h.SupportedVersions = []uint16{tls.VersionTLS12}
	h.SignatureSchemes = []tls.SignatureScheme{tls.PSSWithSHA256, tls.PKCS1WithSHA256}
	h.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	return h
}

// connectedTo is a connection whose own end has an address.
type connectedTo struct {
	net.Conn
	address net.IP
}

func (c connectedTo) LocalAddr() net.Addr { return &net.TCPAddr{IP: c.address, Port: 443} }

func TestChoose(t *testing.T) {
	dir, other := scratch(t), scratch(t)
	put(t, dir, "a", ".crt", made{names: []string{"a.example.com"}})
	put(t, dir, "b-old", ".crt", made{names: []string{"b.example.com"}, after: time.Now().Add(-time.Minute)})
	put(t, dir, "b-rsa", ".pem", made{names: []string{"b.example.com"}, rsa: true})
	put(t, dir, "b-ten", ".crt", made{names: []string{"B.example.com", "10.0.0.5"}})
	put(t, dir, "w", ".crt", made{names: []string{"*.example.com"}})
	write(t, filepath.Join(dir, "authority.crt"), []byte("nobody reads this"))
	write(t, filepath.Join(dir, "README.key"), []byte("nor this"))
	put(t, other, "cert", ".pem", made{names: []string{"standard.test", "c.example.com"}})
	if err := os.Rename(filepath.Join(other, "cert.key"), filepath.Join(other, "key.pem")); err != nil {
		t.Fatal(err)
	}

	s, _, _ := newStore(t)
	if err := s.Apply(map[string]config.Certificate{"standard": pairFiles(other), "many": {Folder: dir}}); err != nil {
		t.Fatal(err)
	}
	byAddress := modern("")
	byAddress.Conn = connectedTo{address: net.IPv4(10, 0, 0, 5)}
	both := []string{"standard", "many"}
	for _, tt := range []struct {
		name  string
		names []string
		hello *tls.ClientHelloInfo
		want  string // common name
		rsa   bool
	}{
		{name: "exact", names: both, hello: modern("a.example.com"), want: "a.example.com"},
		{name: "in capitals", names: both, hello: modern("A.Example.COM"), want: "a.example.com"},
		{name: "ECDSA before RSA, valid before expired", names: both, hello: modern("b.example.com"), want: "B.example.com"},
		{name: "RSA for who cannot do ECDSA", names: both, hello: old("b.example.com"), want: "b.example.com", rsa: true},
		{name: "exact in another entry before a wildcard", names: []string{"many", "standard"}, hello: modern("c.example.com"), want: "standard.test"},
		{name: "wildcard", names: both, hello: modern("d.example.com"), want: "*.example.com"},
		{name: "a wildcard is one label", names: both, hello: modern("d.e.example.com"), want: "standard.test"},
		{name: "a wildcard is not none", names: both, hello: modern("example.com"), want: "standard.test"},
		{name: "unknown name", names: both, hello: modern("elsewhere.test"), want: "standard.test"},
		{name: "no name", names: both, hello: modern(""), want: "standard.test"},
		{name: "no name, a folder first", names: []string{"many"}, hello: modern(""), want: "a.example.com"},
		{name: "an address", names: both, hello: byAddress, want: "B.example.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.Choose(tt.names, tt.hello)
			if err != nil {
				t.Fatal(err)
			}
			if got.Leaf.Subject.CommonName != tt.want || got.Leaf.PublicKeyAlgorithm == x509.RSA != tt.rsa {
				t.Errorf("got %s (%s)", got.Leaf.Subject.CommonName, got.Leaf.PublicKeyAlgorithm)
			}
		})
	}
	if _, err := s.Choose([]string{"gone"}, modern("x")); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("an unknown entry: %v", err)
	}
	get := s.ClientCertificate("many")
	got, err := get(&tls.CertificateRequestInfo{Version: tls.VersionTLS13, SignatureSchemes: []tls.SignatureScheme{tls.PSSWithSHA256}})
	if err != nil || got.Leaf.PublicKeyAlgorithm != x509.RSA {
		t.Errorf("a server that takes RSA alone is shown %v, %v", got, err)
	}
	if _, err := s.ClientCertificate("gone")(&tls.CertificateRequestInfo{}); err == nil {
		t.Error("an unknown client certificate: no error")
	}
}

func TestFolderErrors(t *testing.T) {
	s, heard, _ := newStore(t)
	empty := scratch(t)
	if err := s.Apply(map[string]config.Certificate{"shop": {Folder: empty}}); err == nil || !strings.Contains(err.Error(), "no pair is in it") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := s.Apply(map[string]config.Certificate{"shop": {Folder: filepath.Join(empty, "none")}}); err == nil {
		t.Error("a missing folder: no error")
	}
	put(t, empty, "a", ".crt", made{names: []string{"a.test"}})
	if err := s.Apply(map[string]config.Certificate{"shop": {Folder: empty}}); err != nil {
		t.Fatal(err)
	}
	// One bad pair keeps all as they are, until it is repaired.
	put(t, empty, "b", ".crt", made{names: []string{"b.test"}})
	write(t, filepath.Join(empty, "b.key"), []byte("half a key"))
	now := wall()
	s.refresh(now)
	if heard.count(Rejected, "shop") != 0 {
		t.Error("told although it may be a write under way")
	}
	s.refresh(now.Add(checkEvery))
	if heard.count(Rejected, "shop") != 1 || len(s.List()) != 1 || s.List()[0].Err == nil {
		t.Errorf("a bad pair: told %d times, %+v", heard.count(Rejected, "shop"), s.List())
	}
	put(t, empty, "b", ".crt", made{names: []string{"b.test"}})
	s.refresh(now.Add(2 * checkEvery))
	if list := s.List(); len(list) != 2 || list[1].File != "b.crt" || list[0].Err != nil {
		t.Errorf("repaired: %+v", list)
	}
	if err := os.Remove(filepath.Join(empty, "a.key")); err != nil {
		t.Fatal(err)
	}
	s.refresh(now.Add(3 * checkEvery))
	if list := s.List(); len(list) != 1 || list[0].File != "b.crt" {
		t.Errorf("one removed: %+v", list)
	}
}

// Handshakes by the name cost no allocation.
func TestChooseAllocations(t *testing.T) {
	dir := scratch(t)
	put(t, dir, "a", ".crt", made{names: []string{"a.example.com"}})
	put(t, dir, "w", ".crt", made{names: []string{"*.example.com"}})
	s, _, _ := newStore(t)
	if err := s.Apply(map[string]config.Certificate{"many": {Folder: dir}}); err != nil {
		t.Fatal(err)
	}
	names, exact, wild := []string{"many"}, modern("a.example.com"), modern("x.example.com")
	if n := testing.AllocsPerRun(100, func() {
		_, _ = s.Choose(names, exact)
		_, _ = s.Choose(names, wild)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzPair(f *testing.F) {
	cert, key := made{names: []string{"a.test"}}.pem(f)
	f.Add(cert, key)
	f.Add(append(append([]byte{}, cert...), key...), append(append([]byte{}, key...), cert...))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), key)
	f.Fuzz(func(t *testing.T, chain, key []byte) {
		p, err := parsePair(FromFiles, chain, key)
		if err != nil {
			return
		}
		if p.Leaf == nil || len(p.Certificate.Certificate) == 0 || p.warn.IsZero() {
			t.Errorf("a pair without its parts: %+v", p)
		}
		x := newIndex([]*pair{p})
		for name := range x.exact {
			if name != strings.ToLower(name) {
				t.Errorf("name %q is not in lower case", name)
			}
		}
		_, _, _ = parseRoot(append(chain, key...))
		_, _, _ = parseCSR(chain)
	})
}
