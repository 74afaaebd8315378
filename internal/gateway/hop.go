package gateway

import (
	"net/http"
	"net/textproto"
	"strings"
)

// removeHopByHop removes the fields that are for the next hop only (RFC 9110, 7.6.1): those that
// Connection names and those that are known to be.
func removeHopByHop(h http.Header) {
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = textproto.TrimString(name); name != "" {
				delete(h, textproto.CanonicalMIMEHeaderKey(name))
			}
		}
	}
	delete(h, "Connection")
	delete(h, "Proxy-Connection")
	delete(h, "Keep-Alive")
	delete(h, "Proxy-Authenticate")
	delete(h, "Proxy-Authorization")
	delete(h, "Te")
	delete(h, "Trailer")
	delete(h, "Transfer-Encoding")
	delete(h, "Upgrade")
	delete(h, "Http2-Settings")
}

// scrubTrailer removes from a trailer what may only stand in a header, because it frames or routes a
// message or says who sent it (RFC 9110, 6.5.1): a reader that merges the two would believe it.
func scrubTrailer(h http.Header) {
	removeHopByHop(h)
	delete(h, "Content-Length")
	delete(h, "Host")
	for name := range h {
		if claimsIdentity(name, false) {
			delete(h, name)
		}
	}
}

// hasToken reports whether a comma-separated field holds token, in any case.
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(textproto.TrimString(part), token) {
				return true
			}
		}
	}
	return false
}

// wantsWebSocket reports whether r asks for the one protocol switch that is passed on.
func wantsWebSocket(r *http.Request) bool {
	up := r.Header["Upgrade"]
	return len(up) == 1 && strings.EqualFold(up[0], "websocket") && hasToken(r.Header["Connection"], "upgrade") &&
		r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor >= 1 && r.ContentLength == 0
}
