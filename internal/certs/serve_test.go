package certs

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"net"
	"os"
	"sync"
	"testing"
)

// serveTLS shakes hands with whoever comes, presenting "shop".
func serveTLS(t *testing.T, s *Store) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conf := &tls.Config{
		GetConfigForClient: s.TLSChallenge,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.Choose([]string{"shop"}, hello)
		},
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				c := tls.Server(conn, conf)
				_ = c.Handshake() // the client tells
				_, _ = c.Read(make([]byte, 1))
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		serving.Wait()
	})
	return ln.Addr().String()
}

// pemReplace changes the bytes in a PEM block.
func pemReplace(t *testing.T, data []byte, from, to string) []byte {
	t.Helper()
	block, _ := pem.Decode(data)
	changed := bytes.ReplaceAll(block.Bytes, []byte(from), []byte(to))
	if bytes.Equal(changed, block.Bytes) {
		t.Fatalf("%q is not in it", from)
	}
	return pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: changed})
}

// silent is an address that takes a connection, says so, and then nothing more.
func silent(t *testing.T) (address string, taken <-chan struct{}) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan struct{})
	var serving sync.WaitGroup
	end := make(chan struct{})
	serving.Go(func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		close(first)
		<-end
		_ = conn.Close()
	})
	t.Cleanup(func() {
		close(end)
		_ = ln.Close()
		serving.Wait()
	})
	return ln.Addr().String(), first
}

// scratch is a temporary folder. t.TempDir would fail under Wine 8, which does not know how
// os.RemoveAll removes.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "holdfast-certs-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
