package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// plainYAML reads the part of YAML that most configurations keep to: block mappings and lists, flow
// mappings and lists that end on their line, and texts of one line, quoted or not, without escapes. What
// it reads has the nodes of the YAML library, which takes six times as long; with thousands of routes that
// is most of a reload. On anything else, faults included, it gives up (nil), and the library reads the
// whole text: only that decides what is YAML and what is wrong with it.
func plainYAML(lines []string) *node {
	p := &plain{lines: lines, nodes: make([]node, 0, 1+min(4*len(lines), slabSize))}
	if !p.next() {
		return nil
	}
	root := p.block(p.indent, 0)
	if root == nil || p.at < len(p.lines) {
		return nil
	}
	return root
}

const (
	maxPlainDepth = 24
	maxPlainKey   = 512 // the library takes at most 1024
	slabSize      = 512
)

// plain stands on a line with something in it, or behind the last one.
type plain struct {
	lines  []string
	at     int
	text   string // of the line, without its indentation
	indent int
	nodes  []node // the slab that nodes are cut from
	bad    bool   // a line that is not for us
}

// next goes to the next line with something in it, the present one included.
func (p *plain) next() bool {
	for ; p.at < len(p.lines); p.at++ {
		line := p.lines[p.at]
		text := strings.TrimLeft(line, " ")
		if text == "" || text[0] == '#' {
			continue
		}
		p.text, p.indent = text, len(line)-len(text)
		if !ours(text) || p.indent == 0 && (strings.HasPrefix(text, "---") || strings.HasPrefix(text, "...")) {
			p.bad = true
			return false
		}
		return true
	}
	return false
}

