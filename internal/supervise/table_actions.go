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

const (
	// lookAfter is when the ports of a process that is still starting are looked at; each further look
	// comes after lookFactor times as long, for there may be many that start slowly.
	lookAfter  = 5 * time.Second
	lookFactor = 4
	// killAfter is how often a process that outlived its kill is killed again.
	killAfter = 10 * time.Second
)

func forgetPast() action {
	return action{"forget the past", func(s *step) { s.history = history{} }}
}

// start leads straight to spawned or spawnFailed.
func start() action {
	return action{"start a process", func(s *step) {
		s.waits = noWait
		s.add(cancel{}, spawn{})
	}}
}

func waitForThem() action {
	return action{"wait for the dependencies", func(s *step) {
		s.waits, s.view.Why = forDependencies, "waiting for "+list(s.lacking())
		s.add(cancel{}, waitForDependencies{})
	}}
}

func pauseForThem() action {
	return action{"wait for the dependencies", func(s *step) {
		s.waits, s.view.Why = forPausedDependencies, "waiting for "+list(s.lacking())
		s.add(cancel{}, waitForDependencies{})
	}}
}

func holdDown() action {
	return action{"wait for the end of maintenance", func(s *step) {
		s.waits, s.view.Why = forMaintenance, "ended during maintenance"
		s.add(cancel{})
	}}
}

func noteMaintenance() action {
	return action{"note it", func(s *step) {
		if !s.maintenance {
			s.maintenance, s.ignored = true, false
		}
	}}
}

func noteNoMaintenance() action {
	return action{"note it", func(s *step) { s.maintenance = false }}
}

func stayStopped() action {
	return action{"stay down", func(s *step) {
		reason := s.reason
		if in, ok := s.in.(stopInput); ok {
			reason = in.reason
		}
		s.waits, s.view.Why = noWait, "stopped: "+string(reason)
		s.add(cancel{})
	}}
}

func remainDown() action {
	return action{"stay down", func(s *step) {
		s.waits = noWait
		s.add(cancel{})
	}}
}

// ask notes what was asked and by whom.
func ask() action {
	return action{"note what follows", func(s *step) {
		s.killed, s.cause = false, ""
		switch in := s.in.(type) {
		case stopInput:
			s.after, s.reason = stayDown, in.reason
		case restartInput:
			s.after, s.reason = runAgain, in.reason
		}
	}}
}

func giveUp() action {
	return action{"note what follows", func(s *step) {
		in, _ := s.in.(gaveUp)
		s.after, s.reason, s.killed, s.cause = consultPolicy, in.reason, false, bounded(in.err.Error(), maxCause)
		if in.listening != nil {
			s.listening = in.listening
		}
	}}
}

// The running timer goes on: asking again does not put an end off.
func thenStay() action {
	return action{"then stay down", func(s *step) {
		in, _ := s.in.(stopInput)
		s.after, s.reason = stayDown, in.reason
		s.view.Why = stopping(s)
	}}
}

func thenRun() action {
	return action{"then run again", func(s *step) {
		s.after = runAgain
		if in, ok := s.in.(restartInput); ok {
			s.reason = in.reason
		}
		s.view.Why = stopping(s)
	}}
}

func stopping(s *step) string { return string(s.view.State) + ": " + string(s.reason) }

// beginDrain comes after takeOut: no new request arrives.
func beginDrain() action {
	return action{"let requests in flight end", func(s *step) {
		s.view.Why = stopping(s)
		s.add(cancel{}, startTimer{s.app.Stop.Drain.D()}, drain{})
	}}
}

func beginStop() action {
	return action{"ask it to end", func(s *step) {
		s.view.Why = stopping(s)
		s.add(cancel{}, startTimer{s.app.Stop.Grace.D()}, askToStop{})
	}}
}

func killTree() action {
	return action{"kill the tree", func(s *step) {
		s.killed = true
		s.add(startTimer{killAfter}, kill{})
	}}
}

