package supervise

import (
	"slices"

	"holdfast/internal/status"
)

// row is one line of the table: in one of the states from, the input on, if every guard holds, leads
// to the state to and to the actions. The first row that fits decides.
type row struct {
	from []status.State
	on   kind
	when []guard
	// to is empty when the state stays.
	to status.State
	do []action
	// ignored says why nothing follows; such a row has no to and no actions.
	ignored string
}

// guard is a condition on the machine and its input.
type guard struct {
	name  string
	holds func(*step) bool
}

// action changes the machine and adds effects. The state has been entered when it runs.
type action struct {
	name string
	do   func(*step)
}

// decides is where a row is looked for.
type decides struct {
	state status.State
	on    kind
}

// table is the transitions by what they decide on.
type table struct{ rows map[decides][]*row }

func newTable() *table {
	t := &table{rows: make(map[decides][]*row)}
	all := transitions()
	for n := range all {
		for _, state := range all[n].from {
			at := decides{state, all[n].on}
			t.rows[at] = append(t.rows[at], &all[n])
		}
	}
	return t
}

// decide is the row for an input in the machine's state.
func (t *table) decide(s *step) *row {
	k := s.in.kind()
	for _, r := range t.rows[decides{s.view.State, k}] {
		if !slices.ContainsFunc(r.when, func(g guard) bool { return !g.holds(s) }) {
			return r
		}
	}
	panic(nothingDecides(s.view.State, k))
}

// Groups of states that many rows share.
func down() []status.State    { return []status.State{status.Stopped, status.Exited} }
func alive() []status.State   { return []status.State{status.Starting, status.Running} }
func ending() []status.State  { return []status.State{status.Draining, status.Stopping} }
func waiting() []status.State { return []status.State{status.Backoff, status.CrashLoop} }
func only(s ...status.State) []status.State {
	return s
}

// but is every state other than these.
func but(these ...status.State) []status.State {
	return slices.DeleteFunc(status.States(), func(s status.State) bool { return slices.Contains(these, s) })
}

// transitions is the whole state machine. It is what runs, and what the package comment and
// ARCHITECTURE.md show.
func transitions() []row {
	return slices.Concat(
		askedToStart(), askedToStop(), askedToRestart(), askedToMaintain(),
		starts(), probed(), ends(), times(),
	)
}

// anew starts from scratch.
func anew(from []status.State, on kind, when []guard, first ...action) []row {
	return []row{
		{from: from, on: on, when: append(slices.Clone(when), dependencyDown()), to: status.Pending, do: append(slices.Clone(first), forgetPast(), waitForThem())},
		{from: from, on: on, when: when, to: status.Pending, do: append(slices.Clone(first), forgetPast(), start())},
	}
}

func when(g ...guard) []guard { return g }

func askedToStart() []row {
	return slices.Concat(
		anew(slices.Concat(down(), waiting()), kindStart, nil),
		anew(only(status.Pending), kindStart, when(heldDown())),
		[]row{
			{from: only(status.Pending), on: kindStart, ignored: "it is on its way"},
			{from: alive(), on: kindStart, ignored: "it runs"},
			{from: ending(), on: kindStart, when: when(toStayDown()), do: []action{thenRun()}},
			{from: ending(), on: kindStart, ignored: "it runs again anyway"},
		},
	)
}

func askedToStop() []row {
	return []row{
		{from: only(status.Stopped), on: kindStop, ignored: "it is down"},
		{from: only(status.Exited), on: kindStop, when: when(didItsWork()), ignored: "its work is done"},
		{from: slices.Concat(only(status.Exited, status.Pending), waiting()), on: kindStop, to: status.Stopped, do: []action{stayStopped()}},
		{from: only(status.Running), on: kindStop, when: when(canDrain()), to: status.Draining, do: []action{ask(), takeOut(), beginDrain()}},
		{from: alive(), on: kindStop, to: status.Stopping, do: []action{ask(), takeOut(), beginStop()}},
		{from: ending(), on: kindStop, do: []action{thenStay()}},
	}
}

