package simulate

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast/installer/guid"
	"holdfast/installer/msi"
)

// machine is what an installation finds and changes.
type machine struct {
	registry    *registry
	products    []product
	environment map[string]string
}

// product is an installed product.
type product struct {
	code, upgrade, version, language string
	db                               *msi.Database
}

func newMachine(environment map[string]string) *machine {
	return &machine{registry: newRegistry(nil), environment: environment}
}

func (m *machine) clone() *machine {
	return &machine{&registry{maps.Clone(m.registry.values)}, slices.Clone(m.products), m.environment}
}

// related is the installed product with the same upgrade code, nil for none.
func (m *machine) related(db *msi.Database) *product {
	for i := range m.products {
		if m.products[i].upgrade == db.Property("UpgradeCode") {
			return &m.products[i]
		}
	}
	return nil
}

// find is the installed product with this code, nil for none.
func (m *machine) find(code string) *product {
	for i := range m.products {
		if m.products[i].code == code {
			return &m.products[i]
		}
	}
	return nil
}

func (m *machine) add(db *msi.Database) {
	m.remove(db)
	m.products = append(m.products, product{
		db.Property("ProductCode"), db.Property("UpgradeCode"), db.Property("ProductVersion"), db.Property("ProductLanguage"), db,
	})
}

func (m *machine) remove(db *msi.Database) {
	m.products = slices.DeleteFunc(m.products, func(p product) bool { return p.code == db.Property("ProductCode") })
}

func (m *machine) versions() []string {
	var versions []string
	for _, p := range m.products {
		versions = append(versions, p.version)
	}
	return versions
}

// variable is an environment variable; their names have no case.
func (m *machine) variable(name string) string {
	for n, value := range m.environment {
		if strings.EqualFold(n, name) {
			return value
		}
	}
	return ""
}

// oldPackage is the package that made the earlier installation.
func oldPackage(db *msi.Database, s Scenario, i Installed) (*msi.Database, error) {
	old := db
	if i.Package != nil {
		old = i.Package
	}
	version := i.Version
	if version == "" && i.Package == nil {
		var err error
		if version, err = versionFor(s, db.Property("ProductVersion")); err != nil {
			return nil, err
		}
	}
	if version == "" || version == old.Property("ProductVersion") {
		return old, nil
	}
	if _, err := parseVersion(version); err != nil {
		return nil, err
	}
	return withVersion(old, version), nil
}

// versionFor is the version that must be there for a scenario to make sense.
func versionFor(s Scenario, version string) (string, error) {
	v, err := parseVersion(version)
	if err != nil {
		return "", err
	}
	step := map[Scenario]int{Upgrade: -1, Downgrade: 1}[s]
	for i := len(v) - 1; i >= 0; i-- {
		if n := v[i] + step; n >= 0 && n <= 255 {
			v[i] = n
			return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]), nil
		}
	}
	return "", fmt.Errorf("%s: there is no version next to %s; name the one that is installed", s, version)
}

// withVersion is the same package as another product.
func withVersion(db *msi.Database, version string) *msi.Database {
	other := *db
	other.Tables = slices.Clone(db.Tables)
	for i, t := range other.Tables {
		if t.Name != "Property" {
			continue
		}
		table := *t
		table.Rows = slices.Clone(t.Rows)
		for j, r := range table.Rows {
			switch t.Text(r, "Property") {
			case "ProductVersion":
				table.Rows[j] = msi.Row{"ProductVersion", version}
			case "ProductCode":
				table.Rows[j] = msi.Row{"ProductCode", string(guid.GUID(db.Property("ProductCode")).Derive(version))}
			}
		}
		other.Tables[i] = &table
	}
	return &other
}

// parseVersion reads the three fields that the installer compares
// (learn.microsoft.com/windows/win32/msi/productversion).
func parseVersion(s string) (v [3]int, err error) {
	for i, field := range strings.SplitN(s, ".", 4) {
		n, bad := strconv.Atoi(field)
		err = errors.Join(err, bad)
		if i < len(v) {
			v[i] = n
		}
	}
	if err != nil || s == "" {
		return v, fmt.Errorf("version %q: it looks like 1.2.3", s)
	}
	return v, nil
}

