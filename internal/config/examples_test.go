package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const configsFolder = "../../configs"

// examples are the texts of all examples and of the first configuration.
func examples(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(configsFolder + "/examples/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d examples: %v", len(files), err)
	}
	texts := map[string]string{}
	for _, file := range append(files, configsFolder+"/holdfast.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = string(data)
	}
	return texts
}

func TestExamplesAreGood(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(configsFolder+"/examples")); err != nil {
		t.Fatal(err)
	}
	certificate(t, filepath.Join(dir, "multi"), time.Now().Add(time.Hour))
	for name := range examples(t) {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, name)
			if name == "holdfast.yaml" {
				file = filepath.Join(configsFolder, name)
			}
			// Which programs this machine has is not the example's business.
			s, problems := Load(Options{File: file})
			if s == nil || len(problems) > 0 {
				t.Errorf("%s", rendered(t, problems))
			}
		})
	}
}

// certificate makes cert.pem and key.pem in a folder.
func certificate(t *testing.T, dir string, end time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: end.Add(-24 * time.Hour), NotAfter: end,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

func TestCertificates(t *testing.T) {
	dir := t.TempDir()
	certificate(t, filepath.Join(dir, "good"), time.Now().Add(time.Hour))
	certificate(t, filepath.Join(dir, "old"), time.Now().Add(-time.Hour))
	for _, tt := range []struct {
		name, cert, key, code string
	}{
		{"good", "good/cert.pem", "good/key.pem", ""},
		{"expired", "old/cert.pem", "old/key.pem", codeExpired},
		{"not a pair", "good/cert.pem", "old/key.pem", codeCertificate},
		{"swapped", "good/key.pem", "good/cert.pem", codeCertificate},
		{"a folder", "good", "good/key.pem", codeCertificate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "version: 1\nlisteners: {s: {address: ':443', certificate: c}}\ncertificates: {c: {cert_file: " + tt.cert + ", key_file: " + tt.key + "}}\n"
			got := ""
			for _, p := range Check("holdfast.yaml", []byte(text), Options{File: filepath.Join(dir, "holdfast.yaml")}) {
				got += p.Code
			}
			if got != tt.code {
				t.Errorf("code %q, want %q", got, tt.code)
			}
		})
	}
}
