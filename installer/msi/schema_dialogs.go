package msi

// dialogTables are the tables of what a package shows, in the notation of schema.go.
const dialogTables = `
ActionText
	Action s72* Identifier
	Description L0 Text
	Template L0 Template

BBControl
	Billboard_ s50* Identifier >Billboard
	BBControl s50* Identifier
	Type s50 Identifier
	X i2 - 0..32767
	Y i2 - 0..32767
	Width i2 - 0..32767
	Height i2 - 0..32767
	Attributes I4 - 0..2147483647
	Text L50 Text

Billboard
	Billboard s50* Identifier
	Feature_ s38 Identifier >Feature
	Action S50 Identifier
	Ordering I2 - 0..32767

CheckBox
	Property s72* Identifier
	Value S64 Formatted

ComboBox
	Property s72* Identifier
	Order i2* - 1..32767
	Value s64 Formatted
	Text L64 Formatted

Control
	Dialog_ s72* Identifier >Dialog
	Control s50* Identifier
	Type s20 Identifier
	X i2 - 0..32767
	Y i2 - 0..32767
	Width i2 - 0..32767
	Height i2 - 0..32767
	Attributes I4 - 0..2147483647
	Property S72 Identifier
	Text L0 Formatted
	Control_Next S50 Identifier >Control:2
	Help L50 Text

ControlCondition
	Dialog_ s72* Identifier >Dialog
	Control_ s50* Identifier >Control:2
	Action s50* - =Default;Disable;Enable;Hide;Show
	Condition s255* Condition

ControlEvent
	Dialog_ s72* Identifier >Dialog
	Control_ s50* Identifier >Control:2
	Event s50* Formatted
	Argument s255* Formatted
	Condition S255* Condition
	Ordering I2 - 0..2147483647

Dialog
	Dialog s72* Identifier
	HCentering i2 - 0..100
	VCentering i2 - 0..100
	Width i2 - 0..32767
	Height i2 - 0..32767
	Attributes I4 - 0..2147483647
	Title L128 Formatted
	Control_First s50 Identifier >Control:2
	Control_Default S50 Identifier >Control:2
	Control_Cancel S50 Identifier >Control:2

Error
	Error i2* - 0..32767
	Message L0 Template

EventMapping
	Dialog_ s72* Identifier >Dialog
	Control_ s50* Identifier >Control:2
	Event s50* Identifier
	Attribute s50 Identifier

ListBox
	Property s72* Identifier
	Order i2* - 1..32767
	Value s64 Formatted
	Text L64 Text

ListView
	Property s72* Identifier
	Order i2* - 1..32767
	Value s64 Formatted
	Text L64 Formatted
	Binary_ S72 Identifier >Binary

RadioButton
	Property s72* Identifier
	Order i2* - 1..32767
	Value s64 Formatted
	X i2 - 0..32767
	Y i2 - 0..32767
	Width i2 - 0..32767
	Height i2 - 0..32767
	Text L0 Text
	Help L50 Text

TextStyle
	TextStyle s72* Identifier
	FaceName s32 Text
	Size i2 - 0..32767
	Color I4 - 0..16777215
	StyleBits I2 - 0..15

UIText
	Key s72* Identifier
	Text L255 Text
`
