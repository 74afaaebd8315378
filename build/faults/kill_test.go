//go:build faults && linux

package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"holdfast/build/rig"
	"holdfast/internal/status"
)

// TestKilledHoldfast kills guardian or worker at a random moment while numbers of instances are
// scaled. What was acknowledged holds after the next start, and nothing is left of the run before.
func TestKilledHoldfast(t *testing.T) {
	h := newHome(t, head+`
apps:
  forker:
    command: [sh, -c, "setsid sleep 600 & setsid sh -c 'setsid sleep 600 & exec sleep 600' & exec sleep 600"]
    port: none
    autostart: false
    max_instances: 9
  web:
    command: ["{holdfast}", demo-app]
routes:
  web: {app: web}
`)
	kills := pick(60, 1000)
	orphans, lost, refused := 0, 0, 0
	var writes, acknowledged atomic.Int64
	adds := 0
	added := "" // an app that was added and acknowledged
	acknowledged.Store(1)
	for round := range kills {
		r := h.StartReady()
		r.WaitFor("the app to be told", func() bool { return h.App("forker").ID != "" })
		// A write that was under way when Holdfast was killed may or may not have been made.
		got, newest, oldest := int64(h.App("forker").Desired), writes.Load(), acknowledged.Load()
		if got != oldest && got != newest {
			lost++
			t.Errorf("round %d: %d instances are wanted, want the acknowledged %d (or %d, which was under way)", round, got, oldest, newest)
		}
		acknowledged.Store(got) // what was under way and is there now counts from here on
		if added != "" {
			if h.App(added).ID == "" {
				lost++
				t.Errorf("round %d: the app %s, whose adding was acknowledged, is gone", round, added)
			}
			_, _, _ = h.CLI("remove", "--yes", added)
			added = ""
		}
		if round%3 == 0 {
			_, _, _ = h.CLI("start", "forker")
		}
		var writer sync.WaitGroup
		ended := make(chan struct{})
		writer.Go(func() {
			if name := fmt.Sprintf("added%d", round); round%4 == 0 {
				if _, _, code := h.CLI("add", name, "--port", "none", "--no-start", "--", "sleep", "600"); code == 0 {
					added = name
					adds++
				}
			}
			for n := int64(round); ; n++ {
				writes.Store(n%7 + 1)
				if _, _, code := h.CLI("scale", "forker", fmt.Sprint(n%7+1)); code == 0 {
					acknowledged.Store(n%7 + 1)
					continue
				}
				select {
				case <-ended:
					return
				default:
					refused++
				}
				rig.Pause(time.Millisecond)
			}
		})
		rig.Pause(20*time.Millisecond + rand.N(200*time.Millisecond))
		victim := r.Cmd.Process.Pid
		if w, ok := r.Worker(); ok && round%2 == 0 {
			victim = w.PID
		}
		close(ended)
		if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-r.Done
		writer.Wait()
		deadline := time.Now().Add(time.Second)
		left := rig.Marked(h.Mark)
		for len(left) > 0 && time.Now().Before(deadline) {
			rig.Pause(time.Millisecond)
			left = rig.Marked(h.Mark)
		}
		orphans += len(left)
		rig.KillAll(left)
	}
	row(t, "kill -9 of Holdfast", orphans == 0 && lost == 0 && refused == 0 && adds > kills/10, "0 orphans, 0 lost",
		"%d kills, %d apps added: %d orphans, %d acknowledged writes lost, %d refused", kills, adds, orphans, lost, refused)
}

