package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

func madePair(tb testing.TB) (cert, key []byte) {
	tb.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err = x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		tb.Fatal(err)
	}
	if key, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		tb.Fatal(err)
	}
	return cert, key
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// TestKeyPair: whatever people take for a certificate or a key is told apart.
func TestKeyPair(t *testing.T) {
	certDER, keyDER := madePair(t)
	otherDER, _ := madePair(t)
	cert, key, other := block("CERTIFICATE", certDER), block("PRIVATE KEY", keyDER), block("CERTIFICATE", otherDER)
	mark := []byte("\xef\xbb\xbf")
	locked := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: keyDER[1:]})
	for _, tt := range []struct {
		name       string
		chain, key []byte
		want       string // of the error
	}{
		{"good", cert, key, ""},
		{"intermediates after it", slices.Concat(cert, other), key, ""},
		{"in one text", slices.Concat(key, cert), slices.Concat(key, cert), ""},
		{"byte order marks", slices.Concat(mark, cert), slices.Concat(mark, key), ""},
		{"lines of Windows", bytes.ReplaceAll(cert, []byte("\n"), []byte("\r\n")), key, ""},
		{"nothing", nil, key, "the certificate's file is empty"},
		{"no key", cert, nil, "the key's file is empty"},
		{"half a certificate", cert[:len(cert)/2], key, "the certificate's file is cut off"},
		{"half a key", cert, key[:len(key)/2], "the key's file is cut off"},
		{"UTF-16", append([]byte("\xff\xfe"), cert...), key, "UTF-16"},
		{"DER", certDER, key, "openssl x509"},
		{"key as DER", cert, keyDER, "the key's file is in binary form"},
		{"PKCS #12", []byte{0x30, 0x82, 1, 2, 3}, key, "openssl pkcs12"},
		{"another text", []byte("hello"), key, "not PEM"},
		{"password", cert, block("ENCRYPTED PRIVATE KEY", keyDER[1:]), "has a password"},
		{"password of old", cert, locked, "has a password"},
		{"intermediates first", slices.Concat(other, cert), key, "place 2"},
		{"another key", other, key, "private key does not match public key"},
		{"changed over", key, cert, "may have been switched"},
		{"damaged", block("CERTIFICATE", certDER[:40]), key, "x509"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := KeyPair(tt.chain, tt.key)
			if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.HasPrefix(err.Error(), "tls:")) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// FuzzKeyPair: no bytes make it fail otherwise than by an error.
func FuzzKeyPair(f *testing.F) {
	certDER, keyDER := madePair(f)
	f.Add(block("CERTIFICATE", certDER), block("PRIVATE KEY", keyDER))
	f.Add(certDER, keyDER)
	f.Add([]byte("\xef\xbb\xbf-----BEGIN "), []byte("\xff\xfe"))
	f.Fuzz(func(t *testing.T, chain, key []byte) {
		pair, err := KeyPair(chain, key)
		if err == nil && (pair.PrivateKey == nil || len(pair.Certificate) == 0) {
			t.Error("neither a pair nor an error")
		}
	})
}
