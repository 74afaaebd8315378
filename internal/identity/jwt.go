package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jws"
)

// maxToken bounds a token; headers are rarely allowed to be longer.
const maxToken = 16 << 10

// TokenError says what is wrong with a token, in words that its bearer may read.
type TokenError struct {
	text string
	// Scope is set when the token is good but does not allow this: 403 instead of 401 (RFC 6750, 3.1).
	Scope bool
}

func (e *TokenError) Error() string { return e.text }

func bad(text string) error { return &TokenError{text: text} }

// ErrNoKeys says that tokens cannot be checked now: their issuer's keys were never got, or too long ago.
var ErrNoKeys = errors.New("the keys of the tokens' issuer are not known")

// TokenRules are what a token must be like.
type TokenRules struct {
	Issuer      string
	Audience    []string // one of them
	MaxLifetime time.Duration
	Leeway      time.Duration
	Scopes      []string // all of them
}

// Tokens checks JSON Web Tokens (RFC 7519) in the compact form of JWS (RFC 7515).
//
// Which algorithm is used is a matter of the key, never of the token: a token that names another one is
// refused. Keys are those of Keys and no others, whatever the token's header says.
type Tokens struct {
	rules TokenRules
	keys  *Keys
	known cache
}

// NewTokens returns a verifier of tokens that are signed with one of keys.
func NewTokens(rules TokenRules, keys *Keys) *Tokens { return &Tokens{rules: rules, keys: keys} }

// Verify checks a token and returns its claims. It fails with a *TokenError, or with ErrNoKeys.
func (t *Tokens) Verify(ctx context.Context, token string, now time.Time) (*Claims, error) {
	if len(token) > maxToken {
		return nil, bad("The token is too long.")
	}
	set, err := t.keys.current(ctx, now)
	if err != nil {
		if _, _, broken := split(token); broken != nil {
			return nil, broken
		}
		return nil, err
	}
	// Checking a signature takes longer than the rest of a request; the same token comes many times.
	id := sha256.Sum256([]byte(token))
	claims := t.known.get(set, id)
	if claims == nil {
		if claims, set, err = t.open(ctx, token, set, now); err != nil {
			return nil, err
		}
		t.known.put(set, id, claims)
	}
	return claims, t.rules.check(claims, now)
}

// open checks the signature and reads the claims. The keys are got anew for one that is not known.
func (t *Tokens) open(ctx context.Context, token string, set *keySet, now time.Time) (*Claims, *keySet, error) {
	head, payload, err := split(token)
	if err != nil {
		return nil, set, err
	}
	if head.KeyID != "" && set.byID[head.KeyID] == nil {
		set = t.keys.renewed(ctx, set, now)
	}
	if err := set.verify(token, head); err != nil {
		return nil, set, err
	}
	claims, err := readClaims(payload)
	return claims, set, err
}

// verify checks the signature of a token with this header.
func (s *keySet) verify(token string, head header) error {
	candidates := s.candidates(head)
	if len(candidates) == 0 {
		return bad("The token is signed with a key that is not its issuer's, or not for this algorithm.")
	}
	for _, k := range candidates {
		if _, err := jws.Verify([]byte(token), jws.WithKey(k.algorithm(head.Algorithm), k.public)); err == nil {
			return nil
		}
	}
	return bad("The token's signature is wrong.")
}

// check holds the claims against the rules.
func (r *TokenRules) check(c *Claims, now time.Time) error {
	switch {
	case c.issuer != r.Issuer:
		return bad("The token is from another issuer.")
	case !slices.ContainsFunc(c.audience, func(a string) bool { return slices.Contains(r.Audience, a) }):
		return bad("The token is for another audience.")
	case c.expires.IsZero():
		return bad("The token does not say when it ends (exp).")
	case !now.Before(c.expires.Add(r.Leeway)):
		return bad("The token has ended.")
	case !c.notBefore.IsZero() && now.Add(r.Leeway).Before(c.notBefore):
		return bad("The token is not valid yet.")
	case !c.issued.IsZero() && now.Add(r.Leeway).Before(c.issued):
		return bad("The token was issued in the future.")
	}
	begin := c.issued
	if begin.IsZero() {
		begin = c.notBefore
	}
	switch {
	case begin.IsZero():
		return bad("The token does not say when it was issued (iat).")
	case c.expires.Sub(begin) > r.MaxLifetime:
		return bad("The token is valid for longer than is allowed here.")
	case !c.expires.After(begin):
		return bad("The token ends before it begins.")
	}
	for _, scope := range r.Scopes {
		if !slices.Contains(c.scopes, scope) {
			return &TokenError{text: "The token does not have the scope " + scope + ".", Scope: true}
		}
	}
	return nil
}

// header is what counts of a token's header.
type header struct {
	Algorithm string
	KeyID     string
}

// split takes a token apart. Everything that would change the meaning of what follows is refused.
func split(token string) (header, []byte, error) {
	var head header
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return head, nil, bad("The token is not a signed JSON Web Token.")
	}
	var decoded [3][]byte
	for i, part := range parts {
		data, err := encoding.DecodeString(part)
		if err != nil || strings.ContainsAny(part, "\r\n") {
			return head, nil, bad("The token is not a signed JSON Web Token.")
		}
		decoded[i] = data
	}
	fields, err := object(decoded[0])
	if err != nil {
		return head, nil, bad("The token's header is not readable.")
	}
	if fields["crit"] != nil || fields["b64"] != nil || fields["zip"] != nil || fields["enc"] != nil {
		return head, nil, bad("The token's header asks for what is not known here.")
	}
	var ok bool
	if head.Algorithm, ok = text(fields, "alg"); !ok || head.Algorithm == "" {
		return head, nil, bad("The token's header does not name its algorithm.")
	}
	if head.KeyID, ok = text(fields, "kid"); !ok {
		return head, nil, bad("The token's header is not readable.")
	}
	if len(decoded[2]) == 0 {
		return head, nil, bad("The token is not signed.")
	}
	return head, decoded[1], nil
}
