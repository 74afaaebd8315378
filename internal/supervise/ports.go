package supervise

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net"
	"strconv"
	"sync"

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

	mu sync.Mutex
	// fixed are ports that the configuration names.
	fixed map[int]bool
	// held maps automatic ports to the instance that has them.
	held map[int]string
}

func newPorts(seed string) *ports {
	return &ports{seed: seed, fixed: make(map[int]bool), held: make(map[int]string)}
}

// reserve keeps automatic ports away from the ones that apps name.
func (p *ports) reserve(apps map[string]config.App) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.fixed)
	for _, app := range apps {
		if app.Port > 0 {
			for n := range app.Instances {
				p.fixed[int(app.Port)+n] = true
			}
		}
	}
}

// fixedPort checks that nobody listens on the port that the configuration gives an instance.
func (p *ports) fixedPort(ctx context.Context, port int) error {
	// A low port may be the child's by a right that Holdfast has not: let the child try.
	if err := free(ctx, port); err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("port %d is held by another process: end that process or change the app's port (%w)", port, err)
	}
	return nil
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

// free tries the port by listening on it for a moment.
func free(ctx context.Context, port int) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}
