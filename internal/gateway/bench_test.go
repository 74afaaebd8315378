package gateway

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"holdfast/internal/config"
	"holdfast/internal/status"
	"holdfast/internal/upstream"
)

// BenchmarkProxy compares a request of 1 KiB through the gateway, with its metrics, identifiers and
// access log, with one through httputil.ReverseProxy without any of that.
func BenchmarkProxy(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 1<<10)
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer back.Close()
	target, err := url.Parse(back.URL)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("through=reverseproxy", func(b *testing.B) {
		transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
		defer transport.CloseIdleConnections()
		proxy := httptest.NewServer(&httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() }})
		defer proxy.Close()
		drive(b, proxy.URL)
	})
	b.Run("through=gateway", func(b *testing.B) {
		set := upstream.NewSet()
		defer set.Close()
		encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
		g := New(Options{
			Upstreams: set, Metrics: prometheus.NewRegistry(),
			Access: zap.New(zapcore.NewCore(encoder, zapcore.AddSync(io.Discard), zapcore.InfoLevel)),
		})
		set.SetReady(status.Target{App: "shop", Instance: "shop-1", Address: target.Host}, true)
		if err := g.Listen(b.Context(), testConfig(map[string]config.Route{"shop": {App: "shop", Timeout: config.Duration(30 * time.Second)}})); err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		drive(b, "http://"+g.Addrs()["web"])
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
}

// drive sends requests over one connection by hand, so that what is counted is mostly the proxy.
func drive(b *testing.B, address string) {
	b.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	request := []byte("GET /things/42?a=b HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
	buf := make([]byte, 16<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		n := 0
		for {
			m, err := conn.Read(buf[n:])
			if err != nil {
				b.Fatal(err)
			}
			n += m
			if i := bytes.Index(buf[:n], []byte("\r\n\r\n")); i >= 0 && n >= i+4+(1<<10) {
				break
			}
		}
	}
}

func BenchmarkCanonicalURL(b *testing.B) {
	for _, raw := range []string{"/things/42/parts", "/a%20b/../c"} {
		b.Run("path="+raw, func(b *testing.B) {
			u, err := url.ParseRequestURI(raw)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				_, _ = canonicalURL(u)
			}
		})
	}
}
