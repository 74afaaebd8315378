package simulate

import (
	"slices"

	"holdfast/installer/msi/condition"
)

// Trace is what happens, in order.
type Trace struct {
	Scenario Scenario
	// Name, Version and Template are those of the package, Before the version of the related product
	// that was there, "" for none.
	Name, Version, Template, Before string
	UILevel                         UILevel
	// Given are the properties of the command line, those of the scenario included.
	Given map[string]string
	// Registry and After are the remembered values before and after.
	Registry, After []Value
	// Notes are what somebody should know before reading on.
	Notes []string
	// Steps are the actions of the sequences in the order in which the installer meets them.
	Steps []Step
	// Executed is what the script really does, the way back and the commit included.
	Executed []Execution
	// Code is how msiexec ends: 0 or 1603. Reason is the message of a failure.
	Code   int
	Reason string
	// Properties are the final values.
	Properties []PropertyValue
	// Products are the versions of the product that are installed afterwards.
	Products []string
}

// Kind is what kind of action it is.
type Kind string

// The kinds.
const (
	Standard  Kind = "standard"
	Dialog    Kind = "dialog"
	Immediate Kind = "immediate"
	Deferred  Kind = "deferred"
	OnlyBack  Kind = "rollback"
	OnlyEnd   Kind = "commit"
)

// Step is one row of a sequence.
type Step struct {
	Table    string
	Sequence int
	Action   string
	Kind     Kind
	// Ran tells that the action ran, or went into the script. Otherwise the condition did not hold
	// or Skipped says why.
	Ran       bool
	Condition string
	Facts     []condition.Fact // the values that decided the condition
	Skipped   string
	// Command is the command line of a custom action or the text that it sets.
	Command string
	// Details are what it did, a line each. Modelled is false for a standard action that the
	// simulation leaves out.
	Details  []string
	Modelled bool
	// Nested are the steps of the products that RemoveExistingProducts removes.
	Nested []Step
}

// Phase is a part of the execution.
type Phase string

// The phases.
const (
	Forward Phase = "script"
	Back    Phase = "rollback"
	End     Phase = "commit"
)

// Execution is one operation that is carried out.
type Execution struct {
	Phase Phase
	// Product is the version of a product that is being removed, "" for the package itself.
	Product string
	Action  string
	Kind    Kind
	Command string
	Failed  bool
}

// Value is a registry value.
type Value struct{ Path, Text string }

// PropertyValue is a property with its origin: "command line", "remembered (HKLM\…)", "default (…)".
type PropertyValue struct {
	Name, Text, From string
	Secure, Hidden   bool
}

// Actions are the custom actions of this package that a phase carried out, in order.
func (t *Trace) Actions(phase Phase) []string {
	var names []string
	for _, e := range t.Executed {
		if e.Phase == phase && e.Product == "" && e.Kind != Standard {
			names = append(names, e.Action)
		}
	}
	return names
}

// Step is the row of an action in InstallExecuteSequence; false when there is none.
func (t *Trace) Step(action string) (Step, bool) {
	at := slices.IndexFunc(t.Steps, func(s Step) bool { return s.Action == action && s.Table == executeSequence })
	if at < 0 {
		return Step{}, false
	}
	return t.Steps[at], true
}

// Property is the final value of a property and where it came from.
func (t *Trace) Property(name string) (text, from string) {
	for _, p := range t.Properties {
		if p.Name == name {
			return p.Text, p.From
		}
	}
	return "", ""
}
