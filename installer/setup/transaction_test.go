package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/service"
)

// act is one entry of Windows Installer's script, and what undoes it.
type act struct {
	name       string // of a verb, or of what Windows Installer does itself
	args       map[string]string
	do, undo   func(*fakeMachine)
	undoneBy   string // a verb; it also runs when this act failed half-way
	onlyCommit bool
}

func verbAct(name, undoneBy string, args map[string]string) act {
	return act{name: name, undoneBy: undoneBy, args: args}
}

// filesAct copies the package's files.
func filesAct(template string) act {
	var before map[string]node
	return act{name: "InstallFiles", do: func(m *fakeMachine) {
		before = maps.Clone(m.nodes)
		m.file(installDir+`\holdfast.exe`, template)
		m.file(installDir+`\holdfast.template.yaml`, template)
	}, undo: func(m *fakeMachine) { swap(m, before) }}
}

// swap gives the program's folder its earlier state.
func swap(m *fakeMachine, before map[string]node) {
	maps.DeleteFunc(m.nodes, func(p string, _ node) bool { return within(p, installDir) })
	for p, n := range before {
		if within(p, installDir) {
			m.nodes[p] = n
		}
	}
}

// registerAct registers the service as the package's table says; what it knows to put back is little.
func registerAct() act {
	var before service.Record
	return act{name: "InstallServices", do: func(m *fakeMachine) {
		before = m.record
		m.record.Installed, m.record.State, m.record.Start = true, "stopped", service.StartManual
		m.record.Command, m.record.Description = `"`+installDir+`\holdfast.exe" run --name Shop`, "Keeps programs alive"
	}, undo: func(m *fakeMachine) { m.record, m.pid = registeredAgain(before, m.record.Source), 0 }}
}

// registeredAgain is a service as Windows Installer registers it anew: without the details.
func registeredAgain(r service.Record, source bool) service.Record {
	var again service.Record
	again.Source = source
	if r.Installed {
		again.Installed, again.State, again.Start, again.Command, again.Description = true, "stopped", r.Start, r.Command, r.Description
	}
	return again
}

func deleteAct() []act {
	var record service.Record
	var files map[string]node
	return []act{
		{name: "DeleteServices", do: func(m *fakeMachine) {
			record = m.record
			m.record, m.pid = service.Record{Source: record.Source}, 0
		}, undo: func(m *fakeMachine) { m.record, m.pid = registeredAgain(record, m.record.Source), 0 }},
		{name: "RemoveFiles", do: func(m *fakeMachine) {
			files = maps.Clone(m.nodes)
			maps.DeleteFunc(m.nodes, func(p string, _ node) bool { return within(p, installDir) })
		}, undo: func(m *fakeMachine) { swap(m, files) }},
	}
}

