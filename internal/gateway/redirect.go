package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"holdfast/internal/config"
)

// redirect answers with another address.
type redirect struct {
	status int
	// parts are the pieces of the address; pathPart and queryPart stand for the request's own.
	parts []string
}

const (
	pathPart  = "${path}"
	queryPart = "${query}"
)

func newRedirect(conf config.Redirect) *redirect {
	d := &redirect{status: conf.Status}
	if d.status == 0 {
		d.status = http.StatusPermanentRedirect
	}
	rest := conf.To
	for rest != "" {
		p, q := strings.Index(rest, pathPart), strings.Index(rest, queryPart)
		next, mark := p, pathPart
		if p < 0 || (q >= 0 && q < p) {
			next, mark = q, queryPart
		}
		if next < 0 {
			d.parts = append(d.parts, rest)
			break
		}
		if next > 0 {
			d.parts = append(d.parts, rest[:next])
		}
		d.parts = append(d.parts, mark)
		rest = rest[next+len(mark):]
	}
	return d
}

// respond implements responder. ${path} is the canonical path without strip_prefix, ${query} the
// query without its question mark; one that is left at the end for want of a query is cut off.
func (d *redirect) respond(c *call) {
	var b strings.Builder
	for _, part := range d.parts {
		switch part {
		case pathPart:
			b.WriteString(c.served.Escaped)
		case queryPart:
			b.WriteString(safeQuery(c.r.URL.RawQuery))
		default:
			b.WriteString(part)
		}
	}
	to := b.String()
	if c.r.URL.RawQuery == "" {
		to = strings.TrimSuffix(to, "?")
	}
	c.redirect(d.status, to)
}

// redirect answers with a Location and no body.
func (c *call) redirect(status int, to string) {
	h := c.Header()
	c.set(h, "Location", to)
	c.set(h, "Content-Length", "0")
	c.WriteHeader(status)
}

// safeQuery escapes what net/http lets through in a query but a header should not carry.
func safeQuery(query string) string {
	clean := func(c byte) bool { return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\' }
	dirty := 0
	for i := range len(query) {
		if !clean(query[i]) {
			dirty++
		}
	}
	if dirty == 0 {
		return query
	}
	b := make([]byte, 0, len(query)+2*dirty)
	for i := range len(query) {
		if c := query[i]; clean(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

// listenerRedirect sends every request to another listener.
type listenerRedirect struct {
	to *socket
	// tls tells that the other listener speaks TLS.
	tls bool
}

// respond answers with the same address at the other listener. The port is the one it is bound
// to, left out where it is the scheme's own.
func (d *listenerRedirect) respond(c *call) {
	if c.host == "" {
		c.refuse(http.StatusBadRequest, "bad_host", sentence(errHostMissing))
		return
	}
	scheme, usual := "http", 80
	if d.tls {
		scheme, usual = "https", 443
	}
	to := scheme + "://" + c.host
	if port := d.to.port(); port != usual {
		to += ":" + strconv.Itoa(port)
	}
	to += c.path.Escaped
	if c.r.URL.RawQuery != "" || c.r.URL.ForceQuery {
		to += "?" + safeQuery(c.r.URL.RawQuery)
	}
	c.redirect(http.StatusPermanentRedirect, to)
}
