package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/bcrypt"

	"holdfast/internal/config"
	"holdfast/internal/secret"
)

// tokenKey signs tokens; it is published as "k".
type tokenKey struct{ *ecdsa.PrivateKey }

func newTokenKey(t *testing.T) tokenKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return tokenKey{key}
}

func (k tokenKey) jwks() string {
	point, err := k.PublicKey.ECDH()
	if err != nil {
		panic(err)
	}
	raw, e := point.Bytes(), base64.RawURLEncoding
	return fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":"k","alg":"ES256","x":%q,"y":%q}]}`, e.EncodeToString(raw[1:33]), e.EncodeToString(raw[33:]))
}

// token has the given claims and good ones for the rest.
func (k tokenKey) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	now := time.Now().Unix()
	all := map[string]any{"iss": "https://id.example", "aud": "shop", "sub": "alice", "iat": now, "exp": now + 600, "scope": "read"}
	for name, v := range claims {
		all[name] = v
	}
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	e := base64.RawURLEncoding
	input := e.EncodeToString([]byte(`{"alg":"ES256","kid":"k"}`)) + "." + e.EncodeToString(body)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, k.PrivateKey, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + e.EncodeToString(signature)
}

func TestJWT(t *testing.T) {
	key := newTokenKey(t)
	published := backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(key.jwks())) })
	conf := config.DefaultJWT()
	conf.Issuer, conf.Audience, conf.JWKSURL, conf.Cookie = "https://id.example", config.OneOrMany{"shop"}, published.URL, "session"
	conf.Scopes, conf.ClaimHeaders = []string{"read"}, map[string]string{"X-User": "sub", "X-Tenant": "tenant"}
	r := behind(t, func(c *config.Route) { c.JWT = &conf })
	good, none := key.token(t, nil), ""
	for name, tt := range map[string]struct {
		header []string
		status int
		code   string
		says   string // WWW-Authenticate
	}{
		"good":             {[]string{"Authorization", "Bearer " + good}, 200, none, none},
		"scheme in lower":  {[]string{"Authorization", "bearer " + good}, 200, none, none},
		"cookie":           {[]string{"Cookie", "session=" + good}, 200, none, none},
		"none":             {nil, 401, "token_required", `Bearer realm="shop"`},
		"another scheme":   {[]string{"Authorization", "Basic YTpi"}, 401, "token_required", `Bearer realm="shop"`},
		"twice":            {[]string{"Authorization", "Bearer " + good, "Authorization", "Bearer " + good}, 401, "invalid_token", "invalid_token"},
		"cookie twice":     {[]string{"Cookie", "session=" + good + "; session=" + good}, 401, "invalid_token", "invalid_token"},
		"header and other": {[]string{"Authorization", "Bearer x", "Cookie", "session=" + good}, 401, "invalid_token", "invalid_token"},
		"nonsense":         {[]string{"Authorization", "Bearer a.b.c"}, 401, "invalid_token", "invalid_token"},
		"ended":            {[]string{"Authorization", "Bearer " + key.token(t, map[string]any{"iat": 1, "exp": 2})}, 401, "invalid_token", "has ended"},
		"no scope":         {[]string{"Authorization", "Bearer " + key.token(t, map[string]any{"scope": "write"})}, 403, "insufficient_scope", "insufficient_scope"},
		"a stranger's":     {[]string{"Authorization", "Bearer " + newTokenKey(t).token(t, nil)}, 401, "invalid_token", "signature is wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			header := append([]string{"X_user", "root", "X-User", "root", "X.Tenant", "all", "x-tenant", "all", "X+User", "root", "Connection", "close, X-User"}, tt.header...)
			res, body := get(t, testClient(t, false), http.MethodGet, r.url("/"), header...)
			if res.StatusCode != tt.status || !strings.Contains(res.Header.Get("Www-Authenticate"), tt.says) {
				t.Fatalf("%d %v %s", res.StatusCode, res.Header, body)
			}
			if tt.status != 200 {
				if code := problemCode(t, res, body); code != tt.code {
					t.Errorf("code %q", code)
				}
				return
			}
			var got echo
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			if len(got.Header["X-User"]) == 0 {
				t.Error("the upstream did not get X-User")
			}
			for field, values := range got.Header {
				if sameField(field, "X-User") && (field != "X-User" || len(values) != 1 || values[0] != "alice") || sameField(field, "X-Tenant") {
					t.Errorf("the upstream got %s: %v", field, values)
				}
			}
		})
	}
	r.access.wait(t, func(m map[string]any) bool { return m["user"] == "alice" })
	if n := r.metric("holdfast_auth_failures_total", "route", "shop", "reason", "jwt"); n != 9 {
		t.Errorf("%v failures counted", n)
	}
}

