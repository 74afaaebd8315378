package process

import (
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"
)

// Stop is a way to ask a process to end. The values are those of the configuration's stop.method;
// its http method is not among them because it needs no help of the operating system.
type Stop string

const (
	// Sigterm is SIGTERM to the whole process group; on Windows it is CtrlC.
	Sigterm Stop = "sigterm"
	// CtrlC is a Ctrl-C to everything on the child's console; on Linux SIGINT to the group.
	CtrlC Stop = "ctrl_c"
	// CtrlBreak is a Ctrl-Break to everything on the child's console; on Linux SIGINT to the group.
	CtrlBreak Stop = "ctrl_break"
	// StdinClose closes the child's standard input, which must have been held open: Spec.Stop.
	StdinClose Stop = "stdin_close"
)

// Spec is what to start.
type Spec struct {
	// ID is the instance's name, such as "shop-1" (required, without a slash).
	ID string
	// App is the app's name, for logs.
	App string
	// Command is the program and its arguments (required). A program without a separator is looked
	// up in the PATH of Env, never in the current directory; one with a separator starts at Dir.
	Command []string
	// Dir is the working directory (required, absolute).
	Dir string
	// Env is the complete environment as KEY=value. HOLDFAST_INSTANCE is added to it.
	Env []string
	// Stop is the method that will be used to stop it. Only StdinClose makes a difference at the
	// start: standard input is then a pipe that stays open instead of the null device.
	Stop Stop
	// Limits bound what the whole tree may use (default: nothing).
	Limits Limits
	// Output takes what it writes to stdout and stderr (nil: both go to the null device).
	Output *Output
}

// Limits bound a whole tree. 0 is no bound.
type Limits struct {
	// Memory in bytes.
	Memory uint64
	// CPU is how many processors' worth of time it may use.
	CPU float64
}

// LauncherOptions are what a Launcher needs.
type LauncherOptions struct {
	// Owner names this installation on this machine, for example its data folder (required). Children
	// are marked with it; two running Holdfasts must not share one.
	Owner string
	// Helper is the command line that becomes SendConsoleEvent on Windows, to which the process id
	// and "c" or "break" are appended (default: this executable with internal-ctrl).
	Helper []string
	// Log takes what nobody waits for, such as a process that cannot be killed (default: nothing).
	Log *zap.Logger
}

// ErrClosed says that the Launcher's Run has ended, or was never begun: nothing is started any more.
var ErrClosed = errors.New("process launcher is not running")

// StartKind is why a process could not be started.
type StartKind string

// What supervise may decide on: none of these heals by trying again at once, but StartResources
// and StartBusy do in time.
const (
	// StartNotFound means that there is no such program, or its interpreter is missing.
	StartNotFound StartKind = "not_found"
	// StartNotExecutable means that the file is there and cannot be run: a folder, no right to
	// execute it, or built for another system.
	StartNotExecutable StartKind = "not_executable"
	// StartDirectory means that the working directory is missing or closed to us.
	StartDirectory StartKind = "directory"
	// StartArguments means that the command or environment cannot be passed on.
	StartArguments StartKind = "arguments"
	// StartResources means that the system is short of processes, descriptors or memory.
	StartResources StartKind = "resources"
	// StartBusy means that the program's file is being written.
	StartBusy StartKind = "busy"
	// StartOther is everything else.
	StartOther StartKind = "other"
)

// StartError is why an instance has no process. Its text names the cause and the cure.
type StartError struct {
	Kind StartKind
	// ID is the instance and Path the program or folder concerned.
	ID, Path string
	// Text is the cause and the cure for a person.
	Text string
	// Err is the system's error, nil when there is none.
	Err error
}

// Error is the text for a person.
func (e *StartError) Error() string { return fmt.Sprintf("instance %q: start: %s", e.ID, e.Text) }

// Unwrap is the system's error.
func (e *StartError) Unwrap() error { return e.Err }

// check refuses what no system could start.
func (s Spec) check() *StartError {
	switch {
	case s.ID == "" || strings.ContainsAny(s.ID, "/\x00"):
		return &StartError{Kind: StartArguments, ID: s.ID, Text: "the instance's id is empty or holds a slash"}
	case len(s.Command) == 0 || s.Command[0] == "":
		return &StartError{Kind: StartArguments, ID: s.ID, Text: "command is empty: name a program"}
	}
	for _, a := range s.Command {
		if strings.ContainsRune(a, 0) {
			return &StartError{Kind: StartArguments, ID: s.ID, Path: s.Command[0], Text: fmt.Sprintf("command: argument %q holds a NUL character, which no program can be given", a)}
		}
	}
	for _, e := range s.Env {
		if strings.ContainsRune(e, 0) {
			name, _, _ := strings.Cut(e, "=")
			return &StartError{Kind: StartArguments, ID: s.ID, Text: fmt.Sprintf("env %s holds a NUL character, which no program can be given", name)}
		}
	}
	return nil
}
