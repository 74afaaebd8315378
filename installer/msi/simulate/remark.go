package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/installer/msi/condition"
	"holdfast/installer/msi/formatted"
)

// remark notes what is odd about the command line: names that the package does not know, and names
// that only an administrator's command line can set.
func (s *session) remark() {
	known := s.known()
	secure := s.secure()
	for _, name := range slices.Sorted(maps.Keys(s.given)) {
		switch {
		case engine(name):
		case !known[name]:
			s.notes = append(s.notes, fmt.Sprintf("the package does not know the property %s; is it misspelt?", name))
		case !slices.Contains(secure, name):
			s.notes = append(s.notes, fmt.Sprintf("%s is not in SecureCustomProperties: a user without administrator's rights cannot set it", name))
		}
	}
}

// engine tells whether Windows Installer itself reads a property.
func engine(name string) bool {
	own := []string{
		"ADDDEFAULT", "ADDLOCAL", "ADDSOURCE", "ADVERTISE", "ALLUSERS", "COMPANYNAME", "COMPADDLOCAL", "COMPADDSOURCE",
		"DISABLEROLLBACK", "EXECUTEACTION", "FILEADDLOCAL", "INSTALLLEVEL", "LIMITUI", "LOGACTION", "MEDIAPACKAGEPATH",
		"NOCOMPANYNAME", "NOUSERNAME", "PATCH", "PRIMARYFOLDER", "PROMPTROLLBACKCOST", "REBOOT", "REBOOTPROMPT", "REINSTALL",
		"REINSTALLMODE", "REMOVE", "ROOTDRIVE", "SEQUENCE", "SHORTFILENAMES", "TARGETDIR", "TRANSFORMS", "UPGRADINGPRODUCTCODE", "USERNAME",
	}
	return slices.Contains(own, name) || strings.HasPrefix(name, "MSI") || strings.HasPrefix(name, "ARP")
}

// known are all properties that the package mentions anywhere.
func (s *session) known() map[string]bool {
	names := map[string]bool{}
	for _, name := range s.secure() {
		names[name] = true
	}
	for table, column := range map[string]string{"Property": "Property", "Directory": "Directory", "AppSearch": "Property", "CustomAction": "Source", "Control": "Property", "Upgrade": "ActionProperty"} {
		if t := s.db.Table(table); t != nil {
			for _, r := range t.Rows {
				names[t.Text(r, column)] = true
			}
		}
	}
	for _, t := range s.db.Tables {
		for _, r := range t.Rows {
			if c, err := condition.Parse(t.Text(r, "Condition")); err == nil {
				for _, y := range c.Symbols() {
					names[y.Name] = names[y.Name] || y.Kind == condition.Property
				}
			}
			for _, column := range []string{"Target", "Value", "Text", "Argument", "Arguments"} {
				for _, ref := range formatted.References(t.Text(r, column)) {
					names[ref.Name] = names[ref.Name] || ref.Kind == formatted.Property
				}
			}
		}
	}
	return names
}
