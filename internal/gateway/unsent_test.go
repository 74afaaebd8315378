package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/internal/status"
)

// fickle is an upstream that answers one request on each connection, says that it keeps it alive, and
// closes it when told, or by itself as soon as it has answered.
type fickle struct {
	address  string
	bodies   chan string // of the requests that came whole
	closed   chan struct{}
	requests atomic.Int64
	mu       sync.Mutex
	open     []net.Conn
}

func newFickle(t *testing.T, closes bool) *fickle {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fickle{address: ln.Addr().String(), bodies: make(chan string, 1000), closed: make(chan struct{}, 1000)}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.open = append(f.open, conn)
			f.mu.Unlock()
			all.Go(func() { f.serve(conn, closes) })
		}
	})
	t.Cleanup(func() { _ = ln.Close(); f.hangUp(); all.Wait() })
	return f
}

func (f *fickle) serve(conn net.Conn, closes bool) {
	br := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		f.requests.Add(1)
		if body, err := io.ReadAll(req.Body); err == nil {
			f.bodies <- string(body)
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		if closes {
			_ = conn.Close()
			f.closed <- struct{}{}
			return
		}
	}
}

// hangUp closes the connections that there are, and accepts new ones all the same.
func (f *fickle) hangUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.open {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
	f.open = nil
}

// TestClosedKeptAliveConnection is about an upstream that closes every connection right after its
// answer without having said so, as one does that is killed. A request that comes at that moment was not
// sent, and must neither fail nor be executed twice, whatever its method.
func TestClosedKeptAliveConnection(t *testing.T) {
	for _, tc := range []struct{ method, body string }{{"POST", ""}, {"POST", "body"}, {"PATCH", strings.Repeat("x", 100_000)}, {"GET", ""}, {"GET", "body"}} {
		t.Run(fmt.Sprint(tc.method, " ", len(tc.body)), func(t *testing.T) {
			r := start(t, testConfig(appRoute()))
			f := newFickle(t, true)
			r.set.SetReady(status.Target{App: "shop", Instance: "shop-1", Address: f.address}, true)
			c := testClient(t, false)
			const requests = 200
			lost := 0
			for i := range requests {
				body := tc.body
				if body != "" {
					body = fmt.Sprint(i, " ", body)
				}
				req, err := http.NewRequestWithContext(t.Context(), tc.method, r.url("/"), strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				res, err := c.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK {
					lost++
					continue
				}
				<-f.closed // the gateway's system knows, the gateway may not
				if got := <-f.bodies; got != body {
					t.Fatalf("request %d: %d bytes came, want %d", i, len(got), len(body))
				}
			}
			if n := f.requests.Load(); n != int64(requests-lost) {
				t.Errorf("%d of %d requests came", n, requests)
			}
			most := 0
			if runtime.GOOS != "linux" {
				most = requests / 20 // nothing there says in time that a connection is closed
			}
			if lost > most {
				t.Errorf("%d of %d requests were lost", lost, requests)
			}
		})
	}
}
