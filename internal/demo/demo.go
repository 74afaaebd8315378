// Package demo is the built-in demo program: a small HTTP server that misbehaves on request, so
// that a person can watch what Holdfast does about a crash, a hang, a leak or a flood of output
// without harming a program of their own. It also carries the static site that the demo serves.
//
// It listens on loopback only and everything it does is bounded: memory, output, grandchildren,
// waiting requests and the time for which it may refuse to stop. New starts no goroutine; Run
// waits for all of them but those that wait for a grandchild, whose purpose is to outlive it.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// The bounds of everything that a request can ask for.
const (
	maxSlow      = time.Minute
	maxHang      = 10 * time.Minute
	maxStubborn  = 10 * time.Minute
	maxLeakMB    = 512
	maxSpewMB    = 4096
	maxChildren  = 8
	maxWaiting   = 256
	maxWSMessage = 64 << 10
	maxStream    = time.Hour
)

// drainTime is how long requests in flight may still take after a stop was asked for.
const drainTime = 5 * time.Second

// CrashCode is the exit code of a crash that was asked for.
const CrashCode = 3

// CrashError is what Run returns when a request asked for a crash: the program is to end at once
// with Code. The reason is already on stderr.
type CrashError struct {
	// Code is the exit code to end with.
	Code int
}

func (e *CrashError) Error() string { return fmt.Sprintf("crash on request, exit code %d", e.Code) }

// Options are what the demo program is told from outside.
type Options struct {
	// Address is the loopback host:port to listen on (required; port 0 picks one).
	Address string
	// Instance is the name shown on every page (default "demo").
	Instance string
	// Stdout and Stderr take its output (default: none).
	Stdout, Stderr io.Writer
	// Child is the command line of a grandchild, which should call Linger (default none: /fork
	// answers 501).
	Child []string
}

// Program is one run of the demo program.
type Program struct {
	opts    Options
	started time.Time
	pid     int

	stop    chan struct{} // closed when Run ends: nothing waits longer than that
	crash   chan struct{} // holds one request to crash
	waiting chan struct{} // a slot for each request that may wait long

	hungUntil     atomic.Int64 // Unix nanoseconds; 0 = answering
	stubbornUntil atomic.Int64 // Unix nanoseconds; 0 = stops when asked
	served        atomic.Int64
	spewing       sync.Mutex

	mu       sync.Mutex
	leaked   [][]byte
	children int

	sockets sync.WaitGroup // one goroutine per WebSocket; Run waits for them
}

// New makes a program that is not running yet.
func New(opts Options) *Program {
	if opts.Instance == "" {
		opts.Instance = "demo"
	}
	if opts.Stdout == nil {
		opts.Stdout = io.Discard
	}
	if opts.Stderr == nil {
		opts.Stderr = io.Discard
	}
	return &Program{
		opts:    opts,
		started: time.Now(),
		pid:     os.Getpid(),
		stop:    make(chan struct{}),
		crash:   make(chan struct{}, 1),
		waiting: make(chan struct{}, maxWaiting),
	}
}

// Run serves until ctx ends, then lets requests in flight finish for up to 5 s. It returns nil
// after a stop and *CrashError after a crash that was asked for; a Program runs once.
func (p *Program) Run(ctx context.Context) error {
	listener, err := listen(ctx, p.opts.Address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           p.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	var serveErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		serveErr = server.Serve(listener)
	}()
	p.say("listening on %s (pid %d)", listener.Addr(), p.pid)

	err = p.untilStop(ctx, done)
	close(p.stop)
	if err != nil {
		_ = server.Close() // a crash has no manners
	} else {
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		if server.Shutdown(drain) != nil {
			_ = server.Close()
		}
		cancel()
	}
	<-done
	p.sockets.Wait()
	if err == nil && !errors.Is(serveErr, http.ErrServerClosed) {
		return fmt.Errorf("demo: serve: %w", serveErr)
	}
	if err == nil {
		p.say("stopped after %d requests", p.served.Load())
	}
	return err
}

// untilStop waits for the end: nil when it was asked for and is not refused, or when serving ended.
func (p *Program) untilStop(ctx context.Context, served <-chan struct{}) error {
	asked := ctx.Done()
	var patience <-chan time.Time
	for {
		select {
		case <-p.crash:
			return &CrashError{Code: CrashCode}
		case <-served:
			return nil
		case <-asked:
			until := p.stubbornUntil.Load()
			if until == 0 {
				return nil
			}
			p.say("asked to stop and ignoring it")
			asked, patience = nil, time.After(time.Until(time.Unix(0, until)))
		case <-patience:
			return nil
		}
	}
}

// listen binds a loopback address and refuses any other: the demo program does whatever a stranger
// asks of it.
func listen(ctx context.Context, address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("demo: address %q: write host:port, such as 127.0.0.1:8080", address)
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("demo: address %q is not a loopback address: the demo program listens on 127.0.0.1 only", address)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return listener, nil
}

// say writes one line of the program's own log to stdout.
func (p *Program) say(format string, args ...any) {
	_, _ = fmt.Fprintf(p.opts.Stdout, "%s %s\n", p.opts.Instance, fmt.Sprintf(format, args...))
}
