package msi

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/installer/msi/actions"
	"holdfast/installer/wxs"
)

// Options of a custom action by which its properties are hidden.
const (
	hideTarget = int(actions.HideTarget)
	inScript   = int(actions.InScript)
)

// customAction is a CustomAction: its number says where its code comes from, what the code is, when it
// runs, and who waits for it (learn.microsoft.com/windows/win32/msi/custom-action-types).
func (u *unit) customAction(e *wxs.Element) {
	source, sources := u.actionSource(e)
	target, code, targets := actionTarget(e)
	kind := source.kind | code
	switch {
	case sources != 1:
		u.fail(e.Pos, fmt.Sprintf("custom action %s has %d sources", e.Get("Id"), sources), "write one of BinaryRef, FileRef, Directory, Property, Error")
	case targets != 1:
		u.fail(e.Pos, fmt.Sprintf("custom action %s has %d targets", e.Get("Id"), targets), "write one of DllEntry, ExeCommand, Value, Error")
	case !knownAction(kind):
		u.fail(e.Pos, fmt.Sprintf("custom action %s: this source and this target do not go together", e.Get("Id")), "ExeCommand goes with all but Error, DllEntry with BinaryRef and FileRef, Value with Property and Directory")
	}
	switch e.Get("Return") {
	case "ignore":
		kind |= actions.Continue
	case "asyncWait":
		kind |= actions.Async
	case "asyncNoWait":
		kind |= actions.Continue | actions.Async
	}
	switch e.Get("Execute") {
	case "firstSequence":
		kind |= actions.FirstSequence
	case "oncePerProcess":
		kind |= actions.OncePerProcess
	case "secondSequence":
		kind |= actions.ClientRepeat
	case "deferred":
		kind |= actions.InScript
	case "rollback":
		kind |= actions.InScript | actions.Rollback
	case "commit":
		kind |= actions.InScript | actions.Commit
	}
	if kind.Deferred() && no(e, "Impersonate") {
		kind |= actions.NoImpersonate
	} else if e.Has("Impersonate") && !kind.Deferred() {
		u.fail(e.At("Impersonate"), "Impersonate of an action that is not deferred", "such an action always runs as the user; remove it")
	}
	if yes(e, "HideTarget") {
		kind |= actions.HideTarget
	}
	if sources == 1 && targets == 1 && knownAction(kind.Kind()) && !kind.Valid() {
		u.fail(e.Pos, fmt.Sprintf("custom action %s: type %d does not exist", e.Get("Id"), kind), "setting properties and ending with an error run at once; only programs run asynchronously")
	}
	u.row("CustomAction", e, attr(e, "Id"), int(kind), source.cell, target, nil)
}

type actionSource struct {
	kind actions.Type
	cell
}

// actionSource is where the code comes from, and how many such places were named.
func (u *unit) actionSource(e *wxs.Element) (source actionSource, count int) {
	for name, kind := range map[string]actions.Type{"BinaryRef": 0, "FileRef": 0x10, "Directory": 0x20, "Property": 0x30, "Error": 0x10} {
		if !e.Has(name) {
			continue
		}
		count++
		source = actionSource{kind, attr(e, name)}
		switch name {
		case "Error":
			source.v = nil
			if isDigits(e.Get(name)) {
				u.refer("Error", e.Get(name), e.At(name))
			}
		case "Property":
		default:
			u.refer(strings.TrimSuffix(name, "Ref"), e.Get(name), e.At(name))
		}
	}
	return source, count
}

// actionTarget is what is done, and how many such things were named.
func actionTarget(e *wxs.Element) (target cell, kind actions.Type, count int) {
	for name, number := range map[string]actions.Type{"DllEntry": 1, "ExeCommand": 2, "Value": 3, "Error": 3} {
		if e.Has(name) {
			count++
			target, kind = attr(e, name), number
		}
	}
	return target, kind, count
}

