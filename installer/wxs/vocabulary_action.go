package wxs

// actionVocabulary is what a package does, and when.
const actionVocabulary = `
SetProperty < Package Fragment
	Id! id
	Value! text?
	Action id
	Condition text
	After id
	Before id
	Sequence =both|first|execute|ui

SetDirectory < Package Fragment
	Id! id
	Value! text
	Action id
	Condition text
	Sequence =both|first|execute|ui

CustomAction < Package Fragment
	Id! id
	BinaryRef id
	FileRef id
	Directory id
	Property id
	DllEntry text
	ExeCommand text?
	Value text?
	Error text
	Execute =commit|deferred|firstSequence|immediate|oncePerProcess|rollback|secondSequence
	Impersonate yesno
	Return =asyncNoWait|asyncWait|check|ignore
	HideTarget yesno

CustomActionRef < Package Fragment
	Id! id

AdminExecuteSequence AdvertiseExecuteSequence InstallExecuteSequence < Package Fragment

AdminUISequence InstallUISequence < Package Fragment UI

Custom < AdminExecuteSequence AdminUISequence AdvertiseExecuteSequence InstallExecuteSequence InstallUISequence
	Action! id
	Condition text
	OnExit =success|cancel|error|suspend
	Before id
	After id
	Sequence 1..32767

Show < AdminUISequence InstallUISequence
	Dialog! id
	Condition text
	OnExit =success|cancel|error|suspend
	Before id
	After id
	Sequence 1..32767

CostInitialize CostFinalize < AdminExecuteSequence AdminUISequence AdvertiseExecuteSequence InstallExecuteSequence InstallUISequence
	Condition text
	Sequence 1..32767
	Suppress yesno

FileCost < AdminExecuteSequence AdminUISequence InstallExecuteSequence InstallUISequence
	Condition text
	Sequence 1..32767
	Suppress yesno

InstallValidate InstallInitialize InstallFinalize < AdminExecuteSequence AdvertiseExecuteSequence InstallExecuteSequence
	Condition text
	Sequence 1..32767
	Suppress yesno

InstallFiles PatchFiles < AdminExecuteSequence InstallExecuteSequence
	Condition text
	Sequence 1..32767
	Suppress yesno

InstallAdminPackage < AdminExecuteSequence
	Condition text
	Sequence 1..32767
	Suppress yesno

PublishComponents PublishFeatures PublishProduct MsiPublishAssemblies CreateShortcuts RegisterClassInfo RegisterExtensionInfo RegisterMIMEInfo RegisterProgIdInfo < AdvertiseExecuteSequence InstallExecuteSequence
	Condition text
	Sequence 1..32767
	Suppress yesno

ExecuteAction < AdminUISequence InstallUISequence
	Condition text
	Sequence 1..32767
	Suppress yesno

ValidateProductID MigrateFeatureStates IsolateComponents < InstallExecuteSequence InstallUISequence
	Condition text
	Sequence 1..32767
	Suppress yesno

AllocateRegistrySpace ProcessComponents UnpublishComponents MsiUnpublishAssemblies UnpublishFeatures StopServices DeleteServices RemoveRegistryValues RemoveIniValues RemoveShortcuts RemoveEnvironmentStrings RemoveDuplicateFiles RemoveFiles RemoveFolders CreateFolders MoveFiles DuplicateFiles WriteRegistryValues WriteIniValues WriteEnvironmentStrings InstallServices StartServices RegisterUser RegisterProduct < InstallExecuteSequence
	Condition text
	Sequence 1..32767
	Suppress yesno

LaunchConditions < AdminExecuteSequence AdminUISequence InstallExecuteSequence InstallUISequence
	Condition text
	Before id
	After id
	Sequence 1..32767
	Suppress yesno

FindRelatedProducts AppSearch < InstallExecuteSequence InstallUISequence
	Condition text
	Before id
	After id
	Sequence 1..32767
	Suppress yesno

ResolveSource < AdminExecuteSequence InstallExecuteSequence InstallUISequence
	Condition text
	Before id
	After id
	Sequence 1..32767
	Suppress yesno

ScheduleReboot < InstallExecuteSequence InstallUISequence
	Condition text
	Before id
	After id
	Sequence 1..32767
	Suppress yesno

RemoveExistingProducts InstallExecute InstallExecuteAgain DisableRollback ForceReboot < InstallExecuteSequence
	Condition text
	Before id
	After id
	Sequence 1..32767
	Suppress yesno
`
