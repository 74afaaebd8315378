package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/internal/service"
)

func build(m *fakeMachine) func(service.Identity) (machine, error) {
	return func(service.Identity) (machine, error) { return m.machine(), nil }
}

func TestExitCodes(t *testing.T) {
	full := arguments()
	for name, tt := range map[string]struct {
		args []string
		want int
		told string // in the Event Log
	}{
		"guard":                      {commandLine("guard", full), 0, ""},
		"nothing":                    {nil, exitFailed, "say which action"},
		"unknown action":             {commandLine("format", full), exitFailed, `The Shop 1.3.0:  failed: no action "format"; there are: guard, snapshot,`},
		"malformed command line":     {append(commandLine("guard", full), "--purge", "1"), exitFailed, "--purge is given twice"},
		"wrong value":                {commandLine("apply", with(full, argPort, "x")), exitFailed, "HF_PORT"},
		"wrong value, removing":      {commandLine("stop", with(full, argPort, "x", argRemove, "ALL")), 0, ""},
		"wrong name, removing":       {commandLine("stop", with(full, argName, "..", argRemove, "ALL")), exitFailed, "name"},
		"failure":                    {commandLine("apply", full), exitFailed, "HfApply failed: HfSnapshot has left nothing"},
		"failure of an undoing verb": {commandLine("apply-rollback", with(full, argData, "x")), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := newFake()
			if got := run(tt.args, build(m)); got != tt.want {
				t.Errorf("exit code %d, want %d: %q", got, tt.want, m.told)
			}
			if told := strings.Join(m.told, "\n"); !strings.Contains(told, tt.told) || tt.told == "" && told != "" {
				t.Errorf("Event Log: got %q, want %q", told, tt.told)
			}
		})
	}
}

// What undoes or commits never fails the installation: it is told as a warning.
func TestUndoingFailsNothing(t *testing.T) {
	for _, v := range verbs() {
		if v.undoes != (strings.HasSuffix(v.name, "-rollback") || v.name == "commit") || v.limit <= 0 || v.action == "" {
			t.Errorf("%+v", v)
		}
	}
	m := newFake()
	if got := run(commandLine("snapshot", arguments()), build(m)); got != 0 {
		t.Fatal(m.told)
	}
	m.ops, m.failAt, m.broken = 0, 1, true
	if got := run(commandLine("snapshot-rollback", arguments()), build(m)); got != 0 || len(m.told) != 1 || !strings.HasPrefix(m.told[0], "warning 138 The Shop 1.3.0: HfSnapshotRollback failed: ") {
		t.Errorf("exit code %d, %q", got, m.told)
	}
}

// Whatever hangs, the action ends.
func TestHangingSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newFake()
		m.record.Installed, m.record.State, m.record.Start = true, "running", "auto"
		m.hang = make(chan struct{})
		begun := time.Now()
		if got := run(commandLine("stop", arguments()), build(m)); got != exitFailed || len(m.told) != 1 || !strings.Contains(m.told[0], "HfStop failed: it has not ended after 3m40s") {
			t.Errorf("exit code %d, %q", got, m.told)
		}
		if took := time.Since(begun); took != 220*time.Second {
			t.Errorf("took %v", took)
		}
		close(m.hang)
	})
}

// A crash of setup itself is a failure that tells where.
func TestPanicIsTold(t *testing.T) {
	m := newFake()
	m.answer = func(*fakeMachine) (readiness, int, error) { panic("at the disco") }
	m.record.Installed, m.record.State, m.record.Start = true, "stopped", "auto"
	if got := run(commandLine("start", arguments()), build(m)); got != exitFailed || len(m.told) != 1 || !strings.Contains(m.told[0], "at the disco") || !strings.Contains(m.told[0], "start_test.go") && !strings.Contains(m.told[0], "setup_test.go") {
		t.Errorf("exit code %d, %q", got, m.told)
	}
}

