package policy

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// node is an element of a template as any reader of XML sees it.
type node struct {
	name     string
	attrs    map[string]string
	children []*node
	text     string
}

// parse reads a template without the types that wrote it.
func parse(t *testing.T, data []byte) *node {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(data))
	root := &node{}
	stack := []*node{root}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		top := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Space != schema {
				t.Errorf("%s is in namespace %q", token.Name.Local, token.Name.Space)
			}
			n := &node{name: token.Name.Local, attrs: map[string]string{}}
			for _, a := range token.Attr {
				if a.Name.Local != "xmlns" {
					n.attrs[a.Name.Local] = a.Value
				}
			}
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(token)
		}
	}
	if len(root.children) != 1 {
		t.Fatalf("%d roots", len(root.children))
	}
	return root.children[0]
}

// all are the elements below with a path of names, such as policies/policy.
func (n *node) all(path string) []*node {
	name, rest, deeper := strings.Cut(path, "/")
	var found []*node
	for _, child := range n.children {
		switch {
		case child.name != name:
		case deeper:
			found = append(found, child.all(rest)...)
		default:
			found = append(found, child)
		}
	}
	return found
}

// one is the only element of a path, nil without any.
func (n *node) one(path string) *node {
	if found := n.all(path); len(found) == 1 {
		return found[0]
	}
	return nil
}
