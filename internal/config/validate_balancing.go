package config

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// balancing checks how a route's targets are chosen and spoken to.
func (v *validator) balancing(at path, route Route) {
	if !v.lacks("weights") {
		v.weights(at.key("weights"), route)
	}
	if !v.lacks("transport") {
		v.transport(at.key("transport"), route)
	}
	if len(route.URLs) > 1 {
		v.twice(at.key("urls"), route.URLs)
	}
	switch key := at.key("balance_key"); {
	case v.lacks("balance_key"):
	case route.Balance != Hash:
		v.idle(key, fmt.Sprintf("balance_key has no effect with balance: %s", route.Balance), "write balance: hash, or remove it")
	case route.BalanceKey == KeyJWTSubject && route.JWT == nil && route.APIKeys == nil && route.BasicAuth == nil && route.ClientCertificate == nil:
		v.report(codeTogether, v.value(key), key, "nobody says who sent a request: this route checks no token, key, password or certificate", "add jwt, api_keys, basic_auth or client_certificate, or write balance_key: client_ip")
	}
	if route.upstreamless() {
		for _, key := range []string{"balance_key", "sticky", "slow_start", "outlier", "transport"} {
			if !v.lacks(key) {
				v.idle(at.key(key), key+" has no effect: this route asks no upstream", "remove it; it belongs to routes with app or urls")
			}
		}
	}
	if route.URLs == nil && !v.lacks("health_check") && !v.rejected[at.key("urls")] {
		v.idle(at.key("health_check"), "health_check has no effect without urls", "remove it; the instances of apps have probes of their own, in the app")
	}
	if route.Sticky != nil {
		v.sticky(at.key("sticky"), *route.Sticky)
	}
	if route.Outlier != nil {
		v.outlier(at.key("outlier"), *route.Outlier, route)
	}
	if route.HealthCheck != nil {
		v.probe(at.key("health_check"), route.HealthCheck, PortAuto)
	}
	if len(route.URLs) == 1 {
		for _, key := range []string{"balance", "balance_key", "sticky"} {
			if !v.lacks(key) {
				v.idle(at.key(key), key+" has no effect: there is one server to choose from", "add another one to urls, or remove it")
			}
		}
	}
}

func (v *validator) weights(at path, route Route) {
	n := len(route.Weights)
	switch {
	case v.anyRejected(at) || v.rejected[at.parent().key("urls")]:
	case route.URLs == nil:
		v.idle(at, "weights has no effect without urls", "remove it; the instances of an app are equal")
	case n > 0 && n != len(route.URLs):
		v.report(codeTogether, v.value(at), at, fmt.Sprintf("weights has %d entries for %d urls", n, len(route.URLs)), "write one for each of urls, in their order")
	case n > 0 && !slices.ContainsFunc(route.Weights, func(w int) bool { return w > 0 }):
		v.report(codeRange, v.value(at), at, "all weights are 0", "give at least one of urls a weight of 1; those with 0 stand in when all others are out")
	}
}

// twice finds urls of the same server.
func (v *validator) twice(at path, urls []string) {
	seen := map[string]bool{}
	for i, text := range urls {
		u, wrong := upstreamURL(text)
		if wrong != "" {
			continue // urls tells
		}
		port := u.Port()
		if port == "" {
			if port = "80"; u.Scheme == "https" {
				port = "443"
			}
		}
		host := net.JoinHostPort(strings.ToLower(u.Hostname()), port)
		if sub := at.index(i); seen[host] {
			v.report(codeURL, v.value(sub), sub, fmt.Sprintf("urls: %s stands there twice", host), "remove one of them; weights give a server more requests than another")
		}
		seen[host] = true
	}
}

func (v *validator) transport(at path, route Route) {
	if route.App != "" && route.URLs == nil {
		v.idle(at, "transport has no effect with app: instances are spoken to in HTTP/1.1, without TLS", "remove it; it belongs to routes with urls")
		return
	}
	t := route.Transport
	if t.Certificate != "" {
		reference(v, at.key("certificate"), "certificate", t.Certificate, v.cfg.Certificates)
	}
	v.authorities(at.key("ca_file"), t.CAFile)
	if route.URLs == nil || v.rejected[at.parent().key("urls")] {
		return
	}
	secure, plain := 0, 0
	for _, text := range route.URLs {
		if strings.HasPrefix(strings.ToLower(text), "https:") {
			secure++
		} else {
			plain++
		}
	}
	if secure == 0 {
		for _, key := range []string{"ca_file", "server_name", "certificate"} {
			v.idle(at.key(key), fmt.Sprintf("transport.%s has no effect: nothing here is spoken to over TLS", key), "write https:// in urls, or remove it")
		}
	}
	protocol := at.key("protocol")
	switch {
	case v.rejected[protocol]:
	case t.Protocol == ProtocolH2 && secure == 0:
		v.report(codeTogether, v.value(protocol), protocol, "protocol: h2 is HTTP/2 over TLS, and nothing here is spoken to over TLS", "write protocol: h2c, or https:// in urls")
	case t.Protocol == ProtocolH2 && plain > 0:
		v.report(codeTogether, v.value(protocol), protocol, "protocol: h2 is HTTP/2 over TLS, and some of urls are without TLS", "write https:// in all of urls")
	case t.Protocol == ProtocolH2C && secure > 0:
		v.report(codeTogether, v.value(protocol), protocol, "protocol: h2c is HTTP/2 without TLS, and urls has https", "write protocol: h2, or http:// in all of urls")
	}
}

func (v *validator) sticky(at path, s Sticky) {
	name := at.key("cookie")
	if v.rejected[name] {
		return
	}
	switch {
	case !goodToken(s.Cookie) || len(s.Cookie) > 64: // RFC 6265, section 4.1.1
		v.report(codeName, v.value(name), name, fmt.Sprintf("cookie: %q is not the name of a cookie", s.Cookie), "write at most 64 letters, digits, - and _")
	case strings.HasPrefix(s.Cookie, "__Host-") || strings.HasPrefix(s.Cookie, "__Secure-"):
		// Browsers refuse those over http, and __Host- with another path than /.
		v.report(codeName, v.value(name), name, fmt.Sprintf("cookie: browsers do not take %q everywhere", s.Cookie), "write a name without __Host- and __Secure-")
	}
	if age := at.key("max_age"); s.MaxAge > 0 && s.MaxAge < second && !v.rejected[age] {
		v.report(codeRange, v.value(age), age, fmt.Sprintf("max_age %s: browsers count in whole seconds", s.MaxAge), "write at least 1s")
	}
}

func (v *validator) outlier(at path, o Outlier, route Route) {
	if share := at.key("max_ejected"); o.MaxEjected == 0 && !v.rejected[share] {
		v.report(codeNoEffect, v.value(share), share, "max_ejected 0 lets no target be ejected", "write more than 0, or remove outlier")
	}
	if len(route.URLs) == 1 {
		v.report(codeNoEffect, v.key(at), at, "outlier has no effect: there is one server, and one always stays", "add another one to urls, or remove it")
	}
}
