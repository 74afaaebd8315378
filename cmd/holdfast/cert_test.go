package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/certs"
	"holdfast/internal/config"
)

func TestCertificateForms(t *testing.T) {
	plain := style{unicode: true, now: now(), zone: time.UTC}
	list := []api.Certificate{
		{ID: "shop", Source: certs.FromInternalCA, State: certs.Valid, Names: []string{"shop.test", "10.0.0.5"}, Issuer: "Holdfast internal CA 2026-03-01 5f3a9c01", NotAfter: now().Add(20 * time.Hour), NextRenewal: now().Add(12 * time.Hour)},
		{ID: "site", Source: certs.FromACME, State: certs.Pending, Names: []string{"site.test"}, NextRenewal: now().Add(2 * time.Minute), Error: "authority https://acme.test/dir: connection \x1b[2Jrefused"},
		{ID: "many", File: "a.crt", Source: certs.FromFolder, State: certs.Expired, Names: []string{"a.test"}, Issuer: "R11", NotAfter: now().Add(-72 * time.Hour)},
	}
	shown := shownCertificate{
		Address: "shop.test:443", Name: "shop.test", Protocol: "TLS 1.3", Subject: "CN=\x1b[2Jshop", Names: []string{"shop.test"}, Issuer: "CN=R11", NotBefore: now().Add(-time.Hour), NotAfter: now().Add(90 * 24 * time.Hour), Sent: 2,
		Why: "it is not made for x", Cure: "ask for one of its names",
	}
	good := shown
	good.Subject, good.Trusted, good.Why, good.Cure = "CN=shop.test", true, "", ""
	c := &console{name: "Holdfast"}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"cert_ls.txt":         func(b *bytes.Buffer) error { return c.writeCertificates(b, plain, list) },
		"cert_ls_none.txt":    func(b *bytes.Buffer) error { return c.writeCertificates(b, plain, nil) },
		"cert_test.txt":       func(b *bytes.Buffer) error { return c.writeShown(b, plain, good) },
		"cert_test_wrong.txt": func(b *bytes.Buffer) error { return c.writeShown(b, plain, shown) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Error(err)
		}
		if strings.Contains(b.String(), "\x1b") {
			t.Errorf("%s drives the terminal", name)
		}
		golden(t, name, b.String())
	}
}

// withAuthority is a fake Holdfast with certificates, and what selects it.
func withAuthority(t *testing.T) (store *certs.Store, data string) {
	t.Helper()
	f, data := newFakeHoldfast(t)
	conf := map[string]config.Certificate{"shop": {InternalCA: &config.InternalCA{Names: []string{"shop.test"}, Lifetime: config.Duration(24 * time.Hour)}}}
	if err := f.certs.Apply(conf); err != nil {
		t.Fatal(err)
	}
	return f.certs, data
}

func TestCertIssue(t *testing.T) {
	store, data := withAuthority(t)
	out := t.TempDir()
	code, stdout, stderr := runCLI("cert", "issue", "deploy-bot", "spiffe://example.com/x", "--client", "--lifetime", "8h", "--out", out, "--data", data, "-o", "json")
	if code != 0 {
		t.Fatalf("%d %s", code, stderr)
	}
	var files issuedFiles
	if err := json.Unmarshal([]byte(stdout), &files); err != nil || len(files.Names) != 2 {
		t.Fatalf("%s: %v", stdout, err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(out, "deploy-bot.crt"), filepath.Join(out, "deploy-bot.key"))
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(pair.Leaf.NotAfter); left > 8*time.Hour || pair.Leaf.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth || pair.Leaf.CheckSignatureFrom(store.Roots()[0]) != nil {
		t.Errorf("%+v", pair.Leaf)
	}
	if info, err := os.Stat(files.Key); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v", info, err)
	}
	if root, err := os.ReadFile(filepath.Join(out, "root.pem")); err != nil || !strings.Contains(string(root), "BEGIN CERTIFICATE") {
		t.Errorf("root: %v", err)
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "root.pem"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"beside a root of Holdfast", []string{"second-bot", "--out", out}, exitOK, "valid until"},
		{"beside another root", []string{"bot", "--out", foreign}, exitFailed, "root.pem is there already"},
		{"beside another root by force", []string{"bot", "--out", foreign, "--force"}, exitOK, "valid until"},
		{"again", []string{"deploy-bot", "--out", out}, exitFailed, "--force"},
		{"again by force", []string{"deploy-bot", "--out", out, "--force"}, exitOK, "valid until"},
		{"no name", []string{"a b"}, exitUsage, "neither a host name"},
		{"too long", []string{"a", "--lifetime", "9000h"}, exitUsage, "--lifetime"},
		{"two places", []string{"a", "--pem", "--out", out}, exitUsage, "--pem"},
		{"standard output", []string{"a.test", "--pem"}, exitOK, "PRIVATE KEY"},
		{"no place", []string{"a.test", "--out", filepath.Join(out, "deploy-bot.crt", "x")}, exitFailed, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := runCLI(append([]string{"cert", "issue", "--data", data}, tt.args...)...)
			if code != tt.code || !strings.Contains(stdout+stderr, tt.want) {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
		})
	}
	if got := fileName("*.a/b://c:d\\e"); got != "_.a_b___c_d_e" {
		t.Errorf("fileName = %q", got)
	}
}

