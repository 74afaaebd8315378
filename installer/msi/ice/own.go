package ice

// ownRules are what this project promises beyond Microsoft's rules.
func ownRules() []Rule {
	return []Rule{
		{"HF01", "a rollback action stands directly before its deferred twin, with the same condition", (*checker).rollbackTwins},
		{"HF02", "programs of the script have the types 3074, 3330 and 3586", (*checker).scriptTypes},
		{"HF03", "public properties are secure and have no authored default", (*checker).publicProperties},
		{"HF04", "no search writes into a property that the command line may set", (*checker).searches},
		{"HF05", "FindRelatedProducts comes before LaunchConditions", (*checker).relatedFirst},
		{"HF06", "the summary information says what Windows Installer needs", (*checker).summary},
		{"HF07", "every component is 64-bit", (*checker).allWide},
		{"HF08", "a component has one file, which is its key path, or none", (*checker).oneFile},
		{"HF09", "versions of files are those of the files; files without one have a hash", (*checker).fileVersions},
		{"HF10", "Windows Installer stops and removes the service, and never starts it", (*checker).serviceControl},
		{"HF11", "the service runs the key file of its component, with its own name", (*checker).service},
		{"HF12", "cabinets hold the files of File in their order", (*checker).cabinets},
		{"HF13", "the fixed properties have their values", (*checker).fixedProperties},
		{"HF14", "no table is empty, and all sequences are there", (*checker).tables},
		{"HF15", "product, version, upgrade code and component codes are what they should be", (*checker).identity},
		{"HF16", "no two actions have the same number", (*checker).numbers},
		{"HF17", "the setup program of Binary runs all script actions, and nothing in Binary is unused", (*checker).binaries},
		{"HF18", "nothing in the administrator's data folder belongs to the package", (*checker).dataFolder},
		{"HF19", "texts and conditions refer to what exists", (*checker).references},
		{"HF20", "numbers in conditions are at most 32767", (*checker).smallNumbers},
		{"HF21", "what a table says is carried out by an action", (*checker).carriedOut},
		{"HF22", "checks of properties end an installation before anything is changed", (*checker).earlyChecks},
		{"HF23", "texts with folders are composed after CostFinalize", (*checker).lateFolders},
	}
}
