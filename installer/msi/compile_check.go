package msi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"holdfast/installer/msi/actions"
	"holdfast/installer/msi/condition"
	"holdfast/installer/msi/formatted"
	"holdfast/installer/wxs"
)

// checkRow checks the values of a row against the columns of its table, each at its own place.
func (c *compiler) checkRow(t *Table, n *entry, codepage int) {
	if len(n.row) != len(t.Columns) {
		c.errs.Add(n.pos, fmt.Sprintf("table %s: %d values for %d columns", t.Name, len(n.row), len(t.Columns)), "")
		return
	}
	categories := c.categories(t.Name)
	for i, column := range t.Columns {
		v, at := n.row[i], n.at[i]
		if c.failed(at) {
			continue // which may be why this is wrong, too
		}
		if err := checkValue(column, v, codepage); err != nil {
			c.errs.Add(at, fmt.Sprintf("%s.%s: %v", t.Name, column.Name, err), "")
			continue
		}
		s, ok := v.(string)
		if !ok {
			continue
		}
		if length := utf8.RuneCountInString(s); column.Width() > 0 && length > column.Width() {
			c.errs.Add(at, fmt.Sprintf("%s.%s has %d characters; the column takes %d", t.Name, column.Name, length, column.Width()), "")
		}
		switch {
		case categories[i] == "Condition":
			if _, err := condition.Parse(s); err != nil {
				c.errs.Add(at, err.Error(), "")
			}
		case categories[i] == "Formatted" && !n.free:
			if err := formatted.Check(s); err != nil {
				c.errs.Add(at, fmt.Sprintf("%s.%s: %v", t.Name, column.Name, err), "")
			}
		}
	}
}

// failed tells whether there is an error at a place already.
func (c *compiler) failed(at wxs.Pos) bool {
	return slices.ContainsFunc(c.errs, func(e *wxs.Error) bool { return e.Pos == at })
}

// categories are the categories of a table's columns.
func (c *compiler) categories(table string) []string {
	if known, ok := c.known[table]; ok {
		return known
	}
	var all []string
	for _, r := range Validation(table) {
		category, _ := r[7].(string)
		all = append(all, category)
	}
	if c.known == nil {
		c.known = map[string][]string{}
	}
	c.known[table] = all
	return all
}

// checkProperties finds public properties that are used but never declared. Windows Installer takes
// such a name for an empty property, so that a misspelt one is never noticed.
func (c *compiler) checkProperties() {
	declared := c.declared()
	check := func(name string, at wxs.Pos) {
		if name != "" && name == strings.ToUpper(name) && !declared[name] && !ofInstaller(name) {
			c.errs.Add(at, fmt.Sprintf("property %s is used, but nothing declares it", name), wxs.Suggest(name, publicNames(declared)))
		}
	}
	for _, n := range c.order {
		if n.row == nil || n.free {
			continue
		}
		for i, category := range c.categories(n.table) {
			s, _ := n.row[i].(string)
			switch category {
			case "Condition":
				if parsed, err := condition.Parse(s); err == nil {
					for _, symbol := range parsed.Symbols() {
						if symbol.Kind == condition.Property {
							check(symbol.Name, n.at[i])
						}
					}
				}
			case "Formatted":
				for _, r := range formatted.References(s) {
					if r.Kind == formatted.Property {
						check(r.Name, n.at[i])
					}
				}
			}
		}
	}
}

// declared are the names that something declares, sets or lets a person enter.
func (c *compiler) declared() map[string]bool {
	names := map[string]bool{}
	for table, column := range map[string]int{"AppSearch": 0, "Upgrade": 6, "Control": 8, "CheckBox": 0, "RadioButton": 0, "ListBox": 0, "ComboBox": 0} {
		for _, n := range c.rows[table] {
			name, _ := n.row[column].(string)
			names[name] = true
		}
	}
	for _, table := range []string{"Property", "Directory"} {
		for name := range c.rows[table] {
			names[name] = true
		}
	}
	for _, n := range c.rows["CustomAction"] {
		if kind, _ := n.row[1].(int); actions.Type(kind).Kind() == actions.SetProperty {
			name, _ := n.row[2].(string)
			names[name] = true
		}
	}
	for _, n := range c.rows["ControlEvent"] {
		event, _ := n.row[2].(string)
		names[strings.Trim(event, "[]")] = true
	}
	delete(names, "")
	return names
}

func publicNames(declared map[string]bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(declared)), func(name string) bool { return name != strings.ToUpper(name) })
}

// ofInstaller tells whether Windows Installer itself has a public property
// (learn.microsoft.com/windows/win32/msi/property-reference).
func ofInstaller(name string) bool {
	return strings.HasPrefix(name, "ARP") || strings.HasPrefix(name, "MSI") || slices.Contains(strings.Fields(`
		ACTION ADDDEFAULT ADDLOCAL ADDSOURCE ADVERTISE AFTERREBOOT ALLUSERS AVAILABLEFREEREG CCP_DRIVE COMPADDLOCAL
		COMPADDSOURCE COMPANYNAME DISABLEADVTSHORTCUTS DISABLEMEDIA DISABLEROLLBACK EXECUTEACTION EXECUTEMODE FASTOEM
		FILEADDDEFAULT FILEADDLOCAL FILEADDSOURCE INSTALLLEVEL LIMITUI LOGACTION MEDIAPACKAGEPATH NOCOMPANYNAME
		NOUSERNAME PATCH PIDKEY PRIMARYFOLDER PROMPTROLLBACKCOST REBOOT REBOOTPROMPT REINSTALL REINSTALLMODE REMOVE
		RESUME ROOTDRIVE SEQUENCE SHORTFILENAMES SOURCELIST TARGETDIR TRANSFORMS TRANSFORMSATSOURCE
		TRANSFORMSSECURE UPGRADINGPRODUCTCODE USERNAME`), name)
}
