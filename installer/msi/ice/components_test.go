package ice_test

import (
	"testing"

	"holdfast/installer/msi"
	"holdfast/installer/msi/internal/sample"
)

func TestComponents(t *testing.T) { check(t, componentTests()) }

// profile puts a good component into the user's profile.
func profile(t *testing.T, db *msi.Database) {
	t.Helper()
	sample.Add(t, db, "Directory", "AppDataFolder|TARGETDIR|.", "Mine|AppDataFolder|Mine")
	sample.Add(t, db, "Component", "Mine|{6B3F4A6F-42C4-4F0B-8C0B-4C3F3A0B0009}|Mine|260||MineKey")
	sample.Add(t, db, "FeatureComponents", "Main|Mine")
	sample.Add(t, db, "Registry", `MineKey|1|SOFTWARE\Sample|Mine|1|Mine`)
	sample.Add(t, db, "RemoveFile", "MineFolder|Mine||Mine|2")
}

func componentTests() []broken {
	system := func(attributes string) func(*testing.T, *msi.Database) {
		return all(
			add("Directory", "System64Folder|TARGETDIR|."),
			add("Component", "Driver|{6B3F4A6F-42C4-4F0B-8C0B-4C3F3A0B0008}|System64Folder|"+attributes+"||"),
			add("CreateFolder", "System64Folder|Driver"), add("FeatureComponents", "Main|Driver"),
		)
	}
	template := func(template string, schema int) func(*testing.T, *msi.Database) {
		return func(_ *testing.T, db *msi.Database) { db.Summary.Template, db.Summary.Schema = template, schema }
	}
	return []broken{
		{"system folder", "ICE09", system("256"), "removed from System64Folder again"},

		{"key path folder is not created", "ICE18", all(remove("CreateFolder", "INSTALLDIR/SearchPath"), add("CreateFolder", "INSTALLDIR|Exe")), "the key path is the folder INSTALLDIR"},

		{"profile without a registry key path", "ICE38", all(profile, set("Component", "Mine", "Attributes", 256), set("Component", "Mine", "KeyPath", nil), add("CreateFolder", "Mine|Mine")), "its key path is no registry value"},
		{"profile without a key path", "ICE38", all(profile, set("Component", "Mine", "KeyPath", nil)), "has no key path"},
		{"profile with the key path of another component", "ICE38", all(profile, set("Registry", "MineKey", "Component_", "Exe")), "belongs to component Exe"},
		{"profile with a key path of the machine", "ICE38", all(profile, set("Registry", "MineKey", "Root", 2)), "not under HKCU"},

		{"profile folder stays", "ICE64", all(profile, remove("RemoveFile", "MineFolder")), "is not in RemoveFile"},
		{"profile folder is removed at installation only", "ICE64", all(profile, set("RemoveFile", "MineFolder", "InstallMode", 1)), "is not in RemoveFile"},

		{"language", "ICE80", set("Property", "ProductLanguage", "Value", "2052"), "ProductLanguage 2052 is not in the template x64;1033"},
		{"64-bit component in a folder of 32 bits", "ICE80", func(t *testing.T, db *msi.Database) {
			t.Helper()
			sample.Set(t, db, "Directory", "ProgramFiles64Folder", "Directory", "ProgramFilesFolder")
			sample.Set(t, db, "Directory", "INSTALLDIR", "Directory_Parent", "ProgramFilesFolder")
			for _, component := range []string{"Licence", "SearchPath", "Settings"} {
				sample.Set(t, db, "Component", component, "Directory_", "TARGETDIR")
			}
			sample.Set(t, db, "CreateFolder", "INSTALLDIR/SearchPath", "Directory_", "TARGETDIR")
		}, "the component is 64-bit, its folder ProgramFilesFolder is not"},
		{"Arm64 before schema 500", "ICE80 HF06", template("Arm64;1033", 405), "a package for Arm64 needs schema 500, not 405"},
	}
}

// Good: a component in the profile, and one in the system folder that stays.
func TestGoodComponents(t *testing.T) {
	db := sample.New(t)
	profile(t, db)
	sample.Add(t, db, "Directory", "System64Folder|TARGETDIR|.", "Sub|System64Folder|sub", "Alias|System64Folder|.")
	sample.Add(t, db, "Component", "Stays|{6B3F4A6F-42C4-4F0B-8C0B-4C3F3A0B0011}|Alias|272||", "Below|{6B3F4A6F-42C4-4F0B-8C0B-4C3F3A0B0012}|Sub|256||")
	sample.Add(t, db, "CreateFolder", "Alias|Stays")
	sample.Add(t, db, "RemoveFile", "Below|Below|*.log|Sub|2")
	sample.Add(t, db, "FeatureComponents", "Main|Stays", "Main|Below")
	check1(t, db, "")
	sample.Set(t, db, "Component", "Stays", "Attributes", 256)
	check1(t, db, "ICE09 warning, Component Stays")
}

// A package of 32 bits must have nothing of 64.
func TestPlatform32(t *testing.T) {
	db := sample.New(t)
	db.Summary.Template = "Intel;1033"
	sample.Add(t, db, "CustomAction", "Script|4102|HfSetup|")
	want := "ICE80 error, Component Exe, Attributes: the component is 64-bit, the package is for Intel\n" +
		"ICE80 error, Component Licence, Attributes: the component is 64-bit, the package is for Intel\n" +
		"ICE80 error, Component SearchPath, Attributes: the component is 64-bit, the package is for Intel\n" +
		"ICE80 error, Component Settings, Attributes: the component is 64-bit, the package is for Intel\n" +
		"ICE80 error, CustomAction Script, Type: the script is 64-bit, the package is for Intel\n" +
		"ICE80 error, RegLocator FindInstallDir, Type: the search is 64-bit, the package is for Intel\n" +
		"ICE80 error, RegLocator FindPort, Type: the search is 64-bit, the package is for Intel"
	if got := verifyOnly(db, "ICE80"); got != want {
		t.Errorf("got:\n%s", got)
	}
	db.Summary.Template = ""
	if got := verifyOnly(db, "ICE80"); got == "" {
		t.Error("an empty template is fine")
	}
}
