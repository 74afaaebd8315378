package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/sys/windows"

	"holdfast/internal/config"
)

// TestOpenSystemStore reads stores that every Windows has.
func TestOpenSystemStore(t *testing.T) {
	for _, location := range []config.StoreLocation{config.LocalMachine, config.CurrentUser} {
		store, err := openSystemStore(config.WindowsStore{Location: location, Store: "Root"})
		if err != nil {
			t.Errorf("%s: %v", location, err)
			continue
		}
		all, err := store.certificates()
		if err != nil {
			t.Errorf("%s: %v", location, err)
		}
		t.Logf("%s: %d certificates", location, len(all))
		for i, c := range all {
			if c.leaf == nil || c.leaf.Subject.String() == "" && len(c.leaf.Raw) == 0 {
				t.Errorf("%s: certificate %d is nothing", location, i)
			}
		}
		if len(all) > 0 {
			store.chain(0)
			if _, err := store.signer(0); err == nil {
				t.Errorf("%s: a root's private key is here", location)
			}
		}
		store.close()
	}
	if store, err := openSystemStore(config.WindowsStore{Location: config.CurrentUser, Store: "No such store"}); err == nil {
		store.close()
		t.Error("a store that is not there is opened")
	}
}

// The form in which CNG signs becomes that of TLS.
func TestECDSASignature(t *testing.T) {
	key, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("x"))
	for range 50 { // numbers with leading zeros and ones, too
		der, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		r, s := new(big.Int), new(big.Int)
		if !parseSignature(der, r, s) {
			t.Fatal("not a signature")
		}
		raw := make([]byte, 64)
		r.FillBytes(raw[:32])
		s.FillBytes(raw[32:])
		again, err := ecdsaSignature(raw)
		if err != nil || !ecdsa.VerifyASN1(&key.PublicKey, digest[:], again) {
			t.Errorf("%x: %v", raw, err)
		}
	}
}

// The kept key is for nobody but SYSTEM, Administrators and this account.
func TestPrivateFile(t *testing.T) {
	file := scratch(t) + `\key.pem`
	if err := WritePrivate(file, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	sd, err := windows.GetNamedSecurityInfo(file, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	// Wine keeps what Unix permissions can express of the list.
	for _, stranger := range []string{";WD)", ";BU)", ";AU)", ";AN)"} {
		if list := sd.String(); list == "" || strings.Contains(list, stranger) {
			t.Errorf("access list %s", list)
		}
	}
	if err := WritePrivate(file, []byte("other")); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

// parseSignature reads an ECDSA signature of TLS.
func parseSignature(der []byte, r, s *big.Int) bool {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	return in.ReadASN1(&seq, asn1.SEQUENCE) && seq.ReadASN1Integer(r) && seq.ReadASN1Integer(s)
}
