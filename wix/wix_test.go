package wix_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/product"
	"holdfast/installer/wxs"
	"holdfast/wix"
)

// element is an element of a source with its attributes.
type element struct {
	file, name string
	parents    []string
	attrs      map[string]string
}

// elements are all elements of the files that match, in order, and what their instructions define.
func elements(t *testing.T, pattern string) (all []element, defines map[string]string) {
	t.Helper()
	names, err := fs.Glob(wix.Sources(), pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v, %v", pattern, names, err)
	}
	defines = map[string]string{}
	for _, name := range names {
		data, err := fs.ReadFile(wix.Sources(), name)
		if err != nil {
			t.Fatal(err)
		}
		var parents []string
		for d := xml.NewDecoder(bytes.NewReader(data)); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch token := token.(type) {
			case xml.ProcInst:
				if word, value, found := strings.Cut(string(token.Inst), "="); token.Target == "define" && found {
					defines[strings.TrimSpace(word)] = strings.Trim(strings.TrimSpace(value), `"`)
				}
			case xml.StartElement:
				e := element{name, token.Name.Local, slices.Clone(parents), map[string]string{}}
				for _, a := range token.Attr {
					e.attrs[a.Name.Local] = a.Value
				}
				all = append(all, e)
				parents = append(parents, token.Name.Local)
			case xml.EndElement:
				parents = parents[:len(parents)-1]
			}
		}
	}
	return all, defines
}

// texts are the texts of one language.
func texts(t *testing.T, culture string) map[string]string {
	t.Helper()
	all, _ := elements(t, culture+".wxl")
	texts := map[string]string{}
	for _, e := range all[1:] {
		if _, twice := texts[e.attrs["Id"]]; twice || e.name != "String" {
			t.Errorf("%s: %s %s is there twice, or no text", culture, e.name, e.attrs["Id"])
		}
		texts[e.attrs["Id"]] = e.attrs["Value"]
	}
	if all[0].attrs["Culture"] != culture || texts["ProductLanguage"] != all[0].attrs["Language"] {
		t.Errorf("%s: culture %s, language %s and %s", culture, all[0].attrs["Culture"], all[0].attrs["Language"], texts["ProductLanguage"])
	}
	return texts
}

var reference = regexp.MustCompile(`!\(loc\.([^)]+)\)`)

// Every text that the sources show is there in every language, and no other; what is put into it
// (properties, fields) is the same, and so is the number of underlined letters.
func TestTexts(t *testing.T) {
	if diff := cmp.Diff([]string{"en-US", "zh-CN"}, wix.Cultures()); diff != "" {
		t.Fatalf("cultures (-want +got):\n%s", diff)
	}
	used := map[string]bool{}
	all, defines := elements(t, "*.wxs")
	values := slices.Collect(maps.Values(defines))
	for _, e := range all {
		values = slices.AppendSeq(values, maps.Values(e.attrs))
	}
	for _, value := range values {
		for _, m := range reference.FindAllStringSubmatch(value, -1) {
			used[m[1]] = true
		}
	}
	field := regexp.MustCompile(`\[[^\]]+\]`)
	english := texts(t, "en-US")
	for _, culture := range wix.Cultures() {
		words := texts(t, culture)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(used)), slices.Sorted(maps.Keys(words))); diff != "" {
			t.Errorf("%s (-used +there):\n%s", culture, diff)
		}
		for id, text := range words {
			want, got := field.FindAllString(english[id], -1), field.FindAllString(text, -1)
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s puts in something else (-en-US +%s):\n%s", culture, id, culture, diff)
			}
			if strings.Count(text, "&") != strings.Count(english[id], "&") {
				t.Errorf("%s: %s underlines other letters than in English: %q", culture, id, text)
			}
			if text != strings.TrimSpace(text) || text == "" {
				t.Errorf("%s: %s is %q", culture, id, text)
			}
			if strings.HasPrefix(id, "Bad") || id == "NotYours" || id == "Moved" {
				if n := len([]rune(text)); n > 255 {
					t.Errorf("%s: %s has %d characters; the row of its action holds 255", culture, id, n)
				}
			}
		}
	}
}

