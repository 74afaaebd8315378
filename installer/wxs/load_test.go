package wxs_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/wxs"
)

const (
	head    = `<Wix xmlns="http://wixtoolset.org/schemas/v4/wxs">`
	include = `<Include xmlns="http://wixtoolset.org/schemas/v4/wxs">`
)

// files makes a file system of name, text, name, text ...
func files(pairs ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		fsys[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return fsys
}

// tree is elements as text: one a line, indented, with place and attributes.
func tree(elements []*wxs.Element) string {
	var b strings.Builder
	var write func(e *wxs.Element, indent string)
	write = func(e *wxs.Element, indent string) {
		fmt.Fprintf(&b, "%s%s", indent, e.Name)
		for _, a := range e.Attrs {
			fmt.Fprintf(&b, " %s=%s", a.Name, a.Value)
		}
		b.WriteByte('\n')
		for _, child := range e.Children {
			write(child, indent+"  ")
		}
	}
	for _, e := range elements {
		write(e, "")
	}
	return b.String()
}

// lines are the lines of an error, none for nil.
func lines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

func options() wxs.Options {
	return wxs.Options{
		Defines: map[string]string{"Version": "1.2.3", "Empty": "", "Zero": "0", "No": "no", "Ten": "10"},
		Arch:    "x64", Culture: "en-US",
	}
}

func TestLoad(t *testing.T) {
	fsys := files(
		"package.wxs", `<?xml version="1.0" encoding="utf-8"?>
<!-- a comment -->
<Wix xmlns="http://wixtoolset.org/schemas/v4/wxs">
  <?include lib\names.wxi ?>
  <Package Name="$(Title) &amp; &quot;co&#34;" Manufacturer="!(loc.Maker)" Version="$(var.Version)" UpgradeCode="$(Code)" ProductCode="{00000000-0000-0000-0000-000000000002}">
    <Property Id="A" Value="$$(x) 5$ a
	b&#10;c" /><Property Id="B" Value="$(sys.BUILDARCH) $(sys.BUILDARCHSHORT)" />
  </Package>
  <Fragment><UI/></Fragment>
</Wix>
`,
		"more.wxs", "\ufeff"+head+`<Fragment Id="more"/></Wix>`,
		"lib/names.wxi", include+`<?define Title = "Shop" ?><?define Code={00000000-0000-0000-0000-000000000001}?><?include deeper.wxi?></Include>`,
		"lib/deeper.wxi", include+`</Include>`,
		"en.wxl", `<WixLocalization Culture="en-us" Codepage="1252" Language="1033" xmlns="http://wixtoolset.org/schemas/v4/wxl"><String Id="Maker" Value="Acme"/></WixLocalization>`,
		"zh.wxl", `<WixLocalization Culture="zh-CN" Codepage="65001" Language="2052" xmlns="http://wixtoolset.org/schemas/v4/wxl"><String Id="Maker" Value="&#x4e2d;"/></WixLocalization>`,
	)
	s, err := wxs.Load(fsys, []string{"package.wxs", "more.wxs"}, []string{"en.wxl", "zh.wxl"}, options())
	if err != nil {
		t.Fatal(err)
	}
	want := `Package Name=Shop & "co" Manufacturer=Acme Version=1.2.3 UpgradeCode={00000000-0000-0000-0000-000000000001} ProductCode={00000000-0000-0000-0000-000000000002}
  Property Id=A Value=$(x) 5$ a  b
c
  Property Id=B Value=x64 X64
Fragment
  UI
Fragment Id=more
`
	if diff := cmp.Diff(want, tree(s.Elements)); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	if got := fmt.Sprintf("%s %d %d %d", s.Culture, s.Codepage, s.SummaryCodepage, s.Language); got != "en-US 1252 0 1033" {
		t.Errorf("of the localization: %s", got)
	}
	chinese := options()
	chinese.Culture, chinese.Arch = "zh-CN", "arm64"
	s, err = wxs.Load(fsys, []string{"package.wxs"}, []string{"en.wxl", "zh.wxl"}, chinese)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%s %d %d", s.Elements[0].Get("Manufacturer"), s.Codepage, s.Language); got != "中 65001 2052" {
		t.Errorf("Chinese: %s", got)
	}
	if got := s.Elements[0].Children[1].Get("Value"); got != "arm64 A64" {
		t.Errorf("architecture: %s", got)
	}
}

