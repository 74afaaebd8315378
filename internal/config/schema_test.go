package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The JSON schema and the reference page are generated here, from the types, their rule tags and
// their comments: go test ./internal/config -update writes them.
const (
	schemaFile    = "../../configs/holdfast.schema.json"
	referenceFile = "../../configs/REFERENCE.md"
)

// comments are the doc comments of the types ("App") and their fields ("App.Command"), with the
// names of fields as people write them.
func comments(t *testing.T) map[string]string {
	t.Helper()
	docs := map[string]string{}
	var decls []ast.Decl
	for _, name := range []string{"config.go", "certificate.go", "route.go", "route_policy.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		decls = append(decls, file.Decls...)
	}
	for _, decl := range decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			continue
		}
		for _, spec := range gen.Specs {
			typ := spec.(*ast.TypeSpec)
			object, ok := typ.Type.(*ast.StructType)
			if !ok {
				continue
			}
			fields := object.Fields.List
			keys := regexp.MustCompile(`\b(` + strings.Join(goNames(fields), "|") + `)\b`)
			plain := func(doc string) string {
				return keys.ReplaceAllStringFunc(strings.Join(strings.Fields(doc), " "), func(name string) string {
					return "`" + yamlName(fields, name) + "`"
				})
			}
			docs[typ.Name.Name] = plain(gen.Doc.Text())
			for _, f := range fields {
				docs[typ.Name.Name+"."+yamlName(fields, f.Names[0].Name)] = plain(f.Doc.Text())
			}
		}
	}
	return docs
}

func goNames(fields []*ast.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Names[0].Name
	}
	return names
}

func yamlName(fields []*ast.Field, goName string) string {
	for _, f := range fields {
		if f.Names[0].Name == goName {
			name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("yaml"), ",")
			return name
		}
	}
	return goName
}

// defaultTrees are the defaults of each section, by type.
func defaultTrees() map[string]map[string]any {
	l := &loader{}
	top := l.treeOf(Default())
	app := l.treeOf(DefaultApp())
	logging := section(top, "logging")
	section(app, "stop")["method"] = "sigterm" // wherever this test runs
	trees := map[string]map[string]any{
		"Management": section(top, "management"), "Logging": logging, "RotatedFile": section(logging, "file"), "AccessLog": section(logging, "access"),
		"Listener": l.treeOf(DefaultListener()), "App": app, "Restart": section(app, "restart"), "Stop": section(app, "stop"),
		"Route": l.treeOf(DefaultRoute()), "Parking": section(l.treeOf(DefaultRoute()), "parking"), "Limits": section(app, "limits"), "Output": section(app, "output"), "OnFailure": l.treeOf(DefaultOnFailure()),
		"HTTPGet": {"path": DefaultProbe(false, true).HTTPGet.Path}, "Probe": {"initial_delay": "0s", "success_threshold": 1},
		"Transport": section(l.treeOf(DefaultRoute()), "transport"),
	}
	for _, v := range []any{DefaultRespond(), DefaultFlow(), DefaultCircuitBreaker()} {
		trees[reflect.TypeOf(v).Name()] = l.treeOf(v)
	}
	for _, sections := range []map[string]any{routeSections(), certificateSections()} {
		for _, v := range sections {
			trees[reflect.TypeOf(v).Name()] = l.treeOf(v)
		}
	}
	return trees
}

type object = map[string]any

