package upstream

import (
	"crypto/tls"
	"errors"

	"holdfast/internal/upstream/wire"
)

// Request, Session and ConnectError are the transport's words; see there.
type (
	// Request is what Lease.Send sends.
	Request = wire.Request
	// Session is the body of a 101 answer.
	Session = wire.Session
	// ConnectError says that no connection to a target could be made: nothing of the request was sent.
	ConnectError = wire.ConnectError
)

// TransportOptions say how the targets of a pool are spoken to. The zero value is HTTP/1.1, with the
// system's authorities for https.
type TransportOptions struct {
	// HTTP2 is HTTP/2: for https where the target agrees to it, for http by prior knowledge (h2c).
	HTTP2 bool
	// TLS is for https targets: authorities, server name, client certificate. Nil: the defaults.
	TLS *tls.Config
}

// newTransport returns the connections to one target. It passes bodies on as they are and knows nothing
// of the proxy settings of the environment.
func newTransport(address, scheme string, o TransportOptions) wire.Sender {
	w := wire.Options{}
	if scheme == "https" {
		if w.TLS = o.TLS; w.TLS == nil {
			w.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	}
	if o.HTTP2 {
		return wire.NewHTTP2(address, w)
	}
	return wire.New(address, w)
}

// IsConnectError reports whether err means that nothing was sent for lack of a connection, so that
// any request may be repeated on another target.
func IsConnectError(err error) bool {
	if err == nil {
		return false // spares the usual case an allocation
	}
	_, ok := errors.AsType[*ConnectError](err)
	return ok
}
