package wine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Network is a loopback of its own: prefixes in different networks may use the same ports. What
// speaks to a service of the prefix must do it from within. It needs root.
type Network struct {
	work chan func()
	done chan struct{}
}

// NewNetwork makes a network with nothing but a loopback. Close gives it back.
func NewNetwork() (*Network, error) {
	n := &Network{make(chan func()), make(chan struct{})}
	made := make(chan error)
	go n.live(made)
	if err := <-made; err != nil {
		<-n.done
		return nil, err
	}
	return n, nil
}

// live is the thread of this network. It is never given back to Go: it ends with the network.
func (n *Network) live(made chan<- error) {
	defer close(n.done)
	runtime.LockOSThread()
	if err := enterNewNetwork(); err != nil {
		made <- fmt.Errorf("wine: a network of its own: %w", err)
		return
	}
	made <- nil
	for f := range n.work {
		f()
	}
}

func enterNewNetwork() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w (only root may)", err)
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket) //nolint:errcheck // nothing was written
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	loopback.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback)
}

// Close ends the network for us; processes in it keep it alive until they end.
func (n *Network) Close() {
	close(n.work)
	<-n.done
}

// do runs f in the network; a nil Network is the machine's own.
func (n *Network) do(f func()) {
	if n == nil {
		f()
		return
	}
	done := make(chan struct{})
	n.work <- func() {
		defer close(done)
		f()
	}
	<-done
}

// start starts cmd in the network.
func (n *Network) start(cmd *exec.Cmd) (err error) {
	n.do(func() { err = cmd.Start() })
	return err
}

// Dial connects to a port of 127.0.0.1 in the network.
func (n *Network) Dial(ctx context.Context, port int) (conn net.Conn, err error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	n.do(func() { conn, err = new(net.Dialer).DialContext(ctx, "tcp4", address) })
	return conn, err
}

// Listen takes a port of 127.0.0.1 in the network; 0 is any free one.
func (n *Network) Listen(ctx context.Context, port int) (listener net.Listener, err error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	n.do(func() { listener, err = new(net.ListenConfig).Listen(ctx, "tcp4", address) })
	return listener, err
}

// run runs cmd to its end with its output in a file. With a pipe we would wait for every service
// that Wine started meanwhile and that inherited the pipe's end.
func (n *Network) run(cmd *exec.Cmd) (string, error) {
	f, err := os.CreateTemp("", "holdfast-wine-output-")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // a temporary file
	defer f.Close()           //nolint:errcheck // only read from here on
	cmd.Stdout, cmd.Stderr = f, f
	runErr := n.start(cmd)
	if runErr == nil {
		runErr = cmd.Wait()
	}
	text, err := os.ReadFile(f.Name())
	return string(text), errors.Join(runErr, err)
}
