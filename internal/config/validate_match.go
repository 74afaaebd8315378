package config

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

func (v *validator) match(at path, m Match) {
	for i, host := range m.Host {
		v.host(at, i, host)
	}
	v.matchPath(at, "path", m.Path)
	v.matchPath(at, "path_prefix", m.PathPrefix)
	if m.Path != "" && m.PathPrefix != "" {
		v.report(codeTogether, v.key(at.key("path_prefix")), at, "a match has path or path_prefix, not both", "keep path to match exactly, path_prefix to match all below")
	}
	for i, method := range m.Method {
		sub := at.key("method").index(i)
		switch {
		case !goodToken(method):
			v.report(codeMatch, v.value(sub), sub, fmt.Sprintf("method: %q is not a request method", method), "write GET, POST, PUT, ...")
		case strings.ToUpper(method) != method:
			v.report(codeMatch, v.value(sub), sub, fmt.Sprintf("method: %q never comes: methods are upper case", method), "write "+strings.ToUpper(method))
		}
	}
	if len(m.Header) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(m.Header)) {
		if sub := at.key("header").key(name); strings.EqualFold(name, "Host") {
			v.report(codeMatch, v.key(sub), sub, "the host is not matched as a header", "write host: "+m.Header[name])
		}
	}
	v.headers(at.key("header"), m.Header)
}

// host checks a pattern: a name, an address, or "*." before a name.
func (v *validator) host(match path, i int, host string) {
	hint := ""
	name := strings.TrimPrefix(host, "*.")
	switch {
	case isAddress(strings.Trim(host, "[]")):
		return
	case host == "" || host == "*":
		hint = "leave host out to match every host"
	case strings.Contains(host, "://"):
		hint = "write the name alone, without the scheme"
	case strings.Contains(host, "/"):
		hint = "write the name alone, and the path as path_prefix"
	case strings.Contains(host, ":"):
		hint = "write the name without the port"
	case strings.Contains(name, "*"):
		hint = `a * stands only at the beginning, for one label: "*.example.com"`
	case strings.ContainsFunc(name, func(r rune) bool { return r > 0x7F }):
		hint = "write an international name in its ASCII form (xn--...)"
	case !goodHost(name):
		hint = "a name has letters, digits, - and dots"
	default:
		return
	}
	at := match.key("host").index(i)
	v.report(codeMatch, v.value(at), at, fmt.Sprintf("host: %q cannot match", host), hint)
}

// isAddress reports whether a host is an IP address; a name costs no error.
func isAddress(host string) bool {
	if host == "" || !strings.Contains(host, ":") && (host[len(host)-1] < '0' || host[len(host)-1] > '9') {
		return false // the last label of a name is not a number (RFC 1123, section 2.1)
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// goodHost reports whether name is a DNS name (underscores occur in private networks).
func goodHost(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
				return false
			}
		}
	}
	return true
}

// matchPath checks a path that canonical request paths are compared with.
func (v *validator) matchPath(match path, key, text string) {
	if text == "" {
		return
	}
	hint := ""
	switch {
	case !strings.HasPrefix(text, "/"):
		hint = "write /" + strings.TrimPrefix(text, "./")
	case strings.HasSuffix(text, "/*") || strings.HasSuffix(text, "/**"):
		hint = "write path_prefix: /" + strings.Trim(text, "/*")
	case strings.ContainsAny(text, "*{}^$|\\"):
		hint = "paths are no patterns: write path_prefix to match all below a path"
	case strings.ContainsAny(text, "?#"):
		hint = "a path ends before ? and #"
	case strings.Contains(text, "//") || strings.Contains(text+"/", "/./") || strings.Contains(text+"/", "/../"):
		hint = "requests are matched by their canonical path, which has no //, /./ and /../"
	default:
		return
	}
	at := match.key(key)
	v.report(codeMatch, v.value(at), at, fmt.Sprintf("%s: %q cannot match", key, text), hint)
	v.reject(at)
}

// shadowed warns of routes whose requests another route wins on every listener.
func (v *validator) shadowed(names []string) {
	first := make(map[string]string, len(names)) // the first route by what it matches
	alike := map[string][]string{}               // all of them, where there are several
	for _, name := range names {
		if len(v.rejected) > 0 && v.anyRejected(path("routes").key(name).key("match")) {
			continue
		}
		key := v.cfg.Routes[name].Match.canonical()
		switch other, known := first[key]; {
		case !known:
			first[key] = name
		case alike[key] == nil:
			alike[key] = []string{other, name}
		default:
			alike[key] = append(alike[key], name)
		}
	}
	winner := map[string]string{} // of the routes that lose on every listener
	for _, group := range alike {
		v.losers(group, winner)
	}
	for _, name := range slices.Sorted(maps.Keys(winner)) {
		why := "comes first by name"
		if v.cfg.Routes[winner[name]].Priority != v.cfg.Routes[name].Priority {
			why = "has a higher priority"
		}
		at := path("routes").key(name)
		v.report(codeShadowed, v.key(at), at, fmt.Sprintf("%s never answers: route %q matches the same requests and %s", at, winner[name], why), "change its match, or remove it")
	}
}

// losers adds those of a group, by name, that others of it leave no listener.
func (v *validator) losers(group []string, winner map[string]string) {
	slices.SortStableFunc(group, func(a, b string) int {
		return cmp.Compare(v.cfg.Routes[b].Priority, v.cfg.Routes[a].Priority)
	})
	first := map[string]string{} // by listener
	for _, name := range group {
		listeners, lost := v.cfg.Routes[name].Listeners, ""
		for _, listener := range listeners {
			if lost = first[listener]; lost == "" {
				break
			}
		}
		if lost != "" {
			winner[name] = lost
		}
		for _, listener := range listeners {
			if first[listener] == "" {
				first[listener] = name
			}
		}
	}
}

// canonical is the same for two matches that match the same requests in the same words.
func (m Match) canonical() string {
	hosts := make([]string, len(m.Host))
	for i, h := range m.Host {
		hosts[i] = strings.ToLower(h)
	}
	methods := slices.Clone(m.Method)
	slices.Sort(hosts)
	slices.Sort(methods)
	var headers []string
	for name, value := range m.Header {
		headers = append(headers, strings.ToLower(name)+"="+value)
	}
	slices.Sort(headers)
	b := make([]byte, 0, 128)
	for _, list := range [][]string{hosts, methods, {strings.TrimSuffix(m.PathPrefix, "/"), m.Path}, headers} {
		b = append(b, '[')
		for _, text := range list {
			b = strconv.AppendQuote(b, text)
		}
	}
	return string(b)
}
