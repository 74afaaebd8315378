package wxs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// expand replaces the variables in a text: $(Name), $(var.Name), $(sys.BUILDARCH). $$ is a $.
func (p *preprocessor) expand(text string, at Pos) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		b.WriteString(before)
		switch {
		case !found:
			return b.String(), nil
		case strings.HasPrefix(rest, "$"):
			b.WriteByte('$')
			text = rest[1:]
			continue
		case !strings.HasPrefix(rest, "("):
			b.WriteByte('$')
			text = rest
			continue
		}
		name, after, closed := strings.Cut(rest[1:], ")")
		switch {
		case !closed:
			return "", &Error{at, fmt.Sprintf("$(%s has no closing parenthesis", name), "for the characters $( write $$("}
		case strings.Contains(name, "("):
			return "", &Error{at, fmt.Sprintf("preprocessor function $(%s)", name), "functions are not supported"}
		case strings.HasPrefix(name, "loc."):
			return "", &Error{at, fmt.Sprintf("$(%s) is not a variable", name), fmt.Sprintf("texts of the localization are !(%s)", name)}
		}
		value, err := p.variable(name, at)
		if err != nil {
			return "", err
		}
		if value == nil {
			return "", &Error{at, fmt.Sprintf("variable %s is not defined", strings.TrimPrefix(name, "var.")), p.known(strings.TrimPrefix(name, "var."))}
		}
		if err := p.in.take(len(*value)); err != nil {
			return "", &Error{at, err.Error(), ""}
		}
		b.WriteString(*value)
		text = after
	}
}

// variable is the value of a variable, nil when it is not defined. Of the system's variables those
// that differ from machine to machine are refused: the same sources must give the same package.
func (p *preprocessor) variable(name string, at Pos) (*string, error) {
	prefix, rest, found := strings.Cut(name, ".")
	if !found {
		prefix, rest = "var", name
	}
	switch {
	case !isName(rest):
		return nil, &Error{at, fmt.Sprintf("%q is not the name of a variable", name), "write $(Name) or $(sys.BUILDARCH)"}
	case prefix == "var":
		if value, ok := p.vars[rest]; ok {
			return &value, nil
		}
		return nil, nil
	case prefix == "sys" && rest == "BUILDARCH":
		return &p.options.Arch, nil
	case prefix == "sys" && rest == "BUILDARCHSHORT":
		short := map[string]string{"x86": "X86", "x64": "X64", "arm64": "A64"}[p.options.Arch]
		return &short, nil
	case prefix == "env":
		return nil, &Error{at, fmt.Sprintf("$(%s) is the environment's", name), fmt.Sprintf("pass it as a variable: $(%s)", rest)}
	default:
		return nil, &Error{at, fmt.Sprintf("$(%s) is not supported", name), "known: $(var.Name), $(Name), $(sys.BUILDARCH), $(sys.BUILDARCHSHORT)"}
	}
}

// known is the cure for an unknown variable.
func (p *preprocessor) known(name string) string {
	if better := closest(name, slices.Sorted(maps.Keys(p.vars))); better != "" {
		return fmt.Sprintf("did you mean %s?", better)
	}
	return fmt.Sprintf("define it: <?define %s = \"...\"?>, or pass it from outside", name)
}

// isName tells whether s is letters, digits, _ and ., beginning with a letter or _: the name of a
// variable, a text or a row.
func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}
