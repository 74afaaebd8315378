package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"holdfast/internal/config"
	"holdfast/internal/identity"
)

// maxKeySet bounds what an issuer publishes.
const maxKeySet = 1 << 20

// keysRetry is the Retry-After while the issuer's keys cannot be got.
const keysRetry = 30 * time.Second

// bearer wants a JSON Web Token (RFC 6750, 7519).
type bearer struct {
	tokens *identity.Tokens
	cookie string
	claims []claimField
	realm  string // in WWW-Authenticate
	inner  responder
}

// claimField is a header field of the upstream's request that gets a claim.
type claimField struct{ name, claim string }

func newBearer(b *build, inner responder) (responder, error) {
	conf := b.conf.JWT
	if conf == nil {
		return inner, nil
	}
	tokens, err := keep(b, "jwt", *conf, func() (*identity.Tokens, error) { return newTokens(b, *conf) })
	if err != nil {
		return nil, err
	}
	l := &bearer{tokens: tokens, cookie: conf.Cookie, realm: quoted(b.route.name), inner: inner}
	for name, claim := range conf.ClaimHeaders {
		l.claims = append(l.claims, claimField{http.CanonicalHeaderKey(name), claim})
		b.owns(name)
	}
	return l, nil
}

func newTokens(b *build, conf config.JWT) (*identity.Tokens, error) {
	source, err := keySource(conf)
	if err != nil {
		return nil, err
	}
	log, route := b.g.log, b.route.name
	keys := identity.NewKeys(source, identity.KeyOptions{
		Algorithms: conf.Algorithms, Symmetric: conf.JWKSFile != "", RefreshEvery: conf.RefreshEvery.D(), Go: b.g.background,
		OnError: func(err error) {
			if err != nil {
				log.Error("keys of the tokens' issuer cannot be got, the last good ones count on", zap.String("route", route), zap.Error(err))
				return
			}
			log.Info("keys of the tokens' issuer can be got again", zap.String("route", route))
		},
	})
	return identity.NewTokens(identity.TokenRules{
		Issuer: conf.Issuer, Audience: conf.Audience, MaxLifetime: conf.MaxLifetime.D(), Leeway: conf.Leeway.D(), Scopes: conf.Scopes,
	}, keys), nil
}

// keySource gets keys from a file, or from where the issuer publishes them.
func keySource(conf config.JWT) (identity.Source, error) {
	if conf.JWKSFile != "" {
		return func(context.Context) ([]byte, error) { return config.ReadBounded(conf.JWKSFile, maxKeySet) }, nil
	}
	transport := &http.Transport{
		Proxy: nil, DisableKeepAlives: true, ForceAttemptHTTP2: false, MaxResponseHeaderBytes: 64 << 10,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if conf.CAFile != "" {
		data, err := config.ReadBounded(conf.CAFile, maxKeySet)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		authorities, err := identity.ParseAuthorities(data)
		if err != nil {
			return nil, fmt.Errorf("ca_file %s: %w", conf.CAFile, err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		for _, a := range authorities {
			transport.TLSClientConfig.RootCAs.AddCert(a)
		}
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("it redirects; write the address it leads to")
	}}
	return func(ctx context.Context) ([]byte, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, conf.JWKSURL, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Accept", "application/jwk-set+json, application/json")
		res, err := client.Do(r)
		if err != nil {
			return nil, err
		}
		defer func() { _ = res.Body.Close() }() // it was only read
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", conf.JWKSURL, res.Status)
		}
		data, err := io.ReadAll(io.LimitReader(res.Body, maxKeySet+1))
		if len(data) > maxKeySet {
			return nil, fmt.Errorf("%s: more than %d bytes", conf.JWKSURL, maxKeySet)
		}
		return data, err
	}, nil
}

// respond implements responder.
func (l *bearer) respond(c *call) {
	token, given := bearerToken(c.r, l.cookie)
	if !given {
		l.challenge(c, "", "A token is needed here.")
		return
	}
	claims, err := l.tokens.Verify(c.r.Context(), token, time.Now())
	var refused *identity.TokenError
	switch {
	case err == nil:
	case errors.As(err, &refused) && refused.Scope:
		c.series.denied("jwt")
		c.Header()["Www-Authenticate"] = []string{`Bearer realm="` + l.realm + `", error="insufficient_scope"`}
		c.refuse(http.StatusForbidden, "insufficient_scope", refused.Error())
		return
	case errors.As(err, &refused):
		l.challenge(c, "invalid_token", refused.Error())
		return
	case c.r.Context().Err() != nil:
		c.abort(statusClientClosed)
	default:
		c.failure = err.Error()
		c.unavailable("keys_unavailable", "Tokens cannot be checked at the moment.", keysRetry)
		return
	}
	c.subject = claims.Subject()
	h := c.r.Header
	for _, f := range l.claims {
		removeSpellings(h, f.name)
	}
	for _, f := range l.claims { // after all of them: one name may be another's spelling
		if value, ok := claims.Value(f.claim); ok {
			h[f.name] = []string{value}
		}
	}
	l.inner.respond(c)
}

// challenge answers 401 (RFC 6750, 3). A request without a token is told no error.
func (l *bearer) challenge(c *call, kind, detail string) {
	c.series.denied("jwt")
	value := `Bearer realm="` + l.realm + `"`
	if kind != "" {
		value += `, error="` + kind + `", error_description="` + detail + `"`
	}
	c.Header()["Www-Authenticate"] = []string{value}
	code := "token_required"
	if kind != "" {
		code = kind
	}
	c.refuse(http.StatusUnauthorized, code, detail)
}

// bearerToken is the token of a request: of its one Authorization field, or else of the cookie. Anything
// in Authorization that is no bearer token is an empty one.
func bearerToken(r *http.Request, cookie string) (token string, given bool) {
	values := r.Header["Authorization"]
	switch {
	case len(values) == 1:
		scheme, rest, _ := strings.Cut(values[0], " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", false
		}
		return strings.TrimLeft(rest, " "), true
	case len(values) > 1:
		return "", true // which of them counts?
	case cookie == "":
		return "", false
	}
	found := r.CookiesNamed(cookie)
	if len(found) != 1 {
		return "", len(found) > 1
	}
	return found[0].Value, true
}

// removeSpellings removes a header field in every spelling that servers read as the same name.
func removeSpellings(h http.Header, name string) {
	delete(h, name)
	for other := range h {
		if sameField(other, name) {
			delete(h, other)
		}
	}
}

// sameField compares names as CGI, WSGI and PHP do, which know no difference between - and other signs.
func sameField(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if plainLetter(a[i]) != plainLetter(b[i]) {
			return false
		}
	}
	return true
}

func plainLetter(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return plainSign(c)
}

// quoted is text as it may stand between quotes in a header field.
func quoted(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
}
