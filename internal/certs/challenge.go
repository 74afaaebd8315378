package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// ALPNProto is the protocol by which an authority asks for a certificate's proof (RFC 8737, section 3).
// Nothing may follow the handshake.
const ALPNProto = acmez.ACMETLS1Protocol

// challengePath is where an authority asks for http-01 (RFC 8555, section 8.3).
const challengePath = "/.well-known/acme-challenge/"

// challenges are the proofs that authorities may ask for at this moment.
type challenges struct {
	pending atomic.Int64 // spares every request a lock
	mu      sync.RWMutex
	http    map[string]string           // key authorization by token
	alpn    map[string]*tls.Certificate // by host name
}

// HTTPChallenge is the answer to an authority that asks for path; ok is false for everybody else.
// It costs next to nothing while no certificate is being obtained.
func (s *Store) HTTPChallenge(path string) (answer string, ok bool) {
	c := &s.challenges
	if c.pending.Load() == 0 {
		return "", false
	}
	token, ok := strings.CutPrefix(path, challengePath)
	if !ok {
		return "", false
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	answer, ok = c.http[token]
	return answer, ok
}

// TLSChallenge is a tls.Config.GetConfigForClient: the configuration for an authority that asks by
// tls-alpn-01, nil for everybody else. After such a handshake the connection has to be closed.
func (s *Store) TLSChallenge(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	c := &s.challenges
	if c.pending.Load() == 0 || !slices.Equal(hello.SupportedProtos, []string{ALPNProto}) {
		return nil, nil
	}
	c.mu.RLock()
	cert := c.alpn[strings.ToLower(hello.ServerName)]
	c.mu.RUnlock()
	if cert == nil {
		return nil, fmt.Errorf("tls-alpn-01: no certificate for %q is being obtained", hello.ServerName)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{ALPNProto},
		Certificates: []tls.Certificate{*cert}, SessionTicketsDisabled: true,
	}, nil
}

// Present implements acmez.Solver.
func (c *challenges) Present(_ context.Context, ch acme.Challenge) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch ch.Type {
	case acme.ChallengeTypeHTTP01:
		if c.http == nil {
			c.http = map[string]string{}
		}
		c.http[ch.Token] = ch.KeyAuthorization
	case acme.ChallengeTypeTLSALPN01:
		cert, err := acmez.TLSALPN01ChallengeCert(ch)
		if err != nil {
			return err
		}
		if c.alpn == nil {
			c.alpn = map[string]*tls.Certificate{}
		}
		c.alpn[strings.ToLower(ch.Identifier.Value)] = cert
	default:
		return fmt.Errorf("challenge %s is none of ours", ch.Type)
	}
	c.pending.Store(int64(len(c.http) + len(c.alpn)))
	return nil
}

// CleanUp implements acmez.Solver.
func (c *challenges) CleanUp(_ context.Context, ch acme.Challenge) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch ch.Type {
	case acme.ChallengeTypeHTTP01:
		delete(c.http, ch.Token)
	case acme.ChallengeTypeTLSALPN01:
		delete(c.alpn, strings.ToLower(ch.Identifier.Value))
	}
	c.pending.Store(int64(len(c.http) + len(c.alpn)))
	return nil
}
