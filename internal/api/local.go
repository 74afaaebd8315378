package api

import (
	"context"
	"errors"
	"fmt"
	"net"

	"go.uber.org/zap"
)

// ErrInUse says that another process serves the local endpoint.
var ErrInUse = errors.New("the local endpoint is in use")

// Listen opens the local endpoint of the installation called name: a Unix socket or, on Windows, a
// named pipe (\\.\pipe\...). The operating system decides who may connect:
//
//   - Unix: the socket's folder is made with mode 0700 when it is missing, and must be ours and
//     closed to other writers; the socket has mode 0600; on Linux each caller's uid must be ours or
//     root's. A socket that a killed process left behind is replaced.
//   - Windows: SYSTEM, Administrators, the service's own SID and, unless it is an account that many
//     services share, the present account; never from the network.
//
// Errors: ErrInUse when another Holdfast of this name runs.
func Listen(ctx context.Context, endpoint, name string, log *zap.Logger) (net.Listener, error) {
	if log == nil {
		log = zap.NewNop()
	}
	return listenLocal(ctx, endpoint, name, log)
}

func errInUse(name, endpoint string) error {
	return fmt.Errorf("another Holdfast named %q is running (it answers on %s): stop it, or choose another --name: %w", name, endpoint, ErrInUse)
}