// The keys of an issuer that is away: 503 until they were got once, and good tokens go on after that.
func TestJWTWithoutKeys(t *testing.T) {
	key := newTokenKey(t)
	var away atomic.Bool
	published := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write([]byte(key.jwks()))
	})
	away.Store(true)
	conf := config.DefaultJWT()
	conf.Issuer, conf.Audience, conf.JWKSURL = "https://id.example", config.OneOrMany{"shop"}, published.URL
	r := behind(t, func(c *config.Route) { c.JWT = &conf })
	client := testClient(t, false)
	res, body := get(t, client, http.MethodGet, r.url("/"), "Authorization", "Bearer "+key.token(t, nil))
	if res.StatusCode != 503 || problemCode(t, res, body) != "keys_unavailable" || res.Header.Get("Retry-After") != "30" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	away.Store(false)
	other := conf
	other.RefreshEvery = config.Duration(time.Second)
	r.reload(func(c *config.Config) { // new keys, as the configuration differs
		route := c.Routes["shop"]
		route.JWT = &other
		c.Routes["shop"] = route
	})
	if res, _ := get(t, client, http.MethodGet, r.url("/"), "Authorization", "Bearer "+key.token(t, nil)); res.StatusCode != 200 {
		t.Errorf("%d", res.StatusCode)
	}
	away.Store(true)
	r.reload(func(c *config.Config) { // the same, so the keys stay
		route := c.Routes["shop"]
		same := other
		route.JWT, route.Priority = &same, 1
		c.Routes["shop"] = route
	})
	if res, _ := get(t, client, http.MethodGet, r.url("/"), "Authorization", "Bearer "+key.token(t, nil)); res.StatusCode != 200 {
		t.Errorf("after a reload: %d", res.StatusCode)
	}
}

