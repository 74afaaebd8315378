package config

// Options say where a configuration is read from.
type Options struct {
	// File is the main file; conf.d beside it is read too.
	File string
	// Optional makes a missing main file the same as an empty configuration.
	Optional bool
	// Environ is the environment ("NAME=value"): its HOLDFAST_SECTION__KEY variables are a layer,
	// and ${env:NAME} looks here. Usually os.Environ().
	Environ []string
	// Set are the "key=value" texts of --set, the strongest layer.
	Set []string
}

// Load reads all layers. The Snapshot is nil when any of the problems is an Error.
func Load(opts Options) (*Snapshot, Problems) {
	_ = opts
	return nil, nil
}

// Parse is Load with data instead of the main file's content; name is what the problems call it.
// Paths and conf.d are relative to the folder of opts.File.
func Parse(name string, data []byte, opts Options) (*Snapshot, Problems) {
	_, _, _ = name, data, opts
	return nil, nil
}

// Check is Parse for whoever only wants the problems.
func Check(name string, data []byte, opts Options) Problems {
	_, problems := Parse(name, data, opts)
	return problems
}
