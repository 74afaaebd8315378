package policy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// kind is a type of the ADMX schema, as far as the templates use it (PolicyDefinitions.xsd,
// PolicyDefinitionFiles.xsd and BaseTypes.xsd, [MS-GPREG] 7).
type kind struct {
	attrs    string   // name:type, with ! after those that are required
	children []string // name:kind, in their order, with ? once at most, * any number, + at least one; others once
	choice   bool     // children in any order
	text     bool     // it holds a text
	most     int      // characters of the text
}

// grammar are the types by name.
var grammar = map[string]kind{
	"definitions": {attrs: "revision:version! schemaVersion:version!", children: []string{
		"policyNamespaces:namespaces", "resources:resourceReference", "supportedOn:supportedTable?", "categories:categoryList?", "policies:policyList?",
	}},
	"namespaces":        {children: []string{"target:namespace", "using:namespace*"}},
	"namespace":         {attrs: "prefix:id! namespace:uri!"},
	"resourceReference": {attrs: "minRequiredRevision:version! fallbackCulture:any"},
	"supportedTable":    {children: []string{"definitions:supportedDefinitions?"}},
	"supportedDefinitions": {children: []string{
		"definition:supportedDefinition+",
	}},
	"supportedDefinition": {attrs: "name:id! displayName:string!"},
	"categoryList":        {children: []string{"category:category+"}},
	"category":            {attrs: "name:id! displayName:string! explainText:string", children: []string{"parentCategory:reference?"}},
	"reference":           {attrs: "ref:ref!"},
	"policyList":          {children: []string{"policy:policy+"}},
	"policy": {
		attrs: "name:id! class:class! displayName:string! explainText:string presentation:presentation key:key! valueName:any",
		children: []string{
			"parentCategory:reference?", "supportedOn:reference", "enabledValue:value?", "disabledValue:value?", "elements:elements?",
		},
	},
	"elements": {choice: true, children: []string{"boolean:boolean*", "decimal:decimal*", "text:text*", "enum:enum*", "list:list*"}},
	"decimal":  {attrs: "id:any! key:key valueName:any required:bool minValue:uint maxValue:uint storeAsText:bool soft:bool"},
	"text":     {attrs: "id:any! key:key valueName:any required:bool maxLength:uint expandable:bool soft:bool"},
	"enum":     {attrs: "id:any! key:key valueName:any required:bool", children: []string{"item:item*"}},
	"item":     {attrs: "displayName:string!", children: []string{"value:value"}},
	"list":     {attrs: "id:any! key:key valuePrefix:any additive:bool expandable:bool explicitValue:bool"},
	"value":    {choice: true, children: []string{"decimal:number?", "string:shortText?"}},
	"number":   {attrs: "value:uint!"},

	"resources": {attrs: "revision:version! schemaVersion:version!", children: []string{
		"displayName:anyText", "description:anyText", "resources:localization",
	}},
	"localization":      {children: []string{"stringTable:stringTable?", "presentationTable:presentationTable?"}},
	"stringTable":       {children: []string{"string:localized+"}},
	"localized":         {attrs: "id:id!", text: true},
	"presentationTable": {children: []string{"presentation:presentation+"}},
	"presentation": {attrs: "id:id!", choice: true, children: []string{
		"decimalTextBox:decimalTextBox*", "textBox:textBox*", "checkBox:checkBox*", "dropdownList:dropdownList*", "listBox:listBox*",
	}},
	"decimalTextBox": {attrs: "refId:any! defaultValue:uint spin:bool spinStep:uint", text: true},
	"textBox":        {attrs: "refId:any!", children: []string{"label:anyText", "defaultValue:anyText?"}},
	"dropdownList":   {attrs: "refId:any! noSort:bool defaultItem:uint", text: true},
	"listBox":        {attrs: "refId:any!", text: true},
	"anyText":        {text: true},
	"shortText":      {text: true, most: 255},
}

// forms are the simple types.
var forms = map[string]*regexp.Regexp{
	"version":      regexp.MustCompile(`^[0-9]{1,4}\.[0-9]{1,5}$`),
	"string":       regexp.MustCompile(`^\$\(string\.[\pL\pN_]+\)$`),
	"presentation": regexp.MustCompile(`^\$\(presentation\.[\pL\pN_]+\)$`),
	"id":           regexp.MustCompile(`^[\pL\pN_]+$`),
	"ref":          regexp.MustCompile(`^[\pL\pN_]+(:[\pL\pN_]+)?$`),
	"class":        regexp.MustCompile(`^(User|Machine|Both)$`),
	"bool":         regexp.MustCompile(`^(true|false|0|1)$`),
	"uint":         regexp.MustCompile(`^[0-9]{1,10}$`),
	"uri":          regexp.MustCompile(`^[\w.:/-]+$`),
	"key":          regexp.MustCompile(`^SOFTWARE\\[^/]+$`),
	"any":          regexp.MustCompile(`^`),
}

