package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// access checks who may use a route.
func (v *validator) access(at path, route Route) {
	v.networks(at.key("allow"), route.Allow)
	v.networks(at.key("deny"), route.Deny)
	v.identity(at, route)
	if route.CORS != nil {
		v.cors(at.key("cors"), *route.CORS)
		if methods := at.key("match").key("method"); len(route.Match.Method) > 0 && !slices.ContainsFunc(route.Match.Method, func(m string) bool { return strings.EqualFold(m, "OPTIONS") }) {
			v.report(codeNoEffect, v.value(methods), methods, "the OPTIONS requests by which browsers ask for permission do not come to this route", "add OPTIONS to its methods")
		}
	}
}

func (v *validator) cors(at path, c CORS) {
	for i, origin := range c.Origins {
		sub := at.key("origins").index(i)
		if origin == "*" {
			if c.Credentials {
				v.report(codeTogether, v.value(sub), sub, "credentials and any origin together let every page act as its visitor", "name the origins, or remove credentials")
			}
			continue
		}
		u, err := url.Parse(strings.Replace(origin, "://*.", "://", 1))
		if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil || !goodHost(u.Hostname()) {
			hint := "write https://HOST, or https://*.DOMAIN, without a path"
			if origin == "null" {
				hint = "remove it: every sandboxed page and local file has this origin"
			}
			v.report(codeValue, v.value(sub), sub, fmt.Sprintf("origins: %q is not an origin", origin), hint)
			continue
		}
		if port := u.Port(); port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
			v.report(codeValue, v.value(sub), sub, fmt.Sprintf("origins: no browser sends %q: it leaves out the port that %s has anyway", origin, u.Scheme), "write "+strings.TrimSuffix(origin, ":"+port))
		}
	}
	for i, name := range c.Headers {
		if sub := at.key("headers").index(i); name == "*" {
			v.report(codeHeader, v.value(sub), sub, "headers: * would let pages send anything, credentials among it", "name the header fields that they may send")
		}
	}
	v.tokens(at.key("methods"), c.Methods, "a request method")
	v.tokens(at.key("headers"), c.Headers, "the name of a header")
	v.tokens(at.key("expose_headers"), c.ExposeHeaders, "the name of a header")
}

// tokens checks a list of names as HTTP has them.
func (v *validator) tokens(at path, names []string, what string) {
	for i, name := range names {
		if sub := at.index(i); !goodToken(name) {
			v.report(codeHeader, v.value(sub), sub, fmt.Sprintf("%s: %q is not %s", last(at), name, what), "write letters, digits and -")
		}
	}
}

// fieldNames checks names of header fields that a route changes: those that frame a message, or that tell
// the upstream who the client is, are Holdfast's own.
func (v *validator) fieldNames(at path, names []string, spotOf func(path) spot, subOf func(int) path) {
	for i, name := range names {
		sub := subOf(i)
		switch lower := strings.ToLower(name); {
		case !goodToken(name):
			v.report(codeHeader, spotOf(sub), sub, fmt.Sprintf("%q cannot be the name of a header", name), "write letters, digits and -")
		case slices.Contains([]string{"connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive", "proxy-connection", "x-request-id"}, lower),
			strings.HasPrefix(lower, "x-forwarded-") || lower == "forwarded" || lower == "via":
			v.report(codeHeader, spotOf(sub), sub, fmt.Sprintf("%s: %s is Holdfast's own to write", last(at), name), "remove it")
		}
	}
}
