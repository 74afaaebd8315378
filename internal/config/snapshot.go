package config

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
}

// Explanation tells where a key's value comes from.
type Explanation struct {
	Key string `json:"key"`
	// Value is the effective one; environment variables of apps are masked, and texts made by
	// ${env:} or ${file:} are shown as they are written.
	Value any `json:"value"`
	// Source is the layer that wins: "default", file:line, "environment variable X" or "--set".
	Source string `json:"source"`
	// Layers are all layers that have the key, the weakest first; the last one wins.
	Layers []LayerValue `json:"layers"`
	// Children explain the keys below, for a key that is a section.
	Children []Explanation `json:"children,omitempty"`
}

// LayerValue is one layer's value of a key.
type LayerValue struct {
	Source string `json:"source"`
	Value  any    `json:"value"`
}

// Explain tells where the value of key ("apps.shop.instances", or a section such as "apps.shop")
// comes from; false when the configuration has no such key.
func (s *Snapshot) Explain(key string) (Explanation, bool) {
	_ = key
	return Explanation{}, false
}

// Redacted is the merged configuration as a tree for people to read: environment variables of apps
// are masked, and texts made by ${env:} or ${file:} are shown as they are written.
func (s *Snapshot) Redacted() map[string]any { return nil }