// schemaOf is the JSON schema of one shape; sections go to defs and are referred to.
func schemaOf(s *shape, docs map[string]string, defs object) object {
	later := object{"type": "string", "pattern": `\$\{`}
	switch s.kind {
	case kindStruct:
		name := s.typ.Name()
		if defs[name] == nil {
			def := object{"type": []string{"object", "null"}, "additionalProperties": false}
			defs[name] = def
			properties, required := object{}, []string{}
			for _, f := range s.fields {
				p := schemaOf(f.shape, docs, defs)
				p["description"] = docs[name+"."+f.name]
				if d, ok := defaultTrees()[name][f.name]; ok && f.shape.kind != kindStruct {
					p["default"] = d
				}
				properties[f.name] = p
				if f.shape.rule.required && name != "Config" {
					required = append(required, f.name)
				}
			}
			def["properties"], def["description"] = properties, docs[name]
			if len(required) > 0 {
				def["required"] = required
			}
		}
		return object{"$ref": "#/$defs/" + name}
	case kindMap:
		m := object{"type": []string{"object", "null"}, "additionalProperties": schemaOf(s.elem, docs, defs)}
		if s.named() {
			m["propertyNames"] = object{"pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"}
		}
		return m
	case kindList:
		list := object{"type": []string{"array", "null"}, "items": schemaOf(s.elem, docs, defs)}
		switch {
		case s.elem.kind == kindStruct:
			return object{"anyOf": []object{list, schemaOf(s.elem, docs, defs)}}
		case s.single:
			return object{"anyOf": []object{list, {"type": "string"}}}
		}
		return list
	case kindScalar:
	}
	switch {
	case s.values() != nil:
		return object{"anyOf": []object{{"enum": s.values()}, later}}
	case s.typ == reflect.TypeFor[Duration]():
		return object{"type": []string{"string", "integer"}, "minimum": 0, "maximum": 0, "pattern": `^(0|([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+)$|\$\{`}
	case s.typ == reflect.TypeFor[Size]():
		return object{"type": []string{"string", "integer"}, "minimum": 0, "pattern": `^[0-9.]+ ?([KMGT]i?)?B?$|\$\{`}
	case s.typ == reflect.TypeFor[Number](), s.typ == reflect.TypeFor[Ratio]():
		n := object{"type": []string{"number", "string"}, "minimum": 0, "pattern": `^[0-9.]+$|\$\{`}
		if s.typ == reflect.TypeFor[Ratio]() {
			n["maximum"] = 1
		}
		return n
	case s.typ == reflect.TypeFor[Key]():
		return object{"type": "string", "pattern": `^(client_ip|jwt_subject|(header|cookie):.+)$|\$\{`}
	case s.typ == reflect.TypeFor[Cores]():
		return object{"type": []string{"number", "string"}, "minimum": 0, "maximum": 4096, "pattern": `^[0-9.]+$|\$\{`}
	case s.typ == reflect.TypeFor[Port]():
		return object{"anyOf": []object{{"enum": []string{"auto", "none"}}, {"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "string", "pattern": `^[0-9]+$|\$\{`}}}
	case s.typ.Kind() == reflect.Bool:
		return object{"type": []string{"boolean", "string"}, "pattern": `^(true|false)$|\$\{`}
	case s.typ.Kind() == reflect.Int, s.typ.Kind() == reflect.Int64:
		n := object{"type": []string{"integer", "string"}, "pattern": `^-?[0-9]+$|\$\{`}
		if s.rule.min != "" {
			n["minimum"] = json.Number(s.rule.min)
		}
		if s.rule.max != "" {
			n["maximum"] = json.Number(s.rule.max)
		}
		return n
	default:
		return object{"type": []string{"string", "number", "boolean"}}
	}
}

func schema(t *testing.T) object {
	t.Helper()
	defs := object{}
	schemaOf(rootShape(), comments(t), defs)
	root, _ := defs["Config"].(object)
	delete(defs, "Config")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Holdfast configuration"
	root["patternProperties"] = object{"^x-": true}
	root["$defs"] = defs
	return root
}

func TestSchema(t *testing.T) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(schema(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, schemaFile, b.String())
}

func TestReference(t *testing.T) {
	docs := comments(t)
	for name, doc := range docs {
		if doc == "" {
			t.Errorf("%s has no comment", name)
		}
	}
	var b strings.Builder
	b.WriteString(`# Reference of the configuration

<!-- Generated from internal/config: go test ./internal/config -update -->

All keys of holdfast.yaml and of the files in conf.d. NAME is a name of your choice: lower-case letters, digits, - and _.
Every value may hold ` + "`${env:NAME}`, `${env:NAME:-default}`, `${file:PATH}` and `${install_dir}`, the folder of the Holdfast executable; `$${` is a literal `${`" + `.
Durations carry a unit (500ms, 30s, 5m, 1h30m), and so do sizes (64KiB, 50MiB, 1GB).

The layers are, the weakest first: defaults, on Windows the address that was chosen at setup, holdfast.yaml, conf.d/\*.yaml in the
order of their names, environment variables (` + "`HOLDFAST_APPS__SHOP__INSTANCES=3`), `--set apps.shop.instances=3`" + `, and on Windows
Group Policy. Sections merge by key; lists and single values replace. ` + "`holdfast explain KEY`" + ` names the layer that wins.
`)
	referenceOf(&b, rootShape(), "", docs)
	policyReference(&b)
	b.WriteString("\n## Diagnostics\n\nThe codes of `holdfast check`. They are never renumbered.\n\n| code | severity | title | meaning |\n| --- | --- | --- | --- |\n")
	for _, c := range Codes() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.Code, c.Severity, cell(c.Title), cell(c.Meaning))
	}
	golden(t, referenceFile, b.String())
}

// policyReference writes the settings of Group Policy.
func policyReference(b *strings.Builder) {
	b.WriteString("\n## Group Policy\n\n" + `On Windows the strongest layer is what Group Policy writes below ` + "`HKLM\\SOFTWARE\\Policies\\Holdfast`" + ` (or the name of your own
installation); the templates for its editor are in [policy](policy) and, in an installed Holdfast, in policy.zip. Other systems
have no such layer. A change counts 2 s after the last value was written, without a restart.

- A policy is put over what is in force without it. One for an app, route, listener or certificate that the machine does not
  have changes nothing there, with a warning, so that one policy serves many machines.
- A value with an unknown name, of the wrong type or that the configuration does not allow is an error: the last good
  configuration stays, and the event config.rejected (Event Log 210) names the registry value and the cure. A start has no last
  good configuration: it leaves out the values with an error, tells the same event, and goes on with all others, because a
  mistake in one policy must not keep a whole fleet down after its next restart.

A list or names is a key of its own: below it, one REG_SZ for each entry. For names the value's name is that of the app, route, ...
and stands for the * in the key.

| policy | registry | configuration key | value |
| --- | --- | --- | --- |
`)
	registry := map[PolicyKind]string{
		PolicyText: "REG_SZ", PolicyEnum: "REG_SZ", PolicyNumber: "REG_DWORD", PolicySwitch: "REG_DWORD",
		PolicyList: "key, numbered REG_SZ", PolicyNames: "key, REG_SZ by name", PolicyPairs: "key, REG_SZ by key",
	}
	root := rootShape()
	for _, p := range PolicySettings() {
		value := ""
		switch p.Kind {
		case PolicyEnum:
			value = "one of " + strings.Join(p.Values, ", ")
		case PolicyNumber:
			value = strings.TrimSpace(fmt.Sprintf("%d to %d %s", p.Min, p.Max, p.Unit))
		case PolicySwitch:
			value = "1 (enabled) or 0 (disabled)"
		case PolicyPairs:
			value = "as after --set KEY="
		case PolicyText, PolicyList, PolicyNames:
			s := p.shape(root)
			value = s.wants()
			if s.kind == kindList && p.Kind == PolicyNames {
				value = "several, with commas between"
			}
			if bounds := s.rule.bounds(); bounds != "" {
				value += ", " + bounds
			}
		}
		key := p.Key
		if key == "" {
			key = "any"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", p.Name, registry[p.Kind], cell(key), cell(value))
	}
}

// referenceOf writes one section with its keys, then the sections below.
func referenceOf(b *strings.Builder, s *shape, prefix string, docs map[string]string) {
	name := s.typ.Name()
	if prefix != "" {
		fmt.Fprintf(b, "\n## %s\n\n%s\n", strings.TrimSuffix(prefix, "."), cell(docs[name]))
	}
	b.WriteString("\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n")
	var below []field
	for _, f := range s.fields {
		value := "-"
		if d, ok := defaultTrees()[name][f.name]; ok && f.shape.kind != kindStruct {
			text, err := json.Marshal(d)
			if err == nil {
				value = "`" + strings.Trim(string(text), `"`) + "`"
			}
		}
		if f.shape.rule.required {
			value = "required"
		}
		wants := f.shape.wants()
		if bounds := f.shape.rule.bounds(); bounds != "" {
			wants += ", " + bounds
		}
		fmt.Fprintf(b, "| %s%s | %s | %s | %s |\n", prefix, f.name, cell(wants), value, cell(docs[name+"."+f.name]))
		if f.shape.kind == kindStruct || f.shape.named() || f.shape.kind == kindList && f.shape.elem.kind == kindStruct {
			below = append(below, f)
		}
	}
	for _, f := range below {
		switch {
		case f.shape.named():
			referenceOf(b, f.shape.elem, prefix+f.name+".NAME.", docs)
		case f.shape.kind == kindList:
			referenceOf(b, f.shape.elem, prefix+f.name+".", docs)
		default:
			referenceOf(b, f.shape, prefix+f.name+".", docs)
		}
	}
}

func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "*", `\*`, "<", `\<`, "\n", " ").Replace(text)
}

