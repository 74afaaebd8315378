package transform

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/installer/msi"
	"holdfast/installer/msi/simulate"
)

// Limits of a transform made here; a string's length has 16 bits.
const (
	maxProperties = 1000
	maxValue      = 32767
)

// purge deletes the data at a removal.
const purge = "HF_PURGE"

// Check tells why a package cannot be given these properties, all reasons at once: properties that the
// package does not take from a command line (they must be among its SecureCustomProperties, and not what
// its own searches find), values that it would refuse, and values that a transform
// cannot hold. Whether the package refuses a value is found by simulating an installation.
func Check(db *msi.Database, properties map[string]string) error {
	if len(properties) == 0 {
		return errors.New("no properties: there is nothing to change")
	}
	if len(properties) > maxProperties {
		return fmt.Errorf("%d properties; a transform made here changes at most %d", len(properties), maxProperties)
	}
	if db.Property("ProductCode") == "" || db.Property("UpgradeCode") == "" {
		return errors.New("the package has no ProductCode or no UpgradeCode, by which it is known again")
	}
	var problems []error
	known := Properties(db)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if name == purge {
			problems = append(problems, fmt.Errorf("%s: Windows keeps a transform for as long as the product is installed, so every later removal would delete the data; give it on the command line of the one removal that is meant", name))
			continue
		}
		if !slices.Contains(known, name) {
			problems = append(problems, fmt.Errorf("%s: the package takes no such property; it takes %s", name, strings.Join(known, ", ")))
			continue
		}
		if err := checkValue(db, properties[name]); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	return install(db, properties)
}

// Properties are the names that a transform of this package can set, in order
// (learn.microsoft.com/windows/win32/msi/securecustomproperties).
func Properties(db *msi.Database) []string {
	found := append(values(db, "Upgrade", "ActionProperty"), values(db, "AppSearch", "Property")...)
	names := slices.DeleteFunc(strings.Split(db.Property("SecureCustomProperties"), ";"), func(name string) bool {
		return name == "" || name != strings.ToUpper(name) || slices.Contains(found, name)
	})
	slices.Sort(names)
	return slices.Compact(names)
}

func values(db *msi.Database, table, column string) []string {
	var all []string
	if t := db.Table(table); t != nil {
		for _, r := range t.Rows {
			all = append(all, t.Text(r, column))
		}
	}
	return all
}

func checkValue(db *msi.Database, value string) error {
	switch {
	case value == "":
		return errors.New("an empty value is the same as none; leave the property out")
	case len(value) > maxValue:
		return fmt.Errorf("a value of %d bytes; at most %d fit", len(value), maxValue)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == '\x7f' }):
		return fmt.Errorf("%q has a control character", value)
	}
	_, err := msi.Encode(db.Codepage, value)
	return err
}

// install tries the values: an installation that a check of the package ends tells why.
func install(db *msi.Database, properties map[string]string) error {
	trace, err := simulate.Run(db, simulate.Options{Scenario: simulate.Install, Properties: properties})
	if err != nil {
		return err
	}
	if trace.Code != 0 {
		return fmt.Errorf("the package refuses to install with these values: %s", trace.Reason)
	}
	return nil
}
