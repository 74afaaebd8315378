package wxs

import (
	"fmt"
	"strconv"
	"strings"
)

// expression is the condition of an <?if?>:
//
//	Expression = Term { "and" Term } | Term { "or" Term }
//	Term       = "not" Term | "(" Expression ")" | Value [ Operator Value ]
//	Value      = $(Variable) | "text" | word
//	Operator   = "=" | "!=" | "~=" | "<" | "<=" | ">" | ">="
//
// WiX goes from left to right where "and" and "or" meet; that surprises readers, so both in one
// expression need parentheses here. A variable alone holds unless it is undefined, empty, 0, no or
// false. "=" and "!=" compare texts, "~=" in any case, the others whole numbers.
type expression struct {
	p     *preprocessor
	at    Pos
	whole string
	rest  string
	deep  int
}

// evaluate decides a condition.
func (p *preprocessor) evaluate(text string, at Pos) (bool, error) {
	x := &expression{p: p, at: at, whole: text, rest: text}
	value, err := x.expression()
	if err != nil {
		return false, err
	}
	if x.skip(); x.rest != "" {
		return false, x.fail(fmt.Sprintf("%q is too much", x.rest))
	}
	return value, nil
}

func (x *expression) fail(text string) error {
	return &Error{x.at, fmt.Sprintf("condition %q: %s", x.whole, text), ""}
}

func (x *expression) skip() { x.rest = strings.TrimLeft(x.rest, " \t\r\n") }

// word takes a keyword: it ends where a space or a parenthesis follows.
func (x *expression) word(word string) bool {
	x.skip()
	if len(x.rest) < len(word) || !strings.EqualFold(x.rest[:len(word)], word) {
		return false
	}
	after := x.rest[len(word):]
	if after != "" && !strings.ContainsAny(after[:1], " \t\r\n(") {
		return false
	}
	x.rest = after
	return true
}

func (x *expression) expression() (bool, error) {
	value, err := x.term()
	for joint := ""; err == nil; {
		next := ""
		switch {
		case x.word("and"):
			next = "and"
		case x.word("or"):
			next = "or"
		default:
			return value, nil
		}
		if joint != "" && joint != next {
			return false, x.fail("and meets or; put one of them into parentheses")
		}
		joint = next
		var other bool
		other, err = x.term()
		if joint == "and" {
			value = value && other
		} else {
			value = value || other
		}
	}
	return false, err
}

func (x *expression) term() (bool, error) {
	if x.deep++; x.deep > maxDepth {
		return false, x.fail("too deep")
	}
	defer func() { x.deep-- }()
	if x.word("not") {
		value, err := x.term()
		return !value, err
	}
	if after, ok := strings.CutPrefix(x.rest, "("); ok {
		x.rest = after
		value, err := x.expression()
		if err != nil {
			return false, err
		}
		x.skip()
		if after, ok = strings.CutPrefix(x.rest, ")"); !ok {
			return false, x.fail("a closing parenthesis is missing")
		}
		x.rest = after
		return value, nil
	}
	return x.comparison()
}

func (x *expression) comparison() (bool, error) {
	left, variable, err := x.value()
	if err != nil {
		return false, err
	}
	operator := x.operator()
	if operator == "" {
		if !variable {
			return false, x.fail("a text alone decides nothing")
		}
		return left != nil && *left != "" && *left != "0" && *left != "no" && *left != "false", nil
	}
	right, _, err := x.value()
	if err != nil {
		return false, err
	}
	if left == nil || right == nil {
		return false, x.fail("a variable in it is not defined")
	}
	return x.compare(strings.TrimSpace(*left), operator, strings.TrimSpace(*right))
}

func (x *expression) operator() string {
	x.skip()
	for _, o := range []string{"!=", "~=", "<=", ">=", "=", "<", ">"} {
		if after, ok := strings.CutPrefix(x.rest, o); ok {
			x.rest = after
			return o
		}
	}
	return ""
}

// value takes a value; nil is an undefined variable.
func (x *expression) value() (value *string, variable bool, err error) {
	x.skip()
	if after, ok := strings.CutPrefix(x.rest, `"`); ok {
		text, after, closed := strings.Cut(after, `"`)
		if !closed {
			return nil, false, x.fail("a quote is missing")
		}
		x.rest = after
		text, err = x.p.expand(text, x.at)
		return &text, false, err
	}
	if after, ok := strings.CutPrefix(x.rest, "$("); ok {
		name, after, closed := strings.Cut(after, ")")
		if !closed {
			return nil, false, x.fail("a closing parenthesis is missing")
		}
		x.rest = after
		value, err = x.p.variable(name, x.at)
		return value, true, err
	}
	end := strings.IndexAny(x.rest, " \t\r\n=!~<>()\"")
	if end < 0 {
		end = len(x.rest)
	}
	if end == 0 {
		return nil, false, x.fail("a value is missing")
	}
	text := x.rest[:end]
	x.rest = x.rest[end:]
	return &text, false, nil
}

func (x *expression) compare(left, operator, right string) (bool, error) {
	switch operator {
	case "=":
		return left == right, nil
	case "!=":
		return left != right, nil
	case "~=":
		return strings.EqualFold(left, right), nil
	}
	a, err := strconv.ParseInt(left, 10, 32)
	if err != nil {
		return false, x.fail(fmt.Sprintf("%q is not a number", left))
	}
	b, err := strconv.ParseInt(right, 10, 32)
	if err != nil {
		return false, x.fail(fmt.Sprintf("%q is not a number", right))
	}
	switch operator {
	case "<":
		return a < b, nil
	case "<=":
		return a <= b, nil
	case ">":
		return a > b, nil
	default:
		return a >= b, nil
	}
}
