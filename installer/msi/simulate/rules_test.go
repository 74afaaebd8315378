package simulate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi"
	"holdfast/installer/msi/internal/sample"
	"holdfast/installer/msi/simulate"
)

// change is the sample with one thing changed.
func change(t *testing.T, change func(db *msi.Database)) *msi.Database {
	t.Helper()
	db := sample.New(t)
	change(db)
	return db
}

// details are what a step of the execute sequence did.
func details(t *testing.T, trace simulate.Trace, action string) string {
	t.Helper()
	step, ok := trace.Step(action)
	if !ok {
		t.Fatalf("no step %s", action)
	}
	return strings.Join(append([]string{step.Skipped, step.Command}, step.Details...), "\n")
}

// Between InstallInitialize and RemoveExistingProducts nothing may wait in the script.
func TestRemovalBehindWaitingScript(t *testing.T) {
	db := change(t, func(db *msi.Database) { sample.Remove(t, db, "InstallExecuteSequence", "InstallExecute") })
	for _, s := range []simulate.Scenario{simulate.Install, simulate.Upgrade} {
		trace, err := simulate.Run(db, simulate.Options{Scenario: s, Installed: map[simulate.Scenario]*simulate.Installed{
			simulate.Upgrade: {Package: sample.New(t), Version: "1.0.0"},
		}[s]})
		if err != nil {
			t.Fatal(err)
		}
		if trace.Code != 1603 || !strings.Contains(trace.Reason, "error 2613") || !strings.Contains(trace.Reason, "HfGuard") {
			t.Errorf("%s: %d, %s", s, trace.Code, trace.Reason)
		}
	}
}

// Outside of the transaction the removal is for good.
func TestRemovalBeforeTheTransaction(t *testing.T) {
	db := change(t, func(db *msi.Database) {
		sample.Set(t, db, "InstallExecuteSequence", "RemoveExistingProducts", "Sequence", 1450)
	})
	trace := run(t, db, simulate.Options{Scenario: simulate.Upgrade, FailAt: "HfApply"})
	if trace.Code != 1603 || len(trace.Products) > 0 || len(trace.After) > 0 {
		t.Errorf("code %d, products %v, remembered %v", trace.Code, trace.Products, trace.After)
	}
	if got := details(t, trace, "RemoveExistingProducts"); !strings.Contains(got, "outside of the transaction") {
		t.Error(got)
	}
}

func TestRemovalMayFail(t *testing.T) {
	db := change(t, func(db *msi.Database) {
		table := db.Table("Upgrade")
		table.Rows[0][table.Index("Attributes")] = 4
	})
	trace := run(t, db, simulate.Options{Scenario: simulate.Upgrade, FailAt: "RemoveExistingProducts/HfStop"})
	if trace.Code != 0 || strings.Join(trace.Products, " ") != "1.2.2 1.2.3" {
		t.Errorf("code %d, products %v", trace.Code, trace.Products)
	}
}

func TestUserInterface(t *testing.T) {
	db := change(t, func(db *msi.Database) {
		sample.Add(t, db, "CustomAction", "Once|307|PRIVATE|x", "Twice|51|Private|y") // 51 + first sequence
		sample.Sequence(t, db, "InstallUISequence", "Once 10\nTwice 11\nExitDlg2 -3")
		sample.Sequence(t, db, "InstallExecuteSequence", "Once 10\nTwice 11 NOT Private")
		sample.Add(t, db, "Dialog", "ExitDlg2|50|50|370|270|3||Next|Next|")
	})
	trace := run(t, db, simulate.Options{Scenario: simulate.Install, UILevel: simulate.Full, Properties: given("HF_PORT=9000")})
	for action, want := range map[string]string{
		"AppSearch": "it ran in InstallUISequence", "FindRelatedProducts": "it ran in InstallUISequence", "Once": "it ran in InstallUISequence",
		"Twice": `Private = "y"`, "LaunchConditions": "holds", "CostFinalize": "feature Main is installed",
	} {
		if got := details(t, trace, action); !strings.Contains(got, want) {
			t.Errorf("%s: %s", action, got)
		}
	}
	if text, from := trace.Property("HF_PORT"); text != "9000" || from != "command line" {
		t.Errorf("HF_PORT is %q from %s", text, from)
	}
	last := trace.Steps[len(trace.Steps)-1]
	if last.Action != "ExitDlg" || last.Kind != simulate.Dialog || trace.Code != 0 {
		t.Errorf("last %+v", last)
	}
	trace = run(t, db, simulate.Options{Scenario: simulate.Install, UILevel: simulate.Reduced, FailAt: "HfStart"})
	if last := trace.Steps[len(trace.Steps)-1]; last.Action != "ExitDlg2" || trace.Code != 1603 {
		t.Errorf("last %+v", last)
	}
	trace = run(t, db, simulate.Options{Scenario: simulate.Install, UILevel: simulate.Basic})
	if trace.Steps[0].Table != "InstallExecuteSequence" {
		t.Errorf("first %+v", trace.Steps[0])
	}
}

