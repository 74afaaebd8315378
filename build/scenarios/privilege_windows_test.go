package scenarios

import (
	"context"
	"regexp"
	"strings"
	"testing"
)

// What the service manager keeps of the service, and Wine does not.
func TestServiceSettings(t *testing.T) {
	m := installed(t)
	m.wants(m.ok("sc", "qc", "Holdfast"), "AUTO_START", `NT AUTHORITY\LocalService`, "WIN32_OWN_PROCESS")
	m.wants(m.ok("sc", "qfailure", "Holdfast"), "RESTART -- Delay = 5000", "RESTART -- Delay = 10000", "RESTART -- Delay = 30000", "86400")
	m.wants(m.ok("sc", "qfailureflag", "Holdfast"), "TRUE")
	m.wants(m.ok("sc", "qsidtype", "Holdfast"), "UNRESTRICTED")
	// Others than SYSTEM and Administrators may not change it (DC), its rights (WD), its owner (WO) or
	// its being there (SD).
	for _, ace := range regexp.MustCompile(`\(A;;([A-Z]*);;;([^)]*)\)`).FindAllStringSubmatch(m.ok("sc", "sdshow", "Holdfast"), -1) {
		if who := ace[2]; who != "SY" && who != "BA" && regexp.MustCompile(`^(..)*(DC|WD|WO|SD)`).MatchString(ace[1]) {
			t.Errorf("%s may change the service: %s", who, ace[0])
		}
	}
	m.msiexec("/i", pkg("1.0.0"), "HF_STARTTYPE=delayed")
	m.wants(m.ok("sc", "qc", "Holdfast"), "DELAYED")
}

func TestAccounts(t *testing.T) {
	m := installed(t)
	for property, owner := range map[string]string{
		"LocalService": "LOCAL SERVICE", "NetworkService": "NETWORK SERVICE", `NT SERVICE\Holdfast`: "Holdfast",
	} {
		m.msiexec("/i", pkg("1.0.0"), "HF_ACCOUNT="+property)
		m.answers(gatewayPort, "/", greeting)
		const script = `(Get-CimInstance Win32_Process -Filter "Name='caddy.exe'" | Invoke-CimMethod -MethodName GetOwner).User`
		m.wants(m.ok("powershell", "-NoProfile", "-Command", script), owner)
	}
}

// ProgramData is anybody's; the data folder is not.
func TestDataFolderIsPrivate(t *testing.T) {
	m := installed(t)
	for _, dir := range []string{dataDir, dataDir + `\setup`, config} {
		text := m.ok("icacls", dir)
		m.wants(text, `NT AUTHORITY\SYSTEM:`, `BUILTIN\Administrators:`)
		for _, other := range []string{`BUILTIN\Users:`, `Everyone:`, `Authenticated Users:`, `CREATOR OWNER:`} {
			if strings.Contains(text, other) {
				t.Errorf("%s is open to others:\n%s", dir, text)
			}
		}
	}
	m.wants(m.ok("icacls", dataDir), `NT SERVICE\Holdfast:`)
	if text := m.ok("icacls", dataDir+`\setup`); strings.Contains(text, `NT SERVICE\Holdfast:`) {
		t.Errorf("the service may touch the installer's own state:\n%s", text)
	}
}

// Whoever may create a folder in ProgramData must not choose what the service reads.
func TestFolderOfAUserIsRefused(t *testing.T) {
	m := fresh(t)
	m.write(seedFile, seed)
	m.ok("net", "user", "hf_mallory", "Hf-4711-mallory!", "/add")
	m.undo("net", "user", "hf_mallory", "/delete")
	m.write(config, seed)
	m.ok("icacls", dataDir, "/setowner", "hf_mallory", "/t")
	before := m.look()
	m.fails("/i", pkg("1.0.0"), "HF_CONFIG="+seedFile)
	m.same(before)

	m.ok("cmd", "/c", "rmdir", "/s", "/q", dataDir)
	m.ok("cmd", "/c", "mkdir", `C:\elsewhere`)
	m.ok("cmd", "/c", "mklink", "/J", dataDir, `C:\elsewhere`)
	before = m.look()
	m.fails("/i", pkg("1.0.0"), "HF_CONFIG="+seedFile)
	m.same(before)
	m.ok("cmd", "/c", "rmdir", dataDir)
	m.ok("cmd", "/c", "rmdir", `C:\elsewhere`)
}

// undo runs a command when the test has ended; its own context has ended, too, by then.
func (m *machine) undo(name string, args ...string) {
	m.t.Helper()
	m.t.Cleanup(func() {
		if text, code, err := m.run(context.Background(), name, args...); err != nil || code != 0 {
			m.t.Errorf("%s %s: exit code %d, %v\n%s", name, strings.Join(args, " "), code, err, text)
		}
	})
}

func TestRecovery(t *testing.T) {
	m := installed(t)
	for _, pid := range m.processes("holdfast.exe") {
		_ = m.kill(pid) // the guarded ones end with the first
	}
	m.answers(gatewayPort, "/", greeting)
	m.is("Holdfast", "RUNNING")
}

