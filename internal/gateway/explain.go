package gateway

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/config"
	"holdfast/internal/status"
)

// Explain tells what becomes of a request in the present configuration, and why. Nothing is sent. An
// error, which is status.ErrInvalid, is about the query.
func (g *Gateway) Explain(q status.RouteQuery) (status.RouteTest, error) {
	g.mu.Lock()
	now := g.current
	g.mu.Unlock()
	return g.explain(now, q)
}

// Explain is that of a Gateway with configuration c, which is not listened with: the port of a listener
// on port 0 is not known.
func Explain(c *config.Config, q status.RouteQuery) (status.RouteTest, error) {
	g := New(Options{})
	defer g.upstreams.Close()
	s, err := g.compile(c)
	if err != nil {
		return status.RouteTest{}, err
	}
	for _, socket := range s.sockets {
		if _, port, err := net.SplitHostPort(socket.address); err == nil {
			n, _ := strconv.ParseUint(port, 10, 16) // 0 for what could not be bound either
			socket.bound.Store(int64(n))
		}
	}
	return g.explain(s, q)
}

func (g *Gateway) explain(s *setup, q status.RouteQuery) (status.RouteTest, error) {
	t, err := newThought(q)
	if err != nil {
		return status.RouteTest{}, err
	}
	out := status.RouteTest{Method: t.method, Lost: []status.RouteLoss{}, Notes: t.notes}
	site, others, err := s.siteFor(t, q.Listener)
	if err != nil {
		return status.RouteTest{}, err
	}
	if site == nil {
		out.Outcome, out.Why = status.RouteNoListener, s.noListener(t)
		return out, nil
	}
	out.Listener, out.OtherListeners = site.name, others
	if g.paused.Load() {
		out.Notes = append(out.Notes, "the service is paused: every request is answered 503 until it continues")
	}
	r, err := t.request(site)
	if err != nil {
		out.Outcome, out.Status = status.RouteRefused, http.StatusBadRequest
		out.Why = "the request line cannot be read: " + err.Error()
		return out, nil
	}
	g.walk(s, site, r, &out)
	return out, nil
}

// walk takes a request the way that serve takes it, up to what serves it.
func (g *Gateway) walk(s *setup, site *site, r *http.Request, out *status.RouteTest) {
	answer := &unsentAnswer{header: http.Header{}}
	c := &call{recorder: recorder{w: answer, buffers: &g.buffers}, g: g, site: site, r: r, series: g.metrics.none}
	sent := slices.Sorted(maps.Keys(r.Header))
	c.client = identify(r, site.trust)
	for _, name := range sent {
		if _, ok := r.Header[name]; !ok {
			out.Notes = append(out.Notes, fmt.Sprintf("%s is deleted: only a trusted proxy may send it", name))
		}
	}
	ok := c.admit()
	out.Host, out.Path = c.host, c.path.Path
	if !ok {
		out.Status = c.status
		out.Outcome, out.Why = status.RouteRefused, answer.detail()
		if c.status < http.StatusBadRequest {
			out.Outcome, out.Why = status.RouteAnswered, "the gateway answers this itself, for the whole server"
		}
		return
	}
	if site.redirect != nil {
		site.redirect.respond(c)
		out.Status, out.Location = c.status, answer.header.Get("Location")
		out.Outcome, out.Why = status.RouteRedirected, fmt.Sprintf("listener %q sends every request to listener %q", site.name, s.nameOf(site.redirect.to))
		return
	}
	seen := newQuery(criteria{c.host, c.path.Path, r.Method, r.Header})
	won := site.table.match(seen.criteria)
	out.Lost, out.Omitted = lost(s.routes, won, site.name, &seen)
	if won == nil {
		out.Outcome, out.Status, out.Why = status.RouteNone, http.StatusNotFound, fmt.Sprintf("no route of listener %q matches", site.name)
		return
	}
	out.Outcome, out.Why = status.RouteServed, wins(won, &seen)
	i := won.info
	out.Route, out.Kind, out.Target, out.App, out.Policies = i.Name, i.Kind, i.Target, i.App, i.Policies
	switch i.Kind {
	case "app", "urls", "file_server":
		out.SentPath = c.path.strip(won.strip).Escaped
	}
}

