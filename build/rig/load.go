//go:build linux

package rig

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Load is a constant stream of requests on kept-alive connections, one per worker. The connections
// are its own, without a client library between: one that the server closes or breaks is seen, and
// no request is silently tried again.
type Load struct {
	cancel  context.CancelFunc
	workers sync.WaitGroup

	requests, dropped atomic.Int64

	mu       sync.Mutex
	failed   int
	examples []string // of failures, the first ten
	longest  time.Duration
}

// LoadResult is what a load saw.
type LoadResult struct {
	Requests, Dropped, Failed int
	Examples                  []string
	longest                   time.Duration
}

func (r LoadResult) String() string {
	return fmt.Sprintf("%d requests, %d failed, %d connections dropped, longest %v", r.Requests, r.Failed, r.Dropped, r.longest.Round(time.Millisecond))
}

// StartLoad asks for the paths in turn, one connection and about 200 requests a second per worker,
// until it is stopped. Any answer but 200 within timeout is a failure.
func StartLoad(t *testing.T, address string, workers int, timeout time.Duration, paths ...string) *Load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &Load{cancel: cancel}
	for n := range workers {
		l.workers.Go(func() { l.work(ctx, address, n, timeout, paths) })
	}
	t.Cleanup(func() { l.Stop() })
	return l
}

func (l *Load) work(ctx context.Context, address string, n int, timeout time.Duration, paths []string) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	c := &connection{address: address, timeout: timeout}
	defer c.close()
	for {
		begin := time.Now()
		err := c.ask(paths[n%len(paths)])
		l.note(err, time.Since(begin))
		if c.dropped {
			c.dropped = false
			l.dropped.Add(1)
		}
		n++
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// connection is one kept-alive connection; it is opened when there is none.
type connection struct {
	address string
	timeout time.Duration
	conn    net.Conn
	in      *bufio.Reader
	dropped bool // the server ended it
}

func (c *connection) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// ask makes one GET and wants 200, a whole body and a connection that stays.
func (c *connection) ask(path string) error {
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", c.address, c.timeout)
		if err != nil {
			return err
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	status, err := c.exchange(path)
	if err != nil {
		c.dropped = true
		c.close()
		return fmt.Errorf("%s: %w", path, err)
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s: status %d", path, status)
	}
	return nil
}

func (c *connection) exchange(path string) (int, error) {
	if err := c.conn.SetDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, c.address); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return 0, fmt.Errorf("body: %w", err)
	}
	if resp.Close {
		return 0, errors.New("the server closes the connection")
	}
	return resp.StatusCode, nil
}

func (l *Load) note(err error, took time.Duration) {
	l.requests.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.longest = max(l.longest, took)
	if err != nil {
		l.failed++
		if len(l.examples) < 10 {
			l.examples = append(l.examples, err.Error())
		}
	}
}

// SoFar is what the load saw until now.
func (l *Load) SoFar() LoadResult {
	l.mu.Lock()
	defer l.mu.Unlock()
	return LoadResult{
		Requests: int(l.requests.Load()), Dropped: int(l.dropped.Load()),
		Failed: l.failed, Examples: append([]string(nil), l.examples...), longest: l.longest,
	}
}

// Stop ends the load and returns what it saw.
func (l *Load) Stop() LoadResult {
	l.cancel()
	l.workers.Wait()
	return l.SoFar()
}
