package config

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"holdfast/internal/identity"
	"holdfast/internal/secret"
)

// identity checks by what clients show who they are.
func (v *validator) identity(at path, route Route) {
	if route.JWT != nil {
		v.jwt(at.key("jwt"), *route.JWT)
	}
	if keys := route.APIKeys; keys != nil {
		sub := at.key("api_keys")
		v.fieldName(sub.key("header"), keys.Header)
		v.fieldName(sub.key("name_header"), keys.NameHeader)
		v.secrets(sub.key("keys"), keys.Keys, "a key has at least 16 characters, or is sha256: and 64 hexadecimal digits", func(key string) bool {
			hash, hashed := strings.CutPrefix(key, "sha256:")
			return hashed && len(hash) == 64 && strings.Trim(hash, "0123456789abcdefABCDEF") == "" || !hashed && len(key) >= 16
		})
		v.sameKeys(sub.key("keys"), keys.Keys)
	}
	if basic := route.BasicAuth; basic != nil {
		sub := at.key("basic_auth")
		v.fieldName(sub.key("name_header"), basic.NameHeader)
		v.secrets(sub.key("users"), basic.Users, "write a bcrypt or argon2id hash: holdfast hash prints one", func(hash string) bool {
			return identity.CheckHash(hash) == nil
		})
		for _, user := range slices.Sorted(maps.Keys(basic.Users)) {
			if name := sub.key("users").key(user); strings.Contains(user, ":") {
				v.report(codeName, v.key(name), name, fmt.Sprintf("users: nobody can log in as %q: a colon ends the name (RFC 7617)", user), "write a name without a colon")
			}
		}
		if route.JWT != nil {
			v.report(codeTogether, v.key(sub), sub, "jwt and basic_auth want the same header, so that nobody could come in", "keep one of them, or make two routes")
		}
	}
	if client := route.ClientCertificate; client != nil {
		sub := at.key("client_certificate")
		v.authorities(sub.key("ca_file"), client.CAFile)
		if crl := sub.key("crl_file"); client.CRLFile != "" && v.machine.here && !v.rejected[crl] {
			v.readable(crl, client.CRLFile)
		}
		for key, words := range map[string][]string{"names": client.Names, "organizational_units": client.OrganizationalUnits} {
			if i := slices.Index(words, ""); i >= 0 {
				item := sub.key(key).index(i)
				v.report(codeValue, v.value(item), item, fmt.Sprintf("%s: no certificate has an empty one", key), "write what the certificate must have, or remove it")
			}
		}
		v.onlyOverTLS(sub, route)
	}
}

// onlyOverTLS reports a route that wants client certificates on a listener that cannot have any.
func (v *validator) onlyOverTLS(at path, route Route) {
	for _, name := range route.Listeners {
		l, known := v.cfg.Listeners[name]
		if known && l.Certificate == "" && l.RedirectTo == "" && route.ClientCertificate.Mode == CertificateRequire && !v.broken {
			v.report(codeNoEffect, v.key(at), at, fmt.Sprintf("listener %q has no TLS, so that no client can show a certificate there: every request gets 403", name),
				"give the listener a certificate, or name the listeners of the route")
		}
	}
}

func (v *validator) jwt(at path, j JWT) {
	switch {
	case v.rejected[at.key("jwks_url")] || v.rejected[at.key("jwks_file")]:
	case j.JWKSURL == "" && j.JWKSFile == "":
		v.report(codeMissing, v.key(at), at, "jwt has neither jwks_url nor jwks_file", "add jwks_url: URL, where the issuer publishes its keys")
	case j.JWKSURL != "" && j.JWKSFile != "":
		v.report(codeTogether, v.key(at.key("jwks_file")), at, "jwt has jwks_url and jwks_file", "keep one of them")
	case j.JWKSURL != "":
		v.keysURL(at.key("jwks_url"), j.JWKSURL)
	case v.machine.here:
		v.present(at.key("jwks_file"), j.JWKSFile, false)
	}
	known := []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
	for i, name := range j.Algorithms {
		if sub := at.key("algorithms").index(i); !slices.Contains(known, name) {
			hint := "write one of " + strings.Join(known, ", ")
			if strings.HasPrefix(name, "HS") {
				hint = "a shared secret is used only if the key in jwks_file names its alg"
			}
			v.report(codeValue, v.value(sub), sub, fmt.Sprintf("algorithms: %q is not one for public keys", name), hint)
		}
	}
	if j.Cookie != "" && !goodToken(j.Cookie) {
		v.report(codeHeader, v.value(at.key("cookie")), at.key("cookie"), fmt.Sprintf("cookie: %q cannot be the name of a cookie", j.Cookie), "write letters, digits and _")
	}
	names := slices.Sorted(maps.Keys(j.ClaimHeaders))
	headers := at.key("claim_headers")
	v.fieldNames(headers, names, v.key, func(i int) path { return headers.key(names[i]) })
	for _, name := range names {
		if strings.EqualFold(name, "Host") {
			v.report(codeHeader, v.key(headers.key(name)), headers.key(name), "claim_headers: Host names the server, not a client", "write another name")
		}
	}
}

// keysURL wants https, or http on this machine: whoever can change the answer can make tokens.
func (v *validator) keysURL(at path, text string) {
	u, err := url.Parse(text)
	hint := "write https://HOST/PATH"
	if err == nil && u.Host != "" && u.User == nil {
		addr, notIP := netip.ParseAddr(u.Hostname())
		local := u.Hostname() == "localhost" || notIP == nil && addr.IsLoopback()
		if u.Scheme == "https" || u.Scheme == "http" && local {
			return
		}
		if u.Scheme == "http" {
			hint = "write https: whoever can change the answer on its way can make tokens"
		}
	}
	v.report(codeURL, v.value(at), at, fmt.Sprintf("jwks_url: %q cannot be used", text), hint)
}

// sameKeys reports callers that could not be told apart.
func (v *validator) sameKeys(at path, keys map[string]secret.Value) {
	had := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		key := keys[name].Reveal()
		sub := at.key(name)
		if first, twice := had[key]; twice && !v.rejected[sub] {
			v.report(codeTogether, v.key(sub), sub, fmt.Sprintf("keys: %q and %q have the same key", first, name), "give each its own: holdfast hash --api-key makes one")
			continue
		}
		had[key] = name
	}
}

// fieldName checks one name of a header field.
func (v *validator) fieldName(at path, name string) {
	if strings.EqualFold(name, "Host") {
		v.report(codeHeader, v.value(at), at, fmt.Sprintf("%s: Host names the server, not a client", last(at)), "write another name")
	} else if name != "" {
		v.fieldNames(at, []string{name}, v.value, func(int) path { return at })
	}
}

// secrets checks values that must not be shown.
func (v *validator) secrets(at path, values map[string]secret.Value, hint string, good func(string) bool) {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if sub := at.key(name); !v.rejected[sub] && !good(values[name].Reveal()) {
			v.report(codeValue, v.key(sub), sub, fmt.Sprintf("%s: what is given for %q cannot be used", last(at), name), hint)
		}
	}
}
