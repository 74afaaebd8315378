package msi

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/installer/wxs"
)

// membership says that a component, group or feature belongs to a feature or group.
type membership struct {
	in, what owner
	at       wxs.Pos
}

// owner is a feature, a component group or, as what is owned, a component.
type owner struct{ kind, id string }

func (u *unit) join(in owner, kind, id string, at wxs.Pos) {
	if in.kind != "" {
		u.groups = append(u.groups, membership{in, owner{kind, id}, at})
	}
}

// feature is a Feature element. Its place among its neighbours is counted as WiX does: an even number
// shows it closed, an odd one open, 0 hides it (learn.microsoft.com/windows/win32/msi/feature-table).
func (u *unit) feature(e *wxs.Element, parent string, last *int) {
	id := e.Get("Id")
	var inner int
	for _, child := range e.Children {
		switch child.Name {
		case "Feature":
			u.feature(child, id, &inner)
		case "Level":
			u.row("Condition", child, id, attrInt(child, "Value"), attr(child, "Condition"))
		default:
			u.inFeature(child, id)
		}
	}
	display := 0
	switch shown := e.Get("Display"); shown {
	case "", "collapse":
		*last = (*last | 1) + 1
		display = *last
	case "expand":
		*last = (*last + 1) | 1
		display = *last
	case "hidden":
	default:
		display = integer(shown)
		if display <= 0 {
			u.fail(e.At("Display"), fmt.Sprintf("Display=%q", shown), "write collapse, expand, hidden or a number above 0")
		}
		*last = display
	}
	attributes := map[string]int{"": 0, "local": 0, "source": 1, "followParent": 2}[e.Get("InstallDefault")] |
		map[string]int{"": 0, "install": 0, "advertise": 4}[e.Get("TypicalDefault")]
	if no(e, "AllowAdvertise") {
		attributes |= 8
	}
	if no(e, "AllowAbsent") {
		attributes |= 16
	}
	switch {
	case e.Get("TypicalDefault") == "advertise" && no(e, "AllowAdvertise"):
		u.fail(e.At("TypicalDefault"), "advertised by default, but AllowAdvertise says no", "")
	case parent == "" && e.Get("InstallDefault") == "followParent":
		u.fail(e.At("InstallDefault"), "a feature without a parent cannot follow it", "")
	}
	level := cell{1, e.Pos}
	if e.Has("Level") {
		level = attrInt(e, "Level")
	}
	u.refer("Directory", e.Get("ConfigurableDirectory"), e.At("ConfigurableDirectory"))
	u.row("Feature", e, attr(e, "Id"), parent, attr(e, "Title"), attr(e, "Description"), display, level, attr(e, "ConfigurableDirectory"), attributes)
}

// featureRef adds to a feature that is defined elsewhere, and puts it below another one.
func (u *unit) featureRef(e *wxs.Element, parent string) {
	id := e.Get("Id")
	u.refer("Feature", id, e.At("Id"))
	if parent != "" {
		u.join(owner{"Feature", parent}, "Feature", id, e.At("Id"))
	}
	var inner int
	for _, child := range e.Children {
		if child.Name == "Feature" {
			u.feature(child, id, &inner)
		} else {
			u.inFeature(child, id)
		}
	}
}

func (u *unit) inFeature(e *wxs.Element, feature string) {
	in := owner{"Feature", feature}
	switch e.Name {
	case "ComponentGroupRef", "ComponentRef":
		u.memberRef(e, in)
	case "FeatureRef":
		u.featureRef(e, feature)
	case "Component":
		u.component(e, "", in)
	}
}

func (u *unit) memberRef(e *wxs.Element, in owner) {
	kind := strings.TrimSuffix(e.Name, "Ref")
	u.refer(kind, e.Get("Id"), e.At("Id"))
	u.join(in, kind, e.Get("Id"), e.At("Id"))
}

// componentGroup is a ComponentGroup element; it is no row, only a name for its components.
func (u *unit) componentGroup(e *wxs.Element) {
	in := owner{"ComponentGroup", e.Get("Id")}
	u.define(in.kind, in.id, e.At("Id"))
	u.refer("Directory", e.Get("Directory"), e.At("Directory"))
	for _, child := range e.Children {
		if child.Name == "Component" {
			u.component(child, e.Get("Directory"), in)
		} else {
			u.memberRef(child, in)
		}
	}
}

// features says which feature each component belongs to, through all groups.
func (c *compiler) features() {
	members := map[owner][]membership{}
	for _, u := range c.units {
		for _, m := range u.groups {
			members[m.in] = append(members[m.in], m)
		}
	}
	placed := map[string]bool{}
	for _, n := range slices.Clone(c.order) {
		if n.table != "Feature" {
			continue
		}
		seen := map[owner]bool{}
		var put func(in owner)
		put = func(in owner) {
			for _, m := range members[in] {
				if seen[m.what] {
					continue
				}
				seen[m.what] = true
				switch m.what.kind {
				case "ComponentGroup":
					put(m.what)
				case "Component":
					placed[m.what.id] = true
					c.insert("FeatureComponents", m.at, n.key, m.what.id)
				case "Feature":
					c.setParent(m, n.key)
				}
			}
		}
		put(owner{"Feature", n.key})
	}
	for _, n := range c.order {
		if n.table == "Component" && !placed[n.key] {
			c.errs.Add(n.pos, fmt.Sprintf("component %s is in no feature, so it would never be installed", n.key), "name it by ComponentRef, or its group by ComponentGroupRef, in a <Feature>")
		}
	}
	c.checkParents()
}

// setParent puts one feature below another that refers to it.
func (c *compiler) setParent(m membership, parent string) {
	n := c.rows["Feature"][m.what.id]
	switch {
	case n == nil: // an undefined reference, told already
	case n.row[1] != nil && n.row[1] != parent:
		c.errs.Add(m.at, fmt.Sprintf("feature %s is below %s already", n.key, n.row[1]), "a feature has one parent")
	default:
		n.row[1] = parent
	}
}

// maxFeatures is how deep features may lie in each other (learn.microsoft.com/windows/win32/msi/feature-table).
const maxFeatures = 16

func (c *compiler) checkParents() {
	for _, n := range c.order {
		depth := 1
		for up := n; n.table == "Feature" && up != nil && up.row[1] != nil; depth++ {
			if depth > maxFeatures {
				c.errs.Add(n.pos, fmt.Sprintf("feature %s is more than %d deep", n.key, maxFeatures), "does a feature lie in itself?")
				break
			}
			parent, _ := up.row[1].(string)
			up = c.rows["Feature"][parent]
		}
	}
}
