package msi_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi"
	"holdfast/installer/wxs"
)

// TestCompileErrors: every mistake has its exact place and its cure. The bodies begin in line 2.
func TestCompileErrors(t *testing.T) {
	const (
		guid   = ` Guid="{00000000-0000-0000-0000-00000000000c}"`
		action = `<CustomAction Id="A" Property="P" Value="1"/>`
		at     = ` X="1" Y="2" Width="3" Height="4"`
	)
	tests := []struct {
		name, body string
		want       []string
	}{
		// references
		{"undefined property", `<PropertyRef Id="PLAN"/><Property Id="PLANE" Value="1"/>`, []string{`a.wxs:2:14: Property PLAN is not defined; did you mean PLANE?`}},
		{"undefined binary, action, dialog", `<CustomAction Id="A" BinaryRef="Setup" ExeCommand="c"/>` + "\n" + `<CustomActionRef Id="B"/><InstallUISequence><Show Dialog="D" After="CostFinalize"/><Custom Action="C" Sequence="5"/></InstallUISequence>`, []string{
			`a.wxs:2:22: Binary Setup is not defined`,
			`a.wxs:3:18: CustomAction B is not defined; known here: A`,
			`a.wxs:3:51: Dialog D is not defined`,
			`a.wxs:3:92: CustomAction C is not defined; known here: A`,
		}},
		{"undefined directory and feature", `<Component Id="C" KeyPath="yes" Directory="INSTALDIR" Feature="Man"` + guid + `/><Directory Id="INSTALLDIR" Name="s"/><Feature Id="Main"/>`, []string{
			`a.wxs:2:1: component C is in no feature, so it would never be installed; name it by ComponentRef, or its group by ComponentGroupRef, in a <Feature>`,
			`a.wxs:2:33: Directory INSTALDIR is not defined; did you mean INSTALLDIR?`,
			`a.wxs:2:55: Feature Man is not defined; did you mean Main?`,
		}},
		{"undefined place of an action", action + `<InstallExecuteSequence><Custom Action="A" After="B"/></InstallExecuteSequence><SetProperty Id="X" Value="1" Before="RemoveExistingProducts" Sequence="execute"/>`, []string{
			`a.wxs:2:89: action B is not in InstallExecuteSequence; schedule it there, or name another action`,
			`a.wxs:2:155: action RemoveExistingProducts is not in InstallExecuteSequence; schedule it there, or name another action`,
		}},
		{"undefined error", `<CustomAction Id="A" Error="25000"/>`, []string{`a.wxs:2:22: Error 25000 is not defined`}},

		// identifiers
		{"twice", `<Property Id="P" Value="1"/><Property Id="P" Value="2"/><Binary Id="B" SourceFile="a.txt"/><Binary Id="B" SourceFile="b.txt"/><Property Id="ProductName" Value="x"/>`, []string{
			`a.wxs:2:29: Property P is there twice; the first is at a.wxs:2:1`,
			`a.wxs:2:92: Binary B is there twice; the first is at a.wxs:2:57`,
			`a.wxs:2:127: Property ProductName is there twice; the first is at a.wxs:1:51`,
		}},
		{"a file twice", inComponent(`<File Id="A" Source="a.txt"/><File Id="A" Source="b.txt"/>`), []string{`a.wxs:2:200: File A is there twice; the first is at a.wxs:2:171`}},
		{"a row twice", `<Upgrade Id="{00000000-0000-0000-0000-000000000001}"><UpgradeVersion Property="A" Minimum="1.0.0" OnlyDetect="yes"/><UpgradeVersion Property="B" Minimum="1.0.0" OnlyDetect="yes"/></Upgrade>`, []string{
			`a.wxs:2:117: a second row {00000000-0000-0000-0000-000000000001}/1.0.0///258 in table Upgrade; the first is at a.wxs:2:54`,
		}},
		{"two cabinets", `<Media Id="1" Cabinet="a.cab" EmbedCab="yes"/>`, []string{`a.wxs:2:1: a second <Media> or <MediaTemplate>; the first is at a.wxs:1:271`}},

		// files
		{"missing files", `<Icon Id="I" SourceFile="none.ico"/><Binary Id="B" SourceFile="sub"/>` + inComponent(`<File Id="A" Source="none.txt"/>`), []string{
			`a.wxs:2:14: file none.ico: there is no such file`,
			`a.wxs:2:52: file sub: it is not a file`,
			`a.wxs:2:247: file none.txt: there is no such file`,
		}},
		{"a folder as a file", inComponent(`<File Id="A" Source="sub\"/>`), []string{
			`a.wxs:2:178: "sub\\" does not end in the name of a file; write Name`,
			`a.wxs:2:178: file sub\: it is not a file`,
		}},

		// properties
		{"special properties", `<Property Id="SecureCustomProperties" Value="A"/><Property Id="Mixed" Secure="yes"/><Property Id="EMPTY"/><Property Id="F" Value="a [INSTALLDIR] b"/>`, []string{
			`a.wxs:2:11: SecureCustomProperties is made from the other properties; write Secure, Hidden or Admin there`,
			`a.wxs:2:60: property Mixed is secure or searched for, so it must be public; write it without lower-case letters: MIXED`,
			`a.wxs:2:85: property EMPTY has no value and nothing else; remove it, or write what it is for`,
			`a.wxs:2:124: F="a [INSTALLDIR] b": the Property table holds plain values, nothing in brackets is replaced; use <SetProperty>`,
		}},
		{"misspelt property", `<Property Id="HF_PORT" Secure="yes"/><SetProperty Id="X" Value="[HF_PROT]" After="AppSearch" Condition="NOT HF_PROT AND REMOVE AND MSIFASTINSTALL AND Mixed"/><Launch Condition="HF_PORTS = 1" Message="[HFPORT]"/>`, []string{
			`a.wxs:2:58: property HF_PROT is used, but nothing declares it; did you mean HF_PORT?`,
			`a.wxs:2:94: property HF_PROT is used, but nothing declares it; did you mean HF_PORT?`,
			`a.wxs:2:167: property HF_PORTS is used, but nothing declares it; did you mean HF_PORT?`,
			`a.wxs:2:192: property HFPORT is used, but nothing declares it; did you mean HF_PORT?`,
		}},
		{"upgrades", `<Upgrade Id="{00000000-0000-0000-0000-000000000001}"><UpgradeVersion Property="A"/></Upgrade><Upgrade Id="{00000000-0000-0000-0000-000000000001}"/>`, []string{
			`a.wxs:2:54: <UpgradeVersion> without Minimum and Maximum; write one of them`,
			`a.wxs:2:54: action RemoveExistingProducts is not in InstallExecuteSequence; schedule it there, or name another action`,
			`a.wxs:2:94: <Upgrade> without <UpgradeVersion>; write one, or remove it`,
		}},

		// values
		{"too long", `<CustomAction Id="A" Property="P" Value="` + strings.Repeat("x", 256) + `"/><Launch Condition="1" Message="é` + strings.Repeat("x", 255) + `"/>`, []string{
			`a.wxs:2:35: CustomAction.Target has 256 characters; the column takes 255`,
			`a.wxs:2:323: LaunchCondition.Description has 256 characters; the column takes 255`,
		}},
		{"code page", `<Property Id="P" Value="中"/>`, []string{`a.wxs:2:18: Property.Value: "中" has a character that code page 1252 has not; use 65001`}},
		{"condition", `<Launch Condition="A AND (B" Message="m"/>`, []string{`a.wxs:2:9: condition, column 7: the closing ")" is missing: A AND (B`}},
		{"bracket", `<Launch Condition="1" Message="[ProductName"/>`, []string{`a.wxs:2:23: LaunchCondition.Description: "[ProductName": a "[" has no "]"; a plain bracket is written [\[]`}},
		{"empty", inComponent(`<Environment Id="E" Name="N" Action="set"/><RegistryValue Id="R" Root="HKLM" Key="K" Name="+" Value=""/>`), []string{
			`a.wxs:2:250: Name="+" with an empty value means the key itself; use ForceCreateOnInstall or ForceDeleteOnUninstall of <RegistryKey>`,
		}},

		// directories, components, features
		{"standard directories", `<Directory Id="TARGETDIR" Name="SourceDir"/><DirectoryRef Id="ProgramFiles64Folder"/><Directory Id="D" ShortName="d"/>`, []string{
			`a.wxs:2:12: TARGETDIR is a standard directory; write <StandardDirectory>`,
			`a.wxs:2:59: ProgramFiles64Folder is a standard directory; write <StandardDirectory>`,
			`a.wxs:2:104: ShortName without Name; write both`,
		}},
		{"a directory in itself", `<DirectoryRef Id="A"><Directory Id="B" Name="b"><Component Id="C" Feature="F" KeyPath="yes"` + guid + `><File Id="T" Source="a.txt"/></Component></Directory></DirectoryRef><DirectoryRef Id="B"><Directory Id="A" Name="a"><Directory Id="D" Name="d"/></Directory></DirectoryRef><Feature Id="F"/>`, []string{
			`a.wxs:2:22: directory B lies in itself; put it into another one`,
			`a.wxs:2:228: directory A lies in itself; put it into another one`,
		}},
		{"key paths", `<Directory Id="D" Name="d"><Component Id="C1" Feature="F"` + guid + `/><Component Id="C2" Feature="F" KeyPath="yes"` + guid + `><File Id="A" Source="a.txt" KeyPath="yes"/></Component>
<Component Id="C3" Feature="F"` + guid + `><File Id="B" Source="a.txt"/><File Id="B2" Source="b.txt"/></Component><Component Id="C4" Feature="F"` + guid + `><File Id="B3" Source="b.txt" KeyPath="no"/></Component></Directory><Feature Id="F"/>`, []string{
			`a.wxs:2:28: component C1 without a key path; write KeyPath="yes" at a File, a RegistryValue or the Component itself`,
			`a.wxs:2:225: a second key path in component C2; the first is at a.wxs:2:137`,
			`a.wxs:3:1: component C3 has several possible key paths: B, B2; write KeyPath="yes" at one`,
			`a.wxs:3:149: component C4 without a key path; write KeyPath="yes" at a File, a RegistryValue or the Component itself`,
		}},
		{"component without a place", `<Component Id="C" KeyPath="yes"` + guid + `/><Directory Id="D" Name="d"><Component Id="E" KeyPath="yes" Directory="D"` + guid + `/></Directory><Feature Id="F"><ComponentRef Id="C"/><Component Id="G" KeyPath="yes" Directory="D" Feature="F"` + guid + `/></Feature>`, []string{
			`a.wxs:2:1: component C without Directory; write it, or put the component into a <Directory>`,
			`a.wxs:2:107: component E is in no feature, so it would never be installed; name it by ComponentRef, or its group by ComponentGroupRef, in a <Feature>`,
			`a.wxs:2:139: the component stands in directory D already; remove the attribute`,
			`a.wxs:2:296: the component stands in feature F already; remove the attribute`,
		}},
		{"features", `<Feature Id="A" InstallDefault="followParent" Display="odd"/><Feature Id="B" TypicalDefault="advertise" AllowAdvertise="no"><FeatureRef Id="C"/></Feature><Feature Id="C"><FeatureRef Id="B"/><FeatureRef Id="D"/></Feature><Feature Id="E"><FeatureRef Id="D"/></Feature><Feature Id="D"/>`, []string{
			`a.wxs:2:17: a feature without a parent cannot follow it`,
			`a.wxs:2:47: Display="odd"; write collapse, expand, hidden or a number above 0`,
			`a.wxs:2:62: feature B is more than 16 deep; does a feature lie in itself?`,
			`a.wxs:2:78: advertised by default, but AllowAdvertise says no`,
			`a.wxs:2:155: feature C is more than 16 deep; does a feature lie in itself?`,
			`a.wxs:2:249: feature D is below C already; a feature has one parent`,
			`a.wxs:2:267: feature D is more than 16 deep; does a feature lie in itself?`,
		}},
		{"registry", inComponent(`<RegistryKey Key="K"><RegistryValue Id="A" Root="HKLM" Value="1"/></RegistryKey><RegistryKey Root="HKLM" Key="K" Id="B"/>` + "\n" + `<RegistryKey Root="HKLM" Key="K" ForceCreateOnInstall="yes"/><RegistryValue Id="D" Root="HKLM" Value="1"/><RegistryValue Id="E" Key="K" Value="1"/>`), []string{
			`a.wxs:2:165: <RegistryKey> without Root; write HKLM, or HKMU for the user's or the machine's`,
			`a.wxs:2:208: Root below a <RegistryKey>; it has that of the key; remove it`,
			`a.wxs:2:278: Id of a <RegistryKey> that makes no row; remove it, or write ForceCreateOnInstall or ForceDeleteOnUninstall`,
			`a.wxs:3:1: <RegistryKey> without Id; a key that is created or deleted by force has a row, and a row needs a name`,
			`a.wxs:3:62: <RegistryValue> without Key; write it`,
			`a.wxs:3:107: <RegistryValue> without Root; write HKLM, or HKMU for the user's or the machine's`,
		}},
		{"services and the rest", inComponent(`<ServiceControl Id="S" Name="S"/><ServiceInstall Id="S" Name="S" Type="ownProcess" Start="auto" ErrorControl="normal" EraseDescription="yes" Description="d"/><Environment Id="E" Name="N" Value="v" Action="create" Part="all"/><RemoveFolder Id="R" On="both" Property="P" Directory="INSTALLDIR"/>`), []string{
			`a.wxs:2:165: <ServiceControl> that does nothing; write Start, Stop or Remove`,
			`a.wxs:2:283: EraseDescription with Description; remove one`,
			`a.wxs:2:378: Part with Action="create"; write Action="set"`,
			`a.wxs:2:421: Property and Directory; remove one`,
		}},

		// actions and sequences
		{"custom actions", `<CustomAction Id="A"/><CustomAction Id="B" Property="P" Error="e" Value="1"/><CustomAction Id="C" Property="P" DllEntry="e"/><CustomAction Id="D" Property="P" Value="v" Execute="deferred"/><CustomAction Id="E" Property="P" Value="v" Impersonate="no"/>`, []string{
			`a.wxs:2:1: custom action A has 0 sources; write one of BinaryRef, FileRef, Directory, Property, Error`,
			`a.wxs:2:23: custom action B has 2 sources; write one of BinaryRef, FileRef, Directory, Property, Error`,
			`a.wxs:2:78: custom action C: this source and this target do not go together; ExeCommand goes with all but Error, DllEntry with BinaryRef and FileRef, Value with Property and Directory`,
			`a.wxs:2:126: custom action D: type 1075 does not exist; setting properties and ending with an error run at once; only programs run asynchronously`,
			`a.wxs:2:234: Impersonate of an action that is not deferred; such an action always runs as the user; remove it`,
		}},
		{"one number", action + `<InstallExecuteSequence><Custom Action="A" Sequence="1500"/><ScheduleReboot Sequence="6500"/><InstallExecute Sequence="6500"/></InstallExecuteSequence>`, []string{
			`a.wxs:2:70: A and InstallInitialize have the same number 1500 in InstallExecuteSequence; give one another number`,
			`a.wxs:2:139: ScheduleReboot and InstallExecute have the same number 6500 in InstallExecuteSequence; give one another number`,
		}},
		{"no free number", action + `<InstallExecuteSequence><Custom Action="A" After="InstallInitialize"/><ScheduleReboot Sequence="1501"/></InstallExecuteSequence>`, []string{
			`a.wxs:2:70: InstallExecuteSequence has no free numbers beside InstallInitialize (1500) for A; give them numbers`,
		}},
		{"one number by chance", action + `<CustomAction Id="B" Property="P" Value="1"/><InstallExecuteSequence><Custom Action="A" After="InstallInitialize"/><Custom Action="B" Before="ScheduleReboot"/><ScheduleReboot Sequence="1502"/></InstallExecuteSequence>`, []string{
			`a.wxs:2:161: A and B get the same number 1501 in InstallExecuteSequence; give one another place`,
		}},
		{"circle", action + `<CustomAction Id="B" Property="P" Value="1"/><InstallExecuteSequence><Custom Action="A" After="B"/><Custom Action="B" Before="A"/></InstallExecuteSequence>`, []string{
			`a.wxs:2:115: A runs beside an action that in the end runs beside it; give one of them a number`,
			`a.wxs:2:145: B runs beside an action that in the end runs beside it; give one of them a number`,
		}},
		{"places", action + `<InstallExecuteSequence><Custom Action="A"/><InstallExecute/><ScheduleReboot/><AppSearch Before="FindRelatedProducts" Sequence="5"/><Custom Action="A" After="AppSearch" OnExit="success"/></InstallExecuteSequence><SetProperty Id="X" Value="1"/>
<InstallUISequence><Custom Action="A" Sequence="5"/><Custom Action="A" Sequence="6"/><ScheduleReboot Suppress="yes"/></InstallUISequence>`, []string{
			`a.wxs:2:70: <Custom> without its place; write Sequence, Before or After`,
			`a.wxs:2:90: <InstallExecute> without its place; write Sequence, Before or After`,
			`a.wxs:2:107: <ScheduleReboot> without its place; write Sequence, Before or After`,
			`a.wxs:2:135: Before with Sequence; an action has one place; remove one`,
			`a.wxs:2:197: After with OnExit; an action has one place; remove one`,
			`a.wxs:2:258: <SetProperty> of X without its place; write either Before or After`,
			`a.wxs:3:53: A is scheduled twice in InstallUISequence; the first is at a.wxs:3:20`,
			`a.wxs:3:102: nothing schedules ScheduleReboot that could be suppressed; remove the element`,
		}},
		{"suppressed and scheduled", `<InstallExecuteSequence><RegisterUser Condition="Installed"/></InstallExecuteSequence><InstallExecuteSequence><RegisterUser Suppress="yes"/></InstallExecuteSequence>`, []string{
			`a.wxs:2:111: RegisterUser is suppressed, but it is scheduled at a.wxs:2:25; remove one`,
		}},
		{"beside an end", action + `<UI><Dialog Id="D" Width="1" Height="1"><Control Id="C" Type="PushButton"` + at + `/></Dialog></UI><InstallUISequence><Show Dialog="D" OnExit="success"/><Custom Action="A" After="D"/></InstallUISequence>`, []string{
			`a.wxs:2:222: D ends the sequence; nothing can run beside it`,
		}},

		// dialogs
		{"dialogs", `<UI><Dialog Id="D" Width="1" Height="1"><Control Id="C" Type="Text"` + at + ` Sorted="yes" IconSize="16"/><Control Id="X" Type="CheckBox"` + at + `/><Control Id="I" Type="Icon"` + at + ` Text="Pic"/></Dialog>
<Dialog Id="E" Width="1" Height="1"><Control Id="C" Type="Text"` + at + ` Text="a"><Text Value="b"/></Control><Control Id="P" Type="Text"` + at + `><Text SourceFile="none.rtf"/><Publish Control="P" Event="NewDialog" Value="F"/><Publish Event="Reset"/><Publish Value="x"/></Control></Dialog>
<Publish Event="NewDialog" Value="D"/><ListBox Property="L"/><RadioButtonGroup Property="R"><RadioButton Value="1"` + at + `/></RadioButtonGroup></UI>`, []string{
			`a.wxs:2:102: Sorted of a control of type Text; such a control has no such attribute; remove it`,
			`a.wxs:2:115: IconSize of a control of type Text; it has none; remove it`,
			`a.wxs:2:130: a check box without its property; write either Property or CheckBoxPropertyRef`,
			`a.wxs:2:257: Binary Pic is not defined`,
			`a.wxs:3:1: dialog E has no control that can have the focus; add a button`,
			`a.wxs:3:107: a text must have one source; write either Text of the control, or Value or SourceFile here`,
			`a.wxs:3:201: file none.rtf: there is no such file`,
			`a.wxs:3:233: Control of a <Publish> in a <Control>; it belongs to that control; remove it`,
			`a.wxs:3:263: Dialog F is not defined; known here: D, E`,
			`a.wxs:3:274: <Publish> of Reset without Value; write it`,
			`a.wxs:3:298: <Publish> without what it does; write either Event or Property`,
			`a.wxs:4:1: <Publish> without Dialog and Control; write both, or put it into the <Control>`,
			`a.wxs:4:39: <ListBox> without entries`,
			`a.wxs:4:80: Property R is not defined; known here: ALLUSERS, Manufacturer, ProductCode, ProductLanguage, ProductName, ProductVersion, UpgradeCode`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == nil {
				t.Fatal("a test that expects nothing")
			}
			_, err := compile(t, "a.wxs", sampleHead+tt.body+sampleTail)
			if diff := cmp.Diff(tt.want, errorLines(err)); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			checkPlaces(t, sampleHead+tt.body+sampleTail, err)
		})
	}
}