func TestLog(t *testing.T) {
	m := newFake()
	if err := m.run(t, "snapshot", nil); err != nil {
		t.Fatal(err)
	}
	text := m.nodes[dataDir+`\setup\setup.log`].data
	var lines []line
	for l := range strings.Lines(text) {
		var one line
		if err := json.Unmarshal([]byte(l), &one); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		lines = append(lines, one)
	}
	if len(lines) < 2 || lines[0].Message != "transaction" || lines[0].Action != "snapshot" || lines[0].Version != "1.3.0" || lines[0].Timestamp != "2026-03-01T10:45:00.000Z" ||
		lines[0].Fields["data"] != dataDir || lines[len(lines)-1].Message != "done" {
		t.Errorf("got %s", text)
	}
	// A folder that somebody else could write to gets no log.
	m.put(dataDir+`\setup`, func(n *node) { n.writers = true })
	if err := m.run(t, "apply", nil); err == nil || !strings.Contains(err.Error(), "can be changed by") {
		t.Error("a transaction in a folder open to all was believed")
	}
	if m.nodes[dataDir+`\setup\setup.log`].data != text {
		t.Error("logged into a folder open to all")
	}
}

// Nobody's data but setup's own is deleted, whatever the command line says.
func TestPurgeRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(*fakeMachine)
		args   map[string]string
		want   string
	}{
		"a folder without setup's mark": {func(m *fakeMachine) { delete(m.nodes, dataDir+`\setup\seed.json`) }, nil, "is not known as Shop's data folder"},
		"a mark that says nothing":      {func(m *fakeMachine) { m.file(dataDir+`\setup\seed.json`, "{}") }, nil, "is not known as Shop's data folder"},
		"another product's data": {func(m *fakeMachine) {
			m.file(dataDir+`\setup\seed.json`, `{"name":"Shop","product":"{C8F58B0C-8C78-48D6-9195-7D58DEEE68E6}"}`)
		}, nil, "another product of the name Shop"},
		"another installation's data": {func(m *fakeMachine) { m.file(dataDir+`\setup\seed.json`, `{"name":"Other"}`) }, nil, `is the data folder of "Other"`},
		"what a link leads to":        {func(m *fakeMachine) { m.put(dataDir, func(n *node) { n.link = true }) }, nil, "could not be made ready"},
		"a stranger's folder":         {func(m *fakeMachine) { m.put(dataDir, func(n *node) { n.stranger = true }) }, nil, "could not be made ready"},
		"all users":                   {func(m *fakeMachine) {}, map[string]string{argData: `C:\Users\.`}, "belongs to Windows"},
		"nothing that is a folder":    {func(m *fakeMachine) {}, map[string]string{argData: `\\server\share\.`}, "could not be made ready"},
	} {
		t.Run(name, func(t *testing.T) {
			m := shop(t, true)
			tt.before(m)
			args := with(with(old(), argRemove, "ALL", argInstalled, "1", argPurge, "1"), flat(tt.args)...)
			before := len(m.nodes)
			if err := m.run(t, "snapshot", args); err != nil {
				t.Fatal(err)
			}
			if err := m.run(t, "remove", args); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			for path := range m.nodes {
				if strings.Contains(path, purgeMark) {
					t.Errorf("%s was renamed", path)
				}
			}
			if len(m.nodes) < before {
				t.Error("something was deleted")
			}
		})
	}
}

func flat(args map[string]string) []string {
	var out []string
	for k, v := range args {
		out = append(out, k, v)
	}
	return out
}

// A removal is not stopped by what has become of the data folder; it leaves it alone.
func TestRemovalOverUntrustedData(t *testing.T) {
	for name, change := range map[string]func(*node){
		"link":     func(n *node) { n.link = true },
		"stranger": func(n *node) { n.stranger = true },
	} {
		t.Run(name, func(t *testing.T) {
			m := shop(t, true)
			m.put(dataDir, change)
			nodes := maps.Clone(m.nodes)
			play(t, m, removeActs(old()), -1, 0)
			for path, n := range nodes {
				if within(path, dataDir) && m.nodes[path] != n {
					t.Errorf("%s was touched: %+v", path, m.nodes[path])
				}
			}
			if m.record.Installed || m.record.Source || len(m.rules) > 0 {
				t.Errorf("%+v, %+v is left", m.record, m.rules)
			}
		})
	}
}

