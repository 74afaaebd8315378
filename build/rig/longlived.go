//go:build linux

package rig

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// LongLived are connections that must outlive every reload.
type LongLived struct {
	Echoes, Events atomic.Int64
	failure        atomic.Pointer[error]
	closers        []func()
}

// Close ends both connections.
func (l *LongLived) Close() {
	for _, c := range l.closers {
		c()
	}
	l.closers = nil
}

func (l *LongLived) fail(err error) { l.failure.CompareAndSwap(nil, &err) }

// Check wants both connections alive: they answer after the last reload, too.
func (l *LongLived) Check(t *testing.T) {
	t.Helper()
	echoes, events := l.Echoes.Load(), l.Events.Load()
	WaitFor(t, "one more echo and one more event after the last reload", func() bool {
		return l.failure.Load() != nil || l.Echoes.Load() > echoes && l.Events.Load() > events
	})
	if err := l.failure.Load(); err != nil {
		t.Errorf("a long-lived connection: %v", *err)
	}
}

// OpenWebSocket echoes a message every 20 ms until close.
func (l *LongLived) OpenWebSocket(t *testing.T, h *Home) {
	t.Helper()
	conn, resp, err := websocket.Dial(t.Context(), "ws://"+h.Gateway+"/ws", nil)
	if err != nil {
		t.Fatalf("open a WebSocket through the gateway: %v", err)
	}
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := conn.Write(ctx, websocket.MessageText, []byte("still there?"))
			if err == nil {
				_, _, err = conn.Read(ctx)
			}
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				l.fail(fmt.Errorf("WebSocket after %d echoes: %w", l.Echoes.Load(), err))
				return
			}
			l.Echoes.Add(1)
		}
	}()
	l.closers = append(l.closers, func() {
		cancel()
		<-done
		_ = conn.CloseNow()
	})
}

// OpenStream reads server-sent events until close.
func (l *LongLived) OpenStream(t *testing.T, h *Home) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+h.Gateway+"/sse", nil)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	resp, err := client.Do(req) //nolint:bodyclose // closed by the goroutine below
	if err != nil {
		cancel()
		t.Fatalf("open a stream through the gateway: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = resp.Body.Close() }()
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "data:") {
				l.Events.Add(1)
			}
		}
		if ctx.Err() == nil {
			l.fail(fmt.Errorf("event stream after %d events: ended: %w", l.Events.Load(), lines.Err()))
		}
	}()
	l.closers = append(l.closers, func() {
		cancel()
		<-done
	})
}
