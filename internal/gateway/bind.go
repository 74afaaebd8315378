package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"syscall"
)

// bind binds the sockets of next that are not bound yet; g.mu is held. On an error everything is
// as it was before.
//
// A present socket that next does not have, on the same port, may be in the way: ":8080" cannot be
// bound beside "127.0.0.1:8080". It is closed then, for a moment in which connections are refused.
func (g *Gateway) bind(ctx context.Context, next *setup) error {
	var bound, closed []*socket
	for _, s := range next.sites {
		if s.socket.ln != nil {
			continue // the present setup's
		}
		err := s.socket.bind(ctx)
		for err != nil {
			old := g.inTheWay(next, s.socket.address)
			if old == nil {
				break
			}
			g.yield(old)
			closed = append(closed, old)
			err = s.socket.bind(ctx)
		}
		if err == nil {
			bound = append(bound, s.socket)
			continue
		}
		for _, b := range bound {
			_ = b.ln.Close() // nothing was accepted yet
		}
		for _, old := range closed {
			if again := g.takeBack(ctx, old); again != nil {
				g.fail(old, again)
			}
		}
		return g.ports.bindError(s.name, s.socket.address, err)
	}
	return nil
}

// inTheWay is an open socket of the present setup that next does not have, on the same port.
func (g *Gateway) inTheWay(next *setup, address string) *socket {
	_, port, _ := net.SplitHostPort(address)
	for key, s := range g.current.sockets {
		if next.sockets[key] != s && !s.yielded && strconv.Itoa(s.port()) == port {
			return s
		}
	}
	return nil
}

// yield closes a socket; its connections go on.
func (g *Gateway) yield(s *socket) {
	s.yielded = true
	gen := s.newest()
	s.close()
	if gen != nil {
		<-gen.accepted
	}
}

// takeBack is the inverse of yield.
func (g *Gateway) takeBack(ctx context.Context, s *socket) error {
	if err := s.bind(ctx); err != nil {
		return err
	}
	s.yielded = false
	if g.running {
		g.serveSocket(s, s.site.Load().settings)
	}
	return nil
}

// Errors of bind by number: on Windows package syscall has no names that compare equal to what the
// system says (learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2).
const (
	windowsAccess       = 10013
	windowsInUse        = 10048
	windowsNotAvailable = 10049
)

// ports knows about the machine's ports; see Options.
type ports struct{ holder, excluded func(port int) string }

// bindError says why an address could not be bound, and what to do about it.
func (p ports) bindError(listener, address string, err error) error {
	cause, cure := p.bindCause(runtime.GOOS, address, err)
	if cause == "" {
		return fmt.Errorf("listener %q: address %s: %w; change listeners.%s.address", listener, address, err, listener)
	}
	if cure == "" {
		return fmt.Errorf("listener %q: address %s %s; the address is listeners.%s.address (%w)", listener, address, cause, listener, err)
	}
	return fmt.Errorf("listener %q: address %s %s; %s or change listeners.%s.address (%w)",
		listener, address, cause, cure, listener, err)
}

// of asks one of the functions about the port of an address.
func (ports) of(ask func(port int) string, port string) string {
	n, err := strconv.Atoi(port)
	if ask == nil || err != nil {
		return ""
	}
	return ask(n)
}

// bindCause puts an error of bind into words; it is empty for one that it does not know. The cure is
// empty when the cause tells it.
func (p ports) bindCause(goos, address string, err error) (cause, cure string) {
	var code syscall.Errno
	errors.As(err, &code)
	_, port, _ := net.SplitHostPort(address)
	if goos == "windows" {
		return p.windowsCause(code, port)
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		if holder := p.of(p.holder, port); holder != "" {
			return "is held by " + holder, "stop it"
		}
		return "is held by another process", "find it with: ss -ltnp 'sport = :" + port + "', stop it"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		if n, err := strconv.Atoi(port); err == nil && n < 1024 {
			return "needs a right that this process does not have",
				"grant it (AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or setcap cap_net_bind_service=+ep)"
		}
		return "is forbidden to this process", "look for a security module that forbids it (SELinux, AppArmor)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "is not an address of this machine", "bring the interface up"
	default:
		return "", ""
	}
}

func (p ports) windowsCause(code syscall.Errno, port string) (cause, cure string) {
	switch int(code) {
	case windowsInUse, windowsAccess:
		if holder := p.of(p.holder, port); holder != "" {
			return "is held by " + holder, "stop it"
		}
	}
	switch int(code) {
	case windowsInUse:
		return "is held by another process", "find it with: netstat -ano | findstr :" + port +
			" (PID 4 is http.sys: IIS or another Windows service), stop it"
	case windowsAccess:
		if reason := p.of(p.excluded, port); reason != "" {
			return "cannot be had: " + reason, ""
		}
		return "is held exclusively by another process or lies in a range that Windows reserves",
			"look with: netstat -ano | findstr :" + port +
				" (PID 4 is http.sys) and: netsh interface ipv4 show excludedportrange protocol=tcp (Hyper-V), free it"
	case windowsNotAvailable:
		return "is not an address of this machine", "bring the interface up"
	default:
		return "", ""
	}
}
