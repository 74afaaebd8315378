package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os/user"

	"github.com/Microsoft/go-winio"
	"go.uber.org/zap"
)

func listenLocal(_ context.Context, endpoint, name string, _ *zap.Logger) (net.Listener, error) {
	account, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("pipe %s: the present account: %w", endpoint, err)
	}
	// The first instance of a pipe can only be made by whoever is first; winio asks for that.
	listener, err := winio.ListenPipe(endpoint, &winio.PipeConfig{SecurityDescriptor: pipeDescriptor(name, account.Uid)})
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrExist) {
		return nil, errInUse(name, endpoint)
	}
	if err != nil {
		return nil, fmt.Errorf("pipe %s: %w", endpoint, err)
	}
	return listener, nil
}

func dialLocal(ctx context.Context, endpoint string) (net.Conn, error) {
	return winio.DialPipeContext(ctx, endpoint)
}
