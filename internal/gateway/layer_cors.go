package gateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// cors lets pages of other origins call, by the protocol of fetch.spec.whatwg.org (3.2). It answers
// preflight requests itself and replaces what the upstream says about other origins: one of the two has
// to be in charge.
type cors struct {
	any         bool
	origins     map[string]bool
	suffixes    []originSuffix // of "https://*.example.com"
	credentials bool

	methods, headers []string // as they are compared: upper and lower case
	// The fields' values, made once.
	allowMethods, allowHeaders, expose, maxAge []string

	inner responder
}

// originSuffix is a wildcard: any one or more labels before a domain.
type originSuffix struct{ scheme, suffix string }

func newCORS(b *build, inner responder) (responder, error) {
	conf := b.conf.CORS
	if conf == nil {
		return inner, nil
	}
	p := &cors{origins: map[string]bool{}, credentials: conf.Credentials, inner: inner}
	for _, origin := range conf.Origins {
		origin = strings.ToLower(strings.TrimSuffix(origin, "/"))
		scheme, domain, wild := strings.Cut(origin, "://*.")
		switch {
		case origin == "*":
			p.any = true
		case wild:
			p.suffixes = append(p.suffixes, originSuffix{scheme + "://", "." + domain})
		default:
			p.origins[origin] = true
		}
	}
	for _, m := range conf.Methods {
		p.methods = append(p.methods, strings.ToUpper(m))
	}
	for _, h := range conf.Headers {
		p.headers = append(p.headers, strings.ToLower(h))
	}
	p.allowMethods, p.allowHeaders = []string{strings.Join(p.methods, ", ")}, listField(conf.Headers)
	p.expose = listField(conf.ExposeHeaders)
	if age := conf.MaxAge.D(); age > 0 {
		p.maxAge = []string{strconv.FormatInt(int64(age.Seconds()), 10)}
	}
	return b.decorated(p, p), nil
}

func listField(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	return []string{strings.Join(names, ", ")}
}

// respond implements responder.
func (p *cors) respond(c *call) {
	origin, preflight := originOf(c.r)
	if !preflight {
		p.inner.respond(c)
		return
	}
	refused := ""
	switch {
	case !p.allows(origin):
		refused = "Pages of this origin may not call here."
	case !slices.Contains(p.methods, c.r.Header.Get("Access-Control-Request-Method")):
		refused = "Pages of other origins may not use this method here."
	case !p.allowsHeaders(c.r.Header["Access-Control-Request-Headers"]):
		refused = "Pages of other origins may not send one of these header fields here."
	}
	if refused != "" {
		c.series.denied("cors")
		c.refuse(http.StatusForbidden, "cors_refused", refused)
		return
	}
	h := c.Header()
	h["Access-Control-Allow-Methods"] = p.allowMethods
	if p.allowHeaders != nil {
		h["Access-Control-Allow-Headers"] = p.allowHeaders
	}
	if p.maxAge != nil {
		h["Access-Control-Max-Age"] = p.maxAge
	}
	c.WriteHeader(http.StatusNoContent)
}

// originOf is the page's origin, and whether the request only asks for permission.
func originOf(r *http.Request) (origin string, preflight bool) {
	if values := r.Header["Origin"]; len(values) == 1 {
		origin = values[0]
	}
	return origin, origin != "" && r.Method == http.MethodOptions && len(r.Header["Access-Control-Request-Method"]) == 1
}

// decorate implements decorator, for every answer of the route.
func (p *cors) decorate(c *call, h http.Header) {
	origin, preflight := originOf(c.r)
	delete(h, "Access-Control-Allow-Origin")
	delete(h, "Access-Control-Allow-Credentials")
	delete(h, "Access-Control-Expose-Headers")
	if !preflight { // those of a preflight are ours
		delete(h, "Access-Control-Allow-Methods")
		delete(h, "Access-Control-Allow-Headers")
		delete(h, "Access-Control-Max-Age")
	}
	if p.any {
		h["Access-Control-Allow-Origin"] = []string{"*"}
	} else {
		addVary(h, "Origin") // a cache must not give one origin's answer to another
	}
	if !p.allows(origin) {
		return
	}
	if !p.any {
		h["Access-Control-Allow-Origin"] = []string{origin}
	}
	if p.credentials {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	if p.expose != nil && !preflight {
		h["Access-Control-Expose-Headers"] = p.expose
	}
}

// allows reports whether pages of origin may call. "null" is what sandboxed and local pages send: it is
// never one that can be named.
func (p *cors) allows(origin string) bool {
	if p.any || origin == "" || origin == "null" {
		return p.any && origin != ""
	}
	origin = strings.ToLower(origin)
	if p.origins[origin] {
		return true
	}
	for _, s := range p.suffixes {
		host, ok := strings.CutPrefix(origin, s.scheme)
		if label, has := strings.CutSuffix(host, s.suffix); ok && has && label != "" && !strings.ContainsAny(label, "/@:?#") {
			return true
		}
	}
	return false
}

// allowsHeaders reports whether all fields that a page wants to send are allowed.
func (p *cors) allowsHeaders(lists []string) bool {
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			name = strings.ToLower(strings.TrimSpace(name))
			switch name {
			case "", "accept", "accept-language", "content-language", "content-type", "range":
				continue // harmless by themselves, or in most uses
			}
			if !slices.Contains(p.headers, name) {
				return false
			}
		}
	}
	return true
}

// addVary adds a name to Vary unless it is there.
func addVary(h http.Header, name string) {
	if hasToken(h["Vary"], name) || hasToken(h["Vary"], "*") {
		return
	}
	h["Vary"] = append(slices.Clip(h["Vary"]), name)
}