// From snapshot to apply nobody starts the service, and a failed start leaves it stopped.
func TestNobodyStartsTheServiceMeanwhile(t *testing.T) {
	m := shop(t, true)
	if err := m.run(t, "snapshot", nil); err != nil || m.record.Start != startDisabled || m.record.State != "running" {
		t.Errorf("%v: %+v", err, m.record)
	}
	m.record.Start = service.StartAuto
	if err := m.run(t, "start-rollback", nil); err != nil || m.record.Start != startDisabled || m.record.State != "stopped" {
		t.Errorf("%v: %+v", err, m.record)
	}
}

// The removal inside an upgrade leaves what the new version needs.
func TestRemovalInsideAnUpgrade(t *testing.T) {
	m := shop(t, true)
	m.did = nil
	if err := m.run(t, "remove", with(old(), argRemove, "ALL", argUpgrading, "{NEW}", argPurge, "1")); err != nil || len(m.did) > 0 {
		t.Errorf("%v, did %q", err, m.did)
	}
}

// Data that cannot be deleted any more is told of as such.
func TestCommitTellsWhatIsLeft(t *testing.T) {
	m := shop(t, true)
	args := with(old(), argRemove, "ALL", argInstalled, "1", argPurge, "1")
	if err := m.run(t, "snapshot", args); err != nil {
		t.Fatal(err)
	}
	delete(m.nodes, dataDir+`\setup\seed.json`) // without it nobody knows whose folder this is
	err := m.run(t, "commit", args)
	if err == nil || !strings.Contains(err.Error(), "delete it by hand") {
		t.Errorf("error %v", err)
	}
	if told := strings.Join(m.told, "\n"); !strings.Contains(told, "warning 138 The Shop 1.2.0: HfRemove did not come to its end") ||
		!strings.Contains(told, "Configuration, data and logs stay in") {
		t.Errorf("Event Log: %s", told)
	}
	if m.nodes[dataDir+`\holdfast.yaml`].data != "edited" {
		t.Error("the data is gone")
	}
}

