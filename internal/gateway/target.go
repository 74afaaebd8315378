package gateway

import (
	"net/http"
	"net/url"
	"strings"
)

// wholeServer reports whether the target is the server as such: "*", or an absolute address without
// path and query (RFC 9112, 3.2.4).
func wholeServer(r *http.Request) bool {
	return r.RequestURI == "*" && r.URL.Path == "*" ||
		r.URL.Path == "" && r.URL.Host != "" && r.URL.RawQuery == "" && !r.URL.ForceQuery && httpTarget(r.URL)
}

// httpTarget reports whether a request target is a path or the address of something over HTTP.
func httpTarget(u *url.URL) bool {
	if u.Opaque != "" || u.User != nil {
		return false
	}
	switch u.Scheme {
	case "":
		return true
	case "http", "https":
		return u.Host != "" // RFC 9110, 4.2.1
	default:
		return false
	}
}

// expected reports whether what the client expects is what net/http meets: "100-continue" and nothing
// else. It removes the field where it means nothing (RFC 9110, 10.1.1): the target would answer it, and
// the client has not waited.
func expected(r *http.Request) bool {
	values, asked := r.Header["Expect"]
	if !asked {
		return true
	}
	if len(values) != 1 || !strings.EqualFold(values[0], "100-continue") {
		return false
	}
	if r.ContentLength == 0 || !r.ProtoAtLeast(1, 1) {
		delete(r.Header, "Expect")
	}
	return true
}
