package simulate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi/internal/sample"
	"holdfast/installer/msi/simulate"
)

// everything is every property that an administrator may give.
func everything() map[string]string {
	return given("HF_ACCOUNT=NetworkService", "HF_ADDRESS=10.0.0.7", "HF_PORT=8443", "HF_FIREWALL=yes", "HF_STARTTYPE=delayed", "HF_HEALTHTIMEOUT=120",
		"HF_NOSTART=no", `HF_CONFIG=C:\Temp\first.yaml`, `INSTALLDIR=D:\Apps\Holdfast`, `DATADIR=D:\Data\Holdfast`)
}

func installedWith(version string, pairs ...string) *simulate.Installed {
	return &simulate.Installed{Version: version, Properties: given(pairs...)}
}

// The traces of Holdfast's own package.
func TestHoldfast(t *testing.T) {
	const (
		installs = "HfGuard HfSnapshot HfStop HfApply HfStart"
		removes  = "HfSnapshot HfStop HfRemove"
	)
	tests := []struct {
		name     string
		options  simulate.Options
		forward  string
		products string
		code     int
		reason   string
	}{
		{"install", simulate.Options{Scenario: simulate.Install}, installs, "1.2.3", 0, ""},
		{"install-every-property", simulate.Options{Scenario: simulate.Install, Properties: everything()}, installs, "1.2.3", 0, ""},
		{"install-dialogs", simulate.Options{Scenario: simulate.Install, UILevel: simulate.Full}, installs, "1.2.3", 0, ""},
		{"install-nostart", simulate.Options{Scenario: simulate.Install, Properties: given("HF_NOSTART=1")}, "HfGuard HfSnapshot HfStop HfApply", "1.2.3", 0, ""},
		{"upgrade", simulate.Options{Scenario: simulate.Upgrade, Installed: installedWith("1.1.0", "HF_PORT=9090", `DATADIR=D:\Data`)}, installs, "1.2.3", 0, ""},
		{"downgrade-refused", simulate.Options{Scenario: simulate.Downgrade, Installed: installedWith("2.0.0")}, "", "2.0.0", 1603, "newer"},
		{"downgrade-allowed", simulate.Options{Scenario: simulate.Downgrade, Installed: installedWith("2.0.0", "HF_PORT=9090"), Properties: given("HF_ALLOWDOWNGRADE=yes")}, installs, "1.2.3", 0, ""},
		{"repair", simulate.Options{Scenario: simulate.Repair, Installed: installedWith("", "HF_PORT=9090")}, installs, "1.2.3", 0, ""},
		{"reconfigure", simulate.Options{Scenario: simulate.Reconfigure, Installed: installedWith("", "HF_PORT=9090"), Properties: given("HF_PORT=9191", "HF_STARTTYPE=manual")}, installs, "1.2.3", 0, ""},
		{"uninstall", simulate.Options{Scenario: simulate.Uninstall, Installed: installedWith("", `DATADIR=D:\Data`)}, removes, "", 0, ""},
		{"purge", simulate.Options{Scenario: simulate.Uninstall, Properties: given("HF_PURGE=1")}, removes, "", 0, ""},
		{"rollback", simulate.Options{Scenario: simulate.Rollback}, installs, "", 1603, "HfStart fails"},
		{"rollback-upgrade", simulate.Options{Scenario: simulate.Rollback, Installed: installedWith("1.1.0", "HF_PORT=9090")}, installs, "1.1.0", 1603, "HfStart fails"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			trace := run(t, sample.Holdfast(t), test.options)
			golden(t, test.name, trace)
			forward, products := strings.Join(trace.Actions(simulate.Forward), " "), strings.Join(trace.Products, " ")
			if forward != test.forward || products != test.products || trace.Code != test.code || !strings.Contains(trace.Reason, test.reason) {
				t.Errorf("%s; products %q; %d %s", forward, products, trace.Code, trace.Reason)
			}
			if len(trace.Notes) > 0 {
				t.Error(trace.Notes)
			}
		})
	}
}

