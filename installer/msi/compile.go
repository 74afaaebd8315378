package msi

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/installer/wxs"
)

// CompileOptions are what the sources themselves do not say.
type CompileOptions struct {
	Arch        string    // x64 or arm64
	Base        string    // the folder of relative paths in Source and SourceFile; "" is the current one
	Created     time.Time // of the package: SOURCE_DATE_EPOCH
	Application string    // what makes it
}

// Compile turns sources into the tables of a package: the rows that WiX 5 makes of the same sources.
// The same sources and files give the same database. The error is wxs.Errors: all mistakes with their
// places.
//
// It is more careful than WiX where WiX is silent or only warns: a fragment that nothing refers to, two
// actions with one number, a component without a key path or a feature, a value longer than its column,
// a public property that nothing declares are errors here.
//
// The way is that of WiX, too: each fragment becomes a unit of rows and references (compile_*.go, by
// subject), the units that the package needs are linked (compile_link.go), actions get their numbers
// (compile_sequence.go) and files their facts (compile_file.go).
func Compile(src *wxs.Sources, o CompileOptions) (*Database, error) {
	c := &compiler{src: src, o: o, rows: map[string]map[string]*entry{}}
	if c.onePackage(); len(c.errs) > 0 {
		return nil, c.errs.Err()
	}
	for _, e := range src.Elements {
		c.units = append(c.units, c.compile(e))
	}
	c.link()
	c.checkDirectories()
	c.features()
	c.specialProperties()
	c.sequences()
	c.files()
	c.checkProperties()
	db := c.database()
	if err := c.errs.Err(); err != nil {
		return nil, err
	}
	return db, nil
}

// compiler makes one database.
type compiler struct {
	src  *wxs.Sources
	o    CompileOptions
	errs wxs.Errors

	units []*unit // the package and the fragments; after link only those that are needed

	rows  map[string]map[string]*entry // by table and key
	order []*entry                     // the same in the order of the sources

	known map[string][]string // categories of columns by table
}

// unit is what one <Package> or <Fragment> becomes. WiX calls it a section.
type unit struct {
	c       *compiler
	element *wxs.Element

	entries []*entry
	refs    []reference
	groups  []membership
	actions []*action
	props   []property
	files   []*sourceFile
	display int // of the last feature at the top
}

// entry is a row with the place of every value.
type entry struct {
	table string
	key   string
	row   Row
	pos   wxs.Pos
	at    []wxs.Pos // of the values
	free  bool      // the texts are not formatted: they come from a file
}

// cell is a value with its own place.
type cell struct {
	v  any
	at wxs.Pos
}

// attr is the value of an attribute for a row: empty when it is not there.
func attr(e *wxs.Element, name string) cell { return cell{e.Get(name), e.At(name)} }

// attrInt is the number in an attribute, nothing when it is not there.
func attrInt(e *wxs.Element, name string) cell {
	if !e.Has(name) {
		return cell{nil, e.Pos}
	}
	return cell{integer(e.Get(name)), e.At(name)}
}

