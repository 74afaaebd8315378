package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"holdfast/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pairFiles names a pair in a folder.
func pairFiles(dir string) config.Certificate {
	return config.Certificate{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
}

// makePair returns the PEM forms of a self-signed certificate and its key.
func makePair(t *testing.T, serial int64) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Unix(2_000_000_000+serial, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// write puts data into a file, with a time of change of its own however fast it follows on another.
func write(t *testing.T, path string, data []byte) {
	t.Helper()
	info, err := os.Stat(path)
	if werr := os.WriteFile(path, data, 0o600); werr != nil {
		t.Fatal(werr)
	}
	if err == nil {
		later := info.ModTime().Add(time.Second)
		if err := os.Chtimes(path, later, later); err != nil {
			t.Fatal(err)
		}
	}
}

func writePair(t *testing.T, c config.Certificate, serial int64) {
	t.Helper()
	cert, key := makePair(t, serial)
	write(t, c.CertFile, cert)
	write(t, c.KeyFile, key)
}

func serial(t *testing.T, s *Store) int64 {
	t.Helper()
	pair, err := s.Get("shop")
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf.SerialNumber.Int64()
}

// told collects what the callbacks hear.
type told struct {
	reloads, errors atomic.Int64
	mu              sync.Mutex
	all             []Notice
}

func (h *told) hear(n Notice) {
	switch n.What {
	case Reloaded:
		h.reloads.Add(1)
	case Rejected, Failed:
		h.errors.Add(1)
	case Renewed, Expiring:
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, n)
}

// last is what was told last.
func (h *told) last() Notice {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[len(h.all)-1]
}

// count is how often something happened to a certificate.
func (h *told) count(what Happening, name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, one := range h.all {
		if one.What == what && one.Certificate == name {
			n++
		}
	}
	return n
}

func newStore(t *testing.T) (*Store, *told, *prometheus.Registry) {
	t.Helper()
	heard, reg := &told{}, prometheus.NewRegistry()
	return New(Options{
		Metrics: reg,
		DataDir: scratch(t),
		Notify:  heard.hear,
	}), heard, reg
}

func TestApply(t *testing.T) {
	s, heard, reg := newStore(t)
	c := pairFiles(scratch(t))
	want := map[string]config.Certificate{"shop": c}
	if err := s.Apply(want); err == nil {
		t.Fatal("missing files: no error")
	}
	if _, err := s.Get("shop"); err == nil {
		t.Error("a certificate that could not be read is served")
	}
	writePair(t, c, 1)
	if err := s.Apply(want); err != nil || serial(t, s) != 1 {
		t.Fatalf("Apply: %v", err)
	}
	families, err := reg.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "holdfast_tls_certificate_not_after_timestamp_seconds" ||
		families[0].GetMetric()[0].GetGauge().GetValue() != 2_000_000_001 {
		t.Errorf("metrics = %v, %v", families, err)
	}
	if err := s.Apply(want); err != nil || heard.reloads.Load() != 1 {
		t.Errorf("nothing changed: %v, reloads %d", err, heard.reloads.Load())
	}

	// The key does not fit: the last good pair stays, and somebody hears of it.
	_, otherKey := makePair(t, 2)
	write(t, c.KeyFile, otherKey)
	if err := s.Apply(want); err != nil || serial(t, s) != 1 || heard.errors.Load() != 1 {
		t.Errorf("bad pair: %v, serial %d, errors %d", err, serial(t, s), heard.errors.Load())
	}
	// Under another name nothing good is known: that is an error, and changes nothing.
	if err := s.Apply(map[string]config.Certificate{"shop": c, "new": c}); err == nil || serial(t, s) != 1 {
		t.Errorf("bad new pair: %v", err)
	}
	writePair(t, c, 3)
	if err := s.Apply(want); err != nil || serial(t, s) != 3 {
		t.Errorf("repaired: %v", err)
	}
	if err := s.Apply(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get("shop"); err == nil {
		t.Error("a removed certificate is served")
	}
	if families, err := reg.Gather(); err != nil || len(families) != 0 {
		t.Errorf("metrics after removal = %v, %v", families, err)
	}
}

// TestForget: between Commit and Forget both the former and the new names can be had.
func TestForget(t *testing.T) {
	s, _, reg := newStore(t)
	c := pairFiles(scratch(t))
	writePair(t, c, 1)
	if err := s.Apply(map[string]config.Certificate{"shop": c, "same": c}); err != nil {
		t.Fatal(err)
	}
	change, err := s.Prepare(map[string]config.Certificate{"same": c, "renamed": c})
	if err != nil {
		t.Fatal(err)
	}
	has := func(want ...string) {
		t.Helper()
		for _, name := range []string{"shop", "same", "renamed"} {
			if _, err := s.Choose([]string{name}, modern("x.test")); (err == nil) != slices.Contains(want, name) {
				t.Errorf("%s: %v; want %v", name, err, want)
			}
		}
	}
	has("shop", "same")
	change.Commit()
	s.refresh(wall())
	has("shop", "same", "renamed")
	change.Forget()
	has("same", "renamed")
	if families, err := reg.Gather(); err != nil || len(families[0].GetMetric()) != 2 {
		t.Errorf("metrics: %v, %v", families, err)
	}
}

// Run sees changed files within two looks, and waits for whoever is between writing the two.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, heard, _ := newStore(t)
		c := pairFiles(scratch(t))
		writePair(t, c, 1)
		if err := s.Apply(map[string]config.Certificate{"shop": c}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		look := func() { // until the next look is over; synctest's clock
			time.Sleep(checkEvery + checkEvery/10)
			synctest.Wait()
		}
		cert, key := makePair(t, 2)
		write(t, c.CertFile, cert)
		look()
		if serial(t, s) != 1 || heard.errors.Load() != 0 {
			t.Errorf("half a change: serial %d, errors %d", serial(t, s), heard.errors.Load())
		}
		write(t, c.KeyFile, key)
		look()
		if serial(t, s) != 2 || heard.errors.Load() != 0 {
			t.Errorf("whole change: serial %d, errors %d", serial(t, s), heard.errors.Load())
		}
		write(t, c.CertFile, []byte("nonsense"))
		look()
		look()
		look()
		if serial(t, s) != 2 || heard.errors.Load() != 1 {
			t.Errorf("bad change: serial %d, errors %d, want one", serial(t, s), heard.errors.Load())
		}
		if err := os.Remove(c.CertFile); err != nil {
			t.Fatal(err)
		}
		look()
		look()
		if serial(t, s) != 2 || heard.errors.Load() != 2 {
			t.Errorf("removed: serial %d, errors %d, want two", serial(t, s), heard.errors.Load())
		}
		writePair(t, c, 3)
		look()
		if serial(t, s) != 3 {
			t.Errorf("repaired: serial %d", serial(t, s))
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
