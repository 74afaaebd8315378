package service

import "time"

// state is where a service is in its life, in the words of the SCM.
type state int

const (
	starting state = iota
	running
	pausing
	paused
	resuming
	stopping
)

// pending tells whether the state is on its way to another and so owes its manager signs of life.
func (s state) pending() bool {
	switch s {
	case starting, pausing, resuming, stopping:
		return true
	case running, paused:
		return false
	}
	return false
}

// control is what a service manager, a signal or a person asks for.
type control int

const (
	ignored control = iota // heard and of no meaning to us
	stop
	force // end at once, whatever is lost
	pause
	resume
	reload
	interrogate
)

func (c control) String() string {
	switch c {
	case stop:
		return "stop"
	case force:
		return "force"
	case pause:
		return "pause"
	case resume:
		return "continue"
	case reload:
		return "reload"
	case interrogate:
		return "interrogate"
	case ignored:
	}
	return "ignored"
}

// report is what a service manager is told at one moment.
type report struct {
	state state
	// reloading is true while the configuration is read again; state stays running or paused.
	reloading bool
	// stage is what the program does while it starts.
	stage string
	// checkpoint counts the reports of one pending state from 1; it is 0 otherwise.
	checkpoint uint32
	// since is when the state was entered.
	since time.Time
	// again says that nothing has changed since the last report: it is a sign of life.
	again bool
}

// manager is who runs us: the SCM, systemd, or a person at a console. Only serve calls it, from one
// goroutine.
type manager interface {
	// report must not block for long.
	report(r report)
	// every is how often the manager wants to hear from us when nothing changes.
	every() time.Duration
}

// ending is how a service ended.
type ending struct {
	code  int
	err   error // nil when it did as it was asked
	asked bool  // somebody wanted it to end
	ready bool  // it had got as far as Ready
}
