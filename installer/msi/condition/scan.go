package condition

import (
	"fmt"
	"strconv"
	"strings"
)

// SyntaxError is where and why a text is no condition.
type SyntaxError struct {
	Text   string
	Column int // of the first character that is wrong, from 1, in bytes
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("condition, column %d: %s: %s", e.Column, e.Reason, e.Text)
}

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenOpen
	tokenClose
	tokenSymbol
	tokenLiteral
	tokenInteger
	tokenCompare // text is the operator without "~"
	tokenLogic   // text is the operator in upper case
)

type token struct {
	kind   tokenKind
	text   string
	symbol Symbol
	number int
	fold   bool // "~" before the operator
	at     int
}

// said is the token as a person would name it.
func (t token) said() string {
	switch t.kind {
	case tokenEnd:
		return "the end"
	case tokenOpen:
		return `"("`
	case tokenClose:
		return `")"`
	case tokenSymbol:
		return t.symbol.String()
	case tokenLiteral:
		return `"` + t.text + `"`
	case tokenInteger, tokenCompare, tokenLogic:
		return t.text
	}
	return t.text
}

type scanner struct {
	text string
	pos  int
}

func (s *scanner) fail(at int, format string, args ...any) error {
	return &SyntaxError{s.text, at + 1, fmt.Sprintf(format, args...)}
}

func (s *scanner) next() (token, error) {
	s.pos += len(s.text[s.pos:]) - len(strings.TrimLeft(s.text[s.pos:], " \t\r\n"))
	rest := s.text[s.pos:]
	if rest == "" {
		return token{kind: tokenEnd, at: s.pos}, nil
	}
	at := s.pos
	switch c := rest[0]; {
	case c == '(' || c == ')':
		s.pos++
		kind := tokenOpen
		if c == ')' {
			kind = tokenClose
		}
		return token{kind: kind, text: rest[:1], at: at}, nil
	case c == '"':
		return s.literal(at, rest)
	case c == '~' || strings.IndexByte("=<>", c) >= 0:
		return s.operator(at, rest)
	case strings.IndexByte("%$?&!", c) >= 0:
		name := identifier(rest[1:])
		if name == "" {
			return token{}, s.fail(at, "a name must follow %q", c)
		}
		s.pos += 1 + len(name)
		return token{kind: tokenSymbol, symbol: Symbol{Kind(c), name}, at: at}, nil
	case c == '-' || digit(c):
		return s.integer(at, rest)
	case letter(c):
		word := identifier(rest)
		s.pos += len(word)
		if upper := strings.ToUpper(word); logic(upper) {
			return token{kind: tokenLogic, text: upper, at: at}, nil
		}
		return token{kind: tokenSymbol, symbol: Symbol{Property, word}, at: at}, nil
	default:
		return token{}, s.fail(at, "%q has no meaning here", rune(rest[0]))
	}
}

// literal reads text in quotation marks. There is no escape for a quotation mark.
func (s *scanner) literal(at int, rest string) (token, error) {
	end := strings.IndexByte(rest[1:], '"')
	if end < 0 {
		return token{}, s.fail(at, `the closing '"' is missing`)
	}
	s.pos += end + 2
	return token{kind: tokenLiteral, text: rest[1 : end+1], at: at}, nil
}

func (s *scanner) operator(at int, rest string) (token, error) {
	bare, fold := strings.CutPrefix(rest, "~")
	for _, op := range [...]string{"<>", "<=", ">=", "><", "<<", ">>", "=", "<", ">"} {
		if strings.HasPrefix(bare, op) {
			s.pos += len(rest) - len(bare) + len(op)
			return token{kind: tokenCompare, text: op, fold: fold, at: at}, nil
		}
	}
	return token{}, s.fail(at, `a comparison such as "=" must follow "~" at once`)
}

func (s *scanner) integer(at int, rest string) (token, error) {
	n := 1
	for n < len(rest) && (digit(rest[n]) || letter(rest[n]) || rest[n] == '.') {
		n++
	}
	number, ok := integer(rest[:n])
	if !ok {
		return token{}, s.fail(at, "%s is no whole number of 32 bits; text belongs in quotation marks", rest[:n])
	}
	s.pos += n
	return token{kind: tokenInteger, text: rest[:n], number: number, at: at}, nil
}

// integer reads a number as the installer does: an optional minus and digits, nothing else.
func integer(s string) (int, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 32)
	return int(n), err == nil
}

// identifier is the name that s begins with, "" for none.
func identifier(s string) string {
	n := 0
	for n < len(s) && (letter(s[n]) || n > 0 && (digit(s[n]) || s[n] == '.')) {
		n++
	}
	return s[:n]
}

func letter(c byte) bool { return c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func logic(word string) bool {
	switch word {
	case "NOT", "AND", "OR", "XOR", "EQV", "IMP":
		return true
	}
	return false
}
