package gateway

import (
	"maps"
	"slices"

	"holdfast/internal/config"
)

// foreignCallers removes the fields in which other routes tell the same upstream who sent a request: it
// cannot know by which route one came, and would believe a stranger.
type foreignCallers struct {
	fields []string
	inner  responder
}

func newForeignCallers(b *build, inner responder) (responder, error) {
	if b.callers == nil {
		b.callers = callersByUpstream(b.config)
	}
	own := callerFields(b.conf)
	l := &foreignCallers{inner: inner}
	for _, upstream := range upstreamsOf(b.conf) {
		for _, field := range b.callers[upstream] {
			known := slices.ContainsFunc(own, func(name string) bool { return sameField(name, field) })
			if !known && !slices.Contains(l.fields, field) {
				l.fields = append(l.fields, field)
				b.owns(field)
			}
		}
	}
	if len(l.fields) == 0 {
		return inner, nil
	}
	return l, nil
}

// respond implements responder.
func (l *foreignCallers) respond(c *call) {
	for _, field := range l.fields {
		removeSpellings(c.r.Header, field)
	}
	l.inner.respond(c)
}

// callersByUpstream are the fields of all routes by what they lead to.
func callersByUpstream(c *config.Config) map[string][]string {
	out := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Routes)) {
		fields := callerFields(c.Routes[name])
		if len(fields) == 0 {
			continue
		}
		for _, upstream := range upstreamsOf(c.Routes[name]) {
			for _, field := range fields {
				if !slices.Contains(out[upstream], field) {
					out[upstream] = append(out[upstream], field)
				}
			}
		}
	}
	return out
}

// callerFields are the fields in which a route tells its upstream who sent a request.
func callerFields(conf config.Route) []string {
	var out []string
	if conf.JWT != nil {
		out = slices.Sorted(maps.Keys(conf.JWT.ClaimHeaders))
	}
	if conf.APIKeys != nil && conf.APIKeys.NameHeader != "" {
		out = append(out, conf.APIKeys.NameHeader)
	}
	if conf.BasicAuth != nil && conf.BasicAuth.NameHeader != "" {
		out = append(out, conf.BasicAuth.NameHeader)
	}
	return out
}

// upstreamsOf are what a route may hand a request to: apps by name and servers by URL.
func upstreamsOf(conf config.Route) []string {
	out := conf.URLs[:len(conf.URLs):len(conf.URLs)]
	if conf.App != "" {
		out = append(out, "app "+conf.App)
	}
	if conf.Fallback != nil && conf.Fallback.App != "" {
		out = append(out, "app "+conf.Fallback.App)
	}
	return out
}
