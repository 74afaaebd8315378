package ice_test

import (
	"testing"

	"holdfast/installer/msi"
	"holdfast/installer/msi/internal/sample"
)

func TestUpgrade(t *testing.T) { check(t, upgradeTests()) }

const (
	olderRow = sample.UpgradeCode + "//1.2.3//0"
	newerRow = sample.UpgradeCode + "/1.2.3///2"
)

func upgradeTests() []broken {
	older := func(column string, value any) func(*testing.T, *msi.Database) {
		return set("Upgrade", olderRow, column, value)
	}
	newer := func(column string, value any) func(*testing.T, *msi.Database) {
		return set("Upgrade", newerRow, column, value)
	}
	return []broken{
		{"a value in Property", "ICE61 HF03", add("Property", "HF_OLDER|{A}"), "HF_OLDER must not have a value in Property"},
		{"a private property", "ICE61 ICE03", all(add("Upgrade", sample.UpgradeCode+"|0.1.0|0.2.0||2||Found"), set("Property", "SecureCustomProperties", "Value", secure+";Found")), "Found must be public"},
		{"not secure", "ICE61", add("Upgrade", sample.UpgradeCode+"|0.1.0|0.2.0||2||FOUND"), "FOUND does not reach the execute sequence"},
		{"used twice", "ICE61", add("Upgrade", sample.UpgradeCode+"|0.1.0|0.2.0||2||HF_OLDER"), "HF_OLDER is used by another row, too"},
		{"upside down", "ICE61", newer("VersionMax", "1.2.2"), "1.2.2 is below VersionMin, 1.2.3"},
		{"no version", "ICE61", newer("VersionMin", "1.2.x"), `"1.2.x" is no version`},
		{"a version too high", "ICE61", newer("VersionMin", "256.0.0"), "up to 255.255.65535"},
		{"no range", "ICE61", newer("VersionMin", nil), "must not both be empty"},
		{"removes the same version", "ICE61", older("Attributes", 512), "the same or a newer version of this product is removed, too"},
		{"removes newer versions", "ICE61", older("VersionMax", "1.2.4"), "the same or a newer version"},
		{"removes every version from one on", "ICE61", func(t *testing.T, db *msi.Database) {
			t.Helper()
			sample.Set(t, db, "Upgrade", olderRow, "VersionMin", "1.0.0")
			sample.Set(t, db, "Upgrade", sample.UpgradeCode+"/1.0.0/1.2.3//0", "VersionMax", nil)
		}, "the same or a newer version"},
	}
}