// TestKillStorm kills the instances of ten apps in turns, twenty a second.
func TestKillStorm(t *testing.T) {
	const apps, backoff = 10, 200 * time.Millisecond
	var config strings.Builder
	config.WriteString(head + "apps:\n  steady: {command: [\"{holdfast}\", demo-app]}\n")
	for n := range apps {
		fmt.Fprintf(&config, "  storm%d:\n    command: [\"{holdfast}\", demo-app]\n    restart: {backoff: 200ms, max_backoff: 200ms, max_restarts: 0, reset_after: 1h}\n", n)
	}
	config.WriteString("routes:\n  steady: {app: steady}\n")
	h := newHome(t, config.String())
	r := h.StartReady()
	r.WaitHealthy("steady")
	for n := range apps {
		r.WaitHealthy(fmt.Sprintf("storm%d", n))
	}
	calm := attack(h.Gateway, 100, 5*time.Second)

	watcher := newObserver(h)
	length := pick(15*time.Second, time.Minute)
	storm := make(chan int)
	go func() {
		kills := 0
		tick := time.NewTicker(time.Second / 20)
		defer tick.Stop()
		for begin := time.Now(); time.Since(begin) < length; kills++ {
			<-tick.C
			app := fmt.Sprintf("storm%d", kills%apps)
			if pid := h.Instance(app, app+"-1").PID; pid != 0 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		storm <- kills
	}()
	rough := attack(h.Gateway, 100, length)
	kills := <-storm
	delays := watcher.stop()

	early, late, worst := 0, 0, 0.0
	for _, d := range delays {
		// The policy takes off up to a tenth of each delay, so that many do not come back together.
		share := float64(d) / float64(backoff)
		worst = max(worst, 0.9-share, share-1)
		switch {
		case share < 0.8:
			early++
		case share > 1.1:
			late++ // a machine with other work starts one in many later than it was asked to
		}
	}
	row(t, "kill storm, restart delays", early == 0 && late <= len(delays)/100 && len(delays) > kills/2, "none more than 10 % before, 99 of 100 at most 10 % after the policy's time",
		"%d kills over %d apps: %d restarts with a delay, %d early, %d late, the worst by %.1f %%", kills, apps, len(delays), early, late, 100*max(worst, 0))
	ratio := float64(rough.Latencies.P99) / float64(calm.Latencies.P99)
	row(t, "kill storm, the healthy app", rough.Success == 1 && (ratio <= 2 || rough.Latencies.P99 < 5*time.Millisecond), "p99 at most doubled, or below 5 ms; 0 failed",
		"p99 %v before, %v during (x%.1f), %.0f %% good", calm.Latencies.P99.Round(10*time.Microsecond), rough.Latencies.P99.Round(10*time.Microsecond), ratio, 100*rough.Success)
	r.Stop()
}

// observer follows the events and pairs ends with the starts after them.
type observer struct {
	h    *rig.Home
	done chan struct{}
	wait sync.WaitGroup

	next   uint64
	exited map[string]time.Time
	delays []time.Duration
}

func newObserver(h *rig.Home) *observer {
	o := &observer{h: h, done: make(chan struct{}), exited: make(map[string]time.Time)}
	o.wait.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			o.look()
			select {
			case <-o.done:
				o.look()
				return
			case <-tick.C:
			}
		}
	})
	return o
}

func (o *observer) stop() []time.Duration {
	close(o.done)
	o.wait.Wait()
	return o.delays
}

// look takes the events since the last one.
func (o *observer) look() {
	for _, e := range o.h.Newest(500) {
		if e.ID < o.next {
			continue
		}
		o.next = e.ID + 1
		switch e.Type {
		case "instance.exited":
			if !strings.Contains(e.Message, "at once") {
				o.exited[e.Instance] = e.Time
			}
		case "instance.started":
			if was, ok := o.exited[e.Instance]; ok {
				o.delays = append(o.delays, e.Time.Sub(was))
				delete(o.exited, e.Instance)
			}
		}
	}
}

// TestCrashLoop lets a program end as soon as it is started, for ever.
func TestCrashLoop(t *testing.T) {
	h := newHome(t, head+`
apps:
  broken:
    command: [sh, -c, "exit 3"]
    port: none
  worse:
    command: [sh, -c, "exit 3"]
    port: none
    restart: {backoff: 200ms, max_backoff: 200ms, max_restarts: 0}
`)
	r := h.StartReady()
	rig.Pause(time.Second)
	share := usage(r, func() { rig.Pause(pick(10*time.Second, time.Minute)) })
	restarts := h.Instance("worse", "worse-1").Restarts
	row(t, "crash loop", share < 0.02 && restarts > 25, "below 2 % of a core",
		"%.2f %% of a core for one app with the defaults and one that ends five times a second (%d restarts)", 100*share, restarts)
	if s := h.Instance("broken", "broken-1").State; s != status.Backoff && s != status.CrashLoop {
		t.Errorf("broken-1 is %s", s)
	}
	r.Stop()
}
