package ice

import (
	"slices"
	"strconv"
	"strings"

	"holdfast/installer/msi"
)

// ice03 checks every value against _Validation, learn.microsoft.com/windows/win32/msi/ice03.
func (c *checker) ice03() {
	if c.db.Table("_Validation") == nil {
		c.missing("_Validation", "the compiler writes it", "the package has no _Validation table: nothing says what its values may be")
		return
	}
	rules := c.columnRules()
	c.ownValidation()
	for _, t := range c.db.Tables {
		if t.Name == "_Validation" {
			continue
		}
		c.duplicates(t)
		for _, column := range t.Columns {
			rule, ok := rules[t.Name+"."+column.Name]
			if !ok {
				c.report(Finding{Severity: Error, Table: t.Name, Column: column.Name, Text: "the column has no row in _Validation", Cure: "add it to the schema"})
				continue
			}
			if column.Key && (column.Type[0] == 'l' || column.Type[0] == 'L') {
				c.report(Finding{Severity: Error, Table: t.Name, Column: column.Name, Text: "a primary key cannot be localized", Cure: "make its type s or S"})
			}
			for _, r := range c.rows(t.Name) {
				c.value(r, column, rule)
			}
		}
	}
}

// columnRule is a row of _Validation.
type columnRule struct {
	nullable      bool
	low, high     int
	ranged        bool
	tables        []string
	keyColumn     int
	category, set string
}

func (c *checker) columnRules() map[string]columnRule {
	rules := map[string]columnRule{}
	for _, r := range c.rows("_Validation") {
		rule := columnRule{
			nullable: r.text("Nullable") == "Y" || r.text("Nullable") == "@", category: r.text("Category"), set: r.text("Set"),
			tables: list(r.text("KeyTable"), ";"), keyColumn: max(1, r.number("KeyColumn")),
			low: r.number("MinValue"), high: r.number("MaxValue"),
		}
		rule.ranged = r.text("MinValue") != "" || r.text("MaxValue") != ""
		if r.text("MaxValue") == "" {
			rule.high = 1<<31 - 1
		}
		if r.text("MinValue") == "" {
			rule.low = -1 << 31
		}
		rules[r.text("Table")+"."+r.text("Column")] = rule
	}
	return rules
}

// ownValidation checks _Validation itself.
func (c *checker) ownValidation() {
	for _, r := range c.rows("_Validation") {
		if category := r.text("Category"); category != "" && !slices.Contains(categories(), category) {
			c.bad(r, "Category", "learn.microsoft.com/windows/win32/msi/column-data-types lists them", "category %s does not exist", category)
		}
		if r.text("MinValue") != "" && r.text("MaxValue") != "" && r.number("MaxValue") < r.number("MinValue") {
			c.bad(r, "MaxValue", "", "it is below MinValue, %d", r.number("MinValue"))
		}
	}
}

func (c *checker) duplicates(t *msi.Table) {
	seen := map[string]bool{}
	for _, r := range c.rows(t.Name) {
		if key := r.key(); seen[key] {
			c.bad(r, "", "", "the primary key occurs twice")
		} else {
			seen[key] = true
		}
	}
}

// value checks one value.
func (c *checker) value(r row, column msi.Column, rule columnRule) {
	i := r.t.Index(column.Name)
	if i >= len(r.r) {
		return
	}
	switch v := r.r[i].(type) {
	case nil:
		c.empty(r, column, rule)
	case int:
		if !column.Integer() {
			c.bad(r, column.Name, "", "%d is a number in a column of type %s", v, column.Type)
			return
		}
		c.number(r, column, rule, v)
	case string:
		switch {
		case column.Integer() || column.Binary():
			c.bad(r, column.Name, "", "%q is a text in a column of type %s", v, column.Type)
		case v == "":
			c.empty(r, column, rule)
		default:
			c.string(r, column, rule, v)
		}
	case msi.Data:
		if !column.Binary() {
			c.bad(r, column.Name, "", "a stream in a column of type %s", column.Type)
		}
	}
}

func (c *checker) empty(r row, column msi.Column, rule columnRule) {
	if !rule.nullable || !column.Nullable() {
		c.bad(r, column.Name, "", "the value must not be empty")
	}
}

func (c *checker) number(r row, column msi.Column, rule columnRule, v int) {
	if column.Width() == 2 && (v > 32767 || v < -32767) {
		c.bad(r, column.Name, "", "%d does not fit into 16 bits", v)
		return
	}
	if rule.ranged && rule.set == "" && (v < rule.low || v > rule.high) {
		c.bad(r, column.Name, "", "%d is not between %d and %d", v, rule.low, rule.high)
	}
	if rule.set != "" && !slices.Contains(list(rule.set, ";"), strconv.Itoa(v)) {
		c.bad(r, column.Name, "", "%d is none of %s", v, rule.set)
	}
	if len(rule.tables) > 0 && !c.refers(rule, strconv.Itoa(v)) {
		c.bad(r, column.Name, "", "%d is in no row of %s", v, strings.Join(rule.tables, ", "))
	}
}

func (c *checker) string(r row, column msi.Column, rule columnRule, v string) {
	if width := column.Width(); width > 0 && len([]rune(v)) > width {
		c.bad(r, column.Name, "shorten it, or compose it in several steps", "%d characters are more than the %d of the column", len([]rune(v)), width)
	}
	if rule.set != "" && !slices.Contains(strings.Split(rule.set, ";"), v) {
		c.bad(r, column.Name, "", "%q is none of %s", v, rule.set)
	}
	if len(rule.tables) > 0 && c.refers(rule, v) {
		return // a key, whatever its category: File.Version may name a companion file
	}
	if rule.category != "" {
		if err := c.category(rule.category, r, v); err != nil {
			c.bad(r, column.Name, "", "%v", err)
			return
		}
	}
	if len(rule.tables) > 0 && rule.category != "Version" {
		c.bad(r, column.Name, "", "%s is in no row of %s", v, strings.Join(rule.tables, ", "))
	}
}

// refers tells whether a value is in the key column of one of the tables.
func (c *checker) refers(rule columnRule, v string) bool {
	return slices.ContainsFunc(rule.tables, func(table string) bool { return c.values(table, rule.keyColumn)[v] })
}

// ice06 finds columns that _Validation knows and the table has not
// (learn.microsoft.com/windows/win32/msi/ice06), and columns that are not those of the schema.
func (c *checker) ice06() {
	for _, r := range c.rows("_Validation") {
		if t := c.db.Table(r.text("Table")); t != nil && t.Index(r.text("Column")) < 0 {
			c.report(Finding{Severity: Error, Table: t.Name, Column: r.text("Column"), Text: "_Validation has the column, the table has it not", Cure: "write both from the same schema"})
		}
	}
	for _, t := range c.db.Tables {
		want, standard := msi.Schema(t.Name)
		if !standard || slices.Equal(want, t.Columns) {
			continue
		}
		for i, column := range t.Columns {
			if i < len(want) && column != want[i] {
				c.report(Finding{Severity: Error, Table: t.Name, Column: column.Name, Text: "it is " + describe(column) + " where the schema has " + describe(want[i])})
				break
			}
		}
		if len(t.Columns) > len(want) {
			c.missing(t.Name, "", "%d columns are more than the schema's %d", len(t.Columns), len(want))
		}
	}
}

func describe(c msi.Column) string {
	s := c.Name + " " + c.Type
	if c.Key {
		s += " (key)"
	}
	return s
}
