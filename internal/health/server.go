package health

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// server is the kind of the checks of servers. They are counted nowhere: the gateway tells how they end.
const server Kind = "health_check"

// Server is one that Holdfast does not run.
type Server struct {
	Probe *config.Probe
	// Host is what http_get asks for, in the Host field; Address, with a port, is where it is.
	Host, Address string
	// TLS is how http_get speaks to it; nil without TLS. Tcp_socket connects only.
	TLS *tls.Config
	// Healthy is what is known of it at the beginning.
	Healthy bool
}

// Server is Readiness for a server that Holdfast does not run. http_get asks in HTTP/1.1.
func (p *Prober) Server(ctx context.Context, s Server, report func(error)) {
	c := &check{
		p: p, kind: server, probe: s.Probe, address: s.Address, subject: &subject{offset: p.pace.offset()},
		target: status.Target{Instance: s.Host, Address: s.Address},
	}
	switch get := s.Probe.HTTPGet; {
	case get != nil:
		host := s.Host
		if get.Port != 0 {
			c.address, host = withPort(s.Address, get.Port), withPort(s.Address, get.Port)
		}
		c.path = expand(get.Path, c.target)
		c.request, c.broken = request(host, c.path, get.Headers)
	case s.Probe.TCPSocket != nil:
		c.address = withPort(s.Address, s.Probe.TCPSocket.Port)
	}
	c.dial = p.dialTo(c.address)
	if s.TLS != nil && s.Probe.HTTPGet != nil {
		c.dial = p.dialTLS(c.address, s.TLS)
	}
	c.shared = c.subject.outcome(checkKey{c.address, string(c.request), s.Probe.Timeout.D()})
	p.watch(ctx, c, s.Healthy, report)
}

// dialTLS connects and shakes hands.
func (p *Prober) dialTLS(address string, conf *tls.Config) dial {
	conf = conf.Clone()
	conf.NextProtos = []string{"http/1.1"}
	if host, _, err := net.SplitHostPort(address); err == nil && conf.ServerName == "" {
		conf.ServerName = host
	}
	return func(ctx context.Context, deadline time.Time, c *cut) (io.ReadWriteCloser, error) {
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		plain, err := p.dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(plain, conf)
		if err := c.hold(conn, deadline); err != nil {
			return nil, errors.Join(err, plain.Close())
		}
		if err := conn.HandshakeContext(ctx); err != nil {
			c.release()
			_ = plain.Close()
			return nil, err
		}
		return conn, nil
	}
}
