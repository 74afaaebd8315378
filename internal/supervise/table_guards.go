package supervise

import "holdfast/internal/status"

// The conditions of the table. Each is named as its documentation shows it.

func dependencyDown() guard {
	return guard{"a dependency is down", func(s *step) bool { return len(s.lacking()) > 0 }}
}

func heldDown() guard {
	return guard{"held down by maintenance", func(s *step) bool { return s.waits == forMaintenance }}
}

func waitsForDependencies() guard {
	return guard{"it waits for them", func(s *step) bool { return s.waits == forDependencies || s.waits == forPausedDependencies }}
}

func pausedByDependency() guard {
	return guard{"it ended and waits for a dependency", func(s *step) bool { return s.waits == forPausedDependencies }}
}

func inMaintenance() guard {
	return guard{"in maintenance", func(s *step) bool { return s.maintenance }}
}

func probeIgnored() guard {
	return guard{"a probe gave up meanwhile", func(s *step) bool { return s.ignored }}
}

func toStayDown() guard {
	return guard{"it is to stay down", func(s *step) bool { return s.after == stayDown }}
}

func toRunAgain() guard {
	return guard{"it is to run again", func(s *step) bool { return s.after == runAgain }}
}

func givenUp() guard {
	return guard{"it was given up", func(s *step) bool { return s.after == consultPolicy }}
}

func didItsWork() guard {
	return guard{"it ended well", func(s *step) bool { return endedWell(&s.view) }}
}

func canDrain() guard {
	return guard{"it has a port and stop.drain", func(s *step) bool { return s.view.Port != 0 && s.app.Stop.Drain > 0 }}
}

func forMemory() guard {
	return guard{"to recycle memory", func(s *step) bool { return restartReason(s) == status.ReasonRecycle }}
}

func forConfig() guard {
	return guard{"for a changed configuration", func(s *step) bool { return restartReason(s) == status.ReasonConfig }}
}

func restartReason(s *step) status.Reason {
	in, _ := s.in.(restartInput)
	return in.reason
}

func gated() guard {
	return guard{"it has a startup probe", func(s *step) bool { in, ok := s.in.(spawned); return ok && in.gated }}
}

func readyAtOnce() guard {
	return guard{"no probe is left to decide", func(s *step) bool {
		switch in := s.in.(type) {
		case spawned:
			return in.ready
		case startupDone:
			return in.ready
		}
		return false
	}}
}

func anotherProcess() guard {
	return guard{"about an earlier process", (*step).isGone}
}

func overMemory() guard {
	return guard{"over limits.memory", func(s *step) bool { in, ok := s.in.(gaveUp); return ok && in.reason == status.ReasonMemoryLimit }}
}

func turnsReady() guard {
	return guard{"it succeeded and was not ready", func(s *step) bool { in, ok := s.in.(readiness); return ok && in.err == nil && !s.view.Ready }}
}

func turnsUnready() guard {
	return guard{"it failed and was ready", func(s *step) bool { in, ok := s.in.(readiness); return ok && in.err != nil && s.view.Ready }}
}

func killedBefore() guard {
	return guard{"it was killed", func(s *step) bool { return s.killed }}
}

func policyEndsIt() guard {
	return guard{"the policy lets it end", func(s *step) bool { return !s.verdict().restart }}
}

func tooOften() guard {
	return guard{"max_restarts within the window", func(s *step) bool { return s.verdict().crashLoop }}
}

func notTold() guard {
	return guard{"for the first time", func(s *step) bool { s.verdict(); return !s.charged.told }}
}

func noDelay() guard {
	return guard{"the first in a row", func(s *step) bool { return s.verdict().delay == 0 }}
}
