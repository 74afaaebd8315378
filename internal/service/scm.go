package service

import "time"

// Signs of life for the SCM. A pending state whose checkpoint does not rise within its wait hint
// counts as hung (learn.microsoft.com/windows/win32/api/winsvc/ns-winsvc-service_status).
const (
	scmEvery = 2 * time.Second
	scmHint  = 15 * time.Second
)

// The SCM's numbers (winsvc.h).
const (
	scmStopped         = 1
	scmStartPending    = 2
	scmStopPending     = 3
	scmRunning         = 4
	scmContinuePending = 5
	scmPausePending    = 6
	scmPaused          = 7

	acceptStop          = 0x1
	acceptPauseContinue = 0x2
	acceptShutdown      = 0x4
	acceptParamChange   = 0x8
	acceptPreshutdown   = 0x100

	controlStop        = 1
	controlPause       = 2
	controlContinue    = 3
	controlInterrogate = 4
	controlShutdown    = 5
	controlParamChange = 6
	controlPreshutdown = 15
)

// scmStatus is the part of SERVICE_STATUS that a running service decides.
type scmStatus struct {
	state, accepts, checkpoint, waitHint uint32
}

// scmReport translates r. A reload is no state of the SCM: the service stays running or paused.
func scmReport(r report) scmStatus {
	const end = acceptStop | acceptShutdown | acceptPreshutdown
	s := scmStatus{accepts: end}
	switch r.state {
	case starting:
		s.state = scmStartPending
	case running:
		s.state, s.accepts = scmRunning, end|acceptPauseContinue|acceptParamChange
	case pausing:
		s.state = scmPausePending
	case paused:
		s.state, s.accepts = scmPaused, end|acceptPauseContinue|acceptParamChange
	case resuming:
		s.state = scmContinuePending
	case stopping: // after a stop no other control arrives
		s.state, s.accepts = scmStopPending, 0
	}
	if r.state.pending() {
		s.checkpoint = r.checkpoint
		s.waitHint = uint32(scmHint / time.Millisecond)
	}
	return s
}

// scmControl translates what the SCM asks for. Preshutdown comes first at a shutdown and leaves
// more time than Shutdown, which follows for services that did not accept it.
func scmControl(code uint32) control {
	switch code {
	case controlStop, controlShutdown, controlPreshutdown:
		return stop
	case controlPause:
		return pause
	case controlContinue:
		return resume
	case controlParamChange:
		return reload
	case controlInterrogate:
		return interrogate
	default:
		return ignored
	}
}

// scmExit is what the SCM is told at the end: a service-specific code for a failure. An end that
// was asked for is never told as a failure, however it went: with the failure-actions flag the SCM
// would start again what an administrator has just stopped. The process's own exit code still tells.
func scmExit(e ending) (specific bool, code uint32) {
	if e.asked || e.code == ExitOK {
		return false, 0
	}
	return true, uint32(e.code) //nolint:gosec // exit codes are small and positive
}
