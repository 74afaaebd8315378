package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGuard(t *testing.T) {
	folder := func(change func(*node)) node {
		n := node{folder: true}
		change(&n)
		return n
	}
	existing := func(m *fakeMachine) {
		m.nodes[dataDir] = node{folder: true}
		m.file(dataDir+`\holdfast.yaml`, "version: 1")
	}
	tests := []struct {
		name   string
		change map[string]string
		before func(m *fakeMachine)
		want   []string // in the error; none: it passes
	}{
		{name: "fresh machine"},
		{name: "other folders", change: map[string]string{argData: `C:\Data\Shop\.`, argInstall: `C:\Program Files\Tools\Shop\.`}},
		{name: "data of an earlier installation", before: func(m *fakeMachine) {
			existing(m)
			m.nodes[dataDir+`\setup`] = node{folder: true}
			m.file(dataDir+`\setup\seed.json`, `{"name": "shop"}`)
			m.file(dataDir+`\logs\holdfast.log`, "")
			m.file(dataDir+`\conf.d\a.yaml`, "")
		}},
		{name: "empty folder of an administrator", before: func(m *fakeMachine) { m.nodes[dataDir] = node{folder: true} }},
		{name: "empty folder of an administrator that others may write to", before: func(m *fakeMachine) {
			m.nodes[dataDir] = folder(func(n *node) { n.writers, n.heirs, n.replacers = true, true, true })
		}},

		{name: "wrong values", change: map[string]string{argPort: "0", argStart: "soon"}, want: []string{"HF_PORT", "HF_STARTTYPE"}},
		{name: "folder of a stranger", before: func(m *fakeMachine) { m.nodes[dataDir] = folder(func(n *node) { n.stranger = true }) }, want: []string{dataDir, `belongs to PC\eve`, "takeown"}},
		{name: "link", before: func(m *fakeMachine) { m.nodes[dataDir] = folder(func(n *node) { n.link = true }) }, want: []string{"link to another place"}},
		{name: "file", before: func(m *fakeMachine) { m.nodes[dataDir] = node{} }, want: []string{"is a file"}},
		{name: "link above", change: map[string]string{argData: `C:\Data\Shop\.`}, before: func(m *fakeMachine) { m.nodes[`C:\Data`] = folder(func(n *node) { n.link = true }) }, want: []string{`C:\Data is a link`}},
		{name: "stranger's folder above", change: map[string]string{argData: `C:\Users\eve\x\.`}, before: func(m *fakeMachine) { m.nodes[`C:\Users\eve`] = folder(func(n *node) { n.stranger = true }) }, want: []string{`C:\Users\eve belongs to`}},
		{name: "folder above that others may rename", change: map[string]string{argData: `C:\Data\Shop\.`}, before: func(m *fakeMachine) { m.nodes[`C:\Data`] = folder(func(n *node) { n.replacers = true }) }, want: []string{`in C:\Data, ` + everybody}},
		{name: "no fixed disk", before: func(m *fakeMachine) { m.volume.Fixed = false }, want: []string{"DATADIR: C:\\ is no fixed disk", "INSTALLDIR: C:\\ is no fixed disk"}},
		{name: "no access lists", before: func(m *fakeMachine) { m.volume.AccessLists = false }, want: []string{"NTFS"}},
		{name: "somebody's data", change: map[string]string{argData: `C:\Data\.`}, before: func(m *fakeMachine) { m.file(`C:\Data\letter.txt`, "") }, want: []string{"letter.txt", "name a folder of its own"}},
		{name: "linked configuration", before: func(m *fakeMachine) { existing(m); m.put(dataDir+`\holdfast.yaml`, func(n *node) { n.link = true }) }, want: []string{`holdfast.yaml is a link`}},
		{name: "configuration with a second name", before: func(m *fakeMachine) { existing(m); m.put(dataDir+`\holdfast.yaml`, func(n *node) { n.names = 2 }) }, want: []string{"hard link"}},
		{name: "configuration that is a folder", before: func(m *fakeMachine) {
			m.nodes[dataDir] = node{folder: true}
			m.nodes[dataDir+`\holdfast.yaml`] = node{folder: true}
		}, want: []string{"is a folder"}},
		{name: "configuration of a stranger, in a folder open to all", before: func(m *fakeMachine) {
			existing(m)
			m.put(dataDir, func(n *node) { n.heirs = true })
			m.put(dataDir+`\holdfast.yaml`, func(n *node) { n.stranger = true })
		}, want: []string{"holdfast.yaml belongs to"}},
		{name: "configuration of the service, in a folder of administrators", before: func(m *fakeMachine) {
			existing(m)
			m.put(dataDir+`\holdfast.yaml`, func(n *node) { n.stranger = true })
		}},
		{name: "second name in conf.d", before: func(m *fakeMachine) {
			existing(m)
			m.file(dataDir+`\conf.d\b.yaml`, "")
			m.put(dataDir+`\conf.d\b.yaml`, func(n *node) { n.names = 2 })
		}, want: []string{`conf.d\b.yaml has a second name`}},
		{name: "file of a stranger in a conf.d that is open to all", before: func(m *fakeMachine) {
			existing(m)
			m.file(dataDir+`\conf.d\b.yaml`, "")
			m.put(dataDir+`\conf.d`, func(n *node) { n.heirs = true })
			m.put(dataDir+`\conf.d\b.yaml`, func(n *node) { n.stranger = true })
		}, want: []string{`conf.d\b.yaml belongs to`}},
		{name: "file of the service in conf.d", before: func(m *fakeMachine) {
			existing(m)
			m.file(dataDir+`\conf.d\b.yaml`, "")
			m.put(dataDir+`\conf.d\b.yaml`, func(n *node) { n.stranger = true })
		}},
		{name: "logs elsewhere", before: func(m *fakeMachine) { existing(m); m.nodes[dataDir+`\logs`] = folder(func(n *node) { n.link = true }) }, want: []string{"logs is a link"}},
		{name: "setup folder of a stranger", before: func(m *fakeMachine) {
			existing(m)
			m.nodes[dataDir+`\setup`] = folder(func(n *node) { n.stranger = true })
		}, want: []string{"setup belongs to"}},
		{name: "setup folder open to all", before: func(m *fakeMachine) {
			existing(m)
			m.nodes[dataDir+`\setup`] = folder(func(n *node) { n.heirs = true })
		}, want: []string{"setup can be changed by"}},
		{name: "data of another installation", before: func(m *fakeMachine) {
			existing(m)
			m.nodes[dataDir+`\setup`] = node{folder: true}
			m.file(dataDir+`\setup\seed.json`, `{"name": "Other"}`)
		}, want: []string{`is the data folder of "Other"`}},
		{name: "data of this product", before: func(m *fakeMachine) {
			existing(m)
			m.nodes[dataDir+`\setup`] = node{folder: true}
			m.file(dataDir+`\setup\seed.json`, `{"name": "Shop", "product": "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}"}`)
		}},
		{name: "data of another product of this name", before: func(m *fakeMachine) {
			existing(m)
			m.nodes[dataDir+`\setup`] = node{folder: true}
			m.file(dataDir+`\setup\seed.json`, `{"name": "Shop", "product": "{C8F58B0C-8C78-48D6-9195-7D58DEEE68E6}"}`)
		}, want: []string{"another product of the name Shop", "{C8F58B0C-8C78-48D6-9195-7D58DEEE68E6}"}},
		{name: "planted snapshot", before: func(m *fakeMachine) {
			existing(m)
			m.nodes[dataDir+`\setup`] = node{folder: true}
			m.file(dataDir+`\setup\snapshot-install-1.3.0.json`, "")
			m.put(dataDir+`\setup\snapshot-install-1.3.0.json`, func(n *node) { n.stranger = true })
		}, want: []string{"snapshot-install-1.3.0.json belongs to"}},

		{name: "program that everybody could replace", change: map[string]string{argInstall: `C:\Shop\.`}, want: []string{`INSTALLDIR: C:\ lets ` + everybody, "Program Files"}},
		{name: "program in an open folder", before: func(m *fakeMachine) { m.nodes[installDir] = folder(func(n *node) { n.writers = true }) }, want: []string{"could replace the program"}},
		{name: "program in a link", before: func(m *fakeMachine) { m.nodes[installDir] = folder(func(n *node) { n.link = true }) }, want: []string{"INSTALLDIR: " + installDir + " is a link"}},
		{name: "program in the data", change: map[string]string{argInstall: dataDir + `\bin\.`}, want: []string{"one is in the other"}},
		{name: "data in the program", change: map[string]string{argData: installDir + `\data\.`}, want: []string{"one is in the other"}},
		{name: "data in the program, in other letters", change: map[string]string{argData: strings.ToUpper(installDir) + `\.`}, want: []string{"one is in the other"}},
		{name: "Windows", change: map[string]string{argData: `C:\windows\.`}, want: []string{"belongs to Windows"}},
		{name: "in Windows", change: map[string]string{argInstall: `C:\Windows\System32\Shop\.`}, want: []string{"belongs to Windows"}},
		{name: "all data of all programs", change: map[string]string{argData: `C:\ProgramData\.`}, want: []string{"belongs to Windows"}},
		{name: "all data of all programs, by its short name", change: map[string]string{argData: `C:\PROGRA~3\.`}, before: func(m *fakeMachine) {
			m.nodes[`C:\PROGRA~3`] = node{folder: true}
		}, want: []string{`DATADIR: C:\PROGRA~3 is another name of C:\ProgramData`}},
		{name: "data in the program, by its short name", change: map[string]string{argData: `C:\PROGRA~1\Shop\data\.`}, before: func(m *fakeMachine) {
			m.nodes[`C:\PROGRA~1`] = node{folder: true}
		}, want: []string{`C:\PROGRA~1 is another name of C:\Program Files`}},
		{name: "all users", change: map[string]string{argData: `C:\Users\.`}, want: []string{"belongs to Windows"}},

		{name: "another program's service", before: func(m *fakeMachine) { m.foreign = true }, want: []string{"belongs to another program"}},
		{name: "configuration to begin with", change: map[string]string{argConfig: `C:\deploy\shop.yaml`}, before: func(m *fakeMachine) { m.file(`C:\deploy\shop.yaml`, "version: 1") }},
		{name: "configuration to begin with that is missing", change: map[string]string{argConfig: `C:\deploy\shop.yaml`}, want: []string{`HF_CONFIG: C:\deploy\shop.yaml`}},
		{name: "configuration to begin with that is huge", change: map[string]string{argConfig: `C:\huge`}, before: func(m *fakeMachine) { m.file(`C:\huge`, strings.Repeat("x", confMax+1)) }, want: []string{"HF_CONFIG"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newFake()
			if tt.before != nil {
				tt.before(m)
			}
			nodes := maps.Clone(m.nodes)
			err := m.run(t, "guard", tt.change)
			if (err == nil) != (len(tt.want) == 0) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q", err, want)
				}
			}
			if d := cmp.Diff(nodes, m.nodes, cmp.AllowUnexported(node{})); d != "" || len(m.did) > 0 {
				t.Errorf("guard did %q (-before +after):\n%s", m.did, d)
			}
			if told := len(m.told) == 1 && strings.HasPrefix(m.told[0], "error 139 The Shop 1.3.0: HfGuard failed: "); told != (err != nil) {
				t.Errorf("Event Log: %q", m.told)
			}
		})
	}
}