// check tells what about a node is not as its type wants it.
func check(n *node, name, at string) (wrong []string) {
	k, known := grammar[name]
	fail := func(format string, args ...any) { wrong = append(wrong, at+": "+fmt.Sprintf(format, args...)) }
	if !known {
		fail("no type %s", name)
		return wrong
	}
	types := map[string]string{}
	for _, a := range strings.Fields(k.attrs) {
		attr, typ, _ := strings.Cut(strings.TrimSuffix(a, "!"), ":")
		types[attr] = typ
		if _, there := n.attrs[attr]; strings.HasSuffix(a, "!") && !there {
			fail("no %s", attr)
		}
	}
	for attr, value := range n.attrs {
		if types[attr] == "" || !forms[types[attr]].MatchString(value) {
			fail("%s=%q", attr, value)
		}
		if number, err := strconv.ParseUint(value, 10, 64); types[attr] == "uint" && (err != nil || number > 1<<32-1) {
			fail("%s=%q is no unsigned 32-bit number", attr, value)
		}
	}
	if text := strings.TrimSpace(n.text); !k.text && text != "" || k.most > 0 && len(text) > k.most {
		fail("the text %q", text)
	}
	position := 0
	counts := map[int]int{}
	for _, child := range n.children {
		found := false
		for i, c := range k.children {
			if element, typ, _ := strings.Cut(strings.TrimRight(c, "?*+"), ":"); element == child.name {
				if found = true; i < position && !k.choice {
					fail("%s is too late", child.name)
				}
				position = i
				counts[i]++
				wrong = append(wrong, check(child, typ, at+"/"+child.name)...)
			}
		}
		if !found {
			fail("no %s is allowed", child.name)
		}
	}
	for i, c := range k.children {
		switch many := c[len(c)-1]; {
		case many == '?' && counts[i] > 1, many == '+' && counts[i] == 0, !strings.ContainsRune("?*+", rune(many)) && counts[i] != 1:
			fail("%d times %s", counts[i], c)
		}
	}
	return wrong
}

func TestSchema(t *testing.T) {
	for _, name := range []string{"Holdfast", "Shop-2.eu"} {
		for file, data := range files(t, name) {
			root, typ := "policyDefinitions", "definitions"
			if strings.HasSuffix(file, ".adml") {
				root, typ = "policyDefinitionResources", "resources"
			}
			n := parse(t, data)
			if n.name != root {
				t.Errorf("%s begins with %s", file, n.name)
			}
			for _, wrong := range check(n, typ, file) {
				t.Error(wrong)
			}
		}
	}
}

// TestSchemaNotices breaks a template in the ways that the check above is for.
func TestSchemaNotices(t *testing.T) {
	good := string(files(t, "Holdfast")["Holdfast.admx"])
	for _, change := range [][2]string{
		{`class="Machine"`, `class="Computer"`},
		{`name="LogLevel"`, `name="Log Level"`},
		{`$(string.LogLevel)`, `$(string.Log.Level)`},
		{` key="SOFTWARE\Policies\Holdfast" valueName="AccessLog"`, ` valueName="AccessLog"`},
		{`maxValue="1000"`, `maxValue="4294967296"`},
		{`<enabledValue>`, `<enabledValue><decimal value="1" /></enabledValue><enabledValue>`},
		{`<resources minRequiredRevision="1.0" />`, ``},
		{`revision="1.0"`, `revision="1"`},
		{`explicitValue="true"`, `explicit="true"`},
		{`<elements>`, `<elements>text`},
	} {
		broken := strings.Replace(good, change[0], change[1], 1)
		if broken == good {
			t.Errorf("there is no %s", change[0])
		}
		if len(check(parse(t, []byte(broken)), "definitions", "")) == 0 {
			t.Errorf("%s is accepted", change[1])
		}
	}
}

// TestReferences resolves every reference in both languages, and finds no text that nobody refers to.
func TestReferences(t *testing.T) {
	all := files(t, "Holdfast")
	admx := parse(t, all["Holdfast.admx"])
	defined := map[string]bool{}
	for _, path := range []string{"supportedOn/definitions/definition", "categories/category"} {
		for _, n := range admx.all(path) {
			defined[n.attrs["name"]] = true
		}
	}
	for _, path := range []string{"categories/category/parentCategory", "policies/policy/parentCategory", "policies/policy/supportedOn"} {
		for _, n := range admx.all(path) {
			if !defined[n.attrs["ref"]] {
				t.Errorf("%s: %s is not defined", path, n.attrs["ref"])
			}
		}
	}
	wanted := regexp.MustCompile(`\$\((string|presentation)\.(\w+)\)`).FindAllStringSubmatch(string(all["Holdfast.admx"]), -1)
	shown := map[string]string{"decimal": "decimalTextBox", "text": "textBox", "enum": "dropdownList", "list": "listBox"}
	for _, file := range []string{"en-US/Holdfast.adml", "zh-CN/Holdfast.adml"} {
		adml := parse(t, all[file])
		have := map[string]bool{}
		for _, s := range adml.all("resources/stringTable/string") {
			if id := "string." + s.attrs["id"]; have[id] || strings.TrimSpace(s.text) == "" {
				t.Errorf("%s: %s is there twice, or empty", file, id)
			} else {
				have[id] = true
			}
		}
		presentations := map[string]*node{}
		for _, p := range adml.all("resources/presentationTable/presentation") {
			have["presentation."+p.attrs["id"]] = true
			presentations[p.attrs["id"]] = p
		}
		used := map[string]bool{}
		for _, w := range wanted {
			used[w[1]+"."+w[2]] = true
			if !have[w[1]+"."+w[2]] {
				t.Errorf("%s has no %s %s", file, w[1], w[2])
			}
		}
		for id := range have {
			if !used[id] {
				t.Errorf("%s: nobody refers to %s", file, id)
			}
		}
		for _, p := range admx.all("policies/policy") {
			elements := p.one("elements")
			if elements == nil {
				continue
			}
			controls := presentations[p.attrs["name"]].children
			if len(controls) != len(elements.children) {
				t.Errorf("%s: %s has %d elements and %d controls", file, p.attrs["name"], len(elements.children), len(controls))
				continue
			}
			for i, e := range elements.children {
				if c := controls[i]; c.name != shown[e.name] || c.attrs["refId"] != e.attrs["id"] {
					t.Errorf("%s: %s %s is shown by %s %s", file, e.name, e.attrs["id"], c.name, c.attrs["refId"])
				}
			}
		}
	}
}
