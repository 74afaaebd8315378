package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkSend compares one request after another over one kept-alive connection, here and by
// net/http's transport, each with a context that can be cancelled.
func BenchmarkSend(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		body := bytes.Repeat([]byte("x"), size)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			_, _ = w.Write(body)
		}))
		defer server.Close()
		address := server.Listener.Addr().String()
		header := http.Header{"Accept": {"*/*"}, "X-Request-Id": {"0123456789abcdef"}, "X-Forwarded-For": {"127.0.0.1"}, "Via": {"1.1 holdfast"}}
		buf := make([]byte, 32<<10)
		drain := func(b *testing.B, res *http.Response, err error) {
			b.Helper()
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			for {
				m, err := res.Body.Read(buf)
				n += m
				if err == io.EOF {
					break
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			_ = res.Body.Close()
			if n != size {
				b.Fatalf("%d bytes", n)
			}
		}
		kib := size >> 10
		b.Run(fmt.Sprintf("transport=wire,body=%dKiB", kib), func(b *testing.B) {
			t := New(address, Options{})
			defer t.CloseIdle()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				r := &Request{Method: "GET", Target: "/things/42?a=b", Host: "shop.example.com", Header: header}
				res, err := t.Send(ctx, r) //nolint:bodyclose // drain does
				drain(b, res, err)
			}
		})
		b.Run(fmt.Sprintf("transport=nethttp,body=%dKiB", kib), func(b *testing.B) {
			t := &http.Transport{DisableCompression: true}
			defer t.CloseIdleConnections()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				r, err := http.NewRequestWithContext(ctx, "GET", "http://"+address+"/things/42?a=b", nil)
				if err != nil {
					b.Fatal(err)
				}
				r.Header = header
				res, err := t.RoundTrip(r) //nolint:bodyclose // drain does
				drain(b, res, err)
			}
		})
	}
}
