package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeAuthority speaks as much of ACME (RFC 8555) as it takes to issue a certificate, and fails at one
// step of it.
type fakeAuthority struct {
	*httptest.Server
	fail   atomic.Value // the path of the step that fails
	answer http.HandlerFunc
	key    *ecdsa.PrivateKey
	leaf   []byte
}

// problem answers with a problem document.
func problem(status int, kind, detail string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": status})
	}
}

func newFakeAuthority(t *testing.T) *fakeAuthority {
	t.Helper()
	f := &fakeAuthority{}
	f.fail.Store("")
	var err error
	if f.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// ServeHTTP implements http.Handler.
func (f *fakeAuthority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Replay-Nonce", rand.Text())
	if r.URL.Path == f.fail.Load() {
		f.answer(w, r)
		return
	}
	say := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	order := map[string]any{
		"status": "ready", "identifiers": []any{map[string]string{"type": "dns", "value": "shop.test"}},
		"authorizations": []string{f.URL + "/authz"}, "finalize": f.URL + "/finalize",
	}
	switch r.URL.Path {
	case "/dir":
		say(200, map[string]string{"newNonce": f.URL + "/nonce", "newAccount": f.URL + "/account", "newOrder": f.URL + "/order"})
	case "/nonce":
	case "/account":
		w.Header().Set("Location", f.URL+"/account/1")
		say(201, map[string]any{"status": "valid"})
	case "/order":
		w.Header().Set("Location", f.URL+"/order/1")
		say(201, order)
	case "/authz":
		say(200, map[string]any{"status": "valid", "identifier": map[string]string{"type": "dns", "value": "shop.test"}})
	case "/challenge":
		say(200, map[string]string{"type": "tls-alpn-01", "status": "processing", "url": f.URL + "/challenge"})
	case "/finalize":
		if !f.issue(r) {
			http.Error(w, "no request", 400)
			return
		}
		w.Header().Set("Location", f.URL+"/order/1")
		order["status"], order["certificate"] = "valid", f.URL+"/certificate"
		say(200, order)
	case "/certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_ = pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: f.leaf})
	default:
		http.NotFound(w, r)
	}
}

// issue signs what is asked for.
func (f *fakeAuthority) issue(r *http.Request) bool {
	var jws struct{ Payload string }
	var asked struct{ CSR string }
	if json.NewDecoder(r.Body).Decode(&jws) != nil {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(jws.Payload)
	if err != nil || json.Unmarshal(payload, &asked) != nil {
		return false
	}
	der, err := base64.RawURLEncoding.DecodeString(asked.CSR)
	if err != nil {
		return false
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return false
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), DNSNames: csr.DNSNames, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(90 * 24 * time.Hour)}
	f.leaf, err = x509.CreateCertificate(rand.Reader, template, template, csr.PublicKey, f.key)
	return err == nil
}

// TestACMEFailures: however an authority refuses, its reason is told, it is asked again later and later,
// and a success makes an end of it.
func TestACMEFailures(t *testing.T) {
	var looks atomic.Int64
	authz := func(w http.ResponseWriter, r *http.Request) {
		status := "pending" // until it was tried
		if looks.Add(1)%2 == 0 {
			status = "invalid"
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"status": status, "identifier": map[string]string{"type": "dns", "value": "shop.test"},
			"challenges": []any{map[string]any{
				"type": "tls-alpn-01", "status": status, "url": "http://" + r.Host + "/challenge", "token": "t",
				"error": map[string]any{"type": "urn:ietf:params:acme:error:dns", "detail": "no valid A records found for shop.test", "status": 400},
			}},
		})
	}
	for _, tt := range []struct {
		name, step string
		answer     http.HandlerFunc
		want       string
	}{
		{"account wants a binding", "/account", problem(403, "externalAccountRequired", "accounts are bound to customers"), "accounts are bound to customers"},
		{"rate limit", "/order", problem(429, "rateLimited", "too many certificates already issued, retry after tomorrow"), "retry after tomorrow"},
		{"name refused", "/order", problem(400, "rejectedIdentifier", "shop.test is on a list"), "on a list"},
		{"challenge", "/authz", authz, "no valid A records"},
		{"issue refused", "/finalize", problem(403, "caa", "CAA record forbids it"), "CAA record forbids it"},
		{"no such directory", "/dir", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>\n\nnot here", 404) }, "<html> not here"},
		{"another page than a directory", "/dir", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hotel wifi")) }, "has to be the URL of one"},
		{"endless answer", "/dir", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(502)
			for range 64 {
				if _, err := w.Write([]byte(strings.Repeat("x", maxFile))); err != nil {
					return
				}
			}
			t.Error("all of it was read")
		}, "xxx..."},
		{"a certificate for another key", "/certificate", func(w http.ResponseWriter, _ *http.Request) {
			cert, _ := made{names: []string{"shop.test"}}.pem(t)
			w.Header().Set("Content-Type", "application/pem-certificate-chain")
			_, _ = w.Write(cert)
		}, "what it has issued"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFakeAuthority(t)
			f.answer = tt.answer
			f.fail.Store(tt.step)
			s, heard, _ := newStore(t)
			if err := s.Apply(acmeFor(f.URL+"/dir", "shop.test")); err != nil {
				t.Fatal(err)
			}
			ask := func() Info {
				t.Helper()
				var running sync.WaitGroup
				s.obtain(t.Context(), &running)
				running.Wait()
				s.refresh(wall())
				return s.List()[0]
			}
			for n, wait := range []time.Duration{firstRetry, 2 * firstRetry} {
				i := ask()
				if i.State != Pending || i.Err == nil || !strings.Contains(i.Err.Error(), tt.want) || !strings.Contains(i.Err.Error(), f.URL+"/dir") || len(i.Err.Error()) > 2*maxTold {
					t.Errorf("try %d: %v: %v", n, i.State, i.Err)
				}
				if left := i.Renewal.Sub(wall()); left > wait || left < wait-time.Minute {
					t.Errorf("try %d: the next one is in %v, want %v", n, left, wait)
				}
				if heard.count(Failed, "shop") != n+1 {
					t.Errorf("try %d: told %d times", n, heard.count(Failed, "shop"))
				}
				if said := heard.last().Next; !said.Equal(i.Renewal) {
					t.Errorf("try %d: the next one is told to be at %v, not %v", n, said, i.Renewal)
				}
				if before := i.Renewal; ask().Renewal != before {
					t.Error("it is asked before the time")
				}
				s.Renew("shop")
			}
			f.fail.Store("")
			if i := ask(); i.State != Valid || i.Err != nil || i.Renewal.Sub(wall()) < 50*24*time.Hour || heard.count(Renewed, "shop") != 1 {
				t.Errorf("after a success: %+v, told %d times", i, heard.count(Renewed, "shop"))
			}
			if s.challenges.pending.Load() != 0 {
				t.Error("a proof stays")
			}
			// The next failure is a first one again, and what there is stays.
			f.fail.Store("/order") // the directory is known by now
			f.answer = problem(503, "serverInternal", "down")
			s.Renew("shop")
			i := ask()
			if left := i.Renewal.Sub(wall()); i.State != Valid || i.Err == nil || left > firstRetry {
				t.Errorf("a failure after a success: %+v, the next try in %v", i, left)
			}
			f.fail.Store("")
			s.Renew("shop")
			if i := ask(); i.Err != nil || heard.count(Renewed, "shop") != 2 {
				t.Errorf("after a second success: %v", i.Err)
			}
		})
	}
}
