package service

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// console is the manager of a service that a person runs by hand: it says each thing once.
type console struct {
	name string
	out  io.Writer
	said string
	// served is set once the program ran: a start that fails is told as that, not as a stop.
	served bool
}

func (c *console) every() time.Duration { return 15 * time.Second }

func (c *console) report(r report) {
	c.served = c.served || r.state == running
	if r.state == stopping && !c.served && !r.again {
		return
	}
	text := c.text(r)
	if r.again && r.state.pending() {
		text = fmt.Sprintf("%s (for %s)", text, time.Since(r.since).Round(time.Second))
	}
	if text == c.said {
		return
	}
	c.said = text
	_, _ = fmt.Fprintln(c.out, text)
}

func (c *console) text(r report) string {
	switch r.state {
	case starting:
		if r.stage == "" {
			return c.name + " is starting"
		}
		return c.name + " is starting: " + r.stage
	case running:
		if r.reloading {
			return c.name + " is reloading its configuration"
		}
		return c.name + " is running; Ctrl-C stops it"
	case pausing:
		return c.name + " is pausing"
	case paused:
		return c.name + " is paused"
	case resuming:
		return c.name + " is continuing"
	case stopping:
		return c.name + " is stopping; Ctrl-C again ends it at once"
	}
	return ""
}

// hostConsole runs o.Program with m as its manager and signals as its controls.
func hostConsole(ctx context.Context, o Options, m manager) ending {
	// Room for a burst: os/signal drops what finds no room.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, listened()...)
	defer signal.Stop(signals)
	e := serve(ctx, o, m, signals, signalDecoder(hasTerminal()))
	e.explain(o.Console, o.Identity.Name)
	return e
}

// signalDecoder gives signals their meaning. The first wish to end is a graceful one, the second is
// final. A hang-up means reload, but the end when the terminal that we were started from is gone.
func signalDecoder(terminal bool) func(os.Signal) control {
	asked := false
	return func(sig os.Signal) control {
		if isHangup(sig) && (!terminal || hasTerminal()) {
			return reload
		}
		if asked {
			return force
		}
		asked = true
		return stop
	}
}