func compareVersions(a, b string) (int, error) {
	x, err := parseVersion(a)
	if err != nil {
		return 0, err
	}
	y, err := parseVersion(b)
	return slices.Compare(x[:], y[:]), err
}

// registry is values by path; paths have no case.
type registry struct{ values map[string]Value }

func newRegistry(values map[string]string) *registry {
	r := &registry{map[string]Value{}}
	for path, text := range values {
		r.set(path, text)
	}
	return r
}

func (r *registry) get(path string) string { return r.values[strings.ToLower(path)].Text }

func (r *registry) set(path, text string) { r.values[strings.ToLower(path)] = Value{path, text} }

func (r *registry) remove(path string) { delete(r.values, strings.ToLower(path)) }

func (r *registry) sorted() []Value {
	return slices.SortedFunc(maps.Values(r.values), func(a, b Value) int { return cmp.Compare(a.Path, b.Path) })
}

// windowsRegistry is what a current Windows has and packages like to ask for, the way AppSearch gives
// it: "#" before a number.
func windowsRegistry(path string) string {
	const current = `hklm\software\microsoft\windows nt\currentversion\`
	return map[string]string{
		current + "currentmajorversionnumber": "#10", current + "currentminorversionnumber": "#0",
		current + "currentbuildnumber": "20348", current + "currentbuild": "20348",
	}[strings.ToLower(path)]
}

// registryPath is how a value is named here: root, key and name. 32-bit software has a part of its
// own below SOFTWARE.
func registryPath(root int, key, name string, wide bool) string {
	roots := map[int]string{-1: "HKLM", 0: "HKCR", 1: "HKCU", 2: "HKLM", 3: "HKU"}
	const software = `SOFTWARE\`
	if !wide && (root == 2 || root == -1) && len(key) >= len(software) && strings.EqualFold(key[:len(software)], software) {
		key = key[:len(software)] + `WOW6432Node\` + key[len(software):]
	}
	return roots[root] + `\` + key + `\` + name
}

// windowsProperties are those that a current Windows gives every installation
// (learn.microsoft.com/windows/win32/msi/property-reference); since Windows 8.1 it says 603.
func windowsProperties() map[string]string {
	return map[string]string{
		"VersionNT": "603", "VersionNT64": "603", "WindowsBuild": "9600", "VersionMsi": "5.00", "MsiNTProductType": "3",
		"Intel": "6", "Privileged": "1", "AdminUser": "1", "SystemLanguageID": "1033", "UserLanguageID": "1033",
		"ACTION": "INSTALL", "EXECUTEACTION": "INSTALL", "ROOTDRIVE": `C:\`, "WindowsVolume": `C:\`,
	}
}

// windowsFolders are the folders that CostInitialize knows on a 64-bit system.
func windowsFolders() map[string]string {
	return map[string]string{
		"ProgramFiles64Folder": `C:\Program Files\`, "ProgramFilesFolder": `C:\Program Files (x86)\`,
		"CommonFiles64Folder": `C:\Program Files\Common Files\`, "CommonFilesFolder": `C:\Program Files (x86)\Common Files\`,
		"CommonAppDataFolder": `C:\ProgramData\`, "System64Folder": `C:\Windows\System32\`, "SystemFolder": `C:\Windows\SysWOW64\`,
		"WindowsFolder": `C:\Windows\`, "FontsFolder": `C:\Windows\Fonts\`, "TempFolder": `C:\Windows\Temp\`,
		"ProgramMenuFolder": `C:\ProgramData\Microsoft\Windows\Start Menu\Programs\`, "StartMenuFolder": `C:\ProgramData\Microsoft\Windows\Start Menu\`,
		"StartupFolder": `C:\ProgramData\Microsoft\Windows\Start Menu\Programs\Startup\`, "DesktopFolder": `C:\Users\Public\Desktop\`,
		"AppDataFolder": `C:\Windows\System32\config\systemprofile\AppData\Roaming\`, "LocalAppDataFolder": `C:\Windows\System32\config\systemprofile\AppData\Local\`,
		"AdminToolsFolder": `C:\ProgramData\Microsoft\Windows\Start Menu\Programs\Administrative Tools\`,
	}
}