// A rollback takes back what setup wrote, and not what somebody wrote after it.
func TestRollbackKeepsEdits(t *testing.T) {
	m := shop(t, false)
	m.file(installDir+`\holdfast.template.yaml`, "newer\n")
	for _, verb := range []string{"snapshot", "apply"} {
		if err := m.run(t, verb, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.nodes[dataDir+`\holdfast.yaml`].data; got != "newer\n" {
		t.Fatalf("configuration: %q", got)
	}
	m.file(dataDir+`\holdfast.yaml`, "edited meanwhile")
	if err := m.run(t, "apply-rollback", nil); err != nil {
		t.Fatal(err)
	}
	if got := m.nodes[dataDir+`\holdfast.yaml`].data; got != "edited meanwhile" {
		t.Errorf("configuration: %q", got)
	}
	log := m.nodes[dataDir+`\setup\setup.log`].data
	if n := strings.Count(log, "was changed meanwhile and stays"); n != 1 {
		t.Errorf("%d files were told as changed, want one:\n%s", n, log)
	}
}

// What was only about to be written is not taken for somebody's edit.
func TestRollbackOfBrokenWrites(t *testing.T) {
	for failAt := 1; ; failAt++ {
		m := shop(t, false)
		m.file(installDir+`\holdfast.template.yaml`, "newer\n")
		if err := m.run(t, "snapshot", nil); err != nil {
			t.Fatal(err)
		}
		m.failAt = failAt
		err := m.run(t, "apply", nil)
		m.failAt = 0
		if rolled := m.run(t, "apply-rollback", nil); rolled != nil {
			t.Fatal(rolled)
		}
		if log := m.nodes[dataDir+`\setup\setup.log`].data; strings.Contains(log, "meanwhile") {
			t.Errorf("broken at change %d:\n%s", failAt, log)
		}
		if err == nil {
			break
		}
	}
}

// Whoever changes folders while they are looked at gets setup to write nowhere.
func TestFoldersThatChange(t *testing.T) {
	m := newFake()
	m.nodes[dataDir] = node{folder: true, replacers: true}
	m.onMake = func(string) { m.nodes[dataDir] = node{folder: true, stranger: true} }
	if err := m.run(t, "snapshot", nil); err == nil || !strings.Contains(err.Error(), "belongs to") {
		t.Errorf("got %v", err)
	}
	for _, did := range m.did {
		if strings.HasPrefix(did, "write") {
			t.Errorf("did %q", m.did)
		}
	}
}

// An installation does not begin where it could not be undone.
func TestInstallationNeedsASnapshot(t *testing.T) {
	m := newFake()
	m.nodes[dataDir] = node{folder: true, stranger: true}
	if err := m.run(t, "snapshot", nil); err == nil || !strings.Contains(err.Error(), "belongs to") {
		t.Errorf("got %v", err)
	}
	m = newFake()
	m.foreign = true
	if err := m.run(t, "snapshot", nil); err == nil || len(m.did) > 0 {
		t.Errorf("got %v after %q", err, m.did)
	}
	if err := m.run(t, "snapshot", map[string]string{argRemove: "ALL"}); err != nil || len(m.did) > 0 {
		t.Errorf("a removal: got %v after %q", err, m.did)
	}
}

// Nobody gets at SYSTEM, nor in its way, by a folder that only looks like purged data.
func TestPlantedPurgedData(t *testing.T) {
	for name, dir := range map[string]node{
		"stranger's folder": {folder: true, stranger: true},
		"link":              {folder: true, link: true},
		"link in a circle":  {folder: true, link: true, broken: true},
		"file":              {},
	} {
		m := newFake()
		planted := dataDir + purgeMark + "0123456789abcdef"
		m.file(planted+`\setup\snapshot-remove-1.2.0.json`, `{"done":[{"kind":"purge"}]}`)
		m.nodes[planted] = dir
		args := with(old(), argRemove, "ALL", argPurge, "1")
		for _, verb := range []string{"remove-rollback", "snapshot-rollback", "commit"} {
			if err := m.run(t, verb, args); err != nil {
				t.Errorf("%s: %s: %v", name, verb, err)
			}
		}
		if len(m.did) > 0 {
			t.Errorf("%s: did %q", name, m.did)
		}
		for _, verb := range []string{"snapshot", "stop"} {
			if err := m.run(t, verb, args); err != nil {
				t.Errorf("%s: %s: %v", name, verb, err)
			}
		}
	}
}

// Configurations as large as Holdfast reads them are written and come back.
func TestLargeConfigurations(t *testing.T) {
	m := shop(t, false)
	large := func(c string) string { return strings.Repeat(c, confMax) }
	m.file(dataDir+`\holdfast.yaml`, large("a"))
	m.file(dataDir+`\holdfast.yaml.new`, large("b"))
	m.file(installDir+`\`+templateName, large("c"))
	before := m.state()
	acts := []act{verbAct("guard", "", nil), verbAct("snapshot", "snapshot-rollback", nil), verbAct("apply", "apply-rollback", nil)}
	if failed := play(t, m, acts, 2, 0); failed != "apply" {
		t.Fatal(failed)
	}
	if m.nodes[dataDir+`\holdfast.yaml.new`].data != large("b") || m.nodes[dataDir+`\holdfast.yaml`].data != large("a") {
		t.Error("the configurations are not as before")
	}
	if !maps.Equal(before, m.state()) {
		t.Error("the machine is not as before")
	}
}

// A rollback gives the folder its access list back, and leaves it alone where it never changed: what
// an administrator has allowed to somebody below would be lost.
func TestRollbackLeavesAccessAlone(t *testing.T) {
	m := shop(t, true)
	m.put(dataDir, func(n *node) { n.access = "D:ours" })
	acts := []act{verbAct("snapshot", "snapshot-rollback", nil), verbAct("apply", "apply-rollback", nil)}
	play(t, m, acts, 1, 0)
	if slices.Contains(m.did, "lock "+dataDir) {
		t.Errorf("did %q", m.did)
	}
}

func TestEarlier(t *testing.T) {
	record := func(start service.StartType) service.Record {
		var r service.Record
		r.Installed, r.Start = true, start
		return r
	}
	at := func(minute int, r service.Record) *transaction {
		return &transaction{Begun: time.Date(2026, 3, 1, 10, minute, 0, 0, time.UTC), Service: r}
	}
	for name, tt := range map[string]struct {
		now  service.Record
		open map[string]*transaction
		want service.Record
	}{
		"no other transaction":         {record("auto"), nil, record("auto")},
		"disabled by an administrator": {record(startDisabled), nil, record(startDisabled)},
		"disabled by another":          {record(startDisabled), map[string]*transaction{"a": at(1, record("delayed"))}, record("delayed")},
		"the newest that knows": {record(startDisabled), map[string]*transaction{
			"a": at(1, record("manual")), "b": at(2, record("delayed")), "c": at(3, record(startDisabled)), "d": at(4, service.Record{}),
		}, record("delayed")},
		"left over, and not disabled": {record("auto"), map[string]*transaction{"a": at(1, record("manual"))}, record("auto")},
		"not installed":               {service.Record{}, map[string]*transaction{"a": at(1, record("manual"))}, service.Record{}},
	} {
		if got := earlier(tt.now, tt.open); got.Installed != tt.want.Installed || got.Start != tt.want.Start {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
}

func TestRules(t *testing.T) {
	rule := func(program string, on bool) service.FirewallRule {
		return service.FirewallRule{Name: "Shop HTTP", Program: program, Enabled: on}
	}
	const ours = installDir + `\holdfast.exe`
	other := rule(`C:\other.exe`, true)
	for name, tt := range map[string]struct {
		rules    []service.FirewallRule
		firewall string
		off      bool
		did      string
	}{
		"wanted":                  {nil, "yes", false, "add rule " + ours},
		"there already":           {[]service.FirewallRule{rule(strings.ToUpper(ours), true)}, "1", false, ""},
		"there, disabled":         {[]service.FirewallRule{rule(ours, false)}, "yes", false, "set rule " + ours},
		"of the former folder":    {[]service.FirewallRule{rule(`D:\old\holdfast.exe`, true)}, "yes", false, `set rule D:\old\holdfast.exe, add rule ` + ours},
		"not wanted":              {[]service.FirewallRule{rule(ours, true)}, "no", false, "set rule " + ours},
		"not wanted, nor there":   {nil, "0", false, ""},
		"not wanted and disabled": {[]service.FirewallRule{rule(ours, false)}, "no", false, ""},
		"another program's":       {[]service.FirewallRule{other}, "no", false, ""},
		"wanted, but no firewall": {nil, "yes", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := newFake()
			m.rules, m.noFirewall = slices.Clone(tt.rules), tt.off
			m.file(installDir+`\holdfast.template.yaml`, template1)
			args := map[string]string{argFirewall: tt.firewall}
			for _, verb := range []string{"snapshot", "apply"} {
				if err := m.run(t, verb, args); err != nil {
					t.Fatal(err)
				}
			}
			var did []string
			for _, what := range m.did {
				if strings.Contains(what, "rule") {
					did = append(did, what)
				}
			}
			if got := strings.Join(did, ", "); got != tt.did {
				t.Errorf("did %q, want %q", got, tt.did)
			}
			if err := m.run(t, "apply-rollback", args); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.rules, m.rules, cmpopts.EquateEmpty()); d != "" {
				t.Errorf("rolled back (-want +got):\n%s", d)
			}
			if warned := len(m.told) == 1 && strings.HasPrefix(m.told[0], "warning 138 The Shop 1.3.0: HF_FIREWALL: the Windows firewall does not run"); warned != tt.off {
				t.Errorf("Event Log: %q", m.told)
			}
		})
	}
}

func TestPaths(t *testing.T) {
	for in, want := range map[string]string{`C:\a\b`: `C:\a`, `C:\a`: `C:\`, `C:\`: `C:\`} {
		if got := parent(in); got != want {
			t.Errorf("parent of %s: got %s, want %s", in, got, want)
		}
	}
	if got := join(`C:\`, "a", "b"); got != `C:\a\b` {
		t.Errorf("join: got %s", got)
	}
	for _, tt := range []struct {
		path, dir string
		want      bool
	}{
		{`C:\a\b`, `C:\a`, true}, {`C:\A`, `c:\a\`, true}, {`C:\ab`, `C:\a`, false}, {`C:\`, `C:\a`, false}, {`C:\a`, `C:\`, true},
	} {
		if got := within(tt.path, tt.dir); got != tt.want {
			t.Errorf("%s within %s: got %t", tt.path, tt.dir, got)
		}
	}
}
