package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// issuer signs tokens and publishes its keys.
type issuer struct {
	t       *testing.T
	ec      *ecdsa.PrivateKey
	rsa     *rsa.PrivateKey
	ed      ed25519.PrivateKey
	foreign *ecdsa.PrivateKey
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t}
	var err error
	fail := func() {
		if err != nil {
			t.Fatal(err)
		}
	}
	i.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fail()
	i.foreign, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fail()
	i.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	fail()
	_, i.ed, err = ed25519.GenerateKey(rand.Reader)
	fail()
	return i
}

// jwks is the published set; the keys "ec" and "rsa" name no algorithm, "ed" does.
func (i *issuer) jwks() []byte {
	i.t.Helper()
	set := jwk.NewSet()
	for id, private := range map[string]any{"ec": i.ec, "rsa": i.rsa, "ed": i.ed} {
		k, err := jwk.Import(private)
		if err != nil {
			i.t.Fatal(err)
		}
		public, err := k.PublicKey()
		if err != nil {
			i.t.Fatal(err)
		}
		_ = public.Set(jwk.KeyIDKey, id)
		if id == "ed" {
			_ = public.Set(jwk.AlgorithmKey, jwa.EdDSA())
		}
		if err := set.AddKey(public); err != nil {
			i.t.Fatal(err)
		}
	}
	data, err := json.Marshal(set)
	if err != nil {
		i.t.Fatal(err)
	}
	return data
}

