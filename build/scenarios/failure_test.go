//go:build wine || windows

package scenarios

import (
	"context"
	"os"
	"slices"
	"testing"
)

// running is what services change by themselves while they run.
var running = []string{
	`* C:\ProgramData\*\logs*`,
	`file C:\ProgramData\*\setup\setup.log*`,
	`file C:\ProgramData\*.db`,
}

// actions are the deferred ones of an installation, in their order.
var actions = []string{"HfGuard", "HfSnapshot", "HfStop", "HfApply", "HfStart", "HfFail"}

// An installation that fails, wherever it does, leaves nothing behind.
func TestFailedInstallationLeavesNothing(t *testing.T) {
	m := fresh(t)
	m.write(seedFile, seed)
	empty := m.look()
	for _, action := range actions {
		m.fails("/i", pkg("test-1.0.0"), "HF_CONFIG="+seedFile, "HF_FAILAT="+action)
		if changes := m.changedBy(empty); changes != "" {
			t.Errorf("after a failure in %s:\n%s", action, changes)
			empty = m.look()
		}
		m.silent(gatewayPort)
		m.nothingRuns()
	}
	// The same package installs when nothing fails: what failed was what we asked for.
	m.msiexec("/i", pkg("test-1.0.0"), "HF_CONFIG="+seedFile)
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
	m.fails("/i", pkg("1.0.0"), "HF_CONFIG="+seedFile, "HF_HEALTHTIMEOUT=5")
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	m.same(empty)
	m.nothingRuns()

	m.write(`C:\broken.yaml`, "version: one\n")
	empty = m.look()
	m.fails("/i", pkg("1.0.0"), `HF_CONFIG=C:\broken.yaml`, "HF_HEALTHTIMEOUT=5")
	m.same(empty)
	m.nothingRuns()

	m.write(dataDir+`\holdfast.yaml`, "version: one\n") // left over, and broken since
	before := m.look()
	m.fails("/i", pkg("1.0.0"), "HF_HEALTHTIMEOUT=5")
	m.same(before, running...)
	m.nothingRuns()
}

// A data folder in which somebody prepared something is not taken; one that is clean is.
func TestPreparedDataFolderIsRefused(t *testing.T) {
	const victim = `C:\victim.yaml`
	m := fresh(t)
	m.write(seedFile, seed)
	m.write(victim, "precious\n")
	m.write(moreFile, more)
	clean := m.look()
	if err := os.Link(m.path(victim), m.path(config)); err != nil {
		t.Fatal(err)
	}
	before := m.look()
	m.fails("/i", pkg("1.0.0"), "HF_CONFIG="+seedFile)
	m.same(before)
	m.remove(config)

	m.msiexec("/i", pkg("1.0.0"), "HF_CONFIG="+seedFile)
	m.answers(gatewayPort, "/", greeting)
	m.msiexec("/x", pkg("1.0.0"))
	m.same(clean, `* `+dataDir+`\*`)
	m.has(moreFile)
	if got := m.read(victim); got != "precious\n" {
		t.Errorf("%s is now %q", victim, got)
	}
}

// A removal that fails leaves the product as it was: running and answering, with all its files and
// settings. Each product is installed for one failure, because Wine forgets that it is installed
// however the removal ends.
func TestFailedRemovalChangesNothing(t *testing.T) {
	for _, action := range removing {
		t.Run(action, func(t *testing.T) {
			m := fresh(t)
			m.write(seedFile, seed)
			m.msiexec("/i", pkg("test-1.0.0"), "HF_CONFIG="+seedFile)
			m.answers(gatewayPort, "/", greeting)
			before := m.look()
			m.fails("/x", pkg("test-1.0.0"), "HF_PURGE=1", "HF_FAILAT="+action)
			m.answers(gatewayPort, "/", greeting)
			m.same(before, slices.Concat(running, forgotten)...)
		})
	}
}

// Whatever becomes of the programs, an upgrade that fails does not lose what the administrator wrote,
// and can be tried again.
func TestFailedUpgradeLosesNoData(t *testing.T) {
	m := fresh(t)
	m.write(seedFile, seed)
	m.msiexec("/i", pkg("test-1.0.0"), "HF_CONFIG="+seedFile)
	edited := "# edited by hand\n" + seed
	m.write(config, edited)
	for _, action := range actions {
		m.fails("/i", pkg("test-1.1.0"), "HF_PURGE=1", "HF_FAILAT="+action)
		if got := m.read(config); got != edited {
			t.Fatalf("after a failure in %s the configuration is:\n%s", action, got)
		}
	}
	m.msiexec("/i", pkg("test-1.1.0"))
	m.answers(gatewayPort, "/", greeting)
	m.entry("Holdfast", "1.1.0")
	if got := m.read(config); got != edited {
		t.Errorf("the configuration is now:\n%s", got)
	}
}

// Somebody runs Holdfast under the same name in a console: its answers are not the service's.
func TestRunningConsoleDoesNotPassForTheService(t *testing.T) {
	const console = `C:\console\holdfast.exe`
	m := installed(t)
	m.copyFile(holdfast, console)
	m.msiexec("/x", pkg("1.0.0"), "HF_PURGE=1")
	m.write(`C:\console\holdfast.yaml`, seed)
	before := m.look()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _, _ = m.run(ctx, console, "run", "--name", "Holdfast", "--config", `C:\console\holdfast.yaml`)
	}()
	defer func() {
		for _, pid := range m.processes(`console\holdfast.exe`) {
			_ = m.kill(pid)
		}
		cancel()
		<-ended
	}()
	m.answers(gatewayPort, "/", greeting)
	m.fails("/i", pkg("1.0.0"), "HF_PORT=8300", "HF_HEALTHTIMEOUT=5")
	m.answers(gatewayPort, "/", greeting)
	m.same(before, `* `+dataDir+`*`) // the console's own
	m.is("Holdfast", "")
}
