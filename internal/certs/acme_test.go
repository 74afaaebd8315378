package certs

import (
	"context"
	"crypto/tls"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
)

func acmeFor(directory string, names ...string) map[string]config.Certificate {
	return map[string]config.Certificate{"shop": {ACME: &config.ACME{Names: names, Directory: directory, AgreeToTerms: true, Challenge: config.ChallengeTLSALPN}}}
}

// TestACMEBackoff: who cannot be reached is asked again after 2, 4, 8 minutes and so on, and never more
// than five times in the first hour.
func TestACMEBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := &told{}
		s := New(Options{DataDir: scratch(t), Notify: heard.hear})
		// No file of authorities: it fails before anybody is asked.
		want := acmeFor("https://acme.test/dir", "shop.test")
		want["shop"].ACME.CAFile = filepath.Join(scratch(t), "none.pem")
		if err := s.Apply(want); err != nil {
			t.Fatal(err)
		}
		if i := s.List()[0]; i.State != Pending || i.Names[0] != "shop.test" {
			t.Errorf("%+v", i)
		}
		if _, err := s.Choose([]string{"shop"}, modern("shop.test")); err == nil || !strings.Contains(err.Error(), "none yet") {
			t.Errorf("a handshake before it was issued: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		begin := time.Now()
		var tries []time.Duration
		failures := func() int {
			a := (*s.current.Load())["shop"].source.(*acmeSource)
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.failures
		}
		for range 3 * 3600 {
			time.Sleep(time.Second)
			synctest.Wait()
			if failures() > len(tries) {
				tries = append(tries, time.Since(begin).Truncate(time.Minute))
			}
		}
		want60 := 0
		for _, at := range tries {
			if at < time.Hour {
				want60++
			}
		}
		if len(tries) != 7 || want60 != 5 || tries[1] != 2*time.Minute || tries[6] != 126*time.Minute {
			t.Errorf("tries after %v", tries)
		}
		if i := s.List()[0]; i.Err == nil || i.Renewal.Sub(begin).Truncate(time.Minute) != 254*time.Minute {
			t.Errorf("%+v", i)
		}
		if heard.count(Failed, "shop") != 7 || heard.count(Renewed, "shop") != 0 {
			t.Errorf("%d failures told", heard.count(Failed, "shop"))
		}
		// A reload of the same configuration is no error, although there is nothing to present.
		if err := s.Apply(want); err != nil {
			t.Errorf("reload: %v", err)
		}
		s.Renew("shop")
		synctest.Wait()
		if failures() != 8 {
			t.Errorf("not tried on request: %d failures", failures())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// What was obtained is presented after a restart, and obtained anew after two thirds of its life, or
// when the names are others.
func TestACMEKept(t *testing.T) {
	dir := scratch(t)
	now := time.Now()
	cert, key := made{names: []string{"shop.test"}, before: now.Add(-time.Hour), after: now.Add(2 * time.Hour)}.pem(t)
	if err := os.MkdirAll(filepath.Join(dir, "acme"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "acme", "shop.pem"), append(cert, key...))
	s := New(Options{DataDir: dir})
	if err := s.Apply(acmeFor("https://acme.test/dir", "shop.test")); err != nil {
		t.Fatal(err)
	}
	if i := s.List()[0]; i.State != Valid || i.Renewal.Sub(now) > 58*time.Minute || i.Renewal.Sub(now) < 47*time.Minute {
		t.Errorf("%+v", i)
	}
	if err := s.Apply(acmeFor("https://acme.test/dir", "other.test")); err != nil {
		t.Fatal(err)
	}
	if i := s.List()[0]; i.State != Pending || i.Renewal.After(wall()) {
		t.Errorf("other names: %+v", i)
	}
	write(t, filepath.Join(dir, "acme", "shop.pem"), []byte("nonsense"))
	s = New(Options{DataDir: dir})
	if err := s.Apply(acmeFor("https://acme.test/dir", "shop.test")); err != nil || s.List()[0].State != Pending {
		t.Errorf("nonsense in the file: %v", err)
	}
	if err := New(Options{}).Apply(acmeFor("https://acme.test/dir", "shop.test")); err == nil {
		t.Error("without a data folder: no error")
	}
}

// TestACMEWanted: what was obtained for other names, or from another authority, is presented until the one
// that is wanted is there; a handshake for a name that it is not made for fails.
func TestACMEWanted(t *testing.T) {
	const here = "https://acme.test/dir"
	now := time.Now()
	cert, key := made{names: []string{"shop.test", "www.shop.test"}, before: now.Add(-time.Hour), after: now.Add(1000 * time.Hour)}.pem(t)
	for _, tt := range []struct {
		name, line string
		names      []string
		due        bool
		waiting    string // a name whose handshakes fail
	}{
		{"the same", authorityLine + here, []string{"www.shop.test", "SHOP.test"}, false, ""},
		{"nobody knows from whom", "", []string{"shop.test", "www.shop.test"}, false, ""},
		{"another authority", authorityLine + "https://staging.test/dir", []string{"shop.test", "www.shop.test"}, true, ""},
		{"a name more", authorityLine + here, []string{"shop.test", "www.shop.test", "new.test"}, true, "new.test"},
		{"a name less", authorityLine + here, []string{"shop.test"}, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, reg := scratch(t), prometheus.NewRegistry()
			if err := WritePrivate(filepath.Join(dir, "acme", "shop.pem"), slices.Concat([]byte(tt.line+"\n"), cert, key)); err != nil {
				t.Fatal(err)
			}
			s := New(Options{DataDir: dir, Metrics: reg})
			if err := s.Apply(acmeFor(here, tt.names...)); err != nil {
				t.Fatal(err)
			}
			if i := s.List()[0]; i.State != Valid || i.Renewal.After(wall()) == tt.due {
				t.Errorf("%+v", i)
			}
			if c, err := s.Choose([]string{"shop"}, modern("shop.test")); err != nil || c.Leaf.Subject.CommonName != "shop.test" {
				t.Errorf("a name that it is made for: %v", err)
			}
			if tt.waiting != "" {
				if _, err := s.Choose([]string{"shop"}, modern(tt.waiting)); err == nil {
					t.Error("a name that it is not made for gets it")
				}
			}
			if families, err := reg.Gather(); err != nil || len(families) != 1 {
				t.Errorf("metrics: %v, %v", families, err)
			}
			// For none of the names it is as good as none, and no metric tells of it any more.
			if err := s.Apply(acmeFor(here, "other.test")); err != nil || s.List()[0].State != Pending {
				t.Errorf("other names: %v", err)
			}
			if families, err := reg.Gather(); err != nil || len(families) != 0 {
				t.Errorf("metrics without a certificate: %v, %v", families, err)
			}
		})
	}
}

// TestChallenges: a proof is shown to whoever asks in the right way, while it is wanted, and to nobody
// else.
func TestChallenges(t *testing.T) {
	s, _, _ := newStore(t)
	if err := s.Apply(map[string]config.Certificate{"shop": internal(time.Hour, "shop.test")}); err != nil {
		t.Fatal(err)
	}
	address := serveTLS(t, s)
	ask := func(name string, protos ...string) (*tls.ConnectionState, error) {
		conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: protos})
		if err != nil {
			return nil, err
		}
		defer func() { _ = conn.Close() }()
		state := conn.ConnectionState()
		return &state, nil
	}
	http := acme.Challenge{Type: acme.ChallengeTypeHTTP01, Token: "token", KeyAuthorization: "token.thumb"}
	alpn := acme.Challenge{Type: acme.ChallengeTypeTLSALPN01, Token: "t", KeyAuthorization: "t.thumb", Identifier: acme.Identifier{Type: "dns", Value: "Shop.test"}}
	if _, ok := s.HTTPChallenge(challengePath + "token"); ok {
		t.Error("a proof before it was wanted")
	}
	for _, c := range []acme.Challenge{http, alpn} {
		if err := s.challenges.Present(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if got, ok := s.HTTPChallenge(challengePath + "token"); !ok || got != "token.thumb" {
		t.Errorf("http-01: %q, %v", got, ok)
	}
	for _, path := range []string{"/", challengePath, challengePath + "other", "/token"} {
		if got, ok := s.HTTPChallenge(path); ok {
			t.Errorf("%s: %q", path, got)
		}
	}
	state, err := ask("shop.test", ALPNProto)
	if err != nil || state.NegotiatedProtocol != ALPNProto {
		t.Fatalf("tls-alpn-01: %+v, %v", state, err)
	}
	proof := false
	for _, e := range state.PeerCertificates[0].Extensions {
		proof = proof || e.Id.String() == "1.3.6.1.5.5.7.1.31" && e.Critical
	}
	if !proof || state.PeerCertificates[0].DNSNames[0] != "Shop.test" {
		t.Errorf("the proof is not in %+v", state.PeerCertificates[0])
	}
	if _, err := ask("other.test", ALPNProto); err == nil {
		t.Error("a proof for a name that is not wanted")
	}
	if state, err := ask("shop.test"); err != nil || state.PeerCertificates[0].Issuer.CommonName == "" || state.NegotiatedProtocol != "" {
		t.Errorf("everybody else: %v", err)
	}
	if err := s.challenges.Present(t.Context(), acme.Challenge{Type: "dns-01"}); err == nil {
		t.Error("dns-01 is presented")
	}
	for _, c := range []acme.Challenge{http, alpn} {
		if err := s.challenges.CleanUp(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := s.HTTPChallenge(challengePath + "token"); ok || s.challenges.pending.Load() != 0 {
		t.Error("a proof after its time")
	}
}

// Run waits for the goroutine that asks.
func TestACMEStops(t *testing.T) {
	s := New(Options{DataDir: scratch(t)})
	address, taken := silent(t)
	if err := s.Apply(acmeFor("https://"+address+"/dir", "shop.test")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	s.obtain(ctx, &running)
	<-taken
	cancel()
	running.Wait()
	s.refresh(wall())
	if i := s.List()[0]; i.Err != nil {
		t.Errorf("the end of Holdfast is told as a failure: %v", i.Err)
	}
}
