package supervise

import (
	"time"

	"holdfast/internal/event"
	"holdfast/internal/status"
)

// input is something that happened to an instance.
type input interface{ isInput() }

type (
	// startInput asks the instance to run.
	startInput struct{}
	// stopInput asks it to end and to stay down.
	stopInput struct{ reason status.Reason }
	// restartInput asks it to end and to run again.
	restartInput struct{ reason status.Reason }
	// dependenciesReady says that every app in depends_on is ready.
	dependenciesReady struct{}
	// spawned says that a process runs.
	spawned struct {
		pid, port int
		// gated is true when a startup probe decides; otherwise the instance runs at once.
		gated bool
	}
	// spawnFailed says that none could be started.
	spawnFailed struct{ err error }
	// startupDone says that the startup probe succeeded. ready is false when the readiness probe
	// has yet to decide.
	startupDone struct{ ready bool }
	// gaveUp says that the startup or liveness probe gave the process up, or that it used more memory
	// than it may.
	gaveUp struct {
		reason status.Reason
		err    error
		// pid is the process that is meant; 0 is the present one.
		pid int
	}
	// maintainInput begins or ends the app's maintenance: while it lasts nothing is restarted.
	maintainInput struct{ on bool }
	// readiness is a change of the readiness probe: nil means ready.
	readiness struct{ err error }
	// ended says that the process is gone with its whole tree.
	ended struct {
		exit status.Exit
		// orphans is how many processes of the tree had to be killed after their leader.
		orphans int
	}
	// timeUp says that the newest timer fired.
	timeUp struct{}
)

func (startInput) isInput()        {}
func (stopInput) isInput()         {}
func (restartInput) isInput()      {}
func (dependenciesReady) isInput() {}
func (spawned) isInput()           {}
func (spawnFailed) isInput()       {}
func (startupDone) isInput()       {}
func (gaveUp) isInput()            {}
func (readiness) isInput()         {}
func (ended) isInput()             {}
func (timeUp) isInput()            {}
func (maintainInput) isInput()     {}

// effect is something that the instance's goroutine must do.
type effect interface{ isEffect() }

type (
	// waitForDependencies leads to dependenciesReady.
	waitForDependencies struct{}
	// spawn leads to spawned or spawnFailed.
	spawn struct{}
	// probeStartup leads to startupDone or gaveUp.
	probeStartup struct{}
	// watch runs the liveness and readiness probes; it leads to gaveUp and readiness.
	watch struct{}
	// balance tells the gateway whether to send requests here.
	balance struct{ ready bool }
	// askToStop drains, then asks the process to end.
	askToStop struct{}
	// kill ends the whole tree at once; it leads to ended.
	kill struct{}
	// startTimer leads to timeUp; it replaces an earlier timer.
	startTimer struct{ after time.Duration }
	// cancel ends waiting, probing and the timer.
	cancel struct{}
	// publish tells what happened.
	publish struct{ body event.Body }
	// countRestart counts an unasked restart.
	countRestart struct{ reason status.Reason }
)

func (waitForDependencies) isEffect() {}
func (spawn) isEffect()               {}
func (probeStartup) isEffect()        {}
func (watch) isEffect()               {}
func (balance) isEffect()             {}
func (askToStop) isEffect()           {}
func (kill) isEffect()                {}
func (startTimer) isEffect()          {}
func (cancel) isEffect()              {}
func (publish) isEffect()             {}
func (countRestart) isEffect()        {}
