//go:build e2e && linux

package e2e

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/build/rig"
)

// forkingApps fork grandchildren into sessions of their own, two levels deep: no signal to a group
// and no parent-death signal reaches them. {holdfast} demo-app adds one with a port.
const forkingApps = `
version: 1
management: {address: "{api}"}
listeners:
  web: {address: "{gateway}"}
apps:
  forker:
    command: [sh, -c, "setsid sleep 600 & setsid sh -c 'setsid sleep 600 & exec sleep 600' & exec sleep 600"]
    port: none
    instances: 2
  web:
    command: ["{holdfast}", demo-app]
routes:
  web: {app: web}
`

// forkingProcesses is how many processes run once forkingApps is up: guardian, worker, two times
// four of the forker, one web.
const forkingProcesses = 2 + 2*4 + 1

// TestKilledHoldfastLeavesNothing kills the guardian or the worker at random moments, HOLDFAST_KILLS
// times (default 100). Nothing may be left after one second, and the next start must be clean.
func TestKilledHoldfastLeavesNothing(t *testing.T) {
	kills := 100
	if text := os.Getenv("HOLDFAST_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("HOLDFAST_KILLS=%s: write a number from 1", text)
		}
		kills = n
	}
	h := rig.NewHome(t, binary, forkingApps)
	var longest time.Duration
	victims := map[string]int{}
	for round := range kills {
		r := h.Start()
		settled := round%2 == 0
		if settled { // everything runs; otherwise in the middle of starting
			r.WaitFor("all processes of both apps", func() bool { return len(rig.Marked(h.Mark)) >= forkingProcesses })
		}
		rig.Pause(rand.N(150 * time.Millisecond))

		victim, name := r.Cmd.Process.Pid, "guardian"
		if w, ok := r.Worker(); ok && round%4 >= 2 {
			victim, name = w.PID, "worker"
		}
		victims[name]++
		begin := time.Now()
		if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
			t.Fatalf("round %d: kill the %s: %v\n%s", round, name, err, r.Output)
		}
		var left []rig.Process
		for {
			left = rig.Marked(h.Mark)
			if len(left) == 0 || time.Since(begin) > time.Second {
				break
			}
			rig.Pause(time.Millisecond)
		}
		if len(left) > 0 {
			t.Fatalf("round %d (everything running: %v): one second after the %s (pid %d) was killed these are left: %v",
				round, settled, name, victim, left)
		}
		longest = max(longest, time.Since(begin))
		<-r.Done
		if code := r.Cmd.ProcessState.ExitCode(); code == 0 {
			t.Fatalf("round %d: exit code 0 after the %s was killed: a service manager would not restart it", round, name)
		}
	}
	if kills >= 4 && (victims["guardian"] == 0 || victims["worker"] == 0) {
		t.Errorf("killed %v: want both", victims)
	}
	t.Logf("%d kills (%v): 0 processes left, the last one gone after at most %v", kills, victims, longest.Round(time.Millisecond))

	r := h.StartReady()
	r.WaitHealthy("web")
	if code := r.Stop(); code != 0 {
		t.Errorf("the start after the kills: exit code %d on a stop, want 0", code)
	}
}

// TestBothKilledNextStartCleansUp is the case against which no guardian helps: both are killed at
// the same time. The next start must find and end what is left.
func TestBothKilledNextStartCleansUp(t *testing.T) {
	h := rig.NewHome(t, binary, forkingApps)
	r := h.StartReady()
	r.WaitFor("all processes of both apps", func() bool { return len(rig.Marked(h.Mark)) >= forkingProcesses })
	worker, ok := r.Worker()
	if !ok {
		t.Fatal("no worker")
	}
	before := rig.Marked(h.Mark)
	// Stopped first, so that neither can act on the other's end.
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		for _, pid := range []int{r.Cmd.Process.Pid, worker.PID} {
			if err := syscall.Kill(pid, signal); err != nil {
				t.Fatal(err)
			}
		}
	}
	<-r.Done
	t.Logf("%d processes left by killing both", len(rig.Living(before)))

	r = h.StartReady()
	rig.WaitFor(t, "the processes of the killed run to end", func() bool { return len(rig.Living(before)) == 0 })
	r.WaitHealthy("web")
	r.Stop()
}

// TestStopLeavesNothing stops gracefully, once and impatiently.
func TestStopLeavesNothing(t *testing.T) {
	h := rig.NewHome(t, binary, strings.Replace(forkingApps, "port: none", "port: none\n    stop: {grace: 1s}", 1))
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		r := h.StartReady()
		r.WaitFor("all processes of both apps", func() bool { return len(rig.Marked(h.Mark)) >= forkingProcesses })
		if err := r.Cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		<-r.Done
		if left := rig.Marked(h.Mark); len(left) > 0 {
			t.Fatalf("left after %v: %v", signal, left)
		}
		if code := r.Cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("exit code %d after %v, want 0", code, signal)
		}
	}
}