func TestCustomActions(t *testing.T) {
	db := change(t, func(db *msi.Database) {
		sample.Add(t, db, "CustomAction", `Move|35|INSTALLDIR|E:\New`, "Late|51|DATADIR|E:\\Late", "Run|18|Exe|--check", "Tool|50|HF_TOOL|x",
			"Stop|19||25000", "Early|3074|HfSetup|early")
		sample.Add(t, db, "Error", "25000|[ProductName] cannot be.")
		sample.Sequence(t, db, "InstallExecuteSequence", "Move 1005\nLate 1006\nRun 1007\nTool 1008\nStop 1020 HF_STOP\nEarly 1100 HF_EARLY")
	})
	trace := run(t, db, simulate.Options{Scenario: simulate.Install, Properties: given(`HF_TOOL=C:\tool.exe`)})
	for action, want := range map[string]string{
		"Move": `INSTALLDIR = "E:\New"`, "Late": "does not move the folder", "Run": `E:\New\sample.exe --check`, "Tool": `C:\tool.exe x`,
		"InstallFiles": `copies E:\New\licence.rtf`, "SetArgs1": `--install "E:\New\." --data "E:\Late."`,
	} {
		if got := details(t, trace, action); !strings.Contains(got, want) {
			t.Errorf("%s: %s", action, got)
		}
	}
	trace = run(t, db, simulate.Options{Scenario: simulate.Install, Properties: given("HF_STOP=1")})
	if trace.Reason != "Sample cannot be." {
		t.Error(trace.Reason)
	}
	trace = run(t, db, simulate.Options{Scenario: simulate.Install, Properties: given("HF_EARLY=1")})
	if !strings.Contains(trace.Reason, "error 2762") {
		t.Error(trace.Reason)
	}
	trace = run(t, db, simulate.Options{Scenario: simulate.Install, FailAt: "Run"})
	if trace.Reason != "Run fails" || len(trace.Executed) > 0 {
		t.Errorf("%s, %v", trace.Reason, trace.Executed)
	}
}

// A component of 32 bits remembers where a search of 64 bits does not look.
func TestRegistryViews(t *testing.T) {
	db := change(t, func(db *msi.Database) { sample.Set(t, db, "Component", "Settings", "Attributes", 4) })
	trace := run(t, db, simulate.Options{Scenario: simulate.Upgrade, Installed: &simulate.Installed{Properties: given("HF_PORT=9000")}})
	if text, _ := trace.Property("HF_PORT"); text != "8080" || trace.Registry[1].Path != `HKLM\SOFTWARE\WOW6432Node\Sample\Port` {
		t.Errorf("HF_PORT is %q, remembered %v", text, trace.Registry)
	}
	trace = run(t, sample.New(t), simulate.Options{Scenario: simulate.Upgrade, Installed: &simulate.Installed{Registry: map[string]string{`hklm\software\sample\port`: "9009"}}})
	if text, _ := trace.Property("HF_PORT"); text != "9009" {
		t.Errorf("HF_PORT is %q", text)
	}
}

