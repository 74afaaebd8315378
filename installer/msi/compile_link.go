package msi

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/installer/wxs"
)

// reference is the name of something that may be defined in another unit. Its kind is a table, or one
// of what is no table: ComponentGroup, Fragment, Media, UI, and Action for an action in a sequence.
type reference struct {
	kind, id string
	at       wxs.Pos
}

// link keeps the units that the package needs: itself and all that a reference leads to, as WiX does.
// What WiX would leave out in silence is an error: it was written to be installed.
func (c *compiler) link() {
	where := map[string]map[string]*unit{}
	first := map[string]map[string]*entry{}
	for _, u := range c.units {
		for _, n := range u.entries {
			if where[n.table] == nil {
				where[n.table], first[n.table] = map[string]*unit{}, map[string]*entry{}
			}
			if before := first[n.table][n.key]; before != nil {
				c.duplicate(n, before)
				continue
			}
			where[n.table][n.key], first[n.table][n.key] = u, n
		}
	}
	needed := map[*unit]bool{}
	var need func(*unit)
	need = func(u *unit) {
		if needed[u] {
			return
		}
		needed[u] = true
		for _, r := range u.refs {
			if other := where[r.kind][r.id]; other != nil {
				need(other)
			} else if !standard(r) {
				c.undefined(r, slices.Sorted(maps.Keys(where[r.kind])))
			}
		}
	}
	for _, u := range c.units {
		if u.element.Name == "Package" {
			need(u)
		}
	}
	for _, u := range c.units {
		if !needed[u] {
			c.errs.Add(u.element.Pos, "nothing refers to this fragment, so WiX would leave it out", "refer to something in it (PropertyRef, CustomActionRef, UIRef, ComponentGroupRef ...), or remove it")
		}
	}
	c.units = slices.DeleteFunc(c.units, func(u *unit) bool { return !needed[u] })
	for _, u := range c.units {
		for _, n := range u.entries {
			if first[n.table][n.key] == n {
				c.add(n)
			}
		}
	}
	c.standardDirectories()
}

// add makes a row part of the package.
func (c *compiler) add(n *entry) {
	if c.rows[n.table] == nil {
		c.rows[n.table] = map[string]*entry{}
	}
	c.rows[n.table][n.key] = n
	c.order = append(c.order, n)
}

// insert adds a row that no element wrote.
func (c *compiler) insert(table string, at wxs.Pos, values ...any) {
	u := &unit{c: c}
	c.add(u.row(table, &wxs.Element{Pos: at}, values...))
}

func (c *compiler) duplicate(n, first *entry) {
	cure := fmt.Sprintf("the first is at %s", first.pos)
	switch {
	case n.table == "Media":
		c.errs.Add(n.pos, "a second <Media> or <MediaTemplate>", cure)
	case n.table == "Action":
		sequence, name, _ := strings.Cut(n.key, "/")
		c.errs.Add(n.pos, fmt.Sprintf("%s is scheduled twice in %s", name, sequence), cure)
	case strings.Contains(n.key, "/"):
		c.errs.Add(n.pos, fmt.Sprintf("a second row %s in table %s", n.key, n.table), cure)
	default:
		c.errs.Add(n.pos, fmt.Sprintf("%s %s is there twice", n.table, n.key), cure)
	}
}

func (c *compiler) undefined(r reference, known []string) {
	if r.kind == "Action" {
		sequence, name, _ := strings.Cut(r.id, "/")
		c.errs.Add(r.at, fmt.Sprintf("action %s is not in %s", name, sequence), "schedule it there, or name another action")
		return
	}
	c.errs.Add(r.at, fmt.Sprintf("%s %s is not defined", r.kind, r.id), wxs.Suggest(r.id, known))
}

// standard tells whether Windows Installer itself defines what is referred to.
func standard(r reference) bool {
	switch r.kind {
	case "Directory":
		_, ok := standardDirectory(r.id)
		return ok
	case "Action":
		_, ok := standardAction(r.id)
		return ok
	}
	return false
}
