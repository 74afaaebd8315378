package certs

import (
	"crypto"
	"crypto/x509"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
)

// fakeStore is a Windows store in memory.
type fakeStore struct {
	all    []stored
	keys   []crypto.Signer
	denied error
	closed *int
}

func (f fakeStore) certificates() ([]stored, error) { return f.all, nil }
func (f fakeStore) signer(i int) (crypto.Signer, error) {
	return f.keys[i], f.denied
}
func (f fakeStore) chain(int) [][]byte { return nil }
func (f fakeStore) close()             { *f.closed++ }

// item is a certificate in a store.
func (f *fakeStore) add(t *testing.T, m made, keyed bool) *x509.Certificate {
	t.Helper()
	cert, key := m.pem(t)
	p, err := parsePair(FromFiles, cert, key)
	if err != nil {
		t.Fatal(err)
	}
	f.all = append(f.all, stored{p.Leaf, keyed})
	f.keys = append(f.keys, p.PrivateKey.(crypto.Signer))
	return p.Leaf
}

func TestPick(t *testing.T) {
	now := time.Now()
	var f fakeStore
	f.add(t, made{names: []string{"shop.test"}, after: now.Add(time.Hour)}, true)                 // 0
	f.add(t, made{names: []string{"shop.test"}, after: now.Add(2 * time.Hour)}, true)             // 1: ends last
	f.add(t, made{names: []string{"shop.test"}, after: now.Add(3 * time.Hour)}, false)            // 2: no key
	f.add(t, made{names: []string{"shop.test"}, before: now.Add(time.Minute)}, true)              // 3: not yet
	f.add(t, made{names: []string{"old.test"}, after: now.Add(-time.Minute)}, true)               // 4
	f.add(t, made{names: []string{"*.wild.test", "wild.test"}}, true)                             // 5
	ip := f.add(t, made{names: []string{"10.0.0.5"}}, true)                                       // 6: has a common name
	keyless := f.add(t, made{names: []string{"keyless.test"}}, false)                             // 7
	f.add(t, made{names: []string{"other.test", "Second.test"}, after: now.Add(time.Hour)}, true) // 8
	digits := strings.ToUpper(thumbprint(ip))
	spaced := "\u200e" + strings.Join([]string{digits[:2], digits[2:4], digits[4:]}, " ")
	for _, tt := range []struct {
		name string
		want config.WindowsStore
		i    int
		err  string
	}{
		{"the one that ends last", config.WindowsStore{Subject: "Shop.test"}, 1, ""},
		{"expired", config.WindowsStore{Subject: "old.test"}, -1, "expired on"},
		{"wildcard itself", config.WindowsStore{Subject: "*.wild.test"}, 5, ""},
		{"by a wildcard", config.WindowsStore{Subject: "a.wild.test"}, 5, ""},
		{"second name", config.WindowsStore{Subject: "second.test"}, 8, ""},
		{"thumbprint", config.WindowsStore{Thumbprint: thumbprint(ip)}, 6, ""},
		{"thumbprint as Windows shows it", config.WindowsStore{Thumbprint: spaced}, 6, ""},
		{"thumbprint without a key", config.WindowsStore{Thumbprint: thumbprint(keyless)}, -1, "no private key"},
		{"common name", config.WindowsStore{Subject: "10.0.0.5"}, 6, ""},
		{"nothing", config.WindowsStore{Subject: "none.test"}, -1, "certlm.msc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i, err := pick(f.all, tt.want, now)
			if i != tt.i || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("pick = %d, %v", i, err)
			}
		})
	}
}

// A renewed certificate of the store is presented within a minute, and the store closed every time.
func TestWindowsStore(t *testing.T) {
	closed := 0
	f := &fakeStore{closed: &closed}
	first := f.add(t, made{names: []string{"shop.test"}, after: time.Now().Add(time.Hour)}, true)
	src := &windowsStore{config.WindowsStore{Location: config.LocalMachine, Store: "My", Subject: "shop.test"}, func(config.WindowsStore) (systemStore, error) { return *f, nil }}
	now := time.Now()
	pairs, next, err := src.load(now)
	if err != nil || !pairs[0].Leaf.Equal(first) || next.Sub(now) != storeEvery {
		t.Fatalf("%v, %v, %v", pairs, next, err)
	}
	second := f.add(t, made{names: []string{"shop.test"}}, true)
	if pairs, _, err = src.load(now); err != nil || !pairs[0].Leaf.Equal(second) {
		t.Errorf("the renewed one is not taken: %v", err)
	}
	f.denied = errors.New("access is denied")
	if _, _, err = src.load(now); err == nil || !strings.Contains(err.Error(), "Manage Private Keys") {
		t.Errorf("a key that may not be used: %v", err)
	}
	src.open = func(config.WindowsStore) (systemStore, error) { return nil, errors.New("no such store") }
	if _, _, err = src.load(now); err == nil || !strings.Contains(err.Error(), `LocalMachine\My`) {
		t.Errorf("no store: %v", err)
	}
	if closed != 3 {
		t.Errorf("closed %d times of 3", closed)
	}
}

// Elsewhere the error says so.
func TestWindowsStoreElsewhere(t *testing.T) {
	s := New(Options{})
	err := s.Apply(map[string]config.Certificate{"shop": {WindowsStore: &config.WindowsStore{Location: config.CurrentUser, Store: "My", Subject: "nobody.test"}}})
	if err == nil || (runtime.GOOS == "windows") == errors.Is(err, errElsewhere) {
		t.Errorf("%v", err)
	}
}
