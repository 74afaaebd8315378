package config

// layer is what one source says: the values as a tree and the spot of each.
type layer struct {
	src   *source
	tree  map[string]any
	spots map[path]entry
	// written are the texts of values that ${env:} or ${file:} made: they are shown instead.
	written map[path]string
}
