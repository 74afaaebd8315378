package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
)

// kind is what a key's value must be in YAML.
type kind int

const (
	kindScalar kind = iota
	kindStruct
	kindMap
	kindList
)

// shape is what the types say about one key: the strict reader, explain, the JSON schema and the
// reference page all read it instead of the types.
type shape struct {
	kind   kind
	typ    reflect.Type // the Go type, without its pointer
	fields []field      // of a struct, in the order of the type
	byName map[string]int
	elem   *shape // of a map or a list
	single bool   // a list that may be written as one value
	text   bool   // the type reads itself from text
	any    bool   // a text that may be any
	hidden bool   // see secret
	needs  bool   // something below it is required
	rule   rule
}

// field is a key of a struct.
type field struct {
	name  string
	omit  bool // yaml's omitempty: the zero value is not a default worth showing
	shape *shape
}

// rule is what a field's rule tag says:
//
//	required              the key must be there, and not empty
//	min=, max=            bounds, in the field's own notation
//	path                  a file or folder; relative ones start at the folder of their file
//	program               a list whose first entry is a path when it holds a separator
//	placeholders=instance ${app}, ${instance} and ${port} are left for Expand
//	placeholders=request  ${path} and ${query} are left for ExpandRedirect
//
// The entries of a list or map have the rule of their field.
type rule struct {
	required     bool
	path         bool
	program      bool
	min, max     string
	placeholders []string
}

// shapeOf reads the types from t on.
func shapeOf(t reflect.Type, r rule) *shape {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	s := &shape{typ: t, rule: r, hidden: t.Name() == "Value"}
	switch {
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		s.text = true
		return s
	case t.Kind() == reflect.Struct:
		s.kind, s.byName = kindStruct, make(map[string]int, t.NumField())
		for i := range t.NumField() {
			f := t.Field(i)
			name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			sub := shapeOf(f.Type, parseRule(f.Tag.Get("rule")))
			s.fields = append(s.fields, field{name, option == "omitempty", sub})
			s.byName[name] = i
			s.needs = s.needs || sub.needs || sub.rule.required
		}
	case t.Kind() == reflect.Map:
		s.kind, s.elem = kindMap, shapeOf(t.Elem(), r.forEntries())
		s.needs = s.elem.needs
	case t.Kind() == reflect.Slice:
		s.kind, s.elem = kindList, shapeOf(t.Elem(), r.forEntries())
		s.single = t == reflect.TypeFor[OneOrMany]() || s.elem.kind == kindStruct
	default:
		s.any = t == reflect.TypeFor[string]()
	}
	return s
}

// rootShape is the shape of the whole configuration.
func rootShape() *shape { return shapeOf(reflect.TypeFor[Config](), rule{}) }

func (r rule) forEntries() rule {
	r.required = false
	return r
}

func parseRule(tag string) rule {
	var r rule
	if tag == "" {
		return r
	}
	for part := range strings.SplitSeq(tag, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "required":
			r.required = true
		case "path":
			r.path = true
		case "program":
			r.program = true
		case "min":
			r.min = value
		case "max":
			r.max = value
		case "placeholders":
			r.placeholders = []string{"app", "instance", "port"}
			if value == "request" {
				r.placeholders = []string{"path", "query"}
			}
		}
	}
	return r
}

// named reports whether s is a map of named things, whose keys are names.
func (s *shape) named() bool { return s.kind == kindMap && s.elem.kind == kindStruct }

// secret reports whether s holds values that must not be shown.
func (s *shape) secret() bool { return s.kind == kindScalar && s.hidden }

// field is the key of a struct with this name.
func (s *shape) field(name string) (*shape, bool) {
	if i, ok := s.byName[name]; ok {
		return s.fields[i].shape, true
	}
	return nil, false
}

// child is the shape of the value under key.
func (s *shape) child(key string) (*shape, bool) {
	switch s.kind {
	case kindStruct:
		return s.field(key)
	case kindMap:
		return s.elem, true
	case kindScalar, kindList:
	}
	return nil, false
}

// step takes the next key from the parts of a longer one. The keys of headers and variables may
// hold what stands between the parts, so they take the rest.
func (s *shape) step(parts []string, join string) (key string, rest []string) {
	if s.kind == kindMap && !s.named() {
		return strings.Join(parts, join), nil
	}
	return parts[0], parts[1:]
}

// keys are the names of a struct's fields.
func (s *shape) keys() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

// values are what may be written for an enumeration, nil for every other scalar.
func (s *shape) values() []string {
	if e, ok := reflect.Zero(s.typ).Interface().(interface{ Values() []string }); ok {
		return e.Values()
	}
	return nil
}

// wants says in words what a value of this shape looks like.
func (s *shape) wants() string {
	switch s.kind {
	case kindStruct:
		return "a section with keys of its own"
	case kindMap:
		if s.named() {
			return "a section of named entries"
		}
		return "a section of NAME: value lines"
	case kindList:
		if s.elem.kind == kindStruct {
			return "a section, or a list of them"
		}
		return "a list, such as [a, b]"
	case kindScalar:
	}
	switch {
	case s.values() != nil:
		return "one of " + strings.Join(s.values(), ", ")
	case s.typ == reflect.TypeFor[Duration]():
		return "a duration, such as 500ms, 30s or 5m"
	case s.typ == reflect.TypeFor[Size]():
		return "a size, such as 64KiB or 50MiB"
	case s.typ == reflect.TypeFor[Cores]():
		return "a number of processors, such as 0.5 or 2"
	case s.typ == reflect.TypeFor[Number]():
		return "a number, such as 0.5 or 2000"
	case s.typ == reflect.TypeFor[Ratio]():
		return "a ratio from 0 to 1"
	case s.typ == reflect.TypeFor[Key]():
		return "client_ip, jwt_subject, header:NAME or cookie:NAME"
	case s.typ == reflect.TypeFor[Port]():
		return "auto, none or a port number"
	case s.typ.Kind() == reflect.Bool:
		return "true or false"
	case s.typ.Kind() == reflect.Int, s.typ.Kind() == reflect.Int64:
		return "a whole number"
	default:
		return "a single text"
	}
}

// bounds says in words which values are allowed, "" when there is no bound.
func (r rule) bounds() string {
	switch {
	case r.min != "" && r.max != "":
		return fmt.Sprintf("from %s to %s", r.min, r.max)
	case r.min != "":
		return "at least " + r.min
	case r.max != "":
		return "at most " + r.max
	default:
		return ""
	}
}