// What somebody puts into an open data folder between HfGuard and the moment it is closed is found
// before the service reads it.
func TestPlantedAfterGuard(t *testing.T) {
	for name, plant := range map[string]func(m *fakeMachine){
		"second name": func(m *fakeMachine) {
			m.file(dataDir+`\conf.d\b.yaml`, "")
			m.put(dataDir+`\conf.d\b.yaml`, func(n *node) { n.names = 2 })
		},
		"link":           func(m *fakeMachine) { m.nodes[dataDir+`\conf.d`] = node{folder: true, link: true} },
		"linked file":    func(m *fakeMachine) { m.nodes[dataDir+`\holdfast.yaml`] = node{link: true} },
		"somebody's own": func(m *fakeMachine) { m.file(dataDir+`\setup\seed.json`, `{"name": "Other"}`) },
	} {
		m := newFake()
		m.nodes[dataDir] = node{folder: true, writers: true, heirs: true}
		m.file(installDir+`\`+templateName, template1)
		for _, action := range []string{"guard", "snapshot"} {
			if err := m.run(t, action, nil); err != nil {
				t.Fatal(err)
			}
		}
		plant(m)
		if err := m.run(t, "apply", nil); err == nil || !strings.Contains(err.Error(), "DATADIR") {
			t.Errorf("%s: got %v", name, err)
		}
		if e, ok := m.nodes[dataDir+`\holdfast.yaml`]; ok && !e.link {
			t.Errorf("%s: a configuration was written", name)
		}
	}
}
