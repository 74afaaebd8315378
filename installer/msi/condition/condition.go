// Package condition is the language of conditions in Windows Installer packages.
//
// The language is that of learn.microsoft.com/windows/win32/msi/conditional-statement-syntax; where
// that page is silent, Windows decides as the tests in this package say. Nothing is remembered
// between two evaluations, and a Condition may be used by several goroutines at once.
package condition

import (
	"slices"
	"strings"
)

// Kind is what a symbol stands for. Its text is the prefix in the language.
type Kind string

// The kinds of symbols. States are numbers: -1 no action, 1 advertised, 2 absent, 3 local, 4 source.
const (
	Property        Kind = ""
	Environment     Kind = "%"
	ComponentAction Kind = "$" // what this installation does to the component
	ComponentState  Kind = "?" // what the component is before it
	FeatureAction   Kind = "&"
	FeatureState    Kind = "!"
)

// Symbol is a name in a condition.
type Symbol struct {
	Kind Kind
	Name string
}

func (s Symbol) String() string { return string(s.Kind) + s.Name }

// Values gives the value of a symbol: "" for one that is not set or does not exist.
type Values func(Symbol) string

// Fact is a symbol with the value that helped to decide.
type Fact struct {
	Symbol Symbol
	Value  string
}

func (f Fact) String() string { return f.Symbol.String() + `="` + f.Value + `"` }

// Condition is a parsed condition. The zero value is the empty condition, which holds.
type Condition struct {
	text    string
	root    node
	numbers []int
}

// String is the condition as it was written.
func (c *Condition) String() string { return c.text }

// Empty tells that there is no condition: the row always applies.
func (c *Condition) Empty() bool { return c.root == nil }

// Holds evaluates the condition.
func (c *Condition) Holds(v Values) bool {
	result, _ := c.Decide(v)
	return result
}

// Decide evaluates the condition and tells which symbols decided, with their values: those without
// which the result could have been another one, each once, in the order of the text.
func (c *Condition) Decide(v Values) (bool, []Fact) {
	if c.root == nil {
		return true, nil
	}
	result, symbols := c.root.decide(v)
	var facts []Fact
	for _, s := range c.Symbols() {
		if slices.Contains(symbols, s) {
			facts = append(facts, Fact{s, v(s)})
		}
	}
	return result, facts
}

// Symbols are all symbols of the condition, each once, in the order of the text.
func (c *Condition) Symbols() []Symbol {
	var all []Symbol
	if c.root != nil {
		c.root.walk(func(s Symbol) {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		})
	}
	return all
}

// Numbers are the numbers that the condition itself holds, in the order of the text.
func (c *Condition) Numbers() []int { return slices.Clone(c.numbers) }

// Same tells whether two conditions are the same text but for spaces and the case of operators.
func Same(a, b *Condition) bool {
	render := func(c *Condition) string {
		if c.root == nil {
			return ""
		}
		var s strings.Builder
		c.root.render(&s)
		return s.String()
	}
	return render(a) == render(b)
}
