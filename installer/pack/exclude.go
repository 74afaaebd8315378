package pack

import (
	"fmt"
	"path"
	"strings"
)

// pattern is one --exclude or --allow: "*.map" is a name anywhere, "public/*.map" a path from the
// folder on. "*", "?" and "[a-z]" are those of path.Match, case does not matter, and a folder stands
// for all that is in it.
type pattern struct {
	text  string
	parts []string
}

func parsePatterns(option string, texts []string) ([]pattern, error) {
	var all []pattern
	for _, text := range texts {
		clean := strings.ToLower(strings.ReplaceAll(text, `\`, "/"))
		anchored := strings.Contains(strings.TrimSuffix(clean, "/"), "/")
		clean = strings.Trim(strings.TrimPrefix(clean, "./"), "/")
		p := pattern{text: text, parts: strings.Split(clean, "/")}
		for _, part := range p.parts {
			if _, err := path.Match(part, ""); err != nil || part == "" || part == "." || part == ".." || strings.Contains(part, "**") {
				return nil, fmt.Errorf("--%s %q: write a name (*.map), or a path from the folder on (public/*.map); * stands for anything within one name", option, text)
			}
		}
		if anchored && len(p.parts) == 1 { // "./name" and "/name" are the folder's own
			p.parts = append([]string{""}, p.parts...)
		}
		all = append(all, p)
	}
	return all, nil
}

// match tells whether the pattern means the file or folder itself; those above it were asked before.
func (p pattern) match(rel string) bool {
	parts := strings.Split(strings.ToLower(rel), "/")
	want := p.parts
	switch {
	case len(want) == 1:
		parts = parts[len(parts)-1:]
	case want[0] == "":
		want = want[1:]
	}
	if len(parts) != len(want) {
		return false
	}
	for i := range want {
		if ok, _ := path.Match(want[i], parts[i]); !ok {
			return false
		}
	}
	return true
}

// within tells whether the pattern means the file or a folder above it.
func (p pattern) within(rel string) bool {
	for at := rel; at != "."; at = path.Dir(at) {
		if p.match(at) {
			return true
		}
	}
	return false
}
