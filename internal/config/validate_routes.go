package config

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxBody bounds the body of a fixed response, in bytes.
const maxBody = 64 << 10

func (v *validator) routes() {
	names := slices.Sorted(maps.Keys(v.cfg.Routes))
	v.eachRoute(names)
	v.shadowed(names)
}

// checkRoutes checks routes each by itself.
func (v *validator) checkRoutes(names []string) {
	for _, name := range names {
		at, route := path("routes").key(name), v.cfg.Routes[name]
		v.own = v.ownOf(section(v.user, "routes"), name)
		v.routeListeners(at, route.Listeners)
		v.match(at.key("match"), route.Match)
		v.stripPrefix(at, route)
		v.handler(at, route)
		v.balancing(at, route)
		v.access(at, route)
		v.traffic(at, route)
		v.content(at, route)
	}
	v.own = nil
}

func (v *validator) routeListeners(at path, listeners []string) {
	if v.lacks("listeners") || !v.written(at.key("listeners")) {
		return
	}
	for i, listener := range listeners {
		sub := at.key("listeners").index(i)
		if !reference(v, sub, "listener", listener, v.cfg.Listeners) {
			continue
		}
		if to := v.cfg.Listeners[listener].RedirectTo; to != "" {
			v.report(codeNoEffect, v.value(sub), sub, fmt.Sprintf("listener %q redirects every request to %q before a route sees it", listener, to), "remove it from this list")
		}
	}
}

// handlerKeys are the keys of which a route has exactly one.
func handlerKeys() []string { return []string{"app", "urls", "file_server", "redirect", "respond"} }

// handler checks that exactly one thing serves the route, and that it can.
func (v *validator) handler(at path, route Route) {
	given := [...]bool{route.App != "", route.URLs != nil, route.FileServer != nil, route.Redirect != nil, route.Respond != nil}
	var which []string
	for i, key := range handlerKeys() {
		if len(v.rejected) > 0 && v.rejected[at.key(key)] {
			return
		}
		if given[i] {
			which = append(which, key)
		}
	}
	const cure = "a route has exactly one of app, urls, file_server, redirect and respond"
	switch {
	case len(which) == 0:
		v.report(codeHandler, v.key(at), at, fmt.Sprintf("nothing serves %s", at), cure)
	case len(which) > 1:
		v.report(codeHandler, v.key(at.key(which[1])), at, fmt.Sprintf("%s is served by %s at once", at, strings.Join(which, " and ")), cure)
	}
	if route.App != "" {
		sub := at.key("app")
		if reference(v, sub, "app", route.App, v.cfg.Apps) && v.cfg.Apps[route.App].Port == PortNone {
			v.report(codeProbePort, v.value(sub), sub, fmt.Sprintf("app %q has port: none, so nothing can be sent to it", route.App), "give the app a port")
		}
	}
	v.urls(at.key("urls"), route.URLs)
	if f := route.FileServer; f != nil {
		v.present(at.key("file_server").key("root"), f.Root, true)
	}
	if route.Redirect != nil {
		v.redirect(at.key("redirect"), *route.Redirect, route)
	}
	if route.Respond != nil {
		v.respond(at.key("respond"), *route.Respond)
	}
	if parking := at.key("parking"); len(which) == 1 && which[0] != "app" && !v.lacks("parking") && v.written(parking) {
		v.report(codeNoEffect, v.key(parking), parking, "parking has no effect on "+which[0], "remove it; it belongs to routes with app")
	}
	if len(which) == 1 && which[0] != "app" && which[0] != "urls" {
		for _, key := range []string{"balance", "timeout"} {
			if sub := at.key(key); !v.lacks(key) && v.written(sub) {
				v.report(codeNoEffect, v.key(sub), sub, fmt.Sprintf("%s has no effect on %s", key, which[0]), "remove it; it belongs to routes with app or urls")
			}
		}
	}
}

func (v *validator) urls(at path, urls []string) {
	if urls != nil && len(urls) == 0 {
		v.report(codeHandler, v.value(at), at, "urls is empty", `write urls: ["http://127.0.0.1:3000"]`)
	}
	for i, text := range urls {
		_, hint := upstreamURL(text)
		if hint == "" {
			continue
		}
		sub := at.index(i)
		v.report(codeURL, v.value(sub), sub, fmt.Sprintf("urls: %q is not the URL of an upstream", text), hint)
	}
}

// upstreamURL reads one of urls; wrong is what to write instead.
func upstreamURL(text string) (u *url.URL, wrong string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" && u.Scheme != "http":
		if !strings.Contains(text, "://") && text != "" {
			return nil, "did you mean http://" + text + "?"
		}
		return nil, "write http://host:port"
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, "write http://host:port"
	case u.User != nil:
		return nil, "remove the user and password"
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, "an upstream has no path: write " + u.Scheme + "://" + u.Host + " and use match and strip_prefix"
	case strings.HasSuffix(u.Host, ":"):
		return nil, "write a port behind the colon, or remove it"
	case u.Port() != "":
		if n, err := strconv.Atoi(u.Port()); err != nil || n < 1 || n > 65535 {
			return nil, "write a port from 1 to 65535"
		}
	}
	return u, ""
}

