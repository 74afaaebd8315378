// Package simulate explains what Windows Installer would do with a package: which actions run, in
// what order, and why. Nothing is installed.
//
// Run walks the sequences of a package as the installer does: it evaluates the conditions, searches
// the remembered values, resolves the folders, writes the deferred actions with their command lines
// into a script, carries the script out and, when something fails, walks it back. What it does not
// model is listed as not modelled. The order of things is Microsoft's:
// learn.microsoft.com/windows/win32/msi/using-a-sequence-table, .../deferred-execution-custom-actions,
// .../rollback-custom-actions.
package simulate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/installer/msi"
)

// Scenario is what somebody does with the package.
type Scenario string

// The scenarios.
const (
	Install     Scenario = "install"     // on a machine without the product
	Upgrade     Scenario = "upgrade"     // an older version is installed
	Downgrade   Scenario = "downgrade"   // a newer version is installed
	Repair      Scenario = "repair"      // REINSTALL=ALL on the installed product
	Reconfigure Scenario = "reconfigure" // the package again, with other properties
	Uninstall   Scenario = "uninstall"   // REMOVE=ALL
	Rollback    Scenario = "rollback"    // an installation, or an upgrade, that fails
)

// Scenarios are all scenarios.
func Scenarios() []Scenario {
	return []Scenario{Install, Upgrade, Downgrade, Repair, Reconfigure, Uninstall, Rollback}
}

// UILevel is how much of a user interface there is
// (learn.microsoft.com/windows/win32/msi/uilevel).
type UILevel int

// The levels; only the last two run InstallUISequence.
const (
	None    UILevel = 2 // /qn
	Basic   UILevel = 3 // /qb
	Reduced UILevel = 4 // /qr
	Full    UILevel = 5 // /qf
)

// Options are the machine and the command line.
type Options struct {
	Scenario Scenario
	// Properties are those given on the command line: public ones only.
	Properties map[string]string
	// Installed is the product that is there before; nil: what the scenario needs.
	Installed *Installed
	// FailAt is the action that fails after its work. An action of the product that
	// RemoveExistingProducts removes is named "RemoveExistingProducts/HfStop". Default: none, in a
	// Rollback the last deferred custom action.
	FailAt  string
	UILevel UILevel // default None
	// Environment is the environment variables that conditions and texts ask for.
	Environment map[string]string
}

// Installed is an earlier installation of the product.
type Installed struct {
	// Version is that of the product, default: of this package, in an Upgrade one lower, in a
	// Downgrade one higher.
	Version string
	// Package is what installed it, default: this package under that version.
	Package *msi.Database
	// Properties are those it was installed with.
	Properties map[string]string
	// Registry is what the machine remembers, by path: `HKLM\SOFTWARE\Holdfast\Port`. Default: what
	// an installation with Properties writes.
	Registry map[string]string
}

// Run simulates. An error tells that the question makes no sense or that the package is broken;
// an installation that fails is a Trace with its exit code.
func Run(db *msi.Database, o Options) (Trace, error) {
	if o.UILevel == 0 {
		o.UILevel = None
	}
	if !slices.Contains(Scenarios(), o.Scenario) {
		return Trace{}, fmt.Errorf("scenario %q is unknown; it is one of %v", o.Scenario, Scenarios())
	}
	for _, name := range slices.Sorted(maps.Keys(o.Properties)) {
		if !public(name) {
			return Trace{}, fmt.Errorf("property %q cannot be set on a command line; only names without lower-case letters can", name)
		}
	}
	m, err := before(db, o)
	if err != nil {
		return Trace{}, err
	}
	if o.Scenario == Rollback && o.FailAt == "" {
		if o.FailAt, err = lastDeferred(db, o, m); err != nil {
			return Trace{}, err
		}
	}
	return run(db, o, m)
}

// run simulates on a machine, which it changes.
func run(db *msi.Database, o Options, m *machine) (Trace, error) {
	t := Trace{
		Scenario: o.Scenario, Name: db.Property("ProductName"), Version: db.Property("ProductVersion"),
		Template: db.Summary.Template, Registry: m.registry.sorted(), UILevel: o.UILevel,
	}
	if old := m.related(db); old != nil {
		t.Before = old.version
	}
	s := newSession(db, m, o)
	t.Given = map[string]string{}
	for name, value := range s.given {
		t.Given[name] = s.properties.masked(value)
	}
	s.remark()
	err := s.install()
	var failed *failure
	if err != nil && !errors.As(err, &failed) {
		return Trace{}, fmt.Errorf("%s %s: %w", t.Name, t.Version, err)
	}
	if o.FailAt != "" && !s.tx.failedAt {
		return Trace{}, fmt.Errorf("action %q does not run in this %s, so it cannot fail; the deferred ones that do: %s",
			o.FailAt, o.Scenario, strings.Join(s.tx.deferred(), ", "))
	}
	if failed != nil {
		t.Code, t.Reason = failed.code, s.properties.masked(failed.text)
	}
	t.Steps, t.Executed, t.Notes = s.steps, s.tx.executed, s.notes
	t.After = m.registry.sorted()
	t.Products = m.versions()
	t.Properties = s.properties.list(s.secure())
	return t, nil
}

// before is the machine that the scenario begins on.
func before(db *msi.Database, o Options) (*machine, error) {
	m := newMachine(o.Environment)
	installed := o.Installed
	switch o.Scenario {
	case Install:
		if installed != nil {
			return nil, fmt.Errorf("scenario %s has no installed product; take %s, %s or %s", Install, Upgrade, Repair, Reconfigure)
		}
	case Rollback:
	case Upgrade, Downgrade, Repair, Reconfigure, Uninstall:
		if installed == nil {
			installed = &Installed{}
		}
	}
	if installed == nil {
		return m, nil
	}
	old, err := oldPackage(db, o.Scenario, *installed)
	if err != nil {
		return nil, err
	}
	t, err := run(old, Options{Scenario: Install, Properties: installed.Properties, Environment: o.Environment}, m)
	if err != nil {
		return nil, fmt.Errorf("the installation before: %w", err)
	}
	if t.Code != 0 {
		return nil, fmt.Errorf("the installation before fails: %s", t.Reason)
	}
	if installed.Registry != nil {
		m.registry = newRegistry(installed.Registry)
	}
	return m, nil
}

// lastDeferred is the last deferred custom action of the run that a Rollback breaks off.
func lastDeferred(db *msi.Database, o Options, m *machine) (string, error) {
	o.Scenario = Install
	if m.related(db) != nil {
		o.Scenario = Upgrade
	}
	t, err := run(db, o, m.clone())
	if err != nil {
		return "", err
	}
	last := ""
	for _, e := range t.Executed {
		if e.Kind == Deferred && e.Product == "" {
			last = e.Action
		}
	}
	if last == "" {
		return "", fmt.Errorf("scenario %s: no deferred custom action runs; name an action that fails", Rollback)
	}
	return last, nil
}