func killAgain() action {
	return action{"kill the tree again", func(s *step) {
		s.view.Why = fmt.Sprintf("process %d was killed and does not end: a driver or a network drive may hold it; nothing is started before it is gone", s.view.PID)
		s.add(startTimer{killAfter}, kill{})
	}}
}

// noteProcess begins the life of a process.
func noteProcess() action {
	return action{"note the process", func(s *step) {
		in, _ := s.in.(spawned)
		s.view.PID, s.view.Port, s.view.StartedAt = in.pid, in.port, s.now.wall
		s.spawnedAt, s.downSince = s.now.at, s.now.at
		s.waits, s.served, s.ignored, s.listening, s.usage = noWait, false, false, nil, nil
		s.add(publish{event.InstanceStarted{About: s.about(), PID: in.pid, Port: in.port}})
	}}
}

func beginProbing() action {
	return action{"run the startup probe", func(s *step) {
		s.view.Why = "its startup probe (" + target(s.app.StartupProbe, s.view.Port) + ") has not succeeded yet"
		s.nextLook = lookAfter
		s.add(cancel{}, startTimer{s.nextLook}, probeStartup{})
	}}
}

func beginWatch() action {
	return action{"watch it", func(s *step) { s.add(cancel{}, watch{}) }}
}

func watchAnew() action {
	return action{"watch it anew", func(s *step) {
		s.ignored, s.view.Why = false, ""
		if !s.view.Ready {
			awaitReadiness().do(s)
		}
		s.add(cancel{}, watch{})
	}}
}

func awaitReadiness() action {
	return action{"await readiness", func(s *step) { s.view.Why = "its readiness probe has not succeeded yet" }}
}

func takeIn() action {
	return action{"into balancing", func(s *step) {
		s.view.Ready, s.view.Why, s.served = true, "", true
		s.add(balance{true}, publish{event.InstanceReady{About: s.about(), After: event.Seconds(s.now.at - s.downSince)}})
	}}
}

// takeOut has no event of its own: what follows says why.
func takeOut() action {
	return action{"out of balancing", func(s *step) {
		if s.view.Ready {
			s.view.Ready, s.downSince = false, s.now.at
			s.add(balance{false})
		}
	}}
}

func takeOutFor() action {
	return action{"out of balancing, and say why", func(s *step) {
		in, _ := s.in.(readiness)
		takeOut().do(s)
		s.view.Why = bounded(in.err.Error(), maxCause)
		s.add(publish{event.InstanceUnready{About: s.about(), Why: s.view.Why}})
	}}
}

func leaveAlone() action {
	return action{"note it and leave it alone", func(s *step) {
		in, _ := s.in.(gaveUp)
		s.ignored = true
		s.view.Why = "in maintenance; " + bounded(in.err.Error(), maxCause)
		s.add(remark{"not restarted during maintenance: " + bounded(in.err.Error(), maxCause)})
	}}
}

func lookAtPorts() action {
	return action{"look at its ports", func(s *step) { s.add(inspect{}) }}
}

func tellPorts() action {
	return action{"tell a wrong port", func(s *step) {
		in, _ := s.in.(inspected)
		s.listening = in.listening
		if advice := portAdvice(s.listening, s.view.Port); advice != "" {
			s.view.Why = "not ready: " + advice
			s.add(remark{advice})
			return
		}
		s.nextLook *= lookFactor
		s.add(startTimer{s.nextLook})
	}}
}

func tellRecycled() action {
	return action{"tell instance.recycled", func(s *step) {
		body := event.InstanceRecycled{About: s.about(), Limit: uint64(s.app.Limits.MemoryRecycle)} //nolint:gosec // validated to be positive
		if s.usage != nil {
			body.Memory = s.usage.Memory
		}
		s.add(publish{body})
	}}
}

func tellMemory() action {
	return action{"tell instance.memory_limit", func(s *step) { s.add(publish{s.overLimit()}) }}
}

