package msi

import (
	"fmt"
	"strings"

	"holdfast/installer/wxs"
)

// Component attributes (learn.microsoft.com/windows/win32/msi/component-table).
const (
	componentRegistryKeyPath = 4
	component64Bit           = 256
)

// component is a Component element, in a directory and perhaps in a feature or group.
func (u *unit) component(e *wxs.Element, directory string, in owner) {
	id := e.Get("Id")
	if e.Has("Directory") {
		if directory != "" && in.kind != "ComponentGroup" {
			u.fail(e.At("Directory"), fmt.Sprintf("the component stands in directory %s already", directory), "remove the attribute")
		}
		directory = e.Get("Directory")
		u.refer("Directory", directory, e.At("Directory"))
	}
	if directory == "" {
		u.fail(e.Pos, fmt.Sprintf("component %s without Directory", id), "write it, or put the component into a <Directory>")
	}
	if e.Has("Feature") {
		if in.kind == "Feature" {
			u.fail(e.At("Feature"), fmt.Sprintf("the component stands in feature %s already", in.id), "remove the attribute")
		}
		u.refer("Feature", e.Get("Feature"), e.At("Feature"))
		u.join(owner{"Feature", e.Get("Feature")}, "Component", id, e.At("Feature"))
	}
	u.join(in, "Component", id, e.Pos)

	var keys keyPath
	if yes(e, "KeyPath") {
		keys.take(e, "")
	}
	before := len(u.entries)
	for _, child := range e.Children {
		u.inComponent(child, id, directory, &keys)
	}
	attributes := bits(e, map[string]int{
		"SharedDllRefCount": 8, "Permanent": 16, "Transitive": 64, "NeverOverwrite": 128,
		"DisableRegistryReflection": 512, "UninstallWhenSuperseded": 1024, "Shared": 2048,
	})
	if keys.registry {
		attributes |= componentRegistryKeyPath
	}
	if e.Get("Bitness") != "always32" { // both architectures are 64-bit
		attributes |= component64Bit
	}
	keys.check(u, e)
	u.row("Component", e, attr(e, "Id"), u.guid(e, "Guid"), directory, attributes, attr(e, "Condition"), keys.id)
	if keys.id == "" && !hasTable(u.entries[before:], "CreateFolder") { // the folder itself is the key path
		u.row("CreateFolder", e, directory, id)
	}
}

func hasTable(entries []*entry, table string) bool {
	for _, n := range entries {
		if n.table == table {
			return true
		}
	}
	return false
}

// keyPath finds what Windows Installer looks at to know whether a component is there: what says
// KeyPath="yes", else the only file or registry value. WiX takes the first of several; the one that
// happens to be first is easily changed, so here it must be said.
type keyPath struct {
	id         string
	registry   bool
	explicit   []*wxs.Element
	candidates []string
}

// take notes that e says to be the key path; an empty id is the folder.
func (k *keyPath) take(e *wxs.Element, id string) {
	k.id, k.registry = id, e.Name == "RegistryValue"
	k.explicit = append(k.explicit, e)
}

// offer notes something that could be the key path.
func (k *keyPath) offer(e *wxs.Element) {
	switch {
	case yes(e, "KeyPath"):
		k.take(e, e.Get("Id"))
	case !no(e, "KeyPath"):
		k.candidates = append(k.candidates, e.Get("Id"))
		if len(k.explicit) == 0 {
			k.id, k.registry = e.Get("Id"), e.Name == "RegistryValue"
		}
	}
}

func (k *keyPath) check(u *unit, e *wxs.Element) {
	id := e.Get("Id")
	switch {
	case len(k.explicit) > 1:
		u.fail(k.explicit[1].At("KeyPath"), fmt.Sprintf("a second key path in component %s", id), fmt.Sprintf("the first is at %s", k.explicit[0].At("KeyPath")))
	case len(k.explicit) == 1:
	case len(k.candidates) == 0:
		u.fail(e.Pos, fmt.Sprintf("component %s without a key path", id), `write KeyPath="yes" at a File, a RegistryValue or the Component itself`)
	case len(k.candidates) > 1:
		u.fail(e.Pos, fmt.Sprintf("component %s has several possible key paths: %s", id, strings.Join(k.candidates, ", ")), `write KeyPath="yes" at one`)
	}
}

// inComponent is what stands in a component.
func (u *unit) inComponent(e *wxs.Element, component, directory string, keys *keyPath) {
	switch e.Name {
	case "File":
		keys.offer(e)
		u.file(e, component, directory)
	case "RegistryKey":
		u.registryKey(e, component, "", "", keys)
	case "RegistryValue":
		u.registryValue(e, component, "", "", keys)
	case "ServiceInstall":
		u.serviceInstall(e, component)
	case "ServiceControl":
		u.serviceControl(e, component)
	case "Environment":
		u.environment(e, component)
	case "CreateFolder":
		if e.Has("Directory") {
			directory = e.Get("Directory")
			u.refer("Directory", directory, e.At("Directory"))
		}
		u.row("CreateFolder", e, directory, component)
	case "RemoveFile", "RemoveFolder":
		u.remove(e, component, directory)
	}
}