// A failed upgrade brings the version before back: files, registry, service, and its answers.
func TestFailedUpgradeRestoresTheVersionBefore(t *testing.T) {
	m := fresh(t)
	m.write(seedFile, seed)
	m.msiexec("/i", pkg("test-1.0.0"), "HF_CONFIG="+seedFile)
	m.answers(gatewayPort, "/", greeting)
	before := m.look()
	back := func(after string) {
		t.Helper()
		if changes := m.changedBy(before, running...); changes != "" {
			t.Errorf("after %s:\n%s", after, changes)
		}
		m.answers(gatewayPort, "/", greeting)
		m.entry("Holdfast", "1.0.0")
		m.wants(m.ok(holdfast, "version"), "1.0.0")
	}
	for _, action := range actions {
		m.fails("/i", pkg("test-1.1.0"), "HF_FAILAT="+action)
		back("a failure in " + action)
	}
	const taken = 8999
	listener, err := m.listen(t.Context(), taken)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // nobody connects
	m.fails("/i", pkg("test-1.1.0"), "HF_PORT=8999", "HF_HEALTHTIMEOUT=5")
	back("an unhealthy upgrade")
	m.fails("/i", pkg("test-1.0.0"), "HF_PORT=8999", "HF_HEALTHTIMEOUT=5")
	back("an unhealthy rerun")
}

func TestAdministrativeInstallation(t *testing.T) {
	m := fresh(t)
	before := m.look()
	m.msiexec("/a", pkg("1.0.0"), `TARGETDIR=C:\point`)
	m.undo("cmd", "/c", "rmdir", "/s", "/q", `C:\point`)
	m.has(`C:\point\1.0.0.msi`)
	m.wants(m.ok("cmd", "/c", "dir", "/s", "/b", `C:\point`), "holdfast.exe", "policy.zip")
	m.same(before)
}

func TestRepairOfAllFiles(t *testing.T) {
	m := installed(t)
	before := m.look()
	m.ok(holdfast, "service", "stop")
	m.remove(holdfast)
	m.msiexec("/fa", pkg("1.0.0"))
	m.answers(gatewayPort, "/", greeting)
	m.same(before, running...)
}

func TestEventLogAndFirewall(t *testing.T) {
	m := installed(t, "HF_FIREWALL=yes")
	m.wants(m.ok("wevtutil", "qe", "Application", "/q:*[System[Provider[@Name='Holdfast']]]", "/c:20", "/rd:true", "/f:text"), "Holdfast")
	m.wants(m.ok("netsh", "advfirewall", "firewall", "show", "rule", "name=Holdfast", "verbose"), "holdfast.exe")
	m.msiexec("/x", pkg("1.0.0"), "HF_PURGE=1")
	if text, code, err := m.run(t.Context(), "netsh", "advfirewall", "firewall", "show", "rule", "name=Holdfast"); err != nil || code == 0 {
		t.Errorf("a firewall rule is left: %v\n%s", err, text)
	}
}

// A service of this name that is not ours stays what it is. (Wine takes back what was never done: it
// removes the service.)
func TestServiceOfAnotherProgramIsRefused(t *testing.T) {
	m := fresh(t)
	m.undo("sc", "delete", "Holdfast")
	m.ok("sc", "create", "Holdfast", "binPath=", `C:\windows\system32\notepad.exe`, "start=", "demand")
	before := m.look()
	m.fails("/i", pkg("1.0.0"))
	m.same(before)
}

// Somebody watches the events while an upgrade replaces the very program that shows them. Windows
// moves such a file out of the way; it may want a restart to delete it (3010).
func TestUpgradeWhileTheProgramIsInUse(t *testing.T) {
	m := installed(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _, _ = m.run(ctx, holdfast, "events", "-f")
	}()
	defer func() { cancel(); <-ended }()
	m.until("somebody watches", func() bool { return len(m.processes("events -f")) > 0 })
	if _, code := m.tryMsiexec("/i", pkg("1.1.0")); code != 0 && code != 3010 {
		t.Fatalf("exit code %d, want 0 or 3010", code)
	}
	m.answers(gatewayPort, "/", greeting)
	m.wants(m.ok(holdfast, "version"), "1.1.0")
}

// A transform has the fleet's settings, and the command line still wins.
func TestTransform(t *testing.T) {
	m := fresh(t)
	m.write(seedFile, seed)
	m.msiexec("/i", pkg("1.0.0"), "TRANSFORMS="+fleet, "HF_CONFIG="+seedFile)
	m.answers(8600, "/", greeting)
	m.wants(m.ok("sc", "qc", "Holdfast"), "DELAYED")
	m.msiexec("/i", pkg("1.1.0"), "TRANSFORMS="+fleet, "HF_PORT=8601")
	m.answers(8601, "/", greeting)
	m.silent(8600)
}
