package wxs

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// localization is the texts of one language, and what its files say of it.
type localization struct {
	in      *input
	texts   map[string]string
	culture string

	codepage, summaryCodepage, language int
}

// readLocalizations reads the files and keeps the texts of the culture and those without one.
func readLocalizations(in *input, names []string, culture string, errs *Errors) *localization {
	known := readVocabulary(localizationVocabulary)
	words := &localization{in: in, texts: map[string]string{}, culture: culture}
	found := culture == ""
	places := map[string]Pos{}
	for _, name := range names {
		root, err := readPlain(in, name, "WixLocalization", namespaceWxl)
		if e, ok := errors.AsType[*Error](err); ok {
			*errs = append(*errs, e)
			found = true // who knows
			continue
		}
		known.check(root, nil, errs)
		if own := root.Get("Culture"); own != "" {
			if !strings.EqualFold(own, culture) {
				continue
			}
			found = true
			words.codepage, words.summaryCodepage = numberOf(root, "Codepage"), numberOf(root, "SummaryInformationCodepage")
			words.language = numberOf(root, "Language")
		}
		for _, e := range root.Children {
			id := e.Get("Id")
			if first, ok := places[id]; ok {
				errs.Add(e.At("Id"), fmt.Sprintf("text %s is there twice", id), fmt.Sprintf("the first is at %s", first))
			}
			places[id] = e.At("Id")
			words.texts[id] = e.Get("Value")
		}
	}
	if !found && len(names) > 0 {
		errs.Add(Pos{names[0], 1, 1}, fmt.Sprintf("no localization has the culture %s", culture), "name a file with Culture=\""+culture+"\"")
	}
	return words
}

// readPlain reads a file without a preprocessor; WiX has none for localizations either.
func readPlain(in *input, name, root, space string) (*Element, error) {
	data, err := in.read(name)
	if err != nil {
		return nil, &Error{Pos{name, 1, 1}, "cannot be read: " + err.Error(), ""}
	}
	l := newLexer(name, data, space)
	open := []*Element{{}}
	for {
		t, err := l.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		inner := open[len(open)-1]
		switch {
		case t.directive != "":
			return nil, &Error{t.pos, fmt.Sprintf("instruction <?%s?>", t.directive), "localizations have no preprocessor"}
		case t.start != nil:
			inner.Children = append(inner.Children, t.start)
			open = append(open, t.start)
		case t.end:
			open = open[:len(open)-1]
		default:
			return nil, &Error{t.pos, fmt.Sprintf("text in <%s>", inner.Name), "since WiX 4 it is in the attribute Value"}
		}
	}
	top := open[0].Children[0]
	if top.Name != root {
		return nil, &Error{top.Pos, fmt.Sprintf("the root element is <%s>", top.Name), fmt.Sprintf("it must be <%s>", root)}
	}
	return top, nil
}

// numberOf is an attribute as a number, 0 when it is not there or none.
func numberOf(e *Element, name string) int { return number(e.Get(name)) }

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// putInto replaces !(loc.Name) in all attributes.
func (w *localization) putInto(e *Element, errs *Errors) {
	for i := range e.Attrs {
		a := &e.Attrs[i]
		if a.bad {
			continue
		}
		value, err := w.expand(a.Value, a.Pos)
		if bad, ok := errors.AsType[*Error](err); ok {
			*errs = append(*errs, bad)
			a.bad = true
			continue
		}
		a.Value = value
	}
	for _, child := range e.Children {
		w.putInto(child, errs)
	}
}

func (w *localization) expand(text string, at Pos) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "!(")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, ")")
		kind, id, _ := strings.Cut(name, ".")
		if !closed || kind != "loc" {
			return "", &Error{at, fmt.Sprintf("!(%s) is not supported", name), "of the binder's variables only !(loc.Name) is known"}
		}
		value, ok := w.texts[id]
		if !ok {
			return "", &Error{at, fmt.Sprintf("text %s is in no localization for %q", id, w.culture), Suggest(id, slices.Sorted(maps.Keys(w.texts)))}
		}
		if strings.Contains(value, "!(") {
			return "", &Error{at, fmt.Sprintf("text %s contains another one", id), "write the text out"}
		}
		if err := w.in.take(len(value)); err != nil {
			return "", &Error{at, err.Error(), ""}
		}
		b.WriteString(value)
		text = after
	}
}
