package simulate

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/installer/msi"
	"holdfast/installer/msi/actions"
	"holdfast/installer/msi/condition"
	"holdfast/installer/msi/formatted"
)

// custom runs a custom action, or writes it into the script.
func (s *session) custom(step *Step) error {
	t := s.db.Table("CustomAction")
	r := t.Find(step.Action)
	n, _ := t.Int(r, "Type")
	kind := actions.Type(n)
	if !kind.Deferred() && s.uiRan[step.Action] && s.table == executeSequence && kind&actions.ClientRepeat != 0 {
		step.Skipped = "it ran in " + uiSequence
		return nil
	}
	s.uiRan[step.Action] = s.uiRan[step.Action] || s.table == uiSequence
	target := t.Text(r, "Target")
	step.Ran = true
	switch int(kind.Kind()) {
	case int(actions.SetProperty):
		s.setProperty(step, t.Text(r, "Source"), target)
		return nil
	case int(actions.SetDirectory):
		s.setDirectory(step, t.Text(r, "Source"), target)
		return nil
	case int(actions.Error):
		return &failure{fatal, s.message(step, target)}
	}
	step.Command = s.properties.masked(s.command(kind, t.Text(r, "Source"), s.expand(target)))
	if !kind.Deferred() {
		return nil
	}
	if s.tx.owner == nil {
		return &failure{fatal, fmt.Sprintf("error 2762: %s is %s, but does not stand between InstallInitialize and InstallFinalize", step.Action, step.Kind)}
	}
	s.tx.write(operation{
		product: s.label, action: step.Action, kind: step.Kind, command: step.Command, fails: step.Action == s.failAt,
	})
	return nil
}

// setProperty is a type 51. The origin of a value that is merely copied goes along.
func (s *session) setProperty(step *Step, name, target string) {
	value := s.expand(target)
	from := "action " + step.Action
	refs := formatted.References(target)
	switch {
	case len(refs) == 1 && refs[0].String() == target && refs[0].Kind == formatted.Property:
		from = s.properties.origins[refs[0].Name]
	case len(refs) == 0 && s.asks(step.Condition, name):
		from = "default (" + step.Action + ")"
	}
	step.Command = s.properties.masked(fmt.Sprintf(`%s = "%s"`, name, value))
	s.properties.set(name, value, from)
	if s.plan != nil && s.plan.folders[name] != "" && s.plan.folders[name] != value {
		step.Details = append(step.Details, "does not move the folder any more: CostFinalize has resolved it")
	}
}

// asks tells whether a condition names a property.
func (s *session) asks(text, property string) bool {
	c, err := condition.Parse(text)
	return err == nil && slices.Contains(c.Symbols(), condition.Symbol{Kind: condition.Property, Name: property})
}

// setDirectory is a type 35: it moves a folder and all below it, after CostFinalize.
func (s *session) setDirectory(step *Step, name, target string) {
	value := s.expand(target)
	step.Command = fmt.Sprintf(`%s = "%s"`, name, value)
	if s.plan == nil {
		step.Details = append(step.Details, "does nothing before CostFinalize")
		return
	}
	old := s.plan.folders[name]
	for folder, path := range s.plan.folders {
		if below, ok := strings.CutPrefix(path, old); ok && old != "" {
			moved := strings.TrimSuffix(value, `\`) + `\` + below
			s.plan.folders[folder] = moved
			s.properties.set(folder, moved, "action "+step.Action)
		}
	}
}

// message is the text of a type 19: its own, or that of the Error table when it is a number.
func (s *session) message(step *Step, target string) string {
	text := s.expand(target)
	if errors := s.db.Table("Error"); errors != nil {
		if r := errors.Find(text); r != nil {
			text = s.expand(errors.Text(r, "Message"))
		}
	}
	step.Command = s.properties.masked(text)
	return step.Command
}

// command shows what a custom action runs.
func (s *session) command(kind actions.Type, source, target string) string {
	switch kind.Source() {
	case "Binary", "Directory":
		source = "[" + kind.Source() + " " + source + "]"
	case "File":
		source = s.plan.path(s.db, formatted.Reference{Kind: formatted.File, Name: source})
	default:
		source = s.properties.get(source)
	}
	return strings.TrimSpace(source + " " + target)
}

// rowsOf are the rows of a table whose component is in one of the action states.
func (s *session) rowsOf(table string, states ...int) (*msi.Table, []msi.Row) {
	t := s.db.Table(table)
	if t == nil || s.plan == nil {
		return t, nil
	}
	var rows []msi.Row
	for _, r := range t.Rows {
		if slices.Contains(states, s.plan.components[t.Text(r, "Component_")].action) {
			rows = append(rows, r)
		}
	}
	return t, rows
}
