package actions

import "slices"

// Type is the number in CustomAction.Type: a kind and options
// (learn.microsoft.com/windows/win32/msi/summary-list-of-all-custom-action-types).
type Type int

// The options.
const (
	Continue      Type = 0x40   // its exit code does not matter
	Async         Type = 0x80   // nobody waits for it
	Rollback      Type = 0x100  // with InScript: only when the installation is undone
	Commit        Type = 0x200  // with InScript: only after the whole script has run
	InScript      Type = 0x400  // deferred: runs when the script runs
	NoImpersonate Type = 0x800  // with InScript: runs as SYSTEM
	Script64      Type = 0x1000 // a script of 64 bits
	HideTarget    Type = 0x2000
	TSAware       Type = 0x4000
	// How often an immediate action runs when both the UI and the execute sequence have it.
	FirstSequence  Type = 0x100
	OncePerProcess Type = 0x200
	ClientRepeat   Type = 0x300
)

// Kinds that this project uses.
const (
	ExeInBinary  Type = 2
	Error        Type = 19
	SetDirectory Type = 35
	SetProperty  Type = 51
)

// Kind is the type without options.
func (t Type) Kind() Type { return t & 0x3f }

// Has tells whether all bits of an option are there.
func (t Type) Has(option Type) bool { return t&option == option }

// Deferred tells that the action is written into the script in whatever way.
func (t Type) Deferred() bool { return t.Has(InScript) }

// Schedule says when the action runs: "immediate", "deferred", "rollback" or "commit".
func (t Type) Schedule() string {
	switch {
	case !t.Deferred():
		return "immediate"
	case t.Has(Rollback):
		return "rollback"
	case t.Has(Commit):
		return "commit"
	default:
		return "deferred"
	}
}

// Valid tells whether the kind exists and takes these options.
func (t Type) Valid() bool {
	kinds := []Type{1, 2, 5, 6, 7, 17, 18, 19, 21, 22, 23, 34, 35, 37, 38, 39, 50, 51, 53, 54}
	known := t.Kind() | Continue | Async | Rollback | Commit | InScript | NoImpersonate | Script64 | HideTarget | TSAware
	switch {
	case t <= 0 || t&^known != 0 || !slices.Contains(kinds, t.Kind()):
		return false
	case t.Has(InScript | Rollback | Commit):
		return false
	case t.Has(Script64) && !t.script():
		return false
	case t.immediateOnly() && t.Deferred():
		return false
	case t.Has(Async) && (t.script() || t.nested() || t.Has(InScript|Rollback)):
		return false
	}
	return true
}

func (t Type) script() bool {
	return slices.Contains([]Type{5, 6, 21, 22, 37, 38, 53, 54}, t.Kind())
}

func (t Type) nested() bool { return slices.Contains([]Type{7, 23, 39}, t.Kind()) }

// immediateOnly are the kinds that change the session itself.
func (t Type) immediateOnly() bool {
	return t.nested() || slices.Contains([]Type{Error, SetDirectory, SetProperty}, t.Kind())
}

// Source is the table that CustomAction.Source refers to, "" for none or a property.
func (t Type) Source() string {
	switch int(t.Kind()) {
	case 1, 2, 5, 6:
		return "Binary"
	case 17, 18, 21, 22:
		return "File"
	case 34, 35:
		return "Directory"
	}
	return ""
}
