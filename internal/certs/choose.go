package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"strings"
	"time"
)

// index finds pairs by the name that a client asks for. It is never modified.
type index struct {
	exact, wild map[string][]*pair
	// waiting are the names that a certificate is still to come for.
	waiting []string
}

// newIndex files the pairs under their names in lower case; a wildcard under what follows its "*".
// A pair whose key is not RSA comes before those whose is: it is the cheaper one, and clients that cannot
// use it get the next.
func newIndex(pairs []*pair) index {
	x := index{exact: map[string][]*pair{}, wild: map[string][]*pair{}}
	ordered := slices.Clone(pairs)
	slices.SortStableFunc(ordered, func(a, b *pair) int { return rsaRank(a) - rsaRank(b) })
	for _, p := range ordered {
		for _, name := range p.names {
			if rest, ok := strings.CutPrefix(strings.ToLower(name), "*"); ok {
				x.wild[rest] = append(x.wild[rest], p)
			} else {
				x.exact[strings.ToLower(name)] = append(x.exact[strings.ToLower(name)], p)
			}
		}
	}
	return x
}

func rsaRank(p *pair) int {
	if p.Leaf.PublicKeyAlgorithm == x509.RSA {
		return 1
	}
	return 0
}

// Choose is the certificate that a listener presents. names are its certificates, the standard one first:
// the first that is made for the host that the client asks for (SNI, RFC 6066, section 3) by its very
// name, then the first by a wildcard, then the standard one. Whoever names no host is taken to ask for
// the address that it connected to. Where an entry has several for a host, the client gets one that it
// supports and that is valid.
func (s *Store) Choose(names []string, hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(names) == 0 {
		return nil, errNoNames
	}
	all := *s.current.Load()
	if host := hostOf(hello); host != "" {
		if p := find(all, names, host, hello); p != nil {
			return &p.Certificate, nil
		}
		for _, name := range names {
			if e := all[name]; e != nil && slices.ContainsFunc(e.index.waiting, func(w string) bool { return strings.EqualFold(w, host) }) {
				return nil, e.missing(name) // another one would be taken for an attack
			}
		}
	}
	e := all[names[0]]
	if e == nil {
		return nil, notConfigured(names[0])
	}
	if p := suitable(e.pairs, hello); p != nil {
		return &p.Certificate, nil
	}
	return nil, e.missing(names[0])
}

// errNoNames is the answer to a handshake on a connection that is older than the end of its listener's TLS.
var errNoNames = errors.New("the listener has no certificate any more")

// find looks for the host itself, then for a wildcard.
func find(all map[string]*entry, names []string, host string, hello *tls.ClientHelloInfo) *pair {
	for _, name := range names {
		if e := all[name]; e != nil {
			if p := suitable(e.index.exact[host], hello); p != nil {
				return p
			}
		}
	}
	dot := strings.IndexByte(host, '.')
	if dot <= 0 {
		return nil
	}
	for _, name := range names {
		if e := all[name]; e != nil {
			if p := suitable(e.index.wild[host[dot:]], hello); p != nil {
				return p
			}
		}
	}
	return nil
}

// hostOf is the host that a client asks for.
func hostOf(hello *tls.ClientHelloInfo) string {
	if hello.ServerName != "" {
		return strings.ToLower(hello.ServerName)
	}
	if hello.Conn == nil {
		return ""
	}
	if a, ok := hello.Conn.LocalAddr().(*net.TCPAddr); ok {
		return a.IP.String()
	}
	return ""
}

// suitable is the first that the client supports and that is valid, else the first that it supports,
// else the first.
func suitable(pairs []*pair, hello *tls.ClientHelloInfo) *pair {
	if len(pairs) < 2 {
		if len(pairs) == 0 {
			return nil
		}
		return pairs[0]
	}
	now := time.Now()
	best := pairs[0]
	supported := false
	for _, p := range pairs {
		if hello.SupportsCertificate(&p.Certificate) != nil {
			continue
		}
		if valid(p.Leaf, now) {
			return p
		}
		if !supported {
			best, supported = p, true
		}
	}
	return best
}

func valid(leaf *x509.Certificate, now time.Time) bool {
	return !now.Before(leaf.NotBefore) && !now.After(leaf.NotAfter)
}

// ClientCertificate is the tls.Config.GetClientCertificate that presents the certificate of that name to
// a server, as it is at each handshake.
func (s *Store) ClientCertificate(name string) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		e := (*s.current.Load())[name]
		switch {
		case e == nil:
			return nil, notConfigured(name)
		case len(e.pairs) == 0:
			return nil, e.missing(name)
		}
		for _, p := range e.pairs {
			if len(e.pairs) > 1 && asked.SupportsCertificate(&p.Certificate) != nil {
				continue
			}
			return &p.Certificate, nil
		}
		return &e.pairs[0].Certificate, nil
	}
}
