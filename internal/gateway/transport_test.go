package gateway

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"holdfast/internal/config"
)

// TestTransport speaks to urls in each protocol, with certificates on both sides.
func TestTransport(t *testing.T) {
	dir := t.TempDir()
	pair := writePair(t, dir, 7)
	secured := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Proto, " ", r.TLS.PeerCertificates[0].SerialNumber)
	}))
	secured.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	secured.EnableHTTP2 = true
	secured.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	secured.StartTLS()
	t.Cleanup(secured.Close)
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secured.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	clear := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Proto) }))
	clear.Config.Protocols = new(http.Protocols)
	clear.Config.Protocols.SetUnencryptedHTTP2(true)
	clear.Config.Protocols.SetHTTP1(true)
	clear.Start()
	t.Cleanup(clear.Close)
	for name, tc := range map[string]struct {
		url       string
		transport config.Transport
		want      string
	}{
		"http1":       {clear.URL, config.Transport{Protocol: config.ProtocolHTTP1}, "200 HTTP/1.1"},
		"h2c":         {clear.URL, config.Transport{Protocol: config.ProtocolH2C}, "200 HTTP/2.0"},
		"https":       {secured.URL, config.Transport{Protocol: config.ProtocolHTTP1, CAFile: ca, ServerName: "example.com", Certificate: "own"}, "200 HTTP/1.1 7"},
		"h2":          {secured.URL, config.Transport{Protocol: config.ProtocolH2, CAFile: ca, ServerName: "example.com", Certificate: "own"}, "200 HTTP/2.0 7"},
		"wrong name":  {secured.URL, config.Transport{Protocol: config.ProtocolHTTP1, CAFile: ca, ServerName: "example.net", Certificate: "own"}, "502 upstream_failed"},
		"wrong ca":    {secured.URL, config.Transport{Protocol: config.ProtocolHTTP1, ServerName: "example.com", Certificate: "own"}, "502 upstream_failed"},
		"no own cert": {secured.URL, config.Transport{Protocol: config.ProtocolHTTP1, CAFile: ca, ServerName: "example.com"}, "502 upstream_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			conf := testConfig(map[string]config.Route{"x": {URLs: []string{tc.url}, Transport: tc.transport}})
			conf.Certificates = map[string]config.Certificate{"own": pair}
			r := start(t, conf)
			for range 2 {
				res, body := get(t, testClient(t, false), "GET", r.url("/"))
				if res.StatusCode != 200 {
					body = problemCode(t, res, body)
				}
				if got := fmt.Sprint(res.StatusCode, " ", body); got != tc.want {
					t.Errorf("answer = %s, want %s", got, tc.want)
				}
			}
		})
	}
	if err := os.WriteFile(ca, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := new(Gateway).transportOf(config.Transport{CAFile: ca}); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("a file without certificates: %v", err)
	}
}

// TestRenewedForUpstream: connections that have shown a certificate end when that is renewed, however busy
// they are.
func TestRenewedForUpstream(t *testing.T) {
	upstream := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Proto, " ", r.TLS.PeerCertificates[0].SerialNumber, " ", r.RemoteAddr)
	}))
	upstream.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	upstream.EnableHTTP2 = true
	upstream.StartTLS()
	t.Cleanup(upstream.Close)
	for _, protocol := range []config.Protocol{config.ProtocolHTTP1, config.ProtocolH2} {
		t.Run(string(protocol), func(t *testing.T) {
			dir, beats := t.TempDir(), make(beater)
			ca := filepath.Join(dir, "ca.pem")
			if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: upstream.Certificate().Raw}), 0o600); err != nil {
				t.Fatal(err)
			}
			conf := testConfig(map[string]config.Route{"x": {URLs: []string{upstream.URL}, Transport: config.Transport{Protocol: protocol, CAFile: ca, ServerName: "example.com", Certificate: "own"}}})
			conf.Certificates = map[string]config.Certificate{"own": writePair(t, dir, 7)}
			r := start(t, conf, beats.use)
			ask := func() string {
				t.Helper()
				_, body := get(t, testClient(t, false), "GET", r.url("/"))
				return body
			}
			beats.beat(2)
			first := ask()
			beats.beat(2)
			if again := ask(); again != first || !strings.Contains(first, " 7 ") {
				t.Errorf("%s, then %s", first, again)
			}
			writePair(t, dir, 8)
			r.reload(func(*config.Config) {})
			beats.beat(2)
			renewed := ask()
			beats.beat(2)
			if again := ask(); again != renewed || !strings.Contains(renewed, " 8 ") {
				t.Errorf("after the renewal %s, then %s", renewed, again)
			}
		})
	}
}
