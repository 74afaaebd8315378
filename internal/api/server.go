package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/net/netutil"
)

const (
	// maxPublicConns keeps a stranger from holding all of the process's descriptors.
	maxPublicConns = 256
	// shutdownGrace is how long calls may take to end; streams end at once.
	shutdownGrace = 5 * time.Second
)

// ServeLocal answers every call on a listener made by Listen, until ctx ends; then open streams are
// told to end, running calls get 5 s, and listener is closed. It returns nil only then.
func (s *Server) ServeLocal(ctx context.Context, listener net.Listener) error {
	return s.serve(ctx, listener, s.LocalHandler())
}

// ServePublic does the same with what everybody on the machine may ask, on a loopback TCP listener.
func (s *Server) ServePublic(ctx context.Context, listener net.Listener) error {
	return s.serve(ctx, netutil.LimitListener(listener, maxPublicConns), s.PublicHandler())
}

type closingKey struct{}

// closingOf ends when the server that serves ctx's request shuts down. The request's own context
// does not end then: only streams must not wait for their reader.
func closingOf(ctx context.Context) context.Context {
	if c, ok := ctx.Value(closingKey{}).(context.Context); ok {
		return c
	}
	return context.Background()
}

func (s *Server) serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	errorLog, err := zap.NewStdLogAt(s.opts.Log, zap.WarnLevel)
	if err != nil {
		return fmt.Errorf("management API: %w", err)
	}
	closing, closeStreams := context.WithCancel(context.Background())
	defer closeStreams()
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          errorLog,
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), closingKey{}, closing)
		},
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("management API on %v: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	closeStreams()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close()
		s.opts.Log.Warn("management calls were cut off because they did not end in time", zap.Duration("grace", shutdownGrace))
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("management API on %v: %w", listener.Addr(), err)
	}
	return nil
}