func TestFeaturesAndComponents(t *testing.T) {
	db := change(t, func(db *msi.Database) {
		sample.Add(t, db, "Feature", "Extra||Extra||2|2||0")
		sample.Add(t, db, "Condition", "Extra|1|HF_EXTRA")
		sample.Add(t, db, "Component", "More|{6B3F4A6F-42C4-4F0B-8C0B-4C3F3A0B0005}|DATADIR|272|%WANT|More", "Other|{6B3F4A6F-42C4-4F0B-8C0B-4C3F3A0B0006}|DATADIR|256||Other")
		sample.Add(t, db, "FeatureComponents", "Main|More", "Extra|Other")
		sample.Add(t, db, "File", "More|More|more.txt|1|||512|3", "Other|Other|OTHER.TXT\\pOther file.txt|1|||512|4")
		sample.Add(t, db, "CustomAction", "Show|51|Shown|$Other=[$Other] More=[#More] None=[#None]")
		sample.Sequence(t, db, "InstallExecuteSequence", "Show 1015 $More = 3 OR ?Other = 2 AND &Main = 3 AND !Main = 2")
	})
	const other, more = `C:\ProgramData\Sample\Other file.txt`, `C:\ProgramData\Sample\more.txt`
	tests := []struct {
		name      string
		options   simulate.Options
		there     []string
		not       []string
		condition bool
	}{
		{"by level", simulate.Options{Scenario: simulate.Install}, nil, []string{more, other}, true},
		{"by the command line", simulate.Options{Scenario: simulate.Install, Properties: given("ADDLOCAL=Extra")}, []string{other}, []string{more, "sample.exe"}, false},
		{"by everything", simulate.Options{Scenario: simulate.Install, Properties: given("ADDLOCAL=ALL"), Environment: map[string]string{"want": "1"}}, []string{other, more}, nil, true},
		{"by a condition", simulate.Options{Scenario: simulate.Install, Properties: given("HF_EXTRA=1")}, []string{other}, []string{more}, true},
		{"by INSTALLLEVEL", simulate.Options{Scenario: simulate.Install, Properties: given("INSTALLLEVEL=2")}, []string{other}, []string{more}, true},
		{"REINSTALL of what is not there", simulate.Options{Scenario: simulate.Install, Properties: given("REINSTALL=ALL")}, nil, []string{other, "sample.exe"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			trace := run(t, db, test.options)
			got := details(t, trace, "InstallFiles")
			for _, file := range test.there {
				if !strings.Contains(got, file) {
					t.Errorf("%s is missing:\n%s", file, got)
				}
			}
			for _, file := range test.not {
				if strings.Contains(got, file) {
					t.Errorf("%s is there:\n%s", file, got)
				}
			}
			if step, _ := trace.Step("Show"); step.Ran != test.condition {
				t.Errorf("%+v", step)
			}
		})
	}
	trace := run(t, db, simulate.Options{Scenario: simulate.Uninstall, Environment: map[string]string{"WANT": "1"}})
	if got := details(t, trace, "RemoveFiles"); strings.Contains(got, more) || !strings.Contains(got, "sample.exe") {
		t.Errorf("a permanent component is removed, or others are not:\n%s", got)
	}
}

// Removing every feature by name is a removal of the product from InstallValidate on.
func TestRemovalByFeature(t *testing.T) {
	db := change(t, func(db *msi.Database) {
		sample.Set(t, db, "InstallExecuteSequence", "HfRemove", "Condition", `REMOVE = "ALL"`)
	})
	trace := run(t, db, simulate.Options{Scenario: simulate.Reconfigure, Properties: given("REMOVE=Main")})
	if step, _ := trace.Step("HfRemove"); !step.Ran || len(trace.Products) > 0 {
		t.Errorf("%+v, products %v", step, trace.Products)
	}
}

func TestNotes(t *testing.T) {
	trace := run(t, sample.New(t), simulate.Options{Scenario: simulate.Install, Properties: given("HF_PROT=1", "DATADIR=D:\\x", "HF_PORT=1", "ALLUSERS=1", "MSIFASTINSTALL=7")})
	want := []string{
		"DATADIR is not in SecureCustomProperties: a user without administrator's rights cannot set it",
		"the package does not know the property HF_PROT; is it misspelt?",
	}
	if diff := cmp.Diff(want, trace.Notes); diff != "" {
		t.Error(diff)
	}
}

func TestHiddenProperties(t *testing.T) {
	db := change(t, func(db *msi.Database) { sample.Add(t, db, "Property", "MsiHiddenProperties|HF_CONFIG;HfArgs") })
	trace := run(t, db, simulate.Options{Scenario: simulate.Install, Properties: given("HF_CONFIG=topsecret")})
	var out strings.Builder
	if err := trace.Write(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "topsecret") || !strings.Contains(out.String(), "HF_CONFIG=********") {
		t.Error(out.String())
	}
	if text, _ := trace.Property("HF_CONFIG"); text != "********" {
		t.Errorf("HF_CONFIG is %q", text)
	}
}

