package migrate

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// element is one of an XML file. Names are as they stand; their case never matters to these tools.
type element struct {
	name     string
	attrs    []xml.Attr
	text     string
	children []*element
}

// readXML reads a whole file. Document types, and with them entities and external files, are refused.
func readXML(data []byte) (*element, error) {
	var in io.Reader = strings.NewReader(string(data))
	declared := false
	if len(data) >= 2 && (data[0] == 0xFF && data[1] == 0xFE || data[0] == 0xFE && data[1] == 0xFF) {
		in, declared = strings.NewReader(textOf(data)), true
	}
	d := xml.NewDecoder(in)
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		if declared || strings.EqualFold(charset, "utf-16") {
			return in, nil // it is UTF-8 by now
		}
		enc, err := htmlindex.Get(charset)
		if err != nil {
			return nil, fmt.Errorf("the encoding %q is not known; save the file as UTF-8", charset)
		}
		return enc.NewDecoder().Reader(in), nil
	}
	var root *element
	var stack []*element
	for nodes := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, xmlError(err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errors.New("it has a document type (<!DOCTYPE>), which could name other files; remove it")
		case xml.StartElement:
			if nodes++; nodes > maxNodes {
				return nil, errTooMany("elements", maxNodes)
			}
			if len(stack) >= maxDepth {
				return nil, fmt.Errorf("its elements are nested deeper than %d", maxDepth)
			}
			e := &element{name: t.Name.Local, attrs: t.Attr}
			if len(stack) > 0 {
				in := stack[len(stack)-1]
				in.children = append(in.children, e)
			} else if root == nil {
				root = e
			}
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 0 {
				e := stack[len(stack)-1]
				e.text += string(t)
				if len(e.text) > maxText {
					return nil, fmt.Errorf("the text of <%s> is longer than 64 KiB", shown(e.name))
				}
			}
		}
	}
	if root == nil {
		return nil, errors.New("it is no XML file: there is no element in it")
	}
	return root, nil
}

func xmlError(err error) error {
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return fmt.Errorf("line %d is not XML: %s", syntax.Line, shown(syntax.Msg))
	}
	return err
}

// is compares names without case.
func (e *element) is(name string) bool { return strings.EqualFold(e.name, name) }

// child is the first one of that name, nil if there is none.
func (e *element) child(name string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.is(name) {
			return c
		}
	}
	return nil
}

// all are the children of that name.
func (e *element) all(name string) []*element {
	var found []*element
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.is(name) {
			found = append(found, c)
		}
	}
	return found
}

// value is the text of a child, trimmed; empty if there is none.
func (e *element) value(name string) string { return e.child(name).trimmed() }

func (e *element) trimmed() string {
	if e == nil {
		return ""
	}
	return strings.TrimSpace(e.text)
}

// attr is an attribute's value, empty if there is none.
func (e *element) attr(name string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.attrs {
		if strings.EqualFold(a.Name.Local, name) {
			return a.Value
		}
	}
	return ""
}
