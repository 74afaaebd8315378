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
func (g *Gateway) compileRoute(next *setup, name string, c *config.Config) (*route, error) {
	conf := c.Routes[name]
	r := &route{name: name, app: conf.App, priority: conf.Priority}
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
	kind, target, err := g.compileTarget(next, r, conf)
	if err != nil {
		return nil, err
	}
	r.pages = newErrorPages(conf.ErrorPages)
	b := &build{g: g, next: next, route: r, conf: conf, config: c}
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
	key := routeKey{conf.App, name}
	r.metrics = g.metrics.route(key)
	next.keys[key] = true
	r.info = RouteInfo{
		Name: name, Listeners: listenersOf(conf, c), Hosts: r.hosts, Methods: r.methods,
		Headers: conf.Match.Header, Priority: conf.Priority, Kind: kind, Target: target, App: conf.App, Policies: policies,
	}
	if r.exact {
		r.info.Path = r.path
	} else {
		r.info.Prefix = max(r.path, "/")
	}
	return r, nil
}

// listenersOf are the names of the listeners on which a route answers.
func listenersOf(conf config.Route, c *config.Config) []string {
	if len(conf.Listeners) > 0 {
		if slices.IsSorted(conf.Listeners) {
			return conf.Listeners
		}
		return slices.Sorted(slices.Values(conf.Listeners))
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(c.Listeners)) {
		if c.Listeners[name].RedirectTo == "" {
			out = append(out, name)
		}
	}
	return out
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
		list, err := upstream.Servers(r.name, conf.URLs, conf.Weights)
		if err != nil {
			return "", "", err
		}
		key := r.name + " " + version
		of := &servers{route: r.name, list: list, probe: conf.HealthCheck, tls: options.TLS}
		if had := g.current.pools[key]; had != nil {
			of.pool = had.pool
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
			f = newFolder(path)
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