func TestPlaces(t *testing.T) {
	const source = "<Wix\n  xmlns='http://wixtoolset.org/schemas/v4/wxs'>\r\n" +
		"\t<Fragment  Id = 'é' ><!-- 中 --><Property\r\n\tId='A'  Value='1'/>\r\n</Fragment></Wix>"
	fsys := files("a.wxs", strings.Replace(source, "é", "e", 1))
	s, err := wxs.Load(fsys, []string{"a.wxs"}, nil, wxs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fragment, property := s.Elements[0], s.Elements[0].Children[0]
	got := []string{
		fragment.Pos.String(), fragment.At("Id").String(), property.Pos.String(),
		property.At("Id").String(), property.At("Value").String(), property.At("Secure").String(),
	}
	want := []string{"a.wxs:3:2", "a.wxs:3:13", "a.wxs:3:33", "a.wxs:4:2", "a.wxs:4:10", "a.wxs:3:33"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	if property.Has("Secure") || property.Get("Secure") != "" || !property.Has("Value") {
		t.Error("Has and Get of an attribute that is not there")
	}
	// a character counts as one, however many bytes it has
	_, err = wxs.Load(files("a.wxs", strings.Replace(source, "Id='A'", "Id='é' X=''", 1)), []string{"a.wxs"}, nil, wxs.Options{})
	want = []string{
		`a.wxs:4:2: Id="é": not an identifier; letters, digits, _ and ., beginning with a letter or _`,
		`a.wxs:4:9: attribute X of <Property> is unknown or not supported; known here: Id, Value, Secure, Hidden, Admin`,
	}
	if diff := cmp.Diff(want, lines(err)[1:]); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

func TestPreprocessor(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"if", `<?if $(Version) = "1.2.3"?><UI Id="a"/><?else?><UI Id="b"/><?endif?>`, "a"},
		{"else", `<?if $(Version)=9?><UI Id="a"/><?else?><UI Id="b"/><?endif?>`, "b"},
		{"elseif", `<?if $(Zero)?><UI Id="a"/><?elseif $(Ten) > 9?><UI Id="b"/><?elseif $(Ten)?><UI Id="c"/><?else?><UI Id="d"/><?endif?>`, "b"},
		{"the first part that holds", `<?if $(Ten)?><UI Id="a"/><?elseif $(Ten)?><UI Id="b"/><?else?><UI Id="c"/><?endif?>`, "a"},
		{"nested", `<?if $(Zero)?><?if $(Ten)?><UI Id="a"/><?else?><UI Id="b"/><?endif?><?else?><?ifdef Ten?><UI Id="c"/><?endif?><?endif?>`, "c"},
		{"nothing is decided where nothing is used", `<?if $(Zero)?><?if nonsense?><?endif?><?include none.wxi?><?error no?><UI Id="$(None)"/>text<?endif?><UI Id="a"/>`, "a"},
		{"ifdef", `<?ifdef Empty?><UI Id="a"/><?endif?><?ifdef var.Empty?><UI Id="b"/><?endif?><?ifdef $(var.None)?><UI Id="c"/><?endif?><?ifndef None?><UI Id="d"/><?endif?>`, "a b d"},
		{"define and undef", `<?ifndef X?><?define X = "a.$(Version)"?><?endif?><UI Id="$(X)"/><?undef var.X?><?ifndef X?><UI Id="c"/><?endif?>`, "a.1.2.3 c"},
		{"define the same again", `<?define X=a?><?define X='a'?><UI Id="$(X)"/>`, "a"},
		{"define without a value", `<?define var.X?><?ifdef X?><UI Id="a$(X)"/><?endif?>`, "a"},
		{"around attributes of one element only whole", `<UI Id="a"><?if $(Ten)?><UIRef Id="b"/><?endif?></UI>`, "a(b)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := wxs.Load(files("a.wxs", head+"<Fragment>"+tt.source+"</Fragment></Wix>"), []string{"a.wxs"}, nil, options())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range s.Elements[0].Children {
				id := e.Get("Id")
				for _, child := range e.Children {
					id += "(" + child.Get("Id") + ")"
				}
				got = append(got, id)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("elements (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	tests := []struct {
		condition string
		want      string // yes, no, or the error
	}{
		{`$(Version)`, "yes"},
		{`$(None)`, "no"},
		{`$(Empty)`, "no"},
		{`$(Zero)`, "no"},
		{`$(No)`, "no"},
		{`not $(No)`, "yes"},
		{`NOT($(No))`, "yes"},
		{`not not $(No)`, "no"},
		{`$(Version) = 1.2.3`, "yes"},
		{`"$(Version)" = " 1.2.3 "`, "yes"},
		{`"a" == "a"`, `condition "\"a\" == \"a\"": a value is missing`}, // WiX took it up only later
		{`$(Version)!=1.2.3`, "no"},
		{`$(No) = "NO"`, "no"},
		{`$(No) ~= "NO"`, "yes"},
		{`$(Ten) > 9 and $(Ten) >= 10 and $(Ten) <= 10 and $(Ten) < 11`, "yes"},
		{`$(Ten) < 9 or ($(Ten) = 10 and not $(No))`, "yes"},
		{`not $(No) and $(No)`, "no"},
		{`not ($(No) and $(No))`, "yes"},
		{`$(sys.BUILDARCH) = x64`, "yes"},
		{`"a"="b" or "x"="x"`, "yes"},
		{``, `condition "": a value is missing`},
		{`x64`, `condition "x64": a text alone decides nothing`},
		{`$(Ten) and $(Ten) or $(Ten)`, `condition "$(Ten) and $(Ten) or $(Ten)": and meets or; put one of them into parentheses`},
		{`$(None) = 1`, `condition "$(None) = 1": a variable in it is not defined`},
		{`$(No) < 1`, `condition "$(No) < 1": "no" is not a number`},
		{`1 < $(No)`, `condition "1 < $(No)": "no" is not a number`},
		{`($(Ten)`, `condition "($(Ten)": a closing parenthesis is missing`},
		{`$(Ten`, `condition "$(Ten": a closing parenthesis is missing`},
		{`"a`, `condition "\"a": a quote is missing`},
		{`$(Ten) = `, `condition "$(Ten) =": a value is missing`},
		{`$(Ten) $(Ten)`, `condition "$(Ten) $(Ten)": "$(Ten)" is too much`},
		{`$(Ten) andalso`, `condition "$(Ten) andalso": "andalso" is too much`},
		{`$(env.PATH)`, `$(env.PATH) is the environment's; pass it as a variable: $(PATH)`},
	}
	for _, tt := range tests {
		t.Run(tt.condition, func(t *testing.T) {
			source := head + "<Fragment><?if " + tt.condition + " ?><UI/><?endif?></Fragment></Wix>"
			s, err := wxs.Load(files("a.wxs", source), []string{"a.wxs"}, nil, options())
			got := "no"
			if err != nil {
				got = strings.TrimPrefix(err.Error(), "a.wxs:1:61: ")
			} else if len(s.Elements[0].Children) > 0 {
				got = "yes"
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestWarning(t *testing.T) {
	s, err := wxs.Load(files("a.wxs", head+"<?warning of $(Version)?></Wix>"), []string{"a.wxs"}, nil, options())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("a.wxs:1:51: of 1.2.3", s.Warnings.Error()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// TestBounds: what is too much ends with an error, in little time.
func TestBounds(t *testing.T) {
	doubling := "<?define A0=xxxxxxxx?>"
	for i := range 60 {
		doubling += fmt.Sprintf("<?define A%d=$(A%d)$(A%d)?>", i+1, i, i)
	}
	long := `<WixLocalization xmlns="http://wixtoolset.org/schemas/v4/wxl"><String Id="A" Value="` + strings.Repeat("x", 1<<20) + `"/></WixLocalization>`
	tests := []struct {
		name string
		fsys fstest.MapFS
		want string
	}{
		{"deep", files("a.wxs", head+strings.Repeat("<Fragment>", 100)), "elements more than 64 deep"},
		{"include of itself", files("a.wxs", head+"<?include a.wxi?></Wix>", "a.wxi", include+"<?include a.wxi?></Include>"), "includes more than 16 deep; does the file include itself?"},
		{"includes that double", files("a.wxs", head+"<?include a.wxi?></Wix>", "a.wxi", include+"<!--"+strings.Repeat(" ", 1<<15)+"--><?include b.wxi?><?include b.wxi?></Include>", "b.wxi", include+"<?include a.wxi?><?include a.wxi?></Include>"), "includes more than 16 deep; does the file include itself?"},
		{"big", files("a.wxs", head+strings.Repeat(" ", 65<<20)), "cannot be read: the sources have more than 64 MiB together"},
		{"variables that double", files("a.wxs", head+doubling+"</Wix>"), "the sources have more than 64 MiB together"},
		{"texts used often", files("a.wxs", head+strings.Repeat(`<Fragment Id="!(loc.A)"/>`, 100)+"</Wix>", "a.wxl", long), "the sources have more than 64 MiB together"},
		{"brackets", files("a.wxs", head+"<?if "+strings.Repeat("(", 1000)+"?><?endif?></Wix>"), "too deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var localizations []string
			if tt.fsys["a.wxl"] != nil {
				localizations = []string{"a.wxl"}
			}
			_, err := wxs.Load(tt.fsys, []string{"a.wxs"}, localizations, options())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant ... %s", err, tt.want)
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"", "<", "\ufeff", head + "</Wix>", head + `<Fragment><UI Id="a"/></Fragment></Wix>`,
		head + `<?define A=1?><?if $(A) = "1" and not ($(B) or $(C))?><Fragment/><?elseif $(A)<2?><?else?><?endif?></Wix>`,
		head + `<?include a.wxs?></Wix>`, head + `<Fragment Id='!(loc.A) $(A) &#x41; &lt;'/></Wix>`,
		include + `</Include>`, `<?if $(Ten)?>` + head + `</Wix><?endif?>`, `<w:Wix xmlns:w="http://wixtoolset.org/schemas/v4/wxs"/>`,
		`<!DOCTYPE a [<!ENTITY x "y">]><Wix/>`, head + `<Fragment a="1"b="2"/><![CDATA[x]]></Wix>`, head + "<Fragment\r\n\tId\n=\n'a'\n/ ></Wix>",
		`<WixLocalization Culture="en-US" xmlns="http://wixtoolset.org/schemas/v4/wxl"><String Id="A" Value="B"/></WixLocalization>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fsys := fstest.MapFS{"a.wxs": {Data: data}, "a.wxi": {Data: bytes.ReplaceAll(data, []byte("Wix"), []byte("Include"))}}
		_, err := wxs.Load(fsys, []string{"a.wxs"}, []string{"a.wxs"}, options())
		if err == nil {
			t.Fatal("a source is no localization")
		}
		if _, ok := err.(wxs.Errors); !ok { //nolint:errorlint // Load promises this type
			t.Fatalf("%T", err)
		}
		s, err := wxs.Load(fsys, []string{"a.wxs"}, nil, options())
		if (s == nil) == (err == nil) {
			t.Fatal("either sources or an error")
		}
		for _, line := range lines(err) {
			if line == "" {
				t.Fatal("an error without words")
			}
		}
	})
}

// A whole source may be one line, as a tool writes it: its places are found in one pass, and are right.
func TestOneLine(t *testing.T) {
	const many = 200_000
	text := `<Wix xmlns="http://wixtoolset.org/schemas/v4/wxs"><Fragment>` + strings.Repeat(`<Property Id="Ä" Value="ü"/>`, many) + `</Fragment></Wix>`
	_, err := wxs.Load(fstest.MapFS{"a.wxs": {Data: []byte(text)}}, []string{"a.wxs"}, nil, wxs.Options{Arch: "x64"})
	errs, ok := errors.AsType[wxs.Errors](err)
	if !ok || len(errs) != many { // Ä is no identifier
		t.Fatalf("%d errors: %.200v", len(errs), err)
	}
	first := len(`<Wix xmlns="http://wixtoolset.org/schemas/v4/wxs"><Fragment>`) + len(`<Property `) + 1
	for i, e := range errs {
		if want := (wxs.Pos{File: "a.wxs", Line: 1, Column: first + i*len([]rune(`<Property Id="Ä" Value="ü"/>`))}); e.Pos != want {
			t.Fatalf("error %d is at %v, want %v", i, e.Pos, want)
		}
	}
}

func TestManyAttributes(t *testing.T) {
	var b strings.Builder
	for i := range 300_000 {
		fmt.Fprintf(&b, " A%d=''", i)
	}
	_, err := wxs.Load(files("a.wxs", head+"<Fragment"+b.String()+"/></Wix>"), []string{"a.wxs"}, nil, wxs.Options{Arch: "x64"})
	if err == nil || !strings.Contains(err.Error(), "more than 100 attributes") {
		t.Errorf("got %.200v", err)
	}
}
