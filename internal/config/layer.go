package config

import "errors"

// layer is what one source says: the values as a tree and the spot of each.
type layer struct {
	src   *source
	tree  map[string]any
	spots map[path]entry
	// written are the texts of values that ${env:} or ${file:} made: they are shown instead.
	written map[path]string
}

// Read implements koanf.Provider. Koanf merges into what it gets, so it gets its own maps; the
// values in them are never modified.
func (l *layer) Read() (map[string]any, error) { return clone(l.tree), nil }

// ReadBytes implements koanf.Provider.
func (l *layer) ReadBytes() ([]byte, error) { return nil, errors.ErrUnsupported }

func clone(tree map[string]any) map[string]any {
	out := make(map[string]any, len(tree))
	for key, value := range tree {
		if sub, ok := value.(map[string]any); ok {
			value = clone(sub)
		}
		out[key] = value
	}
	return out
}
