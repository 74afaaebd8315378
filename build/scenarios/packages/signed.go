package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"holdfast/installer/sign"
)

// signed makes a copy of the package 1.0.0 that a certificate of our own has signed.
func (m maker) signed(ctx context.Context) error {
	dir, err := m.folder("signed-1.0.0")
	if err != nil {
		return err
	}
	from, err := onlyPackage(filepath.Join(m.out, "1.0.0"))
	if err != nil {
		return err
	}
	cert, key := filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")
	if err := makeCertificate(cert, key); err != nil {
		return err
	}
	file := filepath.Join(dir, filepath.Base(from))
	if err := copyFile(from, file); err != nil {
		return err
	}
	return sign.Sign(ctx, file, sign.Options{Cert: cert, Key: key})
}

// makeCertificate writes a certificate that signs itself, and its key. It serves one test run.
func makeCertificate(cert, key string) error {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "Holdfast scenarios"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		return err
	}
	if err := writePEM(cert, "CERTIFICATE", der); err != nil {
		return err
	}
	if der, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return err
	}
	return writePEM(key, "PRIVATE KEY", der)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