func askedToRestart() []row {
	return slices.Concat(
		[]row{
			{from: but(status.Running), on: kindRestart, when: when(forMemory()), ignored: "only a running process uses too much"},
			{from: only(status.Running), on: kindRestart, when: when(forMemory(), inMaintenance()), ignored: "nothing is restarted in maintenance"},
			{from: only(status.Stopped), on: kindRestart, when: when(forConfig()), ignored: "somebody stopped it"},
		},
		anew(slices.Concat(down(), waiting()), kindRestart, nil),
		anew(only(status.Pending), kindRestart, when(heldDown())),
		[]row{
			{from: only(status.Pending), on: kindRestart, ignored: "it is on its way"},
			{from: only(status.Running), on: kindRestart, when: when(forMemory(), canDrain()), to: status.Draining, do: []action{ask(), tellRecycled(), takeOut(), beginDrain()}},
			{from: only(status.Running), on: kindRestart, when: when(forMemory()), to: status.Stopping, do: []action{ask(), tellRecycled(), takeOut(), beginStop()}},
			{from: only(status.Running), on: kindRestart, when: when(canDrain()), to: status.Draining, do: []action{ask(), takeOut(), beginDrain()}},
			{from: alive(), on: kindRestart, to: status.Stopping, do: []action{ask(), takeOut(), beginStop()}},
			{from: ending(), on: kindRestart, when: when(forConfig(), toStayDown()), ignored: "somebody stops it"},
			{from: ending(), on: kindRestart, do: []action{thenRun()}},
		},
	)
}

func askedToMaintain() []row {
	return slices.Concat(
		[]row{
			{from: waiting(), on: kindMaintain, to: status.Pending, do: []action{noteMaintenance(), holdDown()}},
			{from: only(status.Pending), on: kindMaintain, when: when(pausedByDependency()), do: []action{noteMaintenance(), holdDown()}},
			{from: but(waiting()...), on: kindMaintain, do: []action{noteMaintenance()}},
		},
		anew(only(status.Pending), kindResume, when(heldDown()), noteNoMaintenance()),
		[]row{
			{from: only(status.Running), on: kindResume, when: when(probeIgnored()), do: []action{noteNoMaintenance(), watchAnew()}},
			{from: status.States(), on: kindResume, do: []action{noteNoMaintenance()}},
		},
	)
}

func starts() []row {
	return slices.Concat(
		[]row{
			{from: only(status.Pending), on: kindDepsReady, when: when(waitsForDependencies()), do: []action{start()}},
			{from: status.States(), on: kindDepsReady, ignored: "it does not wait for them any more"},
			{from: only(status.Pending), on: kindSpawned, when: when(gated()), to: status.Starting, do: []action{noteProcess(), beginProbing()}},
			{from: only(status.Pending), on: kindSpawned, when: when(readyAtOnce()), to: status.Running, do: []action{noteProcess(), beginWatch(), takeIn()}},
			{from: only(status.Pending), on: kindSpawned, to: status.Running, do: []action{noteProcess(), beginWatch(), awaitReadiness()}},
			{from: but(status.Pending), on: kindSpawned, ignored: "cannot be: it follows on start at once"},
		},
		afterEnd(only(status.Pending), kindSpawnFailed, nil),
		[]row{{from: but(status.Pending), on: kindSpawnFailed, ignored: "cannot be: it follows on start at once"}},
	)
}

