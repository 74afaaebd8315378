package ice

import (
	"slices"
	"strings"
)

// Bits of Component.Attributes (learn.microsoft.com/windows/win32/msi/component-table).
const (
	registryKeyPath = 0x04
	permanent       = 0x10
	odbcKeyPath     = 0x20
	wide            = 0x100 // 64-bit
)

// home is the standard folder or root that a directory lies in, itself included, and whether it is
// that folder itself but for aliases (".").
func (c *checker) home(directory string) (folder string, itself bool) {
	itself = true
	for range len(c.rows("Directory")) + 1 {
		r, ok := c.find("Directory", directory)
		if !ok || standardFolder(directory) {
			return directory, itself
		}
		parent := r.text("Directory_Parent")
		if parent == "" || parent == directory {
			return directory, itself
		}
		itself = itself && r.text("DefaultDir") == "."
		directory = parent
	}
	return "", false
}

func standardFolder(name string) bool {
	return slices.Contains(profileFolders(), name) || slices.Contains([]string{
		"ProgramFilesFolder", "ProgramFiles64Folder", "CommonFilesFolder", "CommonFiles64Folder", "CommonAppDataFolder", "SystemFolder",
		"System64Folder", "System16Folder", "WindowsFolder", "FontsFolder", "TempFolder", "WindowsVolume",
	}, name)
}

// profileFolders are the folders of a user
// (learn.microsoft.com/windows/win32/msi/property-reference, system folder properties).
func profileFolders() []string {
	return []string{
		"AdminToolsFolder", "AppDataFolder", "DesktopFolder", "FavoritesFolder", "LocalAppDataFolder", "MyPicturesFolder", "NetHoodFolder",
		"PersonalFolder", "PrintHoodFolder", "ProgramMenuFolder", "RecentFolder", "SendToFolder", "StartMenuFolder", "StartupFolder", "TemplateFolder",
	}
}

// ice09: learn.microsoft.com/windows/win32/msi/ice09.
func (c *checker) ice09() {
	for _, r := range c.rows("Component") {
		folder, itself := c.home(r.text("Directory_"))
		if itself && (folder == "SystemFolder" || folder == "System64Folder") && r.number("Attributes")&permanent == 0 {
			c.warn(r, "Attributes", "install elsewhere, or set the permanent bit (16)", "the component is removed from %s again", folder)
		}
	}
}

// ice18: learn.microsoft.com/windows/win32/msi/ice18. A component without a key path is known by its
// folder, which goes when it is empty unless CreateFolder keeps it.
func (c *checker) ice18() {
	for _, r := range c.rows("Component") {
		if r.text("KeyPath") != "" || c.fills(r) {
			continue
		}
		if _, ok := c.find("CreateFolder", r.text("Directory_")+"/"+r.key()); !ok {
			c.bad(r, "KeyPath", "add a row for it to CreateFolder, or give the component a key path", "the key path is the folder %s, which is not created", r.text("Directory_"))
		}
	}
}

// fills tells whether a component puts, or removes, something in its own folder.
func (c *checker) fills(component row) bool {
	folder := component.text("Directory_")
	for table, column := range map[string]string{"File": "", "RemoveFile": "DirProperty", "DuplicateFile": "DestFolder", "MoveFile": "DestFolder"} {
		if slices.ContainsFunc(c.rows(table), func(r row) bool {
			return r.text("Component_") == component.key() && (column == "" || r.text(column) == folder)
		}) {
			return true
		}
	}
	return false
}

// ice38: learn.microsoft.com/windows/win32/msi/ice38.
func (c *checker) ice38() {
	for _, r := range c.rows("Component") {
		folder, _ := c.home(r.text("Directory_"))
		if !slices.Contains(profileFolders(), folder) {
			continue
		}
		const cure = "add a value under HKCU to the component and make it the key path"
		key := r.text("KeyPath")
		value, ok := c.find("Registry", key)
		switch {
		case r.number("Attributes")&registryKeyPath == 0:
			c.bad(r, "Attributes", cure, "the component is in the user's profile (%s), but its key path is no registry value", folder)
		case key == "":
			c.bad(r, "KeyPath", cure, "the component is in the user's profile (%s) and has no key path", folder)
		case !ok:
			c.bad(r, "KeyPath", cure, "the registry value %s does not exist", key)
		case value.text("Component_") != r.key():
			c.bad(r, "KeyPath", cure, "the registry value %s belongs to component %s", key, value.text("Component_"))
		case value.number("Root") != 1 && value.number("Root") != -1:
			c.bad(r, "KeyPath", cure, "the registry value %s is not under HKCU", key)
		}
	}
}

// ice64: learn.microsoft.com/windows/win32/msi/ice64.
func (c *checker) ice64() {
	for _, r := range c.rows("Directory") {
		folder, itself := c.home(r.key())
		if itself || !slices.Contains(profileFolders(), folder) {
			continue
		}
		removed := slices.ContainsFunc(c.rows("RemoveFile"), func(f row) bool {
			return f.text("DirProperty") == r.key() && f.text("FileName") == "" && f.number("InstallMode")&2 != 0
		})
		if !removed {
			c.bad(r, "", "add a row to RemoveFile: this folder, no file, mode 2", "the folder is in the user's profile (%s), but is not in RemoveFile", folder)
		}
	}
}

// ice80: learn.microsoft.com/windows/win32/msi/ice80.
func (c *checker) ice80() {
	template := c.db.Summary.Template
	platform, languages, _ := strings.Cut(template, ";")
	is64 := platform == "x64" || platform == "Arm64" || platform == "Intel64"
	if lowest, ok := map[string]int{"Intel64": 150, "x64": 200, "Arm64": 500}[platform]; ok && c.db.Summary.Schema < lowest {
		c.missing("_SummaryInformation", "", "a package for %s needs schema %d, not %d", platform, lowest, c.db.Summary.Schema)
	}
	if template == "" {
		c.missing("_SummaryInformation", "", "the template is empty")
	}
	if language := c.db.Property("ProductLanguage"); !slices.Contains(list(languages, ","), language) {
		c.missing("Property", "", "ProductLanguage %s is not in the template %s", language, template)
	}
	for _, r := range c.rows("Component") {
		bits := r.number("Attributes")&wide != 0
		folder, _ := c.home(r.text("Directory_"))
		pairs := map[string]bool{"ProgramFiles64Folder": true, "CommonFiles64Folder": true, "System64Folder": true, "ProgramFilesFolder": false, "CommonFilesFolder": false, "SystemFolder": false}
		switch folder64, known := pairs[folder]; {
		case bits && !is64:
			c.bad(r, "Attributes", "", "the component is 64-bit, the package is for %s", platform)
		case known && is64 && bits && !folder64:
			c.bad(r, "Directory_", "", "the component is 64-bit, its folder %s is not", folder)
		case known && !bits && folder64:
			c.bad(r, "Attributes", "set the 64-bit bit (256)", "the component is 32-bit, its folder %s is 64-bit", folder)
		}
	}
	if is64 {
		return
	}
	for _, r := range c.rows("CustomAction") {
		if r.number("Type")&0x1000 != 0 {
			c.bad(r, "Type", "", "the script is 64-bit, the package is for %s", platform)
		}
	}
	for _, r := range c.rows("RegLocator") {
		if r.number("Type")&16 != 0 {
			c.bad(r, "Type", "", "the search is 64-bit, the package is for %s", platform)
		}
	}
}
