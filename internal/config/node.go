package config

import "go.yaml.in/yaml/v3"

// node is what the reader needs of a yaml.Node, which is twice as large: a file may have 200 000 of them.
type node struct {
	Kind         yaml.Kind
	Style        yaml.Style
	Tag, Value   string
	Content      []*node
	Alias        *node
	Line, Column int
}

// ShortTag is yaml.Node's: !!str and so on, found out where none is written.
func (n *node) ShortTag() string {
	if len(n.Tag) > 2 && n.Tag[:2] == "!!" {
		return n.Tag
	}
	of := yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value}
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias.ShortTag()
	}
	return of.ShortTag()
}

// nodeOf copies a tree of the library's. Every alias leads to the copy of what it stands for.
func nodeOf(from *yaml.Node) *node { return copyNode(from, map[*yaml.Node]*node{}) }

func copyNode(from *yaml.Node, known map[*yaml.Node]*node) *node {
	if from == nil {
		return nil
	}
	if n := known[from]; n != nil {
		return n
	}
	n := &node{Kind: from.Kind, Style: from.Style, Tag: from.Tag, Value: from.Value, Line: from.Line, Column: from.Column}
	known[from] = n
	n.Alias = copyNode(from.Alias, known)
	for _, sub := range from.Content {
		n.Content = append(n.Content, copyNode(sub, known))
	}
	return n
}