// sign makes a token of raw texts, signed as alg says whatever the header says.
func (i *issuer) sign(head, payload, alg string, with any) string {
	i.t.Helper()
	input := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	a, ok := jwa.LookupSignatureAlgorithm(alg)
	if !ok {
		i.t.Fatalf("no algorithm %s", alg)
	}
	signer, err := jws.SignerFor(a)
	if err != nil {
		i.t.Fatal(err)
	}
	signature, err := signer.Sign(with, []byte(input))
	if err != nil {
		i.t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (i *issuer) tokens(rules TokenRules) *Tokens {
	return NewTokens(rules, NewKeys(func(context.Context) ([]byte, error) { return i.jwks(), nil }, KeyOptions{
		Algorithms: []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"}, RefreshEvery: time.Hour, Go: func(func(context.Context)) {},
	}))
}

const (
	goodHead = `{"alg":"ES256","kid":"ec","typ":"JWT"}`
	at       = 1_800_000_000 // when the tokens are looked at
)

func goodRules() TokenRules {
	return TokenRules{Issuer: "https://id.example", Audience: []string{"shop", "store"}, MaxLifetime: 15 * time.Minute, Leeway: 30 * time.Second, Scopes: []string{"read"}}
}

// payload is a good one with changes; a nil removes.
func payload(changes map[string]any) string {
	c := map[string]any{"iss": "https://id.example", "aud": "shop", "sub": "alice", "iat": at - 60, "exp": at + 600, "scope": "read write"}
	for name, v := range changes {
		c[name] = v
		if v == nil {
			delete(c, name)
		}
	}
	data, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// TestClaims is the corpus of claims: what is in a token, and whether it is let in.
func TestClaims(t *testing.T) {
	i := newIssuer(t)
	tokens := i.tokens(goodRules())
	with := func(name string, v any) string { return payload(map[string]any{name: v}) }
	cases := map[string]struct {
		payload string
		want    string // a part of the error; empty: good
	}{
		"good":                               {payload(nil), ""},
		"issuer: another":                    {with("iss", "https://evil.example"), "another issuer"},
		"issuer: with a slash":               {with("iss", "https://id.example/"), "another issuer"},
		"issuer: other letters":              {with("iss", "https://ID.example"), "another issuer"},
		"issuer: none":                       {with("iss", nil), "another issuer"},
		"issuer: a list":                     {with("iss", []string{"https://id.example"}), "right kind"},
		"issuer: null":                       {`{"iss":null,"aud":"shop","iat":1799999940,"exp":1800000600,"scope":"read"}`, "right kind"},
		"audience: second":                   {with("aud", "store"), ""},
		"audience: list":                     {with("aud", []string{"x", "shop"}), ""},
		"audience: another":                  {with("aud", "blog"), "another audience"},
		"audience: empty list":               {with("aud", []string{}), "another audience"},
		"audience: none":                     {with("aud", nil), "another audience"},
		"audience: numbers":                  {with("aud", []any{"shop", 1}), "right kind"},
		"audience: object":                   {with("aud", map[string]string{"shop": "shop"}), "right kind"},
		"audience: a part of it":             {with("aud", "sho"), "another audience"},
		"end: none":                          {with("exp", nil), "when it ends"},
		"end: now":                           {with("exp", at), ""},
		"end: within the leeway":             {with("exp", at-29), ""},
		"end: at the leeway's end":           {with("exp", at-30), "has ended"},
		"end: long ago":                      {payload(map[string]any{"iat": at - 1000, "exp": at - 500}), "has ended"},
		"end: a text":                        {with("exp", "1800000600"), "right kind"},
		"end: a fraction":                    {with("exp", at+0.5), ""},
		"end: negative":                      {with("exp", -1), "right kind"},
		"end: zero":                          {with("exp", 0), "right kind"},
		"end: huge":                          {`{"iss":"https://id.example","aud":"shop","iat":1799999940,"exp":1e400,"scope":"read"}`, "right kind"},
		"end: beyond the year 9999":          {with("exp", 253402300800), "right kind"},
		"end: null":                          {`{"iss":"https://id.example","aud":"shop","iat":1799999940,"exp":null,"scope":"read"}`, "when it ends"},
		"end: true":                          {with("exp", true), "right kind"},
		"not before: past":                   {with("nbf", at-1), ""},
		"not before: within the leeway":      {with("nbf", at+30), ""},
		"not before: future":                 {with("nbf", at+31), "not valid yet"},
		"not before: a text":                 {with("nbf", "1"), "right kind"},
		"issued: future":                     {payload(map[string]any{"iat": at + 31, "exp": at + 60}), "in the future"},
		"issued: within the leeway":          {payload(map[string]any{"iat": at + 30, "exp": at + 60}), ""},
		"issued: none":                       {with("iat", nil), "when it was issued"},
		"issued: none, but not before":       {payload(map[string]any{"iat": nil, "nbf": at - 60}), ""},
		"issued: null":                       {`{"iss":"https://id.example","aud":"shop","iat":null,"exp":1800000600,"scope":"read"}`, "when it was issued"},
		"lifetime: the longest":              {payload(map[string]any{"iat": at, "exp": at + 900}), ""},
		"lifetime: longer":                   {payload(map[string]any{"iat": at, "exp": at + 901}), "valid for longer"},
		"lifetime: hidden by not before":     {payload(map[string]any{"iat": at - 900, "nbf": at, "exp": at + 600}), "valid for longer"},
		"lifetime: ends before it begins":    {payload(map[string]any{"iat": at + 10, "exp": at + 5}), "before it begins"},
		"scope: none":                        {with("scope", nil), "scope read"},
		"scope: another":                     {with("scope", "write"), "scope read"},
		"scope: a part of a word":            {with("scope", "readonly"), "scope read"},
		"scope: a list":                      {with("scope", []string{"read"}), "right kind"},
		"scp: list":                          {payload(map[string]any{"scope": nil, "scp": []string{"read"}}), ""},
		"scp: text":                          {payload(map[string]any{"scope": nil, "scp": "a read"}), ""},
		"scp: numbers":                       {with("scp", []int{1}), "right kind"},
		"subject: a number":                  {with("sub", 7), "right kind"},
		"subject: none":                      {with("sub", nil), ""},
		"name twice":                         {`{"iss":"https://id.example","aud":"shop","iat":1799999940,"exp":1,"exp":1800000600,"scope":"read"}`, "not readable"},
		"name twice, by an escape":           {`{"iss":"https://id.example","aud":"shop","iat":1799999940,"exp":1,"\u0065xp":1800000600,"scope":"read"}`, "not readable"},
		"name twice, further down":           {`{"iss":"https://id.example","aud":"shop","iat":1799999940,"exp":1800000600,"scope":"read","x":{"a":1,"a":2}}`, "not readable"},
		"name in other letters":              {`{"iss":"https://id.example","aud":"shop","iat":1799999940,"EXP":1800000600,"scope":"read"}`, "when it ends"},
		"a list":                             {`["shop"]`, "not readable"},
		"a text":                             {`"shop"`, "not readable"},
		"empty":                              {``, "not readable"},
		"two objects":                        {payload(nil) + "{}", "not readable"},
		"cut off":                            {`{"iss":"https://id.example"`, "not readable"},
		"not UTF-8":                          {"{\"iss\":\"\xff\"}", "not readable"},
		"nested deeply":                      {`{"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`, "not readable"},
		"nested without an end":              {`{"x":` + strings.Repeat("[", 5000), "not readable"},
		"byte order mark":                    {"\ufeff" + payload(nil), "not readable"},
		"white space around":                 {" " + payload(nil) + "\n", ""},
		"number with a leading plus":         {`{"iss":"https://id.example","aud":"shop","iat":1799999940,"exp":+1800000600,"scope":"read"}`, "not readable"},
		"a comment":                          {`{/**/"iss":"https://id.example"}`, "not readable"},
		"claims that mean something to Java": {with("@type", "javax.swing.JEditorPane"), ""},
	}
	if len(cases) < 40 {
		t.Fatalf("%d cases", len(cases))
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			token := i.sign(goodHead, tt.payload, "ES256", i.ec)
			for range 2 { // the second time it is known
				claims, err := tokens.Verify(t.Context(), token, time.Unix(at, 0))
				if tt.want == "" {
					if err != nil || claims == nil {
						t.Fatalf("refused: %v", err)
					}
					continue
				}
				var refused *TokenError
				if !errors.As(err, &refused) || !strings.Contains(refused.Error(), tt.want) || refused.Scope != strings.HasPrefix(tt.want, "scope ") {
					t.Fatalf("error %v, want one with %q", err, tt.want)
				}
			}
		})
	}
}

// TestHeaders is about signatures and what a token says of its own.
func TestHeaders(t *testing.T) {
	i := newIssuer(t)
	tokens := i.tokens(goodRules())
	good := i.sign(goodHead, payload(nil), "ES256", i.ec)
	rsaDER, err := x509.MarshalPKIXPublicKey(&i.rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	confused := func() string { // signed with the public key as a shared secret
		input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"rsa"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload(nil)))
		mac := hmac.New(sha256.New, rsaDER)
		mac.Write([]byte(input))
		return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	plain := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	part := strings.Split(good, ".")
	own, err := jwk.Import(i.foreign.Public())
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := json.Marshal(own)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ token, want string }{
		"good":                          {good, ""},
		"RSA, PKCS 1":                   {i.sign(`{"alg":"RS256","kid":"rsa"}`, payload(nil), "RS256", i.rsa), ""},
		"RSA, PSS":                      {i.sign(`{"alg":"PS256","kid":"rsa"}`, payload(nil), "PS256", i.rsa), ""},
		"Ed25519":                       {i.sign(`{"alg":"EdDSA","kid":"ed"}`, payload(nil), "EdDSA", i.ed), ""},
		"no key id":                     {i.sign(`{"alg":"ES256"}`, payload(nil), "ES256", i.ec), ""},
		"algorithm that is not allowed": {i.sign(`{"alg":"RS512","kid":"rsa"}`, payload(nil), "RS512", i.rsa), "not its issuer's"},
		"another key's id":              {i.sign(`{"alg":"ES256","kid":"rsa"}`, payload(nil), "ES256", i.ec), "not its issuer's"},
		"unknown key id":                {i.sign(`{"alg":"ES256","kid":"new"}`, payload(nil), "ES256", i.ec), "not its issuer's"},
		"a stranger's key":              {i.sign(goodHead, payload(nil), "ES256", i.foreign), "signature is wrong"},
		"a key of its own":              {i.sign(`{"alg":"ES256","jwk":`+string(embedded)+`}`, payload(nil), "ES256", i.foreign), "signature is wrong"},
		"a key from its own address":    {i.sign(`{"alg":"ES256","jku":"https://evil.example/jwks"}`, payload(nil), "ES256", i.foreign), "signature is wrong"},
		"a certificate of its own":      {i.sign(`{"alg":"ES256","x5c":["AA=="],"x5u":"https://evil.example"}`, payload(nil), "ES256", i.foreign), "signature is wrong"},
		"none":                          {plain(`{"alg":"none"}`) + "." + part[1] + ".", "not signed"},
		"none, with a signature":        {plain(`{"alg":"none"}`) + "." + part[1] + "." + part[2], "not its issuer's"},
		"None":                          {plain(`{"alg":"None"}`) + "." + part[1] + "." + part[2], "not its issuer's"},
		"public key as shared secret":   {confused(), "not its issuer's"},
		"algorithm in other letters":    {i.sign(`{"alg":"es256","kid":"ec"}`, payload(nil), "ES256", i.ec), "not its issuer's"},
		"no algorithm":                  {i.sign(`{"kid":"ec"}`, payload(nil), "ES256", i.ec), "does not name"},
		"algorithm: a list":             {i.sign(`{"alg":["ES256"]}`, payload(nil), "ES256", i.ec), "does not name"},
		"algorithm twice":               {i.sign(`{"alg":"none","alg":"ES256","kid":"ec"}`, payload(nil), "ES256", i.ec), "header is not readable"},
		"key id: a number":              {i.sign(`{"alg":"ES256","kid":7}`, payload(nil), "ES256", i.ec), "header is not readable"},
		"critical":                      {i.sign(`{"alg":"ES256","kid":"ec","crit":["exp"],"exp":1}`, payload(nil), "ES256", i.ec), "not known here"},
		"payload not encoded":           {i.sign(`{"alg":"ES256","kid":"ec","b64":false}`, payload(nil), "ES256", i.ec), "not known here"},
		"packed":                        {i.sign(`{"alg":"ES256","kid":"ec","zip":"DEF"}`, payload(nil), "ES256", i.ec), "not known here"},
		"two parts":                     {part[0] + "." + part[1], "not a signed"},
		"four parts":                    {good + ".AA", "not a signed"},
		"five parts, as encrypted":      {"a.b.c.d.e", "not a signed"},
		"empty":                         {"", "not a signed"},
		"dots":                          {"..", "not readable"},
		"padding":                       {part[0] + "." + part[1] + "." + part[2] + "==", "not a signed"},
		"line break inside":             {part[0] + "\n." + part[1] + "." + part[2], "not a signed"},
		"other alphabet":                {part[0] + "." + part[1] + "." + strings.NewReplacer("-", "+", "_", "/").Replace(part[2]) + "+", "not a signed"},
		"payload exchanged":             {part[0] + "." + plain(payload(map[string]any{"sub": "root"})) + "." + part[2], "signature is wrong"},
		"signature cut off":             {part[0] + "." + part[1] + "." + part[2][:40], "signature is wrong"},
		"signature of zeros":            {part[0] + "." + part[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)), "signature is wrong"},
		"JSON":                          {`{"payload":"` + part[1] + `","protected":"` + part[0] + `","signature":"` + part[2] + `"}`, "not a signed"},
		"too long":                      {good + strings.Repeat("A", maxToken), "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tokens.Verify(t.Context(), tt.token, time.Unix(at, 0))
			if tt.want == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			var refused *TokenError
			if !errors.As(err, &refused) || !strings.Contains(refused.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestClaimValue(t *testing.T) {
	c, err := readClaims([]byte(`{"s":"alice","n":7,"b":true,"l":["a","b"],"o":{},"empty":"","break":"a\r\nb","comma":["a,b"],"space":" a","mixed":["a",1]}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"s": "alice", "n": "7", "b": "true", "l": "a,b", "o": "", "empty": "", "break": "", "comma": "", "space": "", "mixed": "", "none": ""} {
		if got, ok := c.Value(name); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q %v, want %q", name, got, ok, want)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add(goodHead, `{"iss":"x"}`, []byte("sig"))
	f.Add(`{"alg":"ES256","crit":[]}`, `[1]`, []byte{})
	f.Fuzz(func(t *testing.T, head, claims string, signature []byte) {
		e := base64.RawURLEncoding
		token := fmt.Sprintf("%s.%s.%s", e.EncodeToString([]byte(head)), e.EncodeToString([]byte(claims)), e.EncodeToString(signature))
		if _, body, err := split(token); err == nil {
			if string(body) != claims {
				t.Errorf("the payload became %q", body)
			}
			if c, err := readClaims(body); err == nil {
				for name := range c.all {
					if v, ok := c.Value(name); ok && strings.ContainsAny(v, "\r\n\x00") {
						t.Errorf("claim %q is %q", name, v)
					}
				}
			}
		}
		_, _, _ = split(head)
	})
}
