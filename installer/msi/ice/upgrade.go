package ice

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Bits of Upgrade.Attributes (learn.microsoft.com/windows/win32/msi/upgrade-table).
const (
	onlyDetect   = 0x002
	minInclusive = 0x100
	maxInclusive = 0x200
)

// ice61: learn.microsoft.com/windows/win32/msi/ice61.
func (c *checker) ice61() {
	secure := list(c.db.Property("SecureCustomProperties"), ";")
	used := map[string]bool{}
	for _, r := range c.rows("Upgrade") {
		name := r.text("ActionProperty")
		if _, authored := c.find("Property", name); authored {
			c.bad(r, "ActionProperty", "remove it from Property", "%s must not have a value in Property: it would always be found", name)
		}
		if strings.ToUpper(name) != name {
			c.bad(r, "ActionProperty", "use upper case", "%s must be public to reach the execute sequence", name)
		}
		if !slices.Contains(secure, name) {
			c.bad(r, "ActionProperty", "add it to SecureCustomProperties", "%s does not reach the execute sequence", name)
		}
		if used[name] {
			c.bad(r, "ActionProperty", "", "%s is used by another row, too", name)
		}
		used[name] = true
		c.versions(r)
	}
}

// versions checks the range of a row.
func (c *checker) versions(r row) {
	low, err := c.bound(r, "VersionMin")
	high, bad := c.bound(r, "VersionMax")
	if err || bad {
		return
	}
	from, to := r.text("VersionMin"), r.text("VersionMax")
	switch {
	case from == "" && to == "":
		c.bad(r, "VersionMin", "", "VersionMin and VersionMax must not both be empty")
	case from != "" && to != "" && slices.Compare(high, low) < 0:
		c.bad(r, "VersionMax", "", "%s is below VersionMin, %s", to, from)
	}
	attributes := r.number("Attributes")
	if attributes&onlyDetect != 0 || !strings.EqualFold(r.text("UpgradeCode"), c.db.Property("UpgradeCode")) {
		return
	}
	own, e := productVersion(c.db.Property("ProductVersion"))
	if e != nil {
		return // HF15 tells
	}
	order := slices.Compare(high, own)
	if to == "" || order > 0 || order == 0 && attributes&maxInclusive != 0 {
		c.warn(r, "VersionMax", "set bit 2 (only detect), or end the range below "+c.db.Property("ProductVersion"), "the same or a newer version of this product is removed, too")
	}
}

func (c *checker) bound(r row, column string) (v []int, bad bool) {
	text := r.text(column)
	if text == "" {
		return nil, false
	}
	v, err := productVersion(text)
	if err != nil {
		c.bad(r, column, "", "%v", err)
	}
	return v, err != nil
}

// productVersion reads a version as ProductVersion allows it: up to 255.255.65535
// (learn.microsoft.com/windows/win32/msi/productversion); a fourth field does not count.
func productVersion(s string) ([]int, error) {
	v := make([]int, 3)
	fields := strings.Split(s, ".")
	for i, field := range fields {
		n, err := strconv.ParseUint(field, 10, 16)
		if err != nil || i < 2 && n > 255 || i > 3 {
			return nil, fmt.Errorf("%q is no version up to 255.255.65535", s)
		}
		if i < len(v) {
			v[i] = int(n)
		}
	}
	return v, nil
}
