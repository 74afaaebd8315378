package wxs

// vocabulary is every element and attribute that is read, in the notation of vocabulary.go. The
// names are those of the schema of WiX; what the schema has and this text does not is refused.
const vocabulary = packageVocabulary + actionVocabulary + dialogVocabulary

// packageVocabulary is what a package installs and asks.
const packageVocabulary = `
Wix : Package

Fragment < Wix
	Id id

Package < Wix
	Name! text
	Manufacturer! text
	Version! version
	UpgradeCode! guid
	ProductCode! guid
	Language 1..32767
	Codepage =1252|936|65001
	InstallerVersion 500..32767
	Scope =perMachine
	Compressed =yes|true
	ShortNames =no|false
	UpgradeStrategy =majorUpgrade|none

SummaryInformation < Package
	Codepage =1252|936
	Comments text
	Description text
	Keywords text
	Manufacturer text

MediaTemplate < Package Fragment
	CabinetTemplate file
	CompressionLevel =mszip
	EmbedCab! =yes|true
	MaximumUncompressedMediaSize 1..2147483647

Media < Package Fragment
	Id! =1
	Cabinet! file
	CompressionLevel =mszip
	EmbedCab! =yes|true

Property < Package Fragment UI
	Id! id
	Value text
	Secure yesno
	Hidden yesno
	Admin yesno

PropertyRef < Package Fragment UI
	Id! id

RegistrySearch < Property
	Id! id
	Root! =HKCR|HKCU|HKLM|HKU
	Key! text
	Name text
	Type! =directory|file|raw
	Bitness =default|always32|always64

RegistrySearchRef < Property
	Id! id

Icon < Package Fragment
	Id! id..55
	SourceFile! text

Binary < Package Fragment UI
	Id! id..55
	SourceFile! text

Launch < Package Fragment
	Condition! text
	Message! text

Upgrade < Package Fragment
	Id! guid

UpgradeVersion < Upgrade
	Property! public
	Minimum version
	Maximum version
	IncludeMinimum yesno
	IncludeMaximum yesno
	Language text
	ExcludeLanguages yesno
	OnlyDetect yesno
	MigrateFeatures yesno
	IgnoreRemoveFailure yesno
	RemoveFeatures text

StandardDirectory < Package Fragment
	Id! =` + standardDirectories + `

Directory < Package Fragment StandardDirectory Directory DirectoryRef
	Id! id
	Name file
	ShortName shortfile

DirectoryRef < Package Fragment
	Id! id

Feature < Package Fragment Feature FeatureRef
	Id! id..38
	Title text
	Description text
	Level 0..32767
	Display text
	ConfigurableDirectory public
	AllowAbsent yesno
	AllowAdvertise yesno
	InstallDefault =followParent|local|source
	TypicalDefault =advertise|install

FeatureRef < Package Fragment Feature FeatureRef
	Id! id..38

Level < Feature
	Condition! text
	Value! 0..32767

ComponentGroup < Package Fragment
	Id! id
	Directory id

ComponentGroupRef < Feature FeatureRef ComponentGroup
	Id! id

ComponentRef < Feature FeatureRef ComponentGroup
	Id! id

Component < Package Fragment StandardDirectory Directory DirectoryRef ComponentGroup Feature FeatureRef
	Id! id
	Guid! guid
	Directory id
	Feature id..38
	Condition text
	KeyPath yesno
	Permanent yesno
	NeverOverwrite yesno
	Shared yesno
	SharedDllRefCount yesno
	Transitive yesno
	UninstallWhenSuperseded yesno
	DisableRegistryReflection yesno
	Bitness =default|always32|always64

File < Component
	Id! id
	Source! text
	Name file
	ShortName shortfile
	KeyPath yesno
	Vital yesno
	Checksum yesno
	ReadOnly yesno
	Hidden yesno
	System yesno

ServiceInstall < Component
	Id! id
	Name! text
	DisplayName text
	Description text
	EraseDescription yesno
	Type! =ownProcess|shareProcess
	Start! =auto|demand|disabled
	ErrorControl! =ignore|normal|critical
	Interactive yesno
	Vital yesno
	Account text
	Arguments text
	LoadOrderGroup text

ServiceDependency < ServiceInstall
	Id! text
	Group yesno

ServiceControl < Component
	Id! id
	Name! text
	Start =install|uninstall|both
	Stop =install|uninstall|both
	Remove =install|uninstall|both
	Wait yesno

ServiceArgument < ServiceControl
	Value! text

RegistryKey < Component RegistryKey
	Id id
	Root =HKMU|HKCR|HKCU|HKLM|HKU
	Key! text
	ForceCreateOnInstall yesno
	ForceDeleteOnUninstall yesno

RegistryValue < Component RegistryKey
	Id! id
	Root =HKMU|HKCR|HKCU|HKLM|HKU
	Key text
	Name text
	Value! text?
	Type =string|integer|expandable|binary
	KeyPath yesno

Environment < Component
	Id! id
	Name! text
	Value text
	Action! =create|set|remove
	Part =all|first|last
	Separator text
	Permanent yesno
	System yesno

CreateFolder < Component
	Directory id

RemoveFile < Component
	Id! id
	Name! pattern
	ShortName pattern
	On! =install|uninstall|both
	Directory id
	Property id

RemoveFolder < Component
	Id! id
	On! =install|uninstall|both
	Directory id
	Property id
`

// standardDirectories are the folders that Windows Installer knows
// (learn.microsoft.com/windows/win32/msi/property-reference), and the three of WiX whose names hold
// for both bitnesses.
const standardDirectories = "TARGETDIR|AdminToolsFolder|AppDataFolder|CommonAppDataFolder|CommonFilesFolder|" +
	"CommonFiles64Folder|CommonFiles6432Folder|DesktopFolder|FavoritesFolder|FontsFolder|LocalAppDataFolder|" +
	"MyPicturesFolder|NetHoodFolder|PersonalFolder|PrintHoodFolder|ProgramFilesFolder|ProgramFiles64Folder|" +
	"ProgramFiles6432Folder|ProgramMenuFolder|RecentFolder|SendToFolder|StartMenuFolder|StartupFolder|" +
	"SystemFolder|System16Folder|System64Folder|System6432Folder|TempFolder|TemplateFolder|WindowsFolder"

// localizationVocabulary is a localization.
const localizationVocabulary = `
WixLocalization
	Culture text
	Codepage =1252|936|65001
	SummaryInformationCodepage =1252|936
	Language 1..32767

String < WixLocalization
	Id! id
	Value! text?
`
