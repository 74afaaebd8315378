package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
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
		if listener.RedirectTo != "" {
			v.redirectTo(at.key("redirect_to"), name, listener.RedirectTo)
		}
		for i, network := range listener.TrustedProxies {
			sub := at.key("trusted_proxies").index(i)
			_, errPrefix := netip.ParsePrefix(network)
			_, errAddr := netip.ParseAddr(network)
			if errPrefix != nil && errAddr != nil {
				v.report(codeValue, v.value(sub), sub, fmt.Sprintf("trusted_proxies: %q is not a network", network), "write an address or CIDR, such as 10.0.0.5 or 10.0.0.0/8")
			}
		}
	}
	v.unusedListeners(names)
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

func (v *validator) certificates() {
	for _, name := range slices.Sorted(maps.Keys(v.cfg.Certificates)) {
		at, cert := path("certificates").key(name), v.cfg.Certificates[name]
		if cert.CertFile == "" || cert.KeyFile == "" {
			continue // told as missing keys
		}
		if !v.machine.here {
			continue
		}
		if !v.readable(at.key("cert_file"), cert.CertFile) || !v.readable(at.key("key_file"), cert.KeyFile) {
			continue
		}
		loaded, err := tls.LoadX509KeyPair(cert.CertFile, cert.KeyFile)
		switch {
		case err != nil:
			v.report(codeCertificate, v.key(at), at, fmt.Sprintf("certificate %q: %v", name, err), "both files are PEM; the key belongs to the first certificate in cert_file and has no password")
		case loaded.Leaf != nil && time.Now().After(loaded.Leaf.NotAfter):
			v.report(codeExpired, v.value(at.key("cert_file")), at.key("cert_file"), fmt.Sprintf("certificate %q expired on %s", name, loaded.Leaf.NotAfter.Format(time.DateOnly)), "renew it")
		}
	}
}

// readable reports a file that certificates cannot be read from.
func (v *validator) readable(at path, name string) bool {
	_, err := ReadBounded(name, maxIncluded)
	if err == nil {
		return true
	}
	cause, hint := err, "it must be a file that Holdfast's account may read"
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		cause = failed.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		hint = "check the path; relative paths start at the folder of this file"
	}
	v.report(codeCertificate, v.value(at), at, fmt.Sprintf("%s: %s cannot be read: %v", last(at), name, cause), hint)
	return false
}
