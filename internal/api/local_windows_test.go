package api

import (
	"context"
	"crypto/rand"
	"net"
	"testing"
	"time"
)

// endpointIn is a pipe that nobody else has.
func endpointIn(t *testing.T) string {
	t.Helper()
	return `\\.\pipe\holdfast-test-` + rand.Text()
}

// Somebody who asks and asks, as an installer does that waits for the service, does not keep the
// pipe from being opened, and is answered in the end.
func TestListenWhileSomebodyAsks(t *testing.T) {
	for range 10 {
		endpoint := endpointIn(t)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			for ctx.Err() == nil {
				if greeted(ctx, endpoint) {
					return
				}
			}
		}()
		listener, err := Listen(ctx, endpoint, "Test", nil)
		if err != nil {
			t.Fatalf("listen: %v", err)
		}
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Write([]byte("!"))
				_ = conn.Close()
			}
		}()
		<-answered
		if err := ctx.Err(); err != nil {
			t.Errorf("no answer: %v", err)
		}
		cancel()
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
}

// greeted tells whether the endpoint has sent a byte within a moment.
func greeted(ctx context.Context, endpoint string) bool {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	conn, err := dialLocal(ctx, endpoint)
	if err != nil {
		return false
	}
	defer func(conn net.Conn) { _ = conn.Close() }(conn)
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return false
	}
	n, _ := conn.Read(make([]byte, 1))
	return n == 1
}
