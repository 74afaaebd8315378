package upstream

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// TestEnded is about connections that stay open although the process at their other end is gone.
func TestEnded(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	target := status.Target{App: "shop", Instance: "shop-1", Address: ln.Addr().String()}
	s := NewSet()
	s.Ended(target) // nothing is known of it
	s.SetReady(target, true)
	s.Ended(target) // nothing was sent to it

	const sent = 1 << 20
	ask := func(answer func(io.Writer)) (*http.Response, error) {
		t.Helper()
		go func() {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			_, _ = c.Read(make([]byte, 4096))
			answer(c)
		}()
		lease, err := s.Pool("shop").Acquire(config.RoundRobin)
		if err != nil {
			t.Fatal(err)
		}
		defer lease.Done(nil)
		return lease.Send(t.Context(), &Request{Method: http.MethodGet, Target: "/", Host: target.Address})
	}
	// All that it said is heard, and then no more is waited for.
	res, err := ask(func(c io.Writer) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n")
		_, _ = c.Write(make([]byte, sent))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	s.Ended(target)
	if n, err := io.Copy(io.Discard, res.Body); n != sent || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes came, %v; want %d and the end of patience", n, err, sent)
	}
	// A read that waits already hears of it.
	if res, err := ask(func(io.Writer) { s.Ended(target) }); !errors.Is(err, os.ErrDeadlineExceeded) {
		if err == nil {
			_ = res.Body.Close()
		}
		t.Errorf("no answer: %v", err)
	}
	// What comes at the same address is somebody else.
	res, err = ask(func(c io.Writer) { _, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n") })
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
}
