package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/certs"
	"holdfast/internal/config"
)

// internalCertificate comes from the internal authority.
func internalCertificate(names ...string) config.Certificate {
	return config.Certificate{InternalCA: &config.InternalCA{Names: names, Lifetime: config.Duration(24 * time.Hour)}}
}

// running has a Store do its work until the test ends.
func running(t *testing.T, s *certs.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// presented is the certificate that a listener shows to who asks for a name.
func presented(address, name string, protocols ...string) (*x509.Certificate, error) {
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: protocols})
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func TestCertificateByName(t *testing.T) {
	store := certs.New(certs.Options{DataDir: t.TempDir()})
	conf := testConfig(map[string]config.Route{"a": {Respond: &config.Respond{Body: "ok"}}})
	l := testListener()
	l.Certificate, l.Certificates = "standard", []string{"shop", "pending", "wild"}
	conf.Listeners["web"] = l
	conf.Certificates = map[string]config.Certificate{
		"standard": {SelfSigned: &config.SelfSigned{Names: []string{"localhost"}}},
		"shop":     internalCertificate("shop.test", "a.wild.test"),
		"wild":     internalCertificate("*.wild.test"),
		// Nobody obtains it, since nobody runs the Store.
		"pending": {ACME: &config.ACME{Names: []string{"pending.test"}, Directory: "https://localhost/dir", AgreeToTerms: true}},
	}
	r := start(t, conf, func(o *Options) { o.Certs = store })
	address := r.Addrs()["web"]
	for _, tt := range []struct{ name, want string }{
		{"shop.test", "shop.test"},
		{"SHOP.test", "shop.test"},
		{"a.wild.test", "shop.test"},
		{"b.wild.test", "*.wild.test"},
		{"localhost", "localhost"},
		{"elsewhere.test", "localhost"},
		{"", "localhost"},
	} {
		if got, err := presented(address, tt.name); err != nil || got.Subject.CommonName != tt.want {
			t.Errorf("%q: %v, %v; want %s", tt.name, got, err, tt.want)
		}
	}
	if got, err := presented(address, "pending.test"); err == nil {
		t.Errorf("%s is presented for a name whose certificate is still to come", got.Subject)
	}
	if _, err := presented(address, "shop.test", certs.ALPNProto); err == nil {
		t.Error("the protocol of proofs is spoken without need")
	}
	r.reload(func(c *config.Config) {
		l.Certificate, l.Certificates = "pending", []string{"shop"}
		c.Listeners["web"] = l
	})
	if got, err := presented(address, "shop.test"); err != nil || got.Subject.CommonName != "shop.test" {
		t.Errorf("after a reload: %v, %v", got, err)
	}
	if _, err := presented(address, "pending.test"); err == nil {
		t.Error("something is presented before it was issued")
	}
	// What the listener names must be there.
	broken := *r.conf
	l.Certificates = []string{"gone"}
	broken.Listeners = map[string]config.Listener{"web": l}
	if err := r.Apply(t.Context(), &broken); err == nil {
		t.Error("a certificate that is not configured: no error")
	}
}

// TestRootUnderLoad renews the certificate and changes the root behind a listener while clients make
// full handshakes, of whom half know only the first root.
func TestRootUnderLoad(t *testing.T) {
	store := certs.New(certs.Options{DataDir: t.TempDir()})
	conf := testConfig(map[string]config.Route{"a": {Respond: &config.Respond{Body: "ok"}}})
	l := testListener()
	l.Certificate = "shop"
	conf.Listeners["web"] = l
	conf.Certificates = map[string]config.Certificate{"shop": internalCertificate("shop.test")}
	r := start(t, conf, func(o *Options) { o.Certs = store })
	running(t, store)
	first := store.Roots()
	var load sync.WaitGroup
	stop := make(chan struct{})
	for i := range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				roots := x509.NewCertPool()
				known := first
				if i%2 == 1 {
					known = store.Roots()
				}
				for _, c := range known {
					roots.AddCert(c)
				}
				client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "shop.test"}}}
				resp, err := client.Get("https://" + r.Addrs()["web"] + "/")
				if err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				_ = resp.Body.Close()
			}
		})
	}
	serial := func() string {
		c, err := presented(r.Addrs()["web"], "shop.test")
		if err != nil {
			t.Fatal(err)
		}
		return c.SerialNumber.String()
	}
	for i := range 6 {
		before := serial()
		if i == 3 {
			if err := store.RotateRoot(false); err != nil {
				t.Fatal(err)
			}
		} else {
			store.Renew("shop")
		}
		until(t, func() bool { return serial() != before })
	}
	close(stop)
	load.Wait()
}

// TestCertificateRenamed gives a listener's certificate another name again and again while clients shake
// hands; a connection whose handshake comes after the listener's last certificate is refused.
func TestCertificateRenamed(t *testing.T) {
	dir := t.TempDir()
	pair := writePair(t, dir, 1)
	conf := testConfig(map[string]config.Route{"a": {Respond: &config.Respond{Body: "ok"}}})
	named := func(c *config.Config, name string) {
		l := testListener()
		l.Certificate = name
		c.Listeners = map[string]config.Listener{"web": l}
		c.Certificates = map[string]config.Certificate{}
		if name != "" {
			c.Certificates[name] = pair
		}
	}
	named(conf, "a0")
	r := start(t, conf, func(o *Options) { o.Certs = certs.New(certs.Options{}) })
	address := r.Addrs()["web"]
	var load sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		load.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := presented(address, "shop.test"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 300 {
		r.reload(func(c *config.Config) { named(c, fmt.Sprintf("a%d", (i+1)%2)) })
	}
	close(stop)
	load.Wait()

	late, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = late.Close() }()
	if _, err := presented(address, "shop.test"); err != nil { // by now the other one is accepted
		t.Fatal(err)
	}
	r.reload(func(c *config.Config) { named(c, "") })
	if err := tls.Client(late, &tls.Config{InsecureSkipVerify: true}).Handshake(); err == nil || !strings.Contains(err.Error(), "internal error") {
		t.Errorf("a handshake without a certificate: %v", err)
	}
}