func (s *step) overLimit() event.InstanceMemoryLimit {
	body := event.InstanceMemoryLimit{About: s.about(), Limit: uint64(s.app.Limits.Memory)} //nolint:gosec // validated to be positive
	if s.usage != nil {
		body.Memory = s.usage.Memory
	}
	return body
}

func count() action {
	return action{"count the restart", func(s *step) {
		s.verdict()
		s.history = s.charged
		s.view.Restarts++
		s.add(countRestart{s.view.LastExit.Reason})
	}}
}

// countPaused leaves the restart budget alone.
func countPaused() action {
	return action{"count it as the dependency's", func(s *step) {
		s.history.settle(s.app.Restart, *s.view.LastExit, s.ran())
		s.view.Restarts++
		s.add(countRestart{status.ReasonDependency})
	}}
}

func scheduleNext() action {
	return action{"schedule the next try", func(s *step) {
		delay := s.verdict().delay
		s.waits = noWait
		s.nextAt, s.view.NextTry = s.now.at+delay, s.now.wall.Add(delay)
		s.add(startTimer{delay})
	}}
}

func tellCrashLoop() action {
	return action{"tell instance.crash_loop", func(s *step) {
		s.history.told = true
		s.add(publish{event.InstanceCrashLoop{
			About: s.about(), Restarts: s.app.Restart.MaxRestarts, Window: event.Seconds(s.app.Restart.Window), Exit: *s.view.LastExit,
		}})
	}}
}

// bury takes the end of a process that was asked for.
func bury() action {
	return action{"keep and tell its exit", func(s *step) {
		exit := s.exit()
		exit.Next = event.StaysDown
		if s.after == runAgain {
			exit.Next = "started again"
		}
		in, _ := s.in.(ended)
		s.remember(exit)
		s.add(cancel{}, publish{event.InstanceStopped{About: s.about(), Exit: exit, Killed: in.orphans}})
	}}
}

// report takes an end that nobody asked for, or a start that failed.
func report() action {
	return action{"keep and tell its exit", func(s *step) {
		exit := s.exit()
		exit.Next = s.sequelOf()
		s.add(cancel{})
		switch in := s.in.(type) {
		case spawnFailed:
			exit.Text = in.err.Error()
			if start, ok := errors.AsType[*process.StartError](in.err); ok {
				exit.Text = start.Text // whose instance it is stands beside it anyway
			}
			exit = s.remember(exit)
			s.add(publish{event.InstanceStartFailed{About: s.about(), Error: exit.Text, Exit: exit, Next: exit.Next}})
		case ended:
			exit.Advice = in.clues.advice(exit, s.app, s.ran(), s.listening)
			exit = s.remember(exit)
			if exit.Reason == status.ReasonMemoryLimit && s.from != status.Stopping {
				s.add(publish{s.overLimit()}) // the system enforced it
			}
			s.add(publish{event.InstanceExited{About: s.about(), Exit: exit, Orphans: in.orphans, Next: exit.Next}})
		}
		s.view.Why = exit.Why()
	}}
}

// sequelOf says what follows an end that nobody asked for. It decides as afterEnd does, in words.
func (s *step) sequelOf() string {
	switch {
	case s.view.State == status.Exited:
		return event.StaysDown
	case s.view.State == status.Pending && s.maintenance:
		return "started when maintenance ends"
	case s.view.State == status.Pending && len(s.lacking()) > 0:
		return "started when " + list(s.lacking()) + " is ready"
	}
	return next(s.verdict())
}

// remember takes the process off the view and keeps how it ended.
func (m *machine) remember(exit status.Exit) status.Exit {
	exit = boundedExit(exit)
	m.view.PID, m.view.StartedAt, m.usage = 0, time.Time{}, nil
	m.view.LastExit = &exit
	// A fresh slice: views that were handed out keep theirs.
	m.view.Exits = append([]status.Exit{exit}, older(m.view.Exits)...)
	return exit
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
