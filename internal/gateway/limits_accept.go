package gateway

import (
	"errors"
	"io"
	"net"
	"slices"
	"syscall"
	"time"

	"go.uber.org/zap"
)

const (
	// acceptPause is how long accepting rests after it failed, doubled up to acceptPauseMax.
	acceptPause    = 5 * time.Millisecond
	acceptPauseMax = 100 * time.Millisecond
	// acceptFailures in a row, of a kind that does not pass by itself, end the service.
	acceptFailures = 100
	// refuseWithin bounds the writing of a refusal; a new connection has room for it.
	refuseWithin = 50 * time.Millisecond
)

// refusal is why a connection was not admitted; it is a label of the metrics.
type refusal string

const (
	refusedFull   refusal = "max_connections"
	refusedClient refusal = "max_connections_per_client"
)

const refusalAnswer = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"

// Accept implements net.Listener on the shared socket, for as long as the generation is the newest. What
// is too many is refused here, before anything is spent on it.
func (gen *generation) Accept() (net.Conn, error) {
	s := gen.socket
	pause, lasting := acceptPause, 0
	for {
		tcp, err := s.ln.AcceptTCP()
		switch {
		case err == nil:
			pause, lasting = acceptPause, 0
			if c := gen.admit(tcp); c != nil {
				return gen.guarded(c), nil
			}
			continue
		case gen.retired.Load():
			return nil, net.ErrClosed
		case errors.Is(err, net.ErrClosed):
			return nil, err
		}
		s.site.Load().counted.acceptErrors.Inc()
		if passing(err) {
			s.g.connections.makeRoom(s)
		} else if lasting++; lasting == acceptFailures {
			return nil, err
		}
		if pause == acceptPause {
			s.g.log.Warn("connections cannot be accepted for now; raise the limit of open files (LimitNOFILE= in the unit) or lower max_connections",
				zap.String("listener", s.site.Load().name), zap.Error(err))
		}
		time.Sleep(pause)
		pause = min(2*pause, acceptPauseMax)
	}
}

// admit admits a connection or refuses it.
func (gen *generation) admit(tcp *net.TCPConn) *conn {
	s := gen.socket
	c, why := s.g.connections.admit(gen, tcp)
	if why == refusedFull && s.g.connections.makeRoom(s) {
		c, why = s.g.connections.admit(gen, tcp)
	}
	if c != nil {
		return c
	}
	s.site.Load().counted.refused(why)
	if !gen.settings.tls {
		_ = tcp.SetWriteDeadline(time.Now().Add(refuseWithin)) // who cannot be told just sees the end
		_, _ = io.WriteString(tcp, refusalAnswer)
	}
	_ = tcp.Close()
	return nil
}

// passing reports whether accepting failed for want of something that comes back, or because of the one
// connection (accept(2)). On Windows package syscall has no such names that compare equal to what the
// system says (learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2).
func passing(err error) bool {
	const windowsDescriptors, windowsBuffers, windowsReset = 10024, 10055, 10054
	var code syscall.Errno
	return errors.As(err, &code) && slices.Contains([]syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPROTO, syscall.EPERM,
		windowsDescriptors, windowsBuffers, windowsReset,
	}, code)
}
