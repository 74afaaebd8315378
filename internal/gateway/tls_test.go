package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/certs"
	"holdfast/internal/config"
)

// writePair writes a self-signed certificate with that serial number.
func writePair(t *testing.T, dir string, serial int64) config.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "shop"}, DNSNames: []string{"shop"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := config.Certificate{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	for path, block := range map[string]*pem.Block{c.CertFile: {Type: "CERTIFICATE", Bytes: der}, c.KeyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// tlsConfig has one TLS listener, "web".
func tlsConfig(t *testing.T, dir string, routes map[string]config.Route) *config.Config {
	t.Helper()
	c := testConfig(routes)
	l := testListener()
	l.Certificate = "shop"
	c.Listeners["web"] = l
	c.Certificates = map[string]config.Certificate{"shop": writePair(t, dir, 1)}
	return c
}

func TestTLS(t *testing.T) {
	r := start(t, tlsConfig(t, t.TempDir(), appRoute()))
	r.ready("shop-1", backend(t, echoHandler))
	url := "https://" + r.Addrs()["web"] + "/x"
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprint("http2=", http2), func(t *testing.T) {
			c := testClient(t, http2)
			req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader("body"))
			if err != nil {
				t.Fatal(err)
			}
			req.AddCookie(&http.Cookie{Name: "a", Value: "1"})
			req.AddCookie(&http.Cookie{Name: "b", Value: "2"})
			res, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			var got echo
			if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
				t.Fatal(err)
			}
			if res.ProtoMajor == 2 != http2 || got.Body != "body" || got.Header.Get("X-Forwarded-Proto") != "https" || got.Header.Get("Cookie") != "a=1; b=2" {
				t.Errorf("%s: upstream saw %+v", res.Proto, got)
			}
			want := "1.1 holdfast"
			if http2 {
				want = "2.0 holdfast"
			}
			if got.Header.Get("Via") != want {
				t.Errorf("Via = %q", got.Header.Get("Via"))
			}
		})
	}
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	if conn, err := tls.Dial("tcp", r.Addrs()["web"], old); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 was accepted")
	}
	if res, _ := raw(t, r.Addrs()["web"], "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); res.StatusCode != 400 {
		t.Errorf("plain HTTP on a TLS listener: %d", res.StatusCode)
	}
}

// TestHTTP2ListenerChange turns a setting while a client has streams open and sends more: the
// connection ends with GOAWAY and nothing fails.
func TestHTTP2ListenerChange(t *testing.T) {
	r := start(t, tlsConfig(t, t.TempDir(), map[string]config.Route{"a": {Respond: &config.Respond{Body: "ok"}}}))
	c := testClient(t, true)
	url := "https://" + r.Addrs()["web"] + "/"
	for i := range 30 {
		if res, body := get(t, c, "GET", url); res.StatusCode != 200 || body != "ok" || res.ProtoMajor != 2 {
			t.Fatalf("%d: %d %q %s", i, res.StatusCode, body, res.Proto)
		}
		r.reload(func(c *config.Config) {
			l := c.Listeners["web"]
			l.MaxHeaderSize++
			c.Listeners["web"] = l
		})
	}
	r.reload(func(c *config.Config) {
		l := c.Listeners["web"]
		l.HTTP2 = false
		c.Listeners["web"] = l
	})
	if res, _ := get(t, testClient(t, false), "GET", url); res.ProtoMajor != 1 {
		t.Errorf("after http2: false: %s", res.Proto)
	}
}

// TestCertificateRotation replaces the files 20 times while clients shake hands.
func TestCertificateRotation(t *testing.T) {
	dir := t.TempDir()
	conf := tlsConfig(t, dir, map[string]config.Route{"a": {Respond: &config.Respond{Body: "ok"}}})
	store := certs.New(certs.Options{})
	r := start(t, conf, func(o *Options) { o.Certs = store })
	address := r.Addrs()["web"]
	stop, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(failed)
		for {
			select {
			case <-stop:
				return
			default:
			}
			conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
			if err == nil {
				_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
				if err == nil {
					_, err = io.ReadAll(conn)
				}
				_ = conn.Close()
			}
			if err != nil {
				failed <- err
				return
			}
		}
	}()
	for serial := int64(2); serial < 22; serial++ {
		writePair(t, dir, serial)
		r.reload(func(*config.Config) {})
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(); got != serial {
			t.Errorf("serial = %d, want %d", got, serial)
		}
		_ = conn.Close()
	}
	close(stop)
	if err := <-failed; err != nil {
		t.Errorf("handshake: %v", err)
	}
}

// A listener can change between HTTP and HTTPS on the same socket.
func TestListenerGetsTLS(t *testing.T) {
	conf := testConfig(map[string]config.Route{"a": {Respond: &config.Respond{Body: "ok"}}})
	r := start(t, conf)
	c := testClient(t, false)
	plain := r.url("/")
	get(t, c, "GET", plain)
	pair := writePair(t, t.TempDir(), 7)
	r.reload(func(c *config.Config) {
		c.Certificates = map[string]config.Certificate{"shop": pair}
		l := c.Listeners["web"]
		l.Certificate = "shop"
		c.Listeners["web"] = l
	})
	if res, body := get(t, c, "GET", plain); body != "ok" || !res.Close {
		t.Errorf("the open connection: %q, close %v", body, res.Close)
	}
	if _, body := get(t, c, "GET", strings.Replace(plain, "http:", "https:", 1)); body != "ok" {
		t.Errorf("TLS: %q", body)
	}
}
