package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/config"
)

// beater is a sweeper's clock that the test winds.
type beater chan time.Time

func (b beater) use(o *Options) {
	o.beats = func() (<-chan time.Time, func()) { return b, func() {} }
}

// beat lets n beats pass; when it returns the one before the last is over.
func (b beater) beat(n int) {
	for range n {
		b <- time.Time{}
	}
}

// until beats until done is closed, whenever a connection is as the client keeps it: a test's beats are
// much shorter than real ones.
func (b beater) until(r *rig, done <-chan struct{}, kept func(*conn) bool) {
	r.t.Helper()
	for {
		beats := chan time.Time(b)
		if !r.any(kept) {
			beats = nil
		}
		select {
		case beats <- time.Time{}:
		case <-done:
			return
		default:
			runtime.Gosched()
		}
	}
}

// any reports whether a connection is so.
func (r *rig) any(is func(*conn) bool) bool {
	r.connections.mu.Lock()
	defer r.connections.mu.Unlock()
	return slices.ContainsFunc(r.connections.all, is)
}

func receiving(c *conn) bool {
	c.streams.mu.Lock()
	defer c.streams.mu.Unlock()
	for st := range c.streams.open {
		if st.in.waiting.Load() {
			return true
		}
	}
	return c.in.waiting.Load()
}

// lookedAt: a write that waits was told to come back, and has not yet.
func lookedAt(c *conn) bool { return c.looking.Load() && c.out.waiting.Load() }

func sending(c *conn) bool {
	c.streams.mu.Lock()
	defer c.streams.mu.Unlock()
	for st := range c.streams.open {
		if st.out.waiting.Load() {
			return true
		}
	}
	return c.out.waiting.Load()
}

// until waits for what has to happen soon.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	for !holds() {
		runtime.Gosched()
	}
}

func anybody(netip.Addr, netip.Addr, []netip.Prefix) bool { return true }

func limited(edit func(*config.Listener)) *config.Config {
	c := testConfig(map[string]config.Route{"shop": {App: "shop"}})
	l := c.Listeners["web"]
	edit(&l)
	c.Listeners["web"] = l
	return c
}

// dial opens a connection and sends a request on it, if there is one.
func (r *rig) dial(request string) (net.Conn, *bufio.Reader) {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.Addrs()["web"])
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, request); err != nil {
		r.t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// wantOK reads an answer that lets the connection live.
func wantOK(t *testing.T, in *bufio.Reader) {
	t.Helper()
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != http.StatusOK || res.Close {
		t.Fatalf("%v, close: %v, body: %v", res.Status, res.Close, err)
	}
}

const simple = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

func TestMaxConnections(t *testing.T) {
	for _, c := range []struct {
		name   string
		edit   func(*config.Listener)
		reason string
	}{
		{"of the listener", func(l *config.Listener) { l.MaxConnections = 2 }, "max_connections"},
		{"of the client", func(l *config.Listener) { l.MaxConnectionsPerClient = 2 }, "max_connections_per_client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := make(beater)
			r := start(t, limited(c.edit), b.use, func(o *Options) { o.bound = anybody })
			r.ready("shop-1", backend(t, echoHandler))
			_, first := r.dial(simple)
			wantOK(t, first)
			conn, second := r.dial(simple)
			wantOK(t, second)
			_, third := r.dial("")
			res, err := http.ReadResponse(third, nil)
			if err != nil || res.StatusCode != 503 || !res.Close || res.Header.Get("Retry-After") == "" {
				t.Fatalf("a third connection got %v %v, want a 503 that closes", res, err)
			}
			_ = res.Body.Close()
			if _, err := third.ReadByte(); err == nil {
				t.Error("the third connection goes on after its answer")
			}
			if open, refused := r.metric("holdfast_connections", "listener", "web"), r.metric("holdfast_connections_rejected_total", "reason", c.reason); open != 2 || refused != 1 {
				t.Errorf("%v connections open, %v refused for %s; want 2 and 1", open, refused, c.reason)
			}
			// The open ones are as good as before, and one that goes makes room.
			_, _ = io.WriteString(conn, simple)
			wantOK(t, second)
			_ = conn.Close()
			until(t, func() bool { return r.metric("holdfast_connections", "listener", "web") == 1 })
			_, fourth := r.dial(simple)
			wantOK(t, fourth)
		})
	}
}

func TestMaxConnectionsTLS(t *testing.T) {
	conf := limited(func(l *config.Listener) { l.MaxConnections, l.Certificate = 1, "c" })
	conf.Certificates = map[string]config.Certificate{"c": writePair(t, t.TempDir(), 1)}
	r := start(t, conf)
	conn, _ := r.dial("")
	until(t, func() bool { return r.metric("holdfast_connections", "listener", "web") == 1 })
	_, in := r.dial("")
	if text, _ := io.ReadAll(in); len(text) > 0 {
		t.Errorf("a connection too many to a TLS listener read %q, want nothing", text)
	}
	_ = conn
}

