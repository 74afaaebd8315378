// Package actions is what is known about the actions of Windows Installer: the standard ones with
// their places in a sequence, and the meaning of the types of custom ones.
package actions

import (
	"slices"
	"strings"
)

// Section is a part of a sequence (learn.microsoft.com/windows/win32/msi/ice27).
type Section int

// The sections, in their order.
const (
	Search    Section = iota // up to CostInitialize
	Costing                  // up to CostFinalize
	Selection                // up to InstallValidate
	Execution                // up to InstallFinalize
	After                    // the rest
)

func (s Section) String() string {
	return [...]string{"search", "costing", "selection", "execution", "after the execution"}[s]
}

// Standard is a standard action.
type Standard struct {
	Name string
	// From and To are the sections in which it may stand.
	From, To Section
	// Script tells that it writes operations into the script which runs later.
	Script bool
	// After and Before are the actions that must come earlier and later where they are present.
	After, Before []string
	// Does is what it does, in words that follow "it".
	Does string
}

// Find is the standard action with this name; false when there is none.
func Find(name string) (Standard, bool) {
	for line := range strings.SplitSeq(standards, "\n") {
		if fields := strings.Split(line, "|"); len(fields) == 5 && strings.TrimSpace(fields[0]) == name {
			return parse(fields), true
		}
	}
	return Standard{}, false
}

