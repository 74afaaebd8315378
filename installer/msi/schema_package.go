package msi

// packageTables are the tables of what a package installs and how, in the notation of schema.go.
const packageTables = `
_Validation
	Table s32* Identifier
	Column s32* Identifier
	Nullable s4 - =Y;N
	MinValue I4 - -2147483647..2147483647
	MaxValue I4 - -2147483647..2147483647
	KeyTable S255 Identifier
	KeyColumn I2 - 1..32
	Category S32 - =Text;Formatted;Template;Condition;Guid;Path;Version;Language;Identifier;Binary;UpperCase;LowerCase;Filename;Paths;AnyPath;WildCardFilename;RegPath;CustomSource;Property;Cabinet;Shortcut;FormattedSDDLText;Integer;DoubleInteger;TimeDate;DefaultDir
	Set S255 Text
	Description S255 Text

AdminExecuteSequence
	Action s72* Identifier
	Condition S255 Condition
	Sequence I2 - -4..32767

AdminUISequence
	Action s72* Identifier
	Condition S255 Condition
	Sequence I2 - -4..32767

AdvtExecuteSequence
	Action s72* Identifier
	Condition S255 Condition
	Sequence I2 - -4..32767

AdvtUISequence
	Action s72* Identifier
	Condition S255 Condition
	Sequence I2 - -4..32767

InstallExecuteSequence
	Action s72* Identifier
	Condition S255 Condition
	Sequence I2 - -4..32767

InstallUISequence
	Action s72* Identifier
	Condition S255 Condition
	Sequence I2 - -4..32767

AppSearch
	Property s72* Identifier
	Signature_ s72* Identifier >Signature;RegLocator;IniLocator;DrLocator;CompLocator

Binary
	Name s72* Identifier
	Data v0 Binary

CCPSearch
	Signature_ s72* Identifier >Signature;RegLocator;IniLocator;DrLocator;CompLocator

CompLocator
	Signature_ s72* Identifier
	ComponentId s38 Guid
	Type I2 - 0..1

Component
	Component s72* Identifier
	ComponentId S38 Guid
	Directory_ s72 Identifier >Directory
	Attributes i2 -
	Condition S255 Condition
	KeyPath S72 Identifier >File;Registry;ODBCDataSource

Condition
	Feature_ s38* Identifier >Feature
	Level i2* - 0..32767
	Condition S255 Condition

CreateFolder
	Directory_ s72* Identifier >Directory
	Component_ s72* Identifier >Component

CustomAction
	Action s72* Identifier
	Type i2 - 1..32767
	Source S72 CustomSource
	Target S255 Formatted
	ExtendedType I4 - 0..2147483647

Directory
	Directory s72* Identifier
	Directory_Parent S72 Identifier >Directory
	DefaultDir l255 DefaultDir

DrLocator
	Signature_ s72* Identifier
	Parent S72* Identifier
	Path S255* AnyPath
	Depth I2 - 0..32767

DuplicateFile
	FileKey s72* Identifier
	Component_ s72 Identifier >Component
	File_ s72 Identifier >File
	DestName L255 Filename
	DestFolder S72 Identifier

Environment
	Environment s72* Identifier
	Name l255 Text
	Value L255 Formatted
	Component_ s72 Identifier >Component

Feature
	Feature s38* Identifier
	Feature_Parent S38 Identifier >Feature
	Title L64 Text
	Description L255 Text
	Display I2 - 0..32767
	Level i2 - 0..32767
	Directory_ S72 UpperCase >Directory
	Attributes i2 - =0;1;2;4;5;6;8;9;10;16;17;18;20;21;22;24;25;26;32;33;34;36;37;38;48;49;50;52;53;54

FeatureComponents
	Feature_ s38* Identifier >Feature
	Component_ s72* Identifier >Component

File
	File s72* Identifier
	Component_ s72 Identifier >Component
	FileName l255 Filename
	FileSize i4 - 0..2147483647
	Version S72 Version >File
	Language S20 Language
	Attributes I2 - 0..32767
	Sequence i4 - 1..2147483647

Icon
	Name s72* Identifier
	Data v0 Binary

IniFile
	IniFile s72* Identifier
	FileName l255 Filename
	DirProperty S72 Identifier
	Section l96 Formatted
	Key l128 Formatted
	Value l255 Formatted
	Action i2 - =0;1;3
	Component_ s72 Identifier >Component

IniLocator
	Signature_ s72* Identifier
	FileName s255 Filename
	Section s96 Text
	Key s128 Text
	Field I2 - 0..32767
	Type I2 - 0..2

LaunchCondition
	Condition s255* Condition
	Description l255 Formatted

LockPermissions
	LockObject s72* Identifier
	Table s32* Identifier =Directory;File;Registry
	Domain S255* Formatted
	User s255* Formatted
	Permission I4 - -2147483647..2147483647

Media
	DiskId i2* - 1..32767
	LastSequence i4 - 0..2147483647
	DiskPrompt L64 Text
	Cabinet S255 Cabinet
	VolumeLabel S32 Text
	Source S72 Property

MoveFile
	FileKey s72* Identifier
	Component_ s72 Identifier >Component
	SourceName L255 Text
	DestName L255 Filename
	SourceFolder S72 Identifier
	DestFolder s72 Identifier
	Options i2 - 0..1

MsiFileHash
	File_ s72* Identifier >File
	Options i2 - 0..32767
	HashPart1 i4 -
	HashPart2 i4 -
	HashPart3 i4 -
	HashPart4 i4 -

MsiLockPermissionsEx
	MsiLockPermissionsEx s72* Identifier
	LockObject s72 Identifier
	Table s32 Identifier =CreateFolder;File;Registry;ServiceInstall
	SDDLText s0 FormattedSDDLText
	Condition S255 Formatted

MsiServiceConfig
	MsiServiceConfig s72* Identifier
	Name l255 Formatted
	Event i2 - 0..7
	ConfigType i4 - -2147483647..2147483647
	Argument S0 Text
	Component_ s72 Identifier >Component

MsiServiceConfigFailureActions
	MsiServiceConfigFailureActions s72* Identifier
	Name l255 Formatted
	Event i2 - 0..7
	ResetPeriod I4 - 0..2147483647
	RebootMessage L255 Formatted
	Command L255 Formatted
	Actions S0 Text
	DelayActions S0 Text
	Component_ s72 Identifier >Component

MsiShortcutProperty
	MsiShortcutProperty s72* Identifier
	Shortcut_ s72 Identifier >Shortcut
	PropertyKey s0 Formatted
	PropVariantValue s0 Formatted

Property
	Property s72* Identifier
	Value l0 Text

RegLocator
	Signature_ s72* Identifier
	Root i2 - 0..3
	Key s255 RegPath
	Name S255 Formatted
	Type I2 - 0..18

Registry
	Registry s72* Identifier
	Root i2 - -1..3
	Key l255 RegPath
	Name L255 Formatted
	Value L0 Formatted
	Component_ s72 Identifier >Component

RemoveFile
	FileKey s72* Identifier
	Component_ s72 Identifier >Component
	FileName L255 WildCardFilename
	DirProperty s72 Identifier
	InstallMode i2 - =1;2;3

RemoveIniFile
	RemoveIniFile s72* Identifier
	FileName l255 Filename
	DirProperty S72 Identifier
	Section l96 Formatted
	Key l128 Formatted
	Value L255 Formatted
	Action i2 - =2;4
	Component_ s72 Identifier >Component

RemoveRegistry
	RemoveRegistry s72* Identifier
	Root i2 - -1..3
	Key l255 RegPath
	Name L255 Formatted
	Component_ s72 Identifier >Component

ReserveCost
	ReserveKey s72* Identifier
	Component_ s72 Identifier >Component
	ReserveFolder S72 Identifier
	ReserveLocal i4 - 0..2147483647
	ReserveSource i4 - 0..2147483647

ServiceControl
	ServiceControl s72* Identifier
	Name l255 Formatted
	Event i2 - 0..187
	Arguments L255 Formatted
	Wait I2 - 0..1
	Component_ s72 Identifier >Component

ServiceInstall
	ServiceInstall s72* Identifier
	Name s255 Formatted
	DisplayName L255 Formatted
	ServiceType i4 - -2147483647..2147483647
	StartType i4 - 0..4
	ErrorControl i4 - -2147483647..2147483647
	LoadOrderGroup S255 Formatted
	Dependencies S255 Formatted
	StartName S255 Formatted
	Password S255 Formatted
	Arguments S255 Formatted
	Component_ s72 Identifier >Component
	Description L255 Text

Shortcut
	Shortcut s72* Identifier
	Directory_ s72 Identifier >Directory
	Name l128 Filename
	Component_ s72 Identifier >Component
	Target s72 Shortcut
	Arguments S255 Formatted
	Description L255 Text
	Hotkey I2 - 0..32767
	Icon_ S72 Identifier >Icon
	IconIndex I2 - -32767..32767
	ShowCmd I2 - =1;3;7
	WkDir S72 Identifier
	DisplayResourceDLL S255 Formatted
	DisplayResourceId I2 - 0..32767
	DescriptionResourceDLL S255 Formatted
	DescriptionResourceId I2 - 0..32767

Signature
	Signature s72* Identifier
	FileName s255 Text
	MinVersion S20 Text
	MaxVersion S20 Text
	MinSize I4 - 0..2147483647
	MaxSize I4 - 0..2147483647
	MinDate I4 - 0..2147483647
	MaxDate I4 - 0..2147483647
	Languages S255 Language

Upgrade
	UpgradeCode s38* Guid
	VersionMin S20* Text
	VersionMax S20* Text
	Language S255* Language
	Attributes i4* - 0..2147483647
	Remove S255 Formatted
	ActionProperty s72 UpperCase
`
