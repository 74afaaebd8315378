package gateway

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/status"
	"holdfast/internal/upstream"
)

// signed gives a gateway a key.
func signed(o *Options) {
	o.SigningKey = func() ([]byte, error) { return bytes.Repeat([]byte{7}, StickyKeySize), nil }
}

func stickyRoute() config.Route {
	s := config.DefaultSticky()
	return config.Route{App: "shop", Timeout: config.Duration(10e9), Sticky: &s}
}

// naming starts a server that answers with its name and the cookies it saw.
func (r *rig) naming(t *testing.T, name string) status.Target {
	t.Helper()
	return r.ready(name, backend(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Add("Set-Cookie", "own=1")
		_, _ = fmt.Fprint(w, name, " ", strings.Join(req.Header["Cookie"], " | "))
	}))
}

// stuck is the sticky cookie that an answer sets: its value and its attributes.
func stuck(res reply) (value, attributes string) {
	for _, line := range res.Header["Set-Cookie"] {
		if rest, ok := strings.CutPrefix(line, "holdfast_instance="); ok {
			value, attributes, _ = strings.Cut(rest, "; ")
		}
	}
	return value, attributes
}

// TestStickyCookie has a client come back to its instance, and get another cookie only with another one.
func TestStickyCookie(t *testing.T) {
	r := start(t, testConfig(map[string]config.Route{"shop": stickyRoute()}), signed)
	targets := map[string]status.Target{}
	for _, name := range []string{"shop-1", "shop-2", "shop-3"} {
		targets[name] = r.naming(t, name)
	}
	client := testClient(t, false)
	res, body := get(t, client, "GET", r.url("/"))
	value, attributes := stuck(res)
	first, _, _ := strings.Cut(body, " ")
	if attributes != "Path=/; HttpOnly; SameSite=Lax" || !slices.Contains(res.Header["Set-Cookie"], "own=1") {
		t.Errorf("Set-Cookie = %q", res.Header["Set-Cookie"])
	}
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(raw) != 24 || bytes.Contains(raw, []byte("shop")) || strings.Contains(value, "shop") {
		t.Errorf("value %q tells something: %q, %v", value, raw, err)
	}
	for range 6 {
		res, body := get(t, client, "GET", r.url("/"), "Cookie", "a=1; holdfast_instance="+value+";  b=2")
		if body != first+" a=1;  b=2" {
			t.Errorf("upstream answered %q, want %s with the other cookies as they were", body, first)
		}
		if again, _ := stuck(res); again != "" {
			t.Errorf("the same cookie is set again: %q", again)
		}
	}
	r.set.SetReady(targets[first], false)
	res, body = get(t, client, "GET", r.url("/"), "Cookie", "holdfast_instance="+value)
	other, _ := stuck(res)
	if other == "" || other == value || strings.HasPrefix(body, first) {
		t.Errorf("its instance is gone: %q, cookie %q", body, other)
	}
	r.set.SetReady(targets[first], true)
	if _, body := get(t, client, "GET", r.url("/"), "Cookie", "holdfast_instance="+other); strings.HasPrefix(body, first) {
		t.Errorf("with the new cookie: %q", body)
	}
	r.reload(func(c *config.Config) { c.Logging.Access.Enabled = false })
	if res, _ := get(t, client, "GET", r.url("/"), "Cookie", "holdfast_instance="+other); len(res.Header["Set-Cookie"]) != 1 {
		t.Errorf("after a reload: %q", res.Header["Set-Cookie"])
	}
}

// TestStickyAttacks has cookies that Holdfast did not make for this route be worth nothing, and never reach
// the upstream.
func TestStickyAttacks(t *testing.T) {
	admin := stickyRoute()
	admin.Match.PathPrefix = "/admin"
	r := start(t, testConfig(map[string]config.Route{"shop": stickyRoute(), "admin": admin}), signed)
	for _, name := range []string{"shop-1", "shop-2", "shop-3"} {
		r.naming(t, name)
	}
	client := testClient(t, false)
	res, _ := get(t, client, "GET", r.url("/"))
	good, _ := stuck(res)
	res, _ = get(t, client, "GET", r.url("/admin/x"))
	foreign, attributes := stuck(res)
	if attributes != "Path=/admin; HttpOnly; SameSite=Lax" {
		t.Errorf("attributes = %q", attributes)
	}
	flip := func(at int) string {
		raw, _ := base64.RawURLEncoding.DecodeString(good)
		raw[at] ^= 1
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	for name, value := range map[string]string{
		"id":                  flip(0),
		"first of the proof":  flip(8),
		"last of the proof":   flip(23),
		"truncated":           good[:len(good)-1],
		"id only":             good[:11],
		"empty":               "",
		"longer":              good + "AA",
		"another alphabet":    strings.Repeat("+/", 16),
		"nothing but zeros":   strings.Repeat("A", 32),
		"the other route's":   foreign,
		"an instance's name":  "shop-2",
		"an address":          "127.0.0.1:20001",
		"huge":                strings.Repeat("x", 20000),
		"many":                strings.Repeat("x; holdfast_instance=", 300) + "x",
		"many, then the good": strings.Repeat("x; holdfast_instance=", maxStickyCookies) + good,
		"quoted":              `"` + good + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]bool{}
			for range 6 {
				res, body := get(t, client, "GET", r.url("/"), "Cookie", "holdfast_instance="+value+"; a=1")
				if set, _ := stuck(res); set == "" {
					t.Error("no good cookie is set instead")
				}
				instance, cookies, _ := strings.Cut(body, " ")
				if got[instance] = true; cookies != "a=1" {
					t.Errorf("the upstream saw %q", cookies)
				}
			}
			if len(got) != 3 {
				t.Errorf("the cookie chose: %v", got)
			}
		})
	}
	// Of two, as with a route below another one, the one that is good for this route counts if it comes first;
	// browsers send the one with the longer path first.
	if res, _ := get(t, client, "GET", r.url("/admin/x"), "Cookie", "holdfast_instance="+foreign+"; holdfast_instance="+good); len(res.Header["Set-Cookie"]) != 1 {
		t.Errorf("two cookies: %q", res.Header["Set-Cookie"])
	}
}