func probed() []row {
	return []row{
		{from: only(status.Starting), on: kindStartupDone, when: when(readyAtOnce()), to: status.Running, do: []action{beginWatch(), takeIn()}},
		{from: only(status.Starting), on: kindStartupDone, to: status.Running, do: []action{beginWatch(), awaitReadiness()}},
		{from: but(status.Starting), on: kindStartupDone, ignored: "it comes late"},

		{from: status.States(), on: kindGaveUp, when: when(anotherProcess()), ignored: "that process is gone"},
		{from: alive(), on: kindGaveUp, when: when(overMemory()), to: status.Stopping, do: []action{giveUp(), tellMemory(), takeOut(), beginStop()}},
		{from: only(status.Draining), on: kindGaveUp, when: when(overMemory()), to: status.Stopping, do: []action{tellMemory(), beginStop()}},
		{from: only(status.Starting), on: kindGaveUp, when: when(inMaintenance()), do: []action{leaveAlone(), beginProbing()}},
		{from: only(status.Running), on: kindGaveUp, when: when(inMaintenance()), do: []action{leaveAlone()}},
		{from: alive(), on: kindGaveUp, to: status.Stopping, do: []action{giveUp(), takeOut(), beginStop()}},
		{from: but(alive()...), on: kindGaveUp, ignored: "its end is decided"},

		{from: only(status.Running), on: kindReadiness, when: when(turnsReady()), do: []action{takeIn()}},
		{from: only(status.Running), on: kindReadiness, when: when(turnsUnready()), do: []action{takeOutFor()}},
		{from: status.States(), on: kindReadiness, ignored: "it changes nothing"},

		{from: only(status.Starting), on: kindInspected, do: []action{tellPorts()}},
		{from: but(status.Starting), on: kindInspected, ignored: "it comes late"},
	}
}

func ends() []row {
	return slices.Concat(
		afterEnd(alive(), kindEnded, nil),
		afterEnd(ending(), kindEnded, when(givenUp())),
		anew(ending(), kindEnded, when(toRunAgain()), bury()),
		[]row{
			{from: ending(), on: kindEnded, to: status.Stopped, do: []action{bury(), stayStopped()}},
			{from: slices.Concat(down(), waiting(), only(status.Pending)), on: kindEnded, ignored: "cannot be: there is no process"},
		},
	)
}

// afterEnd is what follows an end that nobody asked for, or a process that could not be started.
func afterEnd(from []status.State, on kind, given []guard) []row {
	fits := func(g ...guard) []guard { return append(slices.Clone(given), g...) }
	return []row{
		{from: from, on: on, when: fits(policyEndsIt()), to: status.Exited, do: []action{takeOut(), report(), remainDown()}},
		{from: from, on: on, when: fits(inMaintenance()), to: status.Pending, do: []action{takeOut(), report(), holdDown()}},
		{from: from, on: on, when: fits(dependencyDown()), to: status.Pending, do: []action{takeOut(), report(), countPaused(), pauseForThem()}},
		{from: from, on: on, when: fits(tooOften(), notTold()), to: status.CrashLoop, do: []action{takeOut(), report(), count(), scheduleNext(), tellCrashLoop()}},
		{from: from, on: on, when: fits(tooOften()), to: status.CrashLoop, do: []action{takeOut(), report(), count(), scheduleNext()}},
		{from: from, on: on, when: fits(noDelay()), to: status.Pending, do: []action{takeOut(), report(), count(), start()}},
		{from: from, on: on, when: given, to: status.Backoff, do: []action{takeOut(), report(), count(), scheduleNext()}},
	}
}

func times() []row {
	return slices.Concat(
		[]row{
			{from: only(status.Draining), on: kindDrained, to: status.Stopping, do: []action{beginStop()}},
			{from: but(status.Draining), on: kindDrained, ignored: "it comes late"},

			{from: only(status.Starting), on: kindTimeUp, do: []action{lookAtPorts()}},
			{from: only(status.Draining), on: kindTimeUp, to: status.Stopping, do: []action{beginStop()}},
			{from: only(status.Stopping), on: kindTimeUp, when: when(killedBefore()), do: []action{killAgain()}},
			{from: only(status.Stopping), on: kindTimeUp, do: []action{killTree()}},
			{from: waiting(), on: kindTimeUp, when: when(dependencyDown()), to: status.Pending, do: []action{pauseForThem()}},
			{from: waiting(), on: kindTimeUp, to: status.Pending, do: []action{start()}},
			{from: slices.Concat(down(), only(status.Pending, status.Running)), on: kindTimeUp, ignored: "no timer runs"},
		},
	)
}
