package wxs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a source.
type Pos struct {
	File         string // as it was named to Load, or its path for an included file
	Line, Column int    // from 1; columns count characters
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Error is a mistake in a source.
type Error struct {
	Pos  Pos
	Text string // what is wrong
	Cure string // what to do about it; may be empty
}

func (e *Error) Error() string {
	if e.Cure == "" {
		return fmt.Sprintf("%s: %s", e.Pos, e.Text)
	}
	return fmt.Sprintf("%s: %s; %s", e.Pos, e.Text, e.Cure)
}

// Errors are all mistakes that were found, one a line.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Add notes one more mistake.
func (e *Errors) Add(at Pos, text, cure string) { *e = append(*e, &Error{at, text, cure}) }

// Err is the mistakes in the order of their places, each once; nil when there is none.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	sorted := slices.SortedFunc(slices.Values(e), func(a, b *Error) int {
		return cmp.Or(
			strings.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column),
			strings.Compare(a.Text, b.Text),
		)
	})
	return Errors(slices.CompactFunc(sorted, func(a, b *Error) bool { return *a == *b }))
}
