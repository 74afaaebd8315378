package upstream

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
)

// wire is a connection of ours and its other end.
func wire(t *testing.T) (*Conn, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	c, err := new(connSet).dial(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); _ = other.Close() })
	return c.(*Conn), other.(*net.TCPConn)
}

func TestConnCounts(t *testing.T) {
	c, other := wire(t)
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 5)
	if _, err := io.ReadFull(other, buf); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Write([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, buf[:2]); err != nil {
		t.Fatal(err)
	}
	if c.Wrote() != 5 || c.Got() != 2 {
		t.Errorf("wrote %d, got %d; want 5 and 2", c.Wrote(), c.Got())
	}
	if err := c.CloseWrite(); err != nil {
		t.Error(err)
	}
	if n, err := other.Read(buf); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after CloseWrite the other end reads %d, %v", n, err)
	}
	_ = c.Close()
	if n, err := c.Write([]byte("x")); n != 0 || err == nil || c.Wrote() != 5 {
		t.Errorf("after Close: %d, %v, wrote %d", n, err, c.Wrote())
	}
}

func TestConnOf(t *testing.T) {
	c, _ := wire(t)
	if ConnOf(c) != c || c.tls.Load() {
		t.Error("not found itself")
	}
	if ConnOf(tls.Client(c, &tls.Config{MinVersion: tls.VersionTLS12})) != c || !c.tls.Load() {
		t.Error("not found below TLS")
	}
	if ConnOf(c.Conn) != nil {
		t.Error("found in a foreign connection")
	}
}

// TestLook says when a kept-alive connection is not written to. Only Linux can tell; elsewhere all of
// them are.
func TestLook(t *testing.T) {
	for _, tc := range []struct {
		name string
		over bool // TLS
		do   func(*net.TCPConn)
		gone bool
	}{
		{"open", false, func(*net.TCPConn) {}, false},
		{"closed", false, func(c *net.TCPConn) { _ = c.Close() }, true},
		{"reset", false, func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() }, true},
		{"half closed", false, func(c *net.TCPConn) { _ = c.CloseWrite() }, true},
		{"spoke unasked", false, func(c *net.TCPConn) { _, _ = io.WriteString(c, "HTTP/1.1 408 x\r\n\r\n") }, true},
		{"spoke unasked, TLS", true, func(c *net.TCPConn) { _, _ = io.WriteString(c, "ticket") }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, other := wire(t)
			c.tls.Store(tc.over)
			tc.do(other)
			want := tc.gone && runtime.GOOS == "linux"
			for want && !ended(c.raw, tc.over) {
				runtime.Gosched() // until it has come through
			}
			c.Look()
			n, err := c.Write([]byte("x"))
			if errors.Is(err, errGone) != want || want && (n != 0 || c.Wrote() != 0) {
				t.Errorf("Write = %d, %v; wrote %d; want gone %v", n, err, c.Wrote(), want)
			}
			if !want && tc.name == "open" {
				if _, err := c.Write([]byte("x")); err != nil || c.Wrote() != 2 {
					t.Errorf("the second write: %v, wrote %d", err, c.Wrote())
				}
			}
		})
	}
}
