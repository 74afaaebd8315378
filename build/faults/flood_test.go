//go:build faults && linux

package faults

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"holdfast/build/rig"
)

// attacker is one connection of a flood.
type attacker struct {
	*http2.Framer
	conn   *tls.Conn
	header []byte // of a request for /info
	stream uint32
}

func (a *attacker) next() uint32 {
	a.stream += 2
	return a.stream
}

// request begins a request; it is whole with end.
func (a *attacker) request(end bool) error {
	return a.WriteHeaders(http2.HeadersFrameParam{StreamID: a.next(), BlockFragment: a.header, EndStream: end, EndHeaders: true})
}

// dial opens a connection for a flood; what comes on it is read and thrown away if drain.
func dial(address string, drain bool) (*attacker, error) {
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		return nil, err
	}
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", "x"}, {":path", "/info"}} {
		_ = enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}) // into memory
	}
	a := &attacker{Framer: http2.NewFramer(conn, conn), conn: conn, header: block.Bytes(), stream: 1<<32 - 1}
	a.AllowIllegalWrites = true
	_, err = io.WriteString(conn, http2.ClientPreface)
	if err = errors.Join(err, a.WriteSettings()); err != nil {
		_ = conn.Close()
		return nil, err
	}
	if drain {
		go func() { _, _ = io.Copy(io.Discard, conn) }() // ends with the connection
	}
	return a, nil
}

// floodKind is what a client can do to a server by HTTP/2. It writes one more of its frames, again and again.
type floodKind struct {
	name     string
	drain    bool
	ends     bool // the connection must be ended for it
	requests bool // it makes requests
	begin    func(a *attacker) error
	more     func(a *attacker) error
}

func floods() []floodKind {
	nothing := func(*attacker) error { return nil }
	return []floodKind{
		{"rapid reset", true, true, true, nothing, func(a *attacker) error {
			if err := a.request(true); err != nil {
				return err
			}
			return a.WriteRSTStream(a.stream, http2.ErrCodeCancel)
		}},
		{"CONTINUATION", true, true, false, func(a *attacker) error {
			return a.WriteHeaders(http2.HeadersFrameParam{StreamID: a.next(), BlockFragment: a.header})
		}, func(a *attacker) error {
			return a.WriteContinuation(a.stream, false, bytes.Repeat([]byte("\x00\x01a\x01b"), 3000))
		}},
		{"empty CONTINUATION", true, true, false, func(a *attacker) error {
			return a.WriteHeaders(http2.HeadersFrameParam{StreamID: a.next(), BlockFragment: a.header})
		}, func(a *attacker) error { return a.WriteContinuation(a.stream, false, nil) }},
		{"PING, answers not read", false, true, false, nothing, func(a *attacker) error { return a.WritePing(false, [8]byte{}) }},
		{"SETTINGS, answers not read", false, true, false, nothing, func(a *attacker) error { return a.WriteSettings() }},
		{"PING", true, false, false, nothing, func(a *attacker) error { return a.WritePing(false, [8]byte{}) }},
		{"SETTINGS", true, false, false, nothing, func(a *attacker) error { return a.WriteSettings() }},
		{"empty DATA", true, false, false, func(a *attacker) error { return a.request(false) }, func(a *attacker) error { return a.WriteData(a.stream, false, nil) }},
		{"streams without an end", true, false, true, nothing, func(a *attacker) error { return a.request(false) }},
		{"window of one byte", true, false, false, nothing, func(a *attacker) error { return a.WriteWindowUpdate(0, 1) }},
	}
}

// growth bounds what the memory may grow by, in MB. A thousand requests under way and the refusals of more
// are 70, and under load the garbage collector lets the heap grow to some more than twice of what lives.
func (f floodKind) growth() float64 {
	if f.requests {
		return 192
	}
	return 96
}

// TestFloods floods Holdfast by HTTP/2 on four connections, again and again.
func TestFloods(t *testing.T) {
	for _, f := range floods() {
		t.Run(f.name, func(t *testing.T) {
			secure := rig.FreeAddress(t)
			h := newHome(t, strings.NewReplacer(`listeners:`, fmt.Sprintf("certificates:\n  c: {cert_file: \"{dir}/cert.pem\", key_file: \"{dir}/key.pem\"}\nlisteners:\n  secure: {address: %q, certificate: c}", secure)).Replace(web))
			writeCertificate(t, h.Dir)
			r := h.StartReady()
			r.WaitHealthy("web")
			siege(t, "flood: "+f.name, r, f.growth(), func() (bool, string) {
				var frames, ended atomic.Int64
				var all sync.WaitGroup
				until := time.Now().Add(pick(6*time.Second, time.Minute))
				for range 4 {
					all.Go(func() {
						for time.Now().Before(until) {
							if flood(secure, f.drain, f.begin, f.more, until, &frames) {
								ended.Add(1)
							}
						}
					})
				}
				all.Wait()
				return ended.Load() > 0 || !f.ends, fmt.Sprintf("%d frames on 4 connections at a time, %d ended by Holdfast", frames.Load(), ended.Load())
			})
			r.Stop()
		})
	}
}

// flood writes frames on one connection until it ends; it reports whether it was ended.
func flood(address string, drain bool, begin, more func(*attacker) error, until time.Time, frames *atomic.Int64) bool {
	a, err := dial(address, drain)
	if err != nil {
		return false
	}
	defer func() { _ = a.conn.Close() }()
	_ = a.conn.SetWriteDeadline(until)
	if begin(a) != nil {
		return false
	}
	for time.Now().Before(until) {
		if more(a) != nil {
			return time.Now().Before(until)
		}
		frames.Add(1)
	}
	return false
}

// writeCertificate makes a certificate that nobody trusts.
func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"x"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
