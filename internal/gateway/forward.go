package gateway

import (
	"strings"
)

// forward turns the header of a request into the one for the upstream, in place: nobody else reads
// it any more. It returns whether the protocol may be switched to WebSocket.
//
// The upstream gets the Host of the client, and
//
//	X-Forwarded-For    the chain of addresses; the last one is the peer of the gateway
//	X-Forwarded-Host   the Host field as the client sent it
//	X-Forwarded-Proto  http or https
//	X-Forwarded-Prefix what strip_prefix cut off, if it did
//	Forwarded          the same (RFC 7239)
//	X-Request-Id, traceparent, Via
func (c *call) forward() (websocket bool) {
	if c.forwarded {
		return c.upgrade
	}
	h := c.r.Header
	websocket = wantsWebSocket(c.r)
	c.forwarded, c.upgrade = true, websocket
	trailers := hasToken(h["Te"], "trailers")
	removeHopByHop(h)
	if websocket {
		c.set(h, "Connection", "Upgrade")
		c.set(h, "Upgrade", "websocket")
	}
	if trailers {
		c.set(h, "Te", "trailers")
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // keeps net/http from sending its own
	}
	c.set(h, "X-Forwarded-For", c.client.chain)
	if c.client.host != "" {
		c.set(h, "X-Forwarded-Host", c.client.host)
	}
	c.set(h, "X-Forwarded-Proto", c.client.proto)
	c.set(h, "Forwarded", c.client.forwarded())
	if c.served.Path != c.path.Path {
		c.set(h, "X-Forwarded-Prefix", c.route.strip)
	}
	c.set(h, "X-Request-Id", c.ids.request)
	c.set(h, "Traceparent", c.ids.parent)
	via := "1.1 holdfast"
	switch {
	case c.r.ProtoMajor == 2:
		via = "2.0 holdfast"
	case c.r.ProtoMinor == 0:
		via = "1.0 holdfast"
	}
	if before := h["Via"]; len(before) > 0 {
		via = strings.Join(before, ", ") + ", " + via
	}
	c.set(h, "Via", via)
	return websocket
}

// forwarded is the value of Forwarded: the chain with the proto and the host at its end.
func (c *client) forwarded() string {
	var b strings.Builder
	b.Grow(len(c.chain)*2 + len(c.host) + 32)
	for hop := range strings.SplitSeq(c.chain, ", ") {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString("for=")
		// The peer's own address needs no check, and usually is all there is.
		if hop != c.chain {
			if addr, ok := hopAddress(hop); ok {
				hop = addr.String()
			} else {
				hop = "unknown"
			}
		}
		if strings.IndexByte(hop, ':') >= 0 {
			b.WriteString(`"[`)
			b.WriteString(hop)
			b.WriteString(`]"`)
		} else {
			b.WriteString(hop)
		}
	}
	if c.host != "" {
		b.WriteString(`;host="`)
		b.WriteString(c.host) // a valid host has no quote
		b.WriteByte('"')
	}
	b.WriteString(";proto=")
	b.WriteString(c.proto)
	return b.String()
}
