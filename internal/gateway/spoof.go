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
// other signs than a hyphen: CGI and WSGI read X_Forwarded_For as X-Forwarded-For, PHP reads
// X-Forwarded.For so, too, some servers X+Forwarded~For, and no proxy sends them.
func claimsIdentity(name string, trusted bool) bool {
	disguised := signs(name)
	if disguised {
		plain := []byte(name)
		for i, c := range plain {
			plain[i] = plainSign(c)
		}
		name = textproto.CanonicalMIMEHeaderKey(string(plain))
		if claimsRequest(name) {
			return true
		}
	}
	if !claims(name) {
		return false
	}
	return !trusted || disguised || ours(name)
}

// signs reports whether a name has other signs than letters, digits and hyphens.
func signs(name string) bool {
	for i := range len(name) {
		if c := name[i]; c != '-' && plainSign(c) == '-' {
			return true
		}
	}
	return false
}

// plainSign is a hyphen for all that is neither letter nor digit: in the variables of CGI servers write _
// for a hyphen (RFC 3875, 4.1.18), and some for every other sign, too.
func plainSign(c byte) byte {
	if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
		return c
	}
	return '-'
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
		"X-Remote-User", "Remote-User", "Remote-Groups", "Remote-Name", "Remote-Email", "X-Vouch-User", "X-Authenticated-User", "X-Iisnode-Auth-User",
		"X-Arr-Ssl", "X-Arr-Clientcert", "X-Arr-Log-Id", "Ms-Aspnetcore-Clientcert", "Ms-Aspnetcore-Token",
		"Ms-Aspnetcore-Winauthtoken", "X-Client-Cert", "X-Client-Certificate", "X-Ssl-Cert", "Ssl-Client-Cert",
		"Client-Cert", "Client-Cert-Chain", "X-Sendfile-Type", "X-Accel-Mapping":
		return true
	}
	if !strings.HasPrefix(name, "X-") {
		return hasPrefix(name, "Ssl-Client-", "Cf-Access-Authenticated-User-", "Tailscale-User-")
	}
	return hasPrefix(name, "X-Forwarded-", "X-Ssl-Client-", "X-Auth-Request-", "X-Webauth-", "X-Authentik-",
		"X-Amzn-Oidc-", "X-Amzn-Mtls-", "X-Goog-Authenticated-User-", "X-Ms-Client-Principal", "X-Pomerium-Claim-")
}

func hasPrefix(name string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}
