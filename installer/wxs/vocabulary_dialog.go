package wxs

// dialogVocabulary is what a package shows.
const dialogVocabulary = `
UI < Package Fragment
	Id id

UIRef < Package Fragment UI
	Id! id

DialogRef < UI
	Id! id

TextStyle < UI
	Id! id
	FaceName! text
	Size! 1..32767
	Red 0..255
	Green 0..255
	Blue 0..255
	Bold yesno
	Italic yesno
	Underline yesno
	Strike yesno

UIText < UI
	Id! id
	Value text

ProgressText < UI
	Action! id
	Message text
	Template text

Error < UI
	Id! 0..32767
	Message text?

Dialog < UI
	Id! id
	Width! 0..32767
	Height! 0..32767
	X 0..100
	Y 0..100
	Title text
	Hidden yesno
	Modeless yesno
	NoMinimize yesno
	SystemModal yesno
	KeepModeless yesno
	CustomPalette yesno
	ErrorDialog yesno
	RightToLeft yesno
	RightAligned yesno
	LeftScroll yesno

Control < Dialog : Text ComboBox ListBox RadioButtonGroup
	Id! id..50
	Type! =` + controlTypes + `
	X! 0..32767
	Y! 0..32767
	Width! 0..32767
	Height! 0..32767
	Property id
	Text text
	Help text
	ToolTip text
	CheckBoxValue text
	CheckBoxPropertyRef id
	TabSkip yesno
	Default yesno
	Cancel yesno
	DefaultCondition text
	EnableCondition text
	DisableCondition text
	HideCondition text
	ShowCondition text
	Hidden yesno
	Disabled yesno
	Sunken yesno
	Indirect yesno
	Integer yesno
	RightToLeft yesno
	RightAligned yesno
	LeftScroll yesno
	Transparent yesno
	NoPrefix yesno
	NoWrap yesno
	FormatSize yesno
	UserLanguage yesno
	Multiline yesno
	Password yesno
	ProgressBlocks yesno
	Removable yesno
	Fixed yesno
	Remote yesno
	CDROM yesno
	RAMDisk yesno
	Floppy yesno
	ShowRollbackCost yesno
	Sorted yesno
	ComboList yesno
	Image yesno
	IconSize =16|32|48
	FixedSize yesno
	Icon yesno
	Bitmap yesno
	PushLike yesno
	HasBorder yesno
	ElevationShield yesno

Text < Control
	SourceFile text
	Value text

Publish < Control UI
	Dialog id
	Control id..50
	Event text
	Property text
	Value text
	Condition text
	Order 0..2147483647

Subscribe < Control
	Event! id
	Attribute! id

RadioButtonGroup < UI Control
	Property! id

RadioButton < RadioButtonGroup
	Value! text
	X! 0..32767
	Y! 0..32767
	Width! 0..32767
	Height! 0..32767
	Text text
	ToolTip text
	Help text

ListBox ComboBox < UI Control
	Property! id

ListItem < ListBox ComboBox
	Value! text
	Text text
`

// controlTypes are the controls of learn.microsoft.com/windows/win32/msi/controls that need nothing
// but their own row.
const controlTypes = "Bitmap|CheckBox|ComboBox|DirectoryCombo|DirectoryList|Edit|GroupBox|Hyperlink|Icon|Line|" +
	"ListBox|MaskedEdit|PathEdit|ProgressBar|PushButton|RadioButtonGroup|ScrollableText|SelectionTree|Text|" +
	"VolumeCostList|VolumeSelectCombo"