// registryKey is a RegistryKey: a row only when the key itself matters, by the names that
// learn.microsoft.com/windows/win32/msi/registry-table reserves.
func (u *unit) registryKey(e *wxs.Element, component, root, parent string, keys *keyPath) {
	root, key := u.registryPlace(e, root, parent)
	name := ""
	switch {
	case yes(e, "ForceCreateOnInstall") && yes(e, "ForceDeleteOnUninstall"):
		name = "*"
	case yes(e, "ForceCreateOnInstall"):
		name = "+"
	case yes(e, "ForceDeleteOnUninstall"):
		name = "-"
	}
	switch {
	case name != "" && !e.Has("Id"):
		u.fail(e.Pos, "<RegistryKey> without Id", "a key that is created or deleted by force has a row, and a row needs a name")
	case name == "" && e.Has("Id"):
		u.fail(e.At("Id"), "Id of a <RegistryKey> that makes no row", "remove it, or write ForceCreateOnInstall or ForceDeleteOnUninstall")
	case name != "":
		u.row("Registry", e, attr(e, "Id"), registryRoot(root), cell{key, e.At("Key")}, name, nil, component)
	}
	for _, child := range e.Children {
		if child.Name == "RegistryKey" {
			u.registryKey(child, component, root, key, keys)
		} else {
			u.registryValue(child, component, root, key, keys)
		}
	}
}

// registryPlace is the root and the key of an element below a key, or without one.
func (u *unit) registryPlace(e *wxs.Element, root, parent string) (string, string) {
	key := strings.TrimSuffix(e.Get("Key"), `\`)
	switch {
	case parent == "" && !e.Has("Root"):
		u.fail(e.Pos, fmt.Sprintf("<%s> without Root", e.Name), "write HKLM, or HKMU for the user's or the machine's")
	case parent != "" && e.Has("Root"):
		u.fail(e.At("Root"), "Root below a <RegistryKey>", "it has that of the key; remove it")
	}
	if parent == "" {
		if key == "" {
			u.fail(e.Pos, fmt.Sprintf("<%s> without Key", e.Name), "write it")
			key = "?" // for what stands in it
		}
		return e.Get("Root"), key
	}
	if key == "" {
		return root, parent
	}
	return root, parent + `\` + key
}

// registryValue is a RegistryValue. The prefixes of values are those of
// learn.microsoft.com/windows/win32/msi/registry-table.
func (u *unit) registryValue(e *wxs.Element, component, root, parent string, keys *keyPath) {
	keys.offer(e)
	root, key := u.registryPlace(e, root, parent)
	name, v := e.Get("Name"), e.Get("Value")
	switch e.Get("Type") {
	case "binary":
		v = "#x" + v
	case "expandable":
		v = "#%" + v
	case "integer":
		v = "#" + v
	default:
		if strings.HasPrefix(v, "#") {
			v = "#" + v
		}
	}
	if v == "" && (name == "*" || name == "+" || name == "-") {
		u.fail(e.At("Name"), fmt.Sprintf("Name=%q with an empty value means the key itself", name), "use ForceCreateOnInstall or ForceDeleteOnUninstall of <RegistryKey>")
	}
	u.row("Registry", e, attr(e, "Id"), registryRoot(root), cell{key, e.At("Key")}, attr(e, "Name"), cell{v, e.At("Value")}, component)
}

// environment is an Environment. The prefixes of names are those of
// learn.microsoft.com/windows/win32/msi/environment-table; [~] is what was there before.
func (u *unit) environment(e *wxs.Element, component string) {
	name := map[string]string{"create": "+", "set": "=", "remove": "!"}[e.Get("Action")]
	if !yes(e, "Permanent") {
		name += "-"
	}
	if yes(e, "System") {
		name += "*"
	}
	separator := ";"
	if e.Has("Separator") {
		separator = e.Get("Separator")
	}
	v := e.Get("Value")
	switch e.Get("Part") {
	case "first":
		v += separator + "[~]"
	case "last":
		v = "[~]" + separator + v
	}
	if e.Has("Part") && e.Get("Action") == "create" {
		u.fail(e.At("Part"), `Part with Action="create"`, `write Action="set"`)
	}
	u.row("Environment", e, attr(e, "Id"), cell{name + e.Get("Name"), e.At("Name")}, cell{v, e.At("Value")}, component)
}

// remove is a RemoveFile or RemoveFolder (learn.microsoft.com/windows/win32/msi/removefile-table).
func (u *unit) remove(e *wxs.Element, component, directory string) {
	switch {
	case e.Has("Property") && e.Has("Directory"):
		u.fail(e.At("Property"), "Property and Directory", "remove one")
	case e.Has("Property"):
		directory = e.Get("Property")
	case e.Has("Directory"):
		directory = e.Get("Directory")
		u.refer("Directory", directory, e.At("Directory"))
	}
	name, short := e.Get("Name"), e.Get("ShortName")
	if name != "" && short == "" && !wxs.IsShortName(name) {
		short = shortName(name, true, "RemoveFile", component)
	}
	u.row("RemoveFile", e, attr(e, "Id"), component, cell{fileName(short, name), e.At("Name")}, directory, onBits(e.Get("On"), 1, 2))
}

// onBits turns install, uninstall and both into bits.
func onBits(on string, install, uninstall int) int {
	return map[string]int{"install": install, "uninstall": uninstall, "both": install | uninstall}[on]
}
