package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Options say where a configuration is read from.
type Options struct {
	// File is the main file; conf.d beside it is read too. Without one there are only the other
	// layers.
	File string
	// Optional makes a missing main file the same as an empty configuration.
	Optional bool
	// Environ is the environment ("NAME=value"): its HOLDFAST_SECTION__KEY variables are a layer,
	// and ${env:NAME} looks here. Usually os.Environ().
	Environ []string
	// Set are the "key=value" texts of --set, a layer above the environment.
	Set []string
	// InstallDir is what ${install_dir} stands for: the folder of the Holdfast executable.
	InstallDir string
	// Beside says that the installation has another name than Holdfast and so may run beside the one
	// of that name: management.address, of which a machine has one, is off by default.
	Beside bool

	// PolicyKey is the registry key of Group Policy, the strongest layer, and InstalledKey that of
	// setup, which gives the default listener its address: both below HKEY_LOCAL_MACHINE, as
	// "SOFTWARE\Policies\Holdfast". Without a name a key is not read, and without a registry neither.
	PolicyKey, InstalledKey string
	// Registry has these keys; nil is the machine's own, which only Windows has.
	Registry Registry

	// Elsewhere, when set, says that the configuration is for another machine, and which system that
	// is (as runtime.GOOS). Paths are then those of that system; whether files, folders and programs
	// are there is not looked at, nor is the registry. Values with an ${env:}, ${file:} or
	// ${install_dir} that is not known here are left out, unchecked.
	Elsewhere string

	// Proposed are files of conf.d, by name, that are not there yet or are to be changed; nil stands for
	// a file that is to be removed.
	Proposed map[string][]byte

	// LoadForStart leaves these policies out, or all of them.
	ignored       map[string]bool
	withoutPolicy bool
}

// Load reads all layers. The Snapshot is nil when any of the problems is an Error.
func Load(opts Options) (*Snapshot, Problems) {
	l := newLoader(opts)
	if opts.File != "" {
		l.readMain()
	}
	return l.finish()
}

// Parse is Load with data instead of the main file's content; name is what the problems call it.
// Paths and conf.d are relative to the folder of opts.File; without it, paths are relative to the
// current folder and there is no conf.d.
func Parse(name string, data []byte, opts Options) (*Snapshot, Problems) {
	l := newLoader(opts)
	l.addFile(name, data, true)
	return l.finish()
}

// Check is Parse for whoever only wants the problems.
func Check(name string, data []byte, opts Options) Problems {
	_, problems := Parse(name, data, opts)
	return problems
}

// loader reads the layers of one Load, the weakest first.
type loader struct {
	collector
	opts  Options
	env   environment
	root  *shape
	dir   string // of the main file
	order int

	shapes map[reflect.Type]*shape    // of the defaults, each read once
	probes map[[2]bool]map[string]any // see probeDefaults
	// plain is what a route has by default, except for the special ones.
	plain   map[string]any
	special map[string]bool
	main    *layer
	layers  []*layer // without the defaults

	machine machine
	keys    registryKeys
	content registryContent
	policy  *layer         // one of layers, if any
	lower   map[string]any // the layers below policy
}

func newLoader(opts Options) *loader {
	l := &loader{
		opts: opts,
		env:  newEnvironment(opts.Environ),
		root: rootShape(),
		keys: opts.registryKeys(),

		machine: machineOf(opts.Elsewhere),
	}
	l.dir = l.folder(opts.File)
	l.prints = fingerprintsOf(l.files()) // before they are read, so that no change is missed
	if l.keys.registry != nil {
		l.content = l.keys.read()
	}
	return l
}

// finish reads what is stronger than the main file and puts the layers together.
func (l *loader) finish() (*Snapshot, Problems) {
	if l.opts.File != "" {
		l.readConfD()
	}
	l.readEnvironment()
	l.readSet()
	l.readPolicy()
	l.checkVersions()

	user := l.merged()
	below := []*layer{l.defaults(user)}
	layers := l.layers
	if l.keys.installed != "" && l.defaultListeners(user) {
		if installed := l.readInstalled(); installed != nil {
			below, layers = append(below, installed), append([]*layer{installed}, layers...)
		}
	}
	defaults := below[0].tree
	for _, layer := range below[1:] {
		defaults = joined(defaults, layer.tree)
	}
	m := l.newMerged(defaults, user)
	hash := make(chan string, 1) // beside the rest: it is a tenth of the time
	go func() { hash <- m.hash() }()
	cfg := l.decode(m)
	v := &validator{collector: &l.collector, cfg: cfg, layers: layers, env: l.env, machine: l.machine}
	given := user
	if l.policy != nil {
		given = m.tree() // Group Policy may change a part of the default listener
	}
	v.validate(l.root, given)

	problems, hashed := l.problems.sorted(), <-hash
	if problems.Errors() > 0 {
		return nil, problems
	}
	for _, layer := range l.layers {
		layer.src.lines = nil // only problems need the text
	}
	return &Snapshot{
		Config:   cfg,
		Files:    l.files(),
		Hash:     hashed,
		Warnings: problems,
		Policy:   l.policyKeys(),
		merged:   m,
		layers:   append(below, l.layers...),
		root:     l.root,
		prints:   l.prints,
		keys:     l.keys,
		content:  l.content.fingerprint(),
	}, problems
}

