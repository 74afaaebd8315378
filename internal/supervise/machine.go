package supervise

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/event"
	"holdfast/internal/process"
	"holdfast/internal/status"
)

// The state machine of one instance. It is pure: on takes an input and the time, changes the state
// and returns the effects that the instance's goroutine carries out in order. It touches no clock,
// process, socket or goroutine, so a test can walk through years in a microsecond.
//
//	Stopped/Exited --start--> Pending --dependencies ready--> (spawn) --> Starting --startup probe--> Running
//	Starting/Running --ended--> Backoff | CrashLoop | Exited     Backoff/CrashLoop --timer--> (spawn)
//	Starting/Running --stop, restart, probe gave up--> Stopping --ended--> Stopped | Pending | Backoff
//	Stopping --grace over--> (kill) --ended--> as above

// sequel is what follows a stop.
type sequel int

const (
	// stayDown ends in Stopped.
	stayDown sequel = iota
	// runAgain starts anew at once.
	runAgain
	// consultPolicy asks the restart policy, because a probe gave the process up.
	consultPolicy
)

// keptExits is how many ended processes an instance remembers.
const keptExits = 10

// machine is the state of one instance.
type machine struct {
	// view is what is told about the instance; State, Ready and the like live only here.
	view status.Instance
	// app is the part of the configuration that is in force for the next decision.
	app config.App
	// random is in [0, 1), for jitter.
	random func() float64

	history history
	// after and reason say what follows Stopping and why it was entered.
	after  sequel
	reason status.Reason
	// cause is what the probe found that gave the process up.
	cause string
	// killed is true once the grace period of the present stop has run out.
	killed bool
	// downSince is when the instance was last taken out of balancing.
	downSince time.Time
}

// on changes the state by in and returns what must be done. An input that means nothing in the
// present state changes nothing.
func (m *machine) on(in input, now time.Time) []effect {
	switch m.view.State {
	case status.Stopped, status.Exited:
		return m.whileDown(in, now)
	case status.Pending:
		return m.whilePending(in, now)
	case status.Starting:
		return m.whileStarting(in, now)
	case status.Running:
		return m.whileRunning(in, now)
	case status.Draining, status.Stopping:
		return m.whileStopping(in, now)
	case status.Backoff, status.CrashLoop:
		return m.whileWaiting(in, now)
	}
	panic(fmt.Sprintf("instance %s is in no state: %q", m.view.ID, m.view.State))
}

func (m *machine) enter(s status.State, why string, now time.Time) {
	m.view.State, m.view.Why, m.view.Since = s, why, now
	if s != status.Backoff && s != status.CrashLoop {
		m.view.NextTry = time.Time{}
	}
}

func (m *machine) whileDown(in input, now time.Time) []effect {
	switch in := in.(type) {
	case startInput:
		return m.begin(now)
	case restartInput:
		// A changed configuration is no reason to start what somebody has stopped.
		if in.reason != status.ReasonConfig || m.view.State == status.Exited {
			return m.begin(now)
		}
	}
	return nil
}

// begin starts from scratch: the past no longer counts.
func (m *machine) begin(now time.Time) []effect {
	m.history = history{}
	m.enter(status.Pending, "", now)
	if len(m.app.DependsOn) == 0 {
		return []effect{cancel{}, spawn{}}
	}
	m.view.Why = "waiting for " + list(m.app.DependsOn)
	return []effect{cancel{}, waitForDependencies{}}
}

func (m *machine) whilePending(in input, now time.Time) []effect {
	switch in := in.(type) {
	case dependenciesReady:
		return []effect{spawn{}}
	case spawned:
		m.view.PID, m.view.Port, m.view.StartedAt = in.pid, in.port, now
		m.downSince = now
		m.enter(status.Starting, "", now)
		effects := []effect{publish{event.InstanceStarted{About: m.about(), PID: in.pid, Port: in.port}}}
		if !in.gated {
			return append(effects, m.run(true, now)...)
		}
		m.view.Why = "its startup probe (" + target(m.app.StartupProbe, in.port) + ") has not succeeded yet"
		return append(effects, probeStartup{})
	case spawnFailed:
		return m.failedToSpawn(in.err, now)
	case stopInput:
		m.enter(status.Stopped, "stopped: "+string(in.reason), now)
		return []effect{cancel{}}
	}
	return nil
}

