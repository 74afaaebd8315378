package simulate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi"
	"holdfast/installer/msi/internal/sample"
	"holdfast/installer/msi/simulate"
)

func run(t *testing.T, db *msi.Database, o simulate.Options) simulate.Trace {
	t.Helper()
	trace, err := simulate.Run(db, o)
	if err != nil {
		t.Fatal(err)
	}
	return trace
}

func given(pairs ...string) map[string]string {
	m := map[string]string{}
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		m[name] = value
	}
	return m
}

const (
	portPath = `HKLM\SOFTWARE\Sample\Port`
	dirPath  = `HKLM\SOFTWARE\Sample\InstallDir`
	dir      = `C:\Program Files\Sample\`
)

// after is what is remembered, of the port and the folder.
func after(port, dir string) []simulate.Value {
	return []simulate.Value{{Path: dirPath, Text: dir}, {Path: portPath, Text: port}}
}

func TestScenarios(t *testing.T) {
	type origin struct{ name, text, from string }
	tests := []struct {
		name     string
		options  simulate.Options
		forward  string
		back     string
		end      string
		code     int
		reason   string
		products string
		after    []simulate.Value
		property origin
	}{
		{
			name: "install", options: simulate.Options{Scenario: simulate.Install},
			forward: "HfGuard HfSnapshot HfStop HfApply HfStart", end: "HfCommit", products: "1.2.3", after: after("8080", dir),
			property: origin{"HF_PORT", "8080", "default (SetPortDefault)"},
		},
		{
			name:    "install with properties",
			options: simulate.Options{Scenario: simulate.Install, Properties: given("HF_PORT=9000", "HF_NOSTART=1", `INSTALLDIR=D:\Apps\Sample`)},
			forward: "HfGuard HfSnapshot HfStop HfApply", end: "HfCommit", products: "1.2.3", after: after("9000", `D:\Apps\Sample\`),
			property: origin{"HF_PORT", "9000", "command line"},
		},
		{
			name: "a bad value", options: simulate.Options{Scenario: simulate.Install, Properties: given("HF_PORT=70000")},
			code: 1603, reason: `HF_PORT is "70000": a number from 1 to 65535 is needed.`, property: origin{"HF_PORT", "70000", "command line"},
		},
		{
			name: "a quotation mark", options: simulate.Options{Scenario: simulate.Install, Properties: given(`HF_CONFIG=a"b`)},
			code: 1603, reason: "HF_CONFIG must not have quotation marks.",
		},
		{
			name: "upgrade remembers", options: simulate.Options{Scenario: simulate.Upgrade, Installed: &simulate.Installed{Properties: given("HF_PORT=9000", `INSTALLDIR=D:\S\`)}},
			forward: "HfGuard HfSnapshot HfStop HfApply HfStart", end: "HfCommit", products: "1.2.3", after: after("9000", `D:\S\`),
			property: origin{"HF_PORT", "9000", "remembered (" + portPath + ")"},
		},
		{
			name: "upgrade with a new value", options: simulate.Options{Scenario: simulate.Upgrade, Properties: given("HF_PORT=9001"), Installed: &simulate.Installed{Version: "1.0.0", Properties: given("HF_PORT=9000")}},
			forward: "HfGuard HfSnapshot HfStop HfApply HfStart", end: "HfCommit", products: "1.2.3", after: after("9001", dir),
			property: origin{"HF_PORT", "9001", "command line"},
		},
		{
			name: "upgrade of a machine that remembers nothing", options: simulate.Options{Scenario: simulate.Upgrade, Installed: &simulate.Installed{Registry: map[string]string{}}},
			forward: "HfGuard HfSnapshot HfStop HfApply HfStart", end: "HfCommit", products: "1.2.3", after: after("8080", dir),
			property: origin{"HF_PORT", "8080", "default (SetPortDefault)"},
		},
		{
			name: "downgrade refused", options: simulate.Options{Scenario: simulate.Downgrade},
			code: 1603, reason: "A newer version of Sample is installed. Set HF_ALLOWDOWNGRADE=1 to go back.", products: "1.2.4", after: after("8080", dir),
			property: origin{"HF_NEWER", "{B51592D2-694E-5464-997E-1ADD5146966A}", "found (version 1.2.4)"},
		},
		{
			name: "repair", options: simulate.Options{Scenario: simulate.Repair, Installed: &simulate.Installed{Properties: given("HF_PORT=9000")}},
			forward: "HfGuard HfSnapshot HfStop HfApply HfStart", end: "HfCommit", products: "1.2.3", after: after("9000", dir),
			property: origin{"REINSTALL", "ALL", "scenario"},
		},
		{
			name: "reconfigure", options: simulate.Options{Scenario: simulate.Reconfigure, Properties: given("HF_PORT=9002"), Installed: &simulate.Installed{Properties: given("HF_PORT=9000")}},
			forward: "HfGuard HfSnapshot HfStop HfApply HfStart", end: "HfCommit", products: "1.2.3", after: after("9002", dir),
			property: origin{"REINSTALL", "ALL", "default (SetReinstall)"},
		},
		{
			name: "uninstall", options: simulate.Options{Scenario: simulate.Uninstall},
			forward: "HfSnapshot HfStop HfRemove", end: "HfCommit", property: origin{"REMOVE", "ALL", "scenario"},
		},
		{
			name: "rollback of an installation", options: simulate.Options{Scenario: simulate.Rollback},
			forward: "HfGuard HfSnapshot HfStop HfApply HfStart", back: "HfStartRollback HfApplyRollback HfSnapshotRollback",
			code: 1603, reason: "HfStart fails",
		},
		{
			name: "rollback of an upgrade", options: simulate.Options{Scenario: simulate.Rollback, Installed: &simulate.Installed{Version: "1.0.0", Properties: given("HF_PORT=9000")}},
			forward: "HfGuard HfSnapshot HfStop HfApply HfStart", back: "HfStartRollback HfApplyRollback HfSnapshotRollback",
			code: 1603, reason: "HfStart fails", products: "1.0.0", after: after("9000", dir),
		},
		{
			name: "a commit that fails", options: simulate.Options{Scenario: simulate.Install, FailAt: "HfCommit"},
			forward: "HfGuard HfSnapshot HfStop HfApply HfStart", end: "HfCommit", back: "HfStartRollback HfApplyRollback HfSnapshotRollback",
			code: 1603, reason: "HfCommit fails",
		},
		{
			name: "a standard action that fails", options: simulate.Options{Scenario: simulate.Install, FailAt: "InstallFiles"},
			forward: "HfGuard HfSnapshot HfStop", back: "HfSnapshotRollback", code: 1603, reason: "InstallFiles fails",
		},
		{
			name: "a standard action that fails before the transaction", options: simulate.Options{Scenario: simulate.Install, FailAt: "CostFinalize"},
			code: 1603, reason: "CostFinalize fails",
		},
		{
			name: "the old product's removal fails", options: simulate.Options{Scenario: simulate.Upgrade, FailAt: "RemoveExistingProducts/HfStop"},
			forward: "HfGuard HfSnapshot", back: "HfSnapshotRollback", code: 1603, reason: "HfStop fails", products: "1.2.2", after: after("8080", dir),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			trace := run(t, sample.New(t), test.options)
			got := map[string]string{
				"forward": strings.Join(trace.Actions(simulate.Forward), " "), "back": strings.Join(trace.Actions(simulate.Back), " "),
				"end": strings.Join(trace.Actions(simulate.End), " "), "reason": trace.Reason, "products": strings.Join(trace.Products, " "),
			}
			want := map[string]string{"forward": test.forward, "back": test.back, "end": test.end, "reason": test.reason, "products": test.products}
			if diff := cmp.Diff(want, got); diff != "" || trace.Code != test.code {
				t.Errorf("code %d (-want +got)\n%s", trace.Code, diff)
			}
			if diff := cmp.Diff(test.after, trace.After); diff != "" {
				t.Errorf("remembered (-want +got)\n%s", diff)
			}
			text, from := trace.Property(test.property.name)
			if text != test.property.text || from != test.property.from {
				t.Errorf("%s is %q from %q", test.property.name, text, from)
			}
		})
	}
}

// Whatever fails, the machine is as before, and the rollback of every action that ran runs.
func TestEveryDeferredActionMayFail(t *testing.T) {
	scenarios := []simulate.Options{
		{Scenario: simulate.Install},
		{Scenario: simulate.Upgrade, Installed: &simulate.Installed{Properties: given("HF_PORT=9000")}},
		{Scenario: simulate.Repair},
		{Scenario: simulate.Reconfigure, Properties: given("HF_PORT=9000")},
		{Scenario: simulate.Uninstall},
	}
	for _, o := range scenarios {
		good := run(t, sample.New(t), o)
		for _, action := range good.Actions(simulate.Forward) {
			o.FailAt = action
			trace := run(t, sample.New(t), o)
			back := trace.Actions(simulate.Back)
			if diff := cmp.Diff(trace.Registry, trace.After); trace.Code != 1603 || diff != "" || len(trace.Actions(simulate.End)) > 0 {
				t.Errorf("%s, %s fails: code %d, remembered (-before +after)\n%s", o.Scenario, action, trace.Code, diff)
			}
			for _, ran := range trace.Actions(simulate.Forward) {
				if _, has := trace.Step(ran + "Rollback"); has && !slices.Contains(back, ran+"Rollback") {
					t.Errorf("%s, %s fails: no rollback of %s in %v", o.Scenario, action, ran, back)
				}
			}
		}
	}
}

func TestCommandLines(t *testing.T) {
	trace := run(t, sample.New(t), simulate.Options{Scenario: simulate.Uninstall, Properties: given("HF_PURGE=1")})
	step, _ := trace.Step("HfRemove")
	want := `[Binary HfSetup] remove --name "Sample" --version "1.2.3" --install "C:\Program Files\Sample\." --data "C:\ProgramData\Sample\." --port "8080" --config "" --purge "1" --remove "ALL" --upgrading "" --older ""`
	if diff := cmp.Diff(want, step.Command); diff != "" || step.Kind != simulate.Deferred || !step.Ran {
		t.Errorf("%+v\n%s", step, diff)
	}
	trace = run(t, sample.New(t), simulate.Options{Scenario: simulate.Upgrade})
	step, _ = trace.Step("RemoveExistingProducts")
	at := slices.IndexFunc(step.Nested, func(s simulate.Step) bool { return s.Action == "HfStop" })
	if at < 0 || !strings.Contains(step.Nested[at].Command, `--upgrading "`+sample.ProductCode+`"`) {
		t.Errorf("the removal of the old product: %+v", step.Nested)
	}
	at = slices.IndexFunc(step.Nested, func(s simulate.Step) bool { return s.Action == "HfRemove" })
	if at < 0 || step.Nested[at].Ran {
		t.Errorf("HfRemove of the old product: %+v", step.Nested)
	}
}

func TestRunErrors(t *testing.T) {
	broken := sample.New(t)
	sample.Set(t, broken, "InstallExecuteSequence", "HfStop", "Condition", "NOT (")
	unknown := sample.New(t)
	sample.Sequence(t, unknown, "InstallExecuteSequence", "HfNone 2100")
	first := sample.New(t)
	sample.Set(t, first, "Property", "ProductVersion", "Value", "0.0.0")
	loop := sample.New(t)
	sample.Set(t, loop, "Directory", "ProgramFiles64Folder", "Directory_Parent", "INSTALLDIR")
	sample.Set(t, loop, "Directory", "ProgramFiles64Folder", "Directory", "Loop")
	sample.Set(t, loop, "Directory", "INSTALLDIR", "Directory_Parent", "Loop")
	tests := []struct {
		name    string
		db      *msi.Database
		options simulate.Options
		want    string
	}{
		{"scenario", nil, simulate.Options{Scenario: "reinstall"}, `scenario "reinstall" is unknown`},
		{"private property", nil, simulate.Options{Scenario: simulate.Install, Properties: given("HfArgs=1")}, "cannot be set on a command line"},
		{"installed already", nil, simulate.Options{Scenario: simulate.Install, Installed: &simulate.Installed{}}, "has no installed product"},
		{"no such action", nil, simulate.Options{Scenario: simulate.Install, FailAt: "HfNone"}, `"HfNone" does not run in this install`},
		{"an action that does not run", nil, simulate.Options{Scenario: simulate.Install, FailAt: "HfRemove"}, "HfGuard, HfSnapshot, HfStop, HfApply, HfStart, HfCommit"},
		{"condition", broken, simulate.Options{Scenario: simulate.Install}, "InstallExecuteSequence, action HfStop: condition, column"},
		{"action", unknown, simulate.Options{Scenario: simulate.Install}, "action HfNone is neither standard"},
		{"version", nil, simulate.Options{Scenario: simulate.Upgrade, Installed: &simulate.Installed{Version: "one"}}, `version "one"`},
		{"no lower version", first, simulate.Options{Scenario: simulate.Upgrade}, "no version next to 0.0.0"},
		{"the installation before", nil, simulate.Options{Scenario: simulate.Repair, Installed: &simulate.Installed{Properties: given("HF_PORT=x")}}, "the installation before fails: HF_PORT"},
		{"folders", loop, simulate.Options{Scenario: simulate.Install}, "has no root"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			db := test.db
			if db == nil {
				db = sample.New(t)
			}
			if _, err := simulate.Run(db, test.options); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want %s", err, test.want)
			}
		})
	}
}
