//go:build wine

package scenarios

import (
	"context"
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

// The power fails in the middle of an upgrade. The same command then completes it.
func TestPowerLossDuringAnUpgrade(t *testing.T) {
	m := installed(t)
	edited := "# edited by hand\n" + seed
	m.write(config, edited)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _, _ = m.run(ctx, "msiexec", "/i", pkg("1.1.0"), "/qn")
	}()
	m.until("the old version is stopped", func() bool {
		code, _ := m.get(gatewayPort, "/")
		return code == 0
	})
	m.reboot()
	cancel()
	<-ended
	if got := m.read(config); got != edited {
		t.Fatalf("the configuration is now:\n%s", got)
	}
	m.msiexec("/i", pkg("1.1.0"))
	m.answers(gatewayPort, "/", greeting)
	m.entry("Holdfast", "1.1.0")
	m.lacks(dataDir + `\setup\snapshot.json`)
	if got := m.read(config); got != edited {
		t.Errorf("the configuration is now:\n%s", got)
	}
}