// merged is what the user says: the layers over each other. It is not changed.
func (l *loader) merged() map[string]any {
	if len(l.layers) == 1 {
		return l.layers[0].tree
	}
	return merge(l.layers...)
}

// merge puts layers over each other: maps merge by key, everything else replaces. Koanf would do the
// same, but goes through all that is there with every layer, so that 1000 files took seconds.
func merge(layers ...*layer) map[string]any {
	tree := map[string]any{}
	for i, layer := range layers {
		overlay(tree, layer.tree, i == len(layers)-1)
	}
	return tree
}

// overlay merges over into tree. It keeps maps of the last one only: nothing is laid over that.
func overlay(tree, over map[string]any, last bool) {
	for key, value := range over {
		sub, isMap := value.(map[string]any)
		if !isMap {
			tree[key] = value
			continue
		}
		into, ok := tree[key].(map[string]any)
		switch {
		case ok:
			overlay(into, sub, last)
		case last:
			tree[key] = sub
		default:
			tree[key] = copied(sub)
		}
	}
}

// joined is over laid over base, neither of which is changed. What only one of them has is shared.
func joined(base, over map[string]any) map[string]any {
	switch {
	case len(over) == 0:
		return base
	case len(base) == 0:
		return over
	}
	size := len(base)
	if size < 64 {
		size += len(over) // to make room later takes longer
	}
	out := make(map[string]any, size)
	maps.Copy(out, base)
	for key, value := range over {
		if sub, isMap := value.(map[string]any); isMap {
			if was, both := base[key].(map[string]any); both {
				value = joined(was, sub)
			}
		}
		out[key] = value
	}
	return out
}

// copied is tree in maps of its own.
func copied(tree map[string]any) map[string]any {
	own := maps.Clone(tree)
	for key, value := range tree {
		if sub, isMap := value.(map[string]any); isMap {
			own[key] = copied(sub)
		}
	}
	return own
}

// defect reports what the strict reader should have kept from happening.
func (l *loader) defect(err error) {
	src := l.newSource("")
	src.origin = "Holdfast"
	l.report(codeDefect, spot{src: src}, "", fmt.Sprintf("the checked configuration cannot be put together: %v", err), "this is a defect of Holdfast: please report it with this configuration")
}

func (l *loader) readMain() {
	data, err := ReadBounded(l.opts.File, maxFile)
	if errors.Is(err, fs.ErrNotExist) && l.opts.Optional {
		return
	}
	if err != nil {
		l.unreadable(l.opts.File, err)
		return
	}
	l.addFile(l.opts.File, data, true)
}

// readConfD reads the *.yaml files of conf.d in the order of their names.
func (l *loader) readConfD() {
	dir := filepath.Join(filepath.Dir(l.opts.File), "conf.d")
	names, err := yamlFiles(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.unreadable(dir, err)
		return
	}
	names = l.proposed(dir, names)
	if len(names) > maxConfD {
		src := l.newSource(dir)
		l.report(codeTooLarge, spot{src: src}, "", fmt.Sprintf("there are more than %d files in this folder", maxConfD), "put several apps into one file")
		l.broken, names = true, names[:maxConfD]
	}
	for _, name := range names {
		data, given := l.opts.Proposed[filepath.Base(name)]
		if !given {
			if data, err = ReadBounded(name, maxFile); err != nil {
				l.unreadable(name, err)
				continue
			}
		}
		l.addFile(name, data, false)
	}
}

