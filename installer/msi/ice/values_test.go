package ice_test

import (
	"slices"
	"strings"
	"testing"

	"holdfast/installer/msi"
	"holdfast/installer/msi/internal/sample"
)

func TestValues(t *testing.T) { check(t, valueTests()) }

func valueTests() []broken {
	drop := func(table, column string) func(*testing.T, *msi.Database) {
		return func(_ *testing.T, db *msi.Database) {
			table := db.Table(table)
			at := table.Index(column)
			table.Columns = slices.Delete(slices.Clone(table.Columns), at, at+1)
			for i, r := range table.Rows {
				table.Rows[i] = slices.Delete(slices.Clone(r), at, at+1)
			}
		}
	}
	validation := func(key, column string, value any) func(*testing.T, *msi.Database) {
		return set("_Validation", key, column, value)
	}
	return []broken{
		{"no _Validation", "ICE03", func(_ *testing.T, db *msi.Database) {
			db.Tables = slices.DeleteFunc(db.Tables, func(t *msi.Table) bool { return t.Name == "_Validation" })
		}, "no _Validation table"},
		{"a column that _Validation does not know", "ICE03", func(t *testing.T, db *msi.Database) {
			t.Helper()
			sample.Remove(t, db, "_Validation", "Icon/Name")
		}, "the column has no row in _Validation"},
		{"unknown category", "ICE03", validation("Icon/Name", "Category", "Name"), "category Name does not exist"},
		{"limits the wrong way round", "ICE03", validation("CustomAction/ExtendedType", "MaxValue", -1), "below MinValue"},
		{"primary key twice", "ICE03", func(t *testing.T, db *msi.Database) {
			t.Helper()
			sample.Add(t, db, "LaunchCondition", "Installed OR VersionNT64|Again.")
		}, "the primary key occurs twice"},
		{"empty", "ICE03", set("Directory", "INSTALLDIR", "DefaultDir", nil), "must not be empty"},
		{"empty where _Validation forbids it", "ICE03", validation("Directory/Directory_Parent", "Nullable", "N"), "Directory TARGETDIR, Directory_Parent: the value must not be empty"},
		{"empty text", "ICE03", set("LaunchCondition", "Installed OR VersionNT64", "Description", ""), "must not be empty"},
		{"number too high", "ICE03", set("Feature", "Main", "Level", 40000), "40000 does not fit into 16 bits"},
		{"number below the range", "ICE03", set("Feature", "Main", "Level", -1), "-1 is not between 0 and 32767"},
		{"number outside of the set", "ICE03", set("Feature", "Main", "Attributes", 3), "3 is none of"},
		{"text outside of the set", "ICE03", add("MsiLockPermissionsEx", "Lock|Exe|Folder|D:(A;;GA;;;BA)|"), `"Folder" is none of`},
		{"a text in a column of numbers", "ICE03", set("Feature", "Main", "Level", "1"), "is a text in a column of type"},
		{"a number in a column of texts", "ICE03", set("ActionText", "HfStop", "Description", 5), "is a number in a column"},
		{"a stream in a column of texts", "ICE03", set("ActionText", "HfStop", "Description", msi.Data("x")), "a stream in a column"},
		{"too long", "ICE03", set("CustomAction", "HfStop", "Target", "stop "+strings.Repeat("x", 251)), "256 characters are more than the 255"},
		{"foreign key", "ICE03", add("FeatureComponents", "Main|Exe2"), "Exe2 is in no row of Component"},
		{"foreign key into the second column", "ICE03", set("Control", "ExitDlg/Next", "Control_Next", "Back"), "Back is in no row of Control"},
		{"companion file", "ICE03", all(set("File", "Licence", "Version", "Exe2"), remove("MsiFileHash", "Licence")), `"Exe2" is no version`},
		{"a localized key", "ICE03", func(_ *testing.T, db *msi.Database) {
			schema(db, "Extra", msi.Column{Name: "Extra", Type: "l72", Key: true})
		}, "a primary key cannot be localized"},

		{"identifier", "ICE03", add("ActionText", "1Stop|Stopping|"), `"1Stop" is no identifier`},
		{"upper case", "ICE03", all(set("Feature", "Main", "Directory_", "Lower"), add("Directory", "Other|INSTALLDIR|other")), "Lower must be UpperCase"},
		{"GUID", "ICE03", set("Component", "Exe", "ComponentId", "{6b3f4a6f-42c4-4f0b-8c0b-4c3f3a0b0001}"), "no GUID in braces and upper case"},
		{"version", "ICE03", set("File", "Exe", "Version", "1.2.3.70000"), `"1.2.3.70000" is no version`},
		{"version of five numbers", "ICE03", set("File", "Exe", "Version", "1.2.3.4.5"), "no version of up to four numbers"},
		{"a short name of nine letters", "ICE03", set("File", "Licence", "FileName", "agreement.rtf"), "no short name of 8 and 3 characters"},
		{"a long extension", "ICE03", set("File", "Licence", "FileName", "licence.text"), "no short name of 8 and 3 characters"},
		{"language", "ICE03", set("File", "Exe", "Language", "en"), `"en" is no list of language numbers`},
		{"condition", "ICE03", set("InstallUISequence", "WelcomeDlg", "Condition", "NOT (Installed"), `column 5: the closing ")" is missing`},
		{"formatted text", "ICE03", set("Environment", "SearchPath", "Value", "[~];[INSTALLDIR"), `a "[" has no "]"`},
		{"template", "ICE03", set("ActionText", "HfStop", "Template", "[1] of ["), `a "[" has no "]"`},
		{"long name without a short one", "ICE03", set("File", "Licence", "FileName", "licence-agreement.rtf"), "no short name of 8 and 3 characters"},
		{"short name with a space", "ICE03", set("File", "Licence", "FileName", "lic 1.rtf|licence.rtf"), `must not have ' '`},
		{"long name with a colon", "ICE03", set("File", "Licence", "FileName", "LIC.RTF|licence:1.rtf"), `must not have ':'`},
		{"wildcards where there may be none", "ICE03", set("File", "Licence", "FileName", "lic*.rtf"), `must not have '*'`},
		{"wildcards with a bar", "ICE03", add("RemoveFile", "Logs|Licence|a<b.log|INSTALLDIR|2"), `must not have '<'`},
		{"root directory", "ICE03", set("Directory", "TARGETDIR", "DefaultDir", "."), `"." is no identifier`},
		{"directory", "ICE03", set("Directory", "INSTALLDIR", "DefaultDir", "Sample:A very long source name"), "must not have ' '"},
		{"registry path", "ICE03", set("Registry", "SettingPort", "Key", `SOFTWARE\Sample\`), "begins or ends with a backslash"},
		{"source in Binary", "ICE03 HF17", set("CustomAction", "HfStop", "Source", "HfSetup2"), "HfSetup2 is in no row of Binary"},
		{"source property", "ICE03", set("CustomAction", "SetReinstall", "Source", "RE INSTALL"), `"RE INSTALL" is no identifier`},
		{"security descriptor", "ICE03", add("MsiLockPermissionsEx", "Lock|Exe|File|(A;;GA;;;BA|"), "no security descriptor"},
		{"security descriptor with a property", "ICE03", add("MsiLockPermissionsEx", "Lock|Exe|File|D:(A;;GA;;;[ProductName])|"), "must not refer to [ProductName]"},
		{"embedded cabinet", "ICE03", func(t *testing.T, db *msi.Database) {
			t.Helper()
			sample.Set(t, db, "Media", "1", "Cabinet", "#sample 1.cab")
			db.Cabinets["sample 1.cab"] = db.Cabinets["sample.cab"]
		}, `"sample 1.cab" is no identifier`},
		{"shortcut to a feature", "ICE03", all(shortcut, set("Shortcut", "Link", "Target", "Mine")), "Mine is no feature"},
		{"path", "ICE03", add("DrLocator", "Find||sub*dir|1"), "no path has"},

		{"a column is missing", "ICE06", drop("CustomAction", "ExtendedType"), "_Validation has the column, the table has it not"},
		{"another type", "ICE06", func(_ *testing.T, db *msi.Database) {
			table := db.Table("Property")
			table.Columns = slices.Clone(table.Columns)
			table.Columns[1].Type = "L0"
		}, "Value L0 where the schema has Value l0"},
		{"a column too many", "ICE06", func(_ *testing.T, db *msi.Database) {
			table := db.Table("Icon")
			table.Columns = append(slices.Clone(table.Columns), msi.Column{Name: "More", Type: "S72"})
			table.Rows[0] = append(table.Rows[0], nil)
			v := db.Table("_Validation")
			v.Rows = append(v.Rows, msi.Row{"Icon", "More", "Y", nil, nil, nil, nil, nil, nil, nil})
		}, "3 columns are more than the schema's 2"},
	}
}

// schema adds a table that is not standard, with its rows of _Validation.
func schema(db *msi.Database, name string, columns ...msi.Column) {
	db.Tables = append(db.Tables, &msi.Table{Name: name, Columns: columns, Rows: []msi.Row{{"A"}}})
	v := db.Table("_Validation")
	for _, c := range columns {
		v.Rows = append(v.Rows, msi.Row{name, c.Name, "N", nil, nil, nil, nil, "Identifier", nil, nil})
	}
}

// shortcut is a good shortcut with its actions.
func shortcut(t *testing.T, db *msi.Database) {
	t.Helper()
	sample.Add(t, db, "Shortcut", "Link|INSTALLDIR|LINK\\pMy link|Licence|[#Exe]||||||||||")
	sample.Sequence(t, db, "InstallExecuteSequence", "RemoveShortcuts 3200\nCreateShortcuts 4500")
}

// What stands for nothing wrong: values that the rules must let pass.
func TestGoodValues(t *testing.T) {
	db := sample.New(t)
	shortcut(t, db)
	sample.Set(t, db, "File", "Exe", "FileName", "SAMPLE~1.EXE|Sample program.exe")
	sample.Set(t, db, "Directory", "INSTALLDIR", "DefaultDir", "SAMPLE~1|My Sample:src")
	sample.Add(t, db, "RemoveFile", "Logs|Licence|*.log|INSTALLDIR|2")
	sample.Add(t, db, "Directory", "Here|INSTALLDIR|.:sub")
	sample.Add(t, db, "MsiLockPermissionsEx", "Lock|Exe|File|O:BAD:(A;;GA;;;BA)(A;;GR;;;<[%USERDOMAIN]\\users>)|")
	sample.Add(t, db, "DrLocator", `Find||C:\dir|1`, "Find2||[INSTALLDIR]sub|1", `Find3||\\server\share|1`)
	sample.Add(t, db, "File", "Twin|Exe|twin.exe|1|Exe||512|3")
	if found := verifyOnly(db, "ICE03"); found != "" {
		t.Error(found)
	}
}
