package msi

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"holdfast/installer/wxs"
)

// ui is a UI element.
func (u *unit) ui(e *wxs.Element) {
	if e.Has("Id") {
		u.define("UI", e.Get("Id"), e.At("Id"))
	}
	for _, child := range e.Children {
		switch child.Name {
		case "Dialog":
			u.dialog(child)
		case "DialogRef":
			u.refer("Dialog", child.Get("Id"), child.At("Id"))
		case "TextStyle":
			u.textStyle(child)
		case "UIText":
			u.row("UIText", child, attr(child, "Id"), attr(child, "Value"))
		case "ProgressText":
			u.row("ActionText", child, attr(child, "Action"), attr(child, "Message"), attr(child, "Template"))
		case "Error":
			u.row("Error", child, attrInt(child, "Id"), attr(child, "Message"))
		case "Publish":
			order := 0
			u.publish(child, "", "", &order)
		case "RadioButtonGroup", "ListBox", "ComboBox":
			u.list(child)
		default:
			u.top(child)
		}
	}
}

// textStyle is a TextStyle (learn.microsoft.com/windows/win32/msi/textstyle-table).
func (u *unit) textStyle(e *wxs.Element) {
	var color, style any
	if e.Has("Red") || e.Has("Green") || e.Has("Blue") {
		color = integer(e.Get("Red")) + integer(e.Get("Green"))<<8 + integer(e.Get("Blue"))<<16
	}
	if n := bits(e, map[string]int{"Bold": 1, "Italic": 2, "Underline": 4, "Strike": 8}); n != 0 {
		style = n
	}
	u.row("TextStyle", e, attr(e, "Id"), attr(e, "FaceName"), attrInt(e, "Size"), color, style)
}

// dialog is a Dialog and its controls (learn.microsoft.com/windows/win32/msi/dialog-style-bits).
func (u *unit) dialog(e *wxs.Element) {
	attributes := bits(e, map[string]int{
		"SystemModal": 8, "KeepModeless": 16, "CustomPalette": 64, "RightToLeft": 128,
		"RightAligned": 256, "LeftScroll": 512, "ErrorDialog": 65536,
	})
	for name, bit := range map[string]int{"Hidden": 1, "Modeless": 2, "NoMinimize": 4} {
		if !yes(e, name) {
			attributes |= bit
		}
	}
	var tab tabOrder
	for _, child := range e.Children {
		u.control(child, e.Get("Id"), &tab)
	}
	if tab.first == "" {
		u.fail(e.Pos, fmt.Sprintf("dialog %s has no control that can have the focus", e.Get("Id")), "add a button")
	} else if tab.last.row[1] != tab.first {
		tab.last.row[10] = tab.first
	}
	centre := func(name string) cell {
		if e.Has(name) {
			return attrInt(e, name)
		}
		return cell{50, e.Pos}
	}
	u.row("Dialog", e, attr(e, "Id"), centre("X"), centre("Y"), attrInt(e, "Width"), attrInt(e, "Height"),
		attributes, attr(e, "Title"), tab.first, tab.byReturn, tab.byEscape)
}

// tabOrder is the controls of a dialog in which the focus goes round, in the order of the sources.
type tabOrder struct {
	first              string
	last               *entry
	byReturn, byEscape string // the controls pressed by these keys
}

// control is a Control and what stands in it.
func (u *unit) control(e *wxs.Element, dialog string, tab *tabOrder) {
	id, kind := e.Get("Id"), e.Get("Type")
	text, fromFile := u.controlText(e)
	passive := slices.Contains([]string{"Bitmap", "Icon", "Line", "ProgressBar"}, kind)
	skip := passive || slices.Contains([]string{"GroupBox", "Text", "VolumeCostList"}, kind)
	if e.Has("TabSkip") {
		skip = yes(e, "TabSkip")
	}
	attributes := u.controlBits(e)
	if !yes(e, "Hidden") {
		attributes |= 1
	}
	if !passive && !yes(e, "Disabled") || no(e, "Disabled") {
		attributes |= 2
	}
	var help any // ToolTip|Help, with the bar even when there is one of them only
	if e.Has("ToolTip") || e.Has("Help") {
		help = e.Get("ToolTip") + "|" + e.Get("Help")
	}
	property := attr(e, "Property")
	if kind == "CheckBox" {
		property = u.checkBox(e)
	}
	row := u.row("Control", e, dialog, attr(e, "Id"), kind, attrInt(e, "X"), attrInt(e, "Y"), attrInt(e, "Width"), attrInt(e, "Height"),
		attributes, property, text, nil, help)
	row.free = fromFile
	if (kind == "Bitmap" || kind == "Icon") && !strings.Contains(e.Get("Text"), "[") {
		u.refer("Binary", e.Get("Text"), e.At("Text"))
	}
	if !skip {
		if tab.last != nil {
			tab.last.row[10] = id
		}
		tab.last = row
		if tab.first == "" {
			tab.first = id
		}
	}
	if yes(e, "Default") {
		tab.byReturn = id
	}
	if yes(e, "Cancel") {
		tab.byEscape = id
	}
	u.inControl(e, dialog)
}

