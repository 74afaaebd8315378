package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"holdfast/installer/msi"
	"holdfast/installer/msi/actions"
	"holdfast/installer/msi/condition"
)

// standard runs a standard action.
func (s *session) standard(step *Step) error {
	if s.doneByClient(step) {
		return nil
	}
	step.Ran = true
	switch step.Action {
	case "AppSearch":
		return s.appSearch(step)
	case "FindRelatedProducts":
		return s.findRelated(step)
	case "LaunchConditions":
		return s.launchConditions(step)
	case "CostInitialize":
		s.costInitialize(step)
		return nil
	case "CostFinalize":
		return s.costFinalize(step)
	case "ExecuteAction":
		step.Details = []string{"the service takes over: public properties go along, private ones begin anew"}
		s.mark(step.Action)
		return s.serve()
	case "InstallInitialize":
		if s.tx.owner == nil {
			s.tx.owner = s
		}
		return nil
	case "InstallExecute", "InstallExecuteAgain":
		return s.carryOut(step)
	case "InstallFinalize":
		return s.finalize(step)
	case "RemoveExistingProducts":
		return s.removeExisting(step)
	case "InstallValidate":
		s.validate(step)
		return nil
	}
	return s.scripted(step)
}

// doneByClient tells that an action runs once, and did so in the user interface's sequence
// (learn.microsoft.com/windows/win32/msi/findrelatedproducts-action and the others' pages), or that
// it has no part in the maintenance of an installed product.
func (s *session) doneByClient(step *Step) bool {
	once := []string{"AppSearch", "FindRelatedProducts", "MigrateFeatureStates", "CCPSearch", "RMCCPSearch", "ValidateProductID"}
	first := []string{"FindRelatedProducts", "MigrateFeatureStates", "RemoveExistingProducts"}
	switch {
	case s.uiRan[step.Action] && s.table == executeSequence && slices.Contains(once, step.Action):
		step.Skipped = "it ran in " + uiSequence
	case s.installed && slices.Contains(first, step.Action):
		step.Skipped = "it runs only when the product is installed for the first time"
	}
	s.mark(step.Action)
	return step.Skipped != ""
}

func (s *session) mark(action string) {
	if s.table == uiSequence {
		s.uiRan[action] = true
	}
}

// appSearch puts remembered registry values into properties
// (learn.microsoft.com/windows/win32/msi/reglocator-table).
func (s *session) appSearch(step *Step) error {
	t, locators := s.db.Table("AppSearch"), s.db.Table("RegLocator")
	if t == nil {
		return nil
	}
	for _, r := range t.Rows {
		name, signature := t.Text(r, "Property"), t.Text(r, "Signature_")
		locator := locators.Find(signature)
		if locator == nil {
			step.Details = append(step.Details, fmt.Sprintf("%s: search %s is not modelled: only the registry is searched", name, signature))
			continue
		}
		root, _ := locators.Int(locator, "Root")
		kind, _ := locators.Int(locator, "Type")
		path := registryPath(root, s.expand(locators.Text(locator, "Key")), s.expand(locators.Text(locator, "Name")), kind&16 != 0)
		value := cmp.Or(s.machine.registry.get(path), windowsRegistry(path))
		if value == "" {
			step.Details = append(step.Details, fmt.Sprintf("%s stays empty: %s is not there", name, path))
			continue
		}
		s.properties.set(name, value, "remembered ("+path+")")
		step.Details = append(step.Details, s.properties.masked(fmt.Sprintf(`%s = "%s" from %s`, name, value, path)))
	}
	return nil
}

func (s *session) launchConditions(step *Step) error {
	t := s.db.Table("LaunchCondition")
	if t == nil {
		return nil
	}
	for _, r := range t.Rows {
		c, err := condition.Parse(t.Text(r, "Condition"))
		if err != nil {
			return fmt.Errorf("table LaunchCondition: %w", err)
		}
		holds, facts := c.Decide(s.symbol)
		if !holds {
			step.Details = append(step.Details, fmt.Sprintf("does not hold: %s%s", c, because(facts)))
			return &failure{fatal, s.expand(t.Text(r, "Description"))}
		}
		step.Details = append(step.Details, s.properties.masked(fmt.Sprintf("holds: %s%s", c, because(facts))))
	}
	return nil
}

