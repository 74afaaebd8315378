package health

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"holdfast/internal/config"
)

// TestServer reports a server's changes, over TLS too, and leaves nothing in the probes' metrics.
func TestServer(t *testing.T) {
	for _, secure := range []bool{false, true} {
		var code atomic.Int64
		code.Store(200)
		hosts := make(chan string, 1000)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case hosts <- r.Host + r.URL.Path:
			default:
			}
			w.WriteHeader(int(code.Load()))
		}))
		server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
		s := Server{Probe: httpProbe(), Host: "shop.example.com", Address: server.Listener.Addr().String(), Healthy: true}
		if secure {
			server.StartTLS()
			s.TLS = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "example.com", MinVersion: tls.VersionTLS12}
			s.TLS.RootCAs.AddCert(server.Certificate())
		} else {
			server.Start()
		}
		reg := prometheus.NewRegistry()
		p := New(reg)
		ctx, cancel := context.WithCancel(t.Context())
		reports, over := make(chan error, 10), make(chan struct{})
		go func() { defer close(over); p.Server(ctx, s, func(err error) { reports <- err }) }()
		if got := <-hosts; got != "shop.example.com/healthz" {
			t.Errorf("asked for %s", got)
		}
		code.Store(500)
		if err := <-reports; err == nil || !strings.Contains(err.Error(), "answered 500") {
			t.Errorf("secure %v: %v", secure, err)
		}
		code.Store(200)
		if err := <-reports; err != nil {
			t.Errorf("secure %v: %v", secure, err)
		}
		if secure {
			s.TLS.ServerName = "example.net" // the running one has its own
			other, done := context.WithCancel(t.Context())
			wrong := make(chan error, 1)
			go p.Server(other, s, func(err error) { wrong <- err; done() })
			if err := <-wrong; err == nil || !strings.Contains(err.Error(), "example.net") {
				t.Errorf("another name: %v", err)
			}
			<-other.Done()
		}
		cancel()
		<-over
		server.Close()
		if _, found := value(t, reg, "holdfast_probe_success"); found {
			t.Error("it is counted as a probe of an instance")
		}
	}
}

// TestServerConnect tries a connection only.
func TestServerConnect(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	probe := config.DefaultProbe(false, false)
	probe.Period = config.Duration(5e6)
	ctx, cancel := context.WithCancel(t.Context())
	reports, over := make(chan error, 10), make(chan struct{})
	go func() {
		defer close(over)
		New(prometheus.NewRegistry()).Server(ctx, Server{Probe: &probe, Host: "a", Address: ln.Addr().String(), TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, func(err error) { reports <- err })
	}()
	if err := <-reports; err != nil {
		t.Errorf("it accepts: %v", err)
	}
	_ = ln.Close()
	if err := <-reports; err == nil || !strings.Contains(err.Error(), "connect to ") {
		t.Errorf("it is gone: %v", err)
	}
	cancel()
	<-over
}
