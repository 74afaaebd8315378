// Package formatted is the Formatted texts of Windows Installer packages: [Property], [%VARIABLE],
// [#File], [$Component], [\x], [~] and {groups}, resolved from the inside out
// (learn.microsoft.com/windows/win32/msi/formatted).
package formatted

import (
	"fmt"
	"strings"
)

// Kind is what a reference stands for; its text is the prefix in the language.
type Kind string

// The kinds of references.
const (
	Property    Kind = ""
	Environment Kind = "%"
	File        Kind = "#" // the full path of an installed file
	ShortFile   Kind = "!" // the same in 8.3 names
	Component   Kind = "$" // the folder of a component, with a backslash at its end
)

// Reference is what stands between brackets.
type Reference struct {
	Kind Kind
	Name string
}

func (r Reference) String() string { return "[" + string(r.Kind) + r.Name + "]" }

// Values gives what a reference stands for, "" when that is not set or does not exist.
type Values func(Reference) string

// Bounds of what is expanded: a package may be anybody's, and each property may hold the one before it
// twice. Brackets and braces within more than deepest others stay; what comes after longest is cut.
const (
	deepest = 64
	longest = 1 << 20
)

// Expand resolves all references of a text. Brackets and braces without a partner stay; a value is
// not resolved again. A group in braces whose references all have a value loses its braces, one with
// a reference without a value is left out, and one without references stays as it is.
func Expand(text string, v Values) string {
	e := expander{text, partners(text)}
	return e.expand(0, len(text), v)
}

type expander struct {
	text string
	ends map[int]int // where the bracket or brace at a place has its partner
}

func (e *expander) expand(from, to int, v Values) string {
	var s strings.Builder
	for at := from; at < to && s.Len() < longest; at++ {
		end, open := e.ends[at]
		switch {
		case !open:
			s.WriteByte(e.text[at])
			continue
		case e.text[at] == '{':
			s.WriteString(e.braces(at+1, end, v))
		default:
			s.WriteString(e.brackets(at+1, end, v))
		}
		at = end
	}
	return s.String()[:min(s.Len(), longest)]
}

func (e *expander) braces(from, to int, v Values) string {
	found, missing := false, false
	result := e.expand(from, to, func(r Reference) string {
		value := v(r)
		found = true
		missing = missing || value == ""
		return value
	})
	switch {
	case !found:
		return "{" + result + "}"
	case missing:
		return ""
	}
	return result
}

func (e *expander) brackets(from, to int, v Values) string {
	inner := e.text[from:to]
	if after, ok := strings.CutPrefix(inner, `\`); ok {
		for _, first := range after {
			return string(first)
		}
		return ""
	}
	if inner == "~" {
		return "\x00"
	}
	return v(reference(e.expand(from, to, v)))
}

func reference(s string) Reference {
	if s != "" && strings.IndexByte("%#!$", s[0]) >= 0 {
		return Reference{Kind(s[0]), s[1:]}
	}
	return Reference{Property, s}
}

// partners finds the closing partner of every bracket and brace that has one. What opens within a
// pair and does not close there has none, nor has the character after "[\".
func partners(text string) map[int]int {
	ends := map[int]int{}
	var open []int
	waiting := map[byte]int{}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '[', '{':
			if len(open) == deepest {
				continue
			}
			open = append(open, i)
			waiting[c]++
			if c == '[' && strings.HasPrefix(text[i+1:], `\`) {
				i += 2
			}
		case ']', '}':
			opener := c - 2 // "[" is two before "]", "{" two before "}"
			for found := false; waiting[opener] > 0 && !found; {
				last := open[len(open)-1]
				open = open[:len(open)-1]
				waiting[text[last]]--
				if found = text[last] == opener; found {
					ends[last] = i
				}
			}
		}
	}
	return ends
}

// References are all references of a text, in order. A nested one counts, the one around it, whose
// name is known only at run time, does not.
func References(text string) []Reference {
	var all []Reference
	Expand(text, func(r Reference) string {
		if !strings.Contains(r.Name, "\x01") {
			all = append(all, r)
		}
		return "\x01"
	})
	return all
}

// Check tells what is wrong with a text that a package holds: a bracket without a partner, a name
// that nothing can have. The installer itself would pass over it in silence.
func Check(text string) error {
	depth := 0
	for rest := text; rest != ""; {
		at := strings.IndexAny(rest, "[]")
		if at < 0 {
			break
		}
		switch {
		case rest[at] == ']':
			depth--
		case strings.HasPrefix(rest[at:], `[\`) && len(rest) > at+2:
			depth++
			at += 2 // the escaped character
		default:
			depth++
		}
		if depth < 0 {
			return fmt.Errorf(`%q: a "]" has no "["; a plain bracket is written [\]]`, text)
		}
		rest = rest[at+1:]
	}
	if depth > 0 {
		return fmt.Errorf(`%q: a "[" has no "]"; a plain bracket is written [\[]`, text)
	}
	for _, r := range References(text) {
		if !valid(r) {
			return fmt.Errorf("%q: %s names nothing", text, r)
		}
	}
	return nil
}

// valid tells whether a name can exist: environment variables may have any, "(x86)" for one.
func valid(r Reference) bool {
	if r.Kind == Environment {
		return r.Name != ""
	}
	for i, c := range []byte(r.Name) {
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return r.Name != ""
}
