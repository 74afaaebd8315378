package gateway

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/config"
)

const (
	// roomShare of a listener's bound is how much room is made at a time, at least one connection.
	roomShare = 20
	// roomEvery is how often at most; looking for the longest idle ones takes a look at all.
	roomEvery = 100 * time.Millisecond
	// roomIdle is how many beats a connection must have been idle to make room.
	roomIdle = 2
)

// limits are bounds that may change while connections are open.
type limits struct {
	connections, perClient int   // 0: none
	rate                   int64 // bytes a second; 0: none
}

func limitsOf(l config.Listener) limits {
	return limits{connections: l.MaxConnections, perClient: l.MaxConnectionsPerClient, rate: int64(l.MinDataRate)}
}

// connections are all that are open, hijacked ones included.
type connections struct {
	beats atomic.Int64 // the time, as precise as it has to be

	mu  sync.Mutex // guards the rest, and the sockets' counts
	all []*conn
}

// census is how many connections a socket has; connections.mu guards it.
type census struct {
	open    int
	clients map[netip.Addr]int // those that are bound
	roomAt  time.Time          // when room was made
}

// admit counts a new connection in, or says why not.
func (t *connections) admit(gen *generation, tcp *net.TCPConn) (*conn, refusal) {
	s := gen.socket
	site := s.site.Load()
	c := &conn{TCPConn: tcp, gen: gen, counted: site.counted}
	c.since.Store(t.beats.Load())
	if site.limits.perClient > 0 {
		remote := addrOf(tcp.RemoteAddr())
		if s.g.bound(remote, addrOf(tcp.LocalAddr()), site.trust) {
			c.client = clientNetwork(remote)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.client.IsValid() && s.census.clients[c.client] >= site.limits.perClient {
		return nil, refusedClient
	}
	if site.limits.connections > 0 && s.census.open >= site.limits.connections {
		return nil, refusedFull
	}
	if c.client.IsValid() {
		if s.census.clients == nil {
			s.census.clients = map[netip.Addr]int{}
		}
		s.census.clients[c.client]++
	}
	s.census.open++
	c.index = len(t.all)
	t.all = append(t.all, c)
	c.counted.open.Inc()
	return c, ""
}

// leave is called once for every connection that was admitted.
func (t *connections) leave(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.all) - 1
	t.all[c.index] = t.all[last]
	t.all[c.index].index = c.index
	t.all[last] = nil
	t.all = t.all[:last]
	s := c.gen.socket
	s.census.open--
	if c.client.IsValid() {
		if s.census.clients[c.client]--; s.census.clients[c.client] == 0 {
			delete(s.census.clients, c.client)
		}
	}
	c.counted.open.Dec()
}

// makeRoom closes those connections of a socket that have been idle for longest, and reports whether
// there were any. A server may close an idle connection at any time (RFC 9112, 9.5); it is better to
// than to send new clients away.
func (t *connections) makeRoom(s *socket) bool {
	victims := t.longestIdle(s)
	for _, c := range victims {
		c.counted.ended(endedRoom)
		_ = c.Close() // nobody uses it
	}
	return len(victims) > 0
}

func (t *connections) longestIdle(s *socket) []*conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Sub(s.census.roomAt) < roomEvery {
		return nil
	}
	s.census.roomAt = now
	latest := t.beats.Load() - roomIdle
	var idle []*conn
	for _, c := range t.all {
		if c.gen.socket == s && c.since.Load() <= latest && c.resting() {
			idle = append(idle, c)
		}
	}
	slices.SortFunc(idle, func(a, b *conn) int { return int(a.since.Load() - b.since.Load()) })
	idle = idle[:min(len(idle), max(1, s.census.open/roomShare))]
	return slices.DeleteFunc(idle, func(c *conn) bool { return !c.retire() }) // a request came meanwhile
}

// fresh are the connections of a generation that have brought no request.
func (t *connections) fresh(gen *generation) []*conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []*conn
	for _, c := range t.all {
		if c.gen == gen && c.state.Load() == connFresh {
			all = append(all, c)
		}
	}
	return all
}

// boundClient reports whether the connections of a client are bound. Those of trusted proxies, which
// speak for many, and of this machine itself are not.
func boundClient(remote, local netip.Addr, trust []netip.Prefix) bool {
	if remote == local || remote.IsLoopback() {
		return false
	}
	for _, p := range trust {
		if p.Contains(remote) {
			return false
		}
	}
	return true
}

// clientNetwork is whom a connection is counted for: an address, or a /64 network of IPv6, of which one
// subscriber has at least one.
func clientNetwork(a netip.Addr) netip.Addr {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

func addrOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
