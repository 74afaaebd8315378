package gateway

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"

	"holdfast/internal/config"
	"holdfast/internal/upstream"
)

// showRenewed makes connections to urls anew that have shown a certificate which was renewed since: a server
// may refuse what ends, or comes from a root that is distrusted, in the middle of a connection.
func (g *Gateway) showRenewed() {
	if !g.mu.TryLock() {
		return // a reload; the next beat comes
	}
	defer g.mu.Unlock()
	for _, of := range g.current.pools {
		if of.certificate == "" {
			continue
		}
		c, err := g.certs.Get(of.certificate)
		if err == nil && !bytes.Equal(c.Certificate[0], of.shown) {
			of.shown = c.Certificate[0]
			of.pool.Renew()
		}
	}
}

// transportOf is how a route's urls are spoken to, and a text that changes when that does: the
// connections are then made anew.
func (g *Gateway) transportOf(conf config.Transport) (o upstream.TransportOptions, version string, err error) {
	o.HTTP2 = conf.Protocol == config.ProtocolH2 || conf.Protocol == config.ProtocolH2C
	if conf.CAFile == "" && conf.ServerName == "" && conf.Certificate == "" {
		return o, string(conf.Protocol), nil
	}
	o.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: conf.ServerName}
	version = fmt.Sprintf("%s %q %q", conf.Protocol, conf.ServerName, conf.Certificate)
	if conf.CAFile != "" {
		pem, err := config.ReadBounded(conf.CAFile, maxAuthorities)
		if err != nil {
			return o, "", fmt.Errorf("transport.ca_file: %w", err)
		}
		o.TLS.RootCAs = x509.NewCertPool()
		if !o.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return o, "", fmt.Errorf("transport.ca_file %s holds no certificate: write PEM blocks of the authorities", conf.CAFile)
		}
		sum := sha256.Sum256(pem)
		version += " " + hex.EncodeToString(sum[:])
	}
	if conf.Certificate != "" {
		o.TLS.GetClientCertificate = g.certs.ClientCertificate(conf.Certificate) // asked at every handshake: it may be renewed
	}
	return o, version, nil
}