// inControl is the conditions and events of a control.
func (u *unit) inControl(e *wxs.Element, dialog string) {
	id := e.Get("Id")
	for _, name := range []string{"DefaultCondition", "EnableCondition", "DisableCondition", "HideCondition", "ShowCondition"} {
		if e.Has(name) {
			u.row("ControlCondition", e, dialog, id, strings.TrimSuffix(name, "Condition"), attr(e, name))
		}
	}
	order := 0
	for _, child := range e.Children {
		switch child.Name {
		case "Publish":
			for _, name := range []string{"Dialog", "Control"} {
				if child.Has(name) {
					u.fail(child.At(name), fmt.Sprintf("%s of a <Publish> in a <Control>", name), "it belongs to that control; remove it")
				}
			}
			u.publish(child, dialog, id, &order)
		case "Subscribe":
			u.row("EventMapping", child, dialog, id, cell{upperFirst(child.Get("Event")), child.At("Event")}, cell{upperFirst(child.Get("Attribute")), child.At("Attribute")})
		case "RadioButtonGroup", "ListBox", "ComboBox":
			u.list(child)
		}
	}
}

// checkBox adds the value of a check box and gives its property.
func (u *unit) checkBox(e *wxs.Element) cell {
	switch {
	case e.Has("Property") == e.Has("CheckBoxPropertyRef"):
		u.fail(e.Pos, "a check box without its property", "write either Property or CheckBoxPropertyRef")
	case e.Has("Property"):
		u.row("CheckBox", e, attr(e, "Property"), attr(e, "CheckBoxValue"))
		return attr(e, "Property")
	}
	u.refer("Property", e.Get("CheckBoxPropertyRef"), e.At("CheckBoxPropertyRef"))
	return attr(e, "CheckBoxPropertyRef")
}

// maxTextFile bounds a text that comes from a file, such as a licence.
const maxTextFile = 1 << 20

// controlText is the text of a control: of its attribute, of a Text element, or of a file.
func (u *unit) controlText(e *wxs.Element) (text cell, fromFile bool) {
	text = attr(e, "Text")
	for _, child := range e.Children {
		if child.Name != "Text" {
			continue
		}
		if child.Has("Value") == child.Has("SourceFile") || e.Has("Text") {
			u.fail(child.Pos, "a text must have one source", "write either Text of the control, or Value or SourceFile here")
			continue
		}
		if child.Has("Value") {
			return attr(child, "Value"), false
		}
		at := child.At("SourceFile")
		data, err := os.ReadFile(u.c.path(child.Get("SourceFile")))
		switch {
		case err != nil:
			u.fail(at, fmt.Sprintf("file %s: %v", child.Get("SourceFile"), reason(err)), "")
		case len(data) > maxTextFile || !utf8.Valid(data):
			u.fail(at, fmt.Sprintf("file %s is not a text in UTF-8 of at most %d MiB", child.Get("SourceFile"), maxTextFile>>20), "")
		}
		return cell{strings.TrimPrefix(string(data), "\ufeff"), at}, true
	}
	return text, false
}

// controlBits are the attributes that all controls have, and those of its type
// (learn.microsoft.com/windows/win32/msi/control-attributes).
func (u *unit) controlBits(e *wxs.Element) int {
	n := bits(e, map[string]int{"Sunken": 4, "Indirect": 8, "Integer": 16, "RightToLeft": 32, "RightAligned": 64, "LeftScroll": 128})
	own := controlAttributes(e.Get("Type"))
	icon := map[string][]string{"16": {"Icon16"}, "32": {"Icon32"}, "48": {"Icon16", "Icon32"}}[e.Get("IconSize")]
	if e.Has("IconSize") && !slices.Contains(own, "Icon16") {
		u.fail(e.At("IconSize"), fmt.Sprintf("IconSize of a control of type %s", e.Get("Type")), "it has none; remove it")
	}
	for i, name := range own {
		if name != "-" && (yes(e, name) || slices.Contains(icon, name)) {
			n |= 1 << (16 + i)
		}
	}
	for _, a := range e.Attrs {
		if special(a.Name) && !slices.Contains(own, a.Name) {
			u.fail(a.Pos, fmt.Sprintf("%s of a control of type %s", a.Name, e.Get("Type")), "such a control has no such attribute; remove it")
		}
	}
	return n
}

