package wxs

import (
	"io/fs"
	"slices"
)

// Options are what a source may ask for.
type Options struct {
	// Defines are the variables given from outside, as by wix build -d Name=Value.
	Defines map[string]string
	// Arch is x64 or arm64: $(sys.BUILDARCH) and $(sys.BUILDARCHSHORT).
	Arch string
	// Culture chooses among the localizations: en-US, zh-CN. Files without a culture are always used.
	Culture string
}

// Sources are sources that can be compiled.
type Sources struct {
	// Elements are the children of every <Wix> in the order of the sources: Package and Fragment.
	Elements []*Element

	// Culture, Codepage, SummaryCodepage and Language are those of the chosen localization, "" and 0
	// where it does not say.
	Culture                             string
	Codepage, SummaryCodepage, Language int

	// Warnings are what the sources themselves said by <?warning?>.
	Warnings Errors
}

// Element is an element with the final values of its attributes.
type Element struct {
	Name     string
	Attrs    []Attr
	Children []*Element
	Pos      Pos // of its "<"
}

// Attr is an attribute.
type Attr struct {
	Name, Value string
	Pos         Pos // of its name

	bad bool // a mistake in the value is told already
}

// Get is the value of an attribute, "" when it is not there.
func (e *Element) Get(name string) string {
	if i := e.index(name); i >= 0 {
		return e.Attrs[i].Value
	}
	return ""
}

// Has tells whether an attribute is there.
func (e *Element) Has(name string) bool { return e.index(name) >= 0 }

// At is the place of an attribute, that of the element when it is not there.
func (e *Element) At(name string) Pos {
	if i := e.index(name); i >= 0 {
		return e.Attrs[i].Pos
	}
	return e.Pos
}

func (e *Element) index(name string) int {
	return slices.IndexFunc(e.Attrs, func(a Attr) bool { return a.Name == name })
}

// Load reads the named sources (*.wxs) and localizations (*.wxl) of fsys, paths with slashes.
// Included files are found there, too. The error is Errors: all mistakes in all files.
func Load(fsys fs.FS, sources, localizations []string, o Options) (*Sources, error) {
	in := &input{fsys: fsys, left: maxBytes}
	var errs Errors
	loaded := &Sources{Culture: o.Culture}
	words := readLocalizations(in, localizations, o.Culture, &errs)
	loaded.Codepage, loaded.SummaryCodepage, loaded.Language = words.codepage, words.summaryCodepage, words.language

	known := readVocabulary(vocabulary)
	for _, name := range sources {
		p := newPreprocessor(in, o, &errs)
		root := p.source(name)
		loaded.Warnings = append(loaded.Warnings, p.warnings...)
		if root == nil {
			continue
		}
		words.putInto(root, &errs)
		known.check(root, nil, &errs)
		loaded.Elements = append(loaded.Elements, root.Children...)
	}
	if err := errs.Err(); err != nil {
		return nil, err
	}
	return loaded, nil
}
