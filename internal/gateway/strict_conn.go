package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"go.uber.org/zap"

	"holdfast/internal/certs"
)

// strictConn gives net/http's server to read what strict lets pass, and after that what it cannot take
// for a request.
type strictConn struct {
	net.Conn
	rules strict
	off   bool   // what comes is not HTTP/1
	bad   bool   // what comes is not read any more
	rest  string // what is left to be given instead
}

// Read implements net.Conn.
func (c *strictConn) Read(p []byte) (int, error) {
	if c.bad {
		if c.rest == "" {
			return 0, io.EOF
		}
		n := copy(p, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	if n == 0 || c.off {
		return n, err
	}
	good, ok := c.rules.scan(p[:n])
	if ok {
		return n, err
	}
	c.bad, c.rest = true, c.rules.spoiled()
	n = copy(p[good:], c.rest)
	c.rest = c.rest[n:]
	return good + n, nil
}

// pass is called when the connection leaves HTTP.
func (c *strictConn) pass() { c.off = true }

// NetConn is the connection below.
func (c *strictConn) NetConn() net.Conn { return c.Conn }

// CloseWrite ends one direction.
func (c *strictConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// plainConn is a connection without TLS.
type plainConn struct{ strictConn }

// ReadFrom implements io.ReaderFrom: a file goes out without a copy through us.
func (c *plainConn) ReadFrom(src io.Reader) (int64, error) {
	if from, ok := c.Conn.(io.ReaderFrom); ok {
		return from.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, src)
}

// secureConn is a connection with TLS. The handshake comes with the first reading, in the goroutine of
// net/http for the connection. That takes it for one without TLS, and speaks HTTP/2 over it where the
// client begins so: after h2 was agreed upon it must, and else it must not.
type secureConn struct {
	strictConn
	own    *conn
	tls    *tls.Conn
	within time.Duration // the handshake
	log    *zap.Logger

	shaken  bool
	http2   bool
	preface string // what is still to come of HTTP/2's
	in      incoming
}

// clientPreface begins every connection with HTTP/2 (RFC 9113, 3.4).
const clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// errProof ends the connection of an authority that wanted a proof and has it (RFC 8737, section 3).
var errProof = errors.New("an ACME authority had its proof")

var errOldCipher = errors.New("HTTP/2 is not spoken with a cipher suite of CBC mode (RFC 9113, 9.2.2)")

// Read implements net.Conn.
func (c *secureConn) Read(p []byte) (int, error) {
	if !c.shaken {
		if err := c.shake(); err != nil {
			c.bad = true
			c.log.Debug("TLS handshake failed", zap.String("client", c.RemoteAddr().String()), zap.Error(err))
			return 0, io.EOF // net/http has nothing to answer
		}
		c.shaken = true
	}
	for {
		n, err := c.strictConn.Read(p)
		if c.preface != "" && n > 0 {
			m := min(n, len(c.preface))
			if string(p[:m]) != c.preface[:m] {
				c.bad = true
				c.log.Debug("HTTP/2 was agreed upon, and something else came", zap.String("client", c.RemoteAddr().String()))
				return 0, io.EOF
			}
			c.preface = c.preface[m:]
		}
		if n == 0 || !c.http2 || c.in.take(p[:n], c.own.table().beats.Load()) {
			return n, err
		}
		if err != nil {
			return 0, err
		}
	}
}

// shake does the handshake. It and the first header have their time each.
func (c *secureConn) shake() error {
	if c.within > 0 {
		_ = c.own.SetWriteDeadline(time.Now().Add(c.within)) // fails on a closed connection, and so does what follows
	}
	if err := c.tls.HandshakeContext(context.Background()); err != nil {
		var header tls.RecordHeaderError
		if errors.As(err, &header) && header.Conn != nil && looksLikeHTTP(header.RecordHeader) {
			_, _ = io.WriteString(header.Conn, "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nThis address speaks HTTPS.\n")
		}
		return err
	}
	if c.within > 0 {
		_ = c.own.SetWriteDeadline(time.Time{})
		_ = c.own.SetReadDeadline(time.Now().Add(c.within))
	}
	state := c.tls.ConnectionState()
	c.own.tls = &state
	switch state.NegotiatedProtocol {
	case certs.ALPNProto:
		return errProof
	case "h2":
		if state.Version == tls.VersionTLS12 && strings.Contains(tls.CipherSuiteName(state.CipherSuite), "_CBC_") {
			return errOldCipher
		}
		c.off, c.http2, c.preface, c.in.left = true, true, clientPreface, len(clientPreface)
	}
	return nil
}

// looksLikeHTTP reports whether what came instead of TLS is the beginning of a request.
func looksLikeHTTP(start [5]byte) bool {
	switch string(start[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH":
		return true
	default:
		return false
	}
}

// guarded is the connection as net/http gets it.
func (gen *generation) guarded(c *conn) net.Conn {
	if gen.tls == nil {
		return &plainConn{strictConn{Conn: c}}
	}
	t := tls.Server(c, gen.tls)
	c.secure = &secureConn{strictConn: strictConn{Conn: t}, own: c, tls: t, within: gen.settings.readHeader, log: gen.socket.g.log}
	return c.secure
}
