package wxs_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/wxs"
)

// TestErrors: every mistake has its exact place and its cure, and one does not hide another.
func TestErrors(t *testing.T) {
	const p = `<Package Name="n" Manufacturer="m" Version="1.2.3" UpgradeCode="{00000000-0000-0000-0000-000000000001}" ProductCode="{00000000-0000-0000-0000-000000000002}">`
	tests := []struct {
		name, source string
		want         []string
	}{
		// XML
		{"empty", "", []string{`a.wxs:1:1: the file has no element`}},
		{"not XML", head + "\n<Fragment></UI></Wix>", []string{`a.wxs:2:16: not XML: element <Fragment> closed by </UI>`}},
		{"cut off", head + "\n<Fragment>", []string{`a.wxs:2:11: not XML: unexpected EOF`}},
		{"second root", head + "</Wix>\n <Wix/>", []string{`a.wxs:2:2: a second root element`}},
		{"text outside", head + "</Wix>\n x", []string{`a.wxs:2:2: text outside of the root element`}},
		{"document type", `<!DOCTYPE Wix>` + head + "</Wix>", []string{`a.wxs:1:1: document type declarations are not read; remove <!DOCTYPE>`}},
		{"late declaration", head + `<?xml version="1.0"?></Wix>`, []string{`a.wxs:1:51: <?xml?> in the middle of the file; it is the first thing in a file, or not there`}},
		{"encoding", `<?xml version="1.0" encoding="utf-16"?>` + head + "</Wix>", []string{`a.wxs:1:40: not XML: encoding "utf-16" declared but Decoder.CharsetReader is nil`}},
		{"attribute twice", head + "\n<Fragment Id='a' Id='b'/></Wix>", []string{`a.wxs:2:18: attribute Id is there twice; remove one`}},
		{"attributes without a space", head + "\n<Fragment Id='a'X='b'/></Wix>", []string{`a.wxs:2:17: no space before the attribute`}},
		{"no namespace", "<Wix/>", []string{`a.wxs:1:1: <Wix> is in the namespace ""; write xmlns="http://wixtoolset.org/schemas/v4/wxs" at the root and no other namespace; extensions of WiX are not supported`}},
		{"old namespace", `<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi"/>`, []string{`a.wxs:1:1: <Wix> is in the namespace "http://schemas.microsoft.com/wix/2006/wi"; write xmlns="http://wixtoolset.org/schemas/v4/wxs" at the root and no other namespace; extensions of WiX are not supported`}},
		{"extension", head + `<Fragment xmlns:util="http://wixtoolset.org/schemas/v4/wxs/util"/></Wix>`, []string{`a.wxs:1:61: attribute xmlns:util has a namespace; extensions of WiX are not supported; remove it`}},
		{"prefix", `<w:Wix xmlns:w="http://wixtoolset.org/schemas/v4/wxs"/>`, []string{`a.wxs:1:1: <Wix> has a prefix; write xmlns="http://wixtoolset.org/schemas/v4/wxs" at the root and no prefixes`}},
		{"other root", include + "</Include>", []string{`a.wxs:1:1: the root element is <Include>; it must be <Wix>`}},
		{"conditioned away", `<?if $(Zero)?>` + head + `</Wix><?endif?>`, []string{`a.wxs:1:1: no <Wix> is left after the conditions`}},

		// the preprocessor
		{"undefined variable", head + "\n<Fragment Id='$(Vrsion)'/><Fragment Id='$(var.None)'/></Wix>", []string{
			`a.wxs:2:11: variable Vrsion is not defined; did you mean Version?`,
			`a.wxs:2:37: variable None is not defined; define it: <?define None = "..."?>, or pass it from outside`,
		}},
		{"variables of other kinds", head + "\n<Fragment Id='$(env.A)$(B)'/><Fragment Id='$(sys.CURRENTDIR)'/><Fragment Id='$(fun.Auto(1))'/><Fragment Id='$(loc.A)'/><Fragment Id='$(A'/><Fragment Id='$(1)'/></Wix>", []string{
			`a.wxs:2:11: $(env.A) is the environment's; pass it as a variable: $(A)`,
			`a.wxs:2:40: $(sys.CURRENTDIR) is not supported; known: $(var.Name), $(Name), $(sys.BUILDARCH), $(sys.BUILDARCHSHORT)`,
			`a.wxs:2:74: preprocessor function $(fun.Auto(1); functions are not supported`,
			`a.wxs:2:105: $(loc.A) is not a variable; texts of the localization are !(loc.A)`,
			`a.wxs:2:130: $(A has no closing parenthesis; for the characters $( write $$(`,
			`a.wxs:2:150: "1" is not the name of a variable; write $(Name) or $(sys.BUILDARCH)`,
		}},
		{"unknown instruction", head + "\n<?ifdeff A?></Wix>", []string{`a.wxs:2:1: unknown instruction <?ifdeff?>; did you mean ifdef?`}},
		{"unsupported instruction", head + "\n<?foreach A in 1;2?></Wix>", []string{`a.wxs:2:1: <?foreach?> is not supported; write the elements out`}},
		{"open condition", head + "\n<Fragment><?if $(Ten)?></Fragment><?endif?></Wix>", []string{`a.wxs:2:11: <?if?> without <?endif?>; close it in the same element`}},
		{"open condition at the end", head + "</Wix>\n<?if $(Ten)?>", []string{`a.wxs:2:1: <?if?> without <?endif?>; close it in the same element`}},
		{"condition of another element", head + "\n<?if $(Ten)?><Fragment><?endif?></Fragment></Wix>", []string{`a.wxs:2:24: <?endif?> without <?if?>; both stand in the same element`}},
		{"else without if", head + "\n<?else?></Wix>", []string{`a.wxs:2:1: <?else?> without <?if?>; both stand in the same element`}},
		{"two elses", head + "\n<?if $(Ten)?><?else?><?else?><?endif?></Wix>", []string{`a.wxs:2:22: <?else?> after <?else?>; <?else?> is the last part`}},
		{"define", head + "\n<?define A=1?><?define A=2?><?define 1=2?><?undef B?></Wix>", []string{
			`a.wxs:2:15: variable A is "1" already; put <?ifndef A?> around it, or <?undef A?> before it`,
			`a.wxs:2:29: "1" cannot be the name of a variable; names are letters, digits, _ and ., beginning with a letter or _`,
			`a.wxs:2:43: variable B is not defined; define it: <?define B = "..."?>, or pass it from outside`,
		}},
		{"error", head + "\n<?error no $(Ten)?></Wix>", []string{`a.wxs:2:1: no 10`}},
		{"include of nothing", head + "\n<?include b.wxi?></Wix>", []string{`a.wxs:2:1: include b.wxi: file does not exist`}},
		{"include from elsewhere", head + "\n<?include /b.wxi?></Wix>", []string{`a.wxs:2:1: include of the absolute path "/b.wxi"; name it relative to the file that includes it`}},
		{"mistake in an included file", head + "\n<?include bad.wxi?></Wix>", []string{
			`bad.wxi:1:10: unknown attribute A; <Include> has none`,
			`bad.wxi:2:11: attribute Idd of <Fragment> is unknown or not supported; did you mean Id?`,
		}},

		// localization
		{"unknown text", head + "\n<Fragment Id='!(loc.Titel)'/><Fragment Id='!(bind.property.A)'/><Fragment Id='!(loc.Twice)'/></Wix>", []string{
			`a.wxs:2:11: text Titel is in no localization for "en-US"; did you mean Title?`,
			`a.wxs:2:40: !(bind.property.A) is not supported; of the binder's variables only !(loc.Name) is known`,
			`a.wxs:2:75: text Twice contains another one; write the text out`,
		}},

		// the vocabulary
		{"unknown element", head + "\n<Fragmnt/><Fragment><Shortcut/></Fragment></Wix>", []string{
			`a.wxs:2:1: <Fragmnt> in <Wix> is unknown or not supported; did you mean Fragment?`,
			`a.wxs:2:21: <Shortcut> in <Fragment> is unknown or not supported`,
		}},
		{"element in a wrong place", head + "\n<Fragment><File/></Fragment></Wix>", []string{`a.wxs:2:11: <File> cannot stand in <Fragment>; it stands in Component`}},
		{"unknown attribute", head + "\n" + p + "<Property Id='A' Secured='yes'/></Package></Wix>", []string{`a.wxs:2:175: attribute Secured of <Property> is unknown or not supported; did you mean Secure?`}},
		{"attribute of an element without any", head + "\n<Fragment><InstallUISequence A='b'/></Fragment></Wix>", []string{`a.wxs:2:30: attribute A of <InstallUISequence> is unknown or not supported`}},
		{"missing attributes", head + "\n<Fragment><Binary/></Fragment></Wix>", []string{
			`a.wxs:2:11: <Binary> without Id; it is required`,
			`a.wxs:2:11: <Binary> without SourceFile; it is required`,
		}},
		{"text", head + "\n<Fragment><UI>\n  words</UI></Fragment></Wix>", []string{`a.wxs:3:3: text in <UI>; since WiX 4 all values are attributes: Value, Condition, Message`}},
		{"order", head + "\n<Fragment/>" + p + "</Package>" + p + "</Package></Wix>", []string{
			`a.wxs:2:12: <Package> comes too late in <Wix>; the order is Package, then all others`,
			`a.wxs:2:179: a second <Package> in <Wix>; one is enough`,
		}},
		{"values", head + `
<Fragment>
<Property Id="1A" Secure="maybe"/>
<Property Id="` + long + `" Value=""/>
<Binary Id="B23456789012345678901234567890123456789012345678901234567" SourceFile="x"/>
<Upgrade Id="{0}"/>
<Upgrade Id="*"><UpgradeVersion Property="Old" Minimum="1.2" Maximum="1.256.0"/></Upgrade>
<Media Id="2" Cabinet="a\b" EmbedCab="no"/>
<Feature Id="F" Level="-1"/>
<Directory Id="D" Name="a*" ShortName="longer.name"/>
<SetProperty Id="P" Value="" Sequence="frist"/>
</Fragment></Wix>`, []string{
			`a.wxs:3:11: Id="1A": not an identifier; letters, digits, _ and ., beginning with a letter or _`,
			`a.wxs:3:19: Secure="maybe": neither yes nor no; write yes or no`,
			`a.wxs:4:11: Id="` + long[:60] + `...": 73 characters; at most 72 fit`,
			`a.wxs:4:90: Value="": the value is empty; remove the attribute or write a value`,
			`a.wxs:5:9: Id="B23456789012345678901234567890123456789012345678901234567": 57 characters; at most 55 fit`,
			`a.wxs:6:10: Id="{0}": not a GUID; it looks like {5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}; a generated one (*) is not supported`,
			`a.wxs:7:10: Id="*": not a GUID; it looks like {5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}; a generated one (*) is not supported`,
			`a.wxs:7:33: Property="Old": not a public property; write it without lower-case letters: OLD`,
			`a.wxs:7:48: Minimum="1.2": not a version; write major.minor.build, at most 255.255.65535`,
			`a.wxs:7:62: Maximum="1.256.0": not a version; write major.minor.build, at most 255.255.65535`,
			`a.wxs:8:8: Id="2": not a known value here; known here: 1`,
			`a.wxs:8:15: Cabinet="a\\b": not the name of a file or folder; one name without \ / ? * | > < : "`,
			`a.wxs:8:29: EmbedCab="no": not a known value here; known here: yes, true`,
			`a.wxs:9:17: Level="-1": not a number from 0 to 32767`,
			`a.wxs:10:19: Name="a*": not the name of a file or folder; one name without \ / ? * | > < : "`,
			`a.wxs:10:29: ShortName="longer.name": not a short name; at most 8 characters, a dot and 3 more, without spaces`,
			`a.wxs:11:30: Sequence="frist": not a known value here; did you mean first?`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys := files("a.wxs", tt.source,
				"bad.wxi", `<Include A="" xmlns="http://wixtoolset.org/schemas/v4/wxs">`+"\n<Fragment Idd='a'/></Include>",
				"en.wxl", `<WixLocalization Culture="en-US" xmlns="http://wixtoolset.org/schemas/v4/wxl"><String Id="Title" Value="A"/><String Id="Twice" Value="!(loc.Title)"/></WixLocalization>`)
			_, err := wxs.Load(fsys, []string{"a.wxs"}, []string{"en.wxl"}, options())
			if diff := cmp.Diff(tt.want, lines(err)); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

const long = "A123456789012345678901234567890123456789012345678901234567890123456789012"

func TestLocalizationErrors(t *testing.T) {
	const wxl = `<WixLocalization Culture="en-US" xmlns="http://wixtoolset.org/schemas/v4/wxl">`
	tests := []struct {
		name, text string
		want       []string
	}{
		{"missing", "", []string{`a.wxl:1:1: the file has no element`}},
		{"twice", wxl + "\n<String Id='A' Value='b'/><String Id='A' Value='c'/></WixLocalization>", []string{`a.wxl:2:35: text A is there twice; the first is at a.wxl:2:9`}},
		{"text", wxl + "\n<String Id='A'>b</String></WixLocalization>", []string{`a.wxl:2:16: text in <String>; since WiX 4 it is in the attribute Value`}},
		{"instruction", wxl + "\n<?define A=1?></WixLocalization>", []string{`a.wxl:2:1: instruction <?define?>; localizations have no preprocessor`}},
		{"other root", `<Wix xmlns="http://wixtoolset.org/schemas/v4/wxl"/>`, []string{`a.wxl:1:1: the root element is <Wix>; it must be <WixLocalization>`}},
		{"unknown", wxl + "\n<UI/><String Id='A' Overridable='yes'/></WixLocalization>", []string{
			`a.wxl:2:1: <UI> in <WixLocalization> is unknown or not supported; known here: String`,
			`a.wxl:2:6: <String> without Value; it is required`,
			`a.wxl:2:21: attribute Overridable of <String> is unknown or not supported; known here: Id, Value`,
		}},
		{"other culture", `<WixLocalization Culture="de-DE" xmlns="http://wixtoolset.org/schemas/v4/wxl"/>`, []string{`a.wxl:1:1: no localization has the culture en-US; name a file with Culture="en-US"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := wxs.Load(files("a.wxl", tt.text, "b.wxl", wxl+"</WixLocalization>"), nil, []string{"a.wxl"}, options())
			if diff := cmp.Diff(tt.want, lines(err)); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
	_, err := wxs.Load(files(), []string{"none.wxs"}, nil, options())
	if diff := cmp.Diff([]string{"none.wxs:1:1: cannot be read: file does not exist"}, lines(err)); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}