// A route without a check must not be the way to pose as somebody to an upstream that believes another one.
func TestCallerOfAnotherRoute(t *testing.T) {
	keys := config.DefaultAPIKeys()
	keys.Keys, keys.NameHeader = map[string]secret.Value{"billing": secret.New("a long shared secret")}, "X-Caller"
	open, closed, other := appRoute()["shop"], appRoute()["shop"], appRoute()["shop"]
	closed.APIKeys, closed.Match.PathPrefix = &keys, "/closed"
	up := backend(t, echoHandler)
	other.Match.PathPrefix, other.App, other.URLs = "/other", "", []string{up.URL}
	r := start(t, testConfig(map[string]config.Route{"open": open, "closed": closed, "other": other}))
	r.ready("shop-1", up)
	for path, want := range map[string][]string{"/": nil, "/closed": {"billing"}, "/other": {"root"}} {
		_, body := get(t, testClient(t, false), http.MethodGet, r.url(path), "X-Caller", "root", "X-Api-Key", "a long shared secret")
		var got echo
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%s: %v: %s", path, err, body)
		}
		if diff := cmp.Diff(want, got.Header["X-Caller"]); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

// A trailer cannot say who the caller is: readers that merge it into the header would believe it.
func TestCallerInTrailer(t *testing.T) {
	const key = "a long shared secret"
	keys := config.DefaultAPIKeys()
	keys.Keys, keys.NameHeader = map[string]secret.Value{"billing": secret.New(key)}, "X-Caller"
	r := behind(t, func(c *config.Route) {
		c.APIKeys, c.RequestHeaders = &keys, config.Headers{Remove: []string{"X-Debug"}}
		c.Parking.MaxRequests = 0
	})
	got := make(chan http.Header, 1)
	r.ready("shop-1", backend(t, func(_ http.ResponseWriter, r *http.Request) {
		announced := r.Header.Clone()
		_, _ = io.Copy(io.Discard, r.Body)
		for name, values := range r.Trailer {
			announced["Trailer "+name] = values
		}
		got <- announced
	}))
	raw(t, r.Addrs()["web"], "POST / HTTP/1.1\r\nHost: shop\r\nX-Api-Key: "+key+"\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"+
		"Trailer: X-Caller, X-Sum, X_Caller\r\n\r\n1\r\na\r\n0\r\nX-Caller: root\r\nX_Caller: root\r\nX-Debug: 1\r\nX-Sum: 1\r\n\r\n")
	trailer := http.Header{}
	for name, values := range <-got {
		if name, ok := strings.CutPrefix(name, "Trailer "); ok {
			trailer[name] = values
		}
	}
	if diff := cmp.Diff(http.Header{"X-Sum": {"1"}}, trailer); diff != "" {
		t.Error(diff)
	}
}

func TestAPIKeysAndPasswords(t *testing.T) {
	const key = "a long shared secret"
	sum := sha256.Sum256([]byte(key))
	hash, err := bcrypt.GenerateFromPassword([]byte("swordfish"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	keys := config.DefaultAPIKeys()
	keys.Keys, keys.NameHeader = map[string]secret.Value{"billing": secret.New("sha256:" + hex.EncodeToString(sum[:]))}, "X-Caller"
	r := behind(t, func(c *config.Route) { c.APIKeys = &keys })
	basic := behind(t, func(c *config.Route) {
		c.BasicAuth = &config.BasicAuth{Users: map[string]secret.Value{"bob": secret.New(string(hash))}, NameHeader: "X-Caller", Realm: `the "shop"`}
	})
	login := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, tt := range map[string]struct {
		rig    *rig
		header []string
		status int
		code   string
		caller string
	}{
		"key":             {r, []string{"X-Api-Key", key, "X_caller", "root"}, 200, "", "billing"},
		"no key":          {r, []string{"X-Caller", "billing"}, 401, "api_key_required", ""},
		"wrong key":       {r, []string{"X-Api-Key", key + "x"}, 401, "api_key_invalid", ""},
		"empty key":       {r, []string{"X-Api-Key", ""}, 401, "api_key_invalid", ""},
		"two keys":        {r, []string{"X-Api-Key", key, "X-Api-Key", key}, 401, "api_key_invalid", ""},
		"the hash":        {r, []string{"X-Api-Key", "sha256:" + hex.EncodeToString(sum[:])}, 401, "api_key_invalid", ""},
		"password":        {basic, []string{"Authorization", login("bob:swordfish"), "X-Caller", "root"}, 200, "", "bob"},
		"no password":     {basic, nil, 401, "password_required", ""},
		"wrong password":  {basic, []string{"Authorization", login("bob:swordfis")}, 401, "password_invalid", ""},
		"unknown user":    {basic, []string{"Authorization", login("eve:swordfish")}, 401, "password_invalid", ""},
		"no colon":        {basic, []string{"Authorization", login("bob")}, 401, "password_required", ""},
		"two":             {basic, []string{"Authorization", login("bob:swordfish"), "Authorization", login("bob:swordfish")}, 401, "password_required", ""},
		"another scheme":  {basic, []string{"Authorization", "Bearer x"}, 401, "password_required", ""},
		"broken encoding": {basic, []string{"Authorization", "Basic !!!"}, 401, "password_required", ""},
	} {
		t.Run(name, func(t *testing.T) {
			res, body := get(t, testClient(t, false), http.MethodGet, tt.rig.url("/"), tt.header...)
			if res.StatusCode != tt.status {
				t.Fatalf("%d %s", res.StatusCode, body)
			}
			if tt.status != 200 {
				if code := problemCode(t, res, body); code != tt.code {
					t.Errorf("code %q", code)
				}
				if says := res.Header.Get("Www-Authenticate"); tt.rig == r && says != `ApiKey realm="shop"` || tt.rig == basic && says != `Basic realm="the \"shop\"", charset="UTF-8"` {
					t.Errorf("it asks with %q", says)
				}
				return
			}
			var got echo
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			if v := got.Header["X-Caller"]; len(v) != 1 || v[0] != tt.caller || got.Header["X_caller"] != nil || got.Header["X-Api-Key"] != nil || got.Header["Authorization"] != nil {
				t.Errorf("the upstream got %v", got.Header)
			}
		})
	}
}

// clientAuthority issues certificates to clients and writes its own to a file.
type clientAuthority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newClientAuthority(t *testing.T, name string) *clientAuthority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &clientAuthority{cert, key}
}

func (a *clientAuthority) write(t *testing.T, path string) {
	t.Helper()
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *clientAuthority) client(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "worker"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestClientCertificate has two routes on one TLS listener: one that wants a certificate and one that
// takes none. An authority that is removed counts for connections and sessions that began before.
func TestClientCertificate(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%v", http2), func(t *testing.T) {
			dir := t.TempDir()
			ours, other := newClientAuthority(t, "ours"), newClientAuthority(t, "another one, with a longer name")
			ca := filepath.Join(dir, "ca.pem")
			ours.write(t, ca)
			up := backend(t, echoHandler)
			inside, outside := appRoute()["shop"], appRoute()["shop"]
			inside.ClientCertificate = &config.ClientCertificate{Mode: config.CertificateRequire, CAFile: ca}
			outside.Match.PathPrefix = "/open"
			c := testConfig(map[string]config.Route{"shop": inside, "open": outside})
			c.Certificates = map[string]config.Certificate{"shop": writePair(t, dir, 1)}
			l := c.Listeners["web"]
			l.Certificate = "shop"
			c.Listeners["web"] = l
			r := start(t, c)
			r.ready("shop-1", up)
			url := strings.Replace(r.url("/"), "http:", "https:", 1)

			with := func(certificate *tls.Certificate) *http.Client {
				client := testClient(t, http2)
				if tr, ok := client.Transport.(*http.Transport); ok {
					tr.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(10)
					if certificate != nil {
						tr.TLSClientConfig.Certificates = []tls.Certificate{*certificate}
					}
				}
				return client
			}
			mine, theirs := ours.client(t), other.client(t)
			known := with(&mine)
			for name, tt := range map[string]struct {
				client *http.Client
				path   string
				status int
				code   string
			}{
				"good":                  {known, "", 200, ""},
				"none":                  {with(nil), "", 403, "certificate_required"},
				"none, where none is":   {with(nil), "open", 200, ""},
				"wrong, where none is":  {with(&theirs), "open", 200, ""},
				"of another authority":  {with(&theirs), "", 403, "certificate_refused"},
				"good, where none is":   {known, "open", 200, ""},
				"good, a second time":   {known, "", 200, ""},
				"of another, once more": {with(&theirs), "", 403, "certificate_refused"},
			} {
				res, body := get(t, tt.client, http.MethodGet, url+tt.path)
				if res.StatusCode != tt.status || tt.code != "" && problemCode(t, res, body) != tt.code {
					t.Errorf("%s: %d %s", name, res.StatusCode, body)
				}
			}
			r.access.wait(t, func(m map[string]any) bool { return m["user"] == "CN=worker" })

			other.write(t, ca)
			refusedAt := time.Now().Add(5 * time.Second)
			for { // the file is looked at once a second
				res, _ := get(t, known, http.MethodGet, url)
				if res.StatusCode == http.StatusForbidden {
					break
				}
				if time.Now().After(refusedAt) {
					t.Fatal("an open connection still counts")
				}
			}
			known.CloseIdleConnections() // the next one resumes the session
			res, body := get(t, known, http.MethodGet, url)
			if res.StatusCode != 403 || problemCode(t, res, body) != "certificate_refused" {
				t.Errorf("a resumed session: %d", res.StatusCode)
			}
			if res, _ := get(t, with(&theirs), http.MethodGet, url); res.StatusCode != 200 {
				t.Errorf("the new authority: %d", res.StatusCode)
			}
		})
	}
}