// proposed are the names as they would be with Options.Proposed.
func (l *loader) proposed(dir string, names []string) []string {
	for base, data := range l.opts.Proposed {
		name := filepath.Join(dir, base)
		names = slices.DeleteFunc(names, func(there string) bool { return there == name })
		if data != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// yamlFiles are the configuration files in a folder, sorted; hidden ones are editors' leftovers.
func yamlFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (l *loader) newSource(name string) *source {
	l.order++
	return &source{name: name, order: l.order, dir: l.dir}
}

func (l *loader) newLayer(src *source) *layer {
	return &layer{src: src, tree: map[string]any{}, spots: &spots{}, written: map[path]string{}}
}

func (l *loader) reader(into *layer) *reader {
	return &reader{collector: &l.collector, env: l.env, machine: l.machine, install: l.opts.InstallDir, layer: into}
}

func (l *loader) unreadable(name string, err error) {
	l.broken = true
	code, hint := codeUnreadable, "check the path and that Holdfast's account may read it"
	cause := err
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		cause = pathError.Err
	}
	switch {
	case errors.Is(err, errTooLarge):
		code, hint = codeTooLarge, "a configuration file has at most 4 MiB; is it the right file?"
	case errors.Is(err, fs.ErrNotExist):
		hint = "check the path, or name another file with --config"
	case errors.Is(err, fs.ErrPermission):
		hint = "let Holdfast's account read it"
	}
	l.report(code, spot{src: l.newSource(name)}, "", fmt.Sprintf("%s cannot be read: %v", name, cause), hint)
}

// addFile reads one file as a layer.
func (l *loader) addFile(name string, data []byte, main bool) {
	src := l.newSource(name)
	if !main {
		src.dir = l.folder(name)
	}
	layer := l.newLayer(src)
	if main {
		l.main = layer
	}
	l.layers = append(l.layers, layer)
	if len(data) > maxFile {
		l.broken = true
		l.report(codeTooLarge, spot{src: src}, "", "a configuration file has at most 4 MiB", "is it the right file?")
		return
	}
	text := textOf(data)
	src.lines = splitLines(text)
	node, failed := parseYAML(text, src.lines)
	if failed != nil {
		l.broken = true
		starSuspects(src)
		l.report(failed.code, spot{src, failed.line, failed.column, failed.width}, "", failed.message, failed.hint)
		return
	}
	if node == nil {
		return
	}
	entries := entriesOf(node)
	layer.spots.list = make([]located, 0, entries+entries/6) // growing it takes longer; one text for a list is two entries
	r := l.reader(layer)
	before := len(l.problems)
	if v, ok := r.value(node, "", l.root, 0); ok {
		layer.tree, _ = v.(map[string]any)
	} else {
		l.broken = true
	}
	l.retake(before, src)
}

// entriesOf counts the entries below a node, those of aliases not.
func entriesOf(n *node) int {
	count := len(n.Content)
	if n.Kind == yaml.MappingNode {
		count /= 2
	}
	for _, sub := range n.Content {
		count += entriesOf(sub)
	}
	return count
}

// retake takes the snippets of the problems from an index on again, now that all secrets of their
// source are known.
func (l *loader) retake(from int, src *source) {
	for i := from; i < len(l.problems); i++ {
		p := &l.problems[i]
		if p.Snippet != nil && len(src.stars) > 0 {
			at := spot{src, p.Line, p.Column, p.Snippet.Width}
			p.Snippet = at.snippet()
		}
	}
}

// checkVersions wants the version in the main file, and no other one anywhere.
func (l *loader) checkVersions() {
	for _, layer := range l.layers {
		if version, ok := layer.tree["version"].(int64); ok && version != Version {
			e, _ := layer.spots.of("version")
			l.report(codeVersion, e.value, "version", fmt.Sprintf("version %d is not known", version),
				fmt.Sprintf("this Holdfast reads version %d", Version))
		}
	}
	if l.main == nil || l.broken && len(l.main.tree) == 0 || l.rejected["version"] {
		return
	}
	if _, ok := l.main.tree["version"]; !ok {
		hint := "begin the file with: version: 1"
		if filepath.Base(l.main.src.dir) == "conf.d" {
			hint = "files in conf.d are parts of a configuration: check the main file beside the folder"
		}
		l.report(codeVersion, spot{l.main.src, 1, 1, 1}, "version", "version is missing", hint)
	}
}

// files are what a change of may change the configuration.
func (l *loader) files() []string {
	if l.opts.File == "" {
		return l.included
	}
	files := []string{l.opts.File, filepath.Join(filepath.Dir(l.opts.File), "conf.d")}
	return append(files, l.included...)
}