// special tells whether only some types of controls have an attribute.
func special(name string) bool {
	for line := range strings.SplitSeq(strings.TrimSpace(controlTypes), "\n") {
		if slices.Contains(strings.Fields(line)[1:], name) {
			return true
		}
	}
	return false
}

func controlAttributes(kind string) []string {
	for line := range strings.SplitSeq(strings.TrimSpace(controlTypes), "\n") {
		if fields := strings.Fields(line); fields[0] == kind {
			return fields[1:]
		}
	}
	return nil
}

// controlTypes are the attributes of single types of controls, from bit 16 on; "-" is a bit without one.
const controlTypes = `
Text Transparent NoPrefix NoWrap FormatSize UserLanguage
Hyperlink Transparent
Edit Multiline - - - - Password
MaskedEdit Multiline - - - - Password
PathEdit Multiline - - - - Password
ProgressBar ProgressBlocks
DirectoryCombo Removable Fixed Remote CDROM RAMDisk Floppy ShowRollbackCost
VolumeCostList Removable Fixed Remote CDROM RAMDisk Floppy ShowRollbackCost
VolumeSelectCombo Removable Fixed Remote CDROM RAMDisk Floppy ShowRollbackCost
ListBox Sorted - - - UserLanguage
ComboBox Sorted ComboList - - UserLanguage
RadioButtonGroup Image PushLike Bitmap Icon FixedSize Icon16 Icon32 - HasBorder
PushButton Image - Bitmap Icon FixedSize Icon16 Icon32 ElevationShield
Icon Image - - - FixedSize Icon16 Icon32
Bitmap Image - - - FixedSize
CheckBox - PushLike Bitmap Icon FixedSize Icon16 Icon32
`

// publish is an event of a control, or a property that it sets. Its number is that of the last one plus
// one, unless it has its own.
func (u *unit) publish(e *wxs.Element, dialog, control string, order *int) {
	if dialog == "" {
		dialog, control = e.Get("Dialog"), e.Get("Control")
		u.refer("Dialog", dialog, e.At("Dialog"))
		if dialog == "" || control == "" {
			u.fail(e.Pos, "<Publish> without Dialog and Control", "write both, or put it into the <Control>")
		}
	}
	*order++
	if e.Has("Order") {
		*order = min(integer(e.Get("Order")), math.MaxInt16)
	}
	event, argument := cell{upperFirst(e.Get("Event")), e.At("Event")}, attr(e, "Value")
	switch {
	case e.Has("Event") == e.Has("Property"):
		u.fail(e.Pos, "<Publish> without what it does", "write either Event or Property")
	case e.Has("Property"):
		event = cell{"[" + e.Get("Property") + "]", e.At("Property")}
		if !e.Has("Value") {
			argument.v = "{}" // empties the property
		}
	case !e.Has("Value"):
		u.fail(e.Pos, fmt.Sprintf("<Publish> of %s without Value", e.Get("Event")), "write it")
	}
	condition := attr(e, "Condition")
	if condition.v == "" {
		condition.v = "1"
	}
	u.row("ControlEvent", e, dialog, control, event, argument, condition, *order)
	if target := e.Get("Value"); !strings.Contains(target, "[") {
		switch e.Get("Event") {
		case "NewDialog", "SpawnDialog", "SpawnWaitDialog", "SelectionBrowse":
			u.refer("Dialog", target, e.At("Value"))
		case "DoAction":
			if !isStandardAction(target) {
				u.refer("CustomAction", target, e.At("Value"))
			}
		}
	}
}

func upperFirst(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// list is the entries of a list or of radio buttons, in the order of the sources.
func (u *unit) list(e *wxs.Element) {
	if len(e.Children) == 0 {
		u.fail(e.Pos, fmt.Sprintf("<%s> without entries", e.Name), "")
	}
	for i, child := range e.Children {
		if child.Name == "ListItem" {
			u.row(e.Name, child, attr(e, "Property"), i+1, attr(child, "Value"), attr(child, "Text"))
			continue
		}
		var help any
		if child.Has("ToolTip") || child.Has("Help") {
			help = child.Get("ToolTip") + "|" + child.Get("Help")
		}
		u.row("RadioButton", child, attr(e, "Property"), i+1, attr(child, "Value"), attrInt(child, "X"), attrInt(child, "Y"),
			attrInt(child, "Width"), attrInt(child, "Height"), attr(child, "Text"), help)
	}
	if e.Name == "RadioButtonGroup" {
		u.refer("Property", e.Get("Property"), e.At("Property"))
	}
}
