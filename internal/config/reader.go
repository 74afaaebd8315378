package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// reader turns the YAML nodes of one source into a layer. It is strict: what the shape does not
// know is a problem, and what has a problem is left out of the tree.
type reader struct {
	*collector
	env     environment
	machine machine
	install string // what ${install_dir} stands for
	layer   *layer
	nodes   int
}

// section reads the keys of a mapping.
func (r *reader) section(n *node, at path, s *shape, depth int) map[string]any {
	pairs := r.pairs(n, at, depth)
	out := make(map[string]any, len(pairs))
	r.entries(pairs, at, s, depth, out)
	return out
}

func (r *reader) readEntries(pairs []pair, at path, s *shape, depth int, out map[string]any) {
	for _, p := range pairs {
		name := p.key.Value
		sub := at.key(name)
		child, known := s.child(name)
		switch {
		case s.kind == kindMap:
			if !r.entryName(p.key, sub, s) {
				continue
			}
		case !known:
			r.unknownKey(p.key, at, s)
			continue
		}
		r.layer.spots.put(sub, entry{r.spot(p.key), r.spot(p.value)})
		if v, ok := r.value(p.value, sub, child, depth+1); ok {
			out[name] = v
		} else {
			r.reject(sub)
		}
	}
}

// value reads what stands under one key; false after a problem.
func (r *reader) value(n *node, at path, s *shape, depth int) (any, bool) {
	if !r.enter(n, at, depth) {
		return nil, false
	}
	n, ok := r.resolved(n, at)
	if !ok {
		return nil, false
	}
	empty := n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
	switch {
	case s.kind == kindScalar && empty:
		hint := "write " + s.wants() + ", or remove the line to get the default"
		if s.secret() {
			hint = `write "" for an empty text`
		}
		r.report(codeNoValue, r.spot(n), at, fmt.Sprintf("key %q has no value", last(at)), hint)
		return nil, false
	case s.kind == kindScalar && n.Kind == yaml.ScalarNode:
		return r.scalar(n, at, s)
	case s.kind == kindList && empty:
		return []any{}, true
	case s.kind == kindList && n.Kind == yaml.SequenceNode:
		return r.list(n.Content, at, s, depth)
	case s.kind == kindList && s.single && (n.Kind == yaml.ScalarNode && s.elem.kind == kindScalar || n.Kind == yaml.MappingNode && s.elem.kind == kindStruct):
		return r.list([]*node{n}, at, s, depth)
	case (s.kind == kindStruct || s.kind == kindMap) && empty:
		return map[string]any{}, true
	case (s.kind == kindStruct || s.kind == kindMap) && n.Kind == yaml.MappingNode:
		return r.section(n, at, s, depth), true
	default:
		r.wrongKind(n, at, s)
		return nil, false
	}
}

func (r *reader) list(nodes []*node, at path, s *shape, depth int) (any, bool) {
	out, good := make([]any, 0, len(nodes)), true
	for i, n := range nodes {
		sub := at.index(i)
		r.layer.spots.put(sub, entry{value: r.spot(n)})
		elem := s.elem
		if s.rule.program {
			program := *elem
			program.rule.program = i == 0
			elem = &program
		}
		v, ok := r.value(n, sub, elem, depth+1)
		good = good && ok
		out = append(out, v)
	}
	return out, good
}

func (r *reader) scalar(n *node, at path, s *shape) (any, bool) {
	if s.secret() {
		r.hide(n)
	}
	r.backslash(n, at, s)
	text, ok := r.interpolate(n, at, s.rule)
	if !ok {
		return nil, false
	}
	v, err := s.parseScalar(text)
	if err != nil {
		r.badValue(n, at, s, text, err)
		return nil, false
	}
	if text, isText := v.(string); isText && (s.rule.path || s.rule.program) {
		return r.absolute(text, n, at, s.rule)
	}
	return v, true
}

// enter counts against the bounds that keep hostile files small.
func (r *reader) enter(n *node, at path, depth int) bool {
	r.nodes++
	switch {
	case r.nodes == maxNodes:
		r.report(codeTooLarge, r.spot(n), at, fmt.Sprintf("there are more than %d values in this file", maxNodes), "split it into files in conf.d")
		return false
	case r.nodes > maxNodes:
		return false
	case depth > maxDepth:
		r.report(codeTooLarge, r.spot(n), at, fmt.Sprintf("nested deeper than %d levels", maxDepth), "no key of the format is that deep")
		return false
	default:
		return true
	}
}

