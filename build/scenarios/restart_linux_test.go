//go:build wine

package scenarios

import "testing"

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
	m.msiexec(success, "/x", pkg("1.0.0"))
	m.nothingRuns()
}