func (m *machine) whileStarting(in input, now time.Time) []effect {
	if in, ok := in.(startupDone); ok {
		return m.run(in.ready, now)
	}
	return m.whileAlive(in, now)
}

// run enters Running.
func (m *machine) run(ready bool, now time.Time) []effect {
	m.enter(status.Running, "", now)
	effects := []effect{watch{}}
	if !ready {
		m.view.Why = "its readiness probe has not succeeded yet"
		return effects
	}
	return append(effects, m.setReady(nil, now)...)
}

func (m *machine) whileRunning(in input, now time.Time) []effect {
	if in, ok := in.(readiness); ok {
		return m.setReady(in.err, now)
	}
	return m.whileAlive(in, now)
}

// setReady takes the instance into balancing (nil) or out of it.
func (m *machine) setReady(err error, now time.Time) []effect {
	if (err == nil) == m.view.Ready {
		return nil
	}
	m.view.Ready = err == nil
	if err != nil {
		m.view.Why, m.downSince = err.Error(), now
		return []effect{balance{false}, publish{event.InstanceUnready{About: m.about(), Why: err.Error()}}}
	}
	m.view.Why = ""
	return []effect{balance{true}, publish{event.InstanceReady{About: m.about(), After: event.Seconds(now.Sub(m.downSince))}}}
}

// whileAlive is shared by Starting and Running: there is a process.
func (m *machine) whileAlive(in input, now time.Time) []effect {
	switch in := in.(type) {
	case ended:
		in.exit.Reason = status.ReasonExit
		return m.afterEnd(in, now)
	case gaveUp:
		m.cause = in.err.Error()
		return m.stop(consultPolicy, in.reason, now)
	case stopInput:
		return m.stop(stayDown, in.reason, now)
	case restartInput:
		return m.stop(runAgain, in.reason, now)
	}
	return nil
}

// stop enters Stopping.
func (m *machine) stop(after sequel, reason status.Reason, now time.Time) []effect {
	m.after, m.reason, m.killed = after, reason, false
	m.enter(status.Stopping, "stopping: "+string(reason), now)
	return append(m.unbalance(now), cancel{}, startTimer{m.app.Stop.Grace.D()}, askToStop{})
}

// unbalance takes a ready instance out of balancing without an event of its own: what follows says
// why.
func (m *machine) unbalance(now time.Time) []effect {
	if !m.view.Ready {
		return nil
	}
	m.view.Ready, m.downSince = false, now
	return []effect{balance{false}}
}

func (m *machine) whileStopping(in input, now time.Time) []effect {
	switch in := in.(type) {
	case timeUp:
		m.killed = true
		return []effect{kill{}}
	case stopInput:
		m.after, m.reason = stayDown, in.reason
	case startInput:
		if m.after == stayDown {
			m.after = runAgain
		}
	case restartInput:
		m.after, m.reason = runAgain, in.reason
	case ended:
		in.exit.Reason = m.reason
		in.exit.Graceful = !m.killed
		if m.after == consultPolicy {
			in.exit.Cause = m.cause
			return m.afterEnd(in, now)
		}
		m.remember(in.exit)
		stopped := publish{event.InstanceStopped{About: m.about(), Exit: in.exit, Killed: in.orphans}}
		if m.after == runAgain {
			return append([]effect{stopped}, m.begin(now)...)
		}
		m.enter(status.Stopped, "stopped: "+string(m.reason), now)
		return []effect{cancel{}, stopped}
	}
	return nil
}