// TestSchemaAgrees holds the schema against the strict reader: what the one accepts, the other does.
func TestSchemaAgrees(t *testing.T) {
	data, err := json.Marshal(schema(t))
	if err != nil {
		t.Fatal(err)
	}
	var root any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	for name, text := range examples(t) {
		if problems := valid(root, root, document(t, text), name); len(problems) > 0 {
			t.Errorf("the schema refuses an example: %v", problems)
		}
	}
	for name, text := range map[string]string{
		"unknown key":      "nonsense: 1",
		"unknown app key":  "apps: {a: {command: [x], cwd: /}}",
		"missing command":  "apps: {a: {instances: 2}}",
		"bad name":         "apps: {A B: {command: [x]}}",
		"range":            "apps: {a: {command: [x], instances: 5000}}",
		"duration":         "routes: {a: {app: x, timeout: 30}}",
		"enumeration":      "logging: {level: loud}",
		"command as text":  "apps: {a: {command: x}}",
		"port":             "apps: {a: {command: [x], port: 70000}}",
		"section as value": "routes: {a: {match: x}}",
	} {
		if problems := valid(root, root, document(t, text), ""); len(problems) == 0 {
			t.Errorf("%s: the schema accepts %s", name, text)
		}
		if problems := Check(name, []byte("version: 1\n"+text), Options{}); problems.Errors() == 0 {
			t.Errorf("%s: the reader accepts %s", name, text)
		}
	}
}

