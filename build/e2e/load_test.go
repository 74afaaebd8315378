//go:build e2e && linux

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// load is a constant stream of requests on kept-alive connections, one per worker. A connection
// that the server drops shows as one dial more.
type load struct {
	cancel  context.CancelFunc
	workers sync.WaitGroup

	requests, dials atomic.Int64

	mu       sync.Mutex
	failed   int
	examples []string // of failures, the first ten
	longest  time.Duration
}

// loadResult is what a load saw.
type loadResult struct {
	requests, dials, failed int
	examples                []string
	longest                 time.Duration
}

func (r loadResult) String() string {
	return fmt.Sprintf("%d requests on %d connections, %d failed, longest %v", r.requests, r.dials, r.failed, r.longest.Round(time.Millisecond))
}

// startLoad asks for the paths in turn, one connection and about 200 requests a second per worker,
// until it is stopped. Any answer but 200 within timeout is a failure.
func startLoad(t *testing.T, address string, workers int, timeout time.Duration, paths ...string) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{cancel: cancel}
	for n := range workers {
		l.workers.Go(func() { l.work(ctx, address, n, timeout, paths) })
	}
	t.Cleanup(func() { l.stop() })
	return l
}

func (l *load) work(ctx context.Context, address string, n int, timeout time.Duration, paths []string) {
	transport := &http.Transport{
		MaxConnsPerHost: 1,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			l.dials.Add(1)
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: timeout}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		begin := time.Now()
		err := ask(client, "http://"+address+paths[n%len(paths)])
		l.note(err, time.Since(begin))
		n++
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ask makes one GET and wants 200 and a whole body. It is never cut short by the end of the load.
func ask(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s: body: %w", url, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %.100s", url, resp.Status, body)
	}
	return nil
}

func (l *load) note(err error, took time.Duration) {
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

// soFar is what the load saw until now.
func (l *load) soFar() loadResult {
	l.mu.Lock()
	defer l.mu.Unlock()
	return loadResult{
		requests: int(l.requests.Load()), dials: int(l.dials.Load()),
		failed: l.failed, examples: append([]string(nil), l.examples...), longest: l.longest,
	}
}

// stop ends the load and returns what it saw.
func (l *load) stop() loadResult {
	l.cancel()
	l.workers.Wait()
	return l.soFar()
}
