package ice

import (
	"slices"
	"strings"

	"holdfast/installer/msi/actions"
	"holdfast/installer/msi/condition"
	"holdfast/installer/msi/formatted"
)

func (c *checker) rollbackTwins() {
	rows := c.sequence(executeSequence)
	for i, r := range rows {
		t, custom := c.customType(r.text("Action"))
		if !custom || t.Schedule() != "rollback" {
			continue
		}
		name, named := strings.CutSuffix(r.text("Action"), "Rollback")
		if !named {
			c.bad(r, "Action", "name it after the action that it undoes, with Rollback at the end", "nothing says what it undoes")
			continue
		}
		if i+1 == len(rows) || rows[i+1].text("Action") != name {
			c.bad(r, "Sequence", "", "it must stand directly before %s", name)
			continue
		}
		twin := rows[i+1]
		if d, _ := c.customType(name); d.Schedule() != "deferred" {
			c.bad(twin, "Action", "", "%s is %s, but has a rollback action", name, d.Schedule())
		}
		a, err := condition.Parse(r.text("Condition"))
		b, bad := condition.Parse(twin.text("Condition"))
		if err == nil && bad == nil && !condition.Same(a, b) {
			c.bad(r, "Condition", "write the same condition at both", "it is not that of %s", name)
		}
	}
}

func (c *checker) scriptTypes() {
	want := map[string]actions.Type{"deferred": 3074, "rollback": 3330, "commit": 3586}
	for _, r := range c.rows("CustomAction") {
		t := actions.Type(r.number("Type"))
		if t.Deferred() && t != want[t.Schedule()] {
			c.bad(r, "Type", "", "a %s action of this project has type %d (a program of Binary, as SYSTEM, whose exit code counts), not %d", t.Schedule(), want[t.Schedule()], t)
		}
	}
}

func (c *checker) relatedFirst() {
	for _, table := range []string{executeSequence, "InstallUISequence"} {
		launch, ok := c.at(table, "LaunchConditions")
		related, r := 0, row{}
		if found, there := c.find(table, "FindRelatedProducts"); there {
			related, r = found.number("Sequence"), found
		}
		if ok && related > launch {
			c.bad(r, "Sequence", "25 is its place", "a newer version is found after LaunchConditions (%d) could refuse it", launch)
		}
	}
}

func (c *checker) numbers() {
	for _, table := range sequenceTables() {
		seen := map[int]string{}
		for _, r := range c.sequence(table) {
			n := r.number("Sequence")
			if other := seen[n]; other != "" {
				c.bad(r, "Sequence", "", "%s has the number %d, too: their order is not defined", other, n)
			}
			seen[n] = r.text("Action")
		}
	}
}

const setupProgram = "HfSetup"

func (c *checker) binaries() {
	used := map[string]bool{}
	for _, r := range c.rows("CustomAction") {
		t := actions.Type(r.number("Type"))
		if t.Source() == "Binary" {
			used[r.text("Source")] = true
		}
		if t.Deferred() && t.Source() == "Binary" && r.text("Source") != setupProgram {
			c.bad(r, "Source", "", "it runs %s; the script of this project runs %s alone", r.text("Source"), setupProgram)
		}
	}
	for _, r := range c.rows("Control") {
		used[r.text("Text")] = true // pictures
	}
	for _, r := range c.rows("Binary") {
		if !used[r.key()] {
			c.bad(r, "", "remove it", "nothing uses it")
		}
	}
}

// carriedOut: rows without their action are never applied.
func (c *checker) carriedOut() {
	for table, names := range map[string]string{
		"File": "InstallFiles RemoveFiles", "Registry": "WriteRegistryValues RemoveRegistryValues", "RemoveRegistry": "RemoveRegistryValues",
		"Environment": "WriteEnvironmentStrings RemoveEnvironmentStrings", "CreateFolder": "CreateFolders RemoveFolders", "RemoveFile": "RemoveFiles",
		"ServiceInstall": "InstallServices", "ServiceControl": "StopServices DeleteServices", "MsiServiceConfig": "MsiConfigureServices",
		"MsiServiceConfigFailureActions": "MsiConfigureServices", "Shortcut": "CreateShortcuts RemoveShortcuts", "DuplicateFile": "DuplicateFiles RemoveDuplicateFiles",
		"MoveFile": "MoveFiles", "IniFile": "WriteIniValues RemoveIniValues", "AppSearch": "AppSearch", "LaunchCondition": "LaunchConditions",
		"Upgrade": "FindRelatedProducts RemoveExistingProducts", "Component": "ProcessComponents", "Feature": "PublishFeatures UnpublishFeatures",
		"Property": "RegisterProduct PublishProduct RegisterUser",
	} {
		if len(c.rows(table)) == 0 {
			continue
		}
		for _, action := range strings.Fields(names) {
			if _, ok := c.at(executeSequence, action); !ok {
				c.missing(executeSequence, "add "+action, "%s is missing: rows of %s are not applied", action, table)
			}
		}
	}
}

func (c *checker) earlyChecks() {
	validate, _ := c.at(executeSequence, "InstallValidate")
	for _, r := range c.sequence(executeSequence) {
		if t, ok := c.customType(r.text("Action")); ok && t.Kind() == actions.Error && r.number("Sequence") >= validate {
			c.bad(r, "Sequence", "", "it refuses a value after InstallValidate (%d)", validate)
		}
	}
}

// lateFolders: a folder has its path from CostFinalize on. Copying a remembered path into a folder's
// own property is another matter, and comes before.
func (c *checker) lateFolders() {
	for _, table := range []string{executeSequence, "InstallUISequence"} {
		final, ok := c.at(table, "CostFinalize")
		if !ok {
			continue
		}
		for _, r := range c.sequence(table) {
			action, custom := c.find("CustomAction", r.text("Action"))
			if !custom || r.number("Sequence") > final || actions.Type(action.number("Type")).Kind() != actions.SetProperty {
				continue
			}
			for _, ref := range formatted.References(action.text("Target")) {
				_, folder := c.find("Directory", ref.Name)
				if slices.Contains([]formatted.Kind{formatted.File, formatted.Component}, ref.Kind) || folder && ref.Kind == formatted.Property {
					c.bad(r, "Sequence", "", "%s has no path yet; only after CostFinalize (%d)", ref, final)
					break
				}
			}
		}
	}
}
