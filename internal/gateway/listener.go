package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"holdfast/internal/config"
)

// Bounds on HTTP/2 connections.
const (
	maxFrame    = 16 << 10 // the least there is (RFC 9113, 6.5.2): every connection may grow a buffer for one
	pingAfter   = 30 * time.Second
	pingTimeout = 15 * time.Second
)

// settings are what a connection has for life.
type settings struct {
	tls, http2             bool
	readHeader, read, idle time.Duration
	maxHeader, maxStreams  int
	// askCertificate has clients asked for a certificate in the handshake; routes decide what it is worth.
	askCertificate bool
}

func settingsOf(l config.Listener) settings {
	return settings{
		tls:        l.Certificate != "",
		http2:      l.HTTP2,
		readHeader: l.ReadHeaderTimeout.D(),
		read:       l.ReadTimeout.D(),
		idle:       l.IdleTimeout.D(),
		maxHeader:  int(l.MaxHeaderSize),
		maxStreams: l.MaxStreams,
	}
}

// socket is a bound address. It outlives changes of its listener's settings: each is served by a
// generation of its own, and only the newest one accepts.
type socket struct {
	g       *Gateway
	address string           // as configured
	ln      *net.TCPListener // nil until bound; guarded by Gateway.mu
	bound   atomic.Int64     // the port
	site    atomic.Pointer[site]
	yielded bool   // closed in favour of another one; guarded by Gateway.mu
	census  census // guarded by connections.mu

	mu          sync.Mutex
	generations []*generation // with connections left; the newest is last
}

func newSocket(g *Gateway, address string) *socket { return &socket{g: g, address: address} }

func (s *socket) bind(ctx context.Context) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", s.address)
	if err != nil {
		return err
	}
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		_ = ln.Close() // cannot be: the network is tcp
		return errors.New("not a TCP listener")
	}
	s.ln = tcp
	if a, ok := tcp.Addr().(*net.TCPAddr); ok {
		s.bound.Store(int64(a.Port))
	}
	return nil
}

// port is the port it is bound to.
func (s *socket) port() int { return int(s.bound.Load()) }

// generation is one http.Server on a socket.
type generation struct {
	socket   *socket
	settings settings
	server   *http.Server
	tls      *tls.Config // nil without TLS
	retired  atomic.Bool
	accepted chan struct{} // closed when it accepts no more
	conns    atomic.Int64
}

// serveSocket has s served with the given settings; g.mu is held. It does nothing when that is
// how s is served already.
func (g *Gateway) serveSocket(s *socket, with settings) {
	if old := s.newest(); old != nil && !old.retired.Load() {
		if old.settings == with {
			return
		}
		// From here to the new server's first Accept, connections wait in the kernel.
		old.retire()
	}
	gen := newGeneration(s, with)
	s.mu.Lock()
	s.generations = append(s.generations, gen)
	s.mu.Unlock()
	s.forget()
	g.serving.Go(func() {
		defer close(gen.accepted)
		err := gen.server.Serve(gen)
		if !gen.retired.Load() {
			g.fail(s, err)
		}
	})
}

func (s *socket) newest() *generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.generations) == 0 {
		return nil
	}
	return s.generations[len(s.generations)-1]
}

// forget drops retired generations without connections.
func (s *socket) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generations = slices.DeleteFunc(s.generations, func(gen *generation) bool {
		return gen.retired.Load() && gen.conns.Load() == 0
	})
}

func newGeneration(s *socket, with settings) *generation {
	gen := &generation{socket: s, settings: with, accepted: make(chan struct{})}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(with.tls && with.http2) // to net/http our connections are without TLS
	// What net/http has to say is about single connections: handshakes of strangers and the like.
	errorLog, err := zap.NewStdLogAt(s.g.log, zapcore.DebugLevel)
	if err != nil {
		errorLog = nil // cannot be: the level exists
	}
	gen.server = &http.Server{
		Handler:                      gen,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            with.readHeader,
		ReadTimeout:                  with.read,
		IdleTimeout:                  -1, // we end idle connections
		MaxHeaderBytes:               with.maxHeader,
		ErrorLog:                     errorLog,
		ConnState:                    gen.connState,
		ConnContext:                  connContext,
		Protocols:                    &protocols,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: with.maxStreams,
			MaxReadFrameSize:     maxFrame,
			SendPingTimeout:      pingAfter,
			PingTimeout:          pingTimeout,
		},
	}
	if with.tls {
		gen.tls = &tls.Config{
			MinVersion:         tls.VersionTLS12,
			NextProtos:         []string{"http/1.1"},
			GetConfigForClient: s.g.certs.TLSChallenge,
			GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
				now := s.site.Load()
				c, err := s.g.certs.Choose(now.certificates, hello)
				if next := s.site.Load(); err != nil && next != now {
					return s.g.certs.Choose(next.certificates, hello) // a reload came in between
				}
				return c, err
			},
		}
		if with.askCertificate {
			gen.tls.ClientAuth = tls.RequestClientCert
		}
		if with.http2 {
			gen.tls.NextProtos = []string{"h2", "http/1.1"}
		}
	}
	return gen
}

// ServeHTTP implements http.Handler.
func (gen *generation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if gen.retired.Load() {
		w.Header()["Connection"] = []string{"close"} // for HTTP/2 net/http makes it a GOAWAY
	}
	c, s := connOf(r.Context()), gen.socket.site.Load()
	r.TLS = c.tls
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		// What becomes of the body is for net/http to see at its own request, whoever wraps ours: it closes
		// the connection after a broken one, and does not wait for one that it has not asked for.
		r = r.WithContext(r.Context())
	}
	c.asked.Store(false)
	switch {
	case c.state.Load() == connRetired:
		panic(http.ErrAbortHandler) // it came while the connection was closed
	case r.ProtoMajor >= 2:
		st := c.streams.begin(w, r)
		defer func() {
			if c.streams.end(st, r.Context().Err() != nil) {
				c.end(endedResets)
			}
		}()
		w = st
	case s.limits.rate > 0:
		w = c.upload(w, r)
	}
	var own *conn
	if gen.tls == nil && r.ContentLength == 0 {
		own = c // nobody else writes to it
	}
	gen.socket.g.serve(w, r, s, own)
}

// connState counts the connections and follows what they do.
func (gen *generation) connState(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		gen.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		if p, ok := c.(interface{ pass() }); ok {
			p.pass()
		}
		if gen.conns.Add(-1) == 0 && gen.retired.Load() {
			gen.socket.forget()
		}
	case http.StateActive, http.StateIdle:
	}
	ownConn(c).note(state)
}

// Close implements net.Listener: it ends Accept and leaves the socket open.
func (gen *generation) Close() error {
	gen.retired.Store(true)
	return gen.socket.ln.SetDeadline(time.Now())
}

// Addr implements net.Listener.
func (gen *generation) Addr() net.Addr { return gen.socket.ln.Addr() }

// retire ends the accepting of connections. Those that are open end with their next answer.
func (gen *generation) retire() {
	_ = gen.Close() // fails only when the socket is closed, which ends Accept, too
	<-gen.accepted
	_ = gen.socket.ln.SetDeadline(time.Time{})
}
