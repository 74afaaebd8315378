//go:build unix

package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// maxSocketPath is what every unix can bind, without the final zero (unix(7): 108).
const maxSocketPath = 103

func listenLocal(ctx context.Context, endpoint, name string, log *zap.Logger) (net.Listener, error) {
	if len(endpoint) > maxSocketPath {
		return nil, fmt.Errorf("socket %s: its path has %d bytes and the system takes %d: choose a shorter data folder", endpoint, len(endpoint), maxSocketPath)
	}
	if err := ownFolder(filepath.Dir(endpoint)); err != nil {
		return nil, fmt.Errorf("socket %s: %w", endpoint, err)
	}
	lock, err := lockEndpoint(endpoint)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errInUse(name, endpoint)
	} else if err != nil {
		return nil, fmt.Errorf("socket %s: %w", endpoint, err)
	}
	listener, err := bindSocket(ctx, endpoint, name)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return &localListener{Listener: listener, lock: lock, log: log, admit: admit}, nil
}

func dialLocal(ctx context.Context, endpoint string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", endpoint)
}

// ownFolder makes dir for us alone, or checks that nobody else could put another socket there.
func ownFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make its folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("folder %s: its owner cannot be read", dir)
	}
	if uid := os.Geteuid(); int(stat.Uid) != uid {
		return fmt.Errorf("folder %s belongs to user %d, not to user %d as whom Holdfast runs: change its owner", dir, stat.Uid, uid)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("folder %s can be written by others (mode %04o): chmod go-w %s", dir, info.Mode().Perm(), dir)
	}
	return nil
}

// lockEndpoint holds a lock that ends with the process, however that ends: whoever has it may take a
// socket left behind for stale, and of two starting at once only one does.
func lockEndpoint(endpoint string) (*os.File, error) {
	lock, err := os.OpenFile(endpoint+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600) //nolint:gosec // the installation's own endpoint
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	return lock, nil
}

func bindSocket(ctx context.Context, endpoint, name string) (net.Listener, error) {
	if err := removeStale(ctx, endpoint, name); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		// Linux gives the new file the socket's own mode, so that it is never open to others.
		var chmodErr error
		err := raw.Control(func(fd uintptr) { chmodErr = syscall.Fchmod(int(fd), 0o600) })
		return errors.Join(err, chmodErr)
	}}
	listener, err := config.Listen(ctx, "unix", endpoint)
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", endpoint, err)
	}
	if err := os.Chmod(endpoint, 0o600); err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("socket %s: %w", endpoint, err)
	}
	return listener, nil
}

// removeStale removes a socket on which nobody answers, and nothing else.
func removeStale(ctx context.Context, endpoint, name string) error {
	info, err := os.Lstat(endpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("socket %s: %w", endpoint, err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("socket %s: something else has this name: move it away", endpoint)
	}
	dialer := net.Dialer{Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "unix", endpoint)
	if err == nil {
		_ = conn.Close()
		return errInUse(name, endpoint)
	}
	if err := os.Remove(endpoint); err != nil {
		return fmt.Errorf("socket %s: remove what a killed process left: %w", endpoint, err)
	}
	return nil
}

// localListener admits ourselves and root, and holds the lock as long as the socket.
type localListener struct {
	net.Listener
	lock  *os.File
	log   *zap.Logger
	admit func(net.Conn) error
}

// Accept closes the connections of everybody else; the modes of folder and socket should not have
// let them come so far.
func (l *localListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if err := l.admit(conn); err != nil {
			l.log.Warn("a local caller was turned away", zap.Error(err))
			_ = conn.Close()
			continue
		}
		return conn, nil
	}
}

// Close removes the socket, then lets the lock go.
func (l *localListener) Close() error {
	return errors.Join(l.Listener.Close(), ignoreClosed(l.lock.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
