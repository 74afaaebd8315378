package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/internal/event"
)

// serveLocal serves s on a socket until the test ends, and returns a client and what ends it.
func serveLocal(t *testing.T, s *Server) (client *Client, stop func() error) {
	t.Helper()
	endpoint := endpointIn(t)
	l, err := Listen(t.Context(), endpoint, "Holdfast", nil)
	if err != nil {
		t.Fatal(err)
	}
	client = Dial(endpoint)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.ServeLocal(ctx, l) }()
	stopped := false
	stop = func() error {
		stopped = true
		cancel()
		return <-served
	}
	t.Cleanup(func() {
		client.Close()
		if !stopped {
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
	})
	return client, stop
}

func TestServeEndsStreams(t *testing.T) {
	s, f := newTestServer(t)
	client, stop := serveLocal(t, s)
	f.bus.Publish(event.GatewayPaused{})
	got, stopped := 0, make(chan error, 1)
	for entry, err := range client.FollowEvents(t.Context(), EventQuery{Newest: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Value.ID != 1 {
			t.Errorf("event %d, want 1", entry.Value.ID)
		}
		got++
		go func() { stopped <- stop() }()
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if got != 1 {
		t.Errorf("%d events before the end, want 1", got)
	}
	if _, err := client.Service(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after the end: %v, want ErrNotRunning", err)
	}
}

func TestServeTellsAListenerThatBreaks(t *testing.T) {
	s, _ := newTestServer(t)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := s.ServePublic(t.Context(), l); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("error %v, want one that names the address", err)
	}
}

// TestServePublicSurvivesRudeClients speaks to the loopback listener below HTTP's manners.
func TestServePublicSurvivesRudeClients(t *testing.T) {
	s, f := newTestServer(t)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.ServePublic(ctx, l) }()
	for _, test := range []struct{ name, send, want string }{
		{"no host", "GET /livez HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
		{"old protocol without host", "GET /livez HTTP/1.0\r\n\r\n", "HTTP/1.0 421"},
		{"two hosts", "GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.com\r\n\r\n", "HTTP/1.1 400"},
		{"absolute target of a stranger", "GET http://evil.example.com/livez HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 421"},
		{"absolute target", "GET http://localhost/livez HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n", "HTTP/1.1 200"},
		{"method override", "GET /api/v1/apps/shop/actions/stop HTTP/1.1\r\nHost: localhost\r\nX-HTTP-Method-Override: POST\r\nConnection: close\r\n\r\n", "HTTP/1.1 405"},
		{"two lengths", "POST /api/v1/config/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 400"},
		{"length and chunks", "POST /api/v1/config/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 403"},
		{"large header", "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Large: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", "HTTP/1.1 431"},
		{"smuggled control characters", "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-A: a\x00b\r\n\r\n", "HTTP/1.1 400"},
		{"connect", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 403"},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = io.WriteString(conn, test.send) // the server may close while we send
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || !strings.HasPrefix(line, test.want) {
				t.Errorf("answer %q, %v; want %q", line, err, test.want)
			}
		})
	}
	if len(f.actions) != 0 {
		t.Errorf("carried out: %v", f.actions)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestServeWaitsForRunningCalls(t *testing.T) {
	f := newFakes()
	slow := &slowApps{fakes: f, entered: make(chan struct{}), goOn: make(chan struct{})}
	opts := f.options()
	opts.Apps = slow
	client, stop := serveLocal(t, New(opts))
	called := make(chan error, 1)
	go func() {
		_, err := client.Stop(t.Context(), "shop")
		called <- err
	}()
	<-slow.entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	close(slow.goOn)
	if err := <-called; err != nil {
		t.Errorf("the running call: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// slowApps holds a stop until it may go on.
type slowApps struct {
	*fakes
	entered, goOn chan struct{}
}

func (a *slowApps) Stop(ctx context.Context, id string) error {
	close(a.entered)
	<-a.goOn
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.fakes.Stop(ctx, id)
}