// ours reports whether a line has nothing but printable ASCII.
func ours(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// more goes to the line after the present one.
func (p *plain) more() bool {
	p.at++
	return p.next()
}

// node is a new one whose text begins at an offset of the present line's.
func (p *plain) node(kind yaml.Kind, offset int) *node {
	if len(p.nodes) == cap(p.nodes) {
		p.nodes = make([]node, 0, slabSize)
	}
	p.nodes = append(p.nodes, node{Kind: kind, Line: p.at + 1, Column: p.indent + offset + 1})
	return &p.nodes[len(p.nodes)-1]
}

// block is the mapping or list whose lines are indented by indent, the present line first; nil for
// what is not plain.
func (p *plain) block(indent, depth int) *node {
	if depth > maxPlainDepth {
		return nil
	}
	if isItem(p.text) {
		return p.items(indent)
	}
	n := p.node(yaml.MappingNode, 0)
	n.Tag, n.Content = "!!map", make([]*node, 0, 8)
	for {
		key, end := p.key()
		if key == nil {
			return nil
		}
		value := p.value(end, indent, depth)
		if value == nil {
			return nil
		}
		n.Content = append(n.Content, key, value)
		switch {
		case p.bad || p.at < len(p.lines) && p.indent > indent:
			return nil
		case p.at == len(p.lines) || p.indent < indent:
			return n
		}
	}
}

// isItem reports whether a line is one of a block list.
func isItem(text string) bool { return strings.HasPrefix(text, "- ") }

// items is a block list of texts and flow collections.
func (p *plain) items(indent int) *node {
	n := p.node(yaml.SequenceNode, 0)
	n.Tag = "!!seq"
	for {
		start := len(p.text) - len(strings.TrimLeft(p.text[1:], " "))
		if p.mapping(start) {
			return nil
		}
		value := p.inline(start)
		if value == nil {
			return nil
		}
		n.Content = append(n.Content, value)
		p.more()
		switch {
		case p.bad || p.at < len(p.lines) && p.indent > indent:
			return nil
		case p.at == len(p.lines) || p.indent < indent || !isItem(p.text):
			return n
		}
	}
}

// mapping reports whether what begins at start may be a key of a mapping.
func (p *plain) mapping(start int) bool {
	rest := p.text[start:]
	return rest == "" || rest[0] != '{' && rest[0] != '[' && (strings.Contains(rest, ": ") || strings.HasSuffix(rest, ":"))
}

// key reads the key of a block mapping's line and returns where its value begins.
func (p *plain) key() (key *node, end int) {
	end = strings.Index(p.text, ": ")
	if end < 0 {
		end = len(strings.TrimRight(p.text, " ")) - 1
		if p.text[end] != ':' {
			return nil, 0
		}
	}
	name := p.text[:end]
	if name == "" || len(name) > maxPlainKey || name[len(name)-1] == ' ' || !plainStart(name[0]) || strings.Contains(name, " #") || name == "<<" {
		return nil, 0
	}
	key = p.node(yaml.ScalarNode, 0)
	key.Value, key.Tag = name, plainTag(name)
	return key, end + 1
}

// value reads what follows a key, and goes behind it.
func (p *plain) value(start, indent, depth int) *node {
	start += len(p.text[start:]) - len(strings.TrimLeft(p.text[start:], " "))
	if start < len(p.text) && p.text[start] != '#' {
		n := p.inline(start)
		if n != nil {
			p.more()
		}
		return n
	}
	if !p.more() || p.indent < indent || p.indent == indent && !isItem(p.text) {
		return nil // no value
	}
	return p.block(p.indent, depth+1)
}

// inline is a text or a flow collection that goes to the end of the line.
func (p *plain) inline(start int) *node {
	switch p.text[start] {
	case '{', '[', '"', '\'':
		n, end := p.flow(start, 0)
		if n == nil {
			return nil
		}
		rest := strings.TrimLeft(p.text[end:], " ")
		if rest != "" && (rest[0] != '#' || p.text[end] != ' ') {
			return nil
		}
		return n
	}
	text := p.text[start:]
	if i := strings.Index(text, " #"); i >= 0 {
		text = text[:i]
	}
	text = strings.TrimRight(text, " ")
	if text == "" || !plainBegin(text) || strings.Contains(text, ": ") || text[len(text)-1] == ':' {
		return nil
	}
	return p.plainText(text, start)
}

func (p *plain) plainText(text string, start int) *node {
	if text == "<<" {
		return nil
	}
	n := p.node(yaml.ScalarNode, start)
	n.Value, n.Tag = text, plainTag(text)
	return n
}

// plainStart reports whether an unquoted text may begin with c; some may that are not worth the trouble.
func plainStart(c byte) bool { return strings.IndexByte("-?:,[]{}#&*!|>'\"%@`", c) < 0 && c != ' ' }

// plainBegin is plainStart for a value, which may be an option: -v, --port.
func plainBegin(text string) bool {
	if text[0] != '-' {
		return plainStart(text[0])
	}
	rest := strings.TrimLeft(text, "-")
	return rest != "" && (rest[0] >= 'a' && rest[0] <= 'z' || rest[0] >= 'A' && rest[0] <= 'Z' || rest[0] >= '0' && rest[0] <= '9')
}

// plainTag is that of a text that is nothing but a text; the library finds the others out.
func plainTag(text string) string {
	if c := text[0]; c >= '0' && c <= '9' || strings.IndexByte("+-.yYnNtTfFoO~=<", c) >= 0 {
		return ""
	}
	return "!!str"
}

// flow is a quoted text, an unquoted one or a collection in a line; end is where the rest begins.
func (p *plain) flow(start, depth int) (n *node, end int) {
	if start >= len(p.text) || depth > maxPlainDepth {
		return nil, 0
	}
	switch c := p.text[start]; c {
	case '{':
		return p.flowMapping(start, depth)
	case '[':
		return p.flowList(start, depth)
	case '"', '\'':
		return p.quoted(start, c)
	}
	end = start
	for end < len(p.text) && strings.IndexByte(",[]{}", p.text[end]) < 0 {
		if c := p.text[end]; c == '#' || c == ':' && (end+1 == len(p.text) || strings.IndexByte(" ,[]{}", p.text[end+1]) >= 0) {
			break
		}
		end++
	}
	text := strings.TrimRight(p.text[start:end], " ")
	if text == "" || !plainBegin(text) || strings.Contains(text, "?") || end < len(p.text) && (p.text[end] == '#' || p.text[end] == '[' || p.text[end] == '{') {
		return nil, 0
	}
	return p.plainText(text, start), start + len(text)
}

// quoted is a quoted text without escapes.
func (p *plain) quoted(start int, quote byte) (n *node, end int) {
	length := strings.IndexByte(p.text[start+1:], quote)
	if length < 0 {
		return nil, 0
	}
	text := p.text[start+1 : start+1+length]
	end = start + length + 2
	if quote == '"' && strings.IndexByte(text, '\\') >= 0 || quote == '\'' && end < len(p.text) && p.text[end] == quote {
		return nil, 0
	}
	n = p.node(yaml.ScalarNode, start)
	n.Value, n.Tag, n.Style = text, "!!str", yaml.DoubleQuotedStyle
	if quote == '\'' {
		n.Style = yaml.SingleQuotedStyle
	}
	return n, end
}

// skip is where the next character other than a space is.
func (p *plain) skip(at int) int {
	for at < len(p.text) && p.text[at] == ' ' {
		at++
	}
	return at
}

func (p *plain) flowMapping(start, depth int) (n *node, end int) {
	n = p.node(yaml.MappingNode, start)
	n.Tag, n.Style, n.Content = "!!map", yaml.FlowStyle, make([]*node, 0, 4)
	for at := p.skip(start + 1); at < len(p.text); {
		if p.text[at] == '}' {
			return n, at + 1
		}
		key, end := p.flow(at, depth+1)
		if key == nil || key.Kind != yaml.ScalarNode || end-at > maxPlainKey || !strings.HasPrefix(p.text[end:], ": ") {
			return nil, 0
		}
		value, end := p.flow(p.skip(end+1), depth+1)
		if value == nil {
			return nil, 0
		}
		n.Content = append(n.Content, key, value)
		if at = p.comma(end, '}'); at < 0 {
			return nil, 0
		}
	}
	return nil, 0
}

func (p *plain) flowList(start, depth int) (n *node, end int) {
	n = p.node(yaml.SequenceNode, start)
	n.Tag, n.Style = "!!seq", yaml.FlowStyle
	for at := p.skip(start + 1); at < len(p.text); {
		if p.text[at] == ']' {
			return n, at + 1
		}
		value, end := p.flow(at, depth+1)
		if value == nil {
			return nil, 0
		}
		n.Content = append(n.Content, value)
		if at = p.comma(end, ']'); at < 0 {
			return nil, 0
		}
	}
	return nil, 0
}

// comma is where the next entry begins, or the bracket that closes, after an entry that ends at at.
func (p *plain) comma(at int, bracket byte) int {
	at = p.skip(at)
	switch {
	case at < len(p.text) && p.text[at] == ',':
		return p.skip(at + 1)
	case at < len(p.text) && p.text[at] == bracket:
		return at
	default:
		return -1
	}
}
