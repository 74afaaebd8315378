package supervise

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"

	"holdfast/internal/config"
)

// Automatic ports are below the range from which Linux (32768 and up) and Windows (49152 and up)
// take those of outgoing connections, so that nothing but another server can hold one.
const (
	firstPort = 20000
	portCount = 10000
)

// ports hands out loopback ports. An instance keeps its port from one process to the next as long
// as nobody else has taken it.
type ports struct {
	seed string
	// machine tells about ports; nil when nobody does.
	machine Ports

	mu sync.Mutex
	// fixed are ports that the configuration names.
	fixed map[int]bool
	// held maps automatic ports to the instance that has them.
	held map[int]string
}

func newPorts(seed string, machine Ports) *ports {
	return &ports{seed: seed, machine: machine, fixed: make(map[int]bool), held: make(map[int]string)}
}

// reserve keeps automatic ports away from the ones that apps name.
func (p *ports) reserve(apps map[string]config.App, kept map[string]keptApp) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.fixed)
	for name, app := range apps {
		if app.Port > 0 {
			most := app.Instances
			if scaled := kept[name].Scaled; scaled != nil {
				most = max(most, scaled.Instances)
			}
			for n := range most {
				p.fixed[int(app.Port)+n] = true
			}
		}
	}
}

// fixedPort checks that nobody listens on the port that the configuration gives an instance.
func (p *ports) fixedPort(ctx context.Context, port int) error {
	err := free(ctx, port)
	// A low port may be the child's by a right that Holdfast has not: let the child try.
	if err == nil || errors.Is(err, fs.ErrPermission) && p.excluded(port) == "" {
		return nil
	}
	if why := p.excluded(port); why != "" {
		return fmt.Errorf("port %d cannot be used: %s; change the app's port (%w)", port, why, err)
	}
	holder := "another process"
	if p.machine != nil {
		holder = cmp.Or(p.machine.Holder(port), holder)
	}
	return fmt.Errorf("port %d is held by %s: end that process or change the app's port (%w)", port, holder, err)
}

// excluded says why no program may take the port.
func (p *ports) excluded(port int) string {
	if p.machine == nil {
		return ""
	}
	return p.machine.Excluded(port)
}

// auto returns a free port for the instance: the one it had, or the next free one in an order that
// is the same for the same seed and instance.
func (p *ports) auto(ctx context.Context, had int, instance string) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if had != 0 && p.held[had] == instance && !p.fixed[had] && free(ctx, had) == nil {
		return had, nil
	}
	if p.held[had] == instance {
		delete(p.held, had)
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(p.seed + "/" + instance))
	start := int(hash.Sum32() % portCount)
	for n := range portCount {
		port := firstPort + (start+n)%portCount
		if p.fixed[port] || p.held[port] != "" || free(ctx, port) != nil {
			continue
		}
		p.held[port] = instance
		return port, nil
	}
	return 0, errors.New("no port from 20000 to 29999 is free: end what holds them, or give the app a port of its own")
}

// release gives an instance's automatic port back.
func (p *ports) release(port int, instance string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[port] == instance {
		delete(p.held, port)
	}
}

// free tries whether a program could listen on the port. It binds every address that such a program or
// a request of ours could mean, and listens on none, so that nobody sees the port open meanwhile: on
// Windows a holder of 0.0.0.0 or [::] leaves 127.0.0.1 free to bind, and takes its connections all the
// same.
func free(ctx context.Context, port int) error {
	for _, try := range tried() {
		if err := bind(ctx, try.network, net.JoinHostPort(try.host, strconv.Itoa(port))); err != nil {
			return err
		}
	}
	return nil
}

// address is one that a program may listen on.
type address struct{ network, host string }

func tried() []address {
	return []address{{"tcp4", "127.0.0.1"}, {"tcp4", "0.0.0.0"}, {"tcp6", "::"}}
}

// errBound ends a listen that has bound its socket.
var errBound = errors.New("bound")

// bind reports whether the address is taken. A system without IPv6 has no holder there.
func bind(ctx context.Context, network, address string) error {
	lc := net.ListenConfig{Control: func(network, address string, c syscall.RawConn) error {
		var err error
		if controlErr := c.Control(func(fd uintptr) { err = bindSocket(fd, network, address) }); controlErr != nil {
			return controlErr
		}
		return cmp.Or(err, errBound)
	}}
	l, err := lc.Listen(ctx, network, address)
	switch {
	case err == nil:
		return l.Close()
	case errors.Is(err, errBound), noSuchAddress(err):
		return nil
	}
	return err
}

// sockaddr is the address of a socket that is to be bound.
func sockaddr(address string) (syscall.Sockaddr, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	if ip := at.Addr(); ip.Is4() {
		return &syscall.SockaddrInet4{Port: int(at.Port()), Addr: ip.As4()}, nil
	}
	return &syscall.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}, nil
}
