package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/internal/event"
	"holdfast/internal/status"
)

func TestWait(t *testing.T) {
	for _, test := range []struct {
		name  string
		args  []string
		after func(*status.App)
		code  int
		want  string
	}{
		{"up", []string{"start", "shop"}, func(a *status.App) { a.Condition, a.Ready = status.Healthy, 2 }, exitOK, "started shop in "},
		{"down", []string{"stop", "shop"}, func(a *status.App) {
			for i := range a.Instances {
				a.Instances[i].State = status.Stopped
			}
		}, exitOK, "stopped shop in "},
		{"back", []string{"restart", "shop"}, func(a *status.App) {
			a.Condition = status.Healthy
			for i := range a.Instances {
				a.Instances[i].StartedAt = time.Now().Add(time.Hour)
			}
		}, exitOK, "restarted shop in "},
		{"old processes are not back", []string{"restart", "shop", "--timeout", "150ms"}, func(a *status.App) { a.Condition = status.Healthy }, exitFailed, "is not restarted yet, and the time to wait is over; see: holdfast status shop"},
		{"gave up", []string{"start", "shop"}, func(a *status.App) {
			a.Instances[1].State, a.Instances[1].Since = status.CrashLoop, time.Now().Add(time.Hour)
		}, exitFailed, "shop could not be started: shop-2: exit code 1; see: holdfast logs shop-2"},
		{"a job that fails at once is not started", []string{"start", "shop"}, func(a *status.App) {
			// What --wait sees first is a process that runs, and then that it has failed.
			a.Condition, a.Ready = status.Healthy, 2
			for i := range a.Instances {
				a.Instances[i].Port, a.Instances[i].PID, a.Instances[i].State, a.Instances[i].Ready = 0, 100+i, status.Running, true
			}
		}, exitFailed, "shop could not be started: shop-1: exit code 3"},
		{"an additional instance is still there", []string{"restart", "shop", "--timeout", "150ms"}, func(a *status.App) {
			a.Condition = status.Healthy
			for i := range a.Instances {
				a.Instances[i].StartedAt = time.Now().Add(time.Hour)
			}
			a.Instances = append(a.Instances, status.Instance{ID: "shop-3", Role: status.Surge, Port: 1, State: status.Draining})
		}, exitFailed, "is not restarted yet"},
		{"an instance drains", []string{"stop", "shop", "--timeout", "150ms"}, func(a *status.App) {
			a.Instances[0].State, a.Instances[1].State = status.Stopped, status.Draining
		}, exitFailed, "is not stopped yet"},
		{"up in maintenance", []string{"start", "shop"}, func(a *status.App) {
			a.Condition = status.InMaintenance
			a.Instances[1].Ready = true
		}, exitOK, "started shop in "},
		{"not up in maintenance", []string{"start", "shop", "--timeout", "150ms"}, func(a *status.App) { a.Condition = status.InMaintenance }, exitFailed, "is not started yet"},
		{"scaled", []string{"scale", "shop", "1"}, func(a *status.App) { a.Desired, a.Instances = 1, a.Instances[:1] }, exitOK, "scaled shop to 1 instance in "},
		{"scaled while it is stopped", []string{"scale", "shop", "2"}, func(a *status.App) {
			for i := range a.Instances {
				a.Instances[i].State, a.Instances[i].Ready = status.Stopped, false
			}
		}, exitOK, "scaled shop to 2 instances in "},
		{"one too many is still there", []string{"scale", "shop", "1", "--timeout", "150ms"}, func(a *status.App) { a.Desired = 1 }, exitFailed, "is not scaled yet"},
		{"a new one does not come up", []string{"scale", "shop", "2"}, func(a *status.App) {
			a.Instances[1].State, a.Instances[1].Since = status.CrashLoop, time.Now().Add(time.Hour)
		}, exitFailed, "shop could not be scaled: shop-2: exit code 1"},
		{"a job has ended well", []string{"start", "shop"}, endWith(0), exitOK, "started shop in "},
		{"a job ran again and ended well", []string{"restart", "shop"}, endWith(0), exitOK, "restarted shop in "},
		{"a job failed", []string{"start", "shop"}, endWith(1), exitFailed, "shop could not be started: shop-1: exit code 1; see: holdfast logs shop-1"},
		{"never", []string{"start", "shop", "--timeout", "150ms"}, func(*status.App) {}, exitFailed, "is not started yet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, data := newFakeHoldfast(t)
			f.after = test.after
			f.later = func(a *status.App) {
				if a.Instances[0].PID == 100 {
					endWith(3)(a)
				}
			}
			code, stdout, stderr := runCommand(t, "", append(test.args, "--wait", "--data", data)...)
			if code != test.code || !strings.Contains(stdout+stderr, test.want) {
				t.Errorf("exit code %d, want %d; output %q, want %q", code, test.code, stdout+stderr, test.want)
			}
		})
	}
}

