package gateway

import (
	"net/textproto"
	"strings"
)

// claimsIdentity reports whether a header field of that (canonical) name says who the client is,
// how it came here, or which address is meant, in any of the spellings that servers and frameworks
// are known to believe. Such fields of strangers are removed.
//
// A trusted peer may send them, except for those that the gateway writes itself and for names with
// an underscore or a dot: CGI and WSGI read X_Forwarded_For as X-Forwarded-For, PHP reads
// X-Forwarded.For so, too, and no proxy sends them.
func claimsIdentity(name string, trusted bool) bool {
	disguised := strings.ContainsAny(name, "_.")
	if disguised {
		name = textproto.CanonicalMIMEHeaderKey(strings.NewReplacer("_", "-", ".", "-").Replace(name))
		if claimsRequest(name) {
			return true
		}
	}
	if !claims(name) {
		return false
	}
	return !trusted || disguised || ours(name)
}

// ours are the fields that are written anew for the upstream.
func ours(name string) bool {
	switch name {
	case "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix":
		return true
	default:
		return false
	}
}

// claimsRequest are fields that frame or name a request, dangerous only under a second spelling.
func claimsRequest(name string) bool {
	switch name {
	case "Content-Length", "Content-Type", "Transfer-Encoding", "X-Request-Id":
		return true
	default:
		return false
	}
}

func claims(name string) bool {
	switch name {
	case "Forwarded", "Proxy",
		"X-Real-Ip", "True-Client-Ip", "Client-Ip", "X-Client-Ip", "X-Cluster-Client-Ip",
		"X-Original-Forwarded-For", "X-Originating-Ip", "X-Remote-Ip", "X-Remote-Addr", "X-Proxyuser-Ip",
		"Remote-Addr", "Proxy-Client-Ip", "Wl-Proxy-Client-Ip", "Cf-Connecting-Ip", "Cf-Connecting-Ipv6",
		"Cf-Pseudo-Ipv4", "Cf-Visitor", "Fastly-Client-Ip", "Fly-Client-Ip", "Cloudfront-Viewer-Address",
		"X-Appengine-User-Ip", "X-Azure-Clientip", "X-Azure-Socketip", "X-Envoy-External-Address",
		"X-Nf-Client-Connection-Ip", "X-Host", "X-Http-Host-Override", "X-Forwarded",
		"X-Original-Url", "X-Original-Uri", "X-Rewrite-Url", "X-Original-Host", "X-Original-Method",
		"Front-End-Https", "X-Url-Scheme", "X-Scheme",
		"X-Remote-User", "Remote-User", "X-Authenticated-User", "X-Iisnode-Auth-User",
		"X-Arr-Ssl", "X-Arr-Clientcert", "X-Arr-Log-Id", "Ms-Aspnetcore-Clientcert", "Ms-Aspnetcore-Token",
		"Ms-Aspnetcore-Winauthtoken", "X-Client-Cert", "X-Client-Certificate", "X-Ssl-Cert", "Ssl-Client-Cert",
		"Client-Cert", "Client-Cert-Chain":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded-") || strings.HasPrefix(name, "X-Ssl-Client-") ||
		strings.HasPrefix(name, "Ssl-Client-")
}