// Every property reaches the setup program's command line, and later runs remember it.
func TestHoldfastRemembers(t *testing.T) {
	db := sample.Holdfast(t)
	upgrade := run(t, db, simulate.Options{Scenario: simulate.Upgrade, Installed: &simulate.Installed{Properties: everything()}})
	step, _ := upgrade.Step("HfApply")
	for _, want := range []string{
		`--account "NetworkService"`, `--address "10.0.0.7"`, `--port "8443"`, `--firewall "yes"`, `--start "delayed"`, `--timeout "120"`, `--config ""`,
		`--install "D:\Apps\Holdfast\."`, `--data "D:\Data\Holdfast\."`, `--name "Holdfast"`, `--product-version "1.2.3"`, `--version "1.2.3"`, `--remove ""`,
	} {
		if !strings.Contains(step.Command, want) {
			t.Errorf("%s is missing in %s", want, step.Command)
		}
	}
	if diff := cmp.Diff(slices.DeleteFunc(upgrade.Registry, isVersion), slices.DeleteFunc(upgrade.After, isVersion)); diff != "" {
		t.Errorf("remembered (-before +after)\n%s", diff)
	}
}

func isVersion(v simulate.Value) bool { return strings.HasSuffix(v.Path, `\Version`) }

// A bad value ends every run before anything is changed, with a message that names the property.
func TestHoldfastRefuses(t *testing.T) {
	db := sample.Holdfast(t)
	for _, bad := range []string{
		"HF_ACCOUNT=LocalSystem", `HF_ACCOUNT=CORP\anna`, `HF_ACCOUNT=a"b\c$`, "HF_ADDRESS=10.0.0.0/8", `HF_ADDRESS="`, "HF_PORT=0", "HF_PORT=65536", "HF_PORT=-1",
		"HF_PORT=http", "HF_PORT=80 ", "HF_FIREWALL=maybe", "HF_STARTTYPE=boot", "HF_HEALTHTIMEOUT=4", "HF_HEALTHTIMEOUT=601", "HF_NOSTART=2",
		"HF_PURGE=please", "HF_ALLOWDOWNGRADE=ok", `HF_CONFIG=C:\a"b`, `HF_CONFIG=C:\dir\`, `INSTALLDIR=C:\a"b`, `DATADIR=C:\a"b`,
	} {
		name, _, _ := strings.Cut(bad, "=")
		for _, o := range []simulate.Options{
			{Scenario: simulate.Install}, {Scenario: simulate.Install, UILevel: simulate.Full}, {Scenario: simulate.Upgrade}, {Scenario: simulate.Reconfigure},
		} {
			o.Properties = given(bad)
			trace := run(t, db, o)
			if trace.Code != 1603 || !strings.Contains(trace.Reason, name) || len(trace.Executed) > 0 {
				t.Errorf("%s, %s: code %d, %s", o.Scenario, bad, trace.Code, trace.Reason)
			}
		}
	}
}

// Whatever deferred action fails, in whatever scenario, its rollback runs, the machine is as before,
// and nothing is committed.
func TestHoldfastRollsBack(t *testing.T) {
	db := sample.Holdfast(t)
	for _, o := range []simulate.Options{
		{Scenario: simulate.Install},
		{Scenario: simulate.Upgrade, Installed: installedWith("1.1.0", "HF_PORT=9090")},
		{Scenario: simulate.Downgrade, Installed: installedWith("2.0.0", "HF_PORT=9090"), Properties: given("HF_ALLOWDOWNGRADE=1")},
		{Scenario: simulate.Repair},
		{Scenario: simulate.Reconfigure, Properties: given("HF_PORT=9191")},
		{Scenario: simulate.Uninstall},
		{Scenario: simulate.Uninstall, Properties: given("HF_PURGE=1")},
	} {
		good := run(t, db, o)
		for _, action := range good.Actions(simulate.Forward) {
			o.FailAt = action
			trace := run(t, db, o)
			back := trace.Actions(simulate.Back)
			if _, has := trace.Step(action + "Rollback"); has && !slices.Contains(back, action+"Rollback") {
				t.Errorf("%s, %s fails: its rollback does not run: %v", o.Scenario, action, back)
			}
			// The snapshot is what brings the service back, whoever fails after it.
			if action != "HfGuard" && (len(back) == 0 || back[len(back)-1] != "HfSnapshotRollback") {
				t.Errorf("%s, %s fails: the snapshot is not restored last: %v", o.Scenario, action, back)
			}
			if diff := cmp.Diff(trace.Registry, trace.After); diff != "" || trace.Code != 1603 || len(trace.Actions(simulate.End)) > 0 {
				t.Errorf("%s, %s fails: code %d (-before +after)\n%s", o.Scenario, action, trace.Code, diff)
			}
		}
	}
}
