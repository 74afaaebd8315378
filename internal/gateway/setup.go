package gateway

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"holdfast/internal/config"
)

// setup is a compiled configuration. It is not changed once it is used.
type setup struct {
	sites   []*site            // by name
	sockets map[string]*socket // by configured address
	routes  []*route           // by name
	// What may be taken over by the next setup: the pools of routes' urls, and folders by path.
	pools map[string]*servers
	// The balancings of routes and of their fallbacks.
	balancers map[string]*balancing
	folders   map[string]*folder
	kept      map[string]kept // by route and policy
}

// site is what requests of one listener meet. It is immutable; a socket points to its present one.
type site struct {
	name         string
	socket       *socket
	certificates []string // what is presented; the first is the standard one
	trust        []netip.Prefix
	table        *table
	redirect     *listenerRedirect // nil unless the listener redirects
	settings     settings
	limits       limits
	counted      *listenerMetrics
	logged       bool
}

// compile makes a setup of c, taking over from the present one what is the same. Nothing is bound
// or changed yet.
func (g *Gateway) compile(c *config.Config) (_ *setup, err error) {
	next := &setup{
		sockets:   map[string]*socket{},
		pools:     map[string]*servers{},
		balancers: map[string]*balancing{},
		folders:   map[string]*folder{},
		kept:      map[string]kept{},
	}
	defer func() {
		if err != nil {
			g.discard(next)
		}
	}()
	b := &build{g: g, next: next, config: c}
	next.routes = make([]*route, 0, len(c.Routes))
	for _, name := range slices.Sorted(maps.Keys(c.Routes)) {
		r, err := b.compileRoute(name)
		if err != nil {
			return nil, err
		}
		next.routes = append(next.routes, r)
	}
	byName := map[string]*socket{}
	for _, name := range slices.Sorted(maps.Keys(c.Listeners)) {
		address := c.Listeners[name].Address
		key := address
		if strings.HasSuffix(address, ":0") {
			key += " " + name // each gets a port of its own
		}
		if next.sockets[key] != nil {
			return nil, fmt.Errorf("listener %q: address %s is another listener's, too; change listeners.%s.address", name, address, name)
		}
		s := g.current.sockets[key]
		if s == nil {
			s = newSocket(g, address)
		}
		next.sockets[key], byName[name] = s, s
	}
	for _, name := range slices.Sorted(maps.Keys(c.Listeners)) {
		s, err := compileSite(name, c, next.routes)
		if err != nil {
			return nil, err
		}
		s.socket, s.counted = byName[name], g.counts.listener(name)
		if to := c.Listeners[name].RedirectTo; to != "" {
			if byName[to] == nil {
				return nil, fmt.Errorf("listener %q: redirect_to: there is no listener %q", name, to)
			}
			s.redirect = &listenerRedirect{to: byName[to], tls: c.Listeners[to].Certificate != ""}
		}
		next.sites = append(next.sites, s)
	}
	return next, nil
}

func compileSite(name string, c *config.Config, routes []*route) (*site, error) {
	l := c.Listeners[name]
	s := &site{
		name:     name,
		settings: settingsOf(l),
		limits:   limitsOf(l),
		logged:   c.Logging.Access.Enabled,
	}
	if l.Certificate != "" {
		s.certificates = append([]string{l.Certificate}, l.Certificates...)
	}
	for _, certificate := range s.certificates {
		if _, ok := c.Certificates[certificate]; !ok {
			return nil, fmt.Errorf("listener %q: there is no certificate %q", name, certificate)
		}
	}
	for _, text := range l.TrustedProxies {
		p, err := parseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("listener %q: trusted_proxies: %q is neither an address nor a network such as 10.0.0.0/8", name, text)
		}
		s.trust = append(s.trust, p)
	}
	if l.RedirectTo != "" {
		return s, nil
	}
	var own []*route
	for _, r := range routes {
		if slices.Contains(r.info.Listeners, name) {
			own = append(own, r)
			s.settings.askCertificate = s.settings.askCertificate || r.asksCertificate
		}
	}
	s.table = newTable(own)
	return s, nil
}

// parseNetwork reads a CIDR or an address.
func parseNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return p, err
		}
		if a := p.Addr(); a.Is4In6() {
			return a.Unmap().Prefix(max(0, p.Bits()-96))
		}
		return p, nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), nil
}
