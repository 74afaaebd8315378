package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// unknownKey reports a key that section s does not have.
func (r *reader) unknownKey(key *node, at path, s *shape) {
	name := key.Value
	if at == "" && strings.HasPrefix(name, "x-") {
		return // the administrator's own, a place for anchors
	}
	if better := meant(s, name); better != "" {
		r.reject(at.key(better)) // it is there, only misspelt
	}
	if slices.Contains(laterKeys(s.typ), name) {
		r.report(codeNotServed, r.spot(key), at.key(name), fmt.Sprintf("%q is not served by this version", name), "remove it")
		return
	}
	r.report(codeUnknownKey, r.spot(key), at.key(name), fmt.Sprintf("unknown key %q", name), s.unknownHint(name))
}

// unknownHint says which key of s was most likely meant by name, and how its value looks.
func (s *shape) unknownHint(name string) string {
	better := meant(s, name)
	if better == "" {
		return "known keys here: " + strings.Join(s.keys(), ", ")
	}
	hint := fmt.Sprintf("did you mean %q?", better)
	child, _ := s.field(better)
	switch spelled := snake(name); {
	case spelled == better:
	case child.typ == reflect.TypeFor[Duration]():
		hint += " durations carry a unit: " + better + ": 10s"
	case child.typ == reflect.TypeFor[Size]():
		hint += " sizes carry a unit: " + better + ": 50MiB"
	case better == "command" && strings.HasPrefix(spelled, "arg"):
		hint += " the arguments follow the program in one list: command: [PROGRAM, ARG, ARG]"
	case better == "listeners" && name == "ports":
		hint += ` write listeners: {web: {address: ":8080"}}`
	case child.kind == kindStruct:
		if inner := innerKey(child, spelled); inner != "" {
			hint += fmt.Sprintf(" write %s: {%s: ...}", better, inner)
		}
	}
	return hint
}

// innerKey is the key inside section s that a word outside of it was meant for: host stands in
// match, root in file_server.
func innerKey(s *shape, word string) string {
	if _, ok := s.field(word); ok {
		return word
	}
	if name := foreign(s.typ)[word]; name != "" {
		return name
	}
	return shorthand(s.typ)
}

// entryName checks the key of a map: a name, or the name of a variable or header.
func (r *reader) entryName(key *node, at path, s *shape) bool {
	name := key.Value
	var message, hint string
	switch {
	case s.named():
		if goodName(name) {
			return true
		}
		message = fmt.Sprintf("%q cannot be a name", name)
		hint = "names are lower-case letters, digits, - and _, begin with a letter or digit, and have at most 63 characters"
		if better := nameOf(name); better != "" {
			hint = fmt.Sprintf("write %q: %s", better, hint)
		}
	case s.elem.secret():
		if name != "" && !strings.ContainsAny(name, "=\x00") && !strings.ContainsFunc(name, isControl) {
			return true
		}
		message, hint = fmt.Sprintf("%q cannot be a name here", name), "write letters, digits and _"
	default:
		if goodToken(name) {
			return true
		}
		r.report(codeHeader, r.spot(key), at, fmt.Sprintf("%q cannot be the name of a header", name), "write letters, digits and -")
		return false
	}
	r.report(codeName, r.spot(key), at, message, hint)
	return false
}

func isControl(r rune) bool { return r < ' ' || r == 0x7F }

// goodName reports whether name is [a-z0-9][a-z0-9_-]{0,62}.
func goodName(name string) bool {
	if name == "" || len(name) > 63 || name[0] == '-' || name[0] == '_' {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
}

// nameOf makes a good name of a bad one, "" when there is none.
func nameOf(name string) string {
	better := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		case r == '.', r == ' ', r == '/', r == ':':
			return '-'
		default:
			return -1
		}
	}, strings.ToLower(name))
	better = strings.Trim(better, "-_")
	if !goodName(better) {
		return ""
	}
	return better
}

// goodToken reports whether s is a token of RFC 9110: the name of a header or a method.
func goodToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// wrongKind reports a section, list or single value in the place of another.
func (r *reader) wrongKind(n *node, at path, s *shape) {
	got := map[yaml.Kind]string{yaml.ScalarNode: "a single value", yaml.SequenceNode: "a list", yaml.MappingNode: "a section"}[n.Kind]
	p := r.spot(n)
	if at == "" {
		r.report(codeType, p, at, "the file is "+got+", not a section with keys", "begin the file with version: 1")
		return
	}
	r.report(codeType, p, at, fmt.Sprintf("%s must be %s, not %s", keyOf(at), s.wants(), got), s.kindHint(n, at))
}

// kindHint shows how the value that was given as the wrong kind is written.
func (s *shape) kindHint(n *node, at path) string {
	name := keyOf(at)
	switch {
	case s.secret() || n.Kind == yaml.ScalarNode && len(n.Value) > 80:
		return ""
	case s.kind == kindList && s.elem.kind == kindStruct && n.Kind == yaml.ScalarNode:
		return s.elem.kindHint(n, at)
	case s.kind == kindList && n.Kind == yaml.ScalarNode:
		words := strings.Fields(n.Value)
		for i, w := range words {
			words[i] = yamlText(w)
		}
		return fmt.Sprintf("write %s: [%s]", name, strings.Join(words, ", "))
	case s.typ == reflect.TypeFor[Probe]() && n.Kind == yaml.ScalarNode && strings.HasPrefix(n.Value, "/"):
		return fmt.Sprintf("write %s: {http_get: {path: %s}}", name, yamlText(n.Value))
	case s.kind == kindStruct && n.Kind == yaml.ScalarNode && shorthand(s.typ) != "":
		short, value := shorthand(s.typ), yamlText(n.Value)
		if of := s.fields[s.byName[short]].shape; of.kind == kindScalar {
			if _, err := of.parseScalar(n.Value); err != nil {
				value = "..."
			}
		}
		return fmt.Sprintf("write %s: {%s: %s}", name, short, value)
	case s.kind == kindStruct && n.Kind == yaml.ScalarNode && n.Value == "true" && !s.needs:
		return fmt.Sprintf("write %s: {}", name)
	case s.kind == kindStruct && n.Kind == yaml.SequenceNode && shorthand(s.typ) == "command":
		return fmt.Sprintf("write %s: {command: [...]}", name)
	case s.named() && n.Kind == yaml.SequenceNode:
		return fmt.Sprintf("write each entry under a name of its own: %s: {NAME: {...}}", name)
	case s.kind == kindMap && n.Kind == yaml.SequenceNode:
		return fmt.Sprintf("write NAME: VALUE lines without dashes: %s: {NAME: VALUE}", name)
	case s.kind == kindScalar && n.Kind == yaml.MappingNode && strings.HasPrefix(inline(n), "{{"):
		return `quote a text that begins with {`
	case s.kind == kindScalar && n.Kind == yaml.SequenceNode && len(n.Content) == 1 && n.Content[0].Kind == yaml.ScalarNode:
		if _, err := s.parseScalar(n.Content[0].Value); err != nil {
			return ""
		}
		return fmt.Sprintf("write %s: %s", name, yamlText(n.Content[0].Value))
	default:
		return ""
	}
}

// yamlText is s as it is written inside of brackets.
func yamlText(s string) string {
	if s == "" || strings.ContainsAny(s, `[]{},:#&*!|>'%@`+"`") {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return s
}

// inline is the beginning of a flow mapping as it is written.
func inline(n *node) string {
	if n.Style&yaml.FlowStyle != 0 && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode {
		return "{{"
	}
	return ""
}
