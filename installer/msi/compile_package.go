package msi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"holdfast/installer/guid"
	"holdfast/installer/wxs"
)

// element is the only element with this name in the linked units, nil when there is none.
func (c *compiler) element(name string) *wxs.Element {
	for _, u := range c.units {
		if u.element.Name == name {
			return u.element
		}
		for _, child := range u.element.Children {
			if child.Name == name {
				return child
			}
		}
	}
	return &wxs.Element{}
}

// packageRows are the properties that identify the product.
func (u *unit) packageRows(e *wxs.Element) {
	u.row("Property", e, "ALLUSERS", "1")
	u.row("Property", e, "Manufacturer", attr(e, "Manufacturer"))
	u.row("Property", e, "ProductCode", u.guid(e, "ProductCode"))
	u.row("Property", e, "ProductName", attr(e, "Name"))
	u.row("Property", e, "ProductVersion", attr(e, "Version"))
	u.row("Property", e, "UpgradeCode", u.guid(e, "UpgradeCode"))
	language := u.c.language(e)
	if language == "" {
		u.fail(e.Pos, "<Package> without Language", "write it, or Language in the localization")
	}
	u.row("Property", e, "ProductLanguage", cell{language, e.At("Language")})
	for _, name := range []string{"Name", "Manufacturer"} {
		if strings.TrimSpace(e.Get(name)) == "" {
			u.fail(e.At(name), name+" is only spaces", "")
		}
	}
	if e.Get("UpgradeStrategy") != "none" && !u.c.anywhere("Upgrade") {
		u.fail(e.Pos, "the package says nothing about older versions, so WiX would upgrade them its own way", `write <Upgrade>, or UpgradeStrategy="none"`)
	}
}

// guid is an attribute in the spelling of Windows Installer.
func (u *unit) guid(e *wxs.Element, name string) cell {
	g, err := guid.Parse(e.Get(name))
	if err != nil {
		u.fail(e.At(name), err.Error(), "")
	}
	return cell{string(g), e.At(name)}
}

// anywhere tells whether an element with this name stands directly in a package or fragment.
func (c *compiler) anywhere(name string) bool {
	return slices.ContainsFunc(c.src.Elements, func(e *wxs.Element) bool {
		return slices.ContainsFunc(e.Children, func(child *wxs.Element) bool { return child.Name == name })
	})
}

func (c *compiler) language(e *wxs.Element) string {
	if e.Has("Language") || c.src.Language == 0 {
		return e.Get("Language")
	}
	return strconv.Itoa(c.src.Language)
}

// codepage is that of the database. WiX has defaults that changed between versions, so it must be said.
func (c *compiler) codepage() int {
	e := c.element("Package")
	if e.Has("Codepage") {
		return integer(e.Get("Codepage"))
	}
	if c.src.Codepage == 0 {
		c.errs.Add(e.Pos, "<Package> without Codepage", "write 1252 or 65001, here or in the localization")
	}
	return c.src.Codepage
}

// summary is the summary information (learn.microsoft.com/windows/win32/msi/summary-property-descriptions).
// Word count 2: the files are compressed, names are long, elevated privileges are needed.
func (c *compiler) summary() Summary {
	e := c.element("Package")
	s := Summary{
		Codepage: 1252, Title: "Installation Database", Subject: e.Get("Name"), Author: e.Get("Manufacturer"),
		Keywords: "Installer",
		Comments: fmt.Sprintf("This installer database contains the logic and data required to install %s.", e.Get("Name")),
		Template: map[string]string{"x64": "x64", "arm64": "Arm64"}[c.o.Arch] + ";" + c.language(e),
		Created:  c.o.Created, Schema: 500, WordCount: 2, Application: c.o.Application, Security: 2,
	}
	if c.o.Arch != "x64" && c.o.Arch != "arm64" {
		c.errs.Add(e.Pos, fmt.Sprintf("architecture %q", c.o.Arch), "packages are for x64 or arm64")
	}
	if e.Has("InstallerVersion") {
		s.Schema = integer(e.Get("InstallerVersion"))
	}
	if c.src.SummaryCodepage != 0 {
		s.Codepage = c.src.SummaryCodepage
	}
	info := c.element("SummaryInformation")
	if info.Has("Codepage") {
		s.Codepage = integer(info.Get("Codepage"))
	}
	for name, to := range map[string]*string{"Comments": &s.Comments, "Description": &s.Subject, "Keywords": &s.Keywords, "Manufacturer": &s.Author} {
		if info.Has(name) {
			*to = info.Get(name)
		}
	}
	for _, text := range []string{s.Subject, s.Author, s.Keywords, s.Comments} {
		if _, err := Encode(s.Codepage, text); err != nil {
			c.errs.Add(e.Pos, fmt.Sprintf("summary information: %v", err), "set Description, Comments or Codepage of <SummaryInformation>")
		}
	}
	return s
}

// property is what <Property> says beside its value.
type property struct {
	name                  string
	secure, hidden, admin bool
}

