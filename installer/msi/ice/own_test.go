package ice_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"holdfast/installer/msi"
	"holdfast/installer/msi/internal/sample"
)

func TestOwnRules(t *testing.T) { check(t, ownTests()) }

func ownTests() []broken {
	property := func(name string, value any) func(*testing.T, *msi.Database) {
		return set("Property", name, "Value", value)
	}
	summary := func(change func(*msi.Summary)) func(*testing.T, *msi.Database) {
		return func(_ *testing.T, db *msi.Database) { change(&db.Summary) }
	}
	return []broken{
		{"not directly before", "HF01", set(execute, "HfApplyRollback", "Sequence", 5799), "it must stand directly before HfApply"},
		{"behind", "HF01", set(execute, "HfApplyRollback", "Sequence", 5812), "it must stand directly before HfApply"},
		{"another condition", "HF01", set(execute, "HfStartRollback", "Condition", "NOT REMOVE"), "it is not that of HfStart"},
		{"the twin is no deferred action", "HF01", set("CustomAction", "HfApply", "Type", 3586), "HfApply is commit, but has a rollback action"},
		{"no name", "HF01", all(add("CustomAction", "HfUndo|3330|HfSetup|undo"), sequence(execute, "HfUndo 2100")), "nothing says what it undoes"},

		{"a type that ignores the exit code", "HF02", set("CustomAction", "HfStop", "Type", 3138), "has type 3074 (a program of Binary, as SYSTEM, whose exit code counts), not 3138"},
		{"a type that impersonates", "HF02", set("CustomAction", "HfCommit", "Type", 1538), "has type 3586"},

		{"not secure", "HF03", property("SecureCustomProperties", "HF_ALLOWDOWNGRADE;HF_CONFIG;HF_NEWER;HF_NOSTART;HF_OLDER;HF_PORT;HF_PORT_OLD;INSTALLDIR;INSTALLDIR_OLD"), "HF_PURGE does not pass"},
		{"a remembered folder is not secure", "HF03", property("SecureCustomProperties", "HF_ALLOWDOWNGRADE;HF_CONFIG;HF_NEWER;HF_NOSTART;HF_OLDER;HF_PORT;HF_PORT_OLD;HF_PURGE;INSTALLDIR_OLD"), "INSTALLDIR does not pass"},
		{"an authored default", "HF03", add("Property", "HF_PORT|8080"), "an authored default would win"},

		{"a search into the property itself", "HF04", all(add("AppSearch", "HF_PORT|Again"), add("RegLocator", `Again|2|SOFTWARE\Sample|Port|18`)), "would replace the HF_PORT of the command line"},

		{"too late", "HF05", set(execute, "FindRelatedProducts", "Sequence", 101), "after LaunchConditions (100) could refuse it"},
		{"too late with dialogs", "HF05", set("InstallUISequence", "FindRelatedProducts", "Sequence", 101), "InstallUISequence FindRelatedProducts"},

		{"code page", "HF06", summary(func(s *msi.Summary) { s.Codepage = 936 }), "the code page is 936"},
		{"word count", "HF06", summary(func(s *msi.Summary) { s.WordCount = 0 }), "the word count is 0"},
		{"schema", "HF06", summary(func(s *msi.Summary) { s.Schema = 405 }), "the schema is 405"},
		{"security", "HF06", summary(func(s *msi.Summary) { s.Security = 0 }), "the security is 0"},
		{"package code", "HF06", summary(func(s *msi.Summary) { s.PackageCode = "{0b0b4e0a-6a36-5c39-8d8f-6c2c3b1a9f10}" }), "the package code"},
		{"subject", "HF06", summary(func(s *msi.Summary) { s.Subject = "" }), "title, subject or author is empty"},
		{"time", "HF06", summary(func(s *msi.Summary) { s.Created = s.Created.Add(time.Millisecond) }), "not in whole seconds"},

		{"a component of 32 bits", "HF07", all(set("Component", "Settings", "Attributes", 4), set("Component", "Settings", "Directory_", "TARGETDIR")), "the component is 32-bit"},

		{"two files", "HF08", all(add("File", "More|Licence|more.txt|1|||512|3"), add("MsiFileHash", "More|0|1|2|3|4"), files("Exe", "Licence", "More")), "it has the files Licence, More"},
		{"another key path", "HF08", all(set("Component", "Licence", "KeyPath", nil)), "its file Licence is not the key path"},
		{"the file of another component", "HF08", set("Component", "SearchPath", "KeyPath", "Licence"), "the file Licence belongs to another component"},

		{"version and hash", "HF09", add("MsiFileHash", "Exe|0|1|2|3|4"), "a version and a hash"},
		{"another version than the file's", "HF09", source("1.2.4.0"), `it is "1.2.3.0", the file itself says "1.2.4.0"`},
		{"another language than the file's", "HF09", all(source("1.2.3.0"), set("File", "Exe", "Language", "2052")), `it is "2052", the file itself says "0"`},
		{"a file that is gone", "HF09", func(t *testing.T, db *msi.Database) {
			t.Helper()
			db.Cabinets["sample.cab"].Files[1].Source = "/nowhere/licence.rtf"
		}, "the file cannot be read"},
		{"neither version nor hash", "HF09", remove("MsiFileHash", "Licence"), "neither a version nor a hash"},

		{"started by Windows Installer", "HF10", set("ServiceControl", "ServiceControl", "Event", 163), "the setup program starts it"},
		{"not stopped by removal", "HF10", set("ServiceControl", "ServiceControl", "Event", 130), "must be stopped by installation and removal"},
		{"nobody waits", "HF10", set("ServiceControl", "ServiceControl", "Wait", 0), "while the service still runs"},
		{"another service", "HF10", set("ServiceControl", "ServiceControl", "Name", "Other"), "nothing stops or removes the service Sample"},

		{"a service that is no program", "HF11", set("ServiceInstall", "Service", "Component_", "Licence"), "the key path of component Licence is no program"},
		{"a shared process", "HF11", set("ServiceInstall", "Service", "ServiceType", 32), "must be 16"},
		{"automatic start", "HF11", set("ServiceInstall", "Service", "StartType", 2), "must be 3"},
		{"account", "HF11", set("ServiceInstall", "Service", "StartName", nil), "the service is registered as"},
		{"arguments", "HF11", set("ServiceInstall", "Service", "Arguments", "run"), `must be "run --name Sample"`},

		{"a gap", "HF12", all(set("File", "Licence", "Sequence", 3), set("Media", "1", "LastSequence", 3)), "the files of a cabinet have no gaps"},
		{"LastSequence", "HF12", all(set("Media", "1", "LastSequence", 1), files("Exe")), "the last cabinet ends with 1"},
		{"LastSequence too high", "HF12", set("Media", "1", "LastSequence", 3), "3 is not between 0 and 2"},
		{"another order", "HF12", files("Licence", "Exe"), "it holds Licence, Exe; File says Exe, Licence"},
		{"outside of the package", "HF12", set("Media", "1", "Cabinet", "sample.cab"), "not inside of the package"},
		{"no cabinet", "HF12", set("Media", "1", "Cabinet", "#other.cab"), "there is no cabinet other.cab"},

		{"ALLUSERS", "HF13", property("ALLUSERS", "2"), `ALLUSERS is "2", and must be "1"`},
		{"REINSTALLMODE", "HF13", remove("Property", "REINSTALLMODE"), `REINSTALLMODE is "", and must be "amus"`},
		{"MSIRESTARTMANAGERCONTROL", "HF13", remove("Property", "MSIRESTARTMANAGERCONTROL"), "MSIRESTARTMANAGERCONTROL"},
		{"REBOOT", "HF13", property("REBOOT", "Suppress"), "REBOOT"},
		{"ARPNOMODIFY", "HF13", remove("Property", "ARPNOMODIFY"), "ARPNOMODIFY"},
		{"ARPCOMMENTS", "HF13", remove("Property", "ARPCOMMENTS"), "ARPCOMMENTS is missing"},
		{"the icon", "HF13", property("ARPPRODUCTICON", "Other.ico"), "there is no icon Other.ico"},
		{"the place", "HF13", remove(execute, "SetLocation"), "nothing sets ARPINSTALLLOCATION"},

		{"an empty table", "HF14", func(t *testing.T, db *msi.Database) {
			t.Helper()
			if _, err := db.Ensure("CCPSearch"); err != nil {
				t.Fatal(err)
			}
			sample.Describe(t, db)
		}, "the table is empty"},
		{"no sequence for advertisement", "HF14", func(t *testing.T, db *msi.Database) {
			t.Helper()
			for _, action := range []string{"CostInitialize", "CostFinalize", "InstallValidate", "InstallInitialize", "PublishFeatures", "PublishProduct", "InstallFinalize"} {
				sample.Remove(t, db, "AdvtExecuteSequence", action)
			}
		}, "the sequence is missing"},

		{"product code", "HF15", property("ProductCode", "{c1d55bf5-3b3a-5d6b-9f58-1c0a3f1b6c11}"), "ProductCode"},
		{"the same codes", "HF15", property("ProductCode", sample.UpgradeCode), "are the same"},
		{"four numbers", "HF15", property("ProductVersion", "1.2.3.4"), "must have three numbers"},
		{"a number too high", "HF15", property("ProductVersion", "1.256.0"), "up to 255.255.65535"},
		{"no name", "HF15", remove("Property", "Manufacturer"), "Manufacturer is missing"},
		{"a GUID twice", "HF15", set("Component", "Licence", "ComponentId", "{6B3F4A6F-42C4-4F0B-8C0B-4C3F3A0B0001}"), "has the same GUID"},
		{"no GUID", "HF15", set("Component", "Licence", "ComponentId", nil), "cannot be repaired or removed"},

		{"a number twice", "HF16", set(execute, "RegisterUser", "Sequence", 6100), "has the number 6100, too"},

		{"another program", "HF17", all(add("Binary", "Other|other.exe"), set("CustomAction", "HfStop", "Source", "Other")), "it runs Other"},
		{"an unused stream", "HF17", add("Binary", "Other|other.exe"), "nothing uses it"},

		{"a component in the data folder", "HF18", func(t *testing.T, db *msi.Database) {
			t.Helper()
			sample.Add(t, db, "Directory", "Logs|DATADIR|logs")
			sample.Set(t, db, "Component", "Licence", "Directory_", "Logs")
		}, "would let Windows Installer change DATADIR"},
		{"removal from the data folder", "HF18", add("RemoveFile", "Logs|Licence|*.log|DATADIR|2"), "DATADIR"},

		{"a property that nothing sets", "HF19", set("CustomAction", "SetArgs", "Target", "[HfArgs1] [HfArgs2]"), "nothing ever sets the property HfArgs2"},
		{"a condition on what nothing sets", "HF19", set(execute, "HfGuard", "Condition", "NOT REMOVED"), "nothing ever sets the property REMOVED"},
		{"a file", "HF19", set("Registry", "SettingPort", "Value", "[#Program]"), "[#Program] is in no row of File"},
		{"a component", "HF19", set("Registry", "SettingPort", "Value", "[$Program]"), "[$Program] is in no row of Component"},

		{"a large number", "HF20", set(execute, "CheckPort", "Condition", "HF_PORT > 65535 AND NOT REMOVE"), "65535 does not fit into the 16 bits"},

		{"registry", "HF21", remove(execute, "RemoveRegistryValues"), "RemoveRegistryValues is missing: rows of Registry are not applied"},
		{"environment", "HF21", remove(execute, "WriteEnvironmentStrings"), "rows of Environment are not applied"},
		{"services", "HF21", remove(execute, "InstallServices"), "rows of ServiceInstall are not applied"},

		{"a late check", "HF22", set(execute, "CheckPort", "Sequence", 1450), "it refuses a value after InstallValidate (1400)"},

		{"an early folder", "HF23", set(execute, "SetArgs1", "Sequence", 150), "[INSTALLDIR] has no path yet"},
		{"an early file", "HF23", all(add("CustomAction", "SetExe|51|HfExe|[#Exe]"), sequence(execute, "SetExe 160")), "[#Exe] has no path yet"},
	}
}

// files are what the cabinet holds.
func files(keys ...string) func(*testing.T, *msi.Database) {
	return func(_ *testing.T, db *msi.Database) {
		var cabinet msi.Cabinet
		for _, key := range keys {
			cabinet.Files = append(cabinet.Files, msi.CabinetFile{Key: key})
		}
		if table := db.Table("Media"); len(keys) > 2 {
			table.Rows[0][table.Index("LastSequence")] = len(keys)
		}
		db.Cabinets["sample.cab"] = cabinet
	}
}

// source gives the program of the cabinet a file with this version.
func source(version string) func(*testing.T, *msi.Database) {
	return func(t *testing.T, db *msi.Database) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "sample.exe")
		if err := os.WriteFile(file, sample.Program(t, version), 0o600); err != nil {
			t.Fatal(err)
		}
		db.Cabinets["sample.cab"].Files[0].Source = file
	}
}
