package service

import (
	"context"
	"io"
	"time"
)

// Program is what runs as a service. It does not know which service manager it runs under.
type Program interface {
	// Run works until ctx ends and then ends itself in good order; nil says that it did. Returning
	// before ctx has ended is a failure, whatever it returns. It calls s.Ready once it serves.
	Run(ctx context.Context, s Starting) error
	// Reload reads the configuration again; an error says that the old one stays.
	Reload(ctx context.Context) error
	// Pause stops serving requests without stopping what is supervised; Resume undoes it.
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
}

// Starting is how a Program tells how its start proceeds. Its methods never block and may be
// called from any goroutine; after Ready they do nothing.
type Starting interface {
	// Progress names what is being done now, as a short noun or sentence ("configuration",
	// "listeners"). Each call gives the start another Options.StartTimeout.
	Progress(stage string)
	// Ready says that the program serves: the service manager is told Running.
	Ready()
	// StartID is what whoever started the service called this start (StartArgument), so that they
	// can tell that it is this one which answers. Empty when nobody did.
	StartID() string
}

// Log is where the host tells what it was asked and what went wrong: a message and, in turn, keys
// and values. It is the part of zap's SugaredLogger that is used here; an interface, because the
// setup program shares this room and has no use for a logger of that size.
type Log interface {
	Infow(message string, keysAndValues ...any)
	Warnw(message string, keysAndValues ...any)
	Errorw(message string, keysAndValues ...any)
	Sync() error
}

// silence is the Log of whoever wants none.
type silence struct{}

func (silence) Infow(string, ...any)  {}
func (silence) Warnw(string, ...any)  {}
func (silence) Errorw(string, ...any) {}
func (silence) Sync() error           { return nil }

// Options say what to run and how long its ends may take.
type Options struct {
	Identity Identity
	Program  Program
	// Log hears what the host does (default: nobody).
	Log Log
	// Console is where progress is shown to a person when neither the SCM nor systemd is listening.
	// Default: nowhere.
	Console io.Writer
	// ExitCode maps the error of Program.Run to an exit code of the table ExitCodes.
	// Default: ExitFailed for every error.
	ExitCode func(error) int
	// StartTimeout is how long a start may go without a call of Progress or Ready (default 5m).
	StartTimeout time.Duration
	// StopTimeout is how long the whole stop may take before all stacks are logged and Run gives up
	// with ExitStopTimeout (default and limit 115s: the Services console gives up at 125s).
	StopTimeout time.Duration

	startID string
}