// nameOf is the listener of a socket.
func (s *setup) nameOf(of *socket) string {
	for _, site := range s.sites {
		if site.socket == of {
			return site.name
		}
	}
	return of.address // cannot be: listeners are redirected to listeners
}

// unsentAnswer keeps what the gateway would answer by itself.
type unsentAnswer struct {
	header http.Header
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *unsentAnswer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *unsentAnswer) WriteHeader(int) {}

// Write implements http.ResponseWriter.
func (a *unsentAnswer) Write(p []byte) (int, error) { return a.body.Write(p) }

// detail is what the answer tells its client.
func (a *unsentAnswer) detail() string {
	var p problem
	if err := json.Unmarshal(a.body.Bytes(), &p); err != nil || p.Detail == "" {
		return "the request is refused"
	}
	text := strings.TrimSuffix(p.Detail, ".")
	return strings.ToLower(text[:1]) + text[1:]
}

// thought is a query in the parts that a client would send.
type thought struct {
	method, target string
	tls            bool
	authority      string // where it is sent to
	name           string // authority without port
	port           int
	host           string // the Host field
	header         http.Header
	notes          []string
}

func newThought(q status.RouteQuery) (*thought, error) {
	invalid := func(format string, args ...any) (*thought, error) {
		return nil, fmt.Errorf("%w: %s", status.ErrInvalid, fmt.Sprintf(format, args...))
	}
	t := &thought{method: q.Method, header: http.Header{}}
	if t.method == "" {
		t.method = http.MethodGet
	}
	if !isToken(t.method) {
		return invalid("%q is not a request method", t.method)
	}
	scheme, rest, ok := strings.Cut(q.URL, "://")
	switch scheme = strings.ToLower(scheme); {
	case !ok:
		return invalid("%q is not a whole URL: write http://HOST:PORT/PATH", q.URL)
	case scheme == "https", scheme == "wss":
		t.tls, t.port = true, 443
	case scheme == "http", scheme == "ws":
		t.port = 80
	default:
		return invalid("%q is neither an http nor an https URL", q.URL)
	}
	rest, _, fragment := strings.Cut(rest, "#")
	if fragment {
		t.notes = append(t.notes, "clients do not send what follows #")
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	t.authority, t.target = rest[:end], rest[end:]
	if !strings.HasPrefix(t.target, "/") {
		t.target = "/" + t.target
	}
	if i := strings.LastIndexByte(t.authority, '@'); i >= 0 {
		t.authority = t.authority[i+1:]
		t.notes = append(t.notes, "clients send the name and password of a URL as Authorization")
	}
	t.name = t.authority
	if i := strings.LastIndexByte(t.authority, ':'); i > strings.LastIndexByte(t.authority, ']') {
		t.name = t.authority[:i]
		if text := t.authority[i+1:]; text != "" {
			port, err := strconv.ParseUint(text, 10, 16)
			if err != nil || port == 0 {
				return invalid("%q is not a port", text)
			}
			t.port = int(port)
		}
	}
	if strings.HasPrefix(t.name, "[") && !strings.HasSuffix(t.name, "]") {
		return invalid("%q is not a host: write [ADDRESS] for one of IPv6", t.authority)
	}
	if t.name == "" {
		return invalid("%q names no host: write http://HOST:PORT/PATH", q.URL)
	}
	t.host = t.authority
	hosts := 0
	for name, values := range q.Headers {
		if !isToken(name) {
			return invalid("%q is not the name of a header field", name)
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return invalid("the value of %s has a control character", name)
			}
			v = strings.Trim(v, " \t") // as a server reads it
			if name = http.CanonicalHeaderKey(name); name == hostField {
				t.host = v
				if hosts++; hosts > 1 {
					return invalid("a request has one Host, not several")
				}
			} else {
				t.header.Add(name, v)
			}
		}
	}
	return t, nil
}