// Names are the names of all standard actions.
func Names() []string {
	var names []string
	for line := range strings.SplitSeq(standards, "\n") {
		if name, _, ok := strings.Cut(line, "|"); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

func parse(fields []string) Standard {
	for i, f := range fields {
		fields[i] = strings.TrimSpace(f)
	}
	first, last, _ := strings.Cut(strings.TrimSuffix(fields[1], "*"), "-")
	s := Standard{Name: fields[0], Does: fields[4], Script: strings.HasSuffix(fields[1], "*")}
	s.From, s.To = section(first), section(first)
	if last != "" {
		s.To = section(last)
	}
	s.After, s.Before = strings.Fields(fields[2]), strings.Fields(fields[3])
	return s
}

func section(letter string) Section {
	return Section(slices.Index([]string{"s", "c", "l", "e", "a"}, letter))
}

// standards is one action per line: name | sections, "*" for script | after | before | what it does.
// The restrictions are those of the actions' pages, learn.microsoft.com/windows/win32/msi/standard-actions-reference.
// CostInitialize and the other borders of sections belong to the section that they open or close.
const standards = `
AllocateRegistrySpace    | e*  | InstallInitialize | | makes sure that the registry has room
AppSearch                | s   | | | searches the registry, files and components, and puts what it finds into properties
BindImage                | e*  | InstallFiles | | binds programs to their libraries
CCPSearch                | s   | | RMCCPSearch | searches for products that qualify for an upgrade
CostFinalize             | c   | CostInitialize FileCost | | decides what happens to each feature and component and where each folder is
CostInitialize           | c   | | FileCost CostFinalize | begins to work out the space needed, and knows the system's folders
CreateFolders            | e*  | InstallInitialize RemoveFolders | InstallFiles | creates folders that would be empty
CreateShortcuts          | e*  | InstallFiles RemoveShortcuts | | creates shortcuts
DeleteServices           | e*  | InstallInitialize StopServices | InstallFiles RemoveFiles InstallServices StartServices | removes services
DisableRollback          | s-a | | | turns rollback off for the rest of the installation
DuplicateFiles           | e*  | InstallFiles | | copies installed files to further places
ExecuteAction            | l-a | CostFinalize | | lets the service carry out the execute sequence
FileCost                 | c   | CostInitialize | CostFinalize | works out the space that files need
FindRelatedProducts      | s-l | | MigrateFeatureStates RemoveExistingProducts | looks for other versions of the product by the Upgrade table
ForceReboot              | e-a | | | restarts the computer and goes on afterwards
InstallAdminPackage      | e*  | InstallInitialize | InstallFiles | copies the package to an administrative installation point
InstallExecute           | e   | InstallInitialize | | carries out what the script holds so far; the transaction goes on
InstallExecuteAgain      | e   | InstallInitialize InstallExecute | | carries out what the script holds since InstallExecute; the transaction goes on
InstallFiles             | e*  | InstallValidate InstallInitialize RemoveFiles CreateFolders | | copies the files
InstallFinalize          | e   | InstallInitialize | | carries out the rest of the script and ends the transaction
InstallInitialize        | e   | InstallValidate | | begins the transaction
InstallODBC              | e*  | InstallFiles | | installs ODBC drivers and data sources
InstallServices          | e*  | InstallFiles StopServices DeleteServices | StartServices | registers services
InstallSFPCatalogFile    | e*  | | InstallFiles | installs catalogs of a system that is gone
InstallValidate          | e   | CostFinalize | | makes sure that there is space and that no file is in use
IsolateComponents        | c   | CostInitialize | CostFinalize | keeps copies of shared components beside programs
LaunchConditions         | s-l | | | ends the installation unless all conditions of the LaunchCondition table hold
MigrateFeatureStates     | l   | CostFinalize FindRelatedProducts | | selects the features that the older product had
MoveFiles                | e*  | InstallValidate | InstallFiles | moves or copies files that are already there
MsiConfigureServices     | e*  | InstallServices | StartServices | sets extended settings of services
MsiPublishAssemblies     | e*  | InstallInitialize | | makes assemblies known
MsiUnpublishAssemblies   | e*  | InstallInitialize | | withdraws assemblies
PatchFiles               | e*  | InstallFiles | | patches files
ProcessComponents        | e*  | InstallInitialize | | registers or unregisters the components
PublishComponents        | e*  | InstallInitialize | | makes components known to other products
PublishFeatures          | e*  | InstallInitialize | PublishProduct | records the state of the features
PublishProduct           | e*  | InstallInitialize PublishFeatures | | records the product as installed
RMCCPSearch              | s   | | | searches removable media for products that qualify for an upgrade
RegisterClassInfo        | e*  | InstallFiles UnregisterClassInfo | | registers COM classes
RegisterComPlus          | e*  | InstallFiles | | registers COM+ applications
RegisterExtensionInfo    | e*  | InstallFiles UnregisterExtensionInfo | | registers file extensions
RegisterFonts            | e*  | InstallFiles | | registers fonts
RegisterMIMEInfo         | e*  | InstallFiles UnregisterMIMEInfo | | registers MIME types
RegisterProduct          | e*  | InstallInitialize | | adds the product to the list of installed programs and keeps the package
RegisterProgIdInfo       | e*  | InstallFiles UnregisterProgIdInfo | | registers program identifiers
RegisterTypeLibraries    | e*  | InstallFiles | | registers type libraries
RegisterUser             | e*  | InstallInitialize | | records who installed the product
RemoveDuplicateFiles     | e*  | InstallValidate | InstallFiles | removes files made by DuplicateFiles
RemoveEnvironmentStrings | e*  | InstallValidate InstallInitialize | | takes back environment variables
RemoveExistingProducts   | e-a | InstallValidate FindRelatedProducts | | removes the products that FindRelatedProducts found
RemoveFiles              | e*  | InstallValidate InstallInitialize | InstallFiles | removes files
RemoveFolders            | e*  | InstallInitialize RemoveFiles | | removes empty folders
RemoveIniValues          | e*  | InstallValidate | WriteIniValues | takes back values of .ini files
RemoveODBC               | e*  | InstallValidate | | removes ODBC drivers and data sources
RemoveRegistryValues     | e*  | InstallValidate InstallInitialize | WriteRegistryValues UnregisterMIMEInfo UnregisterProgIdInfo | removes registry values
RemoveShortcuts          | e*  | InstallValidate | CreateShortcuts | removes shortcuts
ResolveSource            | s-e | CostInitialize | | finds out where the package came from
ScheduleReboot           | s-a | | | asks for a restart at the end
SelfRegModules           | e*  | InstallFiles | | lets libraries register themselves
SelfUnregModules         | e*  | InstallInitialize | RemoveFiles | lets libraries unregister themselves
SetODBCFolders           | l   | CostFinalize | | finds the folders of ODBC drivers
StartServices            | e*  | InstallServices InstallFiles | | starts services
StopServices             | e*  | InstallInitialize | DeleteServices InstallFiles RemoveFiles InstallServices StartServices | stops services
UnpublishComponents      | e*  | InstallInitialize | | withdraws components from other products
UnpublishFeatures        | e*  | InstallInitialize | | forgets the state of the features
UnregisterClassInfo      | e*  | InstallInitialize | RegisterClassInfo | unregisters COM classes
UnregisterComPlus        | e*  | InstallInitialize | | unregisters COM+ applications
UnregisterExtensionInfo  | e*  | InstallInitialize | RegisterExtensionInfo | unregisters file extensions
UnregisterFonts          | e*  | InstallInitialize | | unregisters fonts
UnregisterMIMEInfo       | e*  | InstallInitialize | RegisterMIMEInfo | unregisters MIME types
UnregisterProgIdInfo     | e*  | InstallInitialize | RegisterProgIdInfo | unregisters program identifiers
UnregisterTypeLibraries  | e*  | InstallInitialize | | unregisters type libraries
ValidateProductID        | s-l | | | checks a product key, when there is one
WriteEnvironmentStrings  | e*  | InstallValidate InstallInitialize | | sets environment variables
WriteIniValues           | e*  | InstallValidate | | writes values of .ini files
WriteRegistryValues      | e*  | InstallValidate InstallInitialize RemoveRegistryValues | | writes registry values
`
