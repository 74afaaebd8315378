package gateway

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"holdfast/internal/config"
	"holdfast/internal/upstream"
)

// maxStickyCookies is how many cookies of the sticky name are looked at: two are usual when one route's
// prefix is below another's, more are not.
const maxStickyCookies = 4

// StickyKeySize is the size of the key that sticky cookies are signed with, in bytes.
const StickyKeySize = 32

// stickyKey signs the cookies of all routes.
type stickyKey []byte

func (g *Gateway) stickyKey() (stickyKey, error) {
	if g.signing == nil {
		return nil, errors.New("sticky: this gateway has no key to sign cookies with")
	}
	key, err := g.signing()
	if err != nil {
		return nil, fmt.Errorf("sticky: the key that signs cookies: %w", err)
	}
	if len(key) != StickyKeySize {
		return nil, fmt.Errorf("sticky: the key that signs cookies has %d bytes and needs %d", len(key), StickyKeySize)
	}
	return key, nil
}

// tokens makes the tokens of a route's instances: first what stands for the instance, then the proof. Both
// are HMAC-SHA256 (RFC 2104), cut short, so that they tell nobody the instance's name or address and
// nobody can make one; and they hold for this route only.
func (k stickyKey) tokens(route string) func(instance string) upstream.Token {
	return func(instance string) (t upstream.Token) {
		n := copy(t[:8], k.sign("instance", route, instance))
		copy(t[n:], k.sign("token", route, instance, string(t[:n])))
		return t
	}
}

// sign is the MAC of several texts, each after its length, so that no two lists of them are the same bytes.
func (k stickyKey) sign(texts ...string) []byte {
	mac := hmac.New(sha256.New, k)
	var size [8]byte
	for _, text := range texts {
		binary.BigEndian.PutUint64(size[:], uint64(len(text)))
		_, _ = mac.Write(size[:]) // hashes do not fail
		_, _ = mac.Write([]byte(text))
	}
	return mac.Sum(nil)
}

// sticky is the cookie by which a route's clients come back to their instance.
type sticky struct {
	name       string
	attributes string // of Set-Cookie, but for Secure
}

func newSticky(conf config.Sticky, r *route) *sticky {
	s := &sticky{name: conf.Cookie, attributes: "; Path=" + cookiePath(r.path) + "; HttpOnly; SameSite=Lax"}
	if conf.MaxAge > 0 {
		s.attributes += "; Max-Age=" + strconv.FormatInt(max(1, int64(conf.MaxAge.D().Seconds())), 10)
	}
	return s
}

// cookiePath is where clients send the cookie to: below the route's own path, so that routes of one host
// can have cookies of the same name. A path that could be written in two ways, or not in a cookie, has all.
func cookiePath(path string) string {
	if path == "" {
		return "/"
	}
	for i := range len(path) {
		switch b := path[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', strings.IndexByte("/-._~", b) >= 0:
		default:
			return "/"
		}
	}
	return path
}

// take takes the cookie out of a request's header, since the upstream has no use for it, and returns what
// the first good-looking one of them says. Other cookies stay as they are.
func (s *sticky) take(h http.Header) (want upstream.Token) {
	fields := h["Cookie"]
	mine := false
	for _, field := range fields {
		mine = mine || strings.Contains(field, s.name)
	}
	if !mine {
		return want
	}
	found, seen := false, 0
	kept := make([]string, 0, len(fields))
	for _, field := range fields {
		var left strings.Builder
		for part := range strings.SplitSeq(field, ";") {
			name, value, _ := strings.Cut(part, "=")
			if strings.Trim(name, " \t") != s.name {
				if left.Len() > 0 {
					left.WriteByte(';')
				} else {
					part = strings.TrimLeft(part, " \t")
				}
				left.WriteString(part)
				continue
			}
			if seen++; !found && seen <= maxStickyCookies {
				want, found = parseToken(strings.Trim(value, " \t"))
			}
		}
		if strings.Trim(left.String(), " \t;") != "" {
			kept = append(kept, left.String())
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
	} else {
		h["Cookie"] = kept
	}
	return want
}

// parseToken reads the value of a cookie.
func parseToken(value string) (t upstream.Token, ok bool) {
	if len(value) != base64.RawURLEncoding.EncodedLen(len(t)) {
		return upstream.Token{}, false
	}
	if n, err := base64.RawURLEncoding.Strict().Decode(t[:], []byte(value)); err != nil || n != len(t) {
		return upstream.Token{}, false
	}
	return t, true
}

// stick gives the client the cookie of the target that answered, unless it brought that very one.
func (x *exchange) stick(h http.Header) {
	s := x.proxy.sticky
	if s == nil {
		return
	}
	token := x.lease.Token()
	if token == x.choice.Want || token == (upstream.Token{}) {
		return
	}
	cookie := s.name + "=" + base64.RawURLEncoding.EncodeToString(token[:]) + s.attributes
	if x.call.client.proto == "https" {
		cookie += "; Secure"
	}
	h["Set-Cookie"] = append(h["Set-Cookie"][:len(h["Set-Cookie"]):len(h["Set-Cookie"])], cookie)
}
