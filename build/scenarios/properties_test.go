//go:build wine || windows

package scenarios

import (
	"strings"
	"testing"
)

// Every property at once, each with a value that is not its default; then an upgrade that must
// remember them, and a rerun that changes two.
func TestProperties(t *testing.T) {
	const (
		dir   = `C:\商店 Programs\Holdfast one`
		data  = `C:\商店 Data\Holdfast one`
		begin = `C:\seeds 种子\my seed.yaml`
	)
	m := fresh(t)
	empty := m.look()
	m.write(begin, seed)
	m.msiexec("/i", pkg("1.0.0"), "HF_ACCOUNT=NetworkService", "HF_ADDRESS=127.0.0.1", "HF_PORT=8123", "HF_FIREWALL=yes",
		"HF_STARTTYPE=manual", "HF_HEALTHTIMEOUT=31", "INSTALLDIR="+dir, "DATADIR="+data, "HF_CONFIG="+begin)
	properties := map[string]string{
		"Account": "NetworkService", "Address": "127.0.0.1", "Port": "8123", "Firewall": "yes", "StartType": "manual", "HealthTimeout": "31",
		"InstallDir": dir + `\`, "DataDir": data + `\`, "Version": "1.0.0",
	}
	check := func(account, start string) {
		t.Helper()
		key := m.registry(softKey)
		for name, want := range properties {
			if got := key.value(name); got != want {
				t.Errorf("HKLM\\%s %s is %q, want %q", softKey, name, got, want)
			}
		}
		service := m.registry(serviceKey)
		if got := service.value("ObjectName"); !strings.EqualFold(got, account) {
			t.Errorf("the service runs as %q, want %s", got, account)
		}
		if got := service.value("Start"); got != start {
			t.Errorf("the service's start is %s, want %s", got, start)
		}
		if got, want := service.value("ImagePath"), `"`+dir+`\holdfast.exe" run --name Holdfast`; got != want {
			t.Errorf("the service's command is %s, want %s", got, want)
		}
	}
	const manual, auto = "dword:00000003", "dword:00000002"
	check(`NT AUTHORITY\NetworkService`, manual)
	m.answers(8123, "/", greeting)
	m.silent(gatewayPort)
	m.has(dir+`\holdfast.exe`, data+`\holdfast.yaml`, data+`\logs`, data+`\setup\setup.log`)
	m.lacks(installDir, dataDir)
	m.wants(m.ok(dir+`\holdfast.exe`, "status"), "caddy", "healthy")

	m.msiexec("/i", pkg("1.1.0"))
	properties["Version"] = "1.1.0"
	check(`NT AUTHORITY\NetworkService`, manual)
	m.answers(8123, "/", greeting)
	m.lacks(installDir, dataDir)

	m.msiexec("/i", pkg("1.1.0"), "HF_PORT=8124", "HF_STARTTYPE=auto", `HF_ACCOUNT=NT SERVICE\Holdfast`, "HF_ADDRESS=*", "HF_FIREWALL=0")
	properties["Port"], properties["StartType"], properties["Account"] = "8124", "auto", `NT SERVICE\Holdfast`
	properties["Address"], properties["Firewall"] = "*", "0"
	check(`NT SERVICE\Holdfast`, auto)
	m.answers(8124, "/", greeting)
	m.silent(8123)

	m.msiexec("/x", pkg("1.1.0"), "HF_PURGE=1")
	m.same(empty, `* C:\seeds*`, `folder C:\商店*`)
	m.lacks(dir, data)
	m.nothingRuns()
}

// Without a start there is no health gate: the service is there, and somebody else starts it.
func TestNoStart(t *testing.T) {
	m := fresh(t)
	m.write(seedFile, seed)
	m.msiexec("/i", pkg("1.0.0"), "HF_NOSTART=1", "HF_CONFIG="+seedFile)
	m.is("Holdfast", "STOPPED")
	m.silent(gatewayPort)
	if got := m.read(config); got != seed {
		t.Errorf("the configuration is not the seed:\n%s", got)
	}
	m.ok(holdfast, "service", "start")
	m.answers(gatewayPort, "/", greeting)
}

// A wrong value ends the installation before anything is written.
func TestWrongValues(t *testing.T) {
	m := fresh(t)
	m.write(seedFile, seed)
	before := m.look()
	for _, test := range []struct {
		property string
		values   []string
	}{
		{"HF_ACCOUNT", []string{"LocalSystem", `CORP\somebody`, `NT SERVICE\Other`, "Administrator", `NT AUTHORITY\SYSTEM`, `.\holdfast$`}},
		{"HF_ADDRESS", []string{"everywhere", "256.1.1.1", "127.0.0.1:80", "10.0.0.0/8", "1.2.3", "::g"}},
		{"HF_PORT", []string{"0", "65536", "-1", "80a", "http", "8080.5", "99999999999", "0x50", "+80"}},
		{"HF_FIREWALL", []string{"maybe", "2", "yes;no"}},
		{"HF_STARTTYPE", []string{"boot", "disabled", "2"}},
		{"HF_HEALTHTIMEOUT", []string{"4", "601", "soon", "1m", "-5", "30.5"}},
		{"HF_NOSTART", []string{"later"}},
		{"HF_PURGE", []string{"some"}},
		{"HF_ALLOWDOWNGRADE", []string{"sometimes"}},
		{"DATADIR", []string{`C:\`, `C:\windows`, `C:\windows\system32\Holdfast`, `C:\Program Files\Holdfast`, `\\server\share\Holdfast`, `Holdfast`}},
		{"HF_CONFIG", []string{`C:\none.yaml`, `C:\windows`}},
	} {
		for _, value := range test.values {
			log, code := m.tryMsiexec("/i", pkg("1.0.0"), test.property+"="+value)
			if !m.failed(code) {
				t.Errorf("%s=%s: exit code %d, want that of 1603", test.property, value, code)
				m.msiexec("/x", pkg("1.0.0"), "HF_PURGE=1")
			} else {
				m.refused(log, test.property)
			}
			m.lacks(installDir, dataDir)
		}
	}
	m.same(before)
}