// Two controls of a dialog with the same underlined letter: only one of them can be reached.
func TestUnderlinedLetters(t *testing.T) {
	letter := regexp.MustCompile(`&(.)`)
	all, _ := elements(t, "ui-*.wxs")
	for _, culture := range wix.Cultures() {
		words := texts(t, culture)
		seen := map[string]string{}
		dialog := ""
		for _, e := range all {
			switch e.name {
			case "Dialog":
				dialog = e.attrs["Id"]
				seen = map[string]string{}
			case "Control":
				if dialog == "ErrorDlg" || e.attrs["NoPrefix"] == "yes" {
					continue // shows some of its buttons only; shows & as it is
				}
				text := reference.ReplaceAllStringFunc(e.attrs["Text"], func(s string) string { return words[s[6:len(s)-1]] })
				for _, m := range letter.FindAllStringSubmatch(text, -1) {
					key := strings.ToUpper(m[1])
					if other := seen[key]; other != "" {
						t.Errorf("%s: %s: %s and %s have the letter %s", culture, dialog, other, e.attrs["Id"], key)
					}
					seen[key] = e.attrs["Id"]
				}
			}
		}
	}
}

// A property that passes from the user's side to the service has to be Secure; a name in capital
// letters is what makes it one of the command line.
func TestPublicPropertiesAreSecure(t *testing.T) {
	known := []string{"ARPCOMMENTS", "ARPHELPLINK", "ARPNOMODIFY", "ARPPRODUCTICON", "ARPURLINFOABOUT", "MSIRESTARTMANAGERCONTROL", "REBOOT", "REINSTALLMODE"}
	secure := map[string]bool{}
	all, _ := elements(t, "*.wxs")
	for _, e := range all {
		id := e.attrs["Id"]
		switch {
		case e.name != "Property" || id != strings.ToUpper(id):
		case slices.Contains(known, id):
			if e.attrs["Value"] == "" {
				t.Errorf("%s has no value", id)
			}
		case e.attrs["Secure"] != "yes":
			t.Errorf("%s: %s is not Secure", e.file, id)
		case e.attrs["Value"] != "":
			t.Errorf("%s: %s has an authored value: it would win over what is remembered", e.file, id)
		default:
			secure[id] = true
		}
	}
	// Whatever is named in a condition, a value or a dialog is declared.
	name := regexp.MustCompile(`\b(HF_[A-Z0-9_]+|INSTALLDIR(_OLD)?|DATADIR(_OLD)?)\b`)
	for _, e := range append(all, checks(t)) {
		for _, value := range e.attrs {
			for _, id := range name.FindAllString(value, -1) {
				if !secure[id] {
					t.Errorf("%s: %s uses %s, which is not declared", e.file, e.name, id)
				}
			}
		}
	}
	for _, id := range strings.Fields("ACCOUNT ADDRESS PORT FIREWALL STARTTYPE HEALTHTIMEOUT NOSTART PURGE ALLOWDOWNGRADE CONFIG") {
		if !secure["HF_"+id] {
			t.Errorf("HF_%s is missing", id)
		}
	}
}

// checks is checks.wxi as one element whose attributes are its conditions.
func checks(t *testing.T) element {
	t.Helper()
	_, defines := elements(t, "checks.wxi")
	return element{"checks.wxi", "define", nil, defines}
}

// Windows Installer cuts a condition after 255 characters, and the longest name of a service has 64.
func TestConditionsFit(t *testing.T) {
	_, defines := elements(t, "*.wx[si]")
	defines["ServiceName"] = strings.Repeat("N", 64)
	variable := regexp.MustCompile(`\$\(var\.([A-Za-z0-9]+)\)`)
	expand := func(s string) string {
		for variable.MatchString(s) {
			s = variable.ReplaceAllStringFunc(s, func(v string) string {
				value, ok := defines[v[6:len(v)-1]]
				if !ok {
					t.Fatalf("%s in a condition", v)
				}
				return value
			})
		}
		return s
	}
	all, _ := elements(t, "*.wxs")
	count := 0
	for _, e := range all {
		for name, value := range e.attrs {
			if strings.HasSuffix(name, "Condition") {
				count++
				if text := expand(value); len(text) > 255 || strings.Count(text, "(") != strings.Count(text, ")") {
					t.Errorf("%s: %s %s: %d characters: %s", e.file, e.name, e.attrs["Action"]+e.attrs["Event"]+e.attrs["Id"], len(text), text)
				}
			}
		}
	}
	if count < 50 {
		t.Errorf("only %d conditions", count)
	}
}