// resolved follows aliases and refuses tags that the format does not have.
func (r *reader) resolved(n *node, at path) (*node, bool) {
	for range maxDepth {
		if n.Kind != yaml.AliasNode {
			switch tag := n.ShortTag(); tag {
			case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!merge", "!!map", "!!seq":
				return n, true
			default:
				r.report(codeAlias, r.spot(n), at, fmt.Sprintf("the tag %s is not known", tag), "remove it; a text that begins with ! needs quotes")
				return nil, false
			}
		}
		n = n.Alias
	}
	return nil, false
}

type pair struct{ key, value *node }

// pairs are the keys and values of a mapping, those of its merge keys (<<) last and only where the
// mapping itself has none. Repeated keys are problems.
func (r *reader) pairs(n *node, at path, depth int) []pair {
	own, merged := make([]pair, 0, len(n.Content)/2), []pair(nil)
	var seen map[string]*node // of many: a few are looked through
	if len(n.Content)/2 > 8 {
		seen = make(map[string]*node, len(n.Content)/2)
	}
	first := func(name string) *node {
		if seen != nil {
			return seen[name]
		}
		for i := range own {
			if own[i].key.Value == name {
				return own[i].key
			}
		}
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !r.enter(key, at, depth) {
			return nil
		}
		if key.ShortTag() == "!!merge" {
			merged = append(merged, r.merge(value, at, depth)...)
			continue
		}
		key, ok := r.resolved(key, at)
		if !ok {
			continue
		}
		if key.Kind != yaml.ScalarNode {
			r.report(codeType, r.spot(key), at, "a key must be a single word", `a text that begins with { or [ needs quotes; if this is a template, write "{{ ... }}" in quotes`)
			continue
		}
		if first := first(key.Value); first != nil {
			hint := "remove one of the two"
			if first.Line > 0 {
				hint += fmt.Sprintf("; the first is on line %d", first.Line)
			}
			r.report(codeDuplicate, r.spot(key), at.key(key.Value), fmt.Sprintf("key %q is given twice", key.Value), hint)
			continue
		}
		if seen != nil {
			seen[key.Value] = key
		}
		own = append(own, pair{key, value})
	}
	for _, p := range merged {
		if first(p.key.Value) == nil {
			if seen != nil {
				seen[p.key.Value] = p.key
			}
			own = append(own, p)
		}
	}
	return own
}

// merge is what a merge key brings: a section, or a list of them, of which the first wins.
func (r *reader) merge(n *node, at path, depth int) []pair {
	if !r.enter(n, at, depth) {
		return nil
	}
	target, ok := r.resolved(n, at)
	if !ok {
		return nil
	}
	switch target.Kind { //nolint:exhaustive // the rest cannot be merged
	case yaml.MappingNode:
		return r.pairs(target, at, depth+1)
	case yaml.SequenceNode:
		var all []pair
		for _, item := range target.Content {
			all = append(all, r.merge(item, at, depth+1)...)
		}
		return all
	default:
		r.report(codeAlias, r.spot(n), at, "<< merges sections, and this is none", "write <<: *NAME, where NAME is the anchor of a section")
		return nil
	}
}

// spot is the place of a node; its width is that of the text as written.
func (r *reader) spot(n *node) spot {
	p := spot{src: r.layer.src, line: n.Line, column: n.Column, width: 1}
	if n.Line == 0 || n.Line > len(p.src.lines) {
		p.line = min(n.Line, len(p.src.lines))
		return p
	}
	switch {
	case n.Kind == yaml.AliasNode:
		p.width = 1 + utf8.RuneCountInString(n.Value)
	case n.Kind != yaml.ScalarNode:
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		p.width = quotedWidth(after(p.src.lines[n.Line-1], n.Column))
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0:
		p.width = max(1, utf8.RuneCountInString(n.Value))
	}
	return p
}

// after is the rest of a line from a column on.
func after(line string, column int) string {
	for i := range line {
		column--
		if column == 0 {
			return line[i:]
		}
	}
	return ""
}

// quotedWidth is the length of the quoted text that s begins with, to the end of the line at most.
func quotedWidth(s string) int {
	width, quote := 0, rune(0)
	escaped := false
	for _, c := range s {
		width++
		switch {
		case quote == 0:
			quote = c
		case escaped:
			escaped = false
		case c == '\\' && quote == '"':
			escaped = true
		case c == quote:
			return width
		}
	}
	return max(1, width)
}

