package msi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi"
	"holdfast/installer/msi/actions"
	"holdfast/installer/wxs"
)

func TestActionRows(t *testing.T) {
	const binary = `<Binary Id="B" SourceFile="a.txt"/>`
	testRows(t, []rowTest{
		{
			"programs",
			binary + `<CustomAction Id="A1" BinaryRef="B" ExeCommand="go &quot;[INSTALLDIR].&quot;" Execute="deferred" Impersonate="no"/><CustomAction Id="A2" BinaryRef="B" ExeCommand="" Execute="rollback" Impersonate="no" Return="check"/>
			<CustomAction Id="A3" BinaryRef="B" ExeCommand="c" Execute="commit" Impersonate="no" Return="ignore"/><CustomAction Id="A4" BinaryRef="B" ExeCommand="c" Execute="deferred" HideTarget="yes"/><CustomAction Id="A5" BinaryRef="B" ExeCommand="c" Return="asyncNoWait"/>
			<CustomAction Id="A6" BinaryRef="B" ExeCommand="c" Return="asyncWait" Execute="immediate"/><CustomAction Id="A7" Directory="INSTALLDIR" ExeCommand="c"/><CustomAction Id="A8" Property="PROGRAM" ExeCommand="c"/><CustomAction Id="A9" BinaryRef="B" DllEntry="Entry" Execute="firstSequence"/>
			<Property Id="PROGRAM" Secure="yes"/><Directory Id="INSTALLDIR" Name="s"/>`,
			"CustomAction",
			[]string{
				`CustomAction: A1|3074|B|go "[INSTALLDIR]."|`, "CustomAction: A2|3330|B||", "CustomAction: A3|3650|B|c|", "CustomAction: A4|9218|B|c|", "CustomAction: A5|194|B|c|",
				"CustomAction: A6|130|B|c|", "CustomAction: A7|34|INSTALLDIR|c|", "CustomAction: A8|50|PROGRAM|c|", "CustomAction: A9|257|B|Entry|",
			},
		},
		{
			"values and errors",
			`<CustomAction Id="V1" Property="P" Value="[X]" Execute="oncePerProcess"/><CustomAction Id="V2" Directory="INSTALLDIR" Value="[P]" Execute="secondSequence"/><CustomAction Id="E1" Error="P=[P] is wrong."/><CustomAction Id="E2" Error="25000"/>
			<UI><Error Id="25000" Message="No."/></UI><Directory Id="INSTALLDIR" Name="s"/><Property Id="X" Value="1"/>`,
			"CustomAction Error",
			[]string{"CustomAction: E1|19||P=[P] is wrong.|", "CustomAction: E2|19||25000|", "CustomAction: V1|563|P|[X]|", "CustomAction: V2|803|INSTALLDIR|[P]|", "Error: 25000|No."},
		},
		{
			"hidden arguments",
			binary + `<CustomAction Id="Secret" BinaryRef="B" ExeCommand="c" Execute="deferred" HideTarget="yes"/><CustomAction Id="Immediate" BinaryRef="B" ExeCommand="c" HideTarget="yes"/><Property Id="Password" Hidden="yes"/><Property Id="ANOTHER" Hidden="yes"/>`,
			"Property",
			[]string{
				"Property: ALLUSERS|1", "Property: Manufacturer|Acme", "Property: MsiHiddenProperties|ANOTHER;Password;Secret", "Property: ProductCode|{00000000-0000-0000-0000-00000000000A}",
				"Property: ProductLanguage|1033", "Property: ProductName|Sample", "Property: ProductVersion|1.2.3", "Property: UpgradeCode|{00000000-0000-0000-0000-000000000001}",
			},
		},
	})
}