// integer is a text that was checked to be a number.
func integer(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// yes and no tell what an attribute says explicitly.
func yes(e *wxs.Element, name string) bool { v := e.Get(name); return v == "yes" || v == "true" }
func no(e *wxs.Element, name string) bool  { v := e.Get(name); return v == "no" || v == "false" }

// bits is the sum of the numbers whose attributes say yes.
func bits(e *wxs.Element, of map[string]int) int {
	sum := 0
	for name, bit := range of {
		if yes(e, name) {
			sum |= bit
		}
	}
	return sum
}

// row adds a row of a table that has a schema. A value is a value, string, int, Data or nil; "" is nil.
func (u *unit) row(table string, e *wxs.Element, values ...any) *entry {
	n := &entry{table: table, pos: e.Pos}
	for _, v := range values {
		at := e.Pos
		if placed, ok := v.(cell); ok {
			v, at = placed.v, placed.at
		}
		if v == "" {
			v = nil
		}
		n.row, n.at = append(n.row, v), append(n.at, at)
	}
	columns, _ := Schema(table)
	n.key = (&Table{Columns: columns}).Key(n.row)
	u.entries = append(u.entries, n)
	return n
}

// define notes something that others can refer to and that is no row: a group, a user interface.
func (u *unit) define(kind, id string, pos wxs.Pos) {
	u.entries = append(u.entries, &entry{table: kind, key: id, pos: pos})
}

// refer notes a reference; the unit that defines it becomes part of the package.
func (u *unit) refer(kind, id string, at wxs.Pos) {
	if id != "" {
		u.refs = append(u.refs, reference{kind, id, at})
	}
}

func (u *unit) fail(at wxs.Pos, text, cure string) { u.c.errs.Add(at, text, cure) }

// path is the path of a source file.
func (c *compiler) path(name string) string {
	name = filepath.FromSlash(strings.ReplaceAll(name, `\`, "/"))
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.o.Base, name)
}

// onePackage checks that the sources are those of one package; without it everything else would be wrong.
func (c *compiler) onePackage() {
	var first *wxs.Element
	for _, e := range c.src.Elements {
		switch {
		case e.Name != "Package":
		case first == nil:
			first = e
		default:
			c.errs.Add(e.Pos, "a second <Package>", fmt.Sprintf("the first is at %s", first.Pos))
		}
	}
	if first == nil {
		at := wxs.Pos{File: "sources", Line: 1, Column: 1}
		if len(c.src.Elements) > 0 {
			at = c.src.Elements[0].Pos
		}
		c.errs.Add(at, "no source has a <Package>", "write one")
	}
}

// compile makes a unit of a package or fragment.
func (c *compiler) compile(e *wxs.Element) *unit {
	u := &unit{c: c, element: e}
	if e.Name == "Package" {
		u.packageRows(e)
	} else if e.Has("Id") {
		u.define("Fragment", e.Get("Id"), e.At("Id"))
	}
	for _, child := range e.Children {
		u.top(child)
	}
	return u
}

// top compiles what stands directly in a package or fragment.
func (u *unit) top(e *wxs.Element) {
	switch e.Name {
	case "SummaryInformation": // read with the package
	case "MediaTemplate", "Media":
		u.define("Media", "1", e.Pos)
	case "Property":
		u.property(e)
	case "PropertyRef":
		u.refer("Property", e.Get("Id"), e.At("Id"))
	case "SetProperty", "SetDirectory":
		u.setProperty(e)
	case "Icon", "Binary":
		u.row(e.Name, e, attr(e, "Id"), u.data(e))
	case "Launch":
		u.row("LaunchCondition", e, attr(e, "Condition"), attr(e, "Message"))
	case "Upgrade":
		u.upgrade(e)
	case "StandardDirectory", "DirectoryRef":
		u.directoryRef(e)
	case "Directory":
		u.directory(e, "TARGETDIR")
	case "Feature":
		u.feature(e, "", &u.display)
	case "FeatureRef":
		u.featureRef(e, "")
	case "ComponentGroup":
		u.componentGroup(e)
	case "Component":
		u.component(e, "", owner{})
	case "CustomAction":
		u.customAction(e)
	case "CustomActionRef":
		u.refer("CustomAction", e.Get("Id"), e.At("Id"))
	case "UI":
		u.ui(e)
	case "UIRef":
		u.refer("UI", e.Get("Id"), e.At("Id"))
	default:
		u.sequence(e)
	}
}

// data is the stream of a SourceFile.
func (u *unit) data(e *wxs.Element) cell {
	name := u.c.path(e.Get("SourceFile"))
	if err := regular(name); err != nil {
		u.fail(e.At("SourceFile"), fmt.Sprintf("file %s: %v", e.Get("SourceFile"), err), "")
	}
	return cell{Data(name), e.At("SourceFile")}
}

// database puts the rows of the linked units into tables.
func (c *compiler) database() *Database {
	db := &Database{Codepage: c.codepage(), Summary: c.summary(), Cabinets: map[string]Cabinet{}}
	for _, n := range c.order {
		if n.row == nil {
			continue
		}
		t, err := db.Ensure(n.table)
		if err != nil {
			c.errs.Add(n.pos, err.Error(), "")
			return db
		}
		c.checkRow(t, n, db.Codepage)
		t.Rows = append(t.Rows, n.row)
	}
	c.ensureTables(db)
	db.sort()
	db.Cabinets = db.cabinets()
	paths := c.paths()
	for name, cabinet := range db.Cabinets {
		for i := range cabinet.Files {
			cabinet.Files[i].Source = paths[cabinet.Files[i].Key]
		}
		db.Cabinets[name] = cabinet
	}
	return db
}

// ensureTables adds the tables that WiX writes even when they have no rows, since others refer to them.
func (c *compiler) ensureTables(db *Database) {
	names := []string{"File", "Media"}
	for table, others := range map[string]string{"AppSearch": "Signature", "Dialog": "ListBox"} {
		if db.Table(table) != nil {
			names = append(names, others)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if _, err := db.Ensure(name); err != nil {
			c.errs.Add(wxs.Pos{}, err.Error(), "")
		}
	}
}
