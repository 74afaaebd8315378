package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// The values that setup keeps in the installation's key. Address "" and "*" are every address.
const (
	installedAddress = "Address"
	installedPort    = "Port"
)

// defaultListener is the one that there is when nobody defines any.
const defaultListener = "web"

// readInstalled makes the layer just above the defaults: the address of the default listener, as it
// was chosen at setup. Files that define listeners know better, so that it counts only without any.
// A bad value is a warning, and the default counts in its place.
func (l *loader) readInstalled() *layer {
	src := l.newSource("")
	src.origin = "setup " + hklm + l.keys.installed
	if err := l.content.failed[l.keys.installed]; err != nil {
		l.report(codeInstalled, spot{src: src}, "", fmt.Sprintf("the registry key cannot be read: %v", err), "let Holdfast's account read it")
	}
	if len(l.content.installed) == 0 {
		return nil
	}
	host, port, _ := net.SplitHostPort(Default().Listeners[defaultListener].Address)
	given := false
	for _, v := range l.content.installed {
		text, err := v.text()
		var hint string
		if err == nil && strings.EqualFold(v.Name, installedPort) {
			hint = "repair the installation with HF_PORT=NUMBER, a number from 1 to 65535"
			if n, bad := strconv.ParseUint(text, 10, 16); bad != nil || n == 0 {
				err = fmt.Errorf("%q is not a port", text)
			}
		} else if err == nil {
			hint = "repair the installation with HF_ADDRESS=ADDRESS, or * for every address"
			if text, err = installedHost(text); err == nil {
				_, _, ok := silently(&validator{}).address("", net.JoinHostPort(text, port))
				if !ok {
					err = fmt.Errorf("%q is not the name or address of a network interface", text)
				}
			}
		}
		if err != nil {
			one := l.newSource("")
			one.origin = src.origin + `\` + v.Name
			l.report(codeInstalled, spot{src: one}, "", fmt.Sprintf("%s: %v; the default counts", v.Name, err), hint)
			continue
		}
		given = true
		if strings.EqualFold(v.Name, installedPort) {
			port = text
		} else {
			host = text
		}
	}
	if !given {
		return nil
	}
	layer := l.newLayer(src)
	at := path("listeners").key(defaultListener).key("address")
	layer.tree = map[string]any{"listeners": map[string]any{defaultListener: map[string]any{"address": net.JoinHostPort(host, port)}}}
	layer.spots.put(at, entry{value: spot{src: src}})
	return layer
}

// installedHost is an address as a listener has it.
func installedHost(text string) (string, error) {
	if text == "*" {
		return "", nil
	}
	host := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	if _, err := netip.ParseAddr(host); err != nil && strings.Contains(host, ":") {
		return "", fmt.Errorf("%q is not an address", text)
	}
	return host, nil
}
