package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity tells whether a problem keeps a configuration from being used.
type Severity string

// The severities. An Error refuses the whole configuration; a Warning does not.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Problem is one thing that is wrong, where, and what to do about it. It never shows the value of
// an app's environment variable.
type Problem struct {
	// Code is stable and listed by Codes.
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	// Message says what is wrong; Hint what to do.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// File is the file as it was named to Load, empty when the value stands in no file. Line and
	// Column count from 1; Column counts characters.
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	// Source names the place of a value that stands in no file, such as
	// "environment variable HOLDFAST_LOGGING__LEVEL" or "--set logging.level".
	Source string `json:"source,omitempty"`
	// Pointer is the key as a JSON pointer: /apps/shop/port.
	Pointer string `json:"pointer,omitempty"`
	// Snippet is the text around the place, if there is one.
	Snippet *Snippet `json:"snippet,omitempty"`

	order int // of the source among the layers
}

// Snippet is the source text around a problem. Values of environment variables are starred out.
type Snippet struct {
	// FirstLine is the number of Lines[0]; the last line is the one the problem is in.
	FirstLine int      `json:"first_line"`
	Lines     []string `json:"lines"`
	// Width is how many characters are marked, beginning at the problem's column.
	Width int `json:"width"`
	// Offset is how many characters were cut from the beginning of each line, because they are long.
	Offset int `json:"offset,omitempty"`
}

// Problems are all problems of a configuration, in the order of the layers and of their lines.
type Problems []Problem

// Errors counts the problems that refuse the configuration.
func (p Problems) Errors() int { return p.count(Error) }

// Warnings counts the problems that do not.
func (p Problems) Warnings() int { return p.count(Warning) }

func (p Problems) count(s Severity) int {
	n := 0
	for _, problem := range p {
		if problem.Severity == s {
			n++
		}
	}
	return n
}

// Summary counts in words: "2 errors, 1 warning".
func (p Problems) Summary() string {
	var parts []string
	if n := p.Errors(); n > 0 {
		parts = append(parts, counted(n, "error"))
	}
	if n := p.Warnings(); n > 0 {
		parts = append(parts, counted(n, "warning"))
	}
	if len(parts) == 0 {
		return "no problems"
	}
	return strings.Join(parts, ", ")
}

// Err is nil without errors; otherwise it tells the first one and how many more there are.
func (p Problems) Err() error {
	i := slices.IndexFunc(p, func(problem Problem) bool { return problem.Severity == Error })
	if i < 0 {
		return nil
	}
	first := p[i]
	text := first.Message
	if place := first.Place(); place != "" {
		text = place + ": " + text
	}
	if first.Hint != "" {
		text += "; " + first.Hint
	}
	if more := p.Errors() - 1; more > 0 {
		text += " (and " + counted(more, "more error") + ")"
	}
	return fmt.Errorf("configuration: %s [%s]", text, first.Code)
}

// Place is file:line:column, the file alone, or what stands in for them.
func (p Problem) Place() string {
	switch {
	case p.File != "" && p.Line > 0:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	case p.File != "":
		return p.File
	default:
		return p.Source
	}
}

func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// sorted orders by layer and place and drops exact repetitions.
func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.order, b.order), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Source, b.Source), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(p, func(a, b Problem) bool {
		return a.Code == b.Code && a.Message == b.Message && a.Place() == b.Place()
	})
}
