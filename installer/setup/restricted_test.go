package main

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What an ordinary user may ask for, by Windows Installer's leave.
func TestRestricted(t *testing.T) {
	kept := map[string]string{
		"Account": "NetworkService", "Address": "127.0.0.1", "Port": "9090", "Firewall": "1", "StartType": "delayed", "HealthTimeout": "90",
		"InstallDir": `C:\Program Files\Tools\Shop\`, "DataDir": `C:\Data\Shop\`,
	}
	asKept := map[string]string{
		argAccount: "NetworkService", argAddress: "127.0.0.1", argPort: "9090", argFirewall: "1", argStart: "delayed", argTimeout: "90",
		argInstall: `C:\Program Files\Tools\Shop\.`, argData: `C:\Data\Shop\.`,
	}
	tests := []struct {
		name     string
		settings map[string]string
		change   map[string]string
		want     []string // in the error; none: it passes
	}{
		{name: "repair", settings: kept},
		{name: "repair, in other letters", settings: kept, change: map[string]string{argData: `c:\data\SHOP\.`, argAccount: "networkservice"}},
		{name: "installation that was announced", change: asDefault()},
		{name: "announced, with another port", change: with(asDefault(), argPort, "9091"), want: []string{`HF_PORT is "8080"`}},
		{name: "announced, with another data folder", change: with(asDefault(), argData, `C:\Data\Shop\.`), want: []string{`DATADIR is "C:\\ProgramData\\Shop"`}},
		{name: "other account", settings: kept, change: map[string]string{argAccount: "LocalService"}, want: []string{`HF_ACCOUNT is "NetworkService"`, "only an administrator"}},
		{name: "other address", settings: kept, change: map[string]string{argAddress: "*"}, want: []string{"HF_ADDRESS"}},
		{name: "no address", settings: kept, change: map[string]string{argAddress: ""}, want: []string{"HF_ADDRESS"}},
		{name: "other port", settings: kept, change: map[string]string{argPort: "8080"}, want: []string{"HF_PORT"}},
		{name: "firewall", settings: kept, change: map[string]string{argFirewall: "no"}, want: []string{"HF_FIREWALL"}},
		{name: "other start", settings: kept, change: map[string]string{argStart: "auto"}, want: []string{"HF_STARTTYPE"}},
		{name: "other time-out", settings: kept, change: map[string]string{argTimeout: "600"}, want: []string{"HF_HEALTHTIMEOUT"}},
		{name: "other data folder", settings: kept, change: map[string]string{argData: dataDir + `\.`}, want: []string{`DATADIR is "C:\\Data\\Shop\\"`}},
		{name: "other program folder", settings: kept, change: map[string]string{argInstall: installDir + `\.`}, want: []string{"INSTALLDIR"}},
		{name: "configuration", settings: kept, change: map[string]string{argConfig: `\\evil\share\x`}, want: []string{"HF_CONFIG", "administrator"}},
		{name: "purge", settings: kept, change: map[string]string{argPurge: "no"}, want: []string{"HF_PURGE"}},
		{name: "everything", settings: kept, change: map[string]string{argPort: "1", argStart: "auto"}, want: []string{"HF_PORT", "HF_STARTTYPE"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, action := range []string{"guard", "snapshot"} {
				for _, restricted := range []string{"", "1"} {
					m := newFake()
					m.nodes[`C:\Data`] = node{folder: true}
					m.settings = tt.settings
					m.file(`\\evil\share\x`, "version: 1")
					before := maps.Clone(m.nodes)
					given := maps.Clone(asKept)
					maps.Copy(given, map[string]string{argInstalled: "1", argRestricted: restricted})
					maps.Copy(given, tt.change)
					err := m.run(t, action, given)
					if restricted == "" || len(tt.want) == 0 {
						if err != nil {
							t.Errorf("%s, restricted %q: %v", action, restricted, err)
						}
						continue
					}
					if err == nil {
						t.Errorf("%s: passed", action)
						continue
					}
					for _, want := range tt.want {
						if !strings.Contains(err.Error(), want) {
							t.Errorf("%s: got %v, want %q", action, err, want)
						}
					}
					if d := cmp.Diff(before, m.nodes, cmp.AllowUnexported(node{})); d != "" || len(m.did) > 0 {
						t.Errorf("%s did %q (-before +after):\n%s", action, m.did, d)
					}
				}
			}
		})
	}
}

// asDefault are the arguments of an installation with all defaults, without restricted.
func asDefault() map[string]string {
	given := arguments()
	delete(given, argRestricted)
	given[argInstalled] = ""
	return given
}

func TestRestrictedRemoval(t *testing.T) {
	settings := map[string]string{"DataDir": dataDir + `\`, "Port": "9090"}
	for name, tt := range map[string]struct {
		change map[string]string
		want   string
	}{
		"as it is":         {nil, ""}, // HF_PORT differs, and is not needed
		"purge":            {map[string]string{argPurge: "yes"}, "HF_PURGE"},
		"another's data":   {map[string]string{argData: `C:\ProgramData\Other\.`}, "DATADIR"},
		"no folder at all": {map[string]string{argData: `\\evil\x\.`}, "DATADIR"},
		"no folder":        {map[string]string{argData: ""}, "DATADIR"},
	} {
		m := newFake()
		m.settings = settings
		given := map[string]string{argRestricted: "1", argInstalled: "1", argRemove: "ALL"}
		maps.Copy(given, tt.change)
		err := m.run(t, "snapshot", given)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
		if err != nil && len(m.did) > 0 {
			t.Errorf("%s: did %q", name, m.did)
		}
	}
}

// What cannot be read is not taken for what was never set.
func TestRestrictedUnreadable(t *testing.T) {
	m := newFake()
	m.badSettings = errors.New("it is a number")
	if err := m.run(t, "guard", map[string]string{argRestricted: "1"}); err == nil || !strings.Contains(err.Error(), "it is a number") {
		t.Errorf("got %v", err)
	}
}