// TestSequences: actions in the order in which WiX numbers them.
func TestSequences(t *testing.T) {
	const (
		a = `<CustomAction Id="A" Property="P" Value="1"/>`
		b = `<CustomAction Id="B" Property="P" Value="2"/>`
		c = `<CustomAction Id="C" Property="P" Value="3"/>`
	)
	tests := []struct {
		name, body, table string
		show              string
		want              []string
	}{
		{
			"set property", `<SetProperty Id="HF_PORT" Value="8080" After="AppSearch" Condition="NOT HF_PORT"/><Property Id="HF_PORT" Secure="yes"/>`, "InstallUISequence", "AppSearch SetHF_PORT",
			[]string{"AppSearch||50", "SetHF_PORT|NOT HF_PORT|51"},
		},
		{
			"set property in one sequence", `<SetProperty Id="X" Action="Mine" Value="" Before="InstallValidate" Sequence="execute"/>`, "InstallExecuteSequence", "Mine", []string{"Mine||1399"},
		},
		{
			"set property in the other", `<SetProperty Id="X" Action="Mine" Value="" Before="CostFinalize" Sequence="ui"/>`, "InstallExecuteSequence", "Mine", nil,
		},
		{
			"set directory", `<SetDirectory Id="INSTALLDIR" Value="[P]" Sequence="first"/><Directory Id="INSTALLDIR" Name="s"/><Property Id="P" Value="1"/>`, "InstallExecuteSequence", "SetINSTALLDIR", []string{"SetINSTALLDIR||1001"},
		},
		{
			"beside one another", a + b + c + `<InstallExecuteSequence><Custom Action="A" After="InstallFiles"/><Custom Action="B" After="InstallFiles" Condition="Installed"/><Custom Action="C" Before="B"/></InstallExecuteSequence>`,
			"InstallExecuteSequence", "A B C InstallFiles",
			[]string{"InstallFiles||4000", "A||4001", "C||4002", "B|Installed|4003"},
		},
		{
			"before", a + b + c + `<InstallExecuteSequence><Custom Action="A" Before="InstallFinalize"/><Custom Action="B" Before="InstallFinalize"/><Custom Action="C" After="A"/></InstallExecuteSequence>`,
			"InstallExecuteSequence", "A B C",
			[]string{"A||6597", "C||6598", "B||6599"},
		},
		{
			"numbers", a + b + `<InstallExecuteSequence><Custom Action="A" Sequence="1501"/><Custom Action="B" Sequence="7000"/><AppSearch Sequence="60" Condition="Installed"/><InstallExecute After="A"/><RemoveExistingProducts Sequence="1510"/><ScheduleReboot After="InstallFinalize"/></InstallExecuteSequence>`,
			"InstallExecuteSequence", "A B AppSearch InstallExecute RemoveExistingProducts ScheduleReboot",
			[]string{"AppSearch|Installed|60", "A||1501", "InstallExecute||1502", "RemoveExistingProducts||1510", "ScheduleReboot||6601", "B||7000"},
		},
		{
			"suppressed", `<InstallExecuteSequence><RegisterUser Suppress="yes"/><RegisterProduct Suppress="no"/></InstallExecuteSequence>`, "InstallExecuteSequence", "RegisterUser RegisterProduct", []string{"RegisterProduct||6100"},
		},
		{
			"of other sequences", a + `<AdvertiseExecuteSequence><CreateShortcuts/><Custom Action="A" After="CreateShortcuts"/></AdvertiseExecuteSequence>`, "AdvtExecuteSequence", "A CreateShortcuts", []string{"CreateShortcuts||4500", "A||4501"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, err := compile(t, "a.wxs", sampleHead+tt.body+sampleTail)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, line := range rows(db, tt.table) {
				line = strings.TrimPrefix(line, tt.table+": ")
				if name, _, _ := strings.Cut(line, "|"); slices.Contains(strings.Fields(tt.show), name) {
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}

// TestStandardActions: whatever standard action the sources may name, the compiler knows its number,
// and all agree on what is a standard action.
func TestStandardActions(t *testing.T) {
	special := strings.Fields("RemoveExistingProducts InstallExecute InstallExecuteAgain DisableRollback ScheduleReboot ForceReboot ResolveSource")
	for sequence, table := range map[string]string{
		"AdminExecuteSequence": "", "AdminUISequence": "", "AdvertiseExecuteSequence": "AdvtExecuteSequence", "InstallExecuteSequence": "", "InstallUISequence": "",
	} {
		if table == "" {
			table = sequence
		}
		taken := 0
		for _, name := range actions.Names() {
			place := ""
			if slices.Contains(special, name) {
				place = ` Sequence="32000"`
			}
			source := sampleHead + fmt.Sprintf(`<%s><%s Condition="Installed"%s/></%s>`, sequence, name, place, sequence) + sampleTail
			sources, err := wxs.Load(fstest.MapFS{"a.wxs": {Data: []byte(source)}}, []string{"a.wxs"}, nil, wxs.Options{})
			if err != nil {
				continue // not in this sequence
			}
			taken++
			db, err := msi.Compile(sources, msi.CompileOptions{Arch: "x64"})
			if err != nil {
				t.Errorf("%s in %s: %v", name, sequence, err)
				continue
			}
			if n := db.Table(table); n.Text(n.Find(name), "Condition") != "Installed" || n.Text(n.Find(name), "Sequence") == "" {
				t.Errorf("%s in %s: %v", name, sequence, n.Find(name))
			}
		}
		if taken < 5 {
			t.Errorf("%s takes only %d standard actions", sequence, taken)
		}
	}
}
