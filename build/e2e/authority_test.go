//go:build e2e && linux

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/build/rig"
)

const authorityConfig = `
version: 1
management: {address: "{api}"}
listeners:
  secure: {address: "{gateway}", certificate: shop}
certificates:
  shop: {internal_ca: {names: [shop.test], lifetime: 1h}}
routes:
  all: {client_certificate: {mode: require}, respond: {body: "known"}}
`

// mutualClient is a client of shop.test with a certificate that the internal authority issues now.
type mutualClient struct {
	*http.Client
	resumed atomic.Int64
}

func newMutualClient(t *testing.T, h *rig.Home, name string, resumes bool) *mutualClient {
	t.Helper()
	dir := t.TempDir()
	if _, stderr, code := h.CLI("cert", "issue", name, "--client", "--lifetime", "8h", "--out", dir); code != 0 {
		t.Fatalf("cert issue: %s", stderr)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(filepath.Join(dir, "root.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c := &mutualClient{}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
		ServerName: "shop.test", RootCAs: roots, Certificates: []tls.Certificate{pair},
		VerifyConnection: func(s tls.ConnectionState) error {
			if s.DidResume {
				c.resumed.Add(1)
			}
			return nil
		},
	}}
	if resumes {
		transport.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	}
	c.Client = &http.Client{Transport: transport, Timeout: rig.Patience}
	return c
}

// ask is one request over a connection of its own.
func (c *mutualClient) ask(address string) (int, error) {
	resp, err := c.Get("https://" + address + "/")
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// TestAuthorityUnderLoad renews the listener's certificate and changes the authority's root while
// clients with certificates come and go, some resuming sessions: nobody is refused who knows only the
// first root. When the root is distrusted, everybody who came by it is, sessions or not.
func TestAuthorityUnderLoad(t *testing.T) {
	h := rig.NewHome(t, binary, authorityConfig)
	r := h.StartReady()
	var load sync.WaitGroup
	stop := make(chan struct{})
	clients := make([]*mutualClient, 4)
	counts := make([]int, len(clients))
	for i := range clients {
		clients[i] = newMutualClient(t, h, fmt.Sprintf("client-%d", i), i%2 == 0)
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, err := clients[i].ask(h.Gateway); status != http.StatusOK || err != nil {
					t.Errorf("client %d after %d requests: %d, %v", i, counts[i], status, err)
					return
				}
				counts[i]++
			}
		})
	}
	serial := func() string { return certificateOf(t, h, "shop").Serial }
	for range 5 {
		before := serial()
		if _, stderr, code := h.CLI("cert", "renew", "shop"); code != 0 {
			t.Fatalf("cert renew: %s", stderr)
		}
		r.WaitFor("the certificate is renewed", func() bool { return serial() != before })
	}
	before := serial()
	if _, stderr, code := h.CLI("cert", "root", "--rotate"); code != 0 {
		t.Fatalf("cert root: %s", stderr)
	}
	r.WaitFor("the new root has issued", func() bool { return serial() != before })
	late := newMutualClient(t, h, "late", false)
	if status, err := late.ask(h.Gateway); status != http.StatusOK || err != nil {
		t.Errorf("a client of the new root: %d, %v", status, err)
	}
	close(stop)
	load.Wait()
	for i, c := range clients {
		t.Logf("client %d: %d requests, %d by resumed sessions", i, counts[i], c.resumed.Load())
		if counts[i] < 10 || (c.resumed.Load() > 0) != (i%2 == 0) {
			t.Errorf("client %d: %d requests, %d by resumed sessions: that proves nothing", i, counts[i], c.resumed.Load())
		}
	}

	// Nothing of the former roots is good any more, but the sessions are remembered still.
	resumed := clients[0].resumed.Load()
	if _, stderr, code := h.CLI("cert", "root", "--rotate", "--distrust"); code != 0 {
		t.Fatalf("cert root: %s", stderr)
	}
	if status, err := clients[0].ask(h.Gateway); status != http.StatusForbidden || err != nil {
		t.Errorf("a resumed session of a distrusted root: %d, %v, want 403", status, err)
	}
	if clients[0].resumed.Load() == resumed {
		t.Error("the session was not resumed: that proves nothing")
	}
	fresh := newMutualClient(t, h, "fresh", false)
	if status, err := fresh.ask(h.Gateway); status != http.StatusOK || err != nil {
		t.Errorf("a client of the newest root: %d, %v", status, err)
	}
	if stdout, _, code := h.CLI("cert", "test", h.Gateway, "--name", "shop.test", "--ca", filepath.Join(h.Dir, "ca", "roots.pem")); code != 0 {
		t.Errorf("cert test: %s", stdout)
	}
}