func (m *machine) whileWaiting(in input, now time.Time) []effect {
	switch in := in.(type) {
	case timeUp:
		m.enter(status.Pending, "", now)
		return []effect{spawn{}}
	case startInput, restartInput:
		return m.begin(now)
	case stopInput:
		m.enter(status.Stopped, "stopped: "+string(in.reason), now)
		return []effect{cancel{}}
	}
	return nil
}

// afterEnd asks the policy what follows an end that nobody asked for.
func (m *machine) afterEnd(in ended, now time.Time) []effect {
	effects := append(m.unbalance(now), cancel{})
	m.remember(in.exit)
	d := m.history.decide(m.app.Restart, in.exit, now, m.random())
	effects = append(effects, publish{event.InstanceExited{About: m.about(), Exit: in.exit, Orphans: in.orphans, Next: next(d)}})
	return append(effects, m.follow(d, in.exit, now)...)
}

// failedToSpawn treats a process that could not be started as one that ended at once.
func (m *machine) failedToSpawn(err error, now time.Time) []effect {
	text := err.Error()
	if start, ok := errors.AsType[*process.StartError](err); ok {
		text = start.Text // whose instance it is stands beside it anyway
	}
	exit := status.Exit{Code: -1, Text: text, Reason: status.ReasonStartFailed, EndedAt: now}
	m.remember(exit)
	d := m.history.decide(m.app.Restart, exit, now, m.random())
	effects := []effect{cancel{}, publish{event.InstanceStartFailed{About: m.about(), Error: text, Next: next(d)}}}
	return append(effects, m.follow(d, exit, now)...)
}

// follow carries out a decision.
func (m *machine) follow(d decision, exit status.Exit, now time.Time) []effect {
	if !d.restart {
		m.enter(status.Exited, exit.Why(), now)
		return nil
	}
	m.view.Restarts++
	counted := countRestart{exit.Reason}
	if d.crashLoop {
		first := m.view.State != status.CrashLoop && !m.history.told
		m.history.told = true
		m.enter(status.CrashLoop, exit.Why(), now)
		m.view.NextTry = now.Add(d.delay)
		effects := []effect{counted, startTimer{d.delay}}
		if first {
			effects = append(effects, publish{event.InstanceCrashLoop{
				About: m.about(), Restarts: m.app.Restart.MaxRestarts, Window: event.Seconds(m.app.Restart.Window), Exit: exit,
			}})
		}
		return effects
	}
	if d.delay == 0 {
		m.enter(status.Pending, exit.Why(), now)
		return []effect{counted, spawn{}}
	}
	m.enter(status.Backoff, exit.Why(), now)
	m.view.NextTry = now.Add(d.delay)
	return []effect{counted, startTimer{d.delay}}
}

func (m *machine) remember(exit status.Exit) {
	m.view.PID, m.view.StartedAt = 0, time.Time{}
	m.view.LastExit = &exit
	// A fresh slice: views that were handed out keep theirs.
	m.view.Exits = append([]status.Exit{exit}, m.view.Exits[:min(len(m.view.Exits), keptExits-1)]...)
}

func (m *machine) about() event.About {
	return event.About{App: m.view.App, Instance: m.view.ID}
}

// target says what a probe asks of a process with the given port.
func target(p *config.Probe, port int) string {
	if p.HTTPGet != nil {
		return fmt.Sprintf("GET %s on port %d", p.HTTPGet.Path, cmp.Or(p.HTTPGet.Port, port))
	}
	if p.TCPSocket != nil {
		port = cmp.Or(p.TCPSocket.Port, port)
	}
	return fmt.Sprintf("connect to port %d", port)
}

// next says what a decision means.
func next(d decision) string {
	switch {
	case !d.restart:
		return event.StaysDown
	case d.delay == 0:
		return "restarted at once"
	default:
		return "next try in " + d.delay.Round(10*time.Millisecond).String()
	}
}
