package wxs

import (
	"fmt"
	"slices"
	"strings"
)

// A vocabulary is written down as text, one block per element or per elements that take the same
// attributes, and one line per attribute:
//
//	Element [Element...] [< Parent...] [: Child...]
//		Attribute[!] kind
//
// "<" says in what an element may stand; one without parents is a root. ":" says which children come
// before all others, in this order and each at most once. "!" marks a required attribute. Text
// between elements is allowed nowhere. The kinds are in kind.go.
type words map[string]*definition

// definition is what is known of an element; the elements of a block share it.
type definition struct {
	parents  []string
	first    []string
	names    []string // of the attributes, in order
	kinds    map[string]string
	required []string
}

// readVocabulary reads the notation. The texts are this package's own; a test reads them all.
func readVocabulary(text string) words {
	known := words{}
	var d *definition
	for line := range strings.SplitSeq(text, "\n") {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case line[0] == '\t':
			name, required := strings.CutSuffix(fields[0], "!")
			d.names = append(d.names, name)
			d.kinds[name] = fields[1]
			if required {
				d.required = append(d.required, name)
			}
		default:
			head, first, _ := strings.Cut(line, ":")
			head, parents, _ := strings.Cut(head, "<")
			d = &definition{parents: strings.Fields(parents), first: strings.Fields(first), kinds: map[string]string{}}
			for _, name := range strings.Fields(head) {
				known[name] = d
			}
		}
	}
	return known
}

// children are the elements that may stand in one.
func (w words) children(parent string) []string {
	var names []string
	for name, d := range w {
		if slices.Contains(d.parents, parent) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// check checks an element and all in it.
func (w words) check(e, parent *Element, errs *Errors) {
	d := w[e.Name]
	switch {
	case d == nil && parent == nil:
		errs.Add(e.Pos, fmt.Sprintf("unknown element <%s>", e.Name), "")
		return
	case d == nil:
		errs.Add(e.Pos, fmt.Sprintf("<%s> in <%s> is unknown or not supported", e.Name, parent.Name), Suggest(e.Name, w.children(parent.Name)))
		return
	case parent != nil && !slices.Contains(d.parents, parent.Name):
		errs.Add(e.Pos, fmt.Sprintf("<%s> cannot stand in <%s>", e.Name, parent.Name), "it stands in "+strings.Join(d.parents, ", "))
		return
	}
	for _, a := range e.Attrs {
		kind, ok := d.kinds[a.Name]
		if !ok {
			errs.Add(a.Pos, fmt.Sprintf("attribute %s of <%s> is unknown or not supported", a.Name, e.Name), Suggest(a.Name, d.names))
			continue
		}
		if a.bad {
			continue
		}
		if text, cure := checkKind(kind, a.Value); text != "" {
			errs.Add(a.Pos, fmt.Sprintf("%s=%q: %s", a.Name, shorten(a.Value), text), cure)
		}
	}
	for _, name := range d.required {
		if !e.Has(name) {
			errs.Add(e.Pos, fmt.Sprintf("<%s> without %s", e.Name, name), "it is required")
		}
	}
	d.checkOrder(e, errs)
	for _, child := range e.Children {
		w.check(child, e, errs)
	}
}

// checkOrder checks the place of the children that come first.
func (d *definition) checkOrder(e *Element, errs *Errors) {
	var seen []string
	last := -1
	for _, child := range e.Children {
		at := slices.Index(d.first, child.Name)
		switch {
		case at < 0:
			last = len(d.first)
			continue
		case slices.Contains(seen, child.Name):
			errs.Add(child.Pos, fmt.Sprintf("a second <%s> in <%s>", child.Name, e.Name), "one is enough")
		case at < last:
			errs.Add(child.Pos, fmt.Sprintf("<%s> comes too late in <%s>", child.Name, e.Name), "the order is "+strings.Join(d.first, ", ")+", then all others")
		}
		seen = append(seen, child.Name)
		last = max(last, at)
	}
}

// shorten keeps a value readable in an error.
func shorten(value string) string {
	const most = 60
	if runes := []rune(value); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return value
}