func TestCertRootAndRenew(t *testing.T) {
	store, data := withAuthority(t)
	code, stdout, stderr := runCLI("cert", "root", "--data", data)
	block, _ := pem.Decode([]byte(stdout))
	if code != 0 || block == nil || !bytes.Equal(block.Bytes, store.Roots()[0].Raw) {
		t.Errorf("%d %s%s", code, stdout, stderr)
	}
	if code, _, stderr := runCLI("cert", "root", "--distrust", "--data", data); code != exitUsage || !strings.Contains(stderr, "--rotate") {
		t.Errorf("%d %s", code, stderr)
	}
	if code, stdout, _ := runCLI("cert", "root", "--rotate", "--data", data); code != 0 || strings.Count(stdout, "BEGIN CERTIFICATE") != 2 || !strings.Contains(stdout, "former, trusted until") {
		t.Errorf("%d %s", code, stdout)
	}
	if code, stdout, _ := runCLI("cert", "root", "--rotate", "--distrust", "--data", data, "-o", "yaml"); code != 0 || strings.Count(stdout, "BEGIN CERTIFICATE") != 1 {
		t.Errorf("%d %s", code, stdout)
	}
	if code, stdout, _ := runCLI("cert", "renew", "shop", "--data", data); code != 0 || !strings.Contains(stdout, "being renewed") {
		t.Errorf("%d %s", code, stdout)
	}
	if code, _, stderr := runCLI("cert", "renew", "gone", "--data", data); code != exitFailed || !strings.Contains(stderr, "gone") {
		t.Errorf("%d %s", code, stderr)
	}
	if code, stdout, _ := runCLI("cert", "ls", "--data", data); code != 0 || !strings.Contains(stdout, "internal_ca") {
		t.Errorf("%d %s", code, stdout)
	}
	if code, stdout, _ := runCLI("__complete", "cert", "renew", "--data", data, ""); code != 0 || !strings.Contains(stdout, "shop\tinternal_ca") {
		t.Errorf("completion: %d %s", code, stdout)
	}
}

func TestCertTest(t *testing.T) {
	store, _ := withAuthority(t)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	own := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return store.Get("shop") }}
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return own, nil }}
	server.StartTLS()
	defer server.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	dir := t.TempDir()
	root := filepath.Join(dir, "root.pem")
	list, err := store.Authority()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{root: list[0].PEM, filepath.Join(dir, "empty.pem"): "x"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := strings.TrimPrefix(server.URL, "https://")
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"trusted", []string{address, "--name", "shop.test", "--ca", root}, 0, "trusted  yes"},
		{"as a URL", []string{server.URL + "/path", "--name", "shop.test", "--ca", root}, 0, "trusted  yes"},
		{"not by the system", []string{address, "--name", "shop.test"}, 1, "holdfast cert root > root.pem"},
		{"another name", []string{address, "--name", "other.test", "--ca", root}, 1, "not made for other.test"},
		{"by its address", []string{address, "--ca", root}, 1, "not made for 127.0.0.1"},
		{"no TLS", []string{strings.TrimPrefix(plain.URL, "http://")}, 1, "does not speak TLS"},
		{"no file", []string{address, "--ca", filepath.Join(dir, "none.pem")}, 1, "--ca"},
		{"no certificate in it", []string{address, "--ca", filepath.Join(dir, "empty.pem")}, 1, "PEM file"},
		{"nobody", []string{closedPort(t)}, 1, "connect"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, stdout, stderr := runCLI(append([]string{"cert", "test"}, tt.args...)...)
			if code != tt.code || !strings.Contains(stdout+stderr, tt.want) {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
		})
	}
}

// TestJudge has the causes that need certificates of other times and shapes.
func TestJudge(t *testing.T) {
	store, _ := withAuthority(t)
	pair, err := store.Get("shop")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(store.Roots()[0])
	root := store.Roots()[0]
	for _, tt := range []struct {
		name string
		sent []*x509.Certificate
		f    testFlags
		at   time.Time
		want string
	}{
		{"good", []*x509.Certificate{pair.Leaf}, testFlags{name: "shop.test"}, time.Now(), ""},
		{"expired", []*x509.Certificate{pair.Leaf}, testFlags{name: "shop.test"}, time.Now().Add(48 * time.Hour), "expired on"},
		{"not yet valid", []*x509.Certificate{pair.Leaf}, testFlags{name: "shop.test"}, time.Now().Add(-48 * time.Hour), "valid from"},
		{"signs itself", []*x509.Certificate{root}, testFlags{}, time.Now(), "signs itself"},
	} {
		roots := pool
		if tt.name == "signs itself" {
			roots = x509.NewCertPool()
		}
		if why, cure := judge(tt.sent, tt.f, roots, tt.at); !strings.Contains(why, tt.want) || (why == "") != (cure == "") || (why == "") != (tt.want == "") {
			t.Errorf("%s: %q, %q", tt.name, why, cure)
		}
	}
}

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	return ln.Addr().String()
}
