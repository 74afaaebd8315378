package gateway

import (
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

var (
	errHostMissing = errors.New("the request names no host")
	errHostInvalid = errors.New("the request's host is not a host name")
	errHostTwice   = errors.New("the request names two different hosts")
)

// requestHost is the host that a request is for: lower case, without port and final dot. It is
// empty for an HTTP/1.0 request that names none, which is valid there.
func requestHost(r *http.Request) (string, error) {
	// Over HTTP/1 the Host field is not in the header. Over HTTP/2 it may stand beside :authority
	// and then has to say the same (RFC 9113, 8.3.1).
	if vs := r.Header["Host"]; len(vs) > 0 {
		for _, v := range vs {
			if !strings.EqualFold(v, r.Host) {
				return "", errHostTwice
			}
		}
		delete(r.Header, "Host")
	}
	if r.Host == "" {
		if r.ProtoMajor == 1 && r.ProtoMinor == 0 {
			return "", nil
		}
		return "", errHostMissing
	}
	name, _, err := splitHost(r.Host)
	return name, err
}

// splitHost checks and splits a Host value. The port is 0 when there is none. IPv6 addresses come
// in brackets and leave in brackets, in their shortest form.
func splitHost(host string) (name string, port int, err error) {
	rest := ""
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 {
			return "", 0, errHostInvalid
		}
		addr, err := netip.ParseAddr(host[1:end])
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", 0, errHostInvalid
		}
		name, rest = "["+addr.String()+"]", host[end+1:]
	} else {
		end := strings.IndexByte(host, ':')
		if end < 0 {
			end = len(host)
		}
		name, rest = strings.TrimSuffix(host[:end], "."), host[end:]
		if !validHostName(name) {
			return "", 0, errHostInvalid
		}
		name = strings.ToLower(name)
	}
	if port, err = parsePort(rest); err != nil {
		return "", 0, err
	}
	return name, port, nil
}

// parsePort reads what follows a host name: nothing, ":" or ":8080".
func parsePort(rest string) (int, error) {
	if rest == "" || rest == ":" {
		return 0, nil
	}
	port, err := strconv.ParseUint(rest[1:], 10, 16)
	if rest[0] != ':' || err != nil || port == 0 {
		return 0, errHostInvalid
	}
	return int(port), nil
}

// validHostName allows what DNS names, IPv4 addresses and the names of Windows machines are made
// of. International names arrive in their ASCII form.
func validHostName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		case c == '.' && i > 0 && i < len(name)-1 && name[i-1] != '.':
		default:
			return false
		}
	}
	return true
}
