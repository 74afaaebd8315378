package gateway

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
)

// identifiers are what a request is known by in logs, here and at the upstream.
type identifiers struct {
	// request is X-Request-Id: 32 hex digits, or what a trusted peer sent.
	request string
	// trace and span are W3C Trace Context's (www.w3.org/TR/trace-context), and parent the value
	// of traceparent for the upstream, in which span is the parent.
	trace, span, parent string
}

const (
	parentLength = 2 + 1 + 32 + 1 + 16 + 1 + 2 // version-trace-span-flags
	maxRequestID = 128
)

// identifiersOf continues the trace that the request is part of, or starts one. A new trace is
// marked as sampled: an upstream that follows its parent's decision would record nothing else.
func identifiersOf(h http.Header, trusted bool) identifiers {
	var random [40]byte
	_, _ = rand.Read(random[:]) // never fails

	// One string holds everything: "00-<trace>-<span>-01<request>".
	var text [parentLength + 32]byte
	copy(text[:], "00-")
	hex.Encode(text[3:35], random[:16])
	text[35] = '-'
	hex.Encode(text[36:52], random[16:24])
	copy(text[52:], "-01")
	hex.Encode(text[parentLength:], random[24:])
	if in, ok := validParent(h["Traceparent"]); ok {
		copy(text[3:35], in[3:35])
		// Of the flags only "sampled" and "random" have a meaning.
		text[53], text[54] = '0', '0'+unhex(in[54])&3
	} else {
		delete(h, "Tracestate")
	}
	all := string(text[:])
	ids := identifiers{trace: all[3:35], span: all[36:52], parent: all[:parentLength], request: all[parentLength:]}
	if trusted {
		if vs := h["X-Request-Id"]; len(vs) == 1 && saneRequestID(vs[0]) {
			ids.request = vs[0]
		}
	}
	return ids
}

// validParent is the one traceparent value of a request, if it has the form of version 00 or of a
// later version that begins like it.
func validParent(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	v := values[0]
	if len(v) < parentLength || v[2] != '-' || v[35] != '-' || v[52] != '-' {
		return "", false
	}
	if v[:2] == "ff" || (v[:2] == "00" && len(v) > parentLength) || (len(v) > parentLength && v[parentLength] != '-') {
		return "", false
	}
	for _, part := range []string{v[:2], v[3:35], v[36:52], v[53:55]} {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return "", false
		}
	}
	if strings.Trim(v[3:35], "0") == "" || strings.Trim(v[36:52], "0") == "" {
		return "", false
	}
	return v, true
}

// saneRequestID allows what cannot do harm in a log or a header.
func saneRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		if c := id[i]; !unreserved(c) && c != ':' && c != '/' && c != '+' && c != '=' {
			return false
		}
	}
	return true
}
