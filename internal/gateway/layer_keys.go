package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"holdfast/internal/identity"
	"holdfast/internal/secret"
)

// reveal is the texts of secrets by name.
func reveal(values map[string]secret.Value) map[string]string {
	out := make(map[string]string, len(values))
	for name, v := range values {
		out[name] = v.Reveal()
	}
	return out
}

// apiKeys wants one of the given keys.
type apiKeys struct {
	keys   *identity.APIKeys
	header string
	name   string // the field in which the upstream gets the caller; empty: none
	// challenge is what a 401 must have (RFC 9110, 15.5.2); the scheme is registered nowhere.
	challenge []string
	inner     responder
}

func newAPIKeys(b *build, inner responder) (responder, error) {
	conf := b.conf.APIKeys
	if conf == nil {
		return inner, nil
	}
	keys, err := identity.NewAPIKeys(reveal(conf.Keys))
	if err != nil {
		return nil, err
	}
	b.owns(conf.NameHeader)
	challenge := []string{`ApiKey realm="` + quoted(b.route.name) + `"`}
	return &apiKeys{keys, http.CanonicalHeaderKey(conf.Header), http.CanonicalHeaderKey(conf.NameHeader), challenge, inner}, nil
}

// respond implements responder.
func (l *apiKeys) respond(c *call) {
	h := c.r.Header
	values := h[l.header]
	caller, ok := "", false
	if len(values) == 1 {
		caller, ok = l.keys.Caller(values[0])
	}
	if !ok {
		c.series.denied("api_key")
		c.Header()["Www-Authenticate"] = l.challenge[:1:1]
		code, detail := "api_key_required", "An API key is needed here."
		if len(values) > 0 {
			code, detail = "api_key_invalid", "The API key is not known."
		}
		c.refuse(http.StatusUnauthorized, code, detail)
		return
	}
	delete(h, l.header)
	c.subject = caller
	name(h, l.name, caller)
	l.inner.respond(c)
}

// owns keeps a field that tells who sent a request out of trailers; an empty one is none.
func (b *build) owns(field string) {
	if field != "" {
		b.route.own = append(b.route.own, field)
	}
}

// name tells the upstream who it is; what clients send under that name is removed.
func name(h http.Header, field, who string) {
	if field != "" {
		removeSpellings(h, field)
		h[field] = []string{who}
	}
}

// basicWait is how long a request waits until a password is checked: each takes a while, and only few are
// checked at once.
const basicWait = 5 * time.Second

// basicAuth wants a user's name and password (RFC 7617).
type basicAuth struct {
	passwords *identity.Passwords
	challenge []string
	name      string // the field in which the upstream gets the user; empty: none
	inner     responder
}

func newBasicAuth(b *build, inner responder) (responder, error) {
	conf := b.conf.BasicAuth
	if conf == nil {
		return inner, nil
	}
	passwords, err := keep(b, "basic_auth", *conf, func() (*identity.Passwords, error) { return identity.NewPasswords(reveal(conf.Users), b.g.turns) })
	if err != nil {
		return nil, err
	}
	realm := conf.Realm
	if realm == "" {
		realm = b.route.name
	}
	b.owns(conf.NameHeader)
	return &basicAuth{passwords, []string{`Basic realm="` + quoted(realm) + `", charset="UTF-8"`}, http.CanonicalHeaderKey(conf.NameHeader), inner}, nil
}

// respond implements responder.
func (l *basicAuth) respond(c *call) {
	user, password, given := "", "", false
	if len(c.r.Header["Authorization"]) == 1 {
		user, password, given = c.r.BasicAuth()
	}
	good := false
	if given {
		ctx, done := context.WithTimeout(c.r.Context(), basicWait)
		defer done()
		var err error
		if good, err = l.passwords.Check(ctx, c.client.network(), user, password); errors.Is(err, identity.ErrBusy) {
			if c.r.Context().Err() != nil {
				c.abort(statusClientClosed)
			}
			c.unavailable("busy", "Too many passwords are being checked at the moment.", basicWait)
			return
		}
	}
	if !good {
		c.series.denied("basic")
		c.Header()["Www-Authenticate"] = l.challenge
		code, detail := "password_required", "A name and a password are needed here."
		if given {
			code, detail = "password_invalid", "The name or the password is wrong."
		}
		c.refuse(http.StatusUnauthorized, code, detail)
		return
	}
	delete(c.r.Header, "Authorization")
	c.subject = user
	name(c.r.Header, l.name, user)
	l.inner.respond(c)
}