// A GUID that two components share makes Windows Installer take them for one.
func TestGUIDs(t *testing.T) {
	all, defines := elements(t, "*.wxs")
	seen := map[string]string{}
	guid := regexp.MustCompile(`^\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}$`)
	for name, value := range defines {
		if !strings.HasPrefix(name, "Guid") {
			continue
		}
		if other := seen[value]; other != "" || !guid.MatchString(value) {
			t.Errorf("%s %s: not a GUID, or that of %q", name, value, other)
		}
		seen[value] = name
	}
	var components []string
	for _, e := range all {
		if e.name == "Component" {
			name := strings.TrimSuffix(strings.TrimPrefix(e.attrs["Guid"], "$(var."), ")")
			if _, ok := defines[name]; !ok {
				t.Errorf("component %s: %s has no GUID of its own", e.attrs["Id"], e.attrs["Guid"])
			}
			components = append(components, name)
		}
	}
	slices.Sort(components)
	want := []string{"GuidEnvironment", "GuidExe", "GuidLicence", "GuidName", "GuidPolicy", "GuidRegistry", "GuidTemplate"}
	if diff := cmp.Diff(want, components); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
}

// Real WiX numbers what has no number, and names what has no name; the rows of another compiler would
// differ then.
func TestNothingIsLeftToTheCompiler(t *testing.T) {
	all, _ := elements(t, "*.wxs")
	named := map[string]bool{}
	numbers := map[string]string{}
	for _, e := range all {
		parent := ""
		if len(e.parents) > 0 {
			parent = e.parents[len(e.parents)-1]
		}
		switch e.name {
		case "Package", "UpgradeVersion", "Launch", "CreateFolder", "Publish", "Subscribe", "Show", "Custom", "ProgressText", "SummaryInformation", "Text", "RegistryKey", "Fragment", "Wix":
		default:
			if _, ok := e.attrs["Id"]; !ok && !strings.HasSuffix(parent, "Sequence") && !strings.HasSuffix(e.name, "Sequence") {
				t.Errorf("%s: %s has no Id", e.file, e.name)
			}
			if key := e.name + " " + e.attrs["Id"]; e.attrs["Id"] != "" && !strings.HasSuffix(e.name, "Ref") && e.name != "Control" && e.name != "StandardDirectory" && e.attrs["Id"] != "HfSetArgs" {
				if named[key] {
					t.Errorf("%s: %s is there twice", e.file, key)
				}
				named[key] = true
			}
		}
		if e.name == "Publish" && (e.attrs["Order"] == "" || e.attrs["Condition"] == "") {
			t.Errorf("%s: a Publish without Order or Condition: %v", e.file, e.attrs)
		}
		if !strings.HasSuffix(parent, "Sequence") || e.attrs["OnExit"] != "" {
			continue
		}
		n, err := strconv.Atoi(e.attrs["Sequence"])
		if err != nil || n < 1 {
			t.Errorf("%s: %s in %s has no number", e.file, e.name+e.attrs["Action"], parent)
		}
		key := parent + " " + e.attrs["Sequence"]
		if other := numbers[key]; other != "" {
			t.Errorf("%s: %s and %s", key, other, e.name+e.attrs["Action"])
		}
		numbers[key] = e.name + e.attrs["Action"] + e.attrs["Dialog"]
	}
}

