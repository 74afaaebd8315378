package gateway

import (
	"fmt"
	"net/http"
	"net/netip"
)

// networks lets clients in by their address. Deny wins over allow; without allow everybody else may come.
type networks struct {
	allow, deny []netip.Prefix
	inner       responder
}

func newNetworks(b *build, inner responder) (responder, error) {
	if len(b.conf.Allow) == 0 && len(b.conf.Deny) == 0 {
		return inner, nil
	}
	n := &networks{inner: inner}
	for _, list := range []struct {
		texts []string
		into  *[]netip.Prefix
	}{{b.conf.Allow, &n.allow}, {b.conf.Deny, &n.deny}} {
		for _, text := range list.texts {
			p, err := parseNetwork(text)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", text)
			}
			*list.into = append(*list.into, p)
		}
	}
	return n, nil
}

// respond implements responder.
func (n *networks) respond(c *call) {
	addr, err := netip.ParseAddr(c.client.address)
	if err != nil || !n.admits(addr.Unmap()) {
		c.series.denied("address")
		c.refuse(http.StatusForbidden, "address_not_allowed", "Clients from this address are not allowed here.")
		return
	}
	n.inner.respond(c)
}

func (n *networks) admits(addr netip.Addr) bool {
	return !within(n.deny, addr) && (len(n.allow) == 0 || within(n.allow, addr))
}

func within(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