func document(t *testing.T, text string) any {
	t.Helper()
	var doc any
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// valid checks v against the keywords that the schema uses.
func valid(root, schema, v any, at string) (problems []string) {
	s, ok := schema.(map[string]any)
	if !ok {
		return nil // true
	}
	fail := func(format string, args ...any) { problems = append(problems, at+": "+fmt.Sprintf(format, args...)) }
	if ref, ok := s["$ref"].(string); ok {
		def := root.(map[string]any)["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")]
		problems = append(problems, valid(root, def, v, at)...)
	}
	if types, ok := s["type"]; ok && !slices.ContainsFunc(listed(types), func(typ any) bool { return isType(v, typ) }) {
		fail("%v is not of type %v", v, types)
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		fail("%v is not one of %v", v, enum)
	}
	if forms, ok := s["anyOf"].([]any); ok && !slices.ContainsFunc(forms, func(one any) bool { return len(valid(root, one, v, at)) == 0 }) {
		fail("%v fits none of %v", v, forms)
	}
	switch v := v.(type) {
	case string:
		if pattern, ok := s["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(v) {
			fail("%q does not match %s", v, pattern)
		}
	case float64:
		if low, ok := s["minimum"].(float64); ok && v < low {
			fail("%v < %v", v, low)
		}
		if high, ok := s["maximum"].(float64); ok && v > high {
			fail("%v > %v", v, high)
		}
	case []any:
		for i, entry := range v {
			problems = append(problems, valid(root, s["items"], entry, fmt.Sprintf("%s/%d", at, i))...)
		}
	case map[string]any:
		for _, key := range listed(s["required"]) {
			if _, ok := v[key.(string)]; !ok {
				fail("%v is missing", key)
			}
		}
		properties, _ := s["properties"].(map[string]any)
		for key, entry := range v {
			if names, ok := s["propertyNames"]; ok {
				problems = append(problems, valid(root, names, key, at)...)
			}
			sub := properties[key]
			if sub == nil && s["patternProperties"] != nil && strings.HasPrefix(key, "x-") {
				continue
			}
			if sub == nil {
				sub = s["additionalProperties"]
			}
			if sub == false {
				fail("unknown key %q", key)
				continue
			}
			problems = append(problems, valid(root, sub, entry, at+"/"+key)...)
		}
	}
	return problems
}

func listed(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	if v == nil {
		return nil
	}
	return []any{v}
}

func isType(v, typ any) bool {
	switch v := v.(type) {
	case nil:
		return typ == "null"
	case string:
		return typ == "string"
	case bool:
		return typ == "boolean"
	case float64:
		return typ == "number" || typ == "integer" && v == float64(int64(v))
	case []any:
		return typ == "array"
	default:
		return typ == "object"
	}
}
