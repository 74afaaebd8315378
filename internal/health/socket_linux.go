package health

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// dialTo connects to an address; to one in numbers without net's Dialer, which takes a goroutine, a
// context and a timer for every connection.
func (p *Prober) dialTo(address string) dial {
	to, err := netip.ParseAddrPort(address)
	if err != nil || to.Addr().Zone() != "" {
		return p.dialWith(address)
	}
	family, peer := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()})
	if to.Addr().Unmap().Is4() {
		family, peer = syscall.AF_INET, &syscall.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().Unmap().As4()}
	}
	return func(_ context.Context, deadline time.Time, c *cut) (io.ReadWriteCloser, error) {
		return connect(family, peer, deadline, c)
	}
}

// socket is a connection that is handed to the runtime's poller only when it has to wait: what is on
// this machine has answered a connect when the system call returns.
type socket struct {
	fd       int
	file     *os.File // owns fd once there is one
	deadline time.Time
	cut      *cut
}

func connect(family int, peer syscall.Sockaddr, deadline time.Time, c *cut) (*socket, error) {
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &socket{fd: fd, deadline: deadline, cut: c}
	// The second call asks what came of the first one (connect(2), EINPROGRESS and EALREADY).
	if err = syscall.Connect(fd, peer); waiting(err) {
		err = syscall.Connect(fd, peer)
	}
	if waiting(err) {
		err = s.await(func() bool { err = syscall.Connect(fd, peer); return !waiting(err) }, &err)
	}
	if err == nil && s.isFrom(peer) {
		err = syscall.ECONNREFUSED
	}
	if err != nil {
		c.release()
		_ = s.Close()
		if errno, ok := errors.AsType[syscall.Errno](err); ok {
			err = os.NewSyscallError("connect", errno)
		}
		return nil, err
	}
	return s, nil
}

func waiting(err error) bool {
	return err == syscall.EINPROGRESS || err == syscall.EALREADY || err == syscall.EINTR //nolint:errorlint // a bare system call
}

// isFrom reports whether the connection is one to itself: the system chose the very port on which
// nobody listens as its own (a simultaneous open, RFC 9293 3.5).
func (s *socket) isFrom(peer syscall.Sockaddr) bool {
	own, err := syscall.Getsockname(s.fd)
	if err != nil {
		return false
	}
	switch own := own.(type) {
	case *syscall.SockaddrInet4:
		to, ok := peer.(*syscall.SockaddrInet4)
		return ok && own.Port == to.Port && own.Addr == to.Addr
	case *syscall.SockaddrInet6:
		to, ok := peer.(*syscall.SockaddrInet6)
		return ok && own.Port == to.Port && own.Addr == to.Addr
	}
	return false
}

// await calls done whenever the socket may be written to, until it says so.
func (s *socket) await(done func() bool, result *error) error {
	if err := s.poll(); err != nil {
		return err
	}
	raw, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	if err := raw.Write(func(uintptr) bool { return done() }); err != nil {
		return err
	}
	return *result
}

// poll hands the socket to the runtime's poller, with the deadline.
func (s *socket) poll() error {
	if s.file != nil {
		return nil
	}
	s.file = os.NewFile(uintptr(s.fd), "")
	return s.cut.hold(s.file, s.deadline)
}

func (s *socket) Write(b []byte) (int, error) {
	if s.file == nil {
		n, err := syscall.Write(s.fd, b)
		if n == len(b) {
			return n, nil
		}
		if err != nil && err != syscall.EAGAIN && err != syscall.EINTR {
			return 0, os.NewSyscallError("write", err)
		}
		b = b[max(n, 0):]
	}
	if err := s.poll(); err != nil {
		return 0, err
	}
	return s.file.Write(b)
}

func (s *socket) Read(b []byte) (int, error) {
	if err := s.poll(); err != nil {
		return 0, err
	}
	return s.file.Read(b)
}

func (s *socket) Close() error {
	if s.file != nil {
		return s.file.Close()
	}
	return syscall.Close(s.fd)
}