func (v *validator) redirect(at path, r Redirect, route Route) {
	to := at.key("to")
	if !slices.Contains([]int{301, 302, 303, 307, 308}, r.Status) && !v.rejected[at.key("status")] {
		v.report(codeRange, v.value(at.key("status")), at.key("status"), fmt.Sprintf("status: %d does not redirect", r.Status), "write 301, 302, 303, 307 or 308")
	}
	if r.To == "" || v.rejected[to] {
		return
	}
	u, err := url.Parse(ExpandRedirect(r.To, "/", ""))
	switch {
	case err != nil:
		v.report(codeRedirect, v.value(to), to, fmt.Sprintf("to: %q is not a URL", r.To), "write https://HOST/PATH or /PATH")
	case strays(r.To, u):
		v.report(codeRedirect, v.value(to), to, fmt.Sprintf("to: whoever makes a link chooses the host that %q leads to", r.To), "end the host with a slash, write ${path} without one before it, and ? before ${query}")
	case u.Scheme == "" && !strings.HasPrefix(u.Path, "/"):
		v.report(codeRedirect, v.value(to), to, fmt.Sprintf("to: %q is neither a URL nor a path", r.To), "write https://"+r.To+" or /"+r.To)
	case u.Scheme != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == ""):
		v.report(codeRedirect, v.value(to), to, fmt.Sprintf("to: %q is not an http or https URL", r.To), "write https://HOST/PATH")
	case u.Host == "" && !v.anyRejected(at.parent().key("match")) && route.leadsBack(r.To):
		v.report(codeRedirect, v.value(to), to, fmt.Sprintf("the redirect to %s leads back to this route", r.To), "narrow the match, or redirect to another host")
	}
}

// strays reports whether there are requests that a redirect sends to another host than the root's without a query.
func strays(to string, root *url.URL) bool {
	for _, request := range [][2]string{{"/a.b", ""}, {"/", "/a.b"}, {"/", "@a.b"}, {"/", ".a.b"}, {"/a.b", "/@a.b"}} {
		u, err := url.Parse(ExpandRedirect(to, request[0], request[1]))
		if err != nil || u.Host != root.Host || u.Scheme != root.Scheme || u.User.String() != root.User.String() {
			return true
		}
	}
	return false
}

// leadsBack reports whether a redirect of the first path that the route matches, or of the root, is to a path
// that it matches, too.
func (r Route) leadsBack(to string) bool {
	first := cmp.Or(r.Match.Path, r.Match.PathPrefix, "/")
	if strip := strings.TrimSuffix(r.StripPrefix, "/"); strip != "" && underPrefix(first, strip) {
		first = cmp.Or(first[len(strip):], "/")
	}
	for _, request := range []string{"/", first} {
		if u, err := url.Parse(ExpandRedirect(to, request, "")); err == nil && r.Match.covers(u.Path) {
			return true
		}
	}
	return false
}

// covers reports whether the conditions on the path hold for p.
func (m Match) covers(p string) bool {
	switch {
	case m.Path != "":
		return m.Path == p
	case m.PathPrefix != "":
		return underPrefix(p, m.PathPrefix)
	default:
		return true
	}
}

// underPrefix reports whether path begins with the whole segments of prefix.
func underPrefix(p, prefix string) bool {
	rest, ok := strings.CutPrefix(p, strings.TrimSuffix(prefix, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

func (v *validator) respond(at path, r Respond) {
	v.headers(at.key("headers"), r.Headers)
	body := at.key("body")
	switch {
	case len(r.Body) > maxBody:
		v.report(codeRange, v.value(body), body, fmt.Sprintf("body: %d bytes are more than 64 KiB", len(r.Body)), "serve it with file_server")
	case r.Body != "" && (r.Status == 204 || r.Status == 205 || r.Status == 304):
		v.report(codeNoEffect, v.key(body), body, fmt.Sprintf("an answer with status %d has no body", r.Status), "remove it, or choose another status")
	}
}

func (v *validator) stripPrefix(at path, route Route) {
	if route.StripPrefix == "" {
		return
	}
	strip := at.key("strip_prefix")
	if v.rejected[strip] || v.anyRejected(at.key("match")) {
		return
	}
	prefix := cmp.Or(route.Match.Path, route.Match.PathPrefix)
	switch {
	case !strings.HasPrefix(route.StripPrefix, "/"):
		v.slash(strip, route.StripPrefix)
	case prefix == "":
		v.report(codeMatch, v.value(strip), strip, fmt.Sprintf("strip_prefix %s cuts from paths that do not have it", route.StripPrefix), "add match: {path_prefix: "+route.StripPrefix+"}")
	case !underPrefix(prefix, route.StripPrefix):
		v.report(codeMatch, v.value(strip), strip, fmt.Sprintf("strip_prefix %s is no part of the matched path %s", route.StripPrefix, prefix), "write the matched prefix, or a beginning of it")
	case route.Respond != nil || route.Redirect != nil && !strings.Contains(route.Redirect.To, "${path}"):
		v.report(codeNoEffect, v.key(strip), strip, "strip_prefix has no effect on respond, and on redirect without ${path}", "remove it")
	}
}
