package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// PolicyKind is how a setting of Group Policy is kept in the registry and shown by its editor.
type PolicyKind string

// The kinds.
const (
	PolicyText   PolicyKind = "text"   // a REG_SZ
	PolicyEnum   PolicyKind = "enum"   // a REG_SZ out of a few
	PolicyNumber PolicyKind = "number" // a REG_DWORD
	PolicySwitch PolicyKind = "switch" // a REG_DWORD, 1 or 0
	// PolicyList is a key with a REG_SZ for each entry; the names of the values are their order.
	PolicyList PolicyKind = "list"
	// PolicyNames is a key with a REG_SZ for each app, route, ...: the value's name is its name.
	PolicyNames PolicyKind = "names"
	// PolicyPairs is a key with a REG_SZ for each configuration key: the value's name is the key.
	PolicyPairs PolicyKind = "pairs"
)

// PolicySetting is one setting that an administrator can make by Group Policy.
type PolicySetting struct {
	// Name is that of the registry value; for lists, that of the key below the policy key.
	Name string
	// Key is the configuration key, with * for the names of PolicyNames: apps.*.instances. It is empty
	// for PolicyPairs.
	Key  string
	Kind PolicyKind
	// Unit is what a PolicyNumber counts: "MiB", or empty.
	Unit     string
	Category PolicyCategory
	// Since is the first version of Holdfast that knows the setting.
	Since string
	// Title and Help are shown by the editor. In Help, {name} stands for the installation's name.
	Title, Help Words

	// What the configuration says about the key: the values of a PolicyEnum, the bounds of a
	// PolicyNumber in its unit, and the default as the registry would hold it.
	Values   []string
	Min, Max uint32
	Default  string
}

// PolicyCategory is where the editor shows a setting.
type PolicyCategory string

// Words are a text in both languages.
type Words struct{ English, Chinese string }

// PolicySettings are all settings, each with what the configuration itself says about its key. The
// ADMX files and the policy layer are both made of them.
func PolicySettings() []PolicySetting {
	all, root := policyTable(), rootShape()
	l := &loader{root: root}
	defaults := l.treeOf(Default())
	for i := range all {
		all[i].describe(root, defaults)
	}
	return all
}

// describe fills in what the shape of the key says.
func (p *PolicySetting) describe(root *shape, defaults map[string]any) {
	s := p.shape(root)
	value, _ := lookup(defaults, path(strings.Join(p.parts(""), separator)))
	switch p.Kind {
	case PolicyText:
		p.Default, _ = value.(string)
	case PolicyEnum:
		p.Values = s.values()
		p.Default, _ = value.(string)
	case PolicyNumber:
		one := s.bound("1"+p.Unit, 1)
		p.Min = uint32((s.bound(s.rule.min, 0) + one - 1) / one)                 //nolint:gosec // no bound is near 2^32
		p.Max = uint32(min(s.bound(s.rule.max, math.MaxInt64)/one, maxOfEditor)) //nolint:gosec // as above
		p.Default = strings.TrimSuffix(fmt.Sprint(value), p.Unit)
	case PolicySwitch:
		p.Default = "0"
		if value == true {
			p.Default = "1"
		}
	case PolicyList, PolicyNames, PolicyPairs:
	}
}

// shape is that of the key.
func (p *PolicySetting) shape(root *shape) *shape {
	for _, part := range p.parts("") {
		root, _ = root.child(part)
	}
	return root
}

// maxOfEditor is the largest number that the editors of Group Policy take.
const maxOfEditor = math.MaxInt32

// bound is a bound of a number, in its smallest unit.
func (s *shape) bound(text string, fallback int64) int64 {
	v, err := s.decode(text)
	if err != nil {
		return fallback
	}
	return v.Int()
}

// parts are the parts of the key, with name for the *.
func (p *PolicySetting) parts(name string) []string {
	if p.Key == "" {
		return nil
	}
	parts := strings.Split(p.Key, ".")
	if i := slices.Index(parts, "*"); i >= 0 {
		parts[i] = name
	}
	return parts
}

// value is what a registry value says, as the text that the file would have.
func (p *PolicySetting) value(v RegistryValue) (string, error) {
	switch p.Kind {
	case PolicyNumber:
		n, err := v.number()
		return strconv.FormatUint(uint64(n), 10) + p.Unit, err
	case PolicySwitch:
		n, err := v.number()
		if err == nil && n > 1 {
			err = fmt.Errorf("it is %d: write 1 (enabled) or 0 (disabled)", n)
		}
		return strconv.FormatBool(n == 1), err
	case PolicyText, PolicyEnum, PolicyList, PolicyNames, PolicyPairs:
	}
	return v.text()
}

// isFolder reports whether the setting is a key of its own.
func (k PolicyKind) isFolder() bool {
	return k == PolicyList || k == PolicyNames || k == PolicyPairs
}
