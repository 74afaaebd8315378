package pack

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// limits bound a folder.
type limits struct {
	files int   // also folders
	file  int64 // bytes of one file
	total int64 // bytes of all files
	tell  int   // problems before it gives up
}

// The package's own files come on top: File.Sequence and Media.LastSequence end at 32767 in the
// tables' two bytes, a cabinet's folder at 65535 blocks of 32 KiB, a file in it below 2 GiB
// (learn.microsoft.com/previous-versions/bb417343(v=msdn.10)).
func standard() limits {
	return limits{files: 32767 - 100, file: 2<<30 - 32<<10, total: 65535*32<<10 - 128<<20, tell: 20}
}

// File is one file of the folder.
type File struct {
	// Path is relative to the folder, with slashes.
	Path string
	// Source is where its bytes are.
	Source string
	Size   int64
	// Machine is what it was built for, if it is a program or a library.
	Machine Machine
}

// Tree is what a folder holds, checked for Windows.
type Tree struct {
	Files []File // in the order of their folded paths
	Size  int64
	// Excluded is what each pattern left out, in the order of the patterns.
	Excluded []Exclusion
	// Warnings are what may be wrong without hindering the package.
	Warnings []string

	folders map[string]bool   // folded
	byPath  map[string]string // folded to as it is written
}

// Exclusion is what one --exclude left out.
type Exclusion struct {
	Pattern string
	Files   int
	Size    int64
}

// FileError is why one file or folder cannot be in a package.
type FileError struct{ Path, Text, Cure string }

func (p *FileError) Error() string { return p.Path + ": " + p.Text + "; " + p.Cure }

// Find is the file with this path in any case and with either slash, or false.
func (t *Tree) Find(name string) (File, bool) {
	written, ok := t.byPath[fold(name)]
	if !ok {
		return File{}, false
	}
	i, ok := slices.BinarySearchFunc(t.Files, written, func(f File, name string) int { return byPath(f.Path, name) })
	if !ok {
		return File{}, false
	}
	return t.Files[i], true
}

// Folder tells whether there is a folder with this path; "" and "." are the whole.
func (t *Tree) Folder(name string) bool {
	name = fold(name)
	return name == "." || t.folders[name]
}

