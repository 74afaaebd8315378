package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os/user"
	"syscall"
	"time"

	"github.com/Microsoft/go-winio"
	"go.uber.org/zap"
)

// pipeBuffer lets a writer go on before its reader reads.
const pipeBuffer = 64 << 10

func listenLocal(ctx context.Context, endpoint, name string, _ *zap.Logger) (net.Listener, error) {
	account, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("pipe %s: the present account: %w", endpoint, err)
	}
	if taken(ctx, endpoint) {
		return nil, errInUse(name, endpoint)
	}
	// Of two starting at once only one makes the pipe's first instance (Wine lets both).
	listener, err := winio.ListenPipe(endpoint, &winio.PipeConfig{
		SecurityDescriptor: pipeDescriptor(name, account.Uid),
		InputBufferSize:    pipeBuffer,
		OutputBufferSize:   pipeBuffer,
	})
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrExist) {
		return nil, errInUse(name, endpoint)
	}
	if err != nil {
		return nil, fmt.Errorf("pipe %s: %w", endpoint, err)
	}
	if !underWine() {
		return listener, nil
	}
	return occupyFirst(ctx, listener, endpoint)
}

// taken reports whether anybody has a pipe of this name, ours or not.
func taken(ctx context.Context, endpoint string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := dialLocal(ctx, endpoint)
	if err == nil {
		_ = conn.Close()
	}
	return !errors.Is(err, fs.ErrNotExist)
}

func dialLocal(ctx context.Context, endpoint string) (net.Conn, error) {
	return winio.DialPipeContext(ctx, endpoint)
}

func underWine() bool {
	return syscall.NewLazyDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

// occupyFirst connects to the instance that winio makes only to own the name. Windows lets nobody
// connect to it; Wine does, and whoever came first would wait for ever: let that be us. When it is
// busy, somebody was faster, and will ask again.
func occupyFirst(ctx context.Context, listener net.Listener, endpoint string) (net.Listener, error) {
	attempt, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	conn, err := winio.DialPipeContext(attempt, endpoint)
	switch {
	case err == nil:
		return &wineListener{listener, conn}, nil
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return listener, nil
	default:
		return nil, errors.Join(fmt.Errorf("pipe %s: %w", endpoint, err), listener.Close())
	}
}

type wineListener struct {
	net.Listener
	first net.Conn
}

// Close implements net.Listener.
func (l *wineListener) Close() error { return errors.Join(l.Listener.Close(), l.first.Close()) }