// TestRoom has a full listener close who has been idle for longest, and nobody who is served.
func TestRoom(t *testing.T) {
	b := make(beater)
	served, block := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(block) })
	defer release()
	r := start(t, limited(func(l *config.Listener) { l.MaxConnections = 3 }), b.use)
	idle := func(n int) { // net/http says so after the answer
		until(t, func() bool {
			at := 0
			r.any(func(c *conn) bool {
				if c.state.Load() == connIdle {
					at++
				}
				return false
			})
			return at == n
		})
	}
	r.ready("shop-1", backend(t, func(_ http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/slow" {
			close(served)
			<-block
		}
	}))
	_, busy := r.dial(strings.Replace(simple, "/", "/slow", 1))
	<-served
	_, oldest := r.dial(simple)
	wantOK(t, oldest)
	idle(1)
	b.beat(2)
	conn, younger := r.dial(simple)
	wantOK(t, younger)
	idle(2)
	b.beat(1)
	_, next := r.dial(simple)
	wantOK(t, next)
	if _, err := oldest.ReadByte(); err == nil {
		t.Error("the connection that was idle for longest is still open")
	}
	_, _ = io.WriteString(conn, simple)
	wantOK(t, younger)
	release()
	wantOK(t, busy)
	if n := r.metric("holdfast_connections_ended_total", "reason", "room"); n != 1 {
		t.Errorf("%v connections made room, want 1", n)
	}
	if n := r.metric("holdfast_connections_rejected_total"); n != 0 {
		t.Errorf("%v connections were refused, want 0", n)
	}
}

func TestBoundClient(t *testing.T) {
	trust := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8:1::/48")}
	for _, c := range []struct {
		remote, local string
		want          string // for whom it counts; empty: for nobody
	}{
		{"192.0.2.7", "192.0.2.1", "192.0.2.7"},
		{"192.0.2.1", "192.0.2.1", ""},
		{"127.0.0.1", "127.0.0.1", ""},
		{"127.0.0.2", "127.0.0.1", ""},
		{"::1", "::1", ""},
		{"10.1.2.3", "192.0.2.1", ""},
		{"10.2.2.3", "192.0.2.1", "10.2.2.3"},
		{"2001:db8::1:2:3:4", "2001:db8:9::1", "2001:db8::"},
		{"2001:db8:0:1::1", "2001:db8:9::1", "2001:db8:0:1::"},
		{"2001:db8:1:2::1", "2001:db8:9::1", ""},
		{"::ffff:192.0.2.7", "192.0.2.1", "192.0.2.7"},
		{"fe80::1%eth0", "fe80::2%eth0", "fe80::"},
	} {
		remote, local := addrOf(tcpAddr(c.remote)), addrOf(tcpAddr(c.local))
		got := ""
		if boundClient(remote, local, trust) {
			got = clientNetwork(remote).String()
		}
		if got != c.want {
			t.Errorf("%s to %s counts for %q, want %q", c.remote, c.local, got, c.want)
		}
	}
}

func tcpAddr(text string) *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(text), 1))
}

func TestPassingAcceptErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{syscall.EMFILE, true},
		{syscall.ENFILE, true},
		{syscall.ENOBUFS, true},
		{syscall.ECONNABORTED, true},
		{syscall.Errno(10024), true},
		{syscall.Errno(10055), true},
		{syscall.EBADF, false},
		{syscall.EINVAL, false},
		{io.EOF, false},
	} {
		err := &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", c.err)}
		if got := passing(err); got != c.want {
			t.Errorf("%v passes: %v, want %v", c.err, got, c.want)
		}
	}
}

// TestUnreadableRequests counts what net/http refuses by itself.
func TestUnreadableRequests(t *testing.T) {
	r := start(t, limited(func(l *config.Listener) { l.MaxHeaderSize = 4096 }))
	r.ready("shop-1", backend(t, echoHandler))
	for i, text := range []string{
		"nonsense\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nLong: " + strings.Repeat("x", 1<<16) + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
	} {
		res, _ := raw(t, r.Addrs()["web"], text)
		if res.StatusCode < 400 || !res.Close {
			t.Errorf("%.40q: %d, closes: %v", text, res.StatusCode, res.Close)
		}
		until(t, func() bool { return r.metric("holdfast_bad_requests_total", "listener", "web") == float64(i+1) })
	}
	conn, in := r.dial(simple)
	wantOK(t, in)
	_ = conn.Close()
	until(t, func() bool { return r.metric("holdfast_connections", "listener", "web") == 0 })
	if n := r.metric("holdfast_bad_requests_total"); n != 4 {
		t.Errorf("%v bad requests, want 4", n)
	}
}
