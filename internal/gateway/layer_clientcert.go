package gateway

import (
	"crypto/x509"
	"net/http"
	"time"

	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/identity"
)

// clientCertificate wants or takes a TLS client certificate. The handshake only asks for one: it is
// checked here, so that each route has its own rules, and for every request, so that sessions that are
// resumed meet the rules of now.
type clientCertificate struct {
	certificates *identity.ClientCertificates
	require      bool
	inner        responder
}

func newClientCertificate(b *build, inner responder) (responder, error) {
	conf := b.conf.ClientCertificate
	if conf == nil {
		return inner, nil
	}
	certificates, err := keep(b, "client_certificate", *conf, func() (*identity.ClientCertificates, error) {
		log, route := b.g.log, b.route.name
		return identity.NewClientCertificates(identity.CertificateRules{
			CAFile: conf.CAFile, CRLFile: conf.CRLFile, Authorities: b.g.authorities,
			Names: conf.Names, OrganizationalUnits: conf.OrganizationalUnits, MaxLifetime: conf.MaxLifetime.D(),
			Read: func(path string) ([]byte, error) { return config.ReadBounded(path, maxAuthorities) },
			OnError: func(err error) {
				log.Error("files for client certificates cannot be read, the last good ones count on", zap.String("route", route), zap.Error(err))
			},
		})
	})
	if err != nil {
		return nil, err
	}
	return &clientCertificate{certificates, conf.Mode != config.CertificateRequest, inner}, nil
}

// maxAuthorities bounds the files of authorities and of what they revoked.
const maxAuthorities = 16 << 20

// respond implements responder.
func (l *clientCertificate) respond(c *call) {
	var chain []*x509.Certificate
	if c.r.TLS != nil {
		chain = c.r.TLS.PeerCertificates
	}
	if len(chain) > 0 || l.require {
		subject, err := l.certificates.Verify(chain, time.Now())
		if err != nil {
			c.series.denied("client_certificate")
			code := "certificate_refused"
			if len(chain) == 0 {
				code = "certificate_required"
			}
			c.refuse(http.StatusForbidden, code, err.Error())
			return
		}
		c.subject = subject
	}
	l.inner.respond(c)
}