// checkPlaces checks that every place is where an element or an attribute begins.
func checkPlaces(t *testing.T, source string, err error) {
	t.Helper()
	begins := regexp.MustCompile(`^(<|[A-Z][A-Za-z]*=")`)
	all, ok := errors.AsType[wxs.Errors](err)
	for _, e := range all {
		line := []rune(strings.Split(source, "\n")[e.Pos.Line-1])
		if rest := string(line[e.Pos.Column-1:]); !begins.MatchString(rest) {
			t.Errorf("%v: there begins nothing: %.20s", e, rest)
		}
	}
	if !ok {
		t.Errorf("%T", err)
	}
}

func errorLines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

// TestPackageErrors: what is wrong with the package itself, and between its sources.
func TestPackageErrors(t *testing.T) {
	const named = `<Package Name="n" Manufacturer="m" Version="1.2.3" Language="1033" Codepage="1252" UpgradeStrategy="none" ` + identity + `>`
	tests := []struct {
		name    string
		sources []string
		want    []string
	}{
		{"no package", []string{wixHead + `<Fragment/></Wix>`}, []string{`0.wxs:1:51: no source has a <Package>; write one`}},
		{"two packages", []string{wixHead + named + `<MediaTemplate EmbedCab="yes"/></Package></Wix>`, wixHead + named + `</Package></Wix>`}, []string{
			`1.wxs:1:51: a second <Package>; the first is at 0.wxs:1:51`,
		}},
		{"nothing said", []string{wixHead + `<Package Name=" " Manufacturer="m" Version="1.2.3" ` + identity + `/></Wix>`}, []string{
			`0.wxs:1:51: <Package> without Codepage; write 1252 or 65001, here or in the localization`,
			`0.wxs:1:51: <Package> without Language; write it, or Language in the localization`,
			`0.wxs:1:51: the package has no cabinet; write <MediaTemplate EmbedCab="yes"/>`,
			`0.wxs:1:51: the package says nothing about older versions, so WiX would upgrade them its own way; write <Upgrade>, or UpgradeStrategy="none"`,
			`0.wxs:1:60: Name is only spaces`,
		}},
		{"a fragment that nothing needs", []string{wixHead + named + `<MediaTemplate EmbedCab="yes"/></Package><Fragment><Property Id="A" Value="1"/></Fragment><Fragment Id="x"/></Wix>`}, []string{
			`0.wxs:1:304: nothing refers to this fragment, so WiX would leave it out; refer to something in it (PropertyRef, CustomActionRef, UIRef, ComponentGroupRef ...), or remove it`,
			`0.wxs:1:353: nothing refers to this fragment, so WiX would leave it out; refer to something in it (PropertyRef, CustomActionRef, UIRef, ComponentGroupRef ...), or remove it`,
		}},
		{"order across fragments", []string{
			wixHead + named + `<MediaTemplate EmbedCab="yes"/><SetProperty Id="A" Value="1" After="AppSearch" Sequence="ui"/><PropertyRef Id="B"/></Package></Wix>`,
			wixHead + `<Fragment><Property Id="B" Value="1"/><SetProperty Id="C" Value="1" After="AppSearch" Sequence="ui"/></Fragment></Wix>`,
		}, []string{
			`1.wxs:1:89: SetC and SetA (0.wxs:1:294) run beside AppSearch; which comes first is open; put one beside the other, or give it a number`,
		}},
		{"cabinet without a number", []string{wixHead + named + `<MediaTemplate EmbedCab="yes" CabinetTemplate="a.cab"/></Package></Wix>`}, []string{
			`0.wxs:1:293: CabinetTemplate="a.cab"; write {0} where the number of the cabinet belongs`,
		}},
		{"summary", []string{wixHead + strings.Replace(named, `Name="n"`, `Name="中"`, 1) + `<MediaTemplate EmbedCab="yes"/></Package></Wix>`}, []string{
			`0.wxs:1:51: summary information: "This installer database contains the logic and data required to install 中." has a character that code page 1252 has not; use 65001; set Description, Comments or Codepage of <SummaryInformation>`,
			`0.wxs:1:51: summary information: "中" has a character that code page 1252 has not; use 65001; set Description, Comments or Codepage of <SummaryInformation>`,
			`0.wxs:1:60: Property.Value: "中" has a character that code page 1252 has not; use 65001`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var pairs []string
			for i, s := range tt.sources {
				pairs = append(pairs, string(rune('0'+i))+".wxs", s)
			}
			_, err := compile(t, pairs...)
			got := errorLines(err)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
	sources, err := wxs.Load(fstest.MapFS{"a.wxs": {Data: []byte(sampleHead + sampleTail)}}, []string{"a.wxs"}, nil, wxs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = msi.Compile(sources, msi.CompileOptions{Arch: "x86"})
	if diff := cmp.Diff([]string{`a.wxs:1:51: architecture "x86"; packages are for x64 or arm64`}, errorLines(err)); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}