// hide keeps the text of a secret out of the snippets of this source.
func (r *reader) hide(n *node) {
	src := r.layer.src
	if n.Line == 0 || n.Line > len(src.lines) {
		return
	}
	block := n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	p := r.spot(n)
	single := p.width
	if block || strings.Contains(n.Value, "\n") || n.Style == 0 && !strings.HasPrefix(after(src.lines[n.Line-1], n.Column), n.Value) ||
		n.Style != 0 && !closes(after(src.lines[n.Line-1], n.Column)) {
		single = 0
	}
	src.star(n.Line, span{n.Column, single})
	if single > 0 {
		return
	}
	// A text of several lines ends where its quotes do, or where a line is not indented further than
	// its key.
	indent := indentation(src.lines[n.Line-1])
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
	for i := n.Line + 1; i <= len(src.lines); i++ {
		line := src.lines[i-1]
		if !quoted && strings.TrimSpace(line) != "" && indentation(line) <= indent {
			return
		}
		src.star(i, span{1, 0})
		if quoted && strings.ContainsAny(line, `"'`) {
			return
		}
	}
}

// closes reports whether the quoted text that s begins with ends in s.
func closes(s string) bool {
	rest := after(s, quotedWidth(s))
	return len(s) > 1 && rest != "" && rest[0] == s[0]
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// badValue reports what parseScalar refused.
func (r *reader) badValue(n *node, at path, s *shape, text string, err error) {
	message, hint := err.Error(), ""
	if i := strings.LastIndex(message, ": write "); i >= 0 {
		message, hint = message[:i], message[i+2:]
	}
	code := codeValue
	if _, out := errors.AsType[*rangeError](err); out {
		code = codeRange
	}
	if better := s.cure(text); better != "" {
		hint = better
	}
	if hint == "" && s.rule.bounds() != "" {
		hint = "write a value " + s.rule.bounds()
	}
	r.report(code, r.spot(n), at, keyOf(at)+": "+message, hint)
}

// cure guesses what was meant by a bad scalar, "" when it cannot.
func (s *shape) cure(text string) string {
	if allowed := s.values(); allowed != nil {
		if value := meantValue(allowed, text); value != "" {
			return fmt.Sprintf("did you mean %q?", value)
		}
		return "write one of " + strings.Join(allowed, ", ")
	}
	if s.wants() == "true or false" {
		switch strings.ToLower(text) {
		case "yes", "on", "1", "y", "enabled":
			return "write true"
		case "no", "off", "0", "n", "disabled":
			return "write false"
		}
		return "write true or false"
	}
	if text == "" || strings.IndexByte("0123456789.", text[0]) < 0 {
		return "" // what follows is about units
	}
	for _, change := range [][2]string{
		{"", "s"},
		{"sec", "s"},
		{"secs", "s"},
		{"second", "s"},
		{"seconds", "s"},
		{"min", "m"},
		{"mins", "m"},
		{"minute", "m"},
		{"minutes", "m"},
		{"hour", "h"},
		{"hours", "h"},
		{"msec", "ms"},
		{"K", "KiB"},
		{"k", "KiB"},
		{"M", "MiB"},
		{"m", "MiB"},
		{"Mb", "MiB"},
		{"mb", "MiB"},
		{"G", "GiB"},
		{"g", "GiB"},
		{"gb", "GiB"},
		{"kb", "KiB"},
		{"Ki", "KiB"},
		{"Mi", "MiB"},
		{"Gi", "GiB"},
	} {
		number, ok := strings.CutSuffix(text, change[0])
		if !ok {
			continue
		}
		better := strings.TrimSpace(number) + change[1]
		if _, err := s.parseScalar(better); err == nil && better != text {
			return "did you mean " + better + "?"
		}
	}
	return ""
}

// last is the key that a path ends with; for an entry of a list that of the list.
func last(at path) string {
	parts := at.parts()
	for i := len(parts) - 1; i >= 0; i-- {
		if strings.Trim(parts[i], "0123456789") != "" {
			return parts[i]
		}
	}
	return ""
}

func keyOf(at path) string {
	if name := last(at); name != "" {
		return name
	}
	return "value"
}
