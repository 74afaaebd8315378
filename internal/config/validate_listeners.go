package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

func (v *validator) management() {
	at := path("management").key("address")
	m := v.cfg.Management
	if m.Address != ManagementOff && !v.rejected[at] {
		if host, _, ok := v.address(at, m.Address); ok && !isLoopback(host) {
			v.report(codeExposed, v.value(at), at, fmt.Sprintf("the management API must not listen on %s", m.Address),
				"use a loopback address such as 127.0.0.1:9180, or off; from elsewhere reach it through ssh -L")
		}
	}
	for i, host := range m.AllowedHosts {
		at := path("management").key("allowed_hosts").index(i)
		if host == "" || strings.ContainsAny(host, "/:* ") {
			v.report(codeValue, v.value(at), at, fmt.Sprintf("allowed_hosts: %q is not a host name", host), "write the bare name, without scheme, port or *")
		}
	}
}

func (v *validator) listeners() {
	names := slices.Sorted(maps.Keys(v.cfg.Listeners))
	for _, name := range names {
		at, listener := path("listeners").key(name), v.cfg.Listeners[name]
		if sub := at.key("address"); listener.Address != "" && !v.rejected[sub] {
			v.address(sub, listener.Address)
		}
		if sub := at.key("certificate"); listener.Certificate != "" {
			reference(v, sub, "certificate", listener.Certificate, v.cfg.Certificates)
		}
		for i, further := range listener.Certificates {
			sub := at.key("certificates").index(i)
			if reference(v, sub, "certificate", further, v.cfg.Certificates) && listener.Certificate == "" {
				v.report(codeTogether, v.key(at.key("certificates")), at.key("certificates"), "certificates needs certificate", "write certificate: "+further+", which clients get that ask for no name")
				break
			}
		}
		if listener.RedirectTo != "" {
			v.redirectTo(at.key("redirect_to"), name, listener.RedirectTo)
		}
		v.networks(at.key("trusted_proxies"), listener.TrustedProxies)
	}
	v.unusedListeners(names)
}

// networks checks a list of addresses and networks.
func (v *validator) networks(at path, networks []string) {
	for i, network := range networks {
		sub := at.index(i)
		_, errPrefix := netip.ParsePrefix(network)
		_, errAddr := netip.ParseAddr(network)
		if errPrefix != nil && errAddr != nil {
			v.report(codeValue, v.value(sub), sub, fmt.Sprintf("%s: %q is not a network", last(at), network), "write an address or CIDR, such as 10.0.0.5 or 10.0.0.0/8")
		}
	}
}

// redirectTo checks where a listener sends its clients: once, to one that answers.
func (v *validator) redirectTo(at path, name, target string) {
	switch {
	case target == name:
		v.report(codeRedirect, v.value(at), at, fmt.Sprintf("listener %q redirects to itself", name), "name the listener that answers, usually the one with a certificate")
	case !reference(v, at, "listener", target, v.cfg.Listeners):
	case v.cfg.Listeners[target].RedirectTo != "":
		v.report(codeRedirect, v.value(at), at, fmt.Sprintf("listener %q redirects too, to %q", target, v.cfg.Listeners[target].RedirectTo), "name the listener that answers in the end")
	}
}

// unusedListeners warns of listeners on which nothing answers although there are routes.
func (v *validator) unusedListeners(names []string) {
	if len(v.cfg.Routes) == 0 {
		return
	}
	used := map[string]bool{}
	for _, route := range v.cfg.Routes {
		for _, name := range route.Listeners {
			used[name] = true
		}
	}
	for _, name := range names {
		at := path("listeners").key(name)
		if v.cfg.Listeners[name].RedirectTo == "" && !used[name] && v.written(at) && !v.broken {
			v.report(codeNoEffect, v.key(at), at, fmt.Sprintf("no route answers on listener %q", name), "add it to the listeners of a route, or remove it")
		}
	}
}
