package gateway

import (
	"encoding/base64"
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

// removeNamed removes the fields that the client's Connection names, and leaves in it what asks something
// of the gateway. It comes before the gateway writes a field of its own, such as the name of a caller:
// naming that one, too, must not keep it from the upstream.
func removeNamed(h http.Header) {
	values, ok := h["Connection"]
	if !ok || len(values) == 1 && forGateway(values[0]) {
		return
	}
	var kept []string
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			if name = textproto.TrimString(name); forGateway(name) {
				kept = append(kept, name)
			} else {
				delete(h, textproto.CanonicalMIMEHeaderKey(name))
			}
		}
	}
	h["Connection"] = []string{strings.Join(kept, ", ")}
}

// forGateway reports whether a word of Connection is an option, or a field that removeHopByHop removes.
func forGateway(word string) bool {
	for _, known := range [...]string{"keep-alive", "close", "upgrade", "te", "http2-settings"} {
		if strings.EqualFold(word, known) {
			return true
		}
	}
	return false
}

// scrubTrailer removes from a trailer what may only stand in a header, because it frames, routes or
// describes a message, asks for something, or says who sent it (RFC 9110, 6.5.1): a reader that merges
// the two would believe it. So may nothing stand in it that the route writes into the header, or keeps from
// the target.
func scrubTrailer(h http.Header, own []string) {
	if len(h) == 0 {
		return
	}
	removeHopByHop(h)
	for name := range h {
		if headerOnly(name) || claimsIdentity(name, false) {
			delete(h, name)
		}
	}
	for _, name := range own {
		removeSpellings(h, name)
	}
}

func headerOnly(name string) bool {
	switch name {
	case "Content-Length", "Host", "Content-Type", "Content-Encoding", "Content-Range", "Content-Location",
		"Authorization", "Www-Authenticate", "Cookie", "Set-Cookie", "Origin",
		"Expect", "Max-Forwards", "Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range",
		"Cache-Control", "Pragma", "Age", "Expires", "Date", "Vary", "Location", "Retry-After", "X-Request-Id", "Traceparent":
		return true
	default:
		return false
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

// wantsWebSocket reports whether r asks, as RFC 6455, 4.1 has it, for the one protocol switch that is
// passed on. Of any other one the target is not told.
func wantsWebSocket(r *http.Request) bool {
	up := r.Header["Upgrade"]
	return len(up) == 1 && strings.EqualFold(up[0], "websocket") && hasToken(r.Header["Connection"], "upgrade") &&
		r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor >= 1 && r.ContentLength == 0 &&
		webSocketKey(r.Header)
}

// webSocketKey reports whether the key and the version of a handshake are what they must be.
func webSocketKey(h http.Header) bool {
	key, version := h["Sec-Websocket-Key"], h["Sec-Websocket-Version"]
	if len(key) != 1 || len(version) != 1 || version[0] != "13" {
		return false
	}
	nonce, err := base64.StdEncoding.DecodeString(key[0])
	return err == nil && len(nonce) == 16
}
