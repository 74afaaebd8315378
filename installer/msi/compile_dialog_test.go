package msi_test

import "testing"

func TestDialogRows(t *testing.T) {
	const at = ` X="1" Y="2" Width="3" Height="4"`
	testRows(t, []rowTest{
		{
			"tab order",
			`<UI Id="U"><Dialog Id="D" Width="370" Height="270" Title="[ProductName]" NoMinimize="yes"><Control Id="Label" Type="Text"` + at + ` Text="L"/><Control Id="One" Type="Edit"` + at + ` Property="P"/><Control Id="Pic" Type="Bitmap"` + at + ` Text="B"/>
				<Control Id="Two" Type="PushButton"` + at + ` Text="OK" Default="yes"/><Control Id="Three" Type="PushButton"` + at + ` Cancel="yes" TabSkip="no"/><Control Id="Out" Type="PushButton"` + at + ` TabSkip="yes"/></Dialog>
				<Dialog Id="E" X="10" Y="20" Width="1" Height="2" Hidden="yes" Modeless="yes" SystemModal="yes" KeepModeless="yes" CustomPalette="yes" RightToLeft="yes" RightAligned="yes" LeftScroll="yes" ErrorDialog="yes"><Control Id="T" Type="Text"` + at + ` TabSkip="no"/></Dialog></UI><UIRef Id="U"/>
				<Binary Id="B" SourceFile="a.txt"/><Property Id="ErrorDialog" Value="E"/>`,
			"Dialog Control ListBox",
			[]string{
				"Dialog: D|50|50|370|270|3|[ProductName]|One|Two|Three", "Dialog: E|10|20|1|2|66524||T||",
				"Control: D|Label|Text|1|2|3|4|3||L||", "Control: D|One|Edit|1|2|3|4|3|P||Two|", "Control: D|Out|PushButton|1|2|3|4|3||||", "Control: D|Pic|Bitmap|1|2|3|4|1||B||", "Control: D|Three|PushButton|1|2|3|4|3|||One|",
				"Control: D|Two|PushButton|1|2|3|4|3||OK|Three|", "Control: E|T|Text|1|2|3|4|3||||",
			},
		},
		{
			"attributes",
			`<UI><Dialog Id="D" Width="1" Height="1"><Control Id="A" Type="Text"` + at + ` TabSkip="no" Transparent="yes" NoPrefix="yes" NoWrap="yes" FormatSize="yes" UserLanguage="yes" Hidden="yes" Disabled="yes" Sunken="yes" Indirect="yes" Integer="yes" RightToLeft="yes" RightAligned="yes" LeftScroll="yes"/>
				<Control Id="B" Type="Edit"` + at + ` Multiline="yes" Password="yes"/><Control Id="C" Type="PushButton"` + at + ` Icon="yes" IconSize="48" FixedSize="yes" ElevationShield="yes" ToolTip="t" Help="h"/><Control Id="D" Type="ProgressBar"` + at + ` ProgressBlocks="yes" Help="h"/>
				<Control Id="E" Type="VolumeCostList"` + at + ` Removable="yes" Fixed="yes" Remote="yes" CDROM="yes" RAMDisk="yes" Floppy="yes" ShowRollbackCost="yes"/><Control Id="F" Type="RadioButtonGroup"` + at + ` Property="R" HasBorder="yes" PushLike="yes"><RadioButtonGroup Property="R"><RadioButton Value="1"` + at + ` Text="one" ToolTip="t"/><RadioButton Value="2"` + at + `/></RadioButtonGroup></Control>
				<Control Id="G" Type="ComboBox"` + at + ` Property="S" ComboList="yes" Sorted="yes"><ComboBox Property="S"><ListItem Value="a" Text="b"/><ListItem Value="c"/></ComboBox></Control><Control Id="H" Type="CheckBox"` + at + ` Property="T" CheckBoxValue="1" Text="t"/><Control Id="I" Type="CheckBox"` + at + ` CheckBoxPropertyRef="R"/>
				<Control Id="J" Type="ScrollableText"` + at + `><Text SourceFile="licence.rtf"/></Control><Control Id="K" Type="Text"` + at + `><Text Value="[ProductName]"/></Control><Control Id="L" Type="Line"` + at + ` Disabled="no"/></Dialog><ListBox Property="S"><ListItem Value="x"/></ListBox></UI><Property Id="R" Value="1"/>`,
			"Control CheckBox RadioButton ComboBox ListBox",
			[]string{
				"Control: D|A|Text|1|2|3|4|2031868|||B|", "Control: D|B|Edit|1|2|3|4|2162691|||C|", "Control: D|C|PushButton|1|2|3|4|16252931|||F|t|h", "Control: D|D|ProgressBar|1|2|3|4|65537|||||h", "Control: D|E|VolumeCostList|1|2|3|4|8323075||||",
				"Control: D|F|RadioButtonGroup|1|2|3|4|16908291|R||G|", "Control: D|G|ComboBox|1|2|3|4|196611|S||H|", "Control: D|H|CheckBox|1|2|3|4|3|T|t|I|", "Control: D|I|CheckBox|1|2|3|4|3|R||J|", `Control: D|J|ScrollableText|1|2|3|4|3||{\rtf1 Licence [1]}|A|`,
				"Control: D|K|Text|1|2|3|4|3||[ProductName]||", "Control: D|L|Line|1|2|3|4|3||||",
				"CheckBox: T|1", "RadioButton: R|1|1|1|2|3|4|one|t|", "RadioButton: R|2|2|1|2|3|4||", "ComboBox: S|1|a|b", "ComboBox: S|2|c|", "ListBox: S|1|x|",
			},
		},
		{
			"events",
			`<UI><Dialog Id="D" Width="1" Height="1"><Control Id="A" Type="PushButton"` + at + ` EnableCondition="x" DisableCondition="NOT x" HideCondition="y" ShowCondition="NOT y" DefaultCondition="z"><Publish Property="Mode" Value="1"/><Publish Property="Mode"/><Publish Event="NewDialog" Value="D" Condition="x" Order="7"/><Publish Event="endDialog" Value="Return"/><Subscribe Event="setProgress" Attribute="progress"/></Control></Dialog>
				<Publish Dialog="D" Control="A" Event="DoAction" Value="Mine" Condition="1=1"/><Publish Dialog="D" Control="A" Event="SpawnDialog" Value="[Which]"/><DialogRef Id="D"/><TextStyle Id="S1" FaceName="Segoe UI" Size="9" Bold="yes" Strike="yes" Red="1" Green="2" Blue="3"/><TextStyle Id="S2" FaceName="Tahoma" Size="8"/>
				<UIText Id="K1" Value="v"/><UIText Id="K2"/><ProgressText Action="Mine" Message="m" Template="[1]"/><ProgressText Action="Other"/><InstallUISequence><Show Dialog="D" OnExit="success"/></InstallUISequence><AdminUISequence><Show Dialog="D" Before="ExecuteAction" Condition="a"/></AdminUISequence></UI><CustomAction Id="Mine" Property="P" Value="1"/>`,
			"ControlEvent ControlCondition EventMapping TextStyle UIText ActionText",
			[]string{
				"ControlEvent: D|A|DoAction|Mine|1=1|1", "ControlEvent: D|A|EndDialog|Return|1|8", "ControlEvent: D|A|NewDialog|D|x|7", "ControlEvent: D|A|SpawnDialog|[Which]|1|1", "ControlEvent: D|A|[Mode]|1|1|1", "ControlEvent: D|A|[Mode]|{}|1|2",
				"ControlCondition: D|A|Default|z", "ControlCondition: D|A|Disable|NOT x", "ControlCondition: D|A|Enable|x", "ControlCondition: D|A|Hide|y", "ControlCondition: D|A|Show|NOT y",
				"EventMapping: D|A|SetProgress|Progress", "TextStyle: S1|Segoe UI|9|197121|9", "TextStyle: S2|Tahoma|8||", "UIText: K1|v", "UIText: K2|", "ActionText: Mine|m|[1]", "ActionText: Other||",
			},
		},
	})
}
