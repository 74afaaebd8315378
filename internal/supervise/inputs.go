package supervise

import (
	"time"

	"holdfast/internal/event"
	"holdfast/internal/status"
)

// input is something that happened to an instance.
type input interface{ kind() kind }

// kind names an input in the table of transitions.
type kind string

const (
	kindStart       kind = "start"
	kindStop        kind = "stop"
	kindRestart     kind = "restart"
	kindMaintain    kind = "maintenance begins"
	kindResume      kind = "maintenance ends"
	kindDepsReady   kind = "dependencies ready"
	kindSpawned     kind = "spawned"
	kindSpawnFailed kind = "spawn failed"
	kindStartupDone kind = "startup done"
	kindGaveUp      kind = "gave up"
	kindReadiness   kind = "readiness"
	kindInspected   kind = "inspected"
	kindDrained     kind = "drained"
	kindEnded       kind = "ended"
	kindTimeUp      kind = "time up"
)

// kinds lists every kind in the order of the table.
func kinds() []kind {
	return []kind{
		kindStart, kindStop, kindRestart, kindMaintain, kindResume, kindDepsReady, kindSpawned, kindSpawnFailed,
		kindStartupDone, kindGaveUp, kindReadiness, kindInspected, kindDrained, kindEnded, kindTimeUp,
	}
}

type (
	// startInput asks the instance to run.
	startInput struct{}
	// stopInput asks it to end and to stay down.
	stopInput struct{ reason status.Reason }
	// restartInput asks it to end and to run again.
	restartInput struct{ reason status.Reason }
	// maintainInput begins or ends the app's maintenance: while it lasts nothing is restarted.
	maintainInput struct{ on bool }
	// dependenciesReady says that every app in depends_on is ready.
	dependenciesReady struct{}
	// spawned says that a process runs.
	spawned struct {
		pid, port int
		// gated is true when a startup probe decides; otherwise the instance runs at once. ready is
		// false when the readiness probe has yet to decide.
		gated, ready bool
	}
	// spawnFailed says that none could be started.
	spawnFailed struct {
		err error
		// exit is what the dossier has besides.
		exit status.Exit
	}
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
		// listening are the ports it listens on, where that was looked up.
		listening []int
	}
	// readiness is a change of the readiness probe: nil means ready.
	readiness struct{ err error }
	// inspected says on which ports a process listens that is not ready yet.
	inspected struct{ listening []int }
	// drained says that no request is in flight any more.
	drained struct{}
	// ended says that the process is gone with its whole tree.
	ended struct {
		exit  status.Exit
		clues clues
		// orphans is how many processes of the tree had to be killed after their leader.
		orphans int
	}
	// timeUp says that the newest timer fired.
	timeUp struct{}
)

func (startInput) kind() kind   { return kindStart }
func (stopInput) kind() kind    { return kindStop }
func (restartInput) kind() kind { return kindRestart }
func (in maintainInput) kind() kind {
	if in.on {
		return kindMaintain
	}
	return kindResume
}
func (dependenciesReady) kind() kind { return kindDepsReady }
func (spawned) kind() kind           { return kindSpawned }
func (spawnFailed) kind() kind       { return kindSpawnFailed }
func (startupDone) kind() kind       { return kindStartupDone }
func (gaveUp) kind() kind            { return kindGaveUp }
func (readiness) kind() kind         { return kindReadiness }
func (inspected) kind() kind         { return kindInspected }
func (drained) kind() kind           { return kindDrained }
func (ended) kind() kind             { return kindEnded }
func (timeUp) kind() kind            { return kindTimeUp }

// effect is something that the instance's goroutine must do.
type effect interface{ isEffect() }

type (
	// waitForDependencies leads to dependenciesReady.
	waitForDependencies struct{}
	// spawn leads to spawned or spawnFailed.
	spawn struct{}
	// probeStartup leads to startupDone or gaveUp.
	probeStartup struct{}
	// inspect leads to inspected.
	inspect struct{}
	// watch runs the liveness and readiness probes; it leads to gaveUp and readiness.
	watch struct{}
	// balance tells the gateway whether to send requests here.
	balance struct{ ready bool }
	// drain lets requests in flight end; it leads to drained.
	drain struct{}
	// askToStop asks the process to end.
	askToStop struct{}
	// kill ends the whole tree at once; it leads to ended.
	kill struct{}
	// startTimer leads to timeUp; it replaces an earlier timer.
	startTimer struct{ after time.Duration }
	// cancel ends waiting, probing, draining and the timer.
	cancel struct{}
	// publish tells what happened.
	publish struct{ body event.Body }
	// remark puts a line of ours into the instance's log.
	remark struct{ text string }
	// countRestart counts an unasked restart.
	countRestart struct{ reason status.Reason }
)

func (waitForDependencies) isEffect() {}
func (spawn) isEffect()               {}
func (probeStartup) isEffect()        {}
func (inspect) isEffect()             {}
func (watch) isEffect()               {}
func (balance) isEffect()             {}
func (drain) isEffect()               {}
func (askToStop) isEffect()           {}
func (kill) isEffect()                {}
func (startTimer) isEffect()          {}
func (cancel) isEffect()              {}
func (publish) isEffect()             {}
func (remark) isEffect()              {}
func (countRestart) isEffect()        {}
