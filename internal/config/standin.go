package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// standin is a ${env:NAME} or ${file:PATH} and the text that it stands for. That may be a password,
// and problems are told to everybody: in the log, as events and by the loopback address.
type standin struct{ placeholder, text string }

// minHidden is the length from which a text is replaced wherever it occurs. A shorter one is replaced
// only where it is quoted as a whole, since it may be part of any word.
const minHidden = 4

// stand notes that a placeholder is part of the value at key.
func (c *collector) stand(key path, s standin) {
	if s.text == "" {
		return
	}
	if c.standins == nil {
		c.standins = map[path][]standin{}
	}
	c.standins[key] = append(c.standins[key], s)
}

// unresolved puts the placeholders back into what is told about key.
func (c *collector) unresolved(key path, message, hint string) (string, string) {
	for _, at := range slices.Sorted(maps.Keys(c.standins)) {
		if at != key && !strings.HasPrefix(string(at), string(key)+separator) && !strings.HasPrefix(string(key), string(at)+separator) {
			continue
		}
		for _, s := range c.standins[at] {
			before := message
			message, hint = s.putBack(message), s.putBack(hint)
			if note := "what " + s.placeholder + " stands for is not shown"; message != before && !strings.Contains(hint, note) {
				hint = strings.TrimPrefix(hint+"; "+note, "; ")
			}
		}
	}
	return message, hint
}

func (s standin) putBack(told string) string {
	quoted := strconv.Quote(s.text)
	told = strings.ReplaceAll(told, quoted, `"`+s.placeholder+`"`)
	if len(s.text) < minHidden {
		return told
	}
	for _, form := range []string{s.text, quoted[1 : len(quoted)-1], strings.TrimSpace(s.text)} {
		if len(form) >= minHidden {
			told = strings.ReplaceAll(told, form, s.placeholder)
		}
	}
	return told
}