// The sequence as the setup program relies on it: a rollback right before its action, with its
// condition.
func TestRollbacksComeFirst(t *testing.T) {
	all, _ := elements(t, "actions.wxs")
	types := map[string]string{}
	sequenced := map[string]element{}
	for _, e := range all {
		switch e.name {
		case "CustomAction":
			types[e.attrs["Id"]] = e.attrs["Execute"]
			if e.attrs["BinaryRef"] != "" && (e.attrs["Impersonate"] != "no" || e.attrs["Return"] != "check") {
				t.Errorf("%s: %v", e.attrs["Id"], e.attrs)
			}
		case "Custom":
			sequenced[e.attrs["Action"]] = e
		}
	}
	number := func(action string) int {
		n, err := strconv.Atoi(sequenced[action].attrs["Sequence"])
		if err != nil {
			t.Fatalf("%s: %v", action, err)
		}
		return n
	}
	for _, action := range []string{"HfSnapshot", "HfRemove", "HfApply", "HfStart"} {
		back := action + "Rollback"
		if types[action] != "deferred" || types[back] != "rollback" {
			t.Errorf("%s is %s, %s is %s", action, types[action], back, types[back])
		}
		if number(back) != number(action)-1 || sequenced[back].attrs["Condition"] != sequenced[action].attrs["Condition"] {
			t.Errorf("%s: %v, %s: %v", back, sequenced[back].attrs, action, sequenced[action].attrs)
		}
	}
	want := map[string]int{
		"HfGuard": 1501, "HfSnapshot": 1503, "HfStop": 1899, "HfRemove": 3491, "HfApply": 5811, "HfStart": 5911, "HfFail": 6590, "HfCommit": 6595,
	}
	got := map[string]int{}
	for action := range want {
		got[action] = number(action)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sequence (-want +got):\n%s", diff)
	}
}

// What tells setup that an ordinary user runs it stands before every value that such a user can name:
// a quotation mark in one of them could hide what comes after it.
func TestRestrictedComesFirst(t *testing.T) {
	all, _ := elements(t, "actions.wxs")
	count := 0
	for _, e := range all {
		switch {
		case e.name != "CustomAction":
		case e.attrs["Id"] == "HfSetArgs":
			count++
			if !strings.HasPrefix(e.attrs["Value"], `--restricted "[RestrictedUserControl]" $(var.Apps) --product "[UpgradeCode]" [HfArgs1] `) {
				t.Errorf("HfSetArgs: %s", e.attrs["Value"])
			}
		case e.attrs["BinaryRef"] != "":
			if !regexp.MustCompile(`^[a-z-]+ \[HfArgs\]$`).MatchString(e.attrs["ExeCommand"]) {
				t.Errorf("%s: %s", e.attrs["Id"], e.attrs["ExeCommand"])
			}
		}
	}
	if count != 2 { // of packages and of test builds
		t.Errorf("%d HfSetArgs", count)
	}
}

func TestProperties(t *testing.T) {
	got, err := wix.Properties(map[string]string{"Version": "1.2.3", "Manufacturer": "Müller & Söhne; 100% (Bonn)", "HelpUrl": ""})
	if err != nil {
		t.Fatal(err)
	}
	want := `<Project>
  <PropertyGroup>
    <HoldfastConstants>HelpUrl=;Manufacturer=Müller &amp; Söhne%3B 100%25 %28Bonn%29;Version=1.2.3</HoldfastConstants>
  </PropertyGroup>
</Project>
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	project, err := os.ReadFile("holdfast.wixproj")
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(project, new(struct{})); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`Sdk="WixToolset.Sdk/5.0.2"`, "package.props", "$(HoldfastConstants)"} {
		if !strings.Contains(string(project), part) {
			t.Errorf("holdfast.wixproj without %s", part)
		}
	}
}

// Every package that there can be is made of these sources; a variable, text or file that one of them
// lacks is an error of loading.
func TestSourcesLoad(t *testing.T) {
	for _, culture := range wix.Cultures() {
		for _, arch := range []string{"x64", "arm64"} {
			for _, app := range []bool{false, true} {
				for _, test := range []bool{false, true} {
					p := product.Package{Product: product.Holdfast("1.2.3"), Arch: arch, Culture: culture, App: app}
					in := product.Inputs{
						HoldfastExe: "holdfast.exe", SetupExe: "setup.exe", Template: "template.yaml", Licence: "licence.rtf", PolicyZip: "policy.zip",
						NameFile: "holdfast.name", Icon: "icon.ico", Banner: "banner.bmp", Background: "background.bmp", HoldfastVersion: "1.2.3", Test: test,
					}
					_, err := wxs.Load(wix.Sources(), wix.Names(), []string{culture + ".wxl"}, wxs.Options{Defines: p.Defines(in), Arch: arch, Culture: culture})
					if err != nil {
						t.Errorf("%s, %s, packed: %v, test: %v:\n%v", culture, arch, app, test, err)
					}
				}
			}
		}
	}
}
