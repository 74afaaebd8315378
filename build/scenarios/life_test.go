//go:build wine || windows

package scenarios

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// From nothing to a product and back to nothing, without a user interface.
func TestInstallRemoveInstallAgainPurge(t *testing.T) {
	m := fresh(t)
	m.write(seedFile, seed)
	empty := m.look()

	first := m.firstAnswer()
	began := time.Now()
	m.msiexec("/i", pkg("1.0.0"), "HF_CONFIG="+seedFile)
	t.Logf("%5.1f s  from the start of msiexec to the first 200 through the gateway", (<-first).Sub(began).Seconds())
	m.installation("1.0.0")

	m.msiexec("/x", pkg("1.0.0"))
	if got := m.searchPath(); strings.Contains(got, installDir) {
		t.Errorf("PATH is still %q", got)
	}
	m.same(empty, `* `+dataDir, `* `+dataDir+`\*`)
	m.silent(gatewayPort)
	m.nothingRuns()
	if got := m.read(config); got != seed {
		t.Errorf("the configuration was not kept:\n%s", got)
	}

	edited := strings.Replace(seed, greeting, "hello from what was left", 1)
	m.write(config, edited)
	m.msiexec("/i", pkg("1.0.0"), "HF_CONFIG="+seedFile)
	m.answers(gatewayPort, "/", "hello from what was left")
	if got := m.read(config); got != edited {
		t.Errorf("an installation over leftovers changed the configuration:\n%s", got)
	}

	m.msiexec("/x", pkg("1.0.0"), "HF_PURGE=1")
	m.same(empty)
	m.nothingRuns()
}

// firstAnswer tells when the gateway answered 200 for the first time.
func (m *machine) firstAnswer() <-chan time.Time {
	at := make(chan time.Time, 1)
	ctx := m.t.Context()
	go func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			if code, _ := m.get(gatewayPort, "/"); code == http.StatusOK {
				at <- time.Now()
				return
			}
			<-tick.C
		}
	}()
	return at
}

// installation wants everything that an installation with defaults makes.
func (m *machine) installation(version string) {
	m.t.Helper()
	m.has(holdfast, installDir+`\holdfast.template.yaml`, installDir+`\licence.rtf`, installDir+`\policy.zip`, config, setupLog)
	if got := strings.TrimSpace(m.read(installDir + `\holdfast.name`)); got != "Holdfast" {
		m.t.Errorf("holdfast.name says %q", got)
	}
	if got := m.read(config); got != seed {
		m.t.Errorf("the configuration is not the seed:\n%s", got)
	}
	m.lacks(dataDir+`\setup\snapshot.json`, config+`.new`)

	key := m.registry(softKey)
	for name, want := range map[string]string{
		"Account": "LocalService", "Address": "*", "Port": "8080", "Firewall": "no", "StartType": "auto", "HealthTimeout": "60",
		"InstallDir": installDir + `\`, "DataDir": dataDir + `\`, "Version": version,
	} {
		if got := key.value(name); got != want {
			m.t.Errorf("HKLM\\%s %s is %q, want %q", softKey, name, got, want)
		}
	}
	m.is("Holdfast", "RUNNING")
	service := m.registry(serviceKey)
	for name, want := range map[string]string{
		"ImagePath":   `"C:\Program Files\Holdfast\holdfast.exe" run --name Holdfast`,
		"DisplayName": "Holdfast", "Type": "dword:00000010", "Start": "dword:00000002",
	} {
		if got := service.value(name); got != want {
			m.t.Errorf("service: %s is %q, want %q", name, got, want)
		}
	}
	if got := service.value("ObjectName"); !strings.EqualFold(got, `NT AUTHORITY\LocalService`) {
		m.t.Errorf("service: ObjectName is %q, want LocalService", got)
	}
	if service.value("Description") == "" {
		m.t.Error("service: no description")
	}
	if got := m.registry(eventKey).value("EventMessageFile"); !strings.Contains(strings.ToLower(got), "eventcreate.exe") {
		m.t.Errorf("event source: messages in %q", got)
	}
	m.entry("Holdfast", version)
	if got := m.searchPath(); !strings.Contains(got, installDir) {
		m.t.Errorf("PATH is %q", got)
	}
	m.wants(m.ok(holdfast, "version"), version)
	m.wants(m.ok(holdfast, "status"), "caddy", "healthy")
}

func (m *machine) searchPath() string {
	m.t.Helper()
	return m.registry(`SYSTEM\CurrentControlSet\Control\Session Manager\Environment`).value("PATH")
}

// entry wants one product of this name among the installed programs, and the version.
func (m *machine) entry(name, version string) {
	m.t.Helper()
	found := m.entries(name)
	if len(found) != 1 {
		m.t.Errorf("%s is %d times among the installed programs: %v", name, len(found), found)
		return
	}
	key := m.registry(uninstallKey + `\` + found[0])
	if got := key.value("DisplayVersion"); got != version {
		m.t.Errorf("installed programs: %s is version %q, want %q", name, got, version)
	}
	for _, value := range []string{"Publisher", "Comments", "InstallLocation", "NoModify"} {
		if key.value(value) == "" {
			m.t.Errorf("installed programs: %s has no %s", name, value)
		}
	}
}

// entries are the product codes of the installed programs of this name.
func (m *machine) entries(name string) []string {
	m.t.Helper()
	var found []string
	prefix := strings.ToLower(`registry HKEY_LOCAL_MACHINE\` + uninstallKey + `\`)
	for thing, value := range m.registry(uninstallKey).values {
		if !strings.HasSuffix(thing, ` "DisplayName"`) || value != name {
			continue
		}
		if rest, ok := strings.CutPrefix(strings.ToLower(thing), prefix); ok {
			code, _, _ := strings.Cut(rest, " ")
			found = append(found, strings.ToUpper(code))
		}
	}
	return found
}

// nothingRuns wants no process of Holdfast and of its apps.
func (m *machine) nothingRuns() {
	m.t.Helper()
	for _, exe := range []string{"holdfast.exe", "caddy.exe"} {
		if left := m.processes(exe); len(left) > 0 {
			m.t.Errorf("processes of %s are left: %v", exe, left)
		}
	}
}

// The service control manager starts this msiexec, as a management system or a policy would: no
// desktop, no user, none of a user's variables.
func TestInstallFromAService(t *testing.T) {
	m := fresh(t)
	m.write(seedFile, seed)
	const log = `C:\logs\service.log`
	m.write(log, "")
	m.ok("sc", "create", "Deployment", "binPath=",
		`C:\windows\system32\cmd.exe /c start /b msiexec.exe /i `+pkg("1.0.0")+` /qn /l*v `+log+` HF_CONFIG=`+seedFile)
	// The shell is no service, which the manager says; what the shell has started goes on.
	if text, code, err := m.run(t.Context(), "sc", "start", "Deployment"); err != nil || code == 0 {
		t.Fatalf("sc start: %v\n%s", err, text)
	}
	m.log = log
	m.answers(gatewayPort, "/", greeting)
	m.until("the installation has ended", func() bool { return len(m.entries("Holdfast")) == 1 && len(m.processes("/i "+pkg("1.0.0"))) == 0 })
	m.installation("1.0.0")
}
