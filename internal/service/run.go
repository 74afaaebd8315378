package service

import (
	"context"
	"fmt"
	"io"
	"time"
)

// stopLimit is the longest stop: the Services console gives up on a service after 125 s, and what
// follows the stop (log sync, process end) needs a moment too.
const stopLimit = 115 * time.Second

// Run hosts o.Program until it has ended and returns the process's exit code, one of ExitCodes.
//
// On Windows it asks the SCM first and falls back to the console when no service manager started
// this process; elsewhere systemd is told when it listens ($NOTIFY_SOCKET). In a console the first
// Ctrl-C or SIGTERM stops gracefully and the second ends at once with ExitForced; SIGHUP reloads.
// The end of ctx is a wish to stop, too.
//
// Call it before anything slow: the SCM waits 30 s for a service to connect.
func Run(ctx context.Context, o Options) int {
	if o.Log == nil {
		o.Log = silence{}
	}
	if o.Console == nil {
		o.Console = io.Discard
	}
	if o.ExitCode == nil {
		o.ExitCode = func(error) int { return ExitFailed }
	}
	if o.StartTimeout <= 0 {
		o.StartTimeout = 5 * time.Minute
	}
	if o.StopTimeout <= 0 || o.StopTimeout > stopLimit {
		o.StopTimeout = stopLimit
	}
	e := host(ctx, o)
	_ = o.Log.Sync() // standard error often cannot be synced
	return e.code
}

// explain says to a person why the service ended and what to do, in two lines at most.
func (e ending) explain(w io.Writer, name string) {
	switch {
	case e.err == nil:
		_, _ = fmt.Fprintf(w, "%s has stopped.\n", name)
	case !e.ready && !e.asked:
		_, _ = fmt.Fprintf(w, "%s did not start: %v\n%s\n", name, e.err, cure(e.code))
	default:
		_, _ = fmt.Fprintf(w, "%s ended: %v\n%s\n", name, e.err, cure(e.code))
	}
}