func fold(name string) string {
	return strings.ToLower(path.Clean(strings.ReplaceAll(name, `\`, "/")))
}

func byPath(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
}

// harvester walks one folder.
type harvester struct {
	root     *os.Root
	dir      string // absolute
	room     int    // for a relative path, in characters
	limits   limits
	exclude  []pattern
	allow    []pattern
	tree     *Tree
	problems []error
	seen     [2]map[string]string // spellings to the path as written
	entries  int
	suspects []string
	foreign  []string
	history  []string
	empty    map[string]bool // folders without a file so far
}

var errEnough = errors.New("enough")

// Harvest reads the folder dir for a product whose files will be below the folder target on Windows.
func Harvest(dir, target string, exclude, allow []string) (*Tree, error) {
	return harvest(dir, target, exclude, allow, standard())
}

func harvest(dir, target string, exclude, allow []string, l limits) (*Tree, error) {
	if dir == "" {
		return nil, errors.New("the program's folder is missing: name it")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	h := &harvester{dir: abs, room: maxPath - width(target) - 1, limits: l, empty: map[string]bool{}}
	h.tree = &Tree{folders: map[string]bool{}, byPath: map[string]string{}}
	h.seen = [2]map[string]string{{}, {}}
	if h.exclude, err = parsePatterns("exclude", exclude); err != nil {
		return nil, err
	}
	if h.allow, err = parsePatterns("allow", allow); err != nil {
		return nil, err
	}
	for _, p := range h.exclude {
		h.tree.Excluded = append(h.tree.Excluded, Exclusion{Pattern: p.text})
	}
	if strings.Contains(abs, "$(") || strings.Contains(abs, "!(") || !utf8.ValidString(abs) {
		return nil, fmt.Errorf("%q: the folder's own path cannot stand in the package's sources; rename it", abs)
	}
	if h.root, err = os.OpenRoot(abs); err != nil {
		return nil, fmt.Errorf("%s: the program's folder cannot be opened: %w", dir, cause(err))
	}
	defer h.root.Close() //nolint:errcheck // nothing was written

	if err := fs.WalkDir(h.root.FS(), ".", h.visit); err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("%s: %w", dir, cause(err))
	}
	if len(h.problems) > 0 {
		return nil, h.refusal(dir)
	}
	if len(h.tree.Files) == 0 {
		return nil, fmt.Errorf("%s: there is no file to pack", dir)
	}
	slices.SortFunc(h.tree.Files, func(a, b File) int { return byPath(a.Path, b.Path) })
	h.warn()
	return h.tree, nil
}

// visit sees each file and folder, those of a folder in the order of their names.
func (h *harvester) visit(rel string, d fs.DirEntry, err error) error {
	if err != nil {
		if rel == "." {
			return err
		}
		return h.problem(rel, fmt.Sprintf("it cannot be read: %v", cause(err)), "let yourself read it, or leave it out with --exclude")
	}
	if rel == "." {
		return nil
	}
	h.entries++
	if h.entries > 4*h.limits.files {
		return h.stop(rel, fmt.Sprintf("more than %d files and folders, the excluded ones included", 4*h.limits.files), "pack a folder with the program alone")
	}
	for i, p := range h.exclude {
		if p.match(rel) {
			h.leaveOut(rel, d, &h.tree.Excluded[i])
			h.filled(rel)
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
	}
	if text, cure := nameProblem(path.Base(rel)); text != "" {
		return h.skip(d, h.problem(rel, text, cure+", or leave it out with --exclude"))
	}
	for i, s := range spellings(rel) {
		if before, ok := h.seen[i][s]; ok {
			return h.skip(d, h.problem(rel, fmt.Sprintf("on Windows it is the same as %s", before), "rename one of the two, or leave it out with --exclude"))
		}
		h.seen[i][s] = rel
	}
	if len(h.seen[0]) > h.limits.files {
		return h.stop(rel, fmt.Sprintf("more than %d files and folders", h.limits.files), "leave out what the program does not need (--exclude node_modules/.cache), or put it into an archive that the program reads")
	}
	if d.IsDir() {
		h.folder(rel)
		return nil
	}
	return h.file(rel, d)
}

// skip goes past a folder whose name alone is wrong: one problem is enough.
func (h *harvester) skip(d fs.DirEntry, err error) error {
	if err == nil && d.IsDir() {
		return fs.SkipDir
	}
	return err
}

func (h *harvester) folder(rel string) {
	h.tree.folders[strings.ToLower(rel)] = true
	h.empty[rel] = true
	if history(path.Base(rel)) && !h.allowed(rel) {
		h.history = append(h.history, rel)
	}
}

func (h *harvester) file(rel string, d fs.DirEntry) error {
	info, err := h.root.Stat(rel) // follows links within the folder only
	switch link := d.Type()&fs.ModeSymlink != 0; {
	case link && errors.Is(err, fs.ErrNotExist):
		return h.problem(rel, "it is a link to nothing", "remove it, or leave it out with --exclude")
	case link && err != nil:
		return h.problem(rel, "it is a link that leaves the folder, or an absolute one", "put a copy in its place, or leave it out with --exclude")
	case link && info.IsDir():
		return h.problem(rel, "it is a link to a folder, which a package cannot hold", "put a copy in its place (npm install --install-links; pnpm --config.node-linker=hoisted), or leave it out with --exclude")
	case err != nil:
		return h.problem(rel, fmt.Sprintf("it cannot be read: %v", cause(err)), "let yourself read it, or leave it out with --exclude")
	case !info.Mode().IsRegular():
		return h.problem(rel, fmt.Sprintf("it is no ordinary file (%s)", info.Mode().Type()), "remove it, or leave it out with --exclude")
	case info.Size() > h.limits.file:
		return h.problem(rel, fmt.Sprintf("it has %s; a cabinet holds files below 2 GiB", Bytes(info.Size())), "let the program fetch it, or leave it out with --exclude")
	case width(strings.ReplaceAll(rel, "/", `\`)) > h.room:
		return h.problem(rel, fmt.Sprintf("its path would have more than %d characters on the machine", maxPath), "shorten its folders' names (npm dedupe makes them flat), or leave it out with --exclude")
	}
	head, err := h.head(rel)
	if err != nil {
		return h.problem(rel, fmt.Sprintf("it cannot be read: %v", cause(err)), "let yourself read it, or leave it out with --exclude")
	}
	f := File{Path: rel, Source: filepath.Join(h.dir, filepath.FromSlash(rel)), Size: info.Size(), Machine: machineOf(head)}
	h.tree.Files = append(h.tree.Files, f)
	h.tree.byPath[strings.ToLower(rel)] = rel
	h.tree.Size += f.Size
	if h.tree.Size > h.limits.total {
		return h.stop(rel, fmt.Sprintf("with it, the folder has more than %s, which is all that a cabinet holds", Bytes(h.limits.total)), "leave out what the program does not need with --exclude")
	}
	h.look(f, head)
	return nil
}

// look notes what is to be warned of.
func (h *harvester) look(f File, head []byte) {
	h.filled(f.Path)
	if h.allowed(f.Path) || slices.ContainsFunc(strings.Split(f.Path, "/"), history) {
		return
	}
	if what := suspect(f.Path, head); what != "" {
		h.suspects = append(h.suspects, f.Path+" ("+what+")")
	}
	if f.Machine == machineELF || f.Machine == machineMac {
		h.foreign = append(h.foreign, f.Path+" ("+string(f.Machine)+")")
	}
}

// filled notes that the folders of a file are not empty.
func (h *harvester) filled(rel string) {
	for at := path.Dir(rel); h.empty[at]; at = path.Dir(at) {
		delete(h.empty, at)
	}
}

func (h *harvester) allowed(rel string) bool {
	return slices.ContainsFunc(h.allow, func(p pattern) bool { return p.within(rel) })
}

func (h *harvester) head(rel string) ([]byte, error) {
	f, err := h.root.Open(rel)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return readHead(f)
}

// leaveOut counts what an exclusion leaves out; what cannot be read of it counts nothing.
func (h *harvester) leaveOut(rel string, d fs.DirEntry, e *Exclusion) {
	count := func(d fs.DirEntry) {
		if info, err := d.Info(); err == nil && !d.IsDir() {
			e.Files++
			e.Size += info.Size()
		}
	}
	if !d.IsDir() {
		count(d)
		return
	}
	_ = fs.WalkDir(h.root.FS(), rel, func(_ string, d fs.DirEntry, err error) error {
		if h.entries++; h.entries > 4*h.limits.files {
			return errEnough
		}
		if err == nil {
			count(d)
		}
		return nil
	})
}

// problem notes one; an error when there are enough of them.
func (h *harvester) problem(rel, text, cure string) error {
	h.problems = append(h.problems, &FileError{printable(rel), text, cure})
	if len(h.problems) >= h.limits.tell {
		return errEnough
	}
	return nil
}

// stop notes the problem after which nothing else matters.
func (h *harvester) stop(rel, text, cure string) error {
	h.problems = append(h.problems, &FileError{printable(rel), text, cure})
	return errEnough
}

func (h *harvester) refusal(dir string) error {
	all := errors.Join(h.problems...)
	if len(h.problems) >= h.limits.tell {
		return fmt.Errorf("%s cannot be packed:\n%w\n(and perhaps more)", dir, all)
	}
	return fmt.Errorf("%s cannot be packed:\n%w", dir, all)
}

// cause is an error without the path that the reader of the message knows already.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// printable is a path without characters that would change the terminal it is shown in.
func printable(s string) string {
	quoted := fmt.Sprintf("%q", s)
	if bare := quoted[1 : len(quoted)-1]; bare != s {
		return quoted
	}
	return s
}