func (u *unit) property(e *wxs.Element) {
	id := e.Get("Id")
	p := property{id, yes(e, "Secure"), yes(e, "Hidden"), yes(e, "Admin")}
	switch {
	case slices.Contains([]string{"SecureCustomProperties", "MsiHiddenProperties", "AdminProperties"}, id):
		u.fail(e.At("Id"), id+" is made from the other properties", "write Secure, Hidden or Admin there")
		return
	case (p.secure || len(e.Children) > 0) && id != strings.ToUpper(id):
		u.fail(e.At("Id"), fmt.Sprintf("property %s is secure or searched for, so it must be public", id), "write it without lower-case letters: "+strings.ToUpper(id))
	case !e.Has("Value") && !p.secure && !p.hidden && !p.admin && len(e.Children) == 0:
		u.fail(e.Pos, fmt.Sprintf("property %s has no value and nothing else", id), "remove it, or write what it is for")
	case propertyInside(e.Get("Value")):
		u.fail(e.At("Value"), fmt.Sprintf("%s=%q: the Property table holds plain values, nothing in brackets is replaced", id, e.Get("Value")), "use <SetProperty>")
	}
	u.props = append(u.props, p)
	if e.Has("Value") {
		u.row("Property", e, attr(e, "Id"), attr(e, "Value"))
	} else {
		u.define("Property", id, e.At("Id"))
	}
	if id == "ErrorDialog" {
		u.refer("Dialog", e.Get("Value"), e.At("Value"))
	}
	for _, child := range e.Children {
		u.search(child, e)
	}
}

// propertyInside tells whether a text has [Name] in it.
func propertyInside(text string) bool {
	for {
		_, after, found := strings.Cut(text, "[")
		if !found {
			return false
		}
		name, _, closed := strings.Cut(after, "]")
		if closed && name != "" && !strings.ContainsFunc(name, func(r rune) bool {
			return r != '_' && r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
		}) {
			return true
		}
		text = after
	}
}

// Registry roots (learn.microsoft.com/windows/win32/msi/registry-table); HKMU is the user's or the
// machine's, as the installation is.
func registryRoot(name string) int {
	return map[string]int{"HKMU": -1, "HKCR": 0, "HKCU": 1, "HKLM": 2, "HKU": 3}[name]
}

// search is a RegistrySearch below a property
// (learn.microsoft.com/windows/win32/msi/reglocator-table: 16 is the 64-bit part of the registry).
func (u *unit) search(e, of *wxs.Element) {
	u.row("AppSearch", e, attr(of, "Id"), attr(e, "Id"))
	if e.Name == "RegistrySearchRef" {
		u.refer("RegLocator", e.Get("Id"), e.At("Id"))
		return
	}
	kind := map[string]int{"directory": 0, "file": 1, "raw": 2}[e.Get("Type")]
	if e.Get("Bitness") != "always32" {
		kind |= 16
	}
	u.row("RegLocator", e, attr(e, "Id"), registryRoot(e.Get("Root")), attr(e, "Key"), attr(e, "Name"), kind)
}

// upgrade is the rows of an Upgrade element (learn.microsoft.com/windows/win32/msi/upgrade-table).
func (u *unit) upgrade(e *wxs.Element) {
	for _, v := range e.Children {
		attributes := bits(v, map[string]int{"MigrateFeatures": 1, "OnlyDetect": 2, "IgnoreRemoveFailure": 4, "IncludeMaximum": 512, "ExcludeLanguages": 1024})
		if !no(v, "IncludeMinimum") {
			attributes |= 256
		}
		if !v.Has("Minimum") && !v.Has("Maximum") {
			u.fail(v.Pos, "<UpgradeVersion> without Minimum and Maximum", "write one of them")
		}
		if !yes(v, "OnlyDetect") {
			u.refer("Action", "InstallExecuteSequence/RemoveExistingProducts", v.Pos)
		}
		u.row("Upgrade", v, u.guid(e, "Id"), attr(v, "Minimum"), attr(v, "Maximum"), attr(v, "Language"), attributes, attr(v, "RemoveFeatures"), attr(v, "Property"))
	}
	if len(e.Children) == 0 {
		u.fail(e.Pos, "<Upgrade> without <UpgradeVersion>", "write one, or remove it")
	}
}

// specialProperties makes the lists of secure, hidden and administrative properties.
func (c *compiler) specialProperties() {
	lists := map[string][]string{}
	note := func(list, name string, when bool) {
		if when && !slices.Contains(lists[list], name) {
			lists[list] = append(lists[list], name)
		}
	}
	for _, u := range c.units {
		for _, p := range u.props {
			note("SecureCustomProperties", p.name, p.secure)
			note("MsiHiddenProperties", p.name, p.hidden)
			note("AdminProperties", p.name, p.admin)
		}
	}
	for _, n := range c.order {
		switch n.table {
		case "Upgrade":
			name, _ := n.row[6].(string)
			note("SecureCustomProperties", name, true)
		case "CustomAction":
			kind, _ := n.row[1].(int)
			note("MsiHiddenProperties", n.key, kind&(hideTarget|inScript) == hideTarget|inScript)
		}
	}
	for list, names := range lists {
		slices.SortFunc(names, compareNames)
		c.insert("Property", c.element("Package").Pos, list, strings.Join(names, ";"))
	}
}

// compareNames is the order in which WiX lists names: that of words, in which _ comes before digits and
// digits before letters, and case decides last.
func compareNames(a, b string) int {
	weigh := strings.NewReplacer("_", "\x01", ".", "\x02")
	if d := strings.Compare(weigh.Replace(strings.ToLower(a)), weigh.Replace(strings.ToLower(b))); d != 0 {
		return d
	}
	return strings.Compare(b, a) // lower case first
}