// isToken reports whether text is a token (RFC 9110, 5.6.2).
func isToken(text string) bool {
	for i := range len(text) {
		if c := text[i]; !unreserved(c) && strings.IndexByte("!#$%&'*+^`|", c) < 0 {
			return false
		}
	}
	return text != ""
}

// request is what the server of site makes of it.
func (t *thought) request(site *site) (*http.Request, error) {
	u, err := url.ParseRequestURI(t.target)
	if err != nil {
		if e, ok := err.(*url.Error); ok { //nolint:errorlint // what ParseRequestURI is documented to return
			err = e.Err
		}
		return nil, err
	}
	r := &http.Request{
		Method: t.method, URL: u, RequestURI: t.target, Host: t.host, Header: t.header.Clone(), Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "192.0.2.1:1", // nobody's (RFC 5737)
	}
	if site.settings.tls {
		r.TLS = &tls.ConnectionState{}
	}
	return r, nil
}

// siteFor is the site that a request comes in by, and the names of others that might be meant.
func (s *setup) siteFor(t *thought, listener string) (*site, []string, error) {
	if listener != "" {
		var names []string
		for _, site := range s.sites {
			if site.name == listener {
				return site, nil, nil
			}
			names = append(names, site.name)
		}
		return nil, nil, fmt.Errorf("%w: there is no listener %q, but %s", status.ErrInvalid, listener, strings.Join(names, ", "))
	}
	var found []*site
	for _, site := range s.sites {
		if site.settings.tls == t.tls && site.socket.port() == t.port && site.takes(t.name) > 0 {
			found = append(found, site)
		}
	}
	if len(found) == 0 {
		return nil, nil, nil
	}
	// The system prefers a socket on the very address to one on all of them.
	slices.SortStableFunc(found, func(a, b *site) int { return b.takes(t.name) - a.takes(t.name) })
	var others []string
	for _, site := range found[1:] {
		if site.takes(t.name) == found[0].takes(t.name) {
			others = append(others, site.name)
		}
	}
	return found[0], others, nil
}

// takes reports how well a listener's address fits the host of a URL: 0 not at all, 1 possibly, as it
// listens on every address or nobody knows where the name leads, 2 it is that address.
func (s *site) takes(name string) int {
	own, _, _ := net.SplitHostPort(s.socket.address)
	mine, err := netip.ParseAddr(own)
	if own == "" || err == nil && mine.IsUnspecified() {
		return 1
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	wanted, notAddress := netip.ParseAddr(name)
	switch {
	case strings.EqualFold(own, name):
		return 2
	case strings.EqualFold(name, "localhost"):
		if err == nil && !mine.IsLoopback() {
			return 0
		}
		return 2
	case notAddress != nil || err != nil:
		return 1
	case wanted.Unmap() == mine.Unmap():
		return 2
	default:
		return 0
	}
}

// noListener says who listens instead.
func (s *setup) noListener(t *thought) string {
	var all []string
	for _, site := range s.sites {
		all = append(all, fmt.Sprintf("%q takes %s on %s", site.name, schemeOf(site.settings.tls), site.at()))
	}
	why := fmt.Sprintf("no listener takes %s for %s on port %d", schemeOf(t.tls), t.name, t.port)
	if len(all) > 0 {
		why += "; " + strings.Join(all, ", ")
	}
	return why
}

// at is the address with the port that it is bound to.
func (s *site) at() string {
	host, _, _ := net.SplitHostPort(s.socket.address)
	return net.JoinHostPort(host, strconv.Itoa(s.socket.port()))
}

func schemeOf(tls bool) string {
	if tls {
		return "https"
	}
	return "http"
}
