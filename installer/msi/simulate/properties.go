package simulate

import (
	"cmp"
	"slices"
	"strings"
)

// The origins of a property that have no further detail.
const (
	fromCommandLine = "command line"
	fromPackage     = "package"
	fromWindows     = "Windows"
	fromScenario    = "scenario"
)

// properties are the properties of a session with their origins.
type properties struct {
	values, origins map[string]string
	hidden          []string
}

func newProperties() *properties {
	return &properties{values: map[string]string{}, origins: map[string]string{}}
}

// set gives a property a value; an empty one removes it.
func (p *properties) set(name, value, from string) {
	if value == "" {
		delete(p.values, name)
		delete(p.origins, name)
		return
	}
	p.values[name], p.origins[name] = value, from
}

func (p *properties) get(name string) string { return p.values[name] }

// list is what a reader wants to see: what did not come from Windows or the package alone, and every
// secure property even when it is not set.
func (p *properties) list(secure []string) []PropertyValue {
	var all []PropertyValue
	for name, value := range p.values {
		from := p.origins[name]
		if from == fromWindows || from == fromPackage && !slices.Contains(secure, name) {
			continue
		}
		v := PropertyValue{Name: name, Text: value, From: from, Secure: slices.Contains(secure, name)}
		if slices.Contains(p.hidden, name) {
			v.Text, v.Hidden = "********", true
		}
		all = append(all, v)
	}
	for _, name := range secure {
		if p.values[name] == "" {
			all = append(all, PropertyValue{Name: name, From: "not set", Secure: true})
		}
	}
	slices.SortFunc(all, func(a, b PropertyValue) int {
		return cmp.Or(compareBool(b.Secure, a.Secure), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// masked hides the values of hidden properties in a text.
func (p *properties) masked(text string) string {
	for _, name := range p.hidden {
		if value := p.values[name]; value != "" {
			text = strings.ReplaceAll(text, value, "********")
		}
	}
	return text
}

// public tells whether a property may be set from outside
// (learn.microsoft.com/windows/win32/msi/public-properties).
func public(name string) bool { return name != "" && strings.ToUpper(name) == name }

// split reads a list such as that of SecureCustomProperties.
func split(list, separators string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(separators, r) || r == ' ' })
}