// Which products FindRelatedProducts finds, by the columns of an Upgrade row.
func TestRelatedProducts(t *testing.T) {
	tests := []struct {
		low, high, language string
		attributes          int
		found               bool
	}{
		{"", "1.2.0", "", 0, false},
		{"", "1.2.0", "", 0x200, true},
		{"", "1.2.1", "", 0, true},
		{"", "1.1.9", "", 0x200, false},
		{"1.2.0", "", "", 0, false},
		{"1.2.0", "", "", 0x100, true},
		{"1.1.255", "", "", 0, true},
		{"1.2.1", "", "", 0x100, false},
		{"1.0", "2", "", 0, true},
		{"1.10.0", "", "", 0, false},  // numbers, not texts
		{"", "1.2.0.5", "", 0, false}, // the fourth number does not count
		{"0.0.0", "", "1033", 0, true},
		{"0.0.0", "", "2052,1033", 0, true},
		{"0.0.0", "", "2052", 0, false},
		{"0.0.0", "", "2052", 0x400, true},
		{"0.0.0", "", "1033", 0x400, false},
		{"0.0.0", "", "", 0x400, true},
	}
	for _, test := range tests {
		db := change(t, func(db *msi.Database) {
			value := func(s string) any {
				if s == "" {
					return nil
				}
				return s
			}
			db.Table("Upgrade").Rows = []msi.Row{{sample.UpgradeCode, value(test.low), value(test.high), value(test.language), test.attributes | 2, nil, "HF_OLDER"}}
		})
		trace := run(t, db, simulate.Options{Scenario: simulate.Upgrade, Installed: &simulate.Installed{Version: "1.2.0"}})
		if text, _ := trace.Property("HF_OLDER"); (text != "") != test.found {
			t.Errorf("%+v: found %q", test, text)
		}
		if removed := len(trace.Products) == 1; removed {
			t.Errorf("%+v: only detected, but removed", test)
		}
	}
	db := change(t, func(db *msi.Database) {
		db.Table("Upgrade").Rows[0][db.Table("Upgrade").Index("VersionMax")] = "one"
	})
	if _, err := simulate.Run(db, simulate.Options{Scenario: simulate.Upgrade}); err == nil || !strings.Contains(err.Error(), `table Upgrade, property HF_OLDER: version "one"`) {
		t.Error(err)
	}
}

// The condition of an installed component counts again only when the component is transitive.
func TestTransitiveComponents(t *testing.T) {
	for attributes, stays := range map[int]bool{256: true, 256 + 64: false} {
		db := change(t, func(db *msi.Database) {
			sample.Set(t, db, "Component", "Licence", "Attributes", attributes)
			sample.Set(t, db, "Component", "Licence", "Condition", "NOT Installed")
		})
		trace := run(t, db, simulate.Options{Scenario: simulate.Repair})
		if got := details(t, trace, "InstallFiles"); strings.Contains(got, "licence.rtf") != stays {
			t.Errorf("attributes %d: %s", attributes, got)
		}
	}
}

func TestRemovedFiles(t *testing.T) {
	db := change(t, func(db *msi.Database) {
		sample.Add(t, db, "RemoveFile", "In|Licence|in.log|INSTALLDIR|1", "Out|Licence|OUT~1.LOG\\pout now.log|INSTALLDIR|2", "Both|Licence||INSTALLDIR|3")
	})
	const folder = `removes ` + dir
	for scenario, want := range map[simulate.Scenario]string{
		simulate.Install:   folder + "(the folder, if it is empty)\n" + folder + "in.log",
		simulate.Uninstall: folder + "sample.exe\n" + folder + "licence.rtf\n" + folder + "(the folder, if it is empty)\n" + folder + "out now.log",
	} {
		trace := run(t, db, simulate.Options{Scenario: scenario})
		if diff := cmp.Diff(want, strings.TrimSpace(details(t, trace, "RemoveFiles"))); diff != "" {
			t.Errorf("%s: %s", scenario, diff)
		}
	}
}
