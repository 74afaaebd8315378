package wire

import (
	"errors"
	"net/http"
)

// Session is a connection after a 101 answer: bytes both ways.
type Session struct{ c *conn }

// switched hands the connection over.
func (c *conn) switched(a *answer) (*http.Response, error) {
	if a.req.Upgrade == "" {
		return nil, malformed("a switch of protocols that was not asked for")
	}
	if !c.unwatch(a.req) {
		return nil, errNoAnswer // the request was broken off
	}
	a.res.Body = &Session{c}
	return &a.res, nil
}

// Read implements io.Reader.
func (s *Session) Read(p []byte) (int, error) { return s.c.read(p) }

// Write implements io.Writer.
func (s *Session) Write(p []byte) (int, error) { return s.c.nc.Write(p) }

// Close implements io.Closer.
func (s *Session) Close() error {
	s.c.close()
	return nil
}

// CloseWrite ends one direction.
func (s *Session) CloseWrite() error {
	half, ok := s.c.nc.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
