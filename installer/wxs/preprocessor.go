package wxs

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"
)

// Namespaces of the schemas; WiX 4, 5 and 6 use the same.
const (
	namespaceWxs = "http://wixtoolset.org/schemas/v4/wxs"
	namespaceWxl = "http://wixtoolset.org/schemas/v4/wxl"
)

// preprocessor builds the tree of one source: it obeys the processing instructions and replaces the
// variables in the attributes. Its variables live as long as the source, as in WiX: what one source
// defines another does not see.
type preprocessor struct {
	in       *input
	options  Options
	vars     map[string]string
	errs     *Errors
	warnings Errors

	open     []*Element // the elements around the current place, the root first
	includes []string   // the files around the current place
}

func newPreprocessor(in *input, o Options, errs *Errors) *preprocessor {
	vars := map[string]string{}
	maps.Copy(vars, o.Defines)
	return &preprocessor{in: in, options: o, vars: vars, errs: errs}
}

// source is the root element of a source, nil when it cannot be read to its end.
func (p *preprocessor) source(name string) *Element {
	data, err := p.in.read(name)
	if err != nil {
		p.errs.Add(Pos{name, 1, 1}, "cannot be read: "+err.Error(), "")
		return nil
	}
	top := &Element{}
	p.open = []*Element{top}
	if err := p.file(name, data, "Wix"); err != nil {
		p.note(err)
		return nil
	}
	if len(top.Children) == 0 {
		p.errs.Add(Pos{name, 1, 1}, "no <Wix> is left after the conditions", "")
		return nil
	}
	return top.Children[0]
}

// note notes an error, nil is none.
func (p *preprocessor) note(err error) {
	if e, ok := errors.AsType[*Error](err); ok {
		*p.errs = append(*p.errs, e)
	}
}

// branch is an <?if?> whose <?endif?> is still to come.
type branch struct {
	pos    Pos
	level  int  // how many elements of the file were open
	outer  bool // what is around it is used
	use    bool // the part between two of its instructions is used
	taken  bool // one of its parts was used
	closed bool // <?else?> has come
}

// conditions are the branches around a place.
type conditions []branch

// active tells whether the current place is used.
func (c conditions) active() bool { return len(c) == 0 || c[len(c)-1].use }

// file reads one file into the innermost open element. An error is one after which the rest of the
// file means nothing; all others are noted.
func (p *preprocessor) file(name string, data []byte, root string) error {
	p.includes = append(p.includes, name)
	defer func() { p.includes = p.includes[:len(p.includes)-1] }()

	l := newLexer(name, data, namespaceWxs)
	var around conditions
	for level := 0; ; {
		t, err := l.next()
		if errors.Is(err, io.EOF) {
			return around.unclosed(-1)
		}
		if err != nil {
			return err
		}
		switch {
		case t.directive != "":
			if around, err = p.instruction(t, around, level); err != nil {
				return err
			}
		case t.start != nil:
			level++
			if level == 1 && t.start.Name != root {
				return &Error{t.pos, fmt.Sprintf("the root element is <%s>", t.start.Name), fmt.Sprintf("it must be <%s>", root)}
			}
			if around.active() {
				p.start(t.start, level == 1 && root == "Include")
			}
		case t.end:
			if err := around.unclosed(level - 1); err != nil {
				return err
			}
			if around.active() && (level > 1 || root == "Wix") {
				p.open = p.open[:len(p.open)-1]
			}
			level--
		case around.active():
			p.errs.Add(t.pos, fmt.Sprintf("text in <%s>", p.inner().Name), "since WiX 4 all values are attributes: Value, Condition, Message")
		}
	}
}

func (p *preprocessor) inner() *Element { return p.open[len(p.open)-1] }

// start opens an element; <Include> itself leaves no trace.
func (p *preprocessor) start(e *Element, include bool) {
	if include {
		for _, a := range e.Attrs {
			p.errs.Add(a.Pos, fmt.Sprintf("unknown attribute %s", a.Name), "<Include> has none")
		}
		return
	}
	for i := range e.Attrs {
		a := &e.Attrs[i]
		value, err := p.expand(a.Value, a.Pos)
		if err != nil {
			p.note(err)
			a.bad = true
			continue
		}
		a.Value = value
	}
	parent := p.inner()
	parent.Children = append(parent.Children, e)
	p.open = append(p.open, e)
}

// unclosed is the error about a branch that is still open although the element around it ends; -1 is
// the end of the file.
func (c conditions) unclosed(level int) error {
	if len(c) == 0 || c[len(c)-1].level <= level {
		return nil
	}
	return &Error{c[len(c)-1].pos, "<?if?> without <?endif?>", "close it in the same element"}
}

