//go:build wine

package scenarios

import (
	"context"
	"strings"
	"testing"
)

// A service that starts by itself does so when the machine starts.
func TestRestartOfTheMachine(t *testing.T) {
	m := installed(t)
	m.reboot()
	m.answers(gatewayPort, "/", greeting)
	m.is("Holdfast", "RUNNING")
	m.wants(m.ok(holdfast, "status"), "caddy", "healthy")
}

// The service dies without a word: its children must not outlive it. Wine's service manager does not
// notice, so that the restart by recovery cannot be seen here; the next start of the machine is.
func TestCrashLeavesNoChild(t *testing.T) {
	m := installed(t)
	for _, pid := range m.processes("holdfast.exe") {
		if err := m.kill(pid); err != nil {
			t.Fatal(err)
		}
	}
	m.until("no child is left", func() bool { return len(m.processes("caddy.exe")) == 0 })
	m.reboot()
	m.answers(gatewayPort, "/", greeting)
	m.msiexec("/x", pkg("1.0.0"))
	m.nothingRuns()
}

// The power fails in the middle. The administrator's configuration is still there, and an
// installation gets everything to run again. (Windows first takes back what was begun; Wine leaves it.)
func TestPowerLoss(t *testing.T) {
	edited := "# edited by hand\n" + seed
	for _, test := range []struct {
		name    string
		fresh   bool
		command []string
		action  string // of setup, after whose end it happens
		again   string // what is installed then
	}{
		{"installation", true, []string{"/i", pkg("1.0.0")}, "apply", "1.0.0"},
		{"upgrade, old version stopped", false, []string{"/i", pkg("1.1.0")}, "stop", "1.1.0"},
		{"upgrade, new version started", false, []string{"/i", pkg("1.1.0")}, "start", "1.1.0"},
		{"removal", false, []string{"/x", pkg("1.0.0")}, "remove", "1.0.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var m *machine
			if test.fresh {
				m = fresh(t)
			} else {
				m = installed(t)
				m.remove(setupLog)
			}
			m.write(config, edited)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _, _ = m.run(ctx, "msiexec", append(test.command, "/qn")...)
			}()
			m.until("setup has ended "+test.action, func() bool { return m.did(test.action) })
			m.reboot()
			cancel()
			<-ended
			if got := m.read(config); got != edited {
				t.Fatalf("the configuration is now:\n%s", got)
			}
			m.msiexec("/i", pkg(test.again))
			m.answers(gatewayPort, "/", greeting)
			m.is("Holdfast", "RUNNING")
			m.wants(m.ok(holdfast, "version"), test.again)
			if got := m.read(config); got != edited {
				t.Errorf("the configuration is now:\n%s", got)
			}
			for thing := range m.look() {
				if strings.Contains(thing, "snapshot-") || strings.Contains(thing, ".purge-") {
					t.Errorf("left: %s", thing)
				}
			}
		})
	}
}

// did tells whether an action of setup has ended, by setup's log.
func (m *machine) did(action string) bool {
	m.t.Helper()
	if !m.exists(setupLog) {
		return false
	}
	for line := range strings.Lines(m.read(setupLog)) {
		if strings.Contains(line, `"message":"done"`) && strings.Contains(line, `"action":"`+action+`"`) {
			return true
		}
	}
	return false
}