func (s *session) costInitialize(*Step) {
	for name, path := range windowsFolders() {
		if s.properties.get(name) == "" {
			s.properties.set(name, path, fromWindows)
		}
	}
}

func (s *session) costFinalize(step *Step) error {
	if err := s.makePlan(); err != nil {
		return err
	}
	t := s.db.Table("Feature")
	if t == nil {
		return nil
	}
	words := map[int]string{local: "is installed", absent: "is removed", unknown: "stays as it is"}
	for _, r := range t.Rows {
		name := t.Text(r, "Feature")
		st := s.plan.features[name]
		what := words[st.action]
		if st.installed == local && st.action == local {
			what = "is installed again"
		} else if st.installed == absent && st.action == unknown {
			what = "is not installed"
		}
		step.Details = append(step.Details, "feature "+name+" "+what)
	}
	return nil
}

// validate also says REMOVE=ALL when no feature stays
// (learn.microsoft.com/windows/win32/msi/remove).
func (s *session) validate(step *Step) {
	step.Details = []string{"taken for granted: space is left, no file is in use"}
	if s.plan == nil || !s.installed || s.properties.get("REMOVE") == "ALL" {
		return
	}
	for _, st := range s.plan.features {
		if st.installed == local && st.action != absent {
			return
		}
	}
	s.properties.set("REMOVE", "ALL", fromWindows)
	step.Details = append(step.Details, `REMOVE = "ALL": no feature stays`)
}

func (s *session) carryOut(step *Step) error {
	step.Details = []string{written(len(s.tx.pending)) + " carried out now; the transaction goes on"}
	return s.tx.execute()
}

func (s *session) finalize(step *Step) error {
	step.Details = []string{written(len(s.tx.pending)) + " carried out"}
	if s.properties.get("REMOVE") == "ALL" && s.installed {
		s.tx.write(operation{
			product: s.label, action: step.Action, kind: Standard, command: "forgets the product",
			apply: func() { s.machine.remove(s.db) }, undo: func() { s.machine.add(s.db) },
		})
	}
	if err := s.tx.execute(); err != nil {
		return err
	}
	if s.tx.owner != s {
		step.Details = append(step.Details, "the transaction goes on: it is that of the installation around this one")
		return nil
	}
	if n := len(s.tx.commits); n > 0 {
		step.Details = append(step.Details, fmt.Sprintf("%d commit action(s) afterwards", n))
	}
	if err := s.tx.commit(); err != nil {
		return err
	}
	s.tx.owner = nil
	return nil
}

func written(n int) string {
	if n == 1 {
		return "1 operation of the script is"
	}
	return fmt.Sprintf("%d operations of the script are", n)
}

// scripted is a standard action that does its work by the rows of a table, in the script.
func (s *session) scripted(step *Step) error {
	a, _ := actions.Find(step.Action)
	if a.Script && s.tx.owner == nil {
		return &failure{fatal, fmt.Sprintf("error 2762: %s does not stand between InstallInitialize and InstallFinalize", step.Action)}
	}
	work, modelled := s.work(step.Action)
	if !modelled {
		step.Modelled = false
		step.Details = []string{a.Does}
		if a.Script {
			s.tx.write(operation{product: s.label, action: step.Action, kind: Standard, command: a.Does, fails: step.Action == s.failAt, undo: func() {}})
		}
		return nil
	}
	step.Details = work.lines
	if len(work.lines) == 0 {
		step.Details = []string{"nothing to do"}
		if step.Action != s.failAt {
			return nil
		}
	}
	s.tx.write(operation{
		product: s.label, action: step.Action, kind: Standard, command: summary(work.lines), fails: step.Action == s.failAt,
		apply: work.apply, undo: work.undo,
	})
	return nil
}

func because(facts []condition.Fact) string {
	if len(facts) == 0 {
		return ""
	}
	var texts []string
	for _, f := range facts {
		texts = append(texts, f.String())
	}
	return " because " + strings.Join(texts, ", ")
}

// summary is the first of several lines.
func summary(lines []string) string {
	switch len(lines) {
	case 0:
		return ""
	case 1:
		return lines[0]
	}
	return fmt.Sprintf("%s, and %d more", lines[0], len(lines)-1)
}

// rowText is a column of a row, resolved.
func (s *session) rowText(t *msi.Table, r msi.Row, column string) string {
	return s.expand(t.Text(r, column))
}
