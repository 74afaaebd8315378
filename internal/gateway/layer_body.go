package gateway

import (
	"errors"
	"fmt"
	"net/http"

	"holdfast/internal/config"
)

// bodyLimit refuses bodies that are too large: at once where the length is told, or else as soon as
// more has come.
type bodyLimit struct {
	max   config.Size
	inner responder
}

func newBodyLimit(b *build, inner responder) (responder, error) {
	if b.conf.MaxBodySize <= 0 {
		return inner, nil
	}
	b.route.maxBody = b.conf.MaxBodySize
	return &bodyLimit{b.conf.MaxBodySize, inner}, nil
}

// respond implements responder.
func (l *bodyLimit) respond(c *call) {
	if c.r.ContentLength > int64(l.max) {
		c.tooLarge(l.max)
		return
	}
	if c.r.ContentLength != 0 {
		c.r.Body = http.MaxBytesReader(c.w, c.r.Body, int64(l.max))
	}
	l.inner.respond(c)
}

// bodyTooLarge reports whether err is of a body that turned out to be too large.
func bodyTooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)
	return ok
}

func (c *call) tooLarge(limit config.Size) {
	c.Header()["Connection"] = []string{"close"} // nobody will read the rest
	c.refuse(http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("The body of the request is larger than %s.", limit))
}