// TestStickyOverTLS marks the cookie as Secure, and says how long it is kept.
func TestStickyOverTLS(t *testing.T) {
	route := stickyRoute()
	route.Sticky.Cookie, route.Sticky.MaxAge = "node", config.Duration(90e9)
	c := testConfig(map[string]config.Route{"shop": route})
	l := testListener()
	l.Certificate = "own"
	c.Listeners["web"] = l
	c.Certificates = map[string]config.Certificate{"own": writePair(t, t.TempDir(), 3)}
	r := start(t, c, signed)
	r.naming(t, "shop-1")
	res, _ := get(t, testClient(t, true), "GET", strings.Replace(r.url("/"), "http:", "https:", 1))
	if got := res.Header["Set-Cookie"]; len(got) != 2 || !strings.HasPrefix(got[1], "node=") || !strings.HasSuffix(got[1], "; Path=/; HttpOnly; SameSite=Lax; Max-Age=90; Secure") {
		t.Errorf("Set-Cookie = %q", got)
	}
}

// TestStickyNeedsKey refuses a configuration that could not be served.
func TestStickyNeedsKey(t *testing.T) {
	for name, key := range map[string]func() ([]byte, error){
		"none": nil, "broken": func() ([]byte, error) { return nil, errors.New("disk") }, "short": func() ([]byte, error) { return []byte("short"), nil },
	} {
		g := New(Options{SigningKey: key})
		if err := g.Apply(t.Context(), testConfig(map[string]config.Route{"shop": stickyRoute()})); err == nil || !strings.Contains(err.Error(), `route "shop": sticky`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStickyTokens(t *testing.T) {
	one, other := stickyKey(bytes.Repeat([]byte{1}, 32)), stickyKey(bytes.Repeat([]byte{2}, 32))
	seen := map[upstream.Token]string{}
	ids := map[[8]byte]string{}
	for name, token := range map[string]upstream.Token{
		"one":           one.tokens("shop")("shop-1"),
		"instance":      one.tokens("shop")("shop-2"),
		"route":         one.tokens("admin")("shop-1"),
		"key":           other.tokens("shop")("shop-1"),
		"moved borders": one.tokens("shops")("hop-1"),
	} {
		if seen[token] != "" || ids[[8]byte(token[:8])] != "" {
			t.Errorf("%s is like %s", name, seen[token])
		}
		seen[token], ids[[8]byte(token[:8])] = name, name
	}
	if again := stickyKey(bytes.Repeat([]byte{1}, 32)).tokens("shop")("shop-1"); again != one.tokens("shop")("shop-1") {
		t.Error("a token is another one the second time")
	}
}

func TestCookiePath(t *testing.T) {
	for path, want := range map[string]string{"": "/", "/api": "/api", "/a b": "/", "/a;Domain=x": "/", "/ä": "/", "/%41": "/", "/a/b-c_d.e~f": "/a/b-c_d.e~f"} {
		if got := cookiePath(path); got != want {
			t.Errorf("cookiePath(%q) = %q, want %q", path, got, want)
		}
	}
}

// FuzzStickyTake keeps every other cookie as it was, in its order.
func FuzzStickyTake(f *testing.F) {
	for _, seed := range []string{"", "a=1", "s=x", "a=1; s=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; b=2", ";;s;", "s=\"q;q\"; x", " s = 1 ;\tb= 2", "as=1; sa=2; s"} {
		f.Add(seed, "")
		f.Add(seed, seed)
	}
	s := &sticky{name: "s"}
	f.Fuzz(func(t *testing.T, one, two string) {
		others := func(fields []string) []string {
			out := []string{}
			for _, field := range fields {
				for part := range strings.SplitSeq(field, ";") {
					name, _, _ := strings.Cut(part, "=")
					if strings.Trim(name, " \t") != "s" && strings.Trim(part, " \t") != "" {
						out = append(out, strings.Trim(part, " \t"))
					}
				}
			}
			return out
		}
		h := http.Header{"Cookie": {one, two}}
		before := others(h["Cookie"])
		s.take(h)
		after := h["Cookie"]
		if diff := cmp.Diff(before, others(after)); diff != "" {
			t.Errorf("%q, %q became %q", one, two, after)
		}
		for _, field := range after {
			for part := range strings.SplitSeq(field, ";") {
				if name, _, _ := strings.Cut(part, "="); strings.Trim(name, " \t") == "s" {
					t.Errorf("left: %q", after)
				}
			}
		}
	})
}

// BenchmarkSticky is what a request with a cookie has to bear.
func BenchmarkSticky(b *testing.B) {
	key := stickyKey(bytes.Repeat([]byte{1}, 32))
	token := key.tokens("shop")("shop-1")
	s := &sticky{name: "holdfast_instance"}
	for name, cookie := range map[string]string{
		"none": "", "other": "session=0123456789abcdef; theme=dark",
		"own": "session=0123456789abcdef; holdfast_instance=" + base64.RawURLEncoding.EncodeToString(token[:]),
	} {
		b.Run("cookie="+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.take(http.Header{"Cookie": {cookie}})
			}
		})
	}
}
