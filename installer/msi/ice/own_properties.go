package ice

import (
	"slices"
	"strings"

	"holdfast/installer/msi/actions"
	"holdfast/installer/msi/condition"
	"holdfast/installer/msi/formatted"
)

// settings are the public properties of this package: those named HF_*, and those that a remembered
// value (NAME_OLD) stands for, such as INSTALLDIR.
func (c *checker) settings() []string {
	var names []string
	add := func(name string) {
		if base, ok := strings.CutSuffix(name, "_OLD"); ok && base == strings.ToUpper(base) {
			names = append(names, base)
		}
		if strings.HasPrefix(name, "HF_") && name == strings.ToUpper(name) {
			names = append(names, name)
		}
	}
	for name := range c.mentioned() {
		add(name)
	}
	for _, r := range c.rows("Property") {
		add(r.key())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (c *checker) publicProperties() {
	secure := list(c.db.Property("SecureCustomProperties"), ";")
	for _, name := range c.settings() {
		if !slices.Contains(secure, name) {
			c.missing("Property", "add it to SecureCustomProperties", "%s does not pass from the user's side to the service", name)
		}
		if r, ok := c.find("Property", name); ok {
			c.bad(r, "Value", "set the default by an action, when the property is empty", "an authored default would win over the remembered value")
		}
	}
}

// searches: a search that writes into HF_PORT itself would win over the command line. What is searched
// for and never handed on, such as the version of Windows, is no setting.
func (c *checker) searches() {
	handed := map[string]bool{}
	for _, r := range c.rows("Registry") {
		for _, ref := range formatted.References(r.text("Value")) {
			handed[ref.Name] = true
		}
	}
	for _, r := range c.rows("CustomAction") {
		t := actions.Type(r.number("Type"))
		if t.Kind() == actions.SetProperty {
			handed[r.text("Source")] = true
		}
	}
	for _, r := range c.rows("AppSearch") {
		if name := r.text("Property"); handed[name] {
			c.bad(r, "Property", "search into "+name+"_OLD, and copy it when "+name+" is empty", "a remembered value would replace the %s of the command line", name)
		}
	}
}

func (c *checker) fixedProperties() {
	for _, p := range [][2]string{
		{"ALLUSERS", "1"}, {"REINSTALLMODE", "amus"}, {"MSIRESTARTMANAGERCONTROL", "Disable"}, {"REBOOT", "ReallySuppress"}, {"ARPNOMODIFY", "1"},
	} {
		if got := c.db.Property(p[0]); got != p[1] {
			c.missing("Property", "", "%s is %q, and must be %q", p[0], got, p[1])
		}
	}
	for _, name := range []string{"ARPCOMMENTS", "ARPPRODUCTICON"} {
		if c.db.Property(name) == "" {
			c.missing("Property", "", "%s is missing: the list of installed programs shows it", name)
		}
	}
	if icon := c.db.Property("ARPPRODUCTICON"); icon != "" {
		if _, ok := c.find("Icon", icon); !ok {
			c.missing("Icon", "", "there is no icon %s, which ARPPRODUCTICON names", icon)
		}
	}
	if !slices.ContainsFunc(c.rows("CustomAction"), func(r row) bool {
		_, runs := c.at(executeSequence, r.key())
		return runs && r.text("Source") == "ARPINSTALLLOCATION" && actions.Type(r.number("Type")).Kind() == actions.SetProperty
	}) {
		c.missing("CustomAction", "set it from the folder, after CostFinalize", "nothing sets ARPINSTALLLOCATION")
	}
}

func (c *checker) smallNumbers() {
	for _, t := range c.db.Tables {
		column := t.Index("Condition")
		if column < 0 {
			continue
		}
		for _, r := range c.rows(t.Name) {
			parsed, err := condition.Parse(r.text("Condition"))
			if err != nil {
				continue // ICE03 tells
			}
			for _, n := range parsed.Numbers() {
				if n > 32767 || n < -32767 {
					c.bad(r, "Condition", "put it into a property and compare with that", "%d does not fit into the 16 bits of a number in a condition", n)
				}
			}
		}
	}
}

// mentioned are the properties that conditions and texts ask for, each with one place.
func (c *checker) mentioned() map[string]place {
	found := map[string]place{}
	for _, t := range c.db.Tables {
		if strings.HasPrefix(t.Name, "_") {
			continue
		}
		for _, column := range t.Columns {
			kind := c.kindOf(t.Name, column.Name)
			for _, r := range c.rows(t.Name) {
				for _, name := range propertiesIn(kind, r.text(column.Name)) {
					if _, ok := found[name]; !ok {
						found[name] = place{r, column.Name}
					}
				}
			}
		}
	}
	return found
}

type place struct {
	row    row
	column string
}

// kindOf is the category of a column.
func (c *checker) kindOf(table, column string) string {
	if r, ok := c.find("_Validation", table+"/"+column); ok {
		return r.text("Category")
	}
	return ""
}

func propertiesIn(category, text string) []string {
	var names []string
	switch category {
	case "Condition":
		parsed, err := condition.Parse(text)
		if err != nil {
			return nil
		}
		for _, s := range parsed.Symbols() {
			if s.Kind == condition.Property {
				names = append(names, s.Name)
			}
		}
	case "Formatted", "Template", "RegPath", "AnyPath", "Shortcut":
		for _, ref := range formatted.References(text) {
			if ref.Kind == formatted.Property {
				names = append(names, ref.Name)
			}
		}
	}
	return names
}

// references finds names that nothing ever sets, and files and components that do not exist.
func (c *checker) references() {
	known, settings := c.defined(), c.settings()
	for name, at := range c.mentioned() {
		digits := strings.Trim(name, "0123456789") == ""
		if !known[name] && !engineProperty(name) && !digits && !slices.Contains(settings, name) { // HF03 looks after settings
			c.bad(at.row, at.column, "correct the name, or list it in SecureCustomProperties when the command line sets it", "nothing ever sets the property %s", name)
		}
	}
	for _, t := range c.db.Tables {
		if strings.HasPrefix(t.Name, "_") {
			continue
		}
		for _, column := range t.Columns {
			if c.kindOf(t.Name, column.Name) != "Formatted" {
				continue
			}
			for _, r := range c.rows(t.Name) {
				c.fileReferences(r, column.Name)
			}
		}
	}
}

func (c *checker) fileReferences(r row, column string) {
	tables := map[formatted.Kind]string{formatted.File: "File", formatted.ShortFile: "File", formatted.Component: "Component"}
	for _, ref := range formatted.References(r.text(column)) {
		table, ok := tables[ref.Kind]
		if !ok {
			continue
		}
		if _, there := c.find(table, ref.Name); !there {
			c.bad(r, column, "", "%s is in no row of %s", ref, table)
		}
	}
}

// defined are the properties that something may set.
func (c *checker) defined() map[string]bool {
	known := map[string]bool{}
	for _, name := range list(c.db.Property("SecureCustomProperties"), ";") {
		known[name] = true
	}
	for table, column := range map[string]string{
		"Property": "Property", "Directory": "Directory", "AppSearch": "Property", "Upgrade": "ActionProperty", "Control": "Property", "CheckBox": "Property",
	} {
		for _, r := range c.rows(table) {
			known[r.text(column)] = true
		}
	}
	for _, r := range c.rows("CustomAction") {
		if t := actions.Type(r.number("Type")).Kind(); t == actions.SetProperty || t == actions.SetDirectory {
			known[r.text("Source")] = true
		}
	}
	for _, r := range c.rows("ControlEvent") {
		if event := r.text("Event"); strings.HasPrefix(event, "[") {
			known[strings.Trim(event, "[]")] = true
		}
	}
	return known
}

// engineProperty tells whether Windows Installer itself sets or reads a property
// (learn.microsoft.com/windows/win32/msi/property-reference).
func engineProperty(name string) bool {
	for _, prefix := range []string{"Version", "Windows", "ServicePack", "MSI", "Msi", "Msix", "ARP", "Remote", "Terminal"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	if standardFolder(name) {
		return true
	}
	return slices.Contains(strings.Fields(`
		ACTION ADDDEFAULT ADDLOCAL ADDSOURCE ADVERTISE AdminUser AdminProperties AFTERREBOOT ALLUSERS COMPADDLOCAL COMPANYNAME ColorBits
		ComputerName CostingComplete Date DISABLEROLLBACK EXECUTEACTION Installed INSTALLLEVEL Intel Intel64 IsAdminPackage LIMITUI LogonUser
		Manufacturer NEWERPRODUCTFOUND OLEAdvtSupport OriginalDatabase OutOfDiskSpace OutOfNoRbDiskSpace PATCH PhysicalMemory Preselected
		PrimaryVolumePath PrimaryVolumeSpaceAvailable PrimaryVolumeSpaceRemaining PrimaryVolumeSpaceRequired Privileged ProductCode ProductID
		ProductLanguage ProductName ProductState ProductVersion PROMPTROLLBACKCOST REBOOT REINSTALL REINSTALLMODE REMOVE ReplacedInUseFiles
		RESUME RestrictedUserControl RollbackDisabled ROOTDRIVE SEQUENCE SharedWindows SHORTFILENAMES SourceDir SystemLanguageID TARGETDIR Text
		TextHeight Time TRANSFORMS TTCSupport UILevel UpdateStarted UpgradeCode UPGRADINGPRODUCTCODE UserLanguageID USERNAME UserSID
		VirtualMemory AssemblyFile FileInUseProcess`), name)
}
