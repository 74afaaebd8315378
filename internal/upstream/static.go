package upstream

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"holdfast/internal/status"
)

// Server is one that Holdfast does not run.
type Server struct {
	// Name is the host, and the port if the URL has one, as the URL has them.
	Name string
	// Scheme is http or https; Address has a port.
	Scheme, Address string
	// Weight is its share; with 0 it stands in when all others are out.
	Weight int
}

// Servers reads URLs: http://host[:port] or https://host[:port], without path and query. Weights are
// theirs in the same order; without any they are equal. Route is for error texts.
func Servers(route string, urls []string, weights []int) ([]Server, error) {
	if len(weights) > 0 && len(weights) != len(urls) {
		return nil, fmt.Errorf("route %q: %d weights for %d urls; write one for each", route, len(weights), len(urls))
	}
	var out []Server
	for i, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("route %q: url %q: %w", route, raw, err)
		}
		if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil ||
			(u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("route %q: url %q: write http://host:port, without user, path and query", route, raw)
		}
		s := Server{Name: u.Host, Scheme: u.Scheme, Weight: 1}
		if s.Address, err = addressOf(u); err != nil {
			return nil, fmt.Errorf("route %q: url %q: %w", route, raw, err)
		}
		if len(weights) > 0 {
			s.Weight = weights[i]
		}
		if slices.ContainsFunc(out, func(o Server) bool { return o.Name == s.Name }) {
			return nil, fmt.Errorf("route %q: %s stands twice in urls; give it a weight instead", route, s.Name)
		}
		out = append(out, s)
	}
	return out, nil
}

// NewStatic returns a pool of servers that Holdfast does not run. They are ready until SetHealthy says
// otherwise; one that cannot be connected to is passed over for a second while another one can be had.
func NewStatic(route string, servers []Server, o TransportOptions) *Pool {
	p := newPool(route)
	p.options = o
	p.Serve(servers)
	return p
}

// Serve makes these the servers of a static pool. One that was there already keeps its connections and
// its state; one that is new is ready.
func (p *Pool) Serve(servers []Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var since time.Time // who is there from the beginning needs no slow start
	if len(p.members) > 0 {
		since = time.Now()
	}
	next := make([]*member, 0, len(servers))
	for _, s := range servers {
		m := p.find(status.Target{Instance: s.Name, Address: s.Name})
		if m == nil || m.scheme != s.Scheme || m.address != s.Address {
			m = newMember(status.Target{Instance: s.Name, Address: s.Name}, s.Scheme)
			m.address, m.options, m.ready, m.since = s.Address, p.options, true, since
		}
		m.weight = uint64(max(0, s.Weight))
		next = append(next, m)
	}
	slices.SortFunc(next, func(a, b *member) int { return compareInstances(a.target.Instance, b.target.Instance) })
	for _, m := range p.members {
		if !slices.Contains(next, m) {
			m.flush()
		}
	}
	p.members = next
	p.publish()
	p.serveQueue()
}

// Renew makes the connections to all servers anew: their TLS has another certificate to show.
func (p *Pool) Renew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		m.reconnect()
	}
}

// SetHealthy says whether requests may go to a server of a static pool.
func (p *Pool) SetHealthy(name string, healthy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m := p.find(status.Target{Instance: name, Address: name}); m != nil && (m.ready != healthy) {
		p.setReady(m, healthy)
	}
}

// Healthy is what SetHealthy said last; true for one that nothing was said of.
func (p *Pool) Healthy(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.find(status.Target{Instance: name, Address: name})
	return m == nil || m.ready
}

// addressOf is the host and the port of u; the scheme's port if it has none.
func addressOf(u *url.URL) (string, error) {
	host, err := idna.Lookup.ToASCII(u.Hostname())
	if isASCII(u.Hostname()) {
		host, err = u.Hostname(), nil // names of machines break the rules of domains
	}
	if err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	port := u.Port()
	if port == "" {
		if port = "80"; u.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(host, port), nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
