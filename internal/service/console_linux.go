package service

import (
	"context"
	"os"
	"syscall"
)

// host is systemd where it listens, the console everywhere else.
func host(ctx context.Context, o Options) ending {
	if m, ok := newSystemd(o.Log, os.LookupEnv); ok {
		forgetSystemd()
		defer m.close()
		e := hostConsole(ctx, o, m)
		m.ended(e)
		return e
	}
	return hostConsole(ctx, o, &console{name: o.Identity.Name, out: o.Console})
}

// listened leaves SIGQUIT to the Go runtime: it prints all stacks and exits.
func listened() []os.Signal { return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} }

func isHangup(sig os.Signal) bool { return sig == syscall.SIGHUP }

// hasTerminal tells whether this session has a terminal now.
func hasTerminal() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	_ = tty.Close()
	return true
}
