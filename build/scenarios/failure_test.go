//go:build wine || windows

package scenarios

import (
	"os"
	"testing"
)

// running is what a service changes by itself while it runs.
var running = []string{
	`* ` + dataDir + `\logs*`,
	`* ` + dataDir + `\setup\setup.log*`,
	`* ` + dataDir + `\*.db`,
}

// actions are the deferred ones of an installation, in their order.
var actions = []string{"HfGuard", "HfSnapshot", "HfStop", "HfApply", "HfStart", "HfFail"}

// An installation that fails, wherever it does, leaves nothing behind.
func TestFailedInstallationLeavesNothing(t *testing.T) {
	m := fresh(t)
	m.write(seedFile, seed)
	empty := m.look()
	for _, action := range actions {
		m.msiexec(installFailure, "/i", pkg("test-1.0.0"), "HF_CONFIG="+seedFile, "HF_FAILAT="+action)
		if changes := m.changedBy(empty); changes != "" {
			t.Errorf("after a failure in %s:\n%s", action, changes)
			empty = m.look()
		}
		m.silent(gatewayPort)
		m.nothingRuns()
	}
	// The same package installs when nothing fails: what failed was what we asked for.
	m.msiexec(success, "/i", pkg("test-1.0.0"), "HF_CONFIG="+seedFile)
	m.answers(gatewayPort, "/", greeting)
}

// No answer within HF_HEALTHTIMEOUT: everything is taken back.
func TestUnhealthyInstallationLeavesNothing(t *testing.T) {
	m := fresh(t)
	m.write(seedFile, seed)
	empty := m.look()

	taken, err := m.listen(t.Context(), gatewayPort)
	if err != nil {
		t.Fatal(err)
	}
	m.msiexec(installFailure, "/i", pkg("1.0.0"), "HF_CONFIG="+seedFile, "HF_HEALTHTIMEOUT=5")
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	m.same(empty)
	m.nothingRuns()

	m.write(dataDir+`\holdfast.yaml`, "version: one\n") // left over, and broken since
	before := m.look()
	m.msiexec(installFailure, "/i", pkg("1.0.0"), "HF_HEALTHTIMEOUT=5")
	m.same(before, running...)
	m.nothingRuns()
}

// A data folder that somebody prepared is not taken.
func TestPreparedDataFolderIsRefused(t *testing.T) {
	m := fresh(t)
	m.write(seedFile, seed)
	m.write(`C:\victim.yaml`, "precious\n")
	m.write(dataDir+`\more`, "")
	if err := os.Link(m.path(`C:\victim.yaml`), m.path(config)); err != nil {
		t.Fatal(err)
	}
	before := m.look()
	m.msiexec(installFailure, "/i", pkg("1.0.0"), "HF_CONFIG="+seedFile)
	m.same(before)
}
