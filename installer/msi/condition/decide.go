package condition

import (
	"cmp"
	"strings"
)

// node is one part of a condition.
type node interface {
	// decide is the result with the symbols that decided it.
	decide(v Values) (bool, []Symbol)
	walk(visit func(Symbol))
	render(s *strings.Builder)
}

type group struct{ inner node }

func (g *group) decide(v Values) (bool, []Symbol) { return g.inner.decide(v) }
func (g *group) walk(visit func(Symbol))          { g.inner.walk(visit) }
func (g *group) render(s *strings.Builder) {
	s.WriteByte('(')
	g.inner.render(s)
	s.WriteByte(')')
}

type not struct{ inner node }

func (n *not) decide(v Values) (bool, []Symbol) {
	result, symbols := n.inner.decide(v)
	return !result, symbols
}
func (n *not) walk(visit func(Symbol)) { n.inner.walk(visit) }
func (n *not) render(s *strings.Builder) {
	s.WriteString("NOT ")
	n.inner.render(s)
}

// join is two parts with an operator between them.
type join struct {
	op          string
	left, right node
}

func (j *join) decide(v Values) (bool, []Symbol) {
	left, because := j.left.decide(v)
	right, also := j.right.decide(v)
	both := append(because[:len(because):len(because)], also...)
	switch j.op {
	case "AND":
		return side(left && right, !left, !right, because, also, both)
	case "OR":
		return side(left || right, left, right, because, also, both)
	case "XOR":
		return left != right, both
	case "EQV":
		return left == right, both
	default: // IMP
		return side(!left || right, !left, right, because, also, both)
	}
}

// side picks the symbols of the side that alone decides, of both when none does.
func side(result, left, right bool, because, also, both []Symbol) (bool, []Symbol) {
	switch {
	case left:
		return result, because
	case right:
		return result, also
	default:
		return result, both
	}
}

func (j *join) walk(visit func(Symbol)) {
	j.left.walk(visit)
	j.right.walk(visit)
}

func (j *join) render(s *strings.Builder) {
	j.left.render(s)
	s.WriteString(" " + j.op + " ")
	j.right.render(s)
}

// value alone holds when it is a text that is not empty or a number that is not 0.
type value struct{ token }

func (t *value) text(v Values) string {
	if t.kind == tokenSymbol {
		return v(t.symbol)
	}
	return t.token.text
}

func (t *value) decide(v Values) (bool, []Symbol) {
	if t.kind == tokenInteger {
		return t.number != 0, nil
	}
	return t.text(v) != "", t.symbols()
}

func (t *value) symbols() []Symbol {
	if t.kind == tokenSymbol {
		return []Symbol{t.symbol}
	}
	return nil
}

func (t *value) walk(visit func(Symbol)) {
	for _, s := range t.symbols() {
		visit(s)
	}
}

func (t *value) render(s *strings.Builder) { s.WriteString(t.said()) }

type comparison struct {
	left, right *value
	op          string
	fold        bool
}

func (c *comparison) decide(v Values) (bool, []Symbol) {
	return c.holds(v), append(c.left.symbols(), c.right.symbols()...)
}

func (c *comparison) walk(visit func(Symbol)) {
	c.left.walk(visit)
	c.right.walk(visit)
}

func (c *comparison) render(s *strings.Builder) {
	c.left.render(s)
	s.WriteByte(' ')
	if c.fold {
		s.WriteByte('~')
	}
	s.WriteString(c.op + " ")
	c.right.render(s)
}

// holds compares as numbers when both sides are some, else as texts. A text in quotation marks is
// never a number, and a number and what is none are only ever unequal.
func (c *comparison) holds(v Values) bool {
	left, right := c.left.text(v), c.right.text(v)
	literal := c.left.kind == tokenLiteral || c.right.kind == tokenLiteral
	a, first := integer(left)
	b, second := integer(right)
	switch {
	case !literal && first && second:
		return numbers(a, b, c.op)
	case c.left.kind == tokenInteger || c.right.kind == tokenInteger:
		return c.op == "<>"
	}
	if c.fold {
		left, right = strings.ToLower(left), strings.ToLower(right)
	}
	return texts(left, right, c.op)
}

func numbers(a, b int, op string) bool {
	switch op {
	case "><":
		return a&b != 0
	case "<<":
		return a>>16&0xffff == b
	case ">>":
		return a&0xffff == b
	}
	return ordered(cmp.Compare(a, b), op)
}

// texts compares two texts. Nothing contains, begins or ends an empty text.
func texts(a, b, op string) bool {
	switch op {
	case "><":
		return a != "" && strings.Contains(a, b)
	case "<<":
		return a != "" && strings.HasPrefix(a, b)
	case ">>":
		return a != "" && strings.HasSuffix(a, b)
	}
	return ordered(strings.Compare(a, b), op)
}

func ordered(order int, op string) bool {
	switch op {
	case "=":
		return order == 0
	case "<>":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default: // ">="
		return order >= 0
	}
}
