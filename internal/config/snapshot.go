package config

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"holdfast/internal/secret"
)

// Snapshot is a configuration without errors and where it came from. It never changes.
type Snapshot struct {
	// Config is shared: never modify it.
	Config *Config
	// Files are the files and folders whose change may change the configuration; some of them may
	// not exist (yet).
	Files []string
	// Hash identifies the effective configuration.
	Hash string
	// Warnings are the problems that did not refuse it.
	Warnings Problems
	// Policy are the keys that Group Policy sets, sorted.
	Policy []string

	merged *merged  // with secrets
	layers []*layer // the defaults first
	root   *shape
	prints fingerprints // of Files, when they were read
	// keys are those of the registry, and content is what stood there.
	keys    registryKeys
	content [sha256.Size]byte
}

// Format keeps the secrets of the tree out of every print.
func (s Snapshot) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "config.Snapshot(%.12s)", s.Hash)
}

// Explanation tells where a key's value comes from.
type Explanation struct {
	Key string `json:"key"`
	// Value is the effective one, nil when there is none. Environment variables of apps are
	// masked, and texts made by ${env:} or ${file:} are shown as they are written.
	Value any `json:"value"`
	// Source is the layer that wins: "default", "setup HKLM\SOFTWARE\Holdfast", file:line,
	// "environment variable X", "--set X", "Group Policy HKLM\SOFTWARE\Policies\Holdfast\X", or "not
	// set". A section has none: its keys may come from several layers.
	Source string `json:"source,omitempty"`
	// Layers are all layers that have the key, the weakest first; the last one wins.
	Layers []LayerValue `json:"layers,omitempty"`
	// Children explain the keys below, for a key that is a section.
	Children []Explanation `json:"children,omitempty"`
}

// LayerValue is one layer's value of a key.
type LayerValue struct {
	Source string `json:"source"`
	Value  any    `json:"value"`
}

// Explain tells where the value of key ("apps.shop.instances", or a section such as "apps.shop")
// comes from; the empty key is everything. It is false when the format or the configuration has no
// such key: Suggest then helps.
func (s *Snapshot) Explain(key string) (Explanation, bool) {
	at, shape, known := s.find(key)
	if !known {
		return Explanation{}, false
	}
	return s.explain(at, shape), true
}

// Suggest says what may have been meant by a key that Explain does not know.
func (s *Snapshot) Suggest(key string) string {
	at, shape, _ := s.find(key)
	rest := strings.TrimPrefix(strings.TrimPrefix(strings.ReplaceAll(strings.Trim(key, "./"), "/", "."), at.String()), ".")
	word, _, _ := strings.Cut(rest, ".")
	switch shape.kind {
	case kindStruct:
		return shape.unknownHint(word)
	case kindMap:
		value, _ := lookup(s.merged.tree(), at)
		entries, _ := value.(map[string]any)
		names := slices.Sorted(maps.Keys(entries))
		if better := closest(word, names); better != "" {
			return fmt.Sprintf("did you mean %q?", better)
		}
		if len(names) == 0 {
			return fmt.Sprintf("%s is empty", at)
		}
		return "there are: " + strings.Join(names[:min(len(names), 10)], ", ")
	case kindScalar, kindList:
	}
	return fmt.Sprintf("%s has no keys below it", at)
}

// find is the path and shape that a key names, as far as it is known.
func (s *Snapshot) find(key string) (path, *shape, bool) {
	at, shape := path(""), s.root
	key = strings.ReplaceAll(strings.Trim(key, "./"), "/", ".")
	if key == "" {
		return at, shape, true
	}
	for rest := strings.Split(key, "."); len(rest) > 0; {
		var name string
		name, rest = shape.step(rest, ".")
		next, known := shape.child(name)
		if known && shape.kind == kindMap {
			_, known = lookup(s.merged.tree(), at.key(name))
		}
		if !known {
			return at, shape, false
		}
		at, shape = at.key(name), next
	}
	return at, shape, true
}

func (s *Snapshot) explain(at path, shape *shape) Explanation {
	e := Explanation{Key: at.String()}
	value, set := lookup(s.merged.tree(), at)
	if entries, ok := value.(map[string]any); ok && len(entries) > 0 {
		e.Value = s.shown(at, shape, value)
		for _, name := range shape.sorted(entries) {
			child, _ := shape.child(name)
			e.Children = append(e.Children, s.explain(at.key(name), child))
		}
		return e
	}
	e.Source = "not set"
	for _, layer := range s.layers {
		own, ok := lookup(layer.tree, at)
		if !ok || !set {
			continue
		}
		label := layer.src.origin
		if e, ok := layer.spots.of(at); ok {
			label = e.value.label()
		}
		e.Layers = append(e.Layers, LayerValue{label, layer.shown(at, shape, own)})
		e.Source, e.Value = label, e.Layers[len(e.Layers)-1].Value
	}
	return e
}

// sorted are the keys of a section in the order of the type, or by name.
func (s *shape) sorted(entries map[string]any) []string {
	if s.kind != kindStruct {
		return slices.Sorted(maps.Keys(entries))
	}
	return slices.DeleteFunc(s.keys(), func(name string) bool { return entries[name] == nil })
}

// Redacted is the merged configuration as a tree for people to read: environment variables of apps
// are masked, and texts made by ${env:} or ${file:} are shown as they are written.
func (s *Snapshot) Redacted() map[string]any {
	tree, _ := s.shown("", s.root, s.merged.tree()).(map[string]any)
	return tree
}

// shown is a merged value as people may see it.
func (s *Snapshot) shown(at path, shape *shape, value any) any {
	entries, ok := value.(map[string]any)
	if !ok {
		for _, layer := range slices.Backward(s.layers) {
			if _, has := lookup(layer.tree, at); has {
				return layer.shown(at, shape, value)
			}
		}
		return value
	}
	out := make(map[string]any, len(entries))
	for name, entry := range entries {
		child, _ := shape.child(name)
		out[name] = s.shown(at.key(name), child, entry)
	}
	return out
}

// shown is a layer's value as people may see it.
func (l *layer) shown(at path, shape *shape, value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, entry := range v {
			child, _ := shape.child(name)
			out[name] = l.shown(at.key(name), child, entry)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, entry := range v {
			out[i] = l.shown(at.index(i), shape.elem, entry)
		}
		return out
	case string:
		if shape.secret() {
			return secret.Mask
		}
		if written, ok := l.written[at]; ok {
			return written
		}
		return v
	default:
		return v
	}
}
