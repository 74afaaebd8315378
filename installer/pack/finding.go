package pack

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ConfigError is one thing in the configuration that will not work, or may not, on the machine.
type ConfigError struct {
	File         string
	Line, Column int
	Text, Cure   string
}

func (f *ConfigError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s; %s", f.File, f.Line, f.Column, f.Text, f.Cure)
}

// findings gathers them; errors refuse the configuration, warnings do not.
type findings struct {
	file     string
	errors   []error
	warnings []string
}

func (f *findings) refuse(at *yaml.Node, text, cure string) {
	f.errors = append(f.errors, &ConfigError{f.file, at.Line, at.Column, text, cure})
}

func (f *findings) warn(at *yaml.Node, text, cure string) {
	f.warnings = append(f.warnings, (&ConfigError{f.file, at.Line, at.Column, text, cure}).Error())
}

func (f *findings) err() error { return errors.Join(f.errors...) }

// child is the value of a key of a mapping, also through aliases and merges; nil when there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	n = deref(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var merged *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch name, value := n.Content[i], n.Content[i+1]; {
		case name.Value == key:
			return deref(value)
		case name.Value == "<<" && merged == nil:
			for _, from := range entries(value) {
				if merged = child(from, key); merged != nil {
					break
				}
			}
		}
	}
	return merged
}

// entries are those of a list, or the value alone.
func entries(n *yaml.Node) []*yaml.Node {
	n = deref(n)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	all := make([]*yaml.Node, len(n.Content))
	for i, e := range n.Content {
		all[i] = deref(e)
	}
	return all
}

// names are the keys of a mapping, those that are merged into it too.
func names(n *yaml.Node) []string {
	n = deref(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var all []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "<<" {
			for _, from := range entries(n.Content[i+1]) {
				all = append(all, names(from)...)
			}
			continue
		}
		all = append(all, n.Content[i].Value)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// scalar is a single value; false when there is none.
func scalar(n *yaml.Node) (string, bool) {
	n = deref(n)
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return "", false
	}
	return n.Value, true
}

func deref(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// place is what a path in the configuration means on the machine.
type place int

const (
	placeApp      place = iota // in the packed folder; rel says where
	placeInstall               // beside it, where Holdfast itself is
	placeOutside               // a whole path of the machine
	placeName                  // a bare name, looked up in PATH
	placeRelative              // relative to the folder of the configuration
	placeForeign               // a path of another system
	placeUnknown               // only the machine will know
)

// installDir is the placeholder for the folder of the installed executable.
const installDir = "${install_dir}"

// placeOf tells where a path leads; rel is below the packed folder, with slashes, "." for itself.
func placeOf(text string) (where place, rel string) {
	if rest, ok := strings.CutPrefix(text, installDir); ok {
		return withinInstall(rest)
	}
	slashed := strings.ReplaceAll(text, `\`, "/")
	switch {
	case strings.HasPrefix(text, "${"):
		return placeUnknown, ""
	case len(text) > 2 && text[1] == ':' && slashed[2] == '/', strings.HasPrefix(slashed, "//"):
		return placeOutside, ""
	case strings.HasPrefix(text, "/"):
		return placeForeign, ""
	case strings.Contains(slashed, "/"), len(text) > 1 && text[1] == ':':
		return placeRelative, ""
	default:
		return placeName, ""
	}
}

// withinInstall is placeOf for what follows the placeholder.
func withinInstall(rest string) (where place, rel string) {
	var parts []string
	for part := range strings.SplitSeq(strings.ReplaceAll(rest, `\`, "/"), "/") {
		switch part {
		case "", ".":
		case "..":
			if len(parts) == 0 {
				return placeOutside, ""
			}
			parts = parts[:len(parts)-1]
		default:
			parts = append(parts, part)
		}
	}
	switch {
	case rest != "" && !strings.HasPrefix(rest, `\`) && !strings.HasPrefix(rest, "/"):
		return placeInstall, rest // a separator is missing
	case len(parts) == 0 || !strings.EqualFold(parts[0], "app"):
		return placeInstall, strings.Join(parts, "/")
	case len(parts) == 1:
		return placeApp, "."
	default:
		return placeApp, strings.Join(parts[1:], "/")
	}
}

// below is a path of the packed folder as the configuration writes it.
func below(rel string) string {
	if rel == "." || rel == "" {
		return `'` + installDir + `\app'`
	}
	return `'` + installDir + `\app\` + strings.ReplaceAll(rel, "/", `\`) + `'`
}
