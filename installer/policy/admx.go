package policy

import (
	"encoding/xml"
	"regexp"
	"strings"

	"holdfast/internal/config"
	"holdfast/internal/service"
)

const (
	schema = "http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions"
	// revision is that of the files; it rises with what they mean, never with their texts alone.
	revision = "1.0"
	prefix   = "holdfast"
)

// definitions are an ADMX file: what can be set and what is written for it.
type definitions struct {
	XMLName       xml.Name         `xml:"policyDefinitions"`
	Schema        string           `xml:"xmlns,attr"`
	Revision      string           `xml:"revision,attr"`
	SchemaVersion string           `xml:"schemaVersion,attr"`
	Target        namespace        `xml:"policyNamespaces>target"`
	Resources     requiredRevision `xml:"resources"`
	SupportedOn   []named          `xml:"supportedOn>definitions>definition"`
	Categories    []category       `xml:"categories>category"`
	Policies      []policy         `xml:"policies>policy"`
}

type namespace struct {
	Prefix    string `xml:"prefix,attr"`
	Namespace string `xml:"namespace,attr"`
}

type requiredRevision struct {
	Revision string `xml:"minRequiredRevision,attr"`
}

type named struct {
	Name        string `xml:"name,attr"`
	DisplayName string `xml:"displayName,attr"`
}

type category struct {
	named
	Parent *reference `xml:"parentCategory"`
}

type reference struct {
	Ref string `xml:"ref,attr"`
}

// policy is one setting. Its elements are what the editor asks for; without any it is a switch.
type policy struct {
	Name         string    `xml:"name,attr"`
	Class        string    `xml:"class,attr"`
	DisplayName  string    `xml:"displayName,attr"`
	ExplainText  string    `xml:"explainText,attr"`
	Presentation string    `xml:"presentation,attr,omitempty"`
	Key          string    `xml:"key,attr"`
	ValueName    string    `xml:"valueName,attr,omitempty"`
	Parent       reference `xml:"parentCategory"`
	SupportedOn  reference `xml:"supportedOn"`
	Enabled      *value    `xml:"enabledValue"`
	Disabled     *value    `xml:"disabledValue"`
	Elements     *elements `xml:"elements"`
}

type elements struct {
	Decimal *decimal `xml:"decimal"`
	Text    *text    `xml:"text"`
	Enum    *enum    `xml:"enum"`
	List    *list    `xml:"list"`
}

type decimal struct {
	ID        string `xml:"id,attr"`
	ValueName string `xml:"valueName,attr"`
	Required  bool   `xml:"required,attr"`
	Min       uint32 `xml:"minValue,attr"`
	Max       uint32 `xml:"maxValue,attr"`
}

type text struct {
	ID        string `xml:"id,attr"`
	ValueName string `xml:"valueName,attr"`
	Required  bool   `xml:"required,attr"`
}

type enum struct {
	ID        string `xml:"id,attr"`
	ValueName string `xml:"valueName,attr"`
	Required  bool   `xml:"required,attr"`
	Items     []item `xml:"item"`
}

type item struct {
	DisplayName string `xml:"displayName,attr"`
	Value       value  `xml:"value"`
}

type value struct {
	Decimal *number `xml:"decimal"`
	String  *string `xml:"string"`
}

type number struct {
	Value uint32 `xml:"value,attr"`
}

// list writes one value for each row: numbered, or with the name that the administrator gives.
type list struct {
	ID            string  `xml:"id,attr"`
	Key           string  `xml:"key,attr"`
	ValuePrefix   *string `xml:"valuePrefix,attr"`
	ExplicitValue bool    `xml:"explicitValue,attr,omitempty"`
}

// definitionsOf are the definitions of an installation.
func definitionsOf(id service.Identity, settings []config.PolicySetting) definitions {
	d := definitions{
		Schema: schema, Revision: revision, SchemaVersion: "1.0",
		Target:     namespace{prefix, "Holdfast.Policies." + id.Name},
		Resources:  requiredRevision{revision},
		Categories: []category{{named: named{rootCategory, inStrings(rootCategory)}}},
	}
	for _, since := range versions(settings) {
		d.SupportedOn = append(d.SupportedOn, named{supportedID(since), inStrings(supportedID(since))})
	}
	for _, c := range categories(settings) {
		d.Categories = append(d.Categories, category{named{categoryID(c), inStrings(categoryID(c))}, &reference{rootCategory}})
	}
	for _, s := range settings {
		d.Policies = append(d.Policies, policyOf(id.PolicyKey(), s))
	}
	return d
}

func policyOf(key string, s config.PolicySetting) policy {
	p := policy{
		Name: s.Name, Class: "Machine", DisplayName: inStrings(s.Name), ExplainText: inStrings(helpID(s.Name)),
		Presentation: "$(presentation." + s.Name + ")", Key: key,
		Parent: reference{categoryID(s.Category)}, SupportedOn: reference{supportedID(s.Since)},
		Elements: &elements{},
	}
	id := elementID(s.Name)
	switch s.Kind {
	case config.PolicyText:
		p.Elements.Text = &text{id, s.Name, true}
	case config.PolicyNumber:
		p.Elements.Decimal = &decimal{id, s.Name, true, s.Min, s.Max}
	case config.PolicyEnum:
		p.Elements.Enum = &enum{ID: id, ValueName: s.Name, Required: true}
		for _, v := range s.Values {
			p.Elements.Enum.Items = append(p.Elements.Enum.Items, item{inStrings(itemID(s.Name, v)), value{String: &v}})
		}
	case config.PolicySwitch:
		p.Elements, p.Presentation, p.ValueName = nil, "", s.Name
		p.Enabled, p.Disabled = &value{Decimal: &number{1}}, &value{Decimal: &number{0}}
	case config.PolicyList:
		numbered := ""
		p.Elements.List = &list{ID: id, Key: key + `\` + s.Name, ValuePrefix: &numbered}
	case config.PolicyNames, config.PolicyPairs:
		p.Elements.List = &list{ID: id, Key: key + `\` + s.Name, ExplicitValue: true}
	}
	return p
}

// rootCategory is the category with the installation's name.
const rootCategory = "Category"

// The ids of strings, of which only letters, digits and _ are allowed.
func categoryID(c config.PolicyCategory) string { return rootCategory + "_" + string(c) }

func supportedID(since string) string  { return "Supported_" + strings.ReplaceAll(since, ".", "_") }
func helpID(name string) string        { return name + "_Help" }
func itemID(name, value string) string { return name + "_" + value }
func elementID(name string) string     { return name + "_Value" }
func inStrings(id string) string       { return "$(string." + id + ")" }

// categories are those of the settings, in their order.
func categories(settings []config.PolicySetting) []config.PolicyCategory {
	return unique(settings, func(s config.PolicySetting) config.PolicyCategory { return s.Category })
}

// versions are those since which the settings are there.
func versions(settings []config.PolicySetting) []string {
	return unique(settings, func(s config.PolicySetting) string { return s.Since })
}

func unique[T comparable](settings []config.PolicySetting, of func(config.PolicySetting) T) []T {
	seen := map[T]bool{}
	var all []T
	for _, s := range settings {
		if v := of(s); !seen[v] {
			seen[v] = true
			all = append(all, v)
		}
	}
	return all
}

// encode writes a file as people write one: empty elements closed at once, line breaks as they are.
func encode(v any) ([]byte, error) {
	body, err := xml.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	out := regexp.MustCompile(`></[A-Za-z]+>`).ReplaceAllString(string(body), " />")
	return []byte(xml.Header + strings.ReplaceAll(out, "&#xA;", "\n") + "\n"), nil
}
