package gateway

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"holdfast/internal/config"
	"holdfast/internal/upstream"
)

// BenchmarkFile compares a file of 16 KiB from the gateway, with its metrics, identifiers and access
// log, with the one of http.FileServer without any of that.
func BenchmarkFile(b *testing.B) {
	root := tree(b, map[string]string{"things/42": strings.Repeat("x", 16<<10)})
	b.Run("from=fileserver", func(b *testing.B) {
		server := httptest.NewServer(http.FileServer(http.Dir(root)))
		defer server.Close()
		driveFile(b, server.Listener.Addr().String())
	})
	b.Run("from=gateway", func(b *testing.B) {
		set := upstream.NewSet()
		defer set.Close()
		encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
		g := New(Options{
			Upstreams: set, Metrics: prometheus.NewRegistry(),
			Access: zap.New(zapcore.NewCore(encoder, zapcore.AddSync(io.Discard), zapcore.InfoLevel)),
		})
		conf := config.DefaultFileServer()
		conf.Root = root
		if err := g.Listen(b.Context(), testConfig(map[string]config.Route{"site": {FileServer: &conf}})); err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx) }()
		driveFile(b, g.Addrs()["web"])
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
}

func driveFile(b *testing.B, address string) {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	request := []byte("GET /things/42 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n")
	buf := make([]byte, 32<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write(request); err != nil {
			b.Fatal(err)
		}
		for n := 0; ; {
			m, err := conn.Read(buf[n:])
			if err != nil {
				b.Fatal(err)
			}
			n += m
			if i := bytes.Index(buf[:n], []byte("\r\n\r\n")); i >= 0 && n >= i+4+(16<<10) {
				break
			}
		}
	}
}