// instruction obeys one processing instruction.
func (p *preprocessor) instruction(t token, around conditions, level int) (conditions, error) {
	switch t.directive {
	case "if", "ifdef", "ifndef":
		b := branch{pos: t.pos, level: level, outer: around.active()}
		b.use = b.outer && p.holds(t)
		b.taken = b.use
		return append(around, b), nil
	case "elseif", "else", "endif":
		if len(around) == 0 || around[len(around)-1].level != level {
			return nil, &Error{t.pos, fmt.Sprintf("<?%s?> without <?if?>", t.directive), "both stand in the same element"}
		}
		return p.turn(t, around)
	case "define", "undef", "include", "error", "warning":
		if !around.active() {
			return around, nil
		}
		return around, p.order(t)
	case "foreach", "endforeach", "pragma":
		return nil, &Error{t.pos, fmt.Sprintf("<?%s?> is not supported", t.directive), "write the elements out"}
	default:
		return nil, &Error{t.pos, fmt.Sprintf("unknown instruction <?%s?>", t.directive), Suggest(t.directive, instructions())}
	}
}

func instructions() []string {
	return strings.Fields("define undef if ifdef ifndef elseif else endif include error warning")
}

// turn goes to the next part of the innermost branch, or out of it.
func (p *preprocessor) turn(t token, around conditions) (conditions, error) {
	b := &around[len(around)-1]
	switch {
	case t.directive == "endif":
		return around[:len(around)-1], nil
	case b.closed:
		return nil, &Error{t.pos, fmt.Sprintf("<?%s?> after <?else?>", t.directive), "<?else?> is the last part"}
	case t.directive == "else":
		b.closed = true
		b.use = b.outer && !b.taken
	default:
		b.use = b.outer && !b.taken && p.holds(t)
	}
	b.taken = b.taken || b.use
	return around, nil
}

// holds decides a condition. One that cannot be decided is noted and does not hold.
func (p *preprocessor) holds(t token) bool {
	if t.directive == "if" || t.directive == "elseif" {
		value, err := p.evaluate(t.words, t.pos)
		if err != nil {
			p.note(err)
		}
		return value
	}
	name := strings.TrimSuffix(strings.TrimPrefix(t.words, "$("), ")")
	value, err := p.variable(name, t.pos)
	if err != nil {
		p.note(err)
		return false
	}
	return (value != nil) == (t.directive == "ifdef")
}

// order obeys an instruction that is no condition. After a failed <?include?> most variables would
// be unknown, so its error ends the file.
func (p *preprocessor) order(t token) error {
	switch t.directive {
	case "define":
		p.note(p.define(t))
		return nil
	case "undef":
		name := strings.TrimPrefix(t.words, "var.")
		if _, ok := p.vars[name]; !ok {
			p.errs.Add(t.pos, fmt.Sprintf("variable %s is not defined", name), p.known(name))
		}
		delete(p.vars, name)
		return nil
	case "include":
		return p.include(t)
	}
	words, err := p.expand(t.words, t.pos)
	if err != nil {
		return err
	}
	if t.directive == "error" {
		return &Error{t.pos, words, ""}
	}
	p.warnings.Add(t.pos, words, "")
	return nil
}

// define sets a variable: name = value, name = "value", or the name alone.
func (p *preprocessor) define(t token) error {
	name, value, _ := strings.Cut(t.words, "=")
	name, value = strings.TrimPrefix(strings.TrimSpace(name), "var."), strings.TrimSpace(value)
	if !isName(name) {
		return &Error{t.pos, fmt.Sprintf("%q cannot be the name of a variable", name), "names are letters, digits, _ and ., beginning with a letter or _"}
	}
	if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		value = value[1 : n-1]
	}
	value, err := p.expand(value, t.pos)
	if err != nil {
		return err
	}
	if old, ok := p.vars[name]; ok && old != value {
		return &Error{t.pos, fmt.Sprintf("variable %s is %q already", name, old), fmt.Sprintf("put <?ifndef %s?> around it, or <?undef %s?> before it", name, name)}
	}
	p.vars[name] = value
	return nil
}

// include reads another file in the place of the instruction.
func (p *preprocessor) include(t token) error {
	words, err := p.expand(t.words, t.pos)
	if err != nil {
		return err
	}
	name := strings.ReplaceAll(strings.Trim(strings.TrimSpace(words), `"'`), `\`, "/")
	if path.IsAbs(name) || strings.Contains(name, ":") {
		return &Error{t.pos, fmt.Sprintf("include of the absolute path %q", name), "name it relative to the file that includes it"}
	}
	if len(p.includes) > maxIncludes {
		return &Error{t.pos, fmt.Sprintf("includes more than %d deep", maxIncludes), "does the file include itself?"}
	}
	name = path.Join(path.Dir(p.includes[len(p.includes)-1]), name)
	data, err := p.in.read(name)
	if err != nil {
		return &Error{t.pos, fmt.Sprintf("include %s: %v", name, err), ""}
	}
	return p.file(name, data, "Include")
}
