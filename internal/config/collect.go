package config

import "strings"

// collector gathers the problems of all layers.
type collector struct {
	problems Problems
	told     map[*source]int
	// rejected are the keys left out of the tree because of a problem, and the sections with an
	// unknown key: what only follows from that is not told as well.
	rejected map[path]bool
	// broken is set when a source could not be read at all: then names may seem to be missing.
	broken bool
	// included are the files of ${file:}.
	included []string
	prints   fingerprints
	// standins are the placeholders in values, by key.
	standins map[path][]standin
}

// report adds a problem at a spot. Those beyond the bound of their source are dropped.
func (c *collector) report(code string, at spot, key path, message, hint string) {
	if c.told == nil {
		c.told = map[*source]int{}
	}
	c.told[at.src]++
	if c.told[at.src] > maxProblems {
		return
	}
	message, hint = c.unresolved(key, message, hint)
	snippet := at.snippet()
	c.problems = append(c.problems, Problem{
		Code: code, Severity: severityOf(code), Message: brief(message), Hint: brief(hint),
		File: at.src.name, Line: at.line, Column: at.column, Source: at.src.origin,
		Pointer: key.pointer(), Snippet: snippet, order: at.src.order,
	})
}

// reject notes that key is not in the tree although it was written.
func (c *collector) reject(key path) {
	if c.rejected == nil {
		c.rejected = map[path]bool{}
	}
	c.rejected[key] = true
}

// anyRejected reports whether key or anything below it was rejected.
func (c *collector) anyRejected(key path) bool {
	switch {
	case len(c.rejected) == 0:
		return false
	case c.rejected[key]:
		return true
	}
	for at := range c.rejected {
		if strings.HasPrefix(string(at), string(key)+separator) {
			return true
		}
	}
	return false
}