// TestRestartThatIsGivenUp is told by an event: the instances run on as before.
func TestRestartThatIsGivenUp(t *testing.T) {
	f, data := newFakeHoldfast(t)
	given := event.AppRestartFailed{About: event.About{App: "shop"}, Failed: "shop-3", Why: "port 20003 is held by \x1b[2Jnginx", Untouched: 2}
	f.bus.Publish(given)
	args := []string{"restart", "shop", "--wait", "--data", data}
	for name, after := range map[string]func(*status.App){
		"another failed before":             func(*status.App) {},
		"the next one is under way already": func(a *status.App) { a.Restarting = "0 of 2"; f.bus.Publish(given) },
	} {
		f.after = after
		if code, _, stderr := runCommand(t, "", append(args, "--timeout", "200ms")...); code != exitFailed || !strings.Contains(stderr, "is not restarted yet") {
			t.Errorf("%s: exit code %d, %q", name, code, stderr)
		}
		f.apps[0].Restarting = ""
	}
	f.after = func(*status.App) { f.bus.Publish(given) }
	if _, stdout, _ := runCommand(t, "", "status", "shop", "--data", data); !strings.Contains(stdout, "the restart was given up because shop-3") {
		t.Errorf("status does not tell that a restart was given up:\n%s", stdout)
	}
	code, _, stderr := runCommand(t, "", args...)
	if want := `shop could not be restarted: the restart was given up because shop-3 did not become ready: port 20003 is held by \x1b[2Jnginx;`; code != exitFailed || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, stderr %q, want %q", code, stderr, want)
	}
}

func TestSettling(t *testing.T) {
	job := func(pid int) status.App {
		return status.App{Instances: []status.Instance{{ID: "job-1", PID: pid}}}
	}
	var s settling
	begin := now()
	for n, step := range []struct {
		app   status.App
		done  bool
		after time.Duration
		want  bool
	}{
		{job(1), true, 0, false},
		{job(1), true, settle - 1, false},
		{job(2), true, settle, false}, // another process: it begins anew
		{job(2), true, 2*settle - 1, false},
		{job(2), false, 3 * settle, false},
		{job(2), true, 3 * settle, true},
		{job(0), true, 3 * settle, true}, // it has ended: nothing is left to be believed
		{status.App{Instances: []status.Instance{{ID: "web-1", PID: 3, Port: 80}}}, true, 3 * settle, true},
	} {
		if got := s.settled(step.app, step.done, begin.Add(step.after)); got != step.want {
			t.Errorf("step %d: %v, want %v", n, got, step.want)
		}
	}
}

// endWith makes an app a job whose processes have ended after the request.
func endWith(code int64) func(*status.App) {
	return func(a *status.App) {
		a.Condition, a.Ready = status.Idle, 0
		for i := range a.Instances {
			a.Instances[i] = status.Instance{
				ID: a.Instances[i].ID, State: status.Exited, Since: time.Now().Add(time.Hour),
				Why:      fmt.Sprintf("exit code %d", code),
				LastExit: &status.Exit{Code: code, Reason: status.ReasonExit},
			}
		}
	}
}

// TestRestartThatWasGivenUpIsForgotten once the processes are new ones.
func TestRestartThatWasGivenUpIsForgotten(t *testing.T) {
	f, data := newFakeHoldfast(t)
	f.bus.Publish(event.AppRestartFailed{About: event.About{App: "shop"}, Failed: "shop-3", Why: "x"})
	f.apps[0].Instances[0].StartedAt = time.Now().Add(time.Hour)
	if _, stdout, _ := runCommand(t, "", "status", "shop", "--data", data); strings.Contains(stdout, "given up") {
		t.Errorf("status tells of a restart before the newest:\n%s", stdout)
	}
}
