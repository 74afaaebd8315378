package gateway

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"holdfast/internal/config"
)

// decorator changes the header of an answer, whoever made it, just before it is sent.
type decorator interface{ decorate(c *call, h http.Header) }

// decorate is what the recorder calls before the header goes out.
func (c *call) decorate() {
	h := c.Header()
	for _, d := range c.route.decorators {
		d.decorate(c, h)
	}
}

// fieldChanges removes header fields and sets others.
type fieldChanges struct {
	remove []string
	set    []fieldValue
}

type fieldValue struct {
	name   string
	values []string // shared by all messages, never modified
}

func newFieldChanges(conf config.Headers) *fieldChanges {
	if len(conf.Remove) == 0 && len(conf.Set) == 0 {
		return nil
	}
	f := &fieldChanges{}
	for _, name := range conf.Remove {
		f.remove = append(f.remove, http.CanonicalHeaderKey(name))
	}
	for _, name := range slices.Sorted(maps.Keys(conf.Set)) {
		f.set = append(f.set, fieldValue{http.CanonicalHeaderKey(name), []string{conf.Set[name]}})
	}
	return f
}

func (f *fieldChanges) apply(h http.Header) {
	for _, name := range f.remove {
		delete(h, name)
	}
	for _, v := range f.set {
		h[v.name] = v.values[:1:1]
	}
}

func (f *fieldChanges) decorate(_ *call, h http.Header) { f.apply(h) }

// requestFields changes what the upstream gets.
type requestFields struct {
	changes *fieldChanges
	host    string // instead of the client's; empty: that one
	inner   responder
}

func newRequestFields(b *build, inner responder) (responder, error) {
	changes := newFieldChanges(b.conf.RequestHeaders)
	if changes == nil {
		return inner, nil
	}
	l := &requestFields{changes: changes, inner: inner}
	for _, name := range changes.remove {
		b.owns(name)
	}
	for _, v := range changes.set {
		b.owns(v.name)
	}
	changes.set = slices.DeleteFunc(changes.set, func(v fieldValue) bool {
		if v.name != "Host" { // net/http keeps it out of the header
			return false
		}
		l.host = v.values[0]
		return true
	})
	return l, nil
}

// respond implements responder.
func (l *requestFields) respond(c *call) {
	// Clients must not get past a change by another spelling of the name.
	for _, name := range l.changes.remove {
		removeSpellings(c.r.Header, name)
	}
	for _, v := range l.changes.set {
		removeSpellings(c.r.Header, v.name)
	}
	l.changes.apply(c.r.Header)
	if l.host != "" {
		c.r.Host = l.host
	}
	l.inner.respond(c)
}

// responseFields is the layer of response_headers: it only decorates.
func newResponseFields(b *build, inner responder) (responder, error) {
	if changes := newFieldChanges(b.conf.ResponseHeaders); changes != nil {
		return b.decorated(changes, inner), nil
	}
	return inner, nil
}

// decorated adds a decorator to the route. The responder is a new one, so that the policy is listed.
func (b *build) decorated(d decorator, inner responder) responder {
	b.route.decorators = append(b.route.decorators, d)
	return &passed{inner}
}

type passed struct{ inner responder }

// respond implements responder.
func (p *passed) respond(c *call) { p.inner.respond(c) }

// securityFields are the fields by which browsers protect a site. What the upstream says itself stays.
type securityFields struct {
	hsts   []string // over TLS only: browsers ignore it elsewhere (RFC 6797, 8.1)
	always []fieldValue
}

func newSecurityFields(b *build, inner responder) (responder, error) {
	conf := b.conf.SecurityHeaders
	if conf == nil {
		return inner, nil
	}
	f := &securityFields{}
	if conf.HSTS > 0 {
		f.hsts = []string{"max-age=" + strconv.FormatInt(int64(conf.HSTS.D().Seconds()), 10) + "; includeSubDomains"}
	}
	for _, v := range []struct{ name, value string }{
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", conf.FrameOptions},
		{"Referrer-Policy", conf.ReferrerPolicy},
		{"Content-Security-Policy", conf.ContentSecurityPolicy},
		{"Permissions-Policy", conf.PermissionsPolicy},
	} {
		if v.value != "" && v.value != "off" {
			f.always = append(f.always, fieldValue{v.name, []string{v.value}})
		}
	}
	return b.decorated(f, inner), nil
}

func (f *securityFields) decorate(c *call, h http.Header) {
	for _, v := range f.always {
		if _, there := h[v.name]; !there {
			h[v.name] = v.values[:1:1]
		}
	}
	if _, there := h["Strict-Transport-Security"]; !there && f.hsts != nil && c.client.proto == "https" {
		h["Strict-Transport-Security"] = f.hsts[:1:1]
	}
}
