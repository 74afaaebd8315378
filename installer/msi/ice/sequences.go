package ice

import (
	"slices"

	"holdfast/installer/msi/actions"
	"holdfast/installer/msi/condition"
)

const executeSequence = "InstallExecuteSequence"

// sequenceTables are the tables that the installer runs.
func sequenceTables() []string {
	return []string{"AdminExecuteSequence", "AdminUISequence", "AdvtExecuteSequence", executeSequence, "InstallUISequence"}
}

// sequence is the rows of a sequence that run, in order.
func (c *checker) sequence(table string) []row {
	rows := slices.DeleteFunc(c.rows(table), func(r row) bool { return r.number("Sequence") <= 0 })
	slices.SortStableFunc(rows, func(a, b row) int { return a.number("Sequence") - b.number("Sequence") })
	return rows
}

// at is the number of an action in a sequence; false when it is not there.
func (c *checker) at(table, action string) (int, bool) {
	r, ok := c.find(table, action)
	n := 0
	if ok {
		n = r.number("Sequence")
	}
	return n, ok && n > 0
}

// customType is the type of a custom action; false when there is none with this name.
func (c *checker) customType(action string) (actions.Type, bool) {
	r, ok := c.find("CustomAction", action)
	if !ok {
		return 0, false
	}
	return actions.Type(r.number("Type")), true
}

// script tells whether an action writes into the script.
func (c *checker) script(action string) bool {
	if a, ok := actions.Find(action); ok {
		return a.Script
	}
	t, ok := c.customType(action)
	return ok && t.Deferred()
}

// ice27: learn.microsoft.com/windows/win32/msi/ice27.
func (c *checker) ice27() {
	for _, table := range sequenceTables() {
		writes := false
		for _, r := range c.sequence(table) {
			action := r.text("Action")
			a, standard := actions.Find(action)
			if !standard {
				c.known(r, action)
			} else {
				c.place(r, a)
				c.order(r, a)
			}
			writes = writes || c.script(action)
		}
		r, ends := c.find(table, "InstallFinalize")
		if writes && !ends {
			c.missing(table, "add InstallFinalize (6600)", "actions write into the script, and nothing carries it out")
		}
		if ends && !writes {
			c.bad(r, "Action", "remove it", "there is no script to carry out")
		}
	}
}

func (c *checker) known(r row, action string) {
	_, custom := c.find("CustomAction", action)
	_, dialog := c.find("Dialog", action)
	if !custom && !dialog {
		c.bad(r, "Action", "", "%s is neither a standard action nor in CustomAction or Dialog", action)
	}
}

// place checks the section of a standard action.
func (c *checker) place(r row, a actions.Standard) {
	table, n := r.t.Name, r.number("Sequence")
	now := actions.Search
	for _, border := range []struct {
		action  string
		section actions.Section
		after   int // the border itself belongs to the section before (1) or to the one it opens (0)
	}{{"CostInitialize", actions.Costing, 0}, {"CostFinalize", actions.Selection, 1}, {"InstallValidate", actions.Execution, 0}, {"InstallFinalize", actions.After, 1}} {
		if at, ok := c.at(table, border.action); ok && n >= at+border.after {
			now = border.section
		}
	}
	if now < a.From || now > a.To {
		c.bad(r, "Sequence", "", "%s stands in the part %q, and belongs into %q", a.Name, now, a.From)
	}
}

// order checks what a standard action must come after and before.
func (c *checker) order(r row, a actions.Standard) {
	n := r.number("Sequence")
	for _, other := range a.After {
		if at, ok := c.at(r.t.Name, other); ok && at >= n {
			c.bad(r, "Sequence", "", "%s (%d) must come after %s (%d)", a.Name, n, other, at)
		}
	}
	for _, other := range a.Before {
		o, _ := actions.Find(other)
		if at, ok := c.at(r.t.Name, other); ok && at <= n && !slices.Contains(o.After, a.Name) {
			c.bad(r, "Sequence", "", "%s (%d) must come before %s (%d)", a.Name, n, other, at)
		}
	}
}

// ice63: learn.microsoft.com/windows/win32/msi/ice63. The removal runs while the script is still being
// written. What waits in the script then makes Windows Installer end with error 2613, with or without
// an older product; only an InstallExecute that runs whenever the removal does carries it out before.
func (c *checker) ice63() {
	remove, ok := c.find(executeSequence, "RemoveExistingProducts")
	if !ok {
		return
	}
	n := remove.number("Sequence")
	validate, _ := c.at(executeSequence, "InstallValidate")
	begin, begins := c.at(executeSequence, "InstallInitialize")
	end, ends := c.at(executeSequence, "InstallFinalize")
	switch {
	case n <= validate:
		c.bad(remove, "Sequence", "", "it must come after InstallValidate (%d)", validate)
		return
	case !begins || n < begin, ends && n > end:
		return
	}
	waiting := ""
	for _, r := range c.sequence(executeSequence) {
		action, at := r.text("Action"), r.number("Sequence")
		switch {
		case at >= n:
		case action == "InstallExecute" || action == "InstallExecuteAgain":
			if waiting != "" && c.whenever(r, remove) {
				waiting = ""
			}
		case c.script(action):
			waiting = action
		}
	}
	if waiting != "" {
		c.bad(remove, "Sequence", "put InstallExecute between them, with no condition or with that of RemoveExistingProducts",
			"%s waits in the script when it runs, which ends with error 2613", waiting)
	}
}

// whenever tells that one row runs whenever another does, as far as the texts say so.
func (c *checker) whenever(r, other row) bool {
	a, err := condition.Parse(r.text("Condition"))
	if err != nil {
		return false
	}
	b, err := condition.Parse(other.text("Condition"))
	return err == nil && (a.Empty() || condition.Same(a, b))
}

// ice68: learn.microsoft.com/windows/win32/msi/ice68.
func (c *checker) ice68() {
	for _, r := range c.rows("CustomAction") {
		t := actions.Type(r.number("Type"))
		switch {
		case !t.Valid():
			c.bad(r, "Type", "learn.microsoft.com/windows/win32/msi/summary-list-of-all-custom-action-types", "type %d does not exist or does not take these options", t)
		case t.Has(actions.NoImpersonate) && !t.Deferred():
			c.warn(r, "Type", "make it deferred (1024), or leave 2048 out", "an immediate action never runs as SYSTEM, whatever type %d says", t)
		}
	}
}

// ice77: learn.microsoft.com/windows/win32/msi/ice77.
func (c *checker) ice77() {
	for _, table := range []string{executeSequence, "AdminExecuteSequence"} {
		begin, begins := c.at(table, "InstallInitialize")
		end, ends := c.at(table, "InstallFinalize")
		for _, r := range c.sequence(table) {
			t, custom := c.customType(r.text("Action"))
			if n := r.number("Sequence"); custom && t.Deferred() && (!begins || !ends || n <= begin || n >= end) {
				c.bad(r, "Sequence", "", "a %s action must stand between InstallInitialize (%d) and InstallFinalize (%d)", t.Schedule(), begin, end)
			}
		}
	}
}
