package ice_test

import "testing"

func TestSequences(t *testing.T) { check(t, sequenceTests()) }

func sequenceTests() []broken {
	number := func(action string, n int) func(*testing.T, *database) { return set(execute, action, "Sequence", n) }
	return []broken{
		{"unknown action", "ICE27", sequence(execute, "HfNone 2100"), "HfNone is neither a standard action nor in CustomAction or Dialog"},
		{"search after costing", "ICE27", number("AppSearch", 900+1), `stands in the part "costing", and belongs into "search"`},
		{"execution before InstallValidate", "ICE27 ICE27", number("ProcessComponents", 1350), `stands in the part "selection", and belongs into "execution"`},
		{"after the action that it needs", "ICE27", number("RemoveFolders", 3450), "RemoveFolders (3450) must come after RemoveFiles (3500)"},
		{"before the action that needs it", "ICE27", number("StopServices", 2001), "DeleteServices (2000) must come after StopServices (2001)"},
		{"before", "ICE27", number("CreateFolders", 4001), "InstallFiles (4000) must come after CreateFolders (4001)"},
		{"before, said by one side only", "ICE27 HF05", number("FindRelatedProducts", 1201), "MigrateFeatureStates (1200) must come after FindRelatedProducts (1201)"},
		{"nothing carries the script out", "ICE27", remove("AdminExecuteSequence", "InstallFinalize"), "nothing carries it out"},
		{"there is no script", "ICE27", all(remove("AdvtExecuteSequence", "PublishFeatures"), remove("AdvtExecuteSequence", "PublishProduct")), "there is no script to carry out"},

		{"a script that waits", "ICE63", remove(execute, "InstallExecute"), "HfSnapshot waits in the script when it runs, which ends with error 2613"},
		{"a script that waits at times", "ICE63", set(execute, "InstallExecute", "Condition", "HF_OLDER"), "HfSnapshot waits in the script"},
		{"a standard action that waits", "ICE63", number("RemoveExistingProducts", 1601), "ProcessComponents waits in the script"},
		{"before InstallValidate", "ICE63 ICE27 ICE27", number("RemoveExistingProducts", 1300), "it must come after InstallValidate (1400)"},

		{"no such type", "ICE68 HF02", set("CustomAction", "HfStop", "Type", 3075), "type 3075 does not exist"},
		{"elevated at once", "ICE68", set("CustomAction", "SetReinstall", "Type", 51+2048), "an immediate action never runs as SYSTEM"},

		{"deferred outside of the transaction", "ICE77", number("HfCommit", 6601), "a commit action must stand between InstallInitialize (1500) and InstallFinalize (6600)"},
		{"deferred before it", "ICE77", number("HfGuard", 1499), "a deferred action must stand between"},
		{"deferred in the administrative installation", "ICE77", sequence("AdminExecuteSequence", "HfStop 1450"), "AdminExecuteSequence HfStop"},
	}
}

func TestGoodSequences(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *database){
		"the removal and what comes before have one condition": all(
			set(execute, "InstallExecute", "Condition", "not Installed"), set(execute, "RemoveExistingProducts", "Condition", "NOT Installed")),
		"the removal before the transaction": set(execute, "RemoveExistingProducts", "Sequence", 1450),
		"the removal after the transaction":  set(execute, "RemoveExistingProducts", "Sequence", 6700),
		"the removal at the end of it": all(
			sequence(execute, "InstallExecuteAgain 6598"), set(execute, "RemoveExistingProducts", "Sequence", 6599)),
		"a row that never runs": sequence(execute, "HfStart2 0"),
	} {
		t.Run(name, func(t *testing.T) { check1(t, changed(t, change), "") })
	}
}
