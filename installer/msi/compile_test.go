package msi_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"

	"holdfast/installer/msi"
	"holdfast/installer/wxs"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	wixHead  = `<Wix xmlns="http://wixtoolset.org/schemas/v4/wxs">`
	identity = `UpgradeCode="{00000000-0000-0000-0000-000000000001}" ProductCode="{00000000-0000-0000-0000-00000000000a}"`
	// sampleHead is one line, so that line and column of what follows are easy to count.
	sampleHead = wixHead + `<Package Name="Sample" Manufacturer="Acme" Version="1.2.3" Language="1033" Codepage="1252" UpgradeStrategy="none" ` + identity + `><MediaTemplate EmbedCab="yes"/>` + "\n"
	sampleTail = "\n</Package></Wix>"
)

// compile compiles sources, given as name, text, name, text ..., with the files of the tests.
func compile(t *testing.T, pairs ...string) (*msi.Database, error) {
	t.Helper()
	fsys, names := fstest.MapFS{}, []string{}
	for i := 0; i < len(pairs); i += 2 {
		fsys[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
		names = append(names, pairs[i])
	}
	sources, err := wxs.Load(fsys, names, nil, wxs.Options{Arch: "x64"})
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return msi.Compile(sources, msi.CompileOptions{Arch: "x64", Base: sourceFiles(t), Created: time.Unix(1_700_000_000, 0).UTC(), Application: "a test"})
}

// sourceFiles makes the folder with the files that the sources of the tests name.
func sourceFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"a.txt": []byte("a"), "b.txt": []byte("bb"), "empty.txt": nil, "sub/a long name.yaml": []byte("x: 1\n"),
		"licence.rtf": []byte(`{\rtf1 Licence [1]}`), "program.exe": program(t, [4]uint16{1, 2, 3, 4}, 0x409, 0x804),
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// program is a PE file that holds nothing but a VERSIONINFO in some languages.
func program(tb testing.TB, fileVersion [4]uint16, languages ...uint16) []byte {
	tb.Helper()
	// MZ header, PE signature, file header (x64, one section, 240 bytes of optional header), optional
	// header PE32+ with 16 empty data directories, and an empty section.
	pe := make([]byte, 0x600)
	put := func(at int, values ...byte) { copy(pe[at:], values) }
	put(0, 'M', 'Z')
	put(0x3c, 0x40)
	put(0x40, 'P', 'E', 0, 0, 0x64, 0x86, 1)
	put(0x54, 240, 0, 0x22)
	const optional = 0x58
	put(optional, 0x0b, 0x02)
	put(optional+33, 0x10, 0, 0, 0, 0x02) // alignment of sections 0x1000, in the file 0x200
	put(optional+57, 0x20, 0, 0, 0, 0x04) // size of the image 0x2000, of the headers 0x400
	put(optional+108, 16)
	const section = optional + 240
	put(section, '.', 't', 'e', 'x', 't')
	put(section+9, 0x02, 0, 0, 0, 0x10, 0, 0, 0, 0x02, 0, 0, 0, 0x04) // 0x200 bytes at 0x1000, in the file at 0x400
	if len(languages) == 0 {
		return pe
	}
	info := version.Info{FileVersion: fileVersion}
	for _, l := range languages {
		if err := info.Set(l, version.ProductName, "Program"); err != nil {
			tb.Fatal(err)
		}
	}
	var resources winres.ResourceSet
	if err := resources.Set(winres.RT_VERSION, winres.ID(1), languages[0], info.Bytes()); err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	if err := resources.WriteToEXE(&out, bytes.NewReader(pe)); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// rows are the rows of some tables, "Table: value|value".
func rows(db *msi.Database, tables ...string) []string {
	var lines []string
	for _, name := range tables {
		t := db.Table(name)
		if t == nil {
			lines = append(lines, name+" is not there")
			continue
		}
		for _, r := range t.Rows {
			var values []string
			for _, v := range r {
				switch v := v.(type) {
				case nil:
					values = append(values, "")
				case msi.Data:
					values = append(values, "["+filepath.Base(string(v))+"]")
				default:
					values = append(values, fmt.Sprint(v))
				}
			}
			lines = append(lines, name+": "+strings.Join(values, "|"))
		}
	}
	return lines
}

// rowTest is a body of a package and the rows that it makes.
type rowTest struct {
	name, body string
	tables     string
	want       []string
}

func testRows(t *testing.T, tests []rowTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, err := compile(t, "a.wxs", sampleHead+tt.body+sampleTail)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, rows(db, strings.Fields(tt.tables)...)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// inComponent is a feature, a directory and a component around a body.
func inComponent(body string) string {
	return `<StandardDirectory Id="ProgramFiles64Folder"><Directory Id="INSTALLDIR" Name="Sample"><Component Id="C" KeyPath="yes" Guid="{00000000-0000-0000-0000-00000000000c}">` +
		body + `</Component></Directory></StandardDirectory><Feature Id="F"><ComponentRef Id="C"/></Feature>`
}

func TestPackageRows(t *testing.T) {
	testRows(t, []rowTest{
		{
			"the least",
			``,
			"Property Media File Directory InstallUISequence InstallExecuteSequence AdminUISequence AdminExecuteSequence AdvtExecuteSequence",
			[]string{
				"Property: ALLUSERS|1", "Property: Manufacturer|Acme", "Property: ProductCode|{00000000-0000-0000-0000-00000000000A}", "Property: ProductLanguage|1033",
				"Property: ProductName|Sample", "Property: ProductVersion|1.2.3", "Property: UpgradeCode|{00000000-0000-0000-0000-000000000001}",
				"Media: 1|0||#cab1.cab||",
				"Directory: TARGETDIR||SourceDir",
				"InstallUISequence: ValidateProductID||700", "InstallUISequence: CostInitialize||800", "InstallUISequence: FileCost||900", "InstallUISequence: CostFinalize||1000", "InstallUISequence: ExecuteAction||1300",
				"InstallExecuteSequence: ValidateProductID||700", "InstallExecuteSequence: CostInitialize||800", "InstallExecuteSequence: FileCost||900", "InstallExecuteSequence: CostFinalize||1000",
				"InstallExecuteSequence: InstallValidate||1400", "InstallExecuteSequence: InstallInitialize||1500", "InstallExecuteSequence: ProcessComponents||1600", "InstallExecuteSequence: UnpublishFeatures||1800",
				"InstallExecuteSequence: RegisterUser||6000", "InstallExecuteSequence: RegisterProduct||6100", "InstallExecuteSequence: PublishFeatures||6300", "InstallExecuteSequence: PublishProduct||6400", "InstallExecuteSequence: InstallFinalize||6600",
				"AdminUISequence: CostInitialize||800", "AdminUISequence: FileCost||900", "AdminUISequence: CostFinalize||1000", "AdminUISequence: ExecuteAction||1300",
				"AdminExecuteSequence: CostInitialize||800", "AdminExecuteSequence: FileCost||900", "AdminExecuteSequence: CostFinalize||1000", "AdminExecuteSequence: InstallValidate||1400", "AdminExecuteSequence: InstallInitialize||1500",
				"AdminExecuteSequence: InstallAdminPackage||3900", "AdminExecuteSequence: InstallFiles||4000", "AdminExecuteSequence: InstallFinalize||6600",
				"AdvtExecuteSequence: CostInitialize||800", "AdvtExecuteSequence: CostFinalize||1000", "AdvtExecuteSequence: InstallValidate||1400", "AdvtExecuteSequence: InstallInitialize||1500",
				"AdvtExecuteSequence: PublishFeatures||6300", "AdvtExecuteSequence: PublishProduct||6400", "AdvtExecuteSequence: InstallFinalize||6600",
			},
		},
		{
			"properties",
			`<Property Id="PLAIN" Value="a [b c]"/><Property Id="B_SECURE" Secure="yes"/><Property Id="BSECURE" Secure="yes" Value="1"/><Property Id="B2" Secure="yes"/><Property Id="Password" Hidden="yes"/><Property Id="PLACE" Admin="yes"/>`,
			"Property",
			[]string{
				"Property: ALLUSERS|1", "Property: AdminProperties|PLACE", "Property: BSECURE|1", "Property: Manufacturer|Acme", "Property: MsiHiddenProperties|Password", "Property: PLAIN|a [b c]",
				"Property: ProductCode|{00000000-0000-0000-0000-00000000000A}", "Property: ProductLanguage|1033", "Property: ProductName|Sample", "Property: ProductVersion|1.2.3",
				"Property: SecureCustomProperties|B_SECURE;B2;BSECURE", "Property: UpgradeCode|{00000000-0000-0000-0000-000000000001}",
			},
		},
		{
			"searches",
			`<Property Id="OLD" Secure="yes"><RegistrySearch Id="SearchOld" Root="HKLM" Key="SOFTWARE\Sample" Name="Port" Type="raw"/></Property>
			<Property Id="OTHER"><RegistrySearchRef Id="SearchOld"/><RegistrySearch Id="Search32" Root="HKCU" Key="K" Type="directory" Bitness="always32"/></Property>`,
			"AppSearch RegLocator Signature",
			[]string{
				"AppSearch: OLD|SearchOld", "AppSearch: OTHER|Search32", "AppSearch: OTHER|SearchOld",
				`RegLocator: Search32|1|K||0`, `RegLocator: SearchOld|2|SOFTWARE\Sample|Port|18`,
			},
		},
		{
			"upgrades",
			`<Upgrade Id="00000000-0000-0000-0000-000000000001"><UpgradeVersion Property="OLDER" Maximum="1.2.3" MigrateFeatures="yes" IgnoreRemoveFailure="yes" Language="1033"/>
			<UpgradeVersion Property="NEWER" Minimum="1.2.3" IncludeMinimum="no" OnlyDetect="yes"/><UpgradeVersion Property="SAME" Minimum="1.2.3" Maximum="1.2.3" IncludeMaximum="yes" ExcludeLanguages="yes" RemoveFeatures="F"/></Upgrade>
			<InstallExecuteSequence><RemoveExistingProducts After="InstallInitialize"/></InstallExecuteSequence>`,
			"Upgrade",
			[]string{
				"Upgrade: {00000000-0000-0000-0000-000000000001}||1.2.3|1033|261||OLDER",
				"Upgrade: {00000000-0000-0000-0000-000000000001}|1.2.3|||2||NEWER",
				"Upgrade: {00000000-0000-0000-0000-000000000001}|1.2.3|1.2.3||1792|F|SAME",
			},
		},
		{
			"launch conditions, streams",
			`<Launch Condition="VersionNT64 OR Installed" Message="[ProductName] needs 64 bits."/><Binary Id="B" SourceFile="a.txt"/><Icon Id="I.ico" SourceFile="sub\a long name.yaml"/>`,
			"LaunchCondition Binary Icon",
			[]string{"LaunchCondition: VersionNT64 OR Installed|[ProductName] needs 64 bits.", "Binary: B|[a.txt]", "Icon: I.ico|[a long name.yaml]"},
		},
	})
}

func TestSummary(t *testing.T) {
	db, err := compile(t, "a.wxs", sampleHead+sampleTail)
	if err != nil {
		t.Fatal(err)
	}
	want := msi.Summary{
		Codepage: 1252, Title: "Installation Database", Subject: "Sample", Author: "Acme", Keywords: "Installer",
		Comments: "This installer database contains the logic and data required to install Sample.",
		Template: "x64;1033", Created: time.Unix(1_700_000_000, 0).UTC(), Schema: 500, WordCount: 2, Application: "a test", Security: 2,
	}
	if diff := cmp.Diff(want, db.Summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	const package2 = wixHead + `<Package Name="例" Manufacturer="Acme" Version="1.2.3" InstallerVersion="505" UpgradeStrategy="none" ` + identity + `><Media Id="1" Cabinet="x.cab" EmbedCab="yes"/>
		<SummaryInformation Codepage="936" Comments="评" Description="说" Keywords="K" Manufacturer="M"/></Package></Wix>`
	const wxl = `<WixLocalization Culture="zh-CN" Codepage="65001" SummaryInformationCodepage="1252" Language="2052" xmlns="http://wixtoolset.org/schemas/v4/wxl"/>`
	sources, err := wxs.Load(fstest.MapFS{"a.wxs": {Data: []byte(package2)}, "a.wxl": {Data: []byte(wxl)}}, []string{"a.wxs"}, []string{"a.wxl"}, wxs.Options{Culture: "zh-CN"})
	if err != nil {
		t.Fatal(err)
	}
	db, err = msi.Compile(sources, msi.CompileOptions{Arch: "arm64"})
	if err != nil {
		t.Fatal(err)
	}
	want = msi.Summary{
		Codepage: 936, Title: "Installation Database", Subject: "说", Author: "M", Keywords: "K", Comments: "评",
		Template: "Arm64;2052", Schema: 505, WordCount: 2, Security: 2,
	}
	if diff := cmp.Diff(want, db.Summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if db.Codepage != 65001 || db.Property("ProductLanguage") != "2052" {
		t.Errorf("code page %d, language %s", db.Codepage, db.Property("ProductLanguage"))
	}
	if diff := cmp.Diff([]string{"Media: 1|0||#x.cab||"}, rows(db, "Media")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestGolden: one whole package as it would be written, from two sources in either order.
func TestGolden(t *testing.T) {
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	var dumps []string
	for _, names := range [][]string{{"package.wxs", "dialogs.wxs"}, {"dialogs.wxs", "package.wxs"}} {
		db, err := compile(t, names[0], read(names[0]), names[1], read(names[1]))
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"Binary", "Icon"} { // the folder is another one every time
			for _, r := range db.Table(table).Rows {
				data, _ := r[1].(msi.Data)
				r[1] = msi.Data(filepath.Base(string(data)))
			}
		}
		var dump strings.Builder
		if err := msi.Dump(&dump, db); err != nil {
			t.Fatal(err)
		}
		for _, f := range db.Cabinets["sample1.cab"].Files {
			fmt.Fprintf(&dump, "\n%s is %s", f.Key, filepath.Base(f.Source))
		}
		dumps = append(dumps, dump.String()+"\n")
	}
	if dumps[0] != dumps[1] {
		t.Errorf("another order of the sources makes another package:\n%s", cmp.Diff(dumps[0], dumps[1]))
	}
	golden := filepath.Join("testdata", "package.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(dumps[0]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(read("package.golden"), dumps[0]); diff != "" {
		t.Errorf("package (-want +got):\n%s", diff)
	}
}

func TestDirectoryAndFeatureRows(t *testing.T) {
	const c = ` Guid="{00000000-0000-0000-0000-00000000000`
	testRows(t, []rowTest{
		{
			"directories", // the short name is one from WiX's own tests
			`<StandardDirectory Id="ProgramFilesFolder"><Directory Id="A" Name="MsiPackage"><Directory Id="B" Name="a.b"/><Directory Id="C"/><Directory Id="D" Name="Long Name" ShortName="LONG"/></Directory></StandardDirectory>
			<DirectoryRef Id="B"><Directory Id="E" Name="sub"/></DirectoryRef><Directory Id="F" Name="top" ShortName="TOP"/><StandardDirectory Id="ProgramFiles6432Folder"/>`,
			"Directory",
			[]string{
				"Directory: A|ProgramFilesFolder|oekcr5lq|MsiPackage", "Directory: B|A|a.b", "Directory: C|A|.", "Directory: D|A|LONG|Long Name", "Directory: E|B|sub", "Directory: F|TARGETDIR|top",
				"Directory: ProgramFiles6432Folder|ProgramFiles64Folder|.", "Directory: ProgramFiles64Folder|TARGETDIR|PFiles64", "Directory: ProgramFilesFolder|TARGETDIR|PFiles", "Directory: TARGETDIR||SourceDir",
			},
		},
		{
			"features and components",
			`<Directory Id="INSTALLDIR" Name="s"><Component Id="C1" KeyPath="yes"` + c + `1}"/></Directory>
			<ComponentGroup Id="G1" Directory="INSTALLDIR"><Component Id="C2" KeyPath="yes"` + c + `2}"/><ComponentGroupRef Id="G2"/></ComponentGroup>
			<ComponentGroup Id="G2"><ComponentRef Id="C1"/><ComponentGroupRef Id="G1"/></ComponentGroup>
			<Component Id="C3" KeyPath="yes" Directory="INSTALLDIR" Feature="F2"` + c + `3}"/>
			<Feature Id="F1" Title="T" Description="D" Level="5" ConfigurableDirectory="INSTALLDIR" AllowAbsent="no" AllowAdvertise="no"><Level Condition="VersionNT" Value="0"/><ComponentGroupRef Id="G1"/><Feature Id="F1a" Display="expand" InstallDefault="followParent"/><FeatureRef Id="F3"/></Feature>
			<Feature Id="F2" TypicalDefault="advertise" InstallDefault="source"/><Feature Id="F3" Display="hidden"/><Feature Id="F4" Display="7"/><Feature Id="F5"><Component Id="C4" Directory="INSTALLDIR" KeyPath="yes"` + c + `4}"/></Feature>`,
			"Feature FeatureComponents Condition Component CreateFolder",
			[]string{
				"Feature: F1||T|D|2|5|INSTALLDIR|24", "Feature: F1a|F1|||1|1||2", "Feature: F2||||4|1||5", "Feature: F3|F1|||0|1||0", "Feature: F4||||7|1||0", "Feature: F5||||8|1||0",
				"FeatureComponents: F1|C1", "FeatureComponents: F1|C2", "FeatureComponents: F2|C3", "FeatureComponents: F5|C4",
				"Condition: F1|0|VersionNT",
				"Component: C1|{00000000-0000-0000-0000-000000000001}|INSTALLDIR|256||", "Component: C2|{00000000-0000-0000-0000-000000000002}|INSTALLDIR|256||", "Component: C3|{00000000-0000-0000-0000-000000000003}|INSTALLDIR|256||", "Component: C4|{00000000-0000-0000-0000-000000000004}|INSTALLDIR|256||",
				"CreateFolder: INSTALLDIR|C1", "CreateFolder: INSTALLDIR|C2", "CreateFolder: INSTALLDIR|C3", "CreateFolder: INSTALLDIR|C4",
			},
		},
	})
}

func TestFileRows(t *testing.T) {
	const files = `<StandardDirectory Id="ProgramFiles64Folder"><Directory Id="INSTALLDIR" Name="Sample"><Directory Id="SUB" Name="Zub"/>
		<Component Id="C1" Guid="{00000000-0000-0000-0000-000000000001}"><File Id="Program" Source="program.exe" Checksum="yes"/></Component>
		<Component Id="C2" Guid="{00000000-0000-0000-0000-000000000002}"><File Id="Long" Source="sub\a long name.yaml" Vital="no" ReadOnly="yes" Hidden="yes" System="yes"/><File Id="Empty" Source="empty.txt" KeyPath="yes"/></Component></Directory></StandardDirectory>
		<DirectoryRef Id="SUB"><Component Id="C3" Guid="{00000000-0000-0000-0000-000000000003}"><File Id="A" Source="a.txt" Name="0.txt" ShortName="ZERO.TXT"/></Component></DirectoryRef>
		<Feature Id="F"><ComponentRef Id="C1"/><ComponentRef Id="C2"/><ComponentRef Id="C3"/></Feature>`
	testRows(t, []rowTest{
		{
			"files", files, "File MsiFileHash Media Component",
			[]string{
				"File: Long|C2|m8ccx0re.yam|a long name.yaml|5|||7|1",
				"File: Empty|C2|empty.txt|0|||512|2",
				fmt.Sprintf("File: Program|C1|program.exe|%d|1.2.3.4|1033,2052|1536|3", len(program(t, [4]uint16{1, 2, 3, 4}, 0x409, 0x804))),
				"File: A|C3|ZERO.TXT|0.txt|1|||512|4",
				// by md5sum: a is 0cc175b9c0f1b6a831c399e269772661, four numbers of four bytes, the low one first
				"MsiFileHash: A|0|-1183465204|-1464405568|-493239503|1629910889",
				"MsiFileHash: Empty|0|0|0|0|0",
				"MsiFileHash: Long|0|2075894648|1336302092|-363327415|-907765375",
				"Media: 1|4||#cab1.cab||",
				"Component: C1|{00000000-0000-0000-0000-000000000001}|INSTALLDIR|256||Program",
				"Component: C2|{00000000-0000-0000-0000-000000000002}|INSTALLDIR|256||Empty",
				"Component: C3|{00000000-0000-0000-0000-000000000003}|SUB|256||A",
			},
		},
	})
	db, err := compile(t, "a.wxs", sampleHead+files+sampleTail)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range db.Cabinets["cab1.cab"].Files {
		got = append(got, f.Key+"="+filepath.Base(f.Source))
	}
	if diff := cmp.Diff([]string{"Long=a long name.yaml", "Empty=empty.txt", "Program=program.exe", "A=a.txt"}, got); diff != "" {
		t.Errorf("cabinet (-want +got):\n%s", diff)
	}
}

// TestCabinets: what does not fit into one goes into the next.
func TestCabinets(t *testing.T) {
	dir := t.TempDir()
	var body strings.Builder
	body.WriteString(`<Directory Id="D" Name="d">`)
	for i := range 5 {
		name := fmt.Sprintf("f%d", i)
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 400<<10), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&body, `<Component Id="C%d" Feature="F" Guid="{00000000-0000-0000-0000-00000000000%d}"><File Id="%s" Source="%s"/></Component>`, i, i, name, filepath.Join(dir, name))
	}
	body.WriteString(`</Directory><Feature Id="F"/>`)
	head := strings.Replace(sampleHead, `EmbedCab="yes"`, `EmbedCab="yes" CompressionLevel="mszip" CabinetTemplate="part{0}.cab" MaximumUncompressedMediaSize="1"`, 1)
	db, err := compile(t, "a.wxs", head+body.String()+sampleTail)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Media: 1|2||#part1.cab||", "Media: 2|4||#part2.cab||", "Media: 3|5||#part3.cab||"}
	if diff := cmp.Diff(want, rows(db, "Media")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if n := len(db.Cabinets["part2.cab"].Files); n != 2 {
		t.Errorf("%d files in the second cabinet", n)
	}
}

func TestComponentRows(t *testing.T) {
	testRows(t, []rowTest{
		{
			"attributes",
			strings.Replace(inComponent(`<CreateFolder Directory="TARGETDIR"/>`), "KeyPath=", `Condition="VersionNT" Permanent="yes" NeverOverwrite="yes" Shared="yes" SharedDllRefCount="yes" Transitive="yes" UninstallWhenSuperseded="yes" DisableRegistryReflection="yes" Bitness="always32" KeyPath=`, 1),
			"Component CreateFolder",
			[]string{"Component: C|{00000000-0000-0000-0000-00000000000C}|INSTALLDIR|3800|VersionNT|", "CreateFolder: TARGETDIR|C"},
		},
		{
			"registry",
			strings.Replace(inComponent(`<RegistryKey Root="HKLM" Key="SOFTWARE\Sample\"><RegistryValue Id="R1" Name="Port" Value="[PORT]" KeyPath="yes"/><RegistryValue Id="R2" Name="N" Value="5" Type="integer"/>
				<RegistryKey Key="Sub" Id="R3" ForceCreateOnInstall="yes"><RegistryValue Id="R4" Value="#x"/><RegistryValue Id="R5" Key="deeper" Name="E" Value="%PATH%" Type="expandable"/></RegistryKey>
				<RegistryKey Key="Gone" Id="R6" ForceDeleteOnUninstall="yes"/><RegistryKey Key="Both" Id="R7" ForceDeleteOnUninstall="yes" ForceCreateOnInstall="yes"/></RegistryKey>
				<RegistryValue Id="R8" Root="HKMU" Key="K" Name="B" Value="0aFF" Type="binary"/><RegistryValue Id="R9" Root="HKCU" Key="K" Name="Empty" Value=""/><RegistryValue Id="S" Root="HKCU" Key="K" Name="*" Value="v"/>`), ` KeyPath="yes"`, "", 1) + `<Property Id="PORT" Value="1"/>`,
			"Component Registry",
			[]string{
				"Component: C|{00000000-0000-0000-0000-00000000000C}|INSTALLDIR|260||R1",
				`Registry: R1|2|SOFTWARE\Sample|Port|[PORT]|C`, `Registry: R2|2|SOFTWARE\Sample|N|#5|C`, `Registry: R3|2|SOFTWARE\Sample\Sub|+||C`, `Registry: R4|2|SOFTWARE\Sample\Sub||##x|C`,
				`Registry: R5|2|SOFTWARE\Sample\Sub\deeper|E|#%%PATH%|C`, `Registry: R6|2|SOFTWARE\Sample\Gone|-||C`, `Registry: R7|2|SOFTWARE\Sample\Both|*||C`, `Registry: R8|-1|K|B|#x0aFF|C`, `Registry: R9|1|K|Empty||C`, "Registry: S|1|K|*|v|C",
			},
		},
		{
			"services",
			inComponent(`<ServiceInstall Id="S1" Name="Sample" DisplayName="[ProductName]" Description="D" Type="ownProcess" Start="demand" ErrorControl="normal" Vital="yes" Account="NT AUTHORITY\LocalService" Arguments="run" LoadOrderGroup="G"><ServiceDependency Id="Tcpip"/><ServiceDependency Id="N" Group="yes"/></ServiceInstall>
				<ServiceInstall Id="S2" Name="Other" Type="shareProcess" Start="auto" ErrorControl="critical" Interactive="yes" EraseDescription="yes"/><ServiceInstall Id="S3" Name="Third" Type="ownProcess" Start="disabled" ErrorControl="ignore"/>
				<ServiceControl Id="X1" Name="Sample" Stop="both" Remove="uninstall" Wait="yes"/><ServiceControl Id="X2" Name="Other" Start="install" Stop="uninstall" Remove="install" Wait="no"><ServiceArgument Value="a"/><ServiceArgument Value="b"/></ServiceControl><ServiceControl Id="X3" Name="Third" Start="both"/>`),
			"ServiceInstall ServiceControl",
			[]string{
				`ServiceInstall: S1|Sample|[ProductName]|16|3|32769|G|Tcpip[~]+N[~][~]|NT AUTHORITY\LocalService||run|C|D`,
				`ServiceInstall: S2|Other||288|2|3||||||C|[~]`, `ServiceInstall: S3|Third||16|4|0||||||C|`,
				"ServiceControl: X1|Sample|162||1|C", "ServiceControl: X2|Other|41|a[~]b|0|C", "ServiceControl: X3|Third|17|||C",
			},
		},
		{
			"environment",
			inComponent(`<Environment Id="E1" Name="PATH" Value="[INSTALLDIR]" Action="set" Part="last" System="yes"/><Environment Id="E2" Name="A" Value="v" Action="create" Permanent="yes"/><Environment Id="E3" Name="B" Value="v" Action="remove" Part="first" Separator=","/><Environment Id="E4" Name="D" Value="v" Action="set" Part="all"/>`),
			"Environment",
			[]string{"Environment: E1|=-*PATH|[~];[INSTALLDIR]|C", "Environment: E2|+A|v|C", "Environment: E3|!-B|v,[~]|C", "Environment: E4|=-D|v|C"},
		},
		{
			"removal",
			inComponent(`<RemoveFile Id="R1" Name="old.txt" On="install"/><RemoveFile Id="R2" Name="a longer name.txt" On="uninstall" Directory="TARGETDIR"/><RemoveFile Id="R3" Name="*" ShortName="x" On="both" Property="PLACE"/><RemoveFolder Id="R4" On="uninstall"/>`) + `<Property Id="PLACE" Secure="yes"/>`,
			"RemoveFile",
			[]string{"RemoveFile: R1|C|old.txt|INSTALLDIR|1", "RemoveFile: R2|C|t9djtj6n.txt|a longer name.txt|TARGETDIR|2", "RemoveFile: R3|C|x|*|PLACE|3", "RemoveFile: R4|C||INSTALLDIR|2"},
		},
	})
}

func TestRequiredActions(t *testing.T) {
	testRows(t, []rowTest{
		{
			"for every table",
			inComponent(`<File Id="A" Source="a.txt"/><RegistryValue Id="R" Root="HKLM" Key="K" Value="v"/><Environment Id="E" Name="N" Value="v" Action="set"/><ServiceInstall Id="S" Name="S" Type="ownProcess" Start="demand" ErrorControl="normal"/><ServiceControl Id="S" Name="S" Stop="both"/><RemoveFolder Id="RF" On="both"/>`) +
				`<Launch Condition="1" Message="m"/><Property Id="P"><RegistrySearch Id="RS" Root="HKLM" Key="K" Type="raw"/></Property><Upgrade Id="{00000000-0000-0000-0000-000000000001}"><UpgradeVersion Property="OLD" Maximum="1.0.0" OnlyDetect="yes" MigrateFeatures="yes"/></Upgrade>`,
			"InstallUISequence InstallExecuteSequence",
			[]string{
				"InstallUISequence: FindRelatedProducts||25", "InstallUISequence: AppSearch||50", "InstallUISequence: LaunchConditions||100", "InstallUISequence: ValidateProductID||700", "InstallUISequence: CostInitialize||800", "InstallUISequence: FileCost||900",
				"InstallUISequence: CostFinalize||1000", "InstallUISequence: MigrateFeatureStates||1200", "InstallUISequence: ExecuteAction||1300",
				"InstallExecuteSequence: FindRelatedProducts||25", "InstallExecuteSequence: AppSearch||50", "InstallExecuteSequence: LaunchConditions||100", "InstallExecuteSequence: ValidateProductID||700", "InstallExecuteSequence: CostInitialize||800", "InstallExecuteSequence: FileCost||900",
				"InstallExecuteSequence: CostFinalize||1000", "InstallExecuteSequence: MigrateFeatureStates||1200", "InstallExecuteSequence: InstallValidate||1400", "InstallExecuteSequence: InstallInitialize||1500", "InstallExecuteSequence: ProcessComponents||1600", "InstallExecuteSequence: UnpublishFeatures||1800",
				"InstallExecuteSequence: StopServices|VersionNT|1900", "InstallExecuteSequence: DeleteServices|VersionNT|2000", "InstallExecuteSequence: RemoveRegistryValues||2600", "InstallExecuteSequence: RemoveEnvironmentStrings||3300", "InstallExecuteSequence: RemoveFiles||3500", "InstallExecuteSequence: RemoveFolders||3600",
				"InstallExecuteSequence: CreateFolders||3700", "InstallExecuteSequence: InstallFiles||4000", "InstallExecuteSequence: WriteRegistryValues||5000", "InstallExecuteSequence: WriteEnvironmentStrings||5200", "InstallExecuteSequence: InstallServices|VersionNT|5800", "InstallExecuteSequence: StartServices|VersionNT|5900",
				"InstallExecuteSequence: RegisterUser||6000", "InstallExecuteSequence: RegisterProduct||6100", "InstallExecuteSequence: PublishFeatures||6300", "InstallExecuteSequence: PublishProduct||6400", "InstallExecuteSequence: InstallFinalize||6600",
			},
		},
	})
}