// with adds to arguments.
func with(args map[string]string, more ...string) map[string]string {
	out := maps.Clone(args)
	if out == nil {
		out = map[string]string{}
	}
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

func installActs(args map[string]string, template string, nested ...act) []act {
	acts := []act{verbAct("guard", "", args), verbAct("snapshot", "snapshot-rollback", args)}
	acts = append(acts, nested...)
	return append(acts, verbAct("stop", "", args), filesAct(template), registerAct(),
		verbAct("apply", "apply-rollback", args), verbAct("start", "start-rollback", args), act{name: "commit", args: args, onlyCommit: true})
}

func removeActs(args map[string]string) []act {
	args = with(args, argRemove, "ALL", argInstalled, "00:00:00")
	del := deleteAct()
	acts := []act{verbAct("snapshot", "snapshot-rollback", args), verbAct("stop", "", args), del[0]}
	if args[argUpgrading] == "" {
		acts = append(acts, verbAct("remove", "remove-rollback", args))
	}
	return append(acts, del[1], act{name: "commit", args: args, onlyCommit: true})
}

// old are the arguments of the version before.
func old() map[string]string {
	return map[string]string{argProductVersion: "1.2.0", argVersion: "1.2.0"}
}

// shop is a machine with version 1.2.0 installed, running, its configuration edited or not.
func shop(t *testing.T, edited bool) *fakeMachine {
	t.Helper()
	m := newFake()
	m.answer = func(m *fakeMachine) (readiness, int, error) {
		return readiness{Ready: true, Version: "1.2.0", StartID: m.startID}, m.pid, nil
	}
	play(t, m, installActs(with(old(), argFirewall, "yes"), template1), -1, 0)
	m.answer = healthy
	if edited {
		m.file(dataDir+`\holdfast.yaml`, "edited")
	}
	// What an administrator has made of it must come back, too.
	m.record.Start, m.record.Dependencies, m.record.Security = service.StartDelayed, []string{"Tcpip"}, "D:(A;;RP;;;BU)"
	m.file(dataDir+`\logs\holdfast.log`, "a line\n")
	return m
}

// play carries out a script. It fails after the act number stopAt, or in it when change number in of
// the machine's fails there; then everything is rolled back. It tells which act failed.
func play(t *testing.T, m *fakeMachine, acts []act, stopAt, in int) (failed string) {
	t.Helper()
	m.did, m.told = nil, nil
	for i, a := range acts {
		if i == stopAt {
			m.failAt = in
		}
		var err error
		if a.do != nil {
			a.do(m)
		} else {
			err = m.run(t, a.name, a.args)
		}
		m.failAt = 0
		if err != nil && (stopAt < 0 || i < stopAt) {
			t.Fatalf("%s: %v", a.name, err)
		}
		if err != nil || i == stopAt && in == 0 {
			rollback(t, m, acts[:i+1])
			return a.name
		}
	}
	return ""
}

func rollback(t *testing.T, m *fakeMachine, acts []act) {
	t.Helper()
	for _, a := range slices.Backward(acts) {
		switch {
		case a.undo != nil:
			a.undo(m)
		case a.undoneBy != "":
			for range 2 { // nothing must be undone twice
				if err := m.run(t, a.undoneBy, a.args); err != nil {
					t.Errorf("%s: %v", a.undoneBy, err)
				}
			}
		}
	}
}

// scripts are all kinds of transaction. nested: the removal of the old version runs inside, before or
// after the new one has taken its snapshot.
func scripts() map[string]func(t *testing.T) (*fakeMachine, []act) {
	upgrade := with(nil, argOlder, "{OLD}")
	replaced := removeActs(with(old(), argUpgrading, "{NEW}"))
	atEnd := slices.DeleteFunc(slices.Clone(replaced), func(a act) bool { return a.onlyCommit })
	return map[string]func(t *testing.T) (*fakeMachine, []act){
		"first installation": func(*testing.T) (*fakeMachine, []act) {
			m := newFake()
			m.answer = healthy
			return m, installActs(with(nil, argFirewall, "yes", argData, `C:\Data\Deep\Shop\.`), template1)
		},
		"first installation over a configuration": func(*testing.T) (*fakeMachine, []act) {
			m := newFake()
			m.answer = healthy
			m.nodes[dataDir] = node{folder: true, access: "D:loose", heirs: true}
			m.file(dataDir+`\holdfast.yaml`, "own")
			return m, installActs(nil, template1)
		},
		"upgrade, the old commits at its own end": func(t *testing.T) (*fakeMachine, []act) {
			t.Helper()
			return shop(t, false), installActs(with(upgrade, argFirewall, "yes"), "version: 1 # newer\n", replaced...)
		},
		"upgrade of an edited configuration": func(t *testing.T) (*fakeMachine, []act) {
			t.Helper()
			return shop(t, true), installActs(upgrade, "version: 1 # newer\n", atEnd...)
		},
		"upgrade, the old removed first": func(t *testing.T) (*fakeMachine, []act) {
			t.Helper()
			return shop(t, false), append(slices.Clone(replaced), installActs(upgrade, "version: 1 # newer\n")...)
		},
		"other properties": func(t *testing.T) (*fakeMachine, []act) {
			t.Helper()
			return shop(t, true), installActs(with(old(), argInstalled, "00:00:00", argFirewall, "no", argStart, "manual", argVersion, "1.3.0+abc"), template1)
		},
		"removal": func(t *testing.T) (*fakeMachine, []act) {
			t.Helper()
			return shop(t, true), removeActs(old())
		},
		"removal of everything": func(t *testing.T) (*fakeMachine, []act) {
			t.Helper()
			return shop(t, true), removeActs(with(old(), argPurge, "1"))
		},
		"removal of a service that is gone": func(t *testing.T) (*fakeMachine, []act) {
			t.Helper()
			m := shop(t, true)
			m.record, m.pid = service.Record{}, 0
			return m, removeActs(old())
		},
		"removal when the data is gone": func(t *testing.T) (*fakeMachine, []act) {
			t.Helper()
			m := shop(t, true)
			maps.DeleteFunc(m.nodes, func(p string, _ node) bool { return within(p, dataDir) })
			return m, removeActs(with(old(), argPurge, "yes"))
		},
	}
}

// However far a transaction got, and wherever in an action it broke: rolled back, the machine is what
// it was.
func TestEveryFailureIsRolledBack(t *testing.T) {
	for name, script := range scripts() {
		t.Run(name, func(t *testing.T) {
			_, acts := script(t)
			failures := 0
			for stopAt, a := range acts {
				if a.onlyCommit { // nothing is rolled back any more
					continue
				}
				for _, broken := range []bool{false, true} {
					failures += failEverywhere(t, script, stopAt, broken)
				}
			}
			t.Logf("%d ways to fail", failures)
			if failures < 10 {
				t.Errorf("only %d failures were tried", failures)
			}
		})
	}
}

// failEverywhere lets one action fail at each change that it makes of the machine, and after the last.
func failEverywhere(t *testing.T, script func(*testing.T) (*fakeMachine, []act), stopAt int, broken bool) (failures int) {
	t.Helper()
	for in := range 100 {
		failed := ""
		synctest.Test(t, func(t *testing.T) {
			m, acts := script(t)
			m.broken = broken
			before := m.state()
			failed = play(t, m, acts, stopAt, in)
			if failed == "" {
				return
			}
			failures++
			if acts[stopAt].name == "snapshot" && in > 0 && (broken || failed != "snapshot") {
				// What made the folders and could then not write the file could not remove them either;
				// and a removal goes on without the file.
				return
			}
			if d := cmp.Diff(before, m.state()); d != "" {
				t.Errorf("broken in %s at change %d (-before +after):\n%s", acts[stopAt].name, in, d)
			}
		})
		if failed == "" && in > 0 || t.Failed() {
			break
		}
	}
	return failures
}

func TestCommittedTransactions(t *testing.T) {
	tests := map[string]struct {
		service string // state and start type
		event   string
		files   map[string]string // in the data folder; "-" for none
		rules   string
	}{
		"first installation": {"running auto", "information 130 The Shop 1.3.0 was installed", map[string]string{}, "C:\\Program Files\\Shop\\holdfast.exe true"},
		"first installation over a configuration": {"running auto", "information 130", map[string]string{
			"holdfast.yaml": "own", "holdfast.yaml.new": "-", "holdfast.yaml.old": "-",
		}, ""},
		"upgrade, the old commits at its own end": {"running auto", "information 131 The Shop 1.3.0 replaced", map[string]string{
			"holdfast.yaml": "version: 1 # newer\n", "holdfast.yaml.old": template1, "holdfast.yaml.new": "-",
		}, "C:\\Program Files\\Shop\\holdfast.exe true"},
		"upgrade of an edited configuration": {"running auto", "information 131", map[string]string{
			"holdfast.yaml": "edited", "holdfast.yaml.new": "version: 1 # newer\n", "holdfast.yaml.old": "-",
		}, ""},
		"upgrade, the old removed first":    {"running auto", "information 131", map[string]string{"holdfast.yaml": "version: 1 # newer\n"}, ""},
		"other properties":                  {"running manual", "information 133 The Shop 1.2.0 was repaired or changed", map[string]string{"holdfast.yaml": "edited"}, ""},
		"removal":                           {" ", "information 132 The Shop 1.2.0 was removed. Configuration, data and logs stay", map[string]string{"holdfast.yaml": "edited", `setup\seed.json`: "+"}, ""},
		"removal of everything":             {" ", "information 132 The Shop 1.2.0 was removed, and its data", nil, ""},
		"removal of a service that is gone": {" ", "information 132", map[string]string{"holdfast.yaml": "edited"}, ""},
		"removal when the data is gone":     {" ", "information 132", nil, ""},
	}
	for name, script := range scripts() {
		t.Run(name, func(t *testing.T) {
			tt, ok := tests[name]
			if !ok {
				t.Fatal("nothing is expected of it")
			}
			synctest.Test(t, func(t *testing.T) {
				m, acts := script(t)
				play(t, m, acts, -1, 0)
				if got := m.record.State + " " + string(m.record.Start); got != tt.service {
					t.Errorf("service: got %q, want %q", got, tt.service)
				}
				if len(m.told) == 0 || !strings.HasPrefix(m.told[len(m.told)-1], tt.event) {
					t.Errorf("Event Log: got %q, want %q", m.told, tt.event)
				}
				if m.record.Installed && m.record.Description != "Keeps programs alive" {
					t.Errorf("description: %q, want that of the package", m.record.Description)
				}
				var rules []string
				for _, r := range m.rules {
					rules = append(rules, fmt.Sprint(r.Program, " ", r.Enabled))
				}
				if got := strings.Join(rules, ", "); got != tt.rules {
					t.Errorf("rules: got %q, want %q", got, tt.rules)
				}
				for path := range m.nodes {
					if strings.Contains(path, snapshotPrefix) || strings.Contains(path, purgeMark) || strings.HasSuffix(path, ".tmp") {
						t.Errorf("%s is left", path)
					}
					if tt.files == nil && within(path, dataDir) {
						t.Errorf("%s is left", path)
					}
				}
				for name, want := range tt.files {
					n, exists := m.nodes[dataDir+`\`+name]
					if exists != (want != "-") || exists && want != "+" && n.data != want {
						t.Errorf("%s: got %q, %t, want %q", name, n.data, exists, want)
					}
				}
			})
		})
	}
}

// Windows Installer runs no action twice, but an administrator may repair what was cut off.
func TestActionsCanBeRepeated(t *testing.T) {
	for name, script := range scripts() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, acts := script(t)
				before := m.state()
				for i, a := range acts {
					if a.onlyCommit {
						continue
					}
					play(t, m, acts[i:i+1], -1, 0)
					if a.do == nil {
						play(t, m, acts[i:i+1], -1, 0)
					}
				}
				rollback(t, m, acts)
				if d := cmp.Diff(before, m.state()); d != "" {
					t.Errorf("each action twice, then rolled back (-before +after):\n%s", d)
				}
			})
		})
	}
}

// Wine takes an action for done whose process somebody has ended. However far it got, commit does the
// rest, and tells that it had to.
func TestCommitDoesWhatRemoveLeft(t *testing.T) {
	for _, purge := range []string{"no", "yes"} {
		t.Run("purge "+purge, func(t *testing.T) {
			ends := 1
			for endRemoval(t, purge, ends) {
				ends++
			}
			if ends < 5 {
				t.Errorf("only %d ends were tried", ends)
			}
		})
	}
}

// endRemoval ends the action "remove" at one of its changes of the machine; false says that there are
// not so many.
func endRemoval(t *testing.T, purge string, at int) (ended bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := shop(t, true)
		for _, a := range removeActs(with(old(), argPurge, purge)) {
			if a.do != nil {
				a.do(m)
				continue
			}
			last := a.name == "remove"
			if last {
				m.failAt, m.broken = at, true
			}
			err := m.run(t, a.name, a.args)
			m.failAt, m.broken = 0, false
			if err != nil && !last {
				t.Fatalf("%s: %v", a.name, err)
			}
			ended = ended || err != nil
		}
		if m.record.Source || len(m.rules) > 0 {
			t.Errorf("ended at change %d: event source %t, rules %+v", at, m.record.Source, m.rules)
		}
		for path := range m.nodes {
			if strings.Contains(path, snapshotPrefix) || purge == "yes" && within(path, dataDir) || strings.Contains(path, purgeMark) {
				t.Errorf("ended at change %d: %s is left", at, path)
			}
		}
		if told := strings.Join(m.told, "\n"); strings.Contains(told, "HfRemove did not come to its end") != ended {
			t.Errorf("ended at change %d: Event Log: %s", at, told)
		}
	})
	return ended
}

// Under Wine the removal inside an upgrade is not told that it is one, and nothing of it is rolled back.
func TestUpgradeWhoseRemovalDoesNotKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := shop(t, true)
		play(t, m, installActs(map[string]string{argOlder: "{OLD}", argFirewall: "yes"}, "version: 1 # newer\n", removeActs(old())...), -1, 0)
		if m.record.State != "running" || m.record.Start != "auto" || !m.record.Source || len(m.rules) != 1 || !m.rules[0].Enabled {
			t.Errorf("%+v, %+v", m.record, m.rules)
		}
		if got := m.nodes[dataDir+`\holdfast.yaml`].data; got != "edited" {
			t.Errorf("configuration: %q", got)
		}
		for path := range m.nodes {
			if strings.Contains(path, snapshotPrefix) {
				t.Errorf("%s is left", path)
			}
		}
	})
}