// knownAction tells whether a source and a target go together: 1 a library, 2 a program, 3 a text, in a
// binary, a file (16), a directory (32) or a property (48).
func knownAction(kind actions.Type) bool {
	return slices.Contains([]actions.Type{1, 2, 17, 18, 19, 34, 35, 50, 51}, kind)
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// setProperty is a SetProperty or SetDirectory: a custom action and its places in the sequences.
func (u *unit) setProperty(e *wxs.Element) {
	id, name := e.Get("Id"), e.Get("Action")
	if name == "" {
		name = "Set" + id
	}
	kind := actions.SetProperty
	a := action{name: name, condition: attr(e, "Condition"), pos: e.Pos}
	if e.Name == "SetDirectory" {
		kind = actions.SetDirectory
		a.after = cell{"CostFinalize", e.Pos} // directories get their values there
		u.refer("Directory", id, e.At("Id"))
	} else {
		a.before, a.after = attr(e, "Before"), attr(e, "After")
		if e.Has("Before") == e.Has("After") {
			u.fail(e.Pos, fmt.Sprintf("<SetProperty> of %s without its place", id), "write either Before or After")
			return
		}
	}
	in := []string{"InstallUISequence", "InstallExecuteSequence"}
	switch e.Get("Sequence") {
	case "first":
		kind |= actions.FirstSequence
	case "ui":
		in = in[:1]
	case "execute":
		in = in[1:]
	}
	u.row("CustomAction", e, cell{name, e.At("Action")}, int(kind), attr(e, "Id"), attr(e, "Value"), nil)
	for _, sequence := range in {
		a.sequence = sequence
		u.schedule(a)
	}
}

// sequence is a sequence element: each child is an action.
func (u *unit) sequence(e *wxs.Element) {
	for _, child := range e.Children {
		a := action{
			sequence: e.Name, name: child.Name, pos: child.Pos, condition: attr(child, "Condition"),
			before: attr(child, "Before"), after: attr(child, "After"), suppress: yes(child, "Suppress"),
		}
		switch child.Name {
		case "Custom":
			a.name = child.Get("Action")
			u.refer("CustomAction", a.name, child.At("Action"))
		case "Show":
			a.name = child.Get("Dialog")
			u.refer("Dialog", a.name, child.At("Dialog"))
		}
		if child.Has("Sequence") {
			a.number, a.numbered = integer(child.Get("Sequence")), true
		} else if child.Has("OnExit") {
			a.number, a.numbered = map[string]int{"success": -1, "cancel": -2, "error": -3, "suspend": -4}[child.Get("OnExit")], true
		}
		if !u.placed(child, a) {
			continue
		}
		u.schedule(a)
	}
}

// placed checks that an action has one place, or is a standard action that needs none.
func (u *unit) placed(e *wxs.Element, a action) bool {
	var places []string
	for _, name := range []string{"Sequence", "OnExit", "Before", "After", "Suppress"} {
		if e.Has(name) && (name != "Suppress" || a.suppress) {
			places = append(places, name)
		}
	}
	_, known := standardAction(a.sequence + "/" + a.name)
	switch {
	case len(places) > 1:
		u.fail(e.At(places[1]), fmt.Sprintf("%s with %s", places[1], places[0]), "an action has one place; remove one")
	case a.suppress && !known:
		u.fail(e.At("Suppress"), fmt.Sprintf("nothing schedules %s that could be suppressed", a.name), "remove the element")
	case len(places) == 0 && (!known || a.name == "InstallExecute" || a.name == "InstallExecuteAgain"):
		u.fail(e.Pos, fmt.Sprintf("<%s> without its place", e.Name), "write Sequence, Before or After")
	default:
		return true
	}
	return false
}

// schedule notes an action in a sequence.
func (u *unit) schedule(a action) {
	a.unit = u
	u.actions = append(u.actions, &a)
	if !a.suppress {
		u.define("Action", a.key(), a.pos)
	}
	for _, beside := range []cell{a.before, a.after} {
		if name, _ := beside.v.(string); name != "" {
			u.refer("Action", a.sequence+"/"+name, beside.at)
		}
	}
}
