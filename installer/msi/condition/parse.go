package condition

import (
	"slices"
)

// nesting bounds parentheses: a condition in a table has at most 255 characters.
const nesting = 128

// Parse reads a condition. Its errors are of type *SyntaxError. A text of spaces is the empty
// condition.
func Parse(text string) (*Condition, error) {
	p := &parser{scanner: scanner{text: text}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.token.kind == tokenEnd {
		return &Condition{text: text}, nil
	}
	root, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		if p.token.kind == tokenCompare {
			return nil, p.wrong("a comparison needs two values: an expression in parentheses or a second comparison is none")
		}
		return nil, p.wrong("%s does not belong here; AND, OR, XOR, EQV or IMP joins two parts", p.token.said())
	}
	return &Condition{text: text, root: root, numbers: p.numbers}, nil
}

type parser struct {
	scanner
	token   token
	depth   int
	numbers []int
}

func (p *parser) advance() (err error) {
	p.token, err = p.next()
	return err
}

func (p *parser) wrong(format string, args ...any) error {
	return p.fail(p.token.at, format, args...)
}

// expression reads one level of precedence; the operators of the levels, lowest first, are joins.
func (p *parser) expression(level int) (node, error) {
	joins := [...]string{"IMP", "EQV", "XOR", "OR", "AND"}
	if level == len(joins) {
		return p.factor()
	}
	left, err := p.expression(level + 1)
	if err != nil {
		return nil, err
	}
	for p.token.kind == tokenLogic && p.token.text == joins[level] {
		if err := p.advance(); err != nil {
			return nil, err
		}
		right, err := p.expression(level + 1)
		if err != nil {
			return nil, err
		}
		left = &join{joins[level], left, right}
	}
	return left, nil
}

func (p *parser) factor() (node, error) {
	if p.token.kind != tokenLogic || p.token.text != "NOT" {
		return p.term()
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.token.kind == tokenLogic && p.token.text == "NOT" {
		return nil, p.wrong("NOT NOT is no condition; leave both out")
	}
	inner, err := p.term()
	if err != nil {
		return nil, err
	}
	return &not{inner}, nil
}

func (p *parser) term() (node, error) {
	if p.token.kind == tokenOpen {
		return p.group()
	}
	left, err := p.value()
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenCompare {
		return left, nil
	}
	op, fold := p.token.text, p.token.fold
	if err := p.advance(); err != nil {
		return nil, err
	}
	right, err := p.value()
	if err != nil {
		return nil, err
	}
	return &comparison{left, right, op, fold}, nil
}

func (p *parser) group() (node, error) {
	open := p.token.at
	if p.depth++; p.depth > nesting {
		return nil, p.wrong("more than %d parentheses within each other", nesting)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	inner, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.token.kind == tokenEnd {
		return nil, p.fail(open, `the closing ")" is missing`)
	}
	if p.token.kind != tokenClose {
		return nil, p.wrong("%s does not belong here; AND, OR, XOR, EQV or IMP joins two parts", p.token.said())
	}
	p.depth--
	return &group{inner}, p.advance()
}

func (p *parser) value() (*value, error) {
	t := p.token
	if !slices.Contains([]tokenKind{tokenSymbol, tokenLiteral, tokenInteger}, t.kind) {
		reason := "a property, a text in quotation marks or a number is needed, not " + t.said()
		if t.kind == tokenCompare {
			reason += `; equal is "=", unequal is "<>"`
		}
		return nil, p.wrong("%s", reason)
	}
	if t.kind == tokenInteger {
		p.numbers = append(p.numbers, t.number)
	}
	return &value{t}, p.advance()
}
