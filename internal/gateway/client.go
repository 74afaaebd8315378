package gateway

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// client is who sent a request, as far as can be told, and the way it came: what the outgoing
// forwarding headers are made of.
type client struct {
	// address is the client's: the peer's own, or with trusted proxies the rightmost address of
	// the chain that is not theirs.
	address string
	// chain is the value of X-Forwarded-For for the upstream, ending with the peer.
	chain string
	// proto is http or https, host the Host field as the client sent it.
	proto, host string
	trusted     bool
}

// identify finds out who sent r, and removes from its header every field in which a stranger could
// claim to be somebody else. It comes before anything that looks at the header.
//
// A trusted peer's X-Forwarded-For is believed; its Forwarded only when there is no
// X-Forwarded-For, because a proxy that writes one of the two usually passes a stranger's other
// one on.
func identify(r *http.Request, trust []netip.Prefix) client {
	peer := peerAddress(r.RemoteAddr)
	c := client{address: peer, chain: peer, proto: "http", host: r.Host}
	if r.TLS != nil {
		c.proto = "https"
	}
	c.trusted = len(trust) > 0 && trusts(trust, peer)
	if c.trusted {
		c.believe(r.Header, peer, trust)
	}
	removeNamed(r.Header)
	for name := range r.Header {
		if claimsIdentity(name, c.trusted) {
			delete(r.Header, name)
		}
	}
	return c
}

// believe takes over what a trusted peer says about the way of the request.
func (c *client) believe(h http.Header, peer string, trust []netip.Prefix) {
	hops := listValues(h["X-Forwarded-For"])
	proto, host := lastValue(h["X-Forwarded-Proto"]), lastValue(h["X-Forwarded-Host"])
	if len(hops) == 0 {
		hops, proto, host = readForwarded(h["Forwarded"], proto, host)
	}
	if proto == "http" || proto == "https" {
		c.proto = proto
	}
	if _, _, err := splitHost(host); err == nil {
		c.host = host
	}
	// From the right: each hop was told by the one after it, which is trusted so far.
	for _, hop := range slices.Backward(hops) {
		addr, ok := hopAddress(hop)
		if !ok {
			break // "unknown" or nonsense: nothing further left can be told
		}
		c.address = addr.String()
		if !trusts(trust, c.address) {
			break
		}
	}
	c.chain = strings.Join(append(hops, peer), ", ")
}

// network is whom the client shares bounds with.
func (c client) network() string {
	addr, err := netip.ParseAddr(c.address)
	if err != nil {
		return c.address
	}
	return clientNetwork(addr).String()
}

// peerAddress is the address of "192.0.2.1:4711" or "[2001:db8::1%eth0]:4711".
func peerAddress(remote string) string {
	i := strings.LastIndexByte(remote, ':')
	if i < 0 {
		return remote
	}
	host := strings.TrimSuffix(strings.TrimPrefix(remote[:i], "["), "]")
	host, _, _ = strings.Cut(host, "%")
	return host
}

func trusts(trust []netip.Prefix, address string) bool {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	for _, p := range trust {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// hopAddress reads one entry of a chain: an address, with or without brackets and port.
func hopAddress(hop string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(hop, "["), "]")); err == nil {
		return addr.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(hop); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

// maxHops bounds the chain that is looked at and passed on.
const maxHops = 64

// listValues splits the values of a comma-separated field, keeping the last maxHops.
func listValues(values []string) []string {
	var out []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out[max(0, len(out)-maxHops):]
}

// lastValue is the value that the nearest proxy added.
func lastValue(values []string) string {
	if list := listValues(values); len(list) > 0 {
		return list[len(list)-1]
	}
	return ""
}

// readForwarded reads the addresses of a Forwarded field (RFC 7239), and from its last element the
// proto and the host unless they are known already.
func readForwarded(values []string, proto, host string) (hops []string, p, h string) {
	for _, element := range listValues(values) {
		node, elementProto, elementHost := "unknown", "", ""
		for pair := range strings.SplitSeq(element, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
			value = strings.Trim(value, `"`)
			switch strings.ToLower(name) {
			case "for":
				node = value
			case "proto":
				elementProto = strings.ToLower(value)
			case "host":
				elementHost = value
			}
		}
		if addr, ok := hopAddress(node); ok {
			node = addr.String()
		} else {
			node = "unknown"
		}
		hops = append(hops, node)
		p, h = elementProto, elementHost
	}
	if proto != "" {
		p = proto
	}
	if host != "" {
		h = host
	}
	return hops, p, h
}
