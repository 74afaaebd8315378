package gateway

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/internal/config"
	"holdfast/internal/upstream"
)

// compileRoute makes a route of its configuration.
func (b *build) compileRoute(name string) (*route, error) {
	g, next := b.g, b.next
	b.conf = b.config.Routes[name]
	conf := &b.conf
	r := &route{name: name, app: conf.App, priority: conf.Priority, asksCertificate: conf.ClientCertificate != nil}
	b.route = r
	if err := r.conditionsOf(conf.Match); err != nil {
		return nil, err
	}
	if conf.StripPrefix != "" {
		p, err := canonicalPath(conf.StripPrefix)
		if err != nil {
			return nil, fmt.Errorf("route %q: strip_prefix: %w", name, err)
		}
		r.strip = strings.TrimSuffix(p.Path, "/")
	}
	kind, target, err := g.compileTarget(next, r, *conf)
	if err != nil {
		return nil, err
	}
	r.pages = newErrorPages(conf.ErrorPages)
	if err := b.equip(r.serve); err != nil {
		return nil, err
	}
	if r.fallback, err = b.newFallback(); err != nil {
		return nil, fmt.Errorf("route %q: fallback: %w", name, err)
	}
	if r.serve, err = b.onion(r.serve); err != nil {
		return nil, err
	}
	policies := r.info.Policies
	if conf.Retry != nil {
		policies = append(policies, "retry")
	}
	if conf.Fallback != nil {
		policies = append(policies, "fallback")
	}
	r.metrics = g.metrics.route(routeKey{conf.App, name})
	r.info = RouteInfo{
		Name: name, Listeners: b.listeners(), Hosts: r.hosts, Methods: r.methods,
		Headers: conf.Match.Header, Priority: conf.Priority, Kind: kind, Target: target, App: conf.App, Policies: policies,
	}
	if r.exact {
		r.info.Path = r.path
	} else {
		r.info.Prefix = max(r.path, "/")
	}
	return r, nil
}

// listeners are the names of those on which the route answers.
func (b *build) listeners() []string {
	if own := b.conf.Listeners; len(own) > 0 {
		if slices.IsSorted(own) {
			return own
		}
		return slices.Sorted(slices.Values(own))
	}
	if b.everywhere == nil {
		for _, name := range slices.Sorted(maps.Keys(b.config.Listeners)) {
			if b.config.Listeners[name].RedirectTo == "" {
				b.everywhere = append(b.everywhere, name)
			}
		}
	}
	return b.everywhere
}

// compileTarget sets what serves the route and says it in words.
func (g *Gateway) compileTarget(next *setup, r *route, conf config.Route) (kind, target string, err error) {
	switch {
	case conf.App != "":
		p, err := g.newProxy(next, r, conf, g.upstreams.Pool(conf.App))
		if err != nil {
			return "", "", err
		}
		p.app, p.parking = conf.App, conf.Parking
		r.serve = p
		return "app", conf.App, nil
	case len(conf.URLs) > 0:
		target = strings.Join(conf.URLs, " ")
		options, version, err := g.transportOf(conf.Transport)
		if err != nil {
			return "", "", fmt.Errorf("route %q: %w", r.name, err)
		}
		key, written := r.name+" "+version, writtenServers{conf.URLs, conf.Weights}
		list, err := written.list(r.name, g.current.pools[key])
		if err != nil {
			return "", "", err
		}
		of := &servers{route: r.name, list: list, of: written, probe: conf.HealthCheck, tls: options.TLS, certificate: conf.Transport.Certificate}
		if had := g.current.pools[key]; had != nil {
			of.pool, of.shown = had.pool, had.shown
		} else {
			of.pool = upstream.NewStatic(r.name, list, options)
		}
		next.pools[key] = of
		if r.serve, err = g.newProxy(next, r, conf, of.pool); err != nil {
			return "", "", err
		}
		return "urls", target, nil
	case conf.FileServer != nil:
		path := conf.FileServer.Root
		f := next.folders[path]
		if f == nil {
			f = g.current.folders[path]
		}
		if f == nil {
			f = newFolder(path, g.keeper)
		}
		next.folders[path] = f
		r.serve = newFiles(*conf.FileServer, f)
		return "file_server", path, nil
	case conf.Redirect != nil:
		d := newRedirect(*conf.Redirect)
		r.serve = d
		return "redirect", fmt.Sprintf("%d %s", d.status, conf.Redirect.To), nil
	case conf.Respond != nil:
		f := newFixed(*conf.Respond)
		r.serve = f
		return "respond", fmt.Sprint(f.status), nil
	default:
		return "", "", fmt.Errorf("route %q: nothing serves it; add app, urls, file_server, redirect or respond", r.name)
	}
}
